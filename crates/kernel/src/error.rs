use ndfolio_layout::DType;
use thiserror::Error;

use crate::Casting;

/// What cannot be computed with these dtypes.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum KernelError {
    /// A cast that the rule does not allow.
    #[error("Cannot cast array data from dtype('{from}') to dtype('{to}') according to the rule '{rule}'{}", way(.rule))]
    Cast {
        /// The dtype of the items.
        from: DType,
        /// The dtype that was asked for.
        to: DType,
        /// The rule.
        rule: Casting,
    },
    /// A cast that does not exist.
    #[error("there is no cast from dtype('{from}') to dtype('{to}'): {reason}")]
    NoCast {
        /// The dtype of the items.
        from: DType,
        /// The dtype that was asked for.
        to: DType,
        /// Why not.
        reason: &'static str,
    },
    /// An operation that a dtype does not have.
    #[error("{operation} is not defined for dtype('{dtype}'){}", hint(.dtype))]
    NoOperation {
        /// What was to be computed.
        operation: &'static str,
        /// The dtype of the items.
        dtype: DType,
    },
    /// An extreme of no items.
    #[error("zero-size array to reduction operation {operation} which has no identity")]
    NoIdentity {
        /// NumPy's name of it.
        operation: &'static str,
    },
    /// A place among no items.
    #[error("attempt to get {operation} of an empty sequence")]
    EmptySequence {
        /// NumPy's name of it.
        operation: &'static str,
    },
    /// A place among items that are all left out.
    #[error("All-NaN slice encountered")]
    AllNan,
}

fn way(rule: &Casting) -> &'static str {
    match rule {
        Casting::Unsafe => "",
        _ => "; allow it with casting 'unsafe'",
    }
}

fn hint(dtype: &DType) -> String {
    match dtype.fields() {
        [] => String::new(),
        [first, ..] => format!("; select one of its fields, such as ['{}']", first.name()),
    }
}
