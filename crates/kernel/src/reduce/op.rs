use ndfolio_layout::{DType, Kind, Value};

use super::{Finish, NanPolicy, Partial, Reducer, Wanted};
use crate::KernelError;

/// A reduction with NumPy's result dtypes and rules.
///
/// Times are an exception: here NaT counts as NaN in every `nan…` function, where NumPy leaves it out in
/// `nanmin` and `nanmax` alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// `sum`
    Sum,
    /// `prod`
    Prod,
    /// `mean`
    Mean,
    /// `var`
    Var {
        /// What is taken from the number of items before dividing by it.
        ddof: f64,
    },
    /// `std`
    Std {
        /// As for the variance.
        ddof: f64,
    },
    /// `min`
    Min,
    /// `max`
    Max,
    /// `ptp`: the greatest less the least.
    Ptp,
    /// `argmin`
    ArgMin,
    /// `argmax`
    ArgMax,
    /// `any`
    Any,
    /// `all`
    All,
    /// `count_nonzero`
    CountNonzero,
    /// `linalg.norm`: the root of the sum of the squared absolute values.
    Norm,
}

impl Op {
    /// NumPy's name.
    #[must_use]
    pub fn name(self, nan: NanPolicy) -> &'static str {
        let (plain, skipping) = match self {
            Op::Sum => ("sum", "nansum"),
            Op::Prod => ("prod", "nanprod"),
            Op::Mean => ("mean", "nanmean"),
            Op::Var { .. } => ("var", "nanvar"),
            Op::Std { .. } => ("std", "nanstd"),
            Op::Min => ("min", "nanmin"),
            Op::Max => ("max", "nanmax"),
            Op::Ptp => ("ptp", "ptp"),
            Op::ArgMin => ("argmin", "nanargmin"),
            Op::ArgMax => ("argmax", "nanargmax"),
            Op::Any => ("any", "any"),
            Op::All => ("all", "all"),
            Op::CountNonzero => ("count_nonzero", "count_nonzero"),
            Op::Norm => ("norm", "norm"),
        };
        match nan {
            NanPolicy::Propagate => plain,
            NanPolicy::Skip => skipping,
        }
    }

    /// The running values that its result is made of.
    #[must_use]
    pub fn wanted(self) -> Wanted {
        match self {
            Op::Sum | Op::Mean => Wanted::SUM,
            Op::Prod => Wanted::PROD,
            Op::Var { .. } | Op::Std { .. } => Wanted::M2,
            Op::Min | Op::Max | Op::Ptp => Wanted::EXTREMES,
            Op::ArgMin | Op::ArgMax => Wanted::POSITIONS,
            Op::Any | Op::All | Op::CountNonzero => Wanted::NONZERO,
            Op::Norm => Wanted::SQUARES,
        }
    }

    /// The dtype of the result, in this machine's byte order.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for a dtype that NumPy does not have the reduction for, text, void,
    /// records and long doubles.
    pub fn result_dtype(self, input: &DType) -> Result<DType, KernelError> {
        let missing =
            || KernelError::NoOperation { operation: self.name(NanPolicy::Propagate), dtype: input.clone() };
        // Refuses what no reduction takes, and what this one does not find in the dtype.
        Reducer::new(input, self.wanted(), NanPolicy::Propagate).map_err(|_| missing())?;
        let kind = input.kind().ok_or_else(missing)?;
        let real = match kind {
            Kind::Complex64 => Kind::Float32,
            Kind::Complex128 => Kind::Float64,
            _ if kind.is_float() => kind,
            _ => Kind::Float64,
        };
        let time = matches!(kind, Kind::Timedelta(_));
        let result = match self {
            Op::Sum | Op::Prod if kind == Kind::Bool || kind.is_signed() && kind.is_integer() => Kind::Int64,
            Op::Sum | Op::Prod if kind.is_integer() => Kind::UInt64,
            Op::Mean if !time && !kind.is_complex() => real,
            Op::Var { .. } | Op::Std { .. } | Op::Norm => real,
            Op::Ptp if kind == Kind::Bool => return Err(missing()),
            Op::Ptp => match kind {
                Kind::Datetime(unit) => Kind::Timedelta(unit),
                _ => kind,
            },
            Op::Sum | Op::Prod | Op::Mean | Op::Min | Op::Max => kind,
            Op::ArgMin | Op::ArgMax | Op::CountNonzero => Kind::Int64,
            Op::Any | Op::All => Kind::Bool,
        };
        Ok(DType::native(result))
    }

    /// What makes results, of [`result_dtype`](Self::result_dtype), of states of `reducer`: one of what this
    /// [wants](Self::wanted).
    ///
    /// # Errors
    /// As [`result_dtype`](Self::result_dtype).
    pub fn finish(self, reducer: &Reducer) -> Result<Finish<'_>, KernelError> {
        let dtype = self.result_dtype(&DType::Scalar(reducer.scalar))?;
        Ok(Finish { op: self, kind: dtype.kind().unwrap_or(Kind::Float64), dtype, reducer })
    }

    /// The result of one state; see [`finish`](Self::finish).
    ///
    /// # Errors
    /// As [`finish`](Self::finish) and [`Finish::result`].
    pub fn result(self, reducer: &Reducer, partial: &Partial) -> Result<Value, KernelError> {
        self.finish(reducer)?.result(partial)
    }
}
