//! From a function and its operands to a loop, as NumPy's type resolution goes.

use ndfolio_layout::{ByteOrder, DType, Kind};

use super::{
    Body, Literal, Loop, Operand, Ufunc,
    promote::{class, give_way, python_class, result_type},
    select, text, times,
    types::{first_loop, is_comparison, output},
};
use crate::{Casting, KernelError, can_cast};

impl Ufunc {
    /// Finds the loop for these operands, as NumPy's type resolution does.
    ///
    /// # Errors
    /// With NumPy's words, where there is no such loop or no common dtype.
    pub fn resolve(&self, operands: &[Operand]) -> Result<Loop, KernelError> {
        if operands.len() != self.arity() {
            return Err(KernelError::OperandCount {
                ufunc: self.name(),
                wanted: self.arity(),
                found: operands.len(),
            });
        }
        match self {
            Ufunc::Where => return select::resolve(operands),
            Ufunc::Real | Ufunc::Imag | Ufunc::Angle => return resolve_part(*self, operands),
            Ufunc::Round { .. } | Ufunc::NanToNum(_) => return resolve_valued(*self, operands),
            _ => {}
        }
        let kinds = || operands.iter().filter_map(|operand| operand.dtype().kind());
        if kinds().any(|kind| matches!(kind.letter(), 'm' | 'M')) {
            return times::resolve(*self, operands);
        }
        if kinds().any(|kind| matches!(kind.letter(), 'S' | 'U')) {
            return text::resolve(*self, operands);
        }
        match self {
            Ufunc::Isnat => Err(KernelError::NotATime),
            Ufunc::Ldexp => resolve_ldexp(operands),
            Ufunc::Power => resolve_power(operands),
            Ufunc::Clip => resolve_clip(operands),
            Ufunc::LogicalAnd | Ufunc::LogicalOr | Ufunc::LogicalXor => resolve_logical(*self, operands),
            _ if is_comparison(*self) => resolve_comparison(*self, operands),
            _ => resolve_numbers(*self, operands),
        }
    }
}

/// The dtypes of operands, where numbers of the program have given way to the arrays.
pub(super) fn effective(operands: &[Operand]) -> Result<Vec<DType>, KernelError> {
    let strong: Vec<Operand> = operands.iter().filter(|operand| operand.weak().is_none()).cloned().collect();
    let common = if strong.is_empty() { result_type(operands)? } else { result_type(&strong)? };
    let one = |operand: &Operand| match operand.weak() {
        Some(literal) => give_way(literal, &common),
        None => Ok(operand.dtype().with_byte_order(ByteOrder::NATIVE)),
    };
    operands.iter().map(one).collect()
}

fn no_loop(ufunc: Ufunc, operands: &[Operand]) -> KernelError {
    let dtypes: Vec<DType> = operands.iter().map(Operand::dtype).collect();
    let bools = dtypes.iter().all(|dtype| dtype.kind() == Some(Kind::Bool));
    match ufunc {
        Ufunc::Subtract if bools => KernelError::BoolSubtract,
        Ufunc::Negative if bools => KernelError::BoolNegative,
        Ufunc::Positive | Ufunc::Sign if bools => no_signature(ufunc, operands),
        Ufunc::Gcd | Ufunc::Lcm => no_signature(ufunc, operands),
        _ => KernelError::NoLoop { ufunc: ufunc.name(), operands: names(operands), way: way(ufunc, &dtypes) },
    }
}

/// The dtypes of operands, by name.
pub(super) fn names(operands: &[Operand]) -> String {
    let name = |operand: &Operand| {
        let dtype = operand.dtype();
        dtype.kind().map_or_else(|| dtype.to_string(), |kind| kind.name())
    };
    operands.iter().map(name).collect::<Vec<_>>().join(" and ")
}

