//! Results of states.

use half::f16;
use ndfolio_layout::{DType, Kind, Value};
use num_complex::Complex;

use super::{Columns, Key, NanPolicy, Op, Partial, Reducer};
use crate::KernelError;

/// Makes the results of an operation, made by [`Op::finish`].
#[derive(Clone, Debug)]
pub struct Finish<'r> {
    pub(super) op: Op,
    pub(super) kind: Kind,
    pub(super) dtype: DType,
    pub(super) reducer: &'r Reducer,
}

impl Finish<'_> {
    /// The dtype of the results, in this machine's byte order.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The result of a state.
    ///
    /// As in NumPy the mean of no items is NaN, and so is the variance.
    ///
    /// # Errors
    /// [`KernelError::NoIdentity`] for an extreme and [`KernelError::EmptySequence`] for a place among no items;
    /// [`KernelError::AllNan`] for a place where NaN is left out and nothing else is there.
    pub fn result(&self, partial: &Partial) -> Result<Value, KernelError> {
        let make = Make { kind: self.kind, reducer: self.reducer, partial };
        Ok(match self.op {
            Op::Sum => make.sum(),
            Op::Prod if self.reducer.is_whole() => make.int(partial.int_prod as i64),
            Op::Prod => make.float(partial.prod.finish()),
            Op::Mean => make.mean(),
            Op::Var { ddof } => make.float([make.variance(ddof), 0.0]),
            Op::Std { ddof } => make.float([make.variance(ddof).sqrt(), 0.0]),
            Op::Norm => make.float([partial.squares.sqrt(), 0.0]),
            Op::Min => make.extreme(partial.min, ["minimum", "fmin"])?,
            Op::Max => make.extreme(partial.max, ["maximum", "fmax"])?,
            Op::Ptp => make.range()?,
            Op::ArgMin => make.place(partial.min_at, "argmin")?,
            Op::ArgMax => make.place(partial.max_at, "argmax")?,
            Op::Any => Value::Bool(partial.nonzero > 0),
            Op::All => Value::Bool(partial.nonzero == partial.count),
            Op::CountNonzero => Value::Int(partial.nonzero as i64),
        })
    }

    /// Encodes the result of a state.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    ///
    /// # Panics
    /// If `out` is not as long as an item.
    pub fn encode(&self, partial: &Partial, out: &mut [u8]) -> Result<(), KernelError> {
        let value = self.result(partial)?;
        // A value of the dtype's own kind always fits it.
        value.encode(&self.dtype, out).map_err(|_| KernelError::NoOperation {
            operation: self.op.name(self.reducer.nan),
            dtype: self.dtype.clone(),
        })
    }

    /// Encodes the results of columns, one after the other.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    ///
    /// # Panics
    /// If `out` does not have an item for each column.
    pub fn encode_columns(&self, columns: &Columns, out: &mut [u8]) -> Result<(), KernelError> {
        let size = self.dtype.itemsize();
        assert!(out.len() == columns.columns() * size, "room for other columns");
        if columns.encode_plain(self.op, self.kind, out) {
            return Ok(());
        }
        for (column, out) in out.chunks_exact_mut(size).enumerate() {
            self.encode(&columns.get(column), out)?;
        }
        Ok(())
    }
}

/// Makes values of the result's kind.
struct Make<'a> {
    kind: Kind,
    reducer: &'a Reducer,
    partial: &'a Partial,
}

