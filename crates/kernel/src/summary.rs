//! Descriptive statistics: count, minimum, maximum, sum, mean, standard deviation.
//!
//! Not-a-number (NaN, NaT) is counted and left out of everything else. Integers are summed exactly;
//! floating-point numbers are widened to double precision first. The values come from [`reduce`](crate::reduce).

use ndfolio_layout::{DType, Kind, Value};
use num_complex::Complex;

use crate::{
    KernelError,
    reduce::{NanPolicy, Op, Partial, Reducer, Wanted},
};

/// A number that a statistic gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An exact whole number.
    Int(i128),
    /// A real number.
    Float(f64),
    /// A complex number.
    Complex(Complex<f64>),
}

/// What is known of some items. Where there is nothing to say (no items, no such statistic for the dtype) it
/// is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// All items.
    pub count: u64,
    /// Those that are NaN or NaT.
    pub nan_count: u64,
    /// Those that are +∞; none for complex numbers and times.
    pub positive_infinities: Option<u64>,
    /// Those that are −∞; none for complex numbers and times.
    pub negative_infinities: Option<u64>,
    /// Those that equal zero; none for points in time.
    pub zeros: Option<u64>,
    /// The smallest; for complex numbers by real, then imaginary part.
    pub min: Option<Value>,
    /// The largest.
    pub max: Option<Value>,
    /// The arithmetic mean; for times a value of the dtype, rounded down to its unit.
    pub mean: Option<Mean>,
    /// The standard deviation with ddof 0; none for times.
    pub std: Option<f64>,
    /// The sum; 0 without items; none for points in time.
    pub sum: Option<Number>,
}

/// A mean: a number, or a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Mean {
    /// Of numbers.
    Number(Number),
    /// Of times.
    Time(Value),
}

/// Makes summaries of items of a dtype.
#[derive(Clone, Debug)]
pub struct Summarizer {
    kind: Kind,
    reducer: Reducer,
}

impl Summarizer {
    /// For items of this dtype.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for text, void, records and long doubles.
    pub fn new(dtype: &DType) -> Result<Self, KernelError> {
        let wanted = Wanted::SUM | Wanted::M2 | Wanted::INFINITE | Wanted::NONZERO;
        let refused = || KernelError::NoOperation { operation: "a summary of numbers", dtype: dtype.clone() };
        let reducer = Reducer::any(dtype, wanted, NanPolicy::Skip).map_err(|_| refused())?;
        Ok(Summarizer { kind: dtype.kind().ok_or_else(refused)?, reducer })
    }

    /// What finds the values that a summary is made of.
    #[must_use]
    pub fn reducer(&self) -> &Reducer {
        &self.reducer
    }

    /// The summary of the items that a state is of.
    #[must_use]
    pub fn finish(&self, partial: &Partial) -> Summary {
        let numbers = partial.count - partial.nan;
        let some = numbers > 0;
        let point = matches!(self.kind, Kind::Datetime(_));
        let time = point || matches!(self.kind, Kind::Timedelta(_));
        let extreme = |op: Op| if some { op.result(&self.reducer, partial).ok() } else { None };
        let real = !time && !self.kind.is_complex();
        let [above, below] = partial.infinite.map(|count| real.then_some(count));
        Summary {
            count: partial.count,
            nan_count: partial.nan,
            positive_infinities: above,
            negative_infinities: below,
            zeros: (!point).then_some(partial.count - partial.nonzero),
            min: extreme(Op::Min),
            max: extreme(Op::Max),
            mean: some.then(|| self.mean(partial, numbers)),
            std: (some && !time).then(|| (partial.m2 / numbers as f64).sqrt()),
            sum: (!point).then(|| self.sum(partial)),
        }
    }

    fn sum(&self, partial: &Partial) -> Number {
        let [re, im] = partial.sum;
        match self.kind {
            kind if kind.is_complex() => Number::Complex(Complex::new(re, im)),
            kind if kind.is_float() => Number::Float(re),
            _ => Number::Int(partial.int),
        }
    }

    fn mean(&self, partial: &Partial, numbers: u64) -> Mean {
        let n = numbers as f64;
        let rounded = || partial.int.div_euclid(i128::from(numbers)) as i64;
        match (self.kind, self.sum(partial)) {
            (Kind::Datetime(unit), _) => Mean::Time(Value::Datetime(rounded(), unit)),
            (Kind::Timedelta(unit), _) => Mean::Time(Value::Timedelta(rounded(), unit)),
            (_, Number::Int(sum)) => Mean::Number(Number::Float(sum as f64 / n)),
            (_, Number::Float(sum)) => Mean::Number(Number::Float(sum / n)),
            (_, Number::Complex(sum)) => Mean::Number(Number::Complex(sum / n)),
        }
    }
}

#[cfg(test)]
mod tests;
