use std::fmt;

use half::f16;
use ndfolio_layout::{DType, Kind, f16_from_f64};
use num_complex::Complex;

use super::items::Item;
use crate::KernelError;

/// What a function is applied to.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Items of a dtype.
    Array(DType),
    /// A number of the program, whose type gives way to those of arrays (NEP 50).
    Literal(Literal),
}

/// A number as Python has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// `True` or `False`, which count as an array of bool does.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A real number.
    Float(f64),
    /// A complex number.
    Complex(Complex<f64>),
}

impl Operand {
    /// The dtype where it is alone.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Operand::Array(dtype) => dtype.clone(),
            Operand::Literal(literal) => literal.dtype(),
        }
    }

    /// The literal, unless its type is as strong as an array's.
    pub(super) fn weak(&self) -> Option<Literal> {
        match self {
            Operand::Literal(Literal::Bool(_)) | Operand::Array(_) => None,
            Operand::Literal(literal) => Some(*literal),
        }
    }
}

impl Literal {
    /// The dtype that NumPy gives it where it is alone: bool, int64 (uint64 from 2^63 on), float64 or
    /// complex128.
    #[must_use]
    pub fn dtype(&self) -> DType {
        DType::native(match self {
            Literal::Bool(_) => Kind::Bool,
            Literal::Int(n) if *n > i128::from(i64::MAX) => Kind::UInt64,
            Literal::Int(_) => Kind::Int64,
            Literal::Float(_) => Kind::Float64,
            Literal::Complex(_) => Kind::Complex128,
        })
    }

    /// The bytes of one item of a native dtype. Floating-point numbers are rounded, to infinity where they are
    /// too large.
    ///
    /// # Errors
    /// [`KernelError::PythonInteger`] where the dtype has no such integer, [`KernelError::NoLiteral`] where it
    /// has no such kind of number.
    pub fn encode(&self, dtype: &DType) -> Result<Vec<u8>, KernelError> {
        let no_literal = || KernelError::NoLiteral { literal: self.to_string(), dtype: dtype.clone() };
        let kind = dtype.kind().ok_or_else(no_literal)?;
        match (*self, kind) {
            (Literal::Int(n), _) if kind.is_integer() => integer(n, kind, dtype),
            (Literal::Bool(b), _) if kind.is_integer() => integer(b.into(), kind, dtype),
            (Literal::Int(n), Kind::Timedelta(_)) => integer(n, Kind::Int64, dtype),
            (Literal::Bool(b), Kind::Timedelta(_)) => integer(b.into(), Kind::Int64, dtype),
            (_, Kind::Bool) => Ok(vec![u8::from(self.is_true())]),
            (Literal::Complex(_), _) if kind.is_float() => Err(no_literal()),
            _ => floats(self.as_complex(), kind).ok_or_else(no_literal),
        }
    }

    /// Whether it is not zero.
    pub(super) fn is_true(self) -> bool {
        let z = self.as_complex();
        z.re != 0.0 || z.im != 0.0
    }

    pub(super) fn as_complex(self) -> Complex<f64> {
        match self {
            Literal::Bool(b) => Complex::new(f64::from(u8::from(b)), 0.0),
            Literal::Int(n) => Complex::new(n as f64, 0.0),
            Literal::Float(x) => Complex::new(x, 0.0),
            Literal::Complex(z) => z,
        }
    }
}

fn integer(n: i128, kind: Kind, dtype: &DType) -> Result<Vec<u8>, KernelError> {
    let bytes = match kind {
        Kind::Int8 => i8::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        Kind::Int16 => i16::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        Kind::Int32 => i32::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        Kind::UInt8 => u8::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        Kind::UInt16 => u16::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        Kind::UInt32 => u32::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        Kind::UInt64 => u64::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
        _ => i64::try_from(n).map(|n| n.to_ne_bytes().to_vec()),
    };
    bytes.map_err(|_| KernelError::PythonInteger { value: n.to_string(), dtype: dtype.clone() })
}

fn floats(z: Complex<f64>, kind: Kind) -> Option<Vec<u8>> {
    let narrow = Complex::new(z.re as f32, z.im as f32);
    Some(match kind {
        Kind::Float16 => <f16 as Item>::write(f16_from_f64(z.re)).to_vec(),
        Kind::Float32 => narrow.re.to_ne_bytes().to_vec(),
        Kind::Float64 => z.re.to_ne_bytes().to_vec(),
        Kind::Complex64 => narrow.write().to_vec(),
        Kind::Complex128 => z.write().to_vec(),
        _ => return None,
    })
}

impl fmt::Display for Literal {
    /// As Python prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(true) => f.write_str("True"),
            Literal::Bool(false) => f.write_str("False"),
            Literal::Int(n) => n.fmt(f),
            Literal::Float(x) => ndfolio_layout::Value::from(*x).fmt(f),
            Literal::Complex(z) => ndfolio_layout::Value::from(*z).fmt(f),
        }
    }
}
