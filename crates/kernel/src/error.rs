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
    /// A quantile that is not between 0 and 1.
    #[error("Quantiles must be in the range [0, 1], found {found}")]
    Quantile {
        /// What was given.
        found: f64,
    },
    /// No bins.
    #[error("`bins` must be positive, when an integer")]
    NoBins,
    /// Edges that go down, or are no numbers.
    #[error("`bins` must increase monotonically, when an array: {before} comes before {after}")]
    BinOrder {
        /// An edge.
        before: f64,
        /// The edge behind it.
        after: f64,
    },
    /// A range that ends before it begins.
    #[error("max must be larger than min in range parameter, found [{low}, {high}]")]
    BinRange {
        /// Where it begins.
        low: f64,
        /// Where it ends.
        high: f64,
    },
    /// A range without a length.
    #[error("{which} range of [{low}, {high}] is not finite{way}")]
    BinsNotFinite {
        /// `supplied` or `autodetected`.
        which: &'static str,
        /// Where it begins.
        low: f64,
        /// Where it ends.
        high: f64,
        /// The way out.
        way: &'static str,
    },
    /// Edges that fall together.
    #[error("Too many bins for data range. Cannot create {count} finite-sized bins.")]
    TooManyBins {
        /// How many were asked for.
        count: usize,
    },
    /// Weights that cannot be divided by.
    #[error("Weights sum to zero, can't be normalized")]
    ZeroWeights,
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
