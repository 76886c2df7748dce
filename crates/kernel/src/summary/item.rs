use half::{f16, slice::HalfFloatSliceExt};
use ndfolio_layout::{TimeUnit, Value};
use num_complex::Complex;

use crate::Element;

/// A real item that can be summarized.
pub(super) trait Item: Copy + PartialOrd + Send + 'static {
    /// Whether sums are floating-point numbers, not whole ones.
    const FLOAT: bool;
    /// Bytes of one.
    const WIDTH: usize;

    /// Reads native items; `self` says what the bytes do not (a unit).
    fn load(self, bytes: &[u8], items: &mut Vec<Self>);
    fn to_f64(self) -> f64;
    fn to_i128(self) -> i128;
    fn is_nan(self) -> bool;
    fn is_zero(self) -> bool;
    fn value(self) -> Value;
    /// The exact sum of at most 2^31 items that are numbers.
    fn sum(items: &[Self]) -> i128;
    fn widen(items: &[Self], wide: &mut [f64]);

    /// A time's own kind of mean; none for numbers.
    fn time(self, _count: i64) -> Option<Value> {
        None
    }
    /// Whether sums and zeros mean something: not for points in time.
    fn has_sum(self) -> bool {
        true
    }
}

fn load_into<T: Element>(bytes: &[u8], items: &mut Vec<T>) {
    let from = items.len();
    items.resize(from + bytes.len() / T::KIND.itemsize(), T::default());
    T::load(bytes, &mut items[from..]);
}

macro_rules! integer {
    ($($type:ty, $through:ty);* $(;)?) => {$(
        impl Item for $type {
            const FLOAT: bool = false;
            const WIDTH: usize = size_of::<$type>();

            fn load(self, bytes: &[u8], items: &mut Vec<Self>) {
                load_into(bytes, items);
            }
            fn to_f64(self) -> f64 {
                crate::Real::to_f64(self)
            }
            fn to_i128(self) -> i128 {
                i128::from(self)
            }
            fn is_nan(self) -> bool {
                false
            }
            fn is_zero(self) -> bool {
                self == Self::default()
            }
            fn value(self) -> Value {
                Value::from(self)
            }
            fn sum(items: &[Self]) -> i128 {
                items.iter().map(|x| <$through>::from(*x)).sum::<$through>() as i128
            }
            fn widen(items: &[Self], wide: &mut [f64]) {
                wide.iter_mut().zip(items).for_each(|(wide, x)| *wide = crate::Real::to_f64(*x));
            }
        }
    )*};
}

// The sum of 2^31 items of 32 bits fits 64 bits.
integer! {
    bool, i64; i8, i64; i16, i64; i32, i64; i64, i128; u8, i64; u16, i64; u32, i64; u64, i128;
}

macro_rules! float {
    ($($type:ty, |$items:ident, $wide:ident| $widen:expr);* $(;)?) => {$(
        impl Item for $type {
            const FLOAT: bool = true;
            const WIDTH: usize = size_of::<$type>();

            fn load(self, bytes: &[u8], items: &mut Vec<Self>) {
                load_into(bytes, items);
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn to_i128(self) -> i128 {
                0
            }
            fn is_nan(self) -> bool {
                self != self
            }
            fn is_zero(self) -> bool {
                self == Self::default()
            }
            fn value(self) -> Value {
                Value::from(self)
            }
            fn sum(_: &[Self]) -> i128 {
                0
            }
            fn widen($items: &[Self], $wide: &mut [f64]) {
                $widen
            }
        }
    )*};
}

float! {
    f16, |items, wide| items.convert_to_f64_slice(wide);
    f32, |items, wide| wide.iter_mut().zip(items).for_each(|(wide, x)| *wide = f64::from(*x));
    f64, |items, wide| wide.copy_from_slice(items);
}

/// A count of a time unit: a point in time or a length of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) count: i64,
    pub(super) unit: TimeUnit,
    pub(super) point: bool,
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.count.partial_cmp(&other.count)
    }
}

impl Item for Time {
    const FLOAT: bool = false;
    const WIDTH: usize = 8;

    fn load(self, bytes: &[u8], items: &mut Vec<Self>) {
        items.extend(bytes.as_chunks::<8>().0.iter().map(|b| Time { count: i64::from_ne_bytes(*b), ..self }));
    }
    fn to_f64(self) -> f64 {
        self.count as f64
    }
    fn to_i128(self) -> i128 {
        i128::from(self.count)
    }
    fn is_nan(self) -> bool {
        self.count == i64::MIN
    }
    fn is_zero(self) -> bool {
        self.count == 0
    }
    fn value(self) -> Value {
        if self.point {
            Value::Datetime(self.count, self.unit)
        } else {
            Value::Timedelta(self.count, self.unit)
        }
    }
    fn sum(items: &[Self]) -> i128 {
        items.iter().filter(|x| !x.is_nan()).map(|x| x.to_i128()).sum()
    }
    fn widen(items: &[Self], wide: &mut [f64]) {
        let number = |x: &Time| if x.is_nan() { f64::NAN } else { x.count as f64 };
        wide.iter_mut().zip(items).for_each(|(wide, x)| *wide = number(x));
    }
    fn time(self, count: i64) -> Option<Value> {
        Some(Time { count, ..self }.value())
    }
    fn has_sum(self) -> bool {
        !self.point
    }
}

/// A complex item.
pub(super) trait Parts: Element {
    fn wide(self) -> Complex<f64>;
    fn value(self) -> Value;
}

impl Parts for Complex<f32> {
    fn wide(self) -> Complex<f64> {
        Complex::new(f64::from(self.re), f64::from(self.im))
    }
    fn value(self) -> Value {
        Value::Complex64(self)
    }
}

impl Parts for Complex<f64> {
    fn wide(self) -> Complex<f64> {
        self
    }
    fn value(self) -> Value {
        Value::Complex128(self)
    }
}
