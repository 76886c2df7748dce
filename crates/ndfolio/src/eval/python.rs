//! Arithmetic on numbers that are written in an expression, as Python does it: their types stay weak.

use ndfolio_kernel::elementwise::Literal;
use num_complex::Complex;

use super::{BinaryOp, UnaryOp};

/// What becomes of two numbers; none where Python has no such operation.
pub(super) fn binary(op: BinaryOp, left: Literal, right: Literal) -> Option<Result<Literal, String>> {
    use Literal::{Bool, Complex as Cplx, Float, Int};
    match (plain(left), plain(right)) {
        (Int(a), Int(b)) => {
            let both = (left, right);
            match (op, both) {
                (BinaryOp::And, (Bool(a), Bool(b))) => Some(Ok(Bool(a & b))),
                (BinaryOp::Or, (Bool(a), Bool(b))) => Some(Ok(Bool(a | b))),
                (BinaryOp::Xor, (Bool(a), Bool(b))) => Some(Ok(Bool(a ^ b))),
                _ => Some(ints(op, a, b)),
            }
        }
        (Cplx(_), _) | (_, Cplx(_)) => complexes(op, as_complex(left), as_complex(right)),
        (Float(_), _) | (_, Float(_)) => floats(op, as_float(left), as_float(right)),
        _ => None,
    }
}

/// What a sign makes of a number; none where Python has no such operation.
pub(super) fn unary(op: UnaryOp, operand: Literal) -> Option<Result<Literal, String>> {
    let operand = plain(operand);
    Some(match (op, operand) {
        (UnaryOp::Positive, _) => Ok(operand),
        (UnaryOp::Negative, Literal::Int(n)) => n.checked_neg().map(Literal::Int).ok_or_else(too_large),
        (UnaryOp::Negative, Literal::Float(x)) => Ok(Literal::Float(-x)),
        (UnaryOp::Negative, Literal::Complex(z)) => Ok(Literal::Complex(-z)),
        (UnaryOp::Invert, Literal::Int(n)) => Ok(Literal::Int(!n)),
        _ => return None,
    })
}

/// Python's bools count as whole numbers in arithmetic.
fn plain(literal: Literal) -> Literal {
    match literal {
        Literal::Bool(truth) => Literal::Int(truth.into()),
        other => other,
    }
}

fn too_large() -> String {
    "the whole number is too large".to_owned()
}

fn ints(op: BinaryOp, a: i128, b: i128) -> Result<Literal, String> {
    let whole = |n: Option<i128>| n.map(Literal::Int).ok_or_else(too_large);
    let zero = || "division by zero".to_owned();
    match op {
        BinaryOp::Add => whole(a.checked_add(b)),
        BinaryOp::Subtract => whole(a.checked_sub(b)),
        BinaryOp::Multiply => whole(a.checked_mul(b)),
        BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder if b == 0 => Err(zero()),
        BinaryOp::Divide => Ok(Literal::Float(a as f64 / b as f64)),
        BinaryOp::FloorDivide => whole(floor_divided(a, b)),
        BinaryOp::Remainder => whole(floor_divided(a, b).map(|q| a - q * b)),
        BinaryOp::Power => match u32::try_from(b) {
            Ok(power) => whole(a.checked_pow(power)),
            Err(_) if b > 0 && (-1..=1).contains(&a) => {
                whole(Some(if a == -1 && b % 2 == 0 { 1 } else { a }))
            }
            Err(_) if b > 0 => Err(too_large()),
            Err(_) if a == 0 => Err("zero to a negative power".to_owned()),
            Err(_) => Ok(Literal::Float((a as f64).powf(b as f64))),
        },
        BinaryOp::LeftShift => shift(b).and_then(|by| whole(shifted_left(a, by))),
        BinaryOp::RightShift => shift(b).map(|by| Literal::Int(a >> by.min(127))),
        BinaryOp::And => Ok(Literal::Int(a & b)),
        BinaryOp::Or => Ok(Literal::Int(a | b)),
        BinaryOp::Xor => Ok(Literal::Int(a ^ b)),
        _ => Ok(Literal::Bool(compared(op, a.partial_cmp(&b)))),
    }
}

