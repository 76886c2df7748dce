//! The types that loops compute with, read from bytes and written to them.

use std::ops::{Add, Div, Mul, Rem, Sub};

use half::f16;
use ndfolio_store::Bytes;
use num_complex::Complex;

use super::run::Out;
use crate::{
    cast::{to_i64, to_u64},
    elementary::{self, Function, Function2},
    finite::{Finite, all_finite},
    reduce::half::single,
    simd::Level,
};

/// A type that is read from bytes in this machine's order.
pub(crate) trait Item: Finite {
    /// The bytes of one.
    type Raw: Copy;
    fn raws(bytes: &[u8]) -> &[Self::Raw];
    fn places(bytes: &mut [u8]) -> &mut [Self::Raw];
    fn read(raw: Self::Raw) -> Self;
    fn write(self) -> Self::Raw;
}

macro_rules! item {
    ($($type:ty, $size:literal, |$raw:ident| $read:expr, |$item:ident| $write:expr;)*) => {$(
        impl Item for $type {
            type Raw = [u8; $size];
            #[inline(always)]
            fn raws(bytes: &[u8]) -> &[Self::Raw] {
                bytes.as_chunks().0
            }
            #[inline(always)]
            fn places(bytes: &mut [u8]) -> &mut [Self::Raw] {
                bytes.as_chunks_mut().0
            }
            #[inline(always)]
            fn read($raw: Self::Raw) -> Self {
                $read
            }
            #[inline(always)]
            fn write(self) -> Self::Raw {
                let $item = self;
                $write
            }
        }
    )*};
}

macro_rules! number_item {
    ($($type:ty, $size:literal;)*) => {
        item! { $($type, $size, |raw| <$type>::from_ne_bytes(raw), |item| item.to_ne_bytes();)* }
    };
}

number_item! {
    i8, 1; i16, 2; i32, 4; i64, 8; u8, 1; u16, 2; u32, 4; u64, 8; f16, 2; f32, 4; f64, 8;
}

item! {
    bool, 1, |raw| raw[0] != 0, |item| [u8::from(item)];
    Complex<f32>, 8, |raw| pair(raw, f32::from_ne_bytes), |z| join(z.re.to_ne_bytes(), z.im.to_ne_bytes());
    Complex<f64>, 16, |raw| pair(raw, f64::from_ne_bytes), |z| join(z.re.to_ne_bytes(), z.im.to_ne_bytes());
}

#[inline(always)]
fn pair<T, const N: usize, const M: usize>(raw: [u8; M], part: impl Fn([u8; N]) -> T) -> Complex<T> {
    Complex::new(part(std::array::from_fn(|i| raw[i])), part(std::array::from_fn(|i| raw[N + i])))
}

#[inline(always)]
fn join<const N: usize, const M: usize>(re: [u8; N], im: [u8; N]) -> [u8; M] {
    std::array::from_fn(|i| if i < N { re[i] } else { im[i - N] })
}

/// What tells whether a result deserves a warning.
pub(crate) trait Classify: Item {
    fn nan(self) -> bool;
    fn infinite(self) -> bool;
    fn zero(self) -> bool;
}

macro_rules! classify {
    ($($type:ty, |$x:ident| $nan:expr, $infinite:expr, $zero:expr;)*) => {$(
        impl Classify for $type {
            #[inline(always)]
            fn nan(self) -> bool {
                let $x = self;
                $nan
            }
            #[inline(always)]
            fn infinite(self) -> bool {
                let $x = self;
                $infinite
            }
            #[inline(always)]
            fn zero(self) -> bool {
                let $x = self;
                $zero
            }
        }
    )*};
}

classify! {
    f16, |x| x.to_bits() & 0x7fff > 0x7c00, x.to_bits() & 0x7fff == 0x7c00, x.to_bits() & 0x7fff == 0;
    f32, |x| x.is_nan(), x.is_infinite(), x == 0.0;
    f64, |x| x.is_nan(), x.is_infinite(), x == 0.0;
    Complex<f32>, |z| z.re.nan() | z.im.nan(), z.re.infinite() | z.im.infinite(), z.re.zero() & z.im.zero();
    Complex<f64>, |z| z.re.nan() | z.im.nan(), z.re.infinite() | z.im.infinite(), z.re.zero() & z.im.zero();
}

