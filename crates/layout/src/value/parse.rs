//! Values from what a person types.

use num_complex::Complex;

use super::{Value, calendar};
use crate::{DType, Kind, LayoutError};

impl Value {
    /// Reads one value of a dtype from text: `1`, `-2.5`, `nan`, `1+2j`, `true`, text as it is,
    /// `2020-01-31`, `NaT`, `0x00ff` for void, `(1, 2.5, abc)` for records.
    ///
    /// # Errors
    /// [`LayoutError::Value`] if it is not one or the dtype cannot hold it.
    pub fn parse(text: &str, dtype: &DType) -> Result<Value, LayoutError> {
        let value = match dtype {
            DType::Scalar(scalar) => {
                parse_scalar(text.trim(), text, scalar.kind()).ok_or_else(|| misfit(text, dtype))?
            }
            DType::Struct(structure) => {
                let inner = text.trim().strip_prefix('(').and_then(|t| t.strip_suffix(')'));
                let parts = split(inner.ok_or_else(|| misfit(text, dtype))?);
                if parts.len() != structure.fields().len() {
                    return Err(misfit(text, dtype));
                }
                let fields = structure.fields().iter().zip(parts);
                Value::Record(
                    fields
                        .map(|(field, part)| {
                            Ok((field.name().to_owned(), Value::parse(unquoted(part), field.dtype())?))
                        })
                        .collect::<Result<_, LayoutError>>()?,
                )
            }
            DType::SubArray(array) => {
                let (shape, items) = Value::parse_array(text, array.base())?;
                Value::Array(shape, items)
            }
        };
        // Whether the dtype holds it is known once it is encoded.
        value.encode(dtype, &mut vec![0; dtype.itemsize()])?;
        Ok(value)
    }

    /// Reads a value or a nested list `[[1, 2], [3, 4]]` of values: the shape and the items in C order.
    ///
    /// # Errors
    /// As [`Value::parse`]; lists of unequal lengths.
    pub fn parse_array(text: &str, dtype: &DType) -> Result<(Vec<usize>, Vec<Value>), LayoutError> {
        let mut items = Vec::new();
        let shape = parse_nested(text.trim(), dtype, &mut items, 0)?;
        Ok((shape, items))
    }
}

fn misfit(text: &str, dtype: &DType) -> LayoutError {
    let what = match dtype {
        DType::Scalar(scalar) => match scalar.kind().letter() {
            'b' => "expected true or false",
            'i' | 'u' => "expected a whole number",
            'f' => "expected a number, inf or nan",
            'c' => "expected a number such as 1.5 or 1+2j",
            'M' => {
                "expected a date or time such as 2020-01-31T12:00 that the unit can express exactly, or NaT"
            }
            'm' => "expected a whole number of the unit, or NaT",
            'V' => "expected its bytes in hexadecimal, as 0x00ff",
            _ => "expected text",
        },
        DType::Struct(_) => "expected the fields in brackets, as (1, 2.5, abc)",
        DType::SubArray(_) => "expected a list",
    };
    LayoutError::Value { value: text.to_owned(), dtype: dtype.to_string(), reason: what.to_owned() }
}

fn parse_scalar(text: &str, whole: &str, kind: Kind) -> Option<Value> {
    match kind.letter() {
        'b' => match text {
            "true" | "True" | "1" => Some(Value::Bool(true)),
            "false" | "False" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        'i' | 'u' => {
            let signed = text.parse().map(Value::Int).ok();
            let unsigned = || text.parse().map(Value::UInt).ok();
            signed.or_else(unsigned).or_else(|| text.parse().map(Value::Float64).ok())
        }
        // Parsed in its own width: through a double it would be rounded twice.
        'f' if kind == Kind::Float32 => text.parse().map(Value::Float32).ok(),
        'f' => text.parse().map(Value::Float64).ok(),
        'c' => parse_complex(text).map(Value::Complex128),
        'S' => Some(Value::Bytes(whole.as_bytes().to_vec())),
        'U' => Some(Value::Str(whole.to_owned())),
        'V' => parse_hex(text.strip_prefix("0x")?).map(Value::Void),
        _ => match kind {
            Kind::Datetime(unit) => calendar::parse(text, unit).map(|count| Value::Datetime(count, unit)),
            Kind::Timedelta(unit) if text == "NaT" => Some(Value::Timedelta(super::NAT, unit)),
            Kind::Timedelta(unit) => text.parse().ok().map(|count| Value::Timedelta(count, unit)),
            _ => None,
        },
    }
}

fn parse_complex(text: &str) -> Option<Complex<f64>> {
    let text = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let Some(body) = text.strip_suffix(['j', 'J']) else {
        return text.parse().ok().map(|re| Complex::new(re, 0.0));
    };
    let bytes = body.as_bytes();
    let split = (1..bytes.len())
        .rev()
        .find(|&i| matches!(bytes[i], b'+' | b'-') && !matches!(bytes[i - 1], b'e' | b'E'));
    let imaginary = |text: &str| match text {
        "" | "+" => Some(1.0),
        "-" => Some(-1.0),
        digits => digits.parse().ok(),
    };
    match split {
        Some(at) => Some(Complex::new(body[..at].parse().ok()?, imaginary(&body[at..])?)),
        None => Some(Complex::new(0.0, imaginary(body)?)),
    }
}

fn parse_hex(digits: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let good = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| digits.as_bytes().chunks_exact(2).map(pair).collect()).flatten()
}

fn unquoted(part: &str) -> &str {
    let part = part.trim();
    let quoted = |q: char| part.strip_prefix(q).and_then(|rest| rest.strip_suffix(q));
    quoted('\'').or_else(|| quoted('"')).unwrap_or(part)
}

/// The parts between commas that are in no brackets and no quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut quote, mut start) = (Vec::new(), 0_i32, None, 0);
    for (i, c) in text.char_indices() {
        match (c, quote) {
            (c, Some(q)) => quote = (c != q).then_some(q),
            ('\'' | '"', None) => quote = Some(c),
            ('(' | '[', None) => depth += 1,
            (')' | ']', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

fn parse_nested(
    text: &str,
    dtype: &DType,
    items: &mut Vec<Value>,
    depth: usize,
) -> Result<Vec<usize>, LayoutError> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let Some(inner) = inner.filter(|_| depth < crate::MAX_NDIM) else {
        items.push(Value::parse(if depth > 0 { unquoted(text) } else { text }, dtype)?);
        return Ok(Vec::new());
    };
    let parts = split(inner);
    let mut common: Option<Vec<usize>> = None;
    for part in &parts {
        let shape = parse_nested(part.trim(), dtype, items, depth + 1)?;
        if common.as_ref().is_some_and(|known| *known != shape) {
            return Err(LayoutError::Value {
                value: text.to_owned(),
                dtype: dtype.to_string(),
                reason: "its lists are not of one length".to_owned(),
            });
        }
        common = Some(shape);
    }
    Ok([parts.len()].into_iter().chain(common.unwrap_or_default()).collect())
}
