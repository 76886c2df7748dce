//! Values as fields of CSV.

use std::borrow::Cow;

use ndfolio::Value;

use super::{
    digits::Real,
    json_value,
    scalar::{Whole, number_text, plus},
};

/// A value as a field: what Python's `csv` writes of it, which reads back as the same value. Text is quoted
/// where RFC 4180 wants it, bytes that are no UTF-8 are escaped, records and sub-arrays are JSON.
#[must_use]
pub(crate) fn csv_field(value: &Value) -> String {
    let text = match value {
        Value::Str(text) => text.clone(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.escape_ascii().to_string(),
        },
        Value::Record(_) | Value::Array(..) => json_value(value).to_string(),
        other => number(other).unwrap_or_else(|| other.to_string()),
    };
    quoted(&text).into_owned()
}

/// A real number as Python's `repr` writes it, a complex one as `1+2j`.
pub(super) fn number(value: &Value) -> Option<String> {
    let text = |real, whole| number_text(real, whole, |exponent| (-4..16).contains(&exponent));
    if let Some(real) = Real::of(value) {
        return Some(text(real, Whole::PointZero));
    }
    let (real, imaginary) = Real::parts(value)?;
    let imaginary = text(imaginary, Whole::Bare);
    Some(format!("{}{}{imaginary}j", text(real, Whole::Bare), plus(&imaginary)))
}

fn quoted(text: &str) -> Cow<'_, str> {
    if !text.contains([',', '"', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
}
