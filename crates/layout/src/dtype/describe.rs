use std::collections::HashSet;

use super::{ByteOrder, DType, Field, Kind, Scalar, Struct, SubArray, structure::MAX_ITEMSIZE};
use crate::{LayoutError, literal::Literal};

impl Scalar {
    fn numpy_str(self) -> String {
        let order = match self.byte_order() {
            None => '|',
            Some(ByteOrder::Little) => '<',
            Some(ByteOrder::Big) => '>',
        };
        let letter = self.kind().letter();
        match self.kind() {
            Kind::Datetime(unit) | Kind::Timedelta(unit) => format!("{order}{letter}8{unit}"),
            Kind::Unicode(n) => format!("{order}U{n}"),
            kind => format!("{order}{letter}{}", kind.itemsize()),
        }
    }
}

impl DType {
    /// NumPy's `dtype.str`: `'<f4'`, `'|S5'`, `'<M8[ns]'`; `'|V12'` for anything that has parts.
    #[must_use]
    pub fn numpy_str(&self) -> String {
        match self {
            DType::Scalar(scalar) => scalar.numpy_str(),
            other => format!("|V{}", other.itemsize()),
        }
    }

    /// What stands in a `.npy` header: `dtype.str` for scalars, the `descr` list for records, where bytes
    /// between fields are fields of the name `''`.
    ///
    /// # Errors
    /// Fields that overlap or are out of order, as in NumPy.
    pub fn descr(&self) -> Result<Literal, LayoutError> {
        match self {
            DType::Scalar(scalar) => Ok(Literal::Str(scalar.numpy_str())),
            DType::Struct(structure) => descr_of_struct(structure).map(Literal::List),
            DType::SubArray(array) => {
                Ok(Literal::Tuple(vec![array.base().descr()?, shape_literal(array.shape())]))
            }
        }
    }

    /// The text of [`DType::descr`]: plain for scalars, a list for records; the names only where fields
    /// overlap.
    pub(super) fn descr_repr(&self) -> String {
        match (self, self.descr()) {
            (DType::Scalar(scalar), _) => scalar.numpy_str(),
            (_, Ok(literal)) => literal.to_string(),
            (_, Err(_)) => {
                let fields =
                    self.fields().iter().map(|f| format!("{}: {} at {}", f.name(), f.dtype(), f.offset()));
                format!("{{{}, itemsize: {}}}", fields.collect::<Vec<_>>().join(", "), self.itemsize())
            }
        }
    }

    /// Reads a `descr`: the inverse of [`DType::descr`].
    ///
    /// # Errors
    /// What is not a dtype, with the part that is wrong; Python objects.
    pub fn from_descr(descr: &Literal) -> Result<Self, LayoutError> {
        match descr {
            Literal::Str(text) => super::parse::parse(text),
            Literal::Tuple(items) => match items.as_slice() {
                [base, shape] => with_shape(DType::from_descr(base)?, shape, descr),
                _ => Err(wrong(descr, "a tuple here is (dtype, shape)")),
            },
            Literal::List(items) => struct_from_descr(items),
            Literal::Dict(_) => struct_from_dict(descr),
            _ => Err(wrong(descr, "neither a text nor a list of fields")),
        }
    }
}

fn wrong(what: &Literal, reason: &str) -> LayoutError {
    let mut text = what.to_string();
    if text.chars().count() > 120 {
        text = text.chars().take(117).chain("...".chars()).collect();
    }
    LayoutError::DType { text, reason: reason.to_owned() }
}

fn shape_literal(shape: &[usize]) -> Literal {
    Literal::Tuple(shape.iter().map(|&n| Literal::Int(n as i128)).collect())
}

fn descr_of_struct(structure: &Struct) -> Result<Vec<Literal>, LayoutError> {
    let pad =
        |bytes: usize| Literal::Tuple(vec![Literal::Str(String::new()), Literal::Str(format!("|V{bytes}"))]);
    let (mut out, mut end) = (Vec::new(), 0);
    for field in structure.fields() {
        if field.offset() < end {
            return Err(LayoutError::DType {
                text: format!("field '{}'", field.name()),
                reason: "overlapping or out-of-order fields have no descr".to_owned(),
            });
        }
        if field.offset() > end {
            out.push(pad(field.offset() - end));
        }
        let name = Literal::Str(field.name().to_owned());
        let name = match field.title() {
            Some(title) => Literal::Tuple(vec![Literal::Str(title.to_owned()), name]),
            None => name,
        };
        out.push(Literal::Tuple(match field.dtype() {
            DType::SubArray(array) => vec![name, array.base().descr()?, shape_literal(array.shape())],
            dtype => vec![name, dtype.descr()?],
        }));
        end = field.offset() + field.dtype().itemsize();
    }
    if structure.itemsize() > end {
        out.push(pad(structure.itemsize() - end));
    }
    Ok(out)
}

