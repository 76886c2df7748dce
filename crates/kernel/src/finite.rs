//! Whether all of many results are finite, by operations that have vector instructions everywhere.

use std::ops::BitOrAssign;

use half::f16;
use num_complex::Complex;

use crate::{
    elementwise::Item,
    simd::{Level, Loop, Vectors, dispatch},
};

/// A result that may be infinite or NaN.
pub(crate) trait Finite: Copy {
    /// Put together by "or", its top bit says that one of the results was not finite.
    type Mark: Copy + Default + BitOrAssign;

    fn mark(self) -> Self::Mark;

    /// Whether all were finite.
    fn all(marks: Self::Mark) -> bool;

    fn is_finite(self) -> bool {
        Self::all(self.mark())
    }
}

/// An exponent field of ones overflows into the sign's place.
macro_rules! float {
    ($($type:ty, $bits:ty, $exponent:literal;)*) => {$(
        impl Finite for $type {
            type Mark = $bits;
            #[inline(always)]
            fn mark(self) -> $bits {
                (self.to_bits() & (<$bits>::MAX >> 1)).wrapping_add(1 << $exponent)
            }
            #[inline(always)]
            fn all(marks: $bits) -> bool {
                marks >> (<$bits>::BITS - 1) == 0
            }
        }
    )*};
}

float! {
    f16, u16, 10;
    f32, u32, 23;
    f64, u64, 52;
}

macro_rules! complex {
    ($($part:ty;)*) => {$(
        impl Finite for Complex<$part> {
            type Mark = <$part as Finite>::Mark;
            #[inline(always)]
            fn mark(self) -> Self::Mark {
                self.re.mark() | self.im.mark()
            }
            #[inline(always)]
            fn all(marks: Self::Mark) -> bool {
                <$part>::all(marks)
            }
        }
    )*};
}

complex! {
    f32;
    f64;
}

macro_rules! always {
    ($($type:ty)*) => {$(
        impl Finite for $type {
            type Mark = u8;
            #[inline(always)]
            fn mark(self) -> u8 {
                0
            }
            #[inline(always)]
            fn all(_: u8) -> bool {
                true
            }
        }
    )*};
}

always! { bool i8 i16 i32 i64 u8 u16 u32 u64 }

struct All<'a, T: Item>(&'a [T::Raw]);

impl<T: Item> Loop for All<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let mut marks = T::Mark::default();
        for raw in self.0 {
            marks |= T::read(*raw).mark();
        }
        T::all(marks)
    }
}

/// Whether all items are finite: a look of its own, where it would keep a long function from its registers.
pub(crate) fn all_finite<T: Item>(level: Level, items: &[u8]) -> bool {
    dispatch(level, All::<T>(T::raws(items)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_and_nans_are_found() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            assert_eq!(Finite::is_finite(half), half.is_finite(), "{half}");
        }
        for x in [
            0.0,
            -0.0,
            1.0,
            f64::MAX,
            f64::MIN,
            5e-324,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            -f64::NAN,
        ] {
            assert_eq!(Finite::is_finite(x), x.is_finite(), "{x}");
            assert_eq!(Finite::is_finite(x as f32), (x as f32).is_finite(), "{x}");
            assert_eq!(Finite::is_finite(Complex::new(1.0, x)), x.is_finite(), "{x}");
        }
        let mut marks = f32::default().mark();
        [1.0, f32::NAN, 2.0].into_iter().for_each(|x| marks |= x.mark());
        assert!(!f32::all(marks) && i64::all(7_i64.mark()));
    }
}
