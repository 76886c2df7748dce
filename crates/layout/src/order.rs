use std::{fmt, str::FromStr};

use crate::LayoutError;

/// The order of an array's axes in storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The last axis varies fastest (row-major).
    #[default]
    C,
    /// The first axis varies fastest (column-major, Fortran).
    F,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::C => "C",
            Order::F => "F",
        })
    }
}

impl FromStr for Order {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        match text {
            "C" | "c" => Ok(Order::C),
            "F" | "f" => Ok(Order::F),
            _ => Err(LayoutError::Order { found: text.to_owned() }),
        }
    }
}
