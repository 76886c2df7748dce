//! Values as JSON.

use ndfolio::Value;
use serde_json::Value as Json;

use super::csv::number;

/// A value as JSON: numbers with the digits that they need; NaN, infinities, complex numbers, points in time
/// and bytes as text; a length of time as its count; NaT as null; records as objects. Bytes that are no UTF-8
/// become the characters of the same numbers (Latin-1), those without a meaning `0x` and hexadecimal digits.
#[must_use]
pub(crate) fn json_value(value: &Value) -> Json {
    match value {
        Value::Bool(b) => Json::from(*b),
        Value::Int(i) => Json::from(*i),
        Value::UInt(u) => Json::from(*u),
        Value::Str(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        }),
        Value::Datetime(i64::MIN, _) | Value::Timedelta(i64::MIN, _) => Json::Null,
        Value::Timedelta(count, _) => Json::from(*count),
        Value::Record(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.clone(), json_value(value))).collect())
        }
        Value::Array(shape, items) => nested(shape, items),
        other => {
            real(other).unwrap_or_else(|| Json::from(number(other).unwrap_or_else(|| other.to_string())))
        }
    }
}

/// A finite real number. Its text is that of its own width, so that 0.1 in single precision stays 0.1.
fn real(value: &Value) -> Option<Json> {
    let number = number(value)?.parse().ok().and_then(serde_json::Number::from_f64)?;
    Some(Json::Number(number))
}

fn nested(shape: &[usize], items: &[Value]) -> Json {
    let Some((&n, rest)) = shape.split_first() else {
        return items.first().map_or(Json::Null, json_value);
    };
    let step: usize = rest.iter().product();
    (0..n).map(|i| nested(rest, &items[i * step..(i + 1) * step])).collect()
}
