//! Integers, which wrap around.

use ndfolio_layout::Kind;
use ndfolio_store::Bytes;

use super::{
    Conditions, Ufunc,
    float::power_of_ten,
    items::Integer,
    loops::{binary, each, each_pair, ternary, unary},
    run::{Inputs, Out},
};
use crate::{KernelError, simd::Level};

/// Integers of a kind: what does not see the sign has one loop for both kinds of a width.
pub(super) fn run(
    level: Level,
    ufunc: Ufunc,
    kind: Kind,
    inputs: Inputs<'_>,
    out: &mut Out<'_>,
    conditions: &mut Conditions,
) -> Result<(), KernelError> {
    if sees_no_sign(ufunc) {
        match kind.itemsize() {
            1 => bits::<i8>(level, ufunc, inputs, out),
            2 => bits::<i16>(level, ufunc, inputs, out),
            4 => bits::<i32>(level, ufunc, inputs, out),
            _ => bits::<i64>(level, ufunc, inputs, out),
        }
        return Ok(());
    }
    match kind {
        Kind::Int8 => run_as::<i8>(level, ufunc, inputs, out, conditions),
        Kind::Int16 => run_as::<i16>(level, ufunc, inputs, out, conditions),
        Kind::Int32 => run_as::<i32>(level, ufunc, inputs, out, conditions),
        Kind::Int64 => run_as::<i64>(level, ufunc, inputs, out, conditions),
        Kind::UInt8 => run_as::<u8>(level, ufunc, inputs, out, conditions),
        Kind::UInt16 => run_as::<u16>(level, ufunc, inputs, out, conditions),
        Kind::UInt32 => run_as::<u32>(level, ufunc, inputs, out, conditions),
        _ => run_as::<u64>(level, ufunc, inputs, out, conditions),
    }
}

fn sees_no_sign(ufunc: Ufunc) -> bool {
    use Ufunc::*;
    let arithmetic = matches!(ufunc, Add | Subtract | Multiply | Negative | Square | LogicalNot);
    let bits = matches!(ufunc, BitwiseAnd | BitwiseOr | BitwiseXor | Invert | LeftShift | Equal | NotEqual);
    let same = matches!(ufunc, Positive | Conjugate | Floor | Ceil | Trunc);
    arithmetic || bits || same || matches!(ufunc, Isnan | Isinf | Isfinite)
}

fn bits<T: Integer>(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    use Ufunc::*;
    match ufunc {
        Add => binary(level, [x, y], out, |a: T, b: T| a.add(b)),
        Subtract => binary(level, [x, y], out, |a: T, b: T| a.sub(b)),
        Multiply => binary(level, [x, y], out, |a: T, b: T| a.mul(b)),
        Negative => unary(level, x, out, |a: T| a.neg()),
        Square => unary(level, x, out, |a: T| a.mul(a)),
        Equal => binary(level, [x, y], out, |a: T, b: T| a == b),
        NotEqual => binary(level, [x, y], out, |a: T, b: T| a != b),
        LogicalNot => unary(level, x, out, |a: T| a == T::ZERO),
        BitwiseAnd => binary(level, [x, y], out, |a: T, b: T| a.and(b)),
        BitwiseOr => binary(level, [x, y], out, |a: T, b: T| a.or(b)),
        BitwiseXor => binary(level, [x, y], out, |a: T, b: T| a.xor(b)),
        Invert => unary(level, x, out, |a: T| a.not()),
        LeftShift => binary(level, [x, y], out, |a: T, b: T| a.shl(b)),
        Isnan | Isinf => out.fill(0),
        Isfinite => out.fill(1),
        // What is left keeps integers as they are: positive, conjugate, floor, ceil, trunc.
        _ => x.copy_to(out),
    }
}

fn run_as<T: Integer>(
    level: Level,
    ufunc: Ufunc,
    inputs: Inputs<'_>,
    out: &mut Out<'_>,
    conditions: &mut Conditions,
) -> Result<(), KernelError> {
    use Ufunc::*;
    match ufunc {
        FloorDivide | Remainder | Fmod | Reciprocal => divide::<T>(ufunc, inputs, out, conditions),
        Power => return power::<T>(inputs, out),
        Round { decimals } => round::<T>(decimals, inputs[0], out),
        _ => ordered::<T>(level, ufunc, inputs, out),
    }
    Ok(())
}