/// A floating-point number that is computed with.
pub(super) trait Float:
    Classify
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Rem<Output = Self>
    + std::ops::Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    const HALF: Self;
    const MAX: Self;
    const MIN: Self;
    const NAN: Self;
    /// Degrees of one radian, and radians of one degree.
    const DEGREES: Self;
    const RADIANS: Self;
    fn of(x: f64) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn rint(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn negative_sign(self) -> bool;
    fn next_up(self) -> Self;
    fn next_down(self) -> Self;
    /// Times a power of two, rounded once.
    fn scaled(self, exponent: i64) -> Self;
    fn map(level: Level, function: Function, items: Bytes<'_>, out: &mut Out<'_>);
    fn zip(level: Level, function: Function2, a: Bytes<'_>, b: Bytes<'_>, out: &mut Out<'_>);
    fn wide(self) -> f64;
    fn hypot(self, other: Self) -> Self;
    fn mul_add(self, factor: Self, sum: Self) -> Self;
}

macro_rules! float {
    ($type:ident, $map:ident, $zip:ident, $bits:ident) => {
        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const HALF: Self = 0.5;
            const MAX: Self = $type::MAX;
            const MIN: Self = $type::MIN;
            const NAN: Self = $type::NAN;
            const DEGREES: Self = 180.0 / std::$type::consts::PI;
            const RADIANS: Self = std::$type::consts::PI / 180.0;
            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $type
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn floor(self) -> Self {
                self.floor()
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                self.ceil()
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                self.trunc()
            }
            #[inline(always)]
            fn rint(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                self.copysign(sign)
            }
            #[inline(always)]
            fn negative_sign(self) -> bool {
                self.is_sign_negative()
            }
            #[inline(always)]
            fn next_up(self) -> Self {
                self.next_up()
            }
            #[inline(always)]
            fn next_down(self) -> Self {
                self.next_down()
            }
            fn scaled(self, exponent: i64) -> Self {
                const DIGITS: i64 = $type::MANTISSA_DIGITS as i64;
                const LEAST: i64 = $type::MIN_EXP as i64 - 1;
                const MOST: i64 = $type::MAX_EXP as i64 - 1;
                let power = |n: i64| $type::from_bits(((n + MOST) as $bits) << (DIGITS - 1));
                // Down in steps that keep what is lost for the last one, up in steps that do not overflow.
                let (mut x, mut n) = (self, exponent.clamp(-4 * MOST, 4 * MOST));
                while n > MOST {
                    (x, n) = (x * power(MOST), n - MOST);
                }
                while n < LEAST {
                    (x, n) = (x * power(LEAST + DIGITS), n - LEAST - DIGITS);
                }
                x * power(n)
            }
            fn map(level: Level, function: Function, items: Bytes<'_>, out: &mut Out<'_>) {
                let is_known = elementary::$map(level, function, items, out);
                out.is_finite &= is_known || all_finite::<$type>(level, out);
            }
            fn zip(level: Level, function: Function2, a: Bytes<'_>, b: Bytes<'_>, out: &mut Out<'_>) {
                elementary::$zip(level, function, a, b, out);
                out.is_finite &= all_finite::<$type>(level, out);
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                self.into()
            }
            fn hypot(self, other: Self) -> Self {
                self.hypot(other)
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, sum: Self) -> Self {
                self.mul_add(factor, sum)
            }
        }
    };
}

float!(f32, map_f32, zip_f32, u32);
float!(f64, map_f64, zip_f64, u64);

