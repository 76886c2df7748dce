//! Floating-point numbers.

use ndfolio_layout::Kind;
use ndfolio_store::Bytes;

use super::{
    Replacements, Ufunc,
    items::Float,
    loops::{binary, each_pair, ternary, unary},
    run::{Inputs, Out},
};
use crate::{
    elementary::{Function, Function2},
    simd::Level,
};

pub(super) fn run<T: Float>(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    use Ufunc::*;
    let [x, y, _] = inputs;
    if let Some(function) = elementary(ufunc) {
        return T::map(level, function, x, out);
    }
    if let Some(function) = elementary_of_two(ufunc) {
        return T::zip(level, function, x, y, out);
    }
    match ufunc {
        Add | Subtract | Multiply | Divide | FloorDivide | Remainder | Fmod => {
            arithmetic::<T>(level, ufunc, inputs, out);
        }
        Equal | NotEqual | Less | LessEqual | LogicalNot | Isnan | Isinf | Isfinite | Signbit => {
            ask::<T>(level, ufunc, inputs, out);
        }
        Minimum | Maximum | Fmin | Fmax | Clip => extremes::<T>(level, ufunc, inputs, out),
        Sqrt | Floor | Ceil | Trunc | Rint | Round { .. } => round::<T>(level, ufunc, x, out),
        Copysign | Nextafter | Spacing | Heaviside | NanToNum(_) => places::<T>(level, ufunc, inputs, out),
        Angle => unary(level, x, out, angle::<T>),
        _ => signs::<T>(level, ufunc, x, out),
    }
}

/// The functions of one number that have a module of their own.
pub(super) fn elementary(ufunc: Ufunc) -> Option<Function> {
    Some(match ufunc {
        Ufunc::Exp => Function::Exp,
        Ufunc::Exp2 => Function::Exp2,
        Ufunc::Expm1 => Function::Expm1,
        Ufunc::Log => Function::Log,
        Ufunc::Log2 => Function::Log2,
        Ufunc::Log10 => Function::Log10,
        Ufunc::Log1p => Function::Log1p,
        Ufunc::Sin => Function::Sin,
        Ufunc::Cos => Function::Cos,
        Ufunc::Tan => Function::Tan,
        Ufunc::Arcsin => Function::Arcsin,
        Ufunc::Arccos => Function::Arccos,
        Ufunc::Arctan => Function::Arctan,
        Ufunc::Sinh => Function::Sinh,
        Ufunc::Cosh => Function::Cosh,
        Ufunc::Tanh => Function::Tanh,
        Ufunc::Arcsinh => Function::Arcsinh,
        Ufunc::Arccosh => Function::Arccosh,
        Ufunc::Arctanh => Function::Arctanh,
        Ufunc::Cbrt => Function::Cbrt,
        _ => return None,
    })
}

fn elementary_of_two(ufunc: Ufunc) -> Option<Function2> {
    Some(match ufunc {
        Ufunc::Power | Ufunc::FloatPower => Function2::Power,
        Ufunc::Arctan2 => Function2::Arctan2,
        Ufunc::Hypot => Function2::Hypot,
        Ufunc::Logaddexp => Function2::Logaddexp,
        Ufunc::Logaddexp2 => Function2::Logaddexp2,
        _ => return None,
    })
}

fn arithmetic<T: Float>(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Add => binary(level, [x, y], out, |a: T, b: T| a + b),
        Ufunc::Subtract => binary(level, [x, y], out, |a: T, b: T| a - b),
        Ufunc::Multiply => binary(level, [x, y], out, |a: T, b: T| a * b),
        Ufunc::Divide => binary(level, [x, y], out, |a: T, b: T| a / b),
        Ufunc::FloorDivide => each_pair([x, y], out, |a: T, b: T| floor_divide(a, b)),
        Ufunc::Remainder => each_pair([x, y], out, |a: T, b: T| remainder(a, b)),
        _ => each_pair([x, y], out, |a: T, b: T| a % b),
    }
}

/// The quotient and the remainder of the divisor's sign, step by step as NumPy has them.
fn divmod<T: Float>(a: T, b: T) -> (T, T) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest.zero() {
        rest = T::ZERO.copysign(b);
    } else if (b < T::ZERO) != (rest < T::ZERO) {
        rest = rest + b;
        quotient = quotient - T::ONE;
    }
    if quotient.zero() {
        return (T::ZERO.copysign(a / b), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > T::HALF { floor + T::ONE } else { floor }, rest)
}

fn floor_divide<T: Float>(a: T, b: T) -> T {
    if b.zero() { a / b } else { divmod(a, b).0 }
}

fn remainder<T: Float>(a: T, b: T) -> T {
    if b.zero() { a % b } else { divmod(a, b).1 }
}

fn ask<T: Float>(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    use Ufunc::*;
    match ufunc {
        Equal => binary(level, [x, y], out, |a: T, b: T| a == b),
        NotEqual => binary(level, [x, y], out, |a: T, b: T| a != b),
        Less => binary(level, [x, y], out, |a: T, b: T| a < b),
        LessEqual => binary(level, [x, y], out, |a: T, b: T| a <= b),
        LogicalNot => unary(level, x, out, |a: T| a.zero()),
        Isnan => unary(level, x, out, |a: T| a.nan()),
        Isinf => unary(level, x, out, |a: T| a.infinite()),
        Isfinite => unary(level, x, out, |a: T| !(a.nan() | a.infinite())),
        _ => unary(level, x, out, |a: T| a.negative_sign()),
    }
}

