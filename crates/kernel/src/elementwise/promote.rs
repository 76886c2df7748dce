//! The dtype that holds the items of several: NumPy's `result_type`.

use ndfolio_layout::{DType, Kind};

use super::{Literal, Operand, times};
use crate::{Casting, KernelError, can_cast};

/// The dtype that all operands are cast to where they meet: NumPy's `result_type`, native.
///
/// # Errors
/// [`KernelError::Promotion`] and others with NumPy's words, where there is none.
pub fn result_type(operands: &[Operand]) -> Result<DType, KernelError> {
    let strong = operands.iter().filter(|operand| operand.weak().is_none());
    let mut common: Option<DType> = None;
    for operand in strong {
        let dtype = operand.dtype().with_byte_order(ndfolio_layout::ByteOrder::NATIVE);
        common = Some(match common {
            Some(common) => promote(&common, &dtype)?,
            None => dtype,
        });
    }
    for literal in operands.iter().filter_map(Operand::weak) {
        common = Some(match common {
            Some(common) => give_way(literal, &common)?,
            None => literal_alone(literal),
        });
    }
    Ok(common.unwrap_or_else(|| DType::native(Kind::Float64)))
}

/// NumPy's choice for an integer of the program is int64, however large.
fn literal_alone(literal: Literal) -> DType {
    match literal {
        Literal::Int(_) => DType::native(Kind::Int64),
        other => other.dtype(),
    }
}

/// The common dtype of a number of the program and of arrays.
pub(super) fn give_way(literal: Literal, with: &DType) -> Result<DType, KernelError> {
    let none = || KernelError::Promotion { left: class(with), right: python_class(literal).to_owned() };
    let kind = with.kind().ok_or_else(none)?;
    let needed = match literal {
        Literal::Bool(_) => 0,
        Literal::Int(_) => 1,
        Literal::Float(_) => 2,
        Literal::Complex(_) => 3,
    };
    let there = match kind.letter() {
        'b' => 0,
        'i' | 'u' => 1,
        'f' => 2,
        'c' => 3,
        'm' if needed <= 1 => 1,
        _ => return Err(none()),
    };
    Ok(match (needed > there, kind) {
        (false, _) => with.clone(),
        (true, Kind::Float16 | Kind::Float32) => DType::native(Kind::Complex64),
        (true, Kind::LongDouble) => DType::native(Kind::CLongDouble),
        (true, _) => literal_alone(literal),
    })
}

/// The common dtype of two.
pub(super) fn promote(a: &DType, b: &DType) -> Result<DType, KernelError> {
    if a == b {
        return Ok(a.clone());
    }
    let none = || KernelError::Promotion { left: class(a), right: class(b) };
    let (Some(x), Some(y)) = (a.kind(), b.kind()) else { return promote_structures(a, b) };
    let number = |kind: Kind| matches!(kind.letter(), 'b' | 'i' | 'u' | 'f' | 'c');
    let kind = match (x, y) {
        _ if number(x) && number(y) => numbers(x, y),
        (Kind::Bytes(n), Kind::Bytes(m)) => Kind::Bytes(n.max(m)),
        (Kind::Unicode(n) | Kind::Bytes(n), Kind::Unicode(m) | Kind::Bytes(m)) => Kind::Unicode(n.max(m)),
        (Kind::Bytes(n), other) | (other, Kind::Bytes(n)) if number(other) => {
            Kind::Bytes(n.max(digits(other)))
        }
        (Kind::Unicode(n), other) | (other, Kind::Unicode(n)) if number(other) => {
            Kind::Unicode(n.max(digits(other)))
        }
        (Kind::Timedelta(_), other) | (other, Kind::Timedelta(_))
            if can_cast(&DType::native(other), &timedelta(x, y), Casting::Safe) && number(other) =>
        {
            return Ok(timedelta(x, y));
        }
        (Kind::Timedelta(u), Kind::Timedelta(v)) => Kind::Timedelta(times::common_unit(u, v, true)?),
        (Kind::Datetime(u) | Kind::Timedelta(u), Kind::Datetime(v) | Kind::Timedelta(v)) => {
            Kind::Datetime(times::common_unit(u, v, false)?)
        }
        (Kind::Void(_), Kind::Void(_)) => return Err(KernelError::VoidLengths),
        _ => return Err(none()),
    };
    Ok(DType::native(kind))
}

