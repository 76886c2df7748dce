//! How far a loader has come, as text.

use std::{fmt, str::FromStr};

use ndfolio_format::{FeedState, FormatError, json};

/// Where a loader is in its batches, made by [`Loader::state`](super::Loader::state). As text it is JSON.
///
/// It knows the arrays by dtype, shape and the bytes at sixteen places, and what the batches are: size, order, seed and
/// how many ranks share them, but not how many workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(pub(super) FeedState);

impl State {
    /// The epoch, from 0.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The epoch's batch that comes next, those of all workers counted.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.0.step
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_json().fmt(f)
    }
}

impl FromStr for State {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        FeedState::from_json(&json::parse(text)?).map(State)
    }
}
