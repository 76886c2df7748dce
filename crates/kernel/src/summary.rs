//! Descriptive statistics: count, minimum, maximum, sum, mean, standard deviation.
//!
//! Not-a-number (NaN, NaT) is counted and left out of everything else. Integers are summed exactly;
//! floating-point numbers are widened to double precision first.

mod axis;
mod blocks;
mod item;

use ndfolio_layout::{DType, Kind, Value};
use num_complex::Complex;

pub use axis::AxisSummary;
use blocks::Blocks;
use item::{Item, Time};

use crate::KernelError;

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
    /// Those that equal zero; none for points in time.
    pub zeros: Option<u64>,
    /// The smallest; for complex numbers by real, then imaginary part.
    pub min: Option<Value>,
    /// The largest.
    pub max: Option<Value>,
    /// The arithmetic mean; for times a value of the dtype, rounded to its unit.
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

trait Summarize {
    fn update(&mut self, items: &[u8]);
    fn finish(&self) -> Summary;
}

/// The statistics of a row of items that comes in pieces.
///
/// The items are cut into blocks of a fixed number whatever the pieces are, and the blocks are merged in a
/// fixed binary tree, so the pieces make no difference to a bit of the result.
pub struct ItemSummary {
    dtype: DType,
    state: Box<dyn Summarize + Send>,
}

impl ItemSummary {
    /// For items of this dtype.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for text, void, records and long doubles.
    pub fn new(dtype: &DType) -> Result<Self, KernelError> {
        let state = for_kind(dtype, Full)?;
        Ok(ItemSummary { dtype: dtype.clone(), state })
    }

    /// Takes in more items, contiguous and in the dtype's byte order; their bytes are used up on the way.
    pub fn update(&mut self, items: &mut [u8]) {
        crate::to_native(items, &self.dtype);
        self.state.update(items);
    }

    /// The statistics of all items so far.
    #[must_use]
    pub fn finish(&self) -> Summary {
        self.state.finish()
    }
}

/// Makes something for an item type that is only known at run time.
trait Make {
    type Made;
    fn real<T: Item>(self, zero: T) -> Self::Made;
    fn complex<T>(self) -> Self::Made
    where
        Complex<T>: crate::Element + item::Parts;
}

struct Full;

impl Make for Full {
    type Made = Box<dyn Summarize + Send>;

    fn real<T: Item>(self, zero: T) -> Self::Made {
        Box::new(Blocks::new(zero))
    }

    fn complex<T>(self) -> Self::Made
    where
        Complex<T>: crate::Element + item::Parts,
    {
        Box::new(axis::ComplexCells::<Complex<T>>::new(1))
    }
}

fn for_kind<M: Make>(dtype: &DType, make: M) -> Result<M::Made, KernelError> {
    use half::f16;
    Ok(match dtype.kind() {
        Some(Kind::Bool) => make.real(false),
        Some(Kind::Int8) => make.real(0_i8),
        Some(Kind::Int16) => make.real(0_i16),
        Some(Kind::Int32) => make.real(0_i32),
        Some(Kind::Int64) => make.real(0_i64),
        Some(Kind::UInt8) => make.real(0_u8),
        Some(Kind::UInt16) => make.real(0_u16),
        Some(Kind::UInt32) => make.real(0_u32),
        Some(Kind::UInt64) => make.real(0_u64),
        Some(Kind::Float16) => make.real(f16::ZERO),
        Some(Kind::Float32) => make.real(0_f32),
        Some(Kind::Float64) => make.real(0_f64),
        Some(Kind::Complex64) => make.complex::<f32>(),
        Some(Kind::Complex128) => make.complex::<f64>(),
        Some(kind @ (Kind::Datetime(unit) | Kind::Timedelta(unit))) => {
            make.real(Time { count: 0, unit, point: matches!(kind, Kind::Datetime(_)) })
        }
        _ => {
            return Err(KernelError::NoOperation { operation: "a summary of numbers", dtype: dtype.clone() });
        }
    })
}

#[cfg(test)]
mod tests;