/// NumPy's message where a function has no loop for these classes of dtypes.
pub(super) fn no_signature(ufunc: Ufunc, operands: &[Operand]) -> KernelError {
    let name = |operand: &Operand| match operand {
        Operand::Array(dtype) => class(dtype),
        Operand::Literal(literal) => python_class(*literal).to_owned(),
    };
    let names: Vec<String> = operands.iter().map(name).collect();
    let types = if let [one] = &names[..] { one.clone() } else { format!("({})", names.join(", ")) };
    KernelError::NoSignature { ufunc: ufunc.name(), types }
}

fn way(ufunc: Ufunc, dtypes: &[DType]) -> &'static str {
    let any =
        |letter: char| dtypes.iter().any(|dtype| dtype.kind().is_some_and(|kind| kind.letter() == letter));
    if dtypes.iter().any(|dtype| dtype.as_scalar().is_none()) {
        return "; select a field of the records";
    }
    if dtypes.iter().any(|dtype| matches!(dtype.kind(), Some(Kind::LongDouble | Kind::CLongDouble))) {
        return "; long doubles are not computed with, cast them to float64 or complex128";
    }
    match ufunc {
        _ if any('S') || any('U') || any('V') => "; text and void are not computed with",
        _ if any('c') => "; it has no loop for complex numbers, use abs, real or imag of them",
        _ if any('f') => "; it takes integers, cast to them first",
        _ => "",
    }
}

/// The loop of one kind for all operands.
fn uniform(ufunc: Ufunc, kind: Kind, arity: usize) -> Loop {
    let inputs = vec![DType::native(kind); arity];
    let (ufunc, uses) = match ufunc {
        Ufunc::Greater => (Ufunc::Less, [1, 0, 2]),
        Ufunc::GreaterEqual => (Ufunc::LessEqual, [1, 0, 2]),
        _ => (ufunc, [0, 1, 2]),
    };
    let output = DType::native(output(ufunc, kind));
    Loop::new(Body::Number(ufunc, kind), inputs, output).using(uses)
}

fn resolve_numbers(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    let dtypes = effective(operands).map_err(|_| no_loop(ufunc, operands))?;
    let counts = |dtype: &DType| dtype.kind().is_some_and(|kind| kind == Kind::Bool || kind.is_integer());
    let kind = match ufunc {
        Ufunc::Divide if dtypes.iter().all(counts) => Some(Kind::Float64),
        Ufunc::Gcd | Ufunc::Lcm | Ufunc::Subtract | Ufunc::Positive | Ufunc::Sign | Ufunc::Negative
            if dtypes.iter().all(|dtype| dtype.kind() == Some(Kind::Bool)) =>
        {
            None
        }
        _ => first_loop(ufunc, &dtypes),
    };
    kind.map(|kind| uniform(ufunc, kind, operands.len())).ok_or_else(|| no_loop(ufunc, operands))
}

/// All numbers are true or false.
fn resolve_logical(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    match operands.iter().all(|operand| is_number(&operand.dtype())) {
        true => Ok(uniform(ufunc, Kind::Bool, operands.len())),
        false => Err(no_loop(ufunc, operands)),
    }
}

fn is_number(dtype: &DType) -> bool {
    dtype
        .kind()
        .is_some_and(|kind| kind == Kind::Bool || kind.is_integer() || kind.is_float() || kind.is_complex())
}

/// Integers of both signs are compared as they are, and with numbers that their dtype does not have.
fn resolve_comparison(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    if let Some(always) = out_of_range(ufunc, operands) {
        let inputs = operands.iter().map(ignored).collect();
        return Ok(Loop::new(Body::Always(always), inputs, DType::native(Kind::Bool)));
    }
    let dtypes = effective(operands).map_err(|_| no_loop(ufunc, operands))?;
    let unsigned = |dtype: &DType| dtype.kind() == Some(Kind::UInt64);
    let signed = |dtype: &DType| dtype.kind().is_some_and(Kind::is_signed);
    let (body, kinds) = match &dtypes[..] {
        [a, b] if signed(a) && unsigned(b) => (Body::Mixed(ufunc), [Kind::Int64, Kind::UInt64]),
        [a, b] if unsigned(a) && signed(b) => (Body::Mixed(ufunc), [Kind::UInt64, Kind::Int64]),
        _ => return resolve_numbers(ufunc, operands),
    };
    let inputs = kinds.into_iter().map(DType::native).collect();
    Ok(Loop::new(body, inputs, DType::native(Kind::Bool)))
}

