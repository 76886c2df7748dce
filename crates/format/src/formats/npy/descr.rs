//! What may stand for a dtype in a header.
//!
//! NumPy reads more than it writes, and other readers read yet other things: text with shapes and commas, a
//! number for a shape, fields without a name. Where two readers could find different dtypes, none is read.

use ndfolio_layout::literal::Literal;

/// What is expected, for a message.
pub(super) const EXPECTED: &str =
    "a dtype as NumPy writes it, such as '<f4' or [('x', '<f8'), ('y', '<i4', (3,))]";

/// Whether every reader finds the same dtype; else the part at which they differ.
pub(super) fn check(descr: &Literal) -> Result<(), &Literal> {
    match descr {
        Literal::Str(text) if is_scalar(text) => Ok(()),
        Literal::Tuple(parts) => match parts.as_slice() {
            [base, shape] if is_shape(shape) => check(base),
            _ => Err(descr),
        },
        Literal::List(fields) => fields.iter().try_for_each(check_field),
        _ => Err(descr),
    }
}

fn check_field(field: &Literal) -> Result<(), &Literal> {
    match field.as_tuple() {
        Some([name, dtype]) if is_name(name) || is_padding(name, dtype) => check(dtype),
        Some([name, dtype, shape]) if is_name(name) && is_shape(shape) => check(dtype),
        _ => Err(field),
    }
}

/// A byte order, a letter and a size; or a name of letters, digits and underscores.
fn is_scalar(text: &str) -> bool {
    let sized = text.strip_prefix(['<', '>', '=', '|']);
    let rest = sized.unwrap_or(text);
    let Some(letter) = rest.chars().next().filter(char::is_ascii_alphabetic) else { return false };
    let size = &rest[1..];
    match letter {
        'M' | 'm' if size.starts_with("8[") => size.ends_with(']'),
        'O' if size.is_empty() => true,
        _ if sized.is_some() => !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit()),
        _ => size.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
    }
}

fn is_shape(shape: &Literal) -> bool {
    matches!(shape, Literal::Tuple(_) | Literal::List(_))
}

fn is_name(name: &Literal) -> bool {
    let name = match name {
        Literal::Tuple(pair) => match pair.as_slice() {
            [Literal::Str(_), name] if pair[0] != *name => name,
            _ => return false,
        },
        name => name,
    };
    name.as_str().is_some_and(|name| !name.is_empty())
}

/// Bytes between fields have no name.
fn is_padding(name: &Literal, dtype: &Literal) -> bool {
    name.as_str() == Some("") && dtype.as_str().is_some_and(|dtype| dtype.starts_with("|V"))
}