fn with_shape(base: DType, shape: &Literal, whole: &Literal) -> Result<DType, LayoutError> {
    let extents = match shape {
        Literal::Int(_) => std::slice::from_ref(shape),
        Literal::Tuple(items) | Literal::List(items) => items.as_slice(),
        _ => return Err(wrong(whole, "the shape is not a tuple of whole numbers")),
    };
    let extents: Option<Vec<usize>> = extents
        .iter()
        .map(|extent| match extent {
            Literal::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        })
        .collect();
    let extents = extents.ok_or_else(|| wrong(whole, "the shape is not a tuple of whole numbers"))?;
    // NumPy takes `(dtype, ())` as the dtype itself.
    if extents.is_empty() {
        return Ok(base);
    }
    Ok(DType::SubArray(SubArray::new(base, extents)?.into()))
}

fn struct_from_descr(items: &[Literal]) -> Result<DType, LayoutError> {
    let (mut fields, mut end, mut names) = (Vec::new(), 0_usize, HashSet::new());
    for (i, item) in items.iter().enumerate() {
        let (name, dtype) = match item.as_tuple() {
            Some([name, dtype]) => (name, DType::from_descr(dtype)?),
            Some([name, dtype, shape]) => (name, with_shape(DType::from_descr(dtype)?, shape, item)?),
            _ => return Err(wrong(item, "a field is (name, dtype) or (name, dtype, shape)")),
        };
        let offset = end;
        end = end.saturating_add(dtype.itemsize());
        if end > MAX_ITEMSIZE {
            return Err(wrong(item, "the item is larger than 2 GiB"));
        }
        let (title, name) = match name {
            Literal::Str(name) => (None, name.as_str()),
            Literal::Tuple(pair) => match pair.as_slice() {
                [Literal::Str(title), Literal::Str(name)] => (Some(title), name.as_str()),
                _ => return Err(wrong(item, "a name is a text or (title, name)")),
            },
            _ => return Err(wrong(item, "a name is a text or (title, name)")),
        };
        if name.is_empty() && title.is_none() && matches!(dtype.kind(), Some(Kind::Void(_))) {
            continue;
        }
        // A field without a name is called by its place, as in NumPy.
        let name = if name.is_empty() { format!("f{i}") } else { name.to_owned() };
        if !names.insert(name.clone()) {
            return Err(wrong(item, "the name occurs twice"));
        }
        let field = Field::new(name, dtype, offset);
        fields.push(match title {
            Some(title) => field.with_title(title.clone()),
            None => field,
        });
    }
    Ok(Struct::new(fields, end)?.into())
}

/// `{'names': [...], 'formats': [...], 'offsets': [...], 'titles': [...], 'itemsize': n}`, as NumPy prints
/// dtypes with holes.
fn struct_from_dict(dict: &Literal) -> Result<DType, LayoutError> {
    let list = |key: &str| match dict.get(key) {
        Some(Literal::List(items) | Literal::Tuple(items)) => Ok(Some(items.as_slice())),
        None => Ok(None),
        Some(_) => Err(wrong(dict, &format!("'{key}' is not a list"))),
    };
    let (Some(names), Some(formats)) = (list("names")?, list("formats")?) else {
        return Err(wrong(dict, "a dictionary has 'names' and 'formats'"));
    };
    let (offsets, titles) = (list("offsets")?, list("titles")?);
    if formats.len() != names.len() || [offsets, titles].iter().flatten().any(|l| l.len() != names.len()) {
        return Err(wrong(dict, "its lists are not of one length"));
    }
    let size = |value: &Literal| match value {
        Literal::Int(n) => usize::try_from(*n).ok().filter(|n| *n <= MAX_ITEMSIZE),
        _ => None,
    };
    let (mut fields, mut end) = (Vec::new(), 0_usize);
    for (i, (name, format)) in names.iter().zip(formats).enumerate() {
        let dtype = DType::from_descr(format)?;
        let offset = match offsets {
            Some(offsets) => size(&offsets[i]).ok_or_else(|| wrong(dict, "an offset is not a size"))?,
            None => end,
        };
        let name = name.as_str().ok_or_else(|| wrong(dict, "a name is not a text"))?;
        end = end.max(offset + dtype.itemsize());
        let field = Field::new(name, dtype, offset);
        fields.push(match titles.and_then(|t| t[i].as_str()) {
            Some(title) => field.with_title(title),
            None => field,
        });
    }
    let itemsize = match dict.get("itemsize") {
        Some(value) => size(value).ok_or_else(|| wrong(dict, "'itemsize' is not a size"))?,
        None => end,
    };
    Ok(Struct::new(fields, itemsize)?.into())
}
