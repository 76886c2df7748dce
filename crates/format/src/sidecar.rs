//! Sidecar files: what a raw file holds, as JSON beside it.

use ndfolio_layout::Order;
use serde_json::{Map, Value};

use crate::{FormatError, RawSpec, error::shortened, json};

/// The longest sidecar file, in bytes. Callers read no more of one than a byte beyond it.
pub const MAX_SIDECAR: usize = 1 << 20;

const KEYS: [&str; 4] = ["dtype", "shape", "offset", "order"];

impl RawSpec {
    /// Reads a sidecar file: `{"dtype": "<f4", "shape": [1000, 64], "offset": 0, "order": "C"}`.
    ///
    /// Only `dtype` must be there; it is text or a list of fields, see [`json`](crate::json). Other keys, and
    /// keys that occur twice, are refused: they would be read differently elsewhere.
    ///
    /// # Errors
    /// [`FormatError::Sidecar`], or what is wrong with the dtype.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_SIDECAR {
            return Err(wrong(format!("{} bytes, at most {MAX_SIDECAR} are allowed", bytes.len())));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if colons(bytes) != keys(&value) {
            return Err(wrong("a key occurs twice"));
        }
        let Value::Object(parts) = value else { return Err(wrong("it is not an object")) };
        if let Some(key) = parts.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(wrong(format!("unexpected key {}", shortened(key, 40))));
        }
        let dtype = parts.get("dtype").ok_or_else(|| wrong("the key 'dtype' is missing"))?;
        Ok(RawSpec {
            dtype: json::to_dtype(dtype)?,
            shape: parts.get("shape").filter(|shape| !shape.is_null()).map(shape).transpose()?,
            offset: parts.get("offset").map_or(Ok(0), offset)?,
            order: parts.get("order").map_or(Ok(Order::C), order)?,
        })
    }

    /// What a sidecar file says, without a line break at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut parts = Map::new();
        parts.insert("dtype".to_owned(), json::from_dtype(&self.dtype));
        if let Some(shape) = &self.shape {
            parts.insert("shape".to_owned(), shape.as_slice().into());
        }
        parts.insert("offset".to_owned(), self.offset.into());
        parts.insert("order".to_owned(), self.order.to_string().into());
        Value::Object(parts).to_string()
    }
}

fn shape(value: &Value) -> Result<Vec<i64>, FormatError> {
    let extents = value.as_array().and_then(|list| list.iter().map(Value::as_i64).collect());
    extents.ok_or_else(|| found("shape", "a list of whole numbers", value))
}

fn offset(value: &Value) -> Result<u64, FormatError> {
    value.as_u64().ok_or_else(|| found("offset", "a whole number that is not negative", value))
}

fn order(value: &Value) -> Result<Order, FormatError> {
    let order = value.as_str().and_then(|text| text.parse().ok());
    order.ok_or_else(|| found("order", "\"C\" or \"F\"", value))
}

fn found(key: &str, expected: &str, value: &Value) -> FormatError {
    wrong(format!("'{key}' must be {expected}, found {}", shortened(&value.to_string(), 80)))
}

fn wrong(reason: impl Into<String>) -> FormatError {
    FormatError::Sidecar { reason: reason.into() }
}

/// The keys that are left after reading; of two that are alike, one is.
fn keys(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(keys).sum(),
        Value::Object(parts) => parts.len() + parts.values().map(keys).sum::<usize>(),
        _ => 0,
    }
}

/// The keys of JSON that is known to be good: each is followed by a colon, which is nowhere else outside of
/// text.
fn colons(json: &[u8]) -> usize {
    let (mut count, mut text, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = text,
            b'"' => text = !text,
            b':' if !text => count += 1,
            _ => {}
        }
    }
    count
}