fn ordered<T: Integer>(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    use Ufunc::*;
    let [x, y, _] = inputs;
    match ufunc {
        Less => binary(level, [x, y], out, |a: T, b: T| a < b),
        LessEqual => binary(level, [x, y], out, |a: T, b: T| a <= b),
        Minimum | Fmin => binary(level, [x, y], out, |a: T, b: T| if a < b { a } else { b }),
        Maximum | Fmax => binary(level, [x, y], out, |a: T, b: T| if a > b { a } else { b }),
        Clip => ternary(level, inputs, out, |x: T, low: T, high: T| {
            let raised = if x < low { low } else { x };
            if raised > high { high } else { raised }
        }),
        Absolute => unary(level, x, out, |a: T| a.abs()),
        Sign => unary(level, x, out, |a: T| a.sign()),
        RightShift => binary(level, [x, y], out, |a: T, b: T| a.shr(b)),
        BitwiseCount => unary(level, x, out, |a: T| a.ones()),
        Gcd => each_pair([x, y], out, |a: T, b: T| a.gcd(b)),
        _ => each_pair([x, y], out, |a: T, b: T| a.lcm(b)),
    }
}

/// Division by zero gives zero, and that of the least integer by -1 wraps.
fn divide<T: Integer>(ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>, conditions: &mut Conditions) {
    let mut zeros = 0;
    let mut guarded = |a: T, b: T, of: fn(T, T) -> T| {
        zeros += u64::from(b == T::ZERO);
        if b == T::ZERO { T::ZERO } else { of(a, b) }
    };
    match ufunc {
        Ufunc::FloorDivide => {
            let mut wrapped = 0;
            let minus_one = T::ZERO.sub(T::ONE);
            each_pair([x, y], out, |a: T, b: T| {
                wrapped += u64::from(T::SIGNED && b == minus_one && a != T::ZERO && a == a.neg());
                guarded(a, b, T::floor_div)
            });
            conditions.overflow += wrapped;
        }
        Ufunc::Remainder => each_pair([x, y], out, |a: T, b: T| guarded(a, b, T::floor_rem)),
        Ufunc::Fmod => each_pair([x, y], out, |a: T, b: T| guarded(a, b, T::rem)),
        _ => {
            each(x, out, |a: T| {
                zeros += u64::from(a == T::ZERO);
                a.reciprocal()
            });
            conditions.invalid += zeros;
        }
    }
    conditions.divide += zeros;
}

fn power<T: Integer>([x, y, _]: Inputs<'_>, out: &mut Out<'_>) -> Result<(), KernelError> {
    let mut negative = false;
    each_pair([x, y], out, |a: T, b: T| {
        a.power(b).unwrap_or_else(|| {
            negative = true;
            T::ZERO
        })
    });
    if negative { Err(KernelError::NegativePower) } else { Ok(()) }
}

/// Places before the point, as NumPy rounds them: in double precision.
fn round<T: Integer>(decimals: i32, x: Bytes<'_>, out: &mut Out<'_>) {
    let ten = power_of_ten(decimals.unsigned_abs());
    each(x, out, |a: T| T::of_f64((a.to_f64() / ten).round_ties_even() * ten));
}

/// Comparisons of an int64 with a uint64; `first` is the kind of the first of them.
pub(super) fn mixed(
    level: Level,
    ufunc: Ufunc,
    first: Option<Kind>,
    [x, y, _]: Inputs<'_>,
    out: &mut Out<'_>,
) {
    if first == Some(Kind::Int64) {
        return signed_first(level, ufunc, [x, y], out);
    }
    let turned = match ufunc {
        Ufunc::Less => Ufunc::Greater,
        Ufunc::LessEqual => Ufunc::GreaterEqual,
        Ufunc::Greater => Ufunc::Less,
        Ufunc::GreaterEqual => Ufunc::LessEqual,
        other => other,
    };
    signed_first(level, turned, [y, x], out);
}

fn signed_first(level: Level, ufunc: Ufunc, inputs: [Bytes<'_>; 2], out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Equal => binary(level, inputs, out, |a: i64, b: u64| a >= 0 && a as u64 == b),
        Ufunc::NotEqual => binary(level, inputs, out, |a: i64, b: u64| a < 0 || a as u64 != b),
        Ufunc::Less => binary(level, inputs, out, |a: i64, b: u64| a < 0 || (a as u64) < b),
        Ufunc::LessEqual => binary(level, inputs, out, |a: i64, b: u64| a < 0 || a as u64 <= b),
        Ufunc::Greater => binary(level, inputs, out, |a: i64, b: u64| a >= 0 && a as u64 > b),
        _ => binary(level, inputs, out, |a: i64, b: u64| a >= 0 && a as u64 >= b),
    }
}