fn timedelta(x: Kind, y: Kind) -> DType {
    DType::native(if matches!(x, Kind::Timedelta(_)) { x } else { y })
}

/// Records of the same names, field by field; nothing else but numbers and text has a common dtype.
fn promote_structures(a: &DType, b: &DType) -> Result<DType, KernelError> {
    let none = || KernelError::Promotion { left: class(a), right: class(b) };
    let (DType::Struct(x), DType::Struct(y)) = (a, b) else { return Err(none()) };
    let names = |dtype: &DType| dtype.fields().iter().map(|f| f.name().to_owned()).collect::<Vec<_>>();
    if names(a) != names(b) {
        return Err(none());
    }
    let pairs = x.fields().iter().zip(y.fields());
    let parts: Result<Vec<_>, _> = pairs
        .map(|(x, y)| Ok(format!("('{}', {})", x.name(), descr(&promote(x.dtype(), y.dtype())?))))
        .collect();
    format!("[{}]", parts?.join(", ")).parse().map_err(|_| none())
}

fn descr(dtype: &DType) -> String {
    match dtype {
        DType::Scalar(_) => format!("'{dtype}'"),
        other => other.to_string(),
    }
}

/// The first in this order that holds both without a loss, as NumPy sees it.
fn numbers(x: Kind, y: Kind) -> Kind {
    const ORDER: [Kind; 16] = [
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
        Kind::LongDouble,
        Kind::Complex64,
        Kind::Complex128,
        Kind::CLongDouble,
    ];
    let holds = |kind: &Kind| {
        let dtype = DType::native(*kind);
        [x, y].iter().all(|from| can_cast(&DType::native(*from), &dtype, Casting::Safe))
    };
    ORDER.into_iter().find(holds).unwrap_or(Kind::CLongDouble)
}

/// The width of text that numbers of a kind are printed in.
fn digits(kind: Kind) -> u32 {
    match kind {
        Kind::Bool => 5,
        Kind::Int8 => 4,
        Kind::UInt8 => 3,
        Kind::Int16 => 6,
        Kind::UInt16 => 5,
        Kind::Int32 => 11,
        Kind::UInt32 => 10,
        Kind::Int64 => 21,
        Kind::UInt64 => 20,
        Kind::Float16 | Kind::Float32 | Kind::Float64 => 32,
        Kind::LongDouble => 48,
        Kind::Complex64 | Kind::Complex128 => 64,
        _ => 96,
    }
}

/// NumPy's name for the class of a dtype.
pub(super) fn class(dtype: &DType) -> String {
    let name = match dtype.kind() {
        Some(Kind::Bool) => "Bool".to_owned(),
        Some(Kind::LongDouble) => "LongDouble".to_owned(),
        Some(Kind::CLongDouble) => "CLongDouble".to_owned(),
        Some(kind) => match kind.letter() {
            'i' => format!("Int{}", kind.itemsize() * 8),
            'u' => format!("UInt{}", kind.itemsize() * 8),
            'f' => format!("Float{}", kind.itemsize() * 8),
            'c' => format!("Complex{}", kind.itemsize() * 8),
            'S' => "Bytes".to_owned(),
            'U' => "Str".to_owned(),
            'M' => "DateTime64".to_owned(),
            'm' => "TimeDelta64".to_owned(),
            _ => "Void".to_owned(),
        },
        None => "Void".to_owned(),
    };
    format!("<class 'numpy.dtypes.{name}DType'>")
}

/// NumPy's name for the class of a number of the program.
pub(super) fn python_class(literal: Literal) -> &'static str {
    match literal {
        Literal::Bool(_) => "<class 'numpy.dtypes.BoolDType'>",
        Literal::Int(_) => "<class 'numpy.dtypes._PyLongDType'>",
        Literal::Float(_) => "<class 'numpy.dtypes._PyFloatDType'>",
        Literal::Complex(_) => "<class 'numpy.dtypes._PyComplexDType'>",
    }
}
