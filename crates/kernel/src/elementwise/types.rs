//! Which numbers a function has loops for, in the order in which NumPy looks through them.

use ndfolio_layout::{DType, Kind};

use super::Ufunc;
use crate::{Casting, can_cast};

/// The kinds of loops, in NumPy's order.
const KINDS: [Kind; 14] = [
    Kind::Bool,
    Kind::Int8,
    Kind::UInt8,
    Kind::Int16,
    Kind::UInt16,
    Kind::Int32,
    Kind::UInt32,
    Kind::Int64,
    Kind::UInt64,
    Kind::Float16,
    Kind::Float32,
    Kind::Float64,
    Kind::Complex64,
    Kind::Complex128,
];

/// The families of numbers that a function has loops for: `b`ool, `i`ntegers, `f`loating-point, `c`omplex;
/// `w`ide ones only.
fn families(ufunc: Ufunc) -> &'static str {
    use Ufunc::*;
    match ufunc {
        Add | Multiply | Absolute | Minimum | Maximum | Fmin | Fmax | Clip | LogicalNot | Isnan | Isinf
        | Isfinite | Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => "bifc",
        Subtract | Negative | Positive | Power | Sign | Reciprocal | Square | Conjugate => "ifc",
        FloorDivide | Remainder | Fmod => "if",
        Floor | Ceil | Trunc => "bif",
        BitwiseAnd | BitwiseOr | BitwiseXor | Invert => "bi",
        LeftShift | RightShift | BitwiseCount | Gcd | Lcm => "i",
        FloatPower => "wfc",
        Fabs | Cbrt | Logaddexp | Logaddexp2 | Arctan2 | Hypot | Degrees | Radians | Signbit | Copysign
        | Nextafter | Spacing | Heaviside => "f",
        LogicalAnd | LogicalOr | LogicalXor => "b",
        Isnat | Ldexp | Real | Imag | Angle | Where | Round { .. } | NanToNum(_) => "",
        _ => "fc",
    }
}

/// The kind of the first loop to which all operands can be cast without a loss.
pub(super) fn first_loop(ufunc: Ufunc, operands: &[DType]) -> Option<Kind> {
    let families = families(ufunc);
    let wide = families.contains('w');
    KINDS.into_iter().find(|kind| {
        let family = if kind.is_unsigned() { 'i' } else { kind.letter() };
        families.contains(family) && !(wide && is_narrow(*kind)) && all_safe(operands, *kind)
    })
}

fn is_narrow(kind: Kind) -> bool {
    matches!(kind, Kind::Float16 | Kind::Float32 | Kind::Complex64)
}

fn all_safe(operands: &[DType], kind: Kind) -> bool {
    operands.iter().all(|from| can_cast(from, &DType::native(kind), Casting::Safe))
}

/// The kind of a function's results.
pub(super) fn output(ufunc: Ufunc, kind: Kind) -> Kind {
    use Ufunc::*;
    match (ufunc, kind) {
        (
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | LogicalAnd | LogicalOr
            | LogicalXor | LogicalNot | Isnan | Isinf | Isfinite | Isnat | Signbit,
            _,
        ) => Kind::Bool,
        (BitwiseCount, _) => Kind::UInt8,
        (Absolute | Real | Imag, Kind::Complex64) => Kind::Float32,
        (Absolute | Real | Imag, Kind::Complex128) => Kind::Float64,
        _ => kind,
    }
}

/// Whether it compares two items.
pub(super) fn is_comparison(ufunc: Ufunc) -> bool {
    use Ufunc::*;
    matches!(ufunc, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
}