/// Of equal items the second, as the processor's instructions have it.
fn extremes<T: Float>(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    let [x, y, _] = inputs;
    match ufunc {
        Ufunc::Minimum => binary(level, [x, y], out, |a: T, b: T| if (a < b) | a.nan() { a } else { b }),
        Ufunc::Maximum => binary(level, [x, y], out, |a: T, b: T| if (a > b) | a.nan() { a } else { b }),
        Ufunc::Fmin => binary(level, [x, y], out, |a: T, b: T| if (a < b) | b.nan() { a } else { b }),
        Ufunc::Fmax => binary(level, [x, y], out, |a: T, b: T| if (a > b) | b.nan() { a } else { b }),
        _ => ternary(level, inputs, out, |x: T, low: T, high: T| {
            let raised = if (x >= low) | x.nan() { x } else { low };
            if (raised <= high) | raised.nan() { raised } else { high }
        }),
    }
}

fn round<T: Float>(level: Level, ufunc: Ufunc, x: Bytes<'_>, out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Sqrt => unary(level, x, out, |a: T| a.sqrt()),
        Ufunc::Floor => unary(level, x, out, |a: T| a.floor()),
        Ufunc::Ceil => unary(level, x, out, |a: T| a.ceil()),
        Ufunc::Trunc => unary(level, x, out, |a: T| a.trunc()),
        Ufunc::Round { decimals } if decimals != 0 => {
            let ten = T::of(power_of_ten(decimals.unsigned_abs()));
            if decimals > 0 {
                unary(level, x, out, move |a: T| (a * ten).rint() / ten);
            } else {
                unary(level, x, out, move |a: T| (a / ten).rint() * ten);
            }
        }
        _ => unary(level, x, out, |a: T| a.rint()),
    }
}

/// Ten to a power, multiplied as NumPy does it.
pub(super) fn power_of_ten(exponent: u32) -> f64 {
    let (start, left) = if exponent < 9 { (1.0, exponent) } else { (1e9, exponent - 9) };
    (0..left.min(400)).fold(start, |power, _| power * 10.0)
}

fn places<T: Float>(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Copysign => binary(level, [x, y], out, |a: T, b: T| a.copysign(b)),
        Ufunc::Nextafter => each_pair([x, y], out, nextafter::<T>),
        Ufunc::Spacing => unary(level, x, out, spacing::<T>),
        Ufunc::NanToNum(replacements) => nan_to_num::<T>(level, replacements, x, out),
        _ => binary(level, [x, y], out, |a: T, zero: T| match () {
            () if a.nan() => a,
            () if a.zero() => zero,
            () if a < T::ZERO => T::ZERO,
            () => T::ONE,
        }),
    }
}

fn nextafter<T: Float>(a: T, b: T) -> T {
    match () {
        () if a.nan() | b.nan() => a + b,
        () if a == b => b,
        () if a < b => a.next_up(),
        () => a.next_down(),
    }
}

/// The distance to the next number away from zero.
pub(super) fn spacing<T: Float>(a: T) -> T {
    match () {
        () if a.nan() => a,
        () if a.infinite() => T::NAN,
        () if a < T::ZERO => a.next_down() - a,
        () => a.next_up() - a,
    }
}

pub(super) fn nan_to_num<T: Float>(
    level: Level,
    replacements: Replacements,
    x: Bytes<'_>,
    out: &mut Out<'_>,
) {
    let nan = T::of(replacements.nan());
    let most = replacements.positive().map_or(T::MAX, T::of);
    let least = replacements.negative().map_or(T::MIN, T::of);
    unary(level, x, out, move |a: T| {
        let infinite = if a < T::ZERO { least } else { most };
        let finite = if a.infinite() { infinite } else { a };
        if a.nan() { nan } else { finite }
    });
}

/// The angle of a real number in the complex plane.
#[inline(always)]
fn angle<T: Float>(a: T) -> T {
    match () {
        () if a.nan() => a,
        () if a.negative_sign() => T::RADIANS * T::of(180.0),
        () => T::ZERO,
    }
}

fn signs<T: Float>(level: Level, ufunc: Ufunc, x: Bytes<'_>, out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Negative => unary(level, x, out, |a: T| -a),
        Ufunc::Absolute | Ufunc::Fabs => unary(level, x, out, |a: T| a.abs()),
        Ufunc::Sign => unary(level, x, out, |a: T| match () {
            () if a > T::ZERO => T::ONE,
            () if a < T::ZERO => -T::ONE,
            () if a.zero() => T::ZERO,
            () => a,
        }),
        Ufunc::Reciprocal => unary(level, x, out, |a: T| T::ONE / a),
        Ufunc::Square => unary(level, x, out, |a: T| a * a),
        Ufunc::Degrees => unary(level, x, out, |a: T| a * T::DEGREES),
        Ufunc::Radians => unary(level, x, out, |a: T| a * T::RADIANS),
        // What is left keeps real numbers as they are: positive, conjugate.
        _ => x.copy_to(out),
    }
}

/// Times a power of two.
pub(super) fn ldexp(kind: Kind, exponent: Kind, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    match (kind, exponent) {
        (Kind::Float16, Kind::Int32) => {
            each_pair([x, y], out, |a: half::f16, n: i32| scaled_half(a, n.into()));
        }
        (Kind::Float16, _) => each_pair([x, y], out, scaled_half),
        (Kind::Float32, Kind::Int32) => each_pair([x, y], out, |a: f32, n: i32| a.scaled(n.into())),
        (Kind::Float32, _) => each_pair([x, y], out, |a: f32, n: i64| a.scaled(n)),
        (_, Kind::Int32) => each_pair([x, y], out, |a: f64, n: i32| a.scaled(n.into())),
        _ => each_pair([x, y], out, |a: f64, n: i64| a.scaled(n)),
    }
}

fn scaled_half(a: half::f16, exponent: i64) -> half::f16 {
    half::f16::from_f32(a.to_f32().scaled(exponent))
}