fn floor_divided(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn shift(by: i128) -> Result<u32, String> {
    if by < 0 { Err("negative shift count".to_owned()) } else { u32::try_from(by).map_err(|_| too_large()) }
}

fn shifted_left(a: i128, by: u32) -> Option<i128> {
    let shifted = a.checked_shl(by)?;
    (shifted >> by == a).then_some(shifted)
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Option<Result<Literal, String>> {
    let found = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder if b == 0.0 => {
            return Some(Err("division by zero".to_owned()));
        }
        BinaryOp::Divide => a / b,
        BinaryOp::FloorDivide => (a - modulo(a, b)) / b,
        BinaryOp::Remainder => modulo(a, b),
        BinaryOp::Power if a < 0.0 && b.fract() != 0.0 && b.is_finite() => {
            return complexes(op, a.into(), b.into());
        }
        BinaryOp::Power if a == 0.0 && b < 0.0 => return Some(Err("zero to a negative power".to_owned())),
        BinaryOp::Power => a.powf(b),
        BinaryOp::LeftShift | BinaryOp::RightShift | BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => {
            return None;
        }
        _ => return Some(Ok(Literal::Bool(compared(op, a.partial_cmp(&b))))),
    };
    let found = if op == BinaryOp::FloorDivide { found.round() } else { found };
    Some(Ok(Literal::Float(found)))
}

/// With the sign of the divisor.
fn modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

fn complexes(op: BinaryOp, a: Complex<f64>, b: Complex<f64>) -> Option<Result<Literal, String>> {
    let zero = Complex::new(0.0, 0.0);
    Some(Ok(Literal::Complex(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide if b == zero => return Some(Err("division by zero".to_owned())),
        BinaryOp::Divide => a / b,
        BinaryOp::Power if b == zero => Complex::new(1.0, 0.0),
        BinaryOp::Power if b.im == 0.0 && b.re.fract() == 0.0 && b.re.abs() <= 100.0 => a.powi(b.re as i32),
        BinaryOp::Power => a.powc(b),
        BinaryOp::Equal => return Some(Ok(Literal::Bool(a == b))),
        BinaryOp::NotEqual => return Some(Ok(Literal::Bool(a != b))),
        _ => return None,
    })))
}

fn as_float(literal: Literal) -> f64 {
    match plain(literal) {
        Literal::Int(n) => n as f64,
        Literal::Float(x) => x,
        Literal::Complex(z) => z.re,
        Literal::Bool(truth) => f64::from(u8::from(truth)),
    }
}

fn as_complex(literal: Literal) -> Complex<f64> {
    match literal {
        Literal::Complex(z) => z,
        other => as_float(other).into(),
    }
}

fn compared(op: BinaryOp, order: Option<std::cmp::Ordering>) -> bool {
    match (op, order) {
        (BinaryOp::NotEqual, order) => order.is_none_or(std::cmp::Ordering::is_ne),
        (_, None) => false,
        (BinaryOp::Less, Some(order)) => order.is_lt(),
        (BinaryOp::LessEqual, Some(order)) => order.is_le(),
        (BinaryOp::Greater, Some(order)) => order.is_gt(),
        (BinaryOp::GreaterEqual, Some(order)) => order.is_ge(),
        (_, Some(order)) => order.is_eq(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(op: BinaryOp, a: i128, b: i128) -> Literal {
        binary(op, Literal::Int(a), Literal::Int(b)).unwrap().unwrap()
    }

    #[test]
    fn as_python() {
        use BinaryOp::{Divide, FloorDivide, LeftShift, Less, Power, Remainder};
        assert_eq!(int(FloorDivide, -7, 2), Literal::Int(-4));
        assert_eq!(int(Remainder, -7, 2), Literal::Int(1));
        assert_eq!(int(Remainder, 7, -2), Literal::Int(-1));
        assert_eq!(int(Divide, 1, 4), Literal::Float(0.25));
        assert_eq!(int(Power, 2, -1), Literal::Float(0.5));
        assert_eq!(int(Power, -1, 1 << 40), Literal::Int(1));
        assert_eq!(int(LeftShift, 3, 4), Literal::Int(48));
        assert_eq!(int(Less, 3, 4), Literal::Bool(true));
        let float = |op, a, b| binary(op, Literal::Float(a), Literal::Float(b)).unwrap().unwrap();
        assert_eq!(float(Remainder, -7.5, 2.0), Literal::Float(0.5));
        assert_eq!(float(FloorDivide, -7.5, 2.0), Literal::Float(-4.0));
        assert!(matches!(float(Power, -8.0, 0.5), Literal::Complex(_)));
        assert!(binary(Divide, Literal::Int(1), Literal::Int(0)).unwrap().is_err());
        assert!(binary(LeftShift, Literal::Int(1), Literal::Int(200)).unwrap().is_err());
        assert_eq!(unary(UnaryOp::Invert, Literal::Bool(true)), Some(Ok(Literal::Int(-2))));
    }
}
