//! Elementary functions of many items at once, in single and double precision.
//!
//! No result depends on the instruction set, nor on what stands beside an item: the loops are made of operations that
//! IEEE 754 defines to the last bit, fused ones among them.
//!
//! Doubles are within 0.8 units in the last place, hypot within 0.51, and so within one step of a library that is right
//! to a unit. Not so `logaddexp` and `logaddexp2`: made as NumPy makes them, they lose what NumPy's lose where the sum
//! is near one and its logarithm near zero. Singles are made from doubles and rounded (0.501 units), but for those that
//! are done in single precision for speed: exp, exp2 and log within 0.89, log2, log10 and tanh within 0.98.
//!
//! Zeros, infinities and NaN in `arctan2` and `power`, and `arctan2` of numbers whose quotient leaves the range, are
//! left to the standard library, item by item.

mod complex;
mod double;
mod huge;
mod lanes;
mod pair;
mod single;
#[cfg(test)]
mod tests;
mod wide;

pub(crate) use complex::{complex, complex_power, complex_sqrt};
use double::{exponential, hyperbolic, inverse, logarithm, power, trigonometric};
use lanes::{Binary, Unary};
use ndfolio_store::Bytes;

use crate::simd::Level;

/// A function of one number, by NumPy's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    Exp,
    Exp2,
    Expm1,
    Log,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Arcsinh,
    Arccosh,
    Arctanh,
    Cbrt,
}

impl Function {
    /// Whether finite numbers give finite ones, and infinities no NaN.
    fn is_always_finite(self) -> bool {
        matches!(self, Function::Arctan | Function::Tanh | Function::Arcsinh | Function::Cbrt)
    }
}

/// A function of two numbers, by NumPy's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function2 {
    Power,
    Arctan2,
    Hypot,
    Logaddexp,
    Logaddexp2,
}

/// Runs a loop of `$of`; where an item `$is_hard`, of `$any`.
macro_rules! each {
    ($level:ident, $items:ident, $out:ident, $item:ty, |$x:ident| $of:expr $(, $is_hard:expr => $any:expr, $patch:literal)?) => {{
        struct This;
        impl Unary<{ size_of::<$item>() }> for This {
            #[inline(always)]
            fn of(item: [u8; size_of::<$item>()]) -> [u8; size_of::<$item>()] {
                let $x = <$item>::from_ne_bytes(item);
                <$item>::to_ne_bytes($of)
            }
            $(
                const ITEM_BY_ITEM: bool = $patch;
                #[inline(always)]
                fn is_hard(item: [u8; size_of::<$item>()]) -> bool {
                    let $x = <$item>::from_ne_bytes(item);
                    $is_hard
                }
                #[inline(always)]
                fn of_any(item: [u8; size_of::<$item>()]) -> [u8; size_of::<$item>()] {
                    let $x = <$item>::from_ne_bytes(item);
                    <$item>::to_ne_bytes($any)
                }
            )?
        }
        lanes::each::<This, { size_of::<$item>() }>($level, $items, $out)
    }};
}

/// A function of every double in `items`; as many as both have. Whether it is known that nothing but NaN gave NaN,
/// and nothing finite an infinity.
pub(crate) fn map_f64(level: Level, f: Function, items: Bytes<'_>, out: &mut [u8]) -> bool {
    // What is not hard is finite. Without a hard case nothing is known.
    macro_rules! of {
        ($of:path) => {{
            each!(level, items, out, f64, |x| $of(x));
            f.is_always_finite()
        }};
        ($of:path, far: $any:path) => {{
            each!(level, items, out, f64, |x| $of(x), trigonometric::is_far(x) => $any(x), true);
            false
        }};
        ($of:path, unless $is_hard:path => $any:path) => {
            each!(level, items, out, f64, |x| $of(x), $is_hard(x) => $any(x), false)
        };
    }
    match f {
        Function::Exp => of!(exponential::exp_near, unless exponential::is_far_for_exp => exponential::exp),
        Function::Exp2 => {
            of!(exponential::exp2_near, unless exponential::is_far_for_exp2 => exponential::exp2)
        }
        Function::Expm1 => of!(exponential::expm1),
        Function::Log => {
            of!(logarithm::log_normal, unless logarithm::is_not_positive_normal => logarithm::log)
        }
        Function::Log2 => {
            of!(logarithm::log2_normal, unless logarithm::is_not_positive_normal => logarithm::log2)
        }
        Function::Log10 => {
            of!(logarithm::log10_normal, unless logarithm::is_not_positive_normal => logarithm::log10)
        }
        Function::Log1p => {
            of!(logarithm::log1p_inside, unless logarithm::is_hard_for_log1p => logarithm::log1p)
        }
        Function::Sin => of!(trigonometric::sin, far: trigonometric::sin_far),
        Function::Cos => of!(trigonometric::cos, far: trigonometric::cos_far),
        Function::Tan => of!(trigonometric::tan, far: trigonometric::tan_far),
        Function::Arcsin => of!(inverse::arcsin),
        Function::Arccos => of!(inverse::arccos),
        Function::Arctan => of!(inverse::arctan),
        Function::Sinh => of!(hyperbolic::sinh),
        Function::Cosh => of!(hyperbolic::cosh),
        Function::Tanh => of!(hyperbolic::tanh),
        Function::Arcsinh => of!(hyperbolic::arcsinh),
        Function::Arccosh => of!(hyperbolic::arccosh),
        Function::Arctanh => of!(hyperbolic::arctanh),
        Function::Cbrt => of!(inverse::cbrt),
    }
}