/// A dtype for an operand that the loop does not look at: one that holds it.
pub(super) fn ignored(operand: &Operand) -> DType {
    match operand {
        Operand::Array(dtype) => dtype.with_byte_order(ByteOrder::NATIVE),
        Operand::Literal(Literal::Complex(_)) => DType::native(Kind::Complex128),
        Operand::Literal(_) => DType::native(Kind::Float64),
    }
}

/// The answer for all items, where an integer of the program lies outside of the array's dtype.
fn out_of_range(ufunc: Ufunc, operands: &[Operand]) -> Option<bool> {
    let (array, number, turned) = match operands {
        [Operand::Array(array), Operand::Literal(Literal::Int(n))] => (array, *n, false),
        [Operand::Literal(Literal::Int(n)), Operand::Array(array)] => (array, *n, true),
        _ => return None,
    };
    let (low, high) = range(array.kind()?)?;
    let below = number < low;
    if !below && number <= high {
        return None;
    }
    // Whether the left operand is the less one.
    let less = below == turned;
    Some(match ufunc {
        Ufunc::Equal => false,
        Ufunc::NotEqual => true,
        Ufunc::Less | Ufunc::LessEqual => less,
        _ => !less,
    })
}

/// The integers that meet an array of a kind.
fn range(kind: Kind) -> Option<(i128, i128)> {
    let bits = 8 * kind.itemsize() as u32;
    match kind {
        Kind::Bool => Some((i64::MIN.into(), i64::MAX.into())),
        _ if kind.is_signed() => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        _ if kind.is_unsigned() => Some((0, (1 << bits) - 1)),
        _ => None,
    }
}

/// A power with an exponent of the program that has a function of its own, as in NumPy.
fn resolve_power(operands: &[Operand]) -> Result<Loop, KernelError> {
    let found = resolve_numbers(Ufunc::Power, operands)?;
    let (Body::Number(_, kind), [_, exponent]) = (&found.body, operands) else { return Ok(found) };
    let Some(literal) = exponent.weak() else { return Ok(found) };
    let whole = kind.is_integer();
    let exponent = literal.as_complex();
    let ufunc = match exponent.re {
        _ if exponent.im != 0.0 => return Ok(found),
        1.0 => Ufunc::Positive,
        2.0 => Ufunc::Square,
        -1.0 if !whole => Ufunc::Reciprocal,
        0.5 if !whole => Ufunc::Sqrt,
        _ => return Ok(found),
    };
    let body = Body::Number(ufunc, *kind);
    Ok(Loop { body, ..found })
}

/// NumPy's `clip` leaves out bounds of the program that no integer of the array's dtype lies beyond.
fn resolve_clip(operands: &[Operand]) -> Result<Loop, KernelError> {
    let [Operand::Array(array), low, high] = operands else { return resolve_numbers(Ufunc::Clip, operands) };
    let Some((least, most)) = array.kind().filter(|kind| kind.is_integer()).and_then(range) else {
        return resolve_numbers(Ufunc::Clip, operands);
    };
    let no_low = matches!(low, Operand::Literal(Literal::Int(n)) if *n <= least);
    let no_high = matches!(high, Operand::Literal(Literal::Int(n)) if *n >= most);
    let (ufunc, uses) = match (no_low, no_high) {
        (false, false) => return resolve_numbers(Ufunc::Clip, operands),
        (true, false) => (Ufunc::Minimum, vec![0, 2]),
        (false, true) => (Ufunc::Maximum, vec![0, 1]),
        (true, true) => (Ufunc::Positive, vec![0]),
    };
    let used: Vec<Operand> = uses.iter().map(|&i| operands[i].clone()).collect();
    let inner = ufunc.resolve(&used)?;
    let mut inputs: Vec<DType> = operands.iter().map(ignored).collect();
    uses.iter().zip(inner.inputs()).for_each(|(&i, dtype)| inputs[i] = dtype.clone());
    let uses = [0, uses.get(1).copied().unwrap_or(0), 0];
    Ok(Loop::new(inner.body, inputs, inner.output).using(uses))
}