/// An integer that is computed with, around its ends.
pub(super) trait Integer: Item + Ord {
    const ZERO: Self;
    const ONE: Self;
    const SIGNED: bool;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn abs(self) -> Self;
    fn sign(self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn shl(self, by: Self) -> Self;
    fn shr(self, by: Self) -> Self;
    fn ones(self) -> u8;
    /// The quotient towards minus infinity, and the remainder of the sign of `by`, which is not zero.
    fn floor_div(self, by: Self) -> Self;
    fn floor_rem(self, by: Self) -> Self;
    fn rem(self, by: Self) -> Self;
    /// None where the exponent is negative.
    fn power(self, exponent: Self) -> Option<Self>;
    /// Of zero what x86-64 makes of infinity.
    fn reciprocal(self) -> Self;
    fn gcd(self, other: Self) -> Self;
    fn lcm(self, other: Self) -> Self;
    fn to_f64(self) -> f64;
    fn of_f64(x: f64) -> Self;
}

macro_rules! integer {
    ($($type:ident, $unsigned:ident, $signed:literal, |$x:ident| $neg:expr, $abs:expr;)*) => {$(
        impl Integer for $type {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const SIGNED: bool = $signed;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn neg(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                let $x = self;
                $abs
            }
            #[inline(always)]
            fn sign(self) -> Self {
                let $x = self;
                if self > 0 { 1 } else { $neg }
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline(always)]
            fn not(self) -> Self {
                !self
            }
            #[inline(always)]
            fn shl(self, by: Self) -> Self {
                let shifted = self.wrapping_shl(by as u32);
                if (by as $unsigned) < $type::BITS as $unsigned { shifted } else { 0 }
            }
            #[inline(always)]
            fn shr(self, by: Self) -> Self {
                let inside = (by as $unsigned) < $type::BITS as $unsigned;
                let shifted = self.wrapping_shr(by as u32);
                let $x = self;
                if inside { shifted } else { $neg }
            }
            #[inline(always)]
            fn ones(self) -> u8 {
                let $x = self;
                let magnitude: $type = $abs;
                magnitude.count_ones() as u8
            }
            #[inline(always)]
            fn floor_div(self, by: Self) -> Self {
                let quotient = self.wrapping_div(by);
                let inexact = self.wrapping_rem(by) != 0;
                if inexact && (self < Self::ZERO) != (by < Self::ZERO) { quotient - 1 } else { quotient }
            }
            #[inline(always)]
            fn floor_rem(self, by: Self) -> Self {
                let rest = self.wrapping_rem(by);
                if rest != 0 && (rest < Self::ZERO) != (by < Self::ZERO) { rest + by } else { rest }
            }
            #[inline(always)]
            fn rem(self, by: Self) -> Self {
                self.wrapping_rem(by)
            }
            fn power(self, exponent: Self) -> Option<Self> {
                if exponent < Self::ZERO {
                    return None;
                }
                let (mut base, mut left, mut product) = (self, exponent, 1 as $type);
                while left > 0 {
                    if left & 1 == 1 {
                        product = product.wrapping_mul(base);
                    }
                    (base, left) = (base.wrapping_mul(base), left >> 1);
                }
                Some(product)
            }
            #[inline(always)]
            fn reciprocal(self) -> Self {
                let infinite = if $signed && $type::BITS >= 32 { $type::MIN } else { 0 };
                if self == 0 { infinite } else { (1 as $type).wrapping_div(self) }
            }
            fn gcd(self, other: Self) -> Self {
                let (mut a, mut b) = (self.magnitude(), other.magnitude());
                while b != 0 {
                    (a, b) = (b, a % b);
                }
                a as $type
            }
            fn lcm(self, other: Self) -> Self {
                let (a, b) = (self.magnitude(), other.magnitude());
                let divisor = self.gcd(other) as $unsigned;
                if divisor == 0 { 0 } else { (a / divisor).wrapping_mul(b) as $type }
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn of_f64(x: f64) -> Self {
                if $signed { to_i64(x) as $type } else { to_u64(x) as $type }
            }
        }

        impl Magnitude for $type {
            type Unsigned = $unsigned;
            #[inline(always)]
            fn magnitude(self) -> $unsigned {
                let $x = self;
                let magnitude: $type = $abs;
                magnitude as $unsigned
            }
        }
    )*};
}

/// The absolute value, which is always one without a sign.
trait Magnitude {
    type Unsigned;
    fn magnitude(self) -> Self::Unsigned;
}

integer! {
    i8, u8, true, |x| x >> 7, x.wrapping_abs();
    i16, u16, true, |x| x >> 15, x.wrapping_abs();
    i32, u32, true, |x| x >> 31, x.wrapping_abs();
    i64, u64, true, |x| x >> 63, x.wrapping_abs();
    u8, u8, false, |_x| 0, _x;
    u16, u16, false, |_x| 0, _x;
    u32, u32, false, |_x| 0, _x;
    u64, u64, false, |_x| 0, _x;
}

/// The value of a half as a single.
#[inline(always)]
pub(super) fn widen_half(x: [u8; 2]) -> f32 {
    single(u16::from_ne_bytes(x))
}