/// As [`map_f64`], of every single.
pub(crate) fn map_f32(level: Level, f: Function, items: Bytes<'_>, out: &mut [u8]) -> bool {
    macro_rules! of {
        (double: $of:path) => {{
            each!(level, items, out, f32, |x| $of(f64::from(x)) as f32);
            f.is_always_finite()
        }};
        ($of:path) => {{
            each!(level, items, out, f32, |x| $of(x));
            f.is_always_finite()
        }};
        ($of:path, far: $any:path) => {{
            each!(level, items, out, f32, |x| $of(x), single::is_far(x) => $any(f64::from(x)) as f32, true);
            false
        }};
        ($of:path, unless $is_hard:path => $any:path) => {
            each!(level, items, out, f32, |x| $of(x), $is_hard(x) => $any(x), false)
        };
    }
    match f {
        Function::Exp => of!(single::exp_near, unless single::is_far_for_exp => single::exp),
        Function::Exp2 => of!(single::exp2_near, unless single::is_far_for_exp2 => single::exp2),
        Function::Expm1 => of!(double: wide::expm1),
        Function::Log => of!(single::log_normal, unless single::is_not_positive_normal => single::log),
        Function::Log2 => {
            of!(single::log2_normal, unless single::is_not_positive_normal => single::log2)
        }
        Function::Log10 => {
            of!(single::log10_normal, unless single::is_not_positive_normal => single::log10)
        }
        Function::Log1p => of!(double: wide::log1p),
        Function::Sin => of!(single::sin, far: trigonometric::sin_far),
        Function::Cos => of!(single::cos, far: trigonometric::cos_far),
        Function::Tan => of!(single::tan, far: trigonometric::tan_far),
        Function::Arcsin => of!(double: wide::arcsin),
        Function::Arccos => of!(double: wide::arccos),
        Function::Arctan => of!(double: wide::arctan),
        Function::Sinh => of!(double: wide::sinh),
        Function::Cosh => of!(double: wide::cosh),
        Function::Tanh => of!(single::tanh),
        Function::Arcsinh => of!(double: wide::arcsinh),
        Function::Arccosh => of!(double: wide::arccosh),
        Function::Arctanh => of!(double: wide::arctanh),
        Function::Cbrt => of!(double: wide::cbrt),
    }
}

/// As [`each`], of two operands.
macro_rules! zip {
    ($level:ident, $left:ident, $right:ident, $out:ident, $item:ty, |$a:ident, $b:ident| $of:expr $(, $is_hard:expr => $any:expr)?) => {{
        struct This;
        impl Binary<{ size_of::<$item>() }> for This {
            #[inline(always)]
            fn of(a: [u8; size_of::<$item>()], b: [u8; size_of::<$item>()]) -> [u8; size_of::<$item>()] {
                let ($a, $b) = (<$item>::from_ne_bytes(a), <$item>::from_ne_bytes(b));
                <$item>::to_ne_bytes($of)
            }
            $(
                #[inline(always)]
                fn is_hard(a: [u8; size_of::<$item>()], b: [u8; size_of::<$item>()]) -> bool {
                    let ($a, $b) = (<$item>::from_ne_bytes(a), <$item>::from_ne_bytes(b));
                    $is_hard
                }
                #[inline(always)]
                fn of_any(a: [u8; size_of::<$item>()], b: [u8; size_of::<$item>()]) -> [u8; size_of::<$item>()] {
                    let ($a, $b) = (<$item>::from_ne_bytes(a), <$item>::from_ne_bytes(b));
                    <$item>::to_ne_bytes($any)
                }
            )?
        }
        lanes::zip::<This, { size_of::<$item>() }>($level, $left, $right, $out)
    }};
}

/// A function of every two doubles; as many as all three have.
pub(crate) fn zip_f64(level: Level, f: Function2, a: Bytes<'_>, b: Bytes<'_>, out: &mut [u8]) {
    macro_rules! of {
        ($of:path) => {
            zip!(level, a, b, out, f64, |x, y| $of(x, y))
        };
        ($of:path, unless $is_hard:path => $any:path) => {
            zip!(level, a, b, out, f64, |x, y| $of(x, y), $is_hard(x, y) => $any(x, y))
        };
    }
    match f {
        Function2::Power => of!(power::power, unless power::is_hard_for_power => f64::powf),
        Function2::Arctan2 => of!(inverse::arctan2, unless inverse::is_hard_for_arctan2 => f64::atan2),
        Function2::Hypot => of!(power::hypot),
        Function2::Logaddexp => of!(power::logaddexp),
        Function2::Logaddexp2 => of!(power::logaddexp2),
    }
}

/// A function of every two singles; as many as all three have.
pub(crate) fn zip_f32(level: Level, f: Function2, a: Bytes<'_>, b: Bytes<'_>, out: &mut [u8]) {
    macro_rules! of {
        ($of:path) => {
            zip!(level, a, b, out, f32, |x, y| $of(f64::from(x), f64::from(y)) as f32)
        };
        ($of:path, unless $is_hard:path => $any:path) => {
            zip!(
                level,
                a,
                b,
                out,
                f32,
                |x, y| $of(f64::from(x), f64::from(y)) as f32,
                $is_hard(f64::from(x), f64::from(y)) => $any(x, y)
            )
        };
    }
    match f {
        Function2::Power => of!(wide::power, unless power::is_hard_for_power => f32::powf),
        Function2::Arctan2 => of!(wide::arctan2, unless inverse::is_hard_for_arctan2 => f32::atan2),
        Function2::Hypot => of!(power::hypot_of_singles),
        Function2::Logaddexp => of!(power::logaddexp),
        Function2::Logaddexp2 => of!(power::logaddexp2),
    }
}
