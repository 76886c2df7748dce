//! Truth values.

use super::{
    Ufunc,
    loops::{binary, ternary, unary},
    run::{Inputs, Out},
};
use crate::simd::Level;

pub(super) fn run(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    use Ufunc::*;
    let [a, b, _] = inputs;
    match ufunc {
        Add | LogicalOr | BitwiseOr | Maximum | Fmax => binary(level, [a, b], out, |a: bool, b: bool| a | b),
        Multiply | LogicalAnd | BitwiseAnd | Minimum | Fmin => {
            binary(level, [a, b], out, |a: bool, b: bool| a & b);
        }
        NotEqual | LogicalXor | BitwiseXor => binary(level, [a, b], out, |a: bool, b: bool| a ^ b),
        Equal => binary(level, [a, b], out, |a: bool, b: bool| a == b),
        Less => binary(level, [a, b], out, |a: bool, b: bool| !a & b),
        LessEqual => binary(level, [a, b], out, |a: bool, b: bool| !a | b),
        LogicalNot | Invert => unary(level, a, out, |a: bool| !a),
        Clip => ternary(level, inputs, out, |x: bool, low: bool, high: bool| (x | low) & high),
        Isnan | Isinf => out.fill(0),
        Isfinite => out.fill(1),
        // What is left keeps truth values as they are: absolute, floor, ceil, trunc.
        _ => unary(level, a, out, |a: bool| a),
    }
}
