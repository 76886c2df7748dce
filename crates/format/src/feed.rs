//! How far a loader of batches has come, as JSON: what it reads, what its batches are, and which of them is next.
//!
//! ```text
//! {"version": 1, "epoch": 2, "step": 150,
//!  "batches": {"items": 60000, "batch_size": 64, "last": "keep", "world_size": 1, "seed": 7, "order": "full", "windows": null},
//!  "arrays": [{"dtype": "<u2", "shape": [1000000], "sum": "6c78e0e3bd51d358d01e758642b85fb8"}]}
//! ```

use serde_json::{Map, Value, json};

use crate::{FormatError, error::shortened};

const VERSION: u64 = 1;

/// Where a loader is, and what it must be to go on there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The epoch, from 0.
    pub epoch: u64,
    /// How many steps of it are done, of all workers together.
    pub step: u64,
    /// What the batches are.
    pub batches: FeedBatches,
    /// What they are made of.
    pub arrays: Vec<FeedArray>,
}

/// What the batches of a loader are: with the same values, loaders give the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedBatches {
    /// Rows or windows of an epoch.
    pub items: u64,
    /// Those of a batch.
    pub batch_size: u64,
    /// What becomes of the last ones: `keep` or `drop`.
    pub last: String,
    /// How many loaders share each step.
    pub world_size: u64,
    /// What the order is drawn from.
    pub seed: u64,
    /// The order, in words.
    pub order: String,
    /// The windows, in words, if it is no rows.
    pub windows: Option<String>,
}

/// An array, known again on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedArray {
    /// Its dtype, as [JSON](crate::json).
    pub dtype: Value,
    /// Its shape.
    pub shape: Vec<u64>,
    /// The sum of some of its bytes.
    pub sum: String,
}

impl FeedState {
    /// The state as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let arrays: Vec<Value> = self.arrays.iter().map(|array| Value::Object(array.parts())).collect();
        json!({
            "version": VERSION,
            "epoch": self.epoch,
            "step": self.step,
            "batches": self.batches.parts(),
            "arrays": arrays,
        })
    }

    /// The inverse of [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// [`FormatError::Json`]: what is no such state, or one of another version.
    pub fn from_json(value: &Value) -> Result<Self, FormatError> {
        let version = number(value, "version")?;
        if version != VERSION {
            let reason = format!("the state of a loader has version {VERSION} here, found {version}");
            return Err(FormatError::Json { reason });
        }
        let batches = &value["batches"];
        let arrays = value["arrays"].as_array().ok_or_else(|| wrong(value, "'arrays' must be a list"))?;
        Ok(FeedState {
            epoch: number(value, "epoch")?,
            step: number(value, "step")?,
            batches: FeedBatches {
                items: number(batches, "items")?,
                batch_size: number(batches, "batch_size")?,
                last: text(batches, "last")?,
                world_size: number(batches, "world_size")?,
                seed: number(batches, "seed")?,
                order: text(batches, "order")?,
                windows: batches["windows"].as_str().map(str::to_owned),
            },
            arrays: arrays.iter().map(FeedArray::from_json).collect::<Result<_, _>>()?,
        })
    }

    /// What differs between two states beside their places, each with both values; nothing if one can go on where the
    /// other is.
    #[must_use]
    pub fn differences(&self, other: &FeedState) -> Vec<String> {
        let mut found = differences("", &self.batches.parts(), &other.batches.parts());
        if self.arrays.len() != other.arrays.len() {
            found.push(format!("{} arrays, not {}", other.arrays.len(), self.arrays.len()));
        }
        for (number, (ours, theirs)) in self.arrays.iter().zip(&other.arrays).enumerate() {
            let name = if self.arrays.len() > 1 { format!("array {number}, ") } else { String::new() };
            found.extend(differences(&name, &ours.parts(), &theirs.parts()));
        }
        found
    }
}

impl FeedBatches {
    fn parts(&self) -> Map<String, Value> {
        object(json!({
            "items": self.items,
            "batch_size": self.batch_size,
            "last": self.last,
            "world_size": self.world_size,
            "seed": self.seed,
            "order": self.order,
            "windows": self.windows,
        }))
    }
}

impl FeedArray {
    fn parts(&self) -> Map<String, Value> {
        object(json!({ "dtype": self.dtype, "shape": self.shape, "sum": self.sum }))
    }

    fn from_json(value: &Value) -> Result<Self, FormatError> {
        let shape = value["shape"].as_array().and_then(|list| list.iter().map(Value::as_u64).collect());
        Ok(FeedArray {
            dtype: value["dtype"].clone(),
            shape: shape.ok_or_else(|| wrong(value, "'shape' must be a list of whole numbers"))?,
            sum: text(value, "sum")?,
        })
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(parts) => parts,
        _ => Map::new(),
    }
}

fn differences(name: &str, ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Vec<String> {
    let differing = ours.iter().filter(|(key, value)| theirs.get(*key) != Some(value));
    differing
        .map(|(key, value)| format!("{name}{key} {}, not {value}", theirs.get(key).unwrap_or(&Value::Null)))
        .collect()
}

fn number(value: &Value, key: &str) -> Result<u64, FormatError> {
    value[key].as_u64().ok_or_else(|| wrong(value, &format!("'{key}' must be a whole number")))
}

fn text(value: &Value, key: &str) -> Result<String, FormatError> {
    value[key].as_str().map(str::to_owned).ok_or_else(|| wrong(value, &format!("'{key}' must be text")))
}

fn wrong(value: &Value, reason: &str) -> FormatError {
    let found = shortened(&value.to_string(), 80);
    FormatError::Json { reason: format!("no state of a loader: {reason}, found {found}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> FeedState {
        FeedState {
            epoch: 3,
            step: u64::MAX,
            batches: FeedBatches {
                items: 10,
                batch_size: 4,
                last: "keep".to_owned(),
                world_size: 2,
                seed: u64::MAX - 1,
                order: "full".to_owned(),
                windows: Some("8 every 4 from 0".to_owned()),
            },
            arrays: vec![FeedArray { dtype: json!("<f4"), shape: vec![10, 3], sum: "ab".to_owned() }],
        }
    }

    #[test]
    fn there_and_back() {
        let text = state().to_json().to_string();
        let back = FeedState::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back, state());
        assert_eq!(state().differences(&back), Vec::<String>::new());
    }

    #[test]
    fn what_differs_is_said_with_both_values() {
        let mut other = state();
        other.batches.seed = 5;
        other.arrays[0].shape = vec![11, 3];
        assert_eq!(
            state().differences(&other),
            ["seed 5, not 18446744073709551614", "shape [11,3], not [10,3]"]
        );
        other.arrays.clear();
        assert!(state().differences(&other).contains(&"0 arrays, not 1".to_owned()));
    }

    #[test]
    fn other_json_is_refused() {
        let good = state().to_json();
        for key in ["version", "epoch", "step", "batches", "arrays"] {
            let mut bad = good.clone();
            bad[key] = json!("x");
            let error = FeedState::from_json(&bad).unwrap_err().to_string();
            assert!(error.contains("state of a loader"), "{error}");
        }
        let mut newer = good;
        newer["version"] = json!(2);
        assert!(FeedState::from_json(&newer).unwrap_err().to_string().contains("found 2"));
        assert!(FeedState::from_json(&json!([1])).is_err());
    }
}