/// A number and the exponent of a power of two, which is an int32 or an int64.
fn resolve_ldexp(operands: &[Operand]) -> Result<Loop, KernelError> {
    let none = || no_loop(Ufunc::Ldexp, operands);
    let mut dtypes = effective(operands).map_err(|_| none())?;
    let counts = operands[1].dtype().kind().is_some_and(Kind::is_integer) && operands[1].weak().is_none();
    if counts && matches!(operands[0].weak(), Some(Literal::Int(_))) {
        dtypes[0] = DType::native(Kind::Float16);
    }
    let bool_first = operands[0].dtype().kind() == Some(Kind::Bool) || operands[0].weak().is_some();
    let exponent = match operands[1].weak() {
        Some(Literal::Int(_)) if bool_first => DType::native(Kind::Int64),
        Some(Literal::Int(_)) => DType::native(Kind::Int32),
        Some(_) => return Err(none()),
        None => dtypes[1].clone(),
    };
    let safe = |from: &DType, to: Kind| can_cast(from, &DType::native(to), Casting::Safe);
    let floats = [Kind::Float16, Kind::Float32, Kind::Float64];
    let kind = floats.into_iter().find(|kind| safe(&dtypes[0], *kind)).ok_or_else(none)?;
    let exponents = [Kind::Int32, Kind::Int64];
    let exponent = exponents.into_iter().find(|kind| safe(&exponent, *kind)).ok_or_else(none)?;
    let inputs = vec![DType::native(kind), DType::native(exponent)];
    Ok(Loop::new(Body::Ldexp(kind, exponent), inputs, DType::native(kind)))
}

/// The real or the imaginary part, or the angle, of any item.
fn resolve_part(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    let dtype = operands[0].dtype().with_byte_order(ByteOrder::NATIVE);
    let kind = dtype.kind();
    let complex = kind.filter(|kind| kind.is_complex());
    match (ufunc, complex) {
        (Ufunc::Angle, Some(kind)) => {
            let output = DType::native(output(Ufunc::Real, kind));
            Ok(Loop::new(Body::Number(ufunc, kind), vec![dtype], output))
        }
        (Ufunc::Angle, None) => {
            let zero = Operand::Literal(Literal::Int(0));
            let inner = Ufunc::Arctan2.resolve(&[zero, operands[0].clone()])?;
            let Body::Number(_, kind) = inner.body else { return Err(no_loop(ufunc, operands)) };
            Ok(Loop::new(Body::Number(ufunc, kind), vec![inner.inputs[1].clone()], inner.output))
        }
        (_, Some(kind)) => Ok(uniform(ufunc, kind, 1)),
        (Ufunc::Real, None) => Ok(Loop::new(Body::Copy, vec![dtype.clone()], dtype)),
        _ => Ok(Loop::new(Body::Zero, vec![dtype.clone()], dtype)),
    }
}

/// `round` and `nan_to_num`, which leave what is no number of many digits as it is.
fn resolve_valued(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    let dtype = operands[0].dtype().with_byte_order(ByteOrder::NATIVE);
    let copy = || Ok(Loop::new(Body::Copy, vec![dtype.clone()], dtype.clone()));
    match (ufunc, dtype.kind()) {
        (_, Some(kind)) if kind.is_float() || kind.is_complex() => Ok(uniform(ufunc, kind, 1)),
        (Ufunc::Round { decimals }, Some(kind)) if kind.is_integer() => {
            if decimals >= 0 {
                copy()
            } else {
                Ok(uniform(ufunc, kind, 1))
            }
        }
        (Ufunc::Round { decimals: 0 }, Some(Kind::Bool)) => Ufunc::Rint.resolve(operands),
        (Ufunc::Round { .. }, _) => Err(no_loop(Ufunc::Rint, operands)),
        _ => copy(),
    }
}
