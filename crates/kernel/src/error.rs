use ndfolio_layout::{DType, TimeUnit};
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
    /// A function without a loop for such operands.
    #[error(
        "ufunc '{ufunc}' not supported for the input types, and the inputs could not be safely coerced to any supported types according to the casting rule ''safe''; the operands are {operands}{way}"
    )]
    NoLoop {
        /// NumPy's name of it.
        ufunc: &'static str,
        /// Their dtypes.
        operands: String,
        /// The way out.
        way: &'static str,
    },
    /// A function without a loop for such classes of operands.
    #[error("ufunc '{ufunc}' did not contain a loop with signature matching types {types} -> None")]
    NoSignature {
        /// NumPy's name of it.
        ufunc: &'static str,
        /// NumPy's names of the classes.
        types: String,
    },
    /// A function that does not take these together.
    #[error("ufunc '{ufunc}' cannot use operands with types dtype('{left}') and dtype('{right}')")]
    Operands {
        /// NumPy's name of it.
        ufunc: &'static str,
        /// The dtype of the first.
        left: DType,
        /// The dtype of the second.
        right: DType,
    },
    /// An operand that a function's loop does not take.
    #[error(
        "Cannot cast ufunc '{ufunc}' input {index} from dtype('{from}') to dtype('{to}') with casting rule 'same_kind'"
    )]
    InputCast {
        /// NumPy's name of it.
        ufunc: &'static str,
        /// Which operand, from 0.
        index: usize,
        /// Its dtype.
        from: DType,
        /// The loop's dtype.
        to: DType,
    },
    /// Too few or too many operands.
    #[error("{ufunc}() takes {wanted} operands, found {found}")]
    OperandCount {
        /// NumPy's name of it.
        ufunc: &'static str,
        /// How many it takes.
        wanted: usize,
        /// How many there were.
        found: usize,
    },
    /// Truth values are not subtracted.
    #[error(
        "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` operator, or the logical_xor function instead."
    )]
    BoolSubtract,
    /// Truth values have no negative.
    #[error(
        "The numpy boolean negative, the `-` operator, is not supported, use the `~` operator or the logical_not function instead."
    )]
    BoolNegative,
    /// A question about times.
    #[error("ufunc 'isnat' is only defined for np.datetime64 and np.timedelta64.")]
    NotATime,
    /// Dtypes that do not meet in one.
    #[error(
        "The DType {left} could not be promoted by {right}. This means that no common DType exists for the given inputs. For example they cannot be stored in a single array unless the dtype is `object`. The full list of DTypes is: ({left}, {right})"
    )]
    Promotion {
        /// NumPy's name of the one class.
        left: String,
        /// NumPy's name of the other.
        right: String,
    },
    /// Bytes without a meaning are not filled up.
    #[error(
        "Invalid type promotion with void datatypes of different lengths. Use the `np.bytes_` datatype instead to pad the shorter value with trailing zero bytes."
    )]
    VoidLengths,
    /// Units of time of which neither is a multiple of the other, or of a third.
    #[error(
        "Cannot get a common metadata divisor for Numpy datetime metadata {left} and {right} because they have incompatible nonlinear base time units."
    )]
    TimeUnits {
        /// The one.
        left: TimeUnit,
        /// The other.
        right: TimeUnit,
    },
    /// Units of time too far from each other.
    #[error(
        "Integer overflow getting a common metadata divisor for NumPy datetime metadata {left} and {right}."
    )]
    TimeUnitsOverflow {
        /// The one.
        left: TimeUnit,
        /// The other.
        right: TimeUnit,
    },
    /// An integer of the program that a dtype does not have.
    #[error("Python integer {value} out of bounds for {}", name(.dtype))]
    PythonInteger {
        /// The integer, as it is written: an error stays small.
        value: String,
        /// The dtype.
        dtype: DType,
    },
    /// A number of the program that a dtype does not have.
    #[error("{literal} is no value of dtype('{dtype}')")]
    NoLiteral {
        /// The number.
        literal: String,
        /// The dtype.
        dtype: DType,
    },
    /// Integers whose powers are fractions.
    #[error("Integers to negative integer powers are not allowed.")]
    NegativePower,
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

fn name(dtype: &DType) -> String {
    dtype.kind().map_or_else(|| dtype.to_string(), ndfolio_layout::Kind::name)
}
