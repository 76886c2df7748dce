//! Dtypes as JSON: text for a scalar, a list of fields for a record.
//!
//! `"<f4"`, `[["x", "<f8"], ["y", ">i4", [2, 3]], [["Title", "z"], "|u1"], ["", "|V7"]]`, and
//! `["<f4", [2, 3]]` for a sub-array: NumPy's `descr` with lists for tuples. A record whose fields overlap,
//! which has no `descr`, is an object with the lists `names`, `formats` and `offsets` and with `itemsize`.

use ndfolio_layout::{DType, Struct, literal::Literal};
use serde_json::{Map, Value, json};

use crate::{FormatError, error::shortened};

/// How deep dtypes may nest in JSON: deeper than they can in a header.
const MAX_DEPTH: usize = 64;

/// A dtype as JSON.
#[must_use]
pub fn from_dtype(dtype: &DType) -> Value {
    match (dtype, dtype.descr()) {
        (_, Ok(descr)) => from_literal(&descr),
        (DType::SubArray(array), Err(_)) => json!([from_dtype(array.base()), array.shape()]),
        (DType::Struct(structure), Err(_)) => from_overlapping(structure),
        (DType::Scalar(scalar), Err(_)) => Value::String(DType::Scalar(*scalar).numpy_str()),
    }
}

fn from_literal(literal: &Literal) -> Value {
    match literal {
        Literal::Int(n) => i64::try_from(*n).map_or(Value::Null, Value::from),
        Literal::Str(text) => Value::String(text.clone()),
        Literal::Tuple(items) | Literal::List(items) => items.iter().map(from_literal).collect(),
        // A descr has none of these.
        Literal::None | Literal::Bool(_) | Literal::Dict(_) => Value::Null,
    }
}

fn from_overlapping(structure: &Struct) -> Value {
    let fields = structure.fields();
    let mut out = Map::new();
    out.insert("names".to_owned(), fields.iter().map(|field| field.name()).collect());
    out.insert("formats".to_owned(), fields.iter().map(|field| from_dtype(field.dtype())).collect());
    out.insert("offsets".to_owned(), fields.iter().map(|field| field.offset()).collect());
    if fields.iter().any(|field| field.title().is_some()) {
        out.insert("titles".to_owned(), fields.iter().map(|field| json!(field.title())).collect());
    }
    out.insert("itemsize".to_owned(), structure.itemsize().into());
    Value::Object(out)
}

/// A dtype from JSON: the inverse of [`from_dtype`]. Text may be anything that NumPy's `dtype` reads.
///
/// # Errors
/// What is not a dtype, or nests too deep.
pub fn to_dtype(value: &Value) -> Result<DType, FormatError> {
    Ok(DType::from_descr(&to_literal(value, 0)?)?)
}

/// JSON from text.
///
/// # Errors
/// [`FormatError::Json`]: what is none.
pub fn parse(text: &str) -> Result<Value, FormatError> {
    serde_json::from_str(text).map_err(|error| FormatError::Json { reason: error.to_string() })
}

fn to_literal(value: &Value, depth: usize) -> Result<Literal, FormatError> {
    if depth > MAX_DEPTH {
        return Err(FormatError::Json { reason: format!("nested deeper than {MAX_DEPTH}") });
    }
    match value {
        Value::String(text) => Ok(Literal::Str(text.clone())),
        Value::Array(items) => match items.as_slice() {
            [base, Value::Array(shape)] if shape.iter().all(Value::is_number) => {
                Ok(Literal::Tuple(vec![to_literal(base, depth + 1)?, numbers(shape)?]))
            }
            fields => {
                let fields: Result<_, _> = fields.iter().map(|field| to_field(field, depth + 1)).collect();
                Ok(Literal::List(fields?))
            }
        },
        Value::Object(parts) => to_dict(parts, depth + 1),
        other => Err(wrong(other, "it is neither text nor a list of fields")),
    }
}

fn to_field(field: &Value, depth: usize) -> Result<Literal, FormatError> {
    let Some([name, dtype, shape @ ..]) = field.as_array().map(Vec::as_slice) else {
        return Err(wrong(field, "a field is [name, dtype] or [name, dtype, shape]"));
    };
    let mut out = vec![to_name(name)?, to_literal(dtype, depth)?];
    match shape {
        [] => {}
        [Value::Array(shape)] => out.push(numbers(shape)?),
        [n @ Value::Number(_)] => out.push(number(n)?),
        _ => return Err(wrong(field, "a field is [name, dtype] or [name, dtype, shape]")),
    }
    Ok(Literal::Tuple(out))
}

fn to_name(name: &Value) -> Result<Literal, FormatError> {
    let text = |value: &Value| value.as_str().map(|text| Literal::Str(text.to_owned()));
    let pair = |pair: &Vec<Value>| match pair.as_slice() {
        [title, name] => Some(Literal::Tuple(vec![text(title)?, text(name)?])),
        _ => None,
    };
    text(name)
        .or_else(|| name.as_array().and_then(pair))
        .ok_or_else(|| wrong(name, "a name is text or [title, name]"))
}

fn to_dict(parts: &Map<String, Value>, depth: usize) -> Result<Literal, FormatError> {
    let mut out = Vec::new();
    for (key, value) in parts {
        let list = || value.as_array().ok_or_else(|| wrong(value, "it is not a list"));
        let optional = |text: &Value| text.as_str().map_or(Literal::None, |t| Literal::Str(t.to_owned()));
        let literal = match key.as_str() {
            "names" => Literal::List(list()?.iter().map(to_name).collect::<Result<_, _>>()?),
            "formats" => {
                Literal::List(list()?.iter().map(|f| to_literal(f, depth)).collect::<Result<_, _>>()?)
            }
            "offsets" => Literal::List(list()?.iter().map(number).collect::<Result<_, _>>()?),
            "titles" => Literal::List(list()?.iter().map(optional).collect()),
            "itemsize" => number(value)?,
            _ => return Err(wrong(&Value::String(key.clone()), "there is no such key")),
        };
        out.push((Literal::Str(key.clone()), literal));
    }
    Ok(Literal::Dict(out))
}

fn numbers(values: &[Value]) -> Result<Literal, FormatError> {
    values.iter().map(number).collect::<Result<_, _>>().map(Literal::Tuple)
}

fn number(value: &Value) -> Result<Literal, FormatError> {
    value.as_u64().map(|n| Literal::Int(n.into())).ok_or_else(|| wrong(value, "it is not a whole number"))
}

fn wrong(value: &Value, reason: &str) -> FormatError {
    FormatError::Json { reason: format!("{}: {reason}", shortened(&value.to_string(), 80)) }
}