impl Make<'_> {
    /// Whether the result is NaN because an item is.
    fn is_nan(&self) -> bool {
        match self.reducer.nan {
            NanPolicy::Propagate => self.partial.nan > 0,
            NanPolicy::Skip => self.reducer.numbers(self.partial) == 0 && self.partial.nan > 0,
        }
    }

    fn int(&self, int: i64) -> Value {
        match self.kind {
            Kind::Timedelta(unit) => Value::Timedelta(int, unit),
            Kind::Datetime(unit) => Value::Datetime(int, unit),
            Kind::Bool => Value::Bool(int != 0),
            Kind::Int8 => Value::Int(i64::from(int as i8)),
            Kind::Int16 => Value::Int(i64::from(int as i16)),
            Kind::Int32 => Value::Int(i64::from(int as i32)),
            Kind::UInt8 => Value::UInt(u64::from(int as u8)),
            Kind::UInt16 => Value::UInt(u64::from(int as u16)),
            Kind::UInt32 => Value::UInt(u64::from(int as u32)),
            Kind::UInt64 => Value::UInt(int as u64),
            _ => Value::Int(int),
        }
    }

    fn float(&self, [re, im]: [f64; 2]) -> Value {
        match self.kind {
            Kind::Float16 => Value::Float16(f16::from_f64(re)),
            Kind::Float32 => Value::Float32(re as f32),
            Kind::Complex64 => Value::Complex64(Complex::new(re as f32, im as f32)),
            Kind::Complex128 => Value::Complex128(Complex::new(re, im)),
            _ => Value::Float64(re),
        }
    }

    fn sum(&self) -> Value {
        match (self.reducer.is_whole(), self.reducer.is_time() && self.partial.nan > 0) {
            (true, true) if self.reducer.nan == NanPolicy::Propagate => self.int(i64::MIN),
            (true, _) => self.int(self.partial.int as i64),
            _ => self.float(self.partial.sum),
        }
    }

    fn mean(&self) -> Value {
        if !self.reducer.is_time() {
            return self.float(self.reducer.mean(self.partial));
        }
        let n = i128::from(self.reducer.numbers(self.partial));
        let lost = self.is_nan() || n == 0;
        // Rounded towards zero, as NumPy divides.
        self.int(if lost { i64::MIN } else { (self.partial.int / n) as i64 })
    }

    fn variance(&self, ddof: f64) -> f64 {
        let freedom = self.reducer.numbers(self.partial) as f64 - ddof;
        match self.reducer.nan {
            // NumPy's `nanvar` of integers is its `var`, which divides by 0.
            NanPolicy::Skip if freedom <= 0.0 && !self.reducer.is_whole() => f64::NAN,
            _ => self.partial.m2 / freedom.max(0.0),
        }
    }

    fn extreme(&self, key: Key, [plain, skipping]: [&'static str; 2]) -> Result<Value, KernelError> {
        if self.partial.count == 0 {
            let plain_name = self.reducer.nan == NanPolicy::Propagate;
            return Err(KernelError::NoIdentity { operation: if plain_name { plain } else { skipping } });
        }
        Ok(match (self.reducer.is_whole(), self.is_nan()) {
            (true, true) => self.int(i64::MIN),
            (true, false) => self.int(self.unflipped(key)),
            (false, true) => self.float([self.partial.nan_item.re, self.partial.nan_item.im]),
            (false, false) => self.float([key.re, key.im]),
        })
    }

    fn unflipped(&self, key: Key) -> i64 {
        let flipped = self.reducer.scalar.kind() == Kind::UInt64;
        if flipped { key.int ^ i64::MIN } else { key.int }
    }

    fn range(&self) -> Result<Value, KernelError> {
        let Partial { min, max, .. } = *self.partial;
        let nan = self.partial.nan_item;
        Ok(match self.extreme(max, ["maximum"; 2])? {
            _ if self.is_nan() && self.reducer.is_whole() => self.int(i64::MIN),
            // As NumPy, which subtracts the number from itself.
            _ if self.is_nan() => {
                self.float([nan.re, nan.im].map(|part| if part.is_finite() { 0.0 } else { f64::NAN }))
            }
            _ if self.reducer.is_whole() => self.int(max.int.wrapping_sub(min.int)),
            _ => self.float([max.re - min.re, max.im - min.im]),
        })
    }

    fn place(&self, at: u64, operation: &'static str) -> Result<Value, KernelError> {
        if self.partial.count == 0 {
            return Err(KernelError::EmptySequence { operation });
        }
        match (self.reducer.nan, self.is_nan()) {
            (NanPolicy::Skip, true) => Err(KernelError::AllNan),
            (_, true) => Ok(Value::Int(self.partial.first_nan.unwrap_or(at) as i64)),
            _ => Ok(Value::Int(at as i64)),
        }
    }
}
