//! Points and lengths of time, which are counts, and NaT.

use ndfolio_layout::{ByteOrder, DType, Kind, TimeBase, TimeUnit};

use super::{
    Body, Conditions, Loop, Operand, Ufunc,
    loops::{binary, each_pair, ternary, unary},
    promote::result_type,
    resolve::no_signature,
    run::{Inputs, Out},
    types::is_comparison,
};
use crate::{Casting, KernelError, can_cast, simd::Level};

/// Not a time.
const NAT: i64 = i64::MIN;

/// What a time meets in a function of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Other {
    Time,
    Int,
    Float,
}

/// What an operand is to a time.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Point,
    Length,
    /// Truth values and integers.
    Count,
    Float,
    Else,
}

fn class(operand: &Operand) -> Class {
    let dtype = operand.dtype();
    let Some(kind) = dtype.kind() else { return Class::Else };
    match kind.letter() {
        'M' => Class::Point,
        'm' => Class::Length,
        'b' | 'i' | 'u' => Class::Count,
        'f' => Class::Float,
        _ => Class::Else,
    }
}

/// A loop of which one operand is a time.
pub(super) fn resolve(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    use Ufunc::*;
    let found = match (ufunc, operands) {
        (Isnat | Isnan | Isinf | Isfinite, [x]) => ask(ufunc, native(x)),
        (Negative | Positive | Absolute | Sign, [x]) if class(x) == Class::Length => {
            same(ufunc, native(x), 1)
        }
        (LogicalAnd | LogicalOr | LogicalXor, [_, _]) => logical(ufunc),
        (Add | Subtract, [a, b]) => add(ufunc, a, b)?,
        (Multiply, [a, b]) => multiply(a, b)?,
        (Divide | FloorDivide, [a, b]) => divide(ufunc, a, b)?,
        (Remainder, [a, b]) if [class(a), class(b)] == [Class::Length; 2] => {
            same(ufunc, common(operands)?, 2)
        }
        (Remainder, [a, b]) => return Err(refused(ufunc, a, b)),
        _ if is_comparison(ufunc) || matches!(ufunc, Minimum | Maximum | Fmin | Fmax | Clip) => {
            meet(ufunc, operands)?
        }
        _ => {
            return Err(KernelError::NoLoop {
                ufunc: ufunc.name(),
                operands: super::resolve::names(operands),
                way: "",
            });
        }
    };
    check(ufunc, operands, found)
}

/// The inputs are cast as the rule `same_kind` allows.
fn check(ufunc: Ufunc, operands: &[Operand], found: Loop) -> Result<Loop, KernelError> {
    for (index, (operand, to)) in operands.iter().zip(found.inputs()).enumerate() {
        let Operand::Array(from) = operand else { continue };
        let logical = to.kind() == Some(Kind::Bool);
        if !logical && !can_cast(from, to, Casting::SameKind) {
            return Err(KernelError::InputCast {
                ufunc: ufunc.name(),
                index,
                from: from.clone(),
                to: to.clone(),
            });
        }
    }
    Ok(found)
}

fn native(operand: &Operand) -> DType {
    operand.dtype().with_byte_order(ByteOrder::NATIVE)
}

fn refused(ufunc: Ufunc, a: &Operand, b: &Operand) -> KernelError {
    KernelError::Operands { ufunc: ufunc.name(), left: a.dtype(), right: b.dtype() }
}

fn ask(ufunc: Ufunc, dtype: DType) -> Loop {
    Loop::new(Body::Time(ufunc, Other::Time), vec![dtype], DType::native(Kind::Bool))
}

fn same(ufunc: Ufunc, dtype: DType, arity: usize) -> Loop {
    Loop::new(Body::Time(ufunc, Other::Time), vec![dtype.clone(); arity], dtype)
}

fn logical(ufunc: Ufunc) -> Loop {
    let truth = DType::native(Kind::Bool);
    Loop::new(Body::Number(ufunc, Kind::Bool), vec![truth.clone(); 2], truth)
}

/// The common dtype of times, where counts are lengths of their unit.
fn common(operands: &[Operand]) -> Result<DType, KernelError> {
    let times = operands.iter().filter(|operand| matches!(class(operand), Class::Point | Class::Length));
    result_type(&times.cloned().collect::<Vec<_>>())
}

fn unit(dtype: &DType) -> TimeUnit {
    match dtype.kind() {
        Some(Kind::Datetime(unit) | Kind::Timedelta(unit)) => unit,
        _ => TimeUnit::GENERIC,
    }
}

/// A sum or a difference of times, or of a time and a count of its unit.
fn add(ufunc: Ufunc, a: &Operand, b: &Operand) -> Result<Loop, KernelError> {
    use Class::{Count, Length, Point};
    let minus = ufunc == Ufunc::Subtract;
    let (first, second, output) = match (class(a), class(b)) {
        (Point, Length | Count) => (Point, Length, Point),
        (Length | Count, Point) if !minus => (Length, Point, Point),
        (Length, Length | Count) | (Count, Length) => (Length, Length, Length),
        (Point, Point) if minus => (Point, Point, Length),
        _ => return Err(refused(ufunc, a, b)),
    };
    let unit = unit(&common(&[a.clone(), b.clone()])?);
    let dtype =
        |class| DType::native(if class == Point { Kind::Datetime(unit) } else { Kind::Timedelta(unit) });
    Ok(Loop::new(Body::Time(ufunc, Other::Time), vec![dtype(first), dtype(second)], dtype(output)))
}

fn number(class: Class) -> Option<(Kind, Other)> {
    match class {
        Class::Count => Some((Kind::Int64, Other::Int)),
        Class::Float => Some((Kind::Float64, Other::Float)),
        _ => None,
    }
}

fn multiply(a: &Operand, b: &Operand) -> Result<Loop, KernelError> {
    let (length, other, turned) = match (class(a), class(b)) {
        (Class::Length, other) => (native(a), number(other), false),
        (other, Class::Length) => (native(b), number(other), true),
        _ => return Err(refused(Ufunc::Multiply, a, b)),
    };
    let (kind, other) = other.ok_or_else(|| refused(Ufunc::Multiply, a, b))?;
    let mut inputs = vec![length.clone(), DType::native(kind)];
    if turned {
        inputs.swap(0, 1);
    }
    let uses = if turned { [1, 0, 2] } else { [0, 1, 2] };
    Ok(Loop::new(Body::Time(Ufunc::Multiply, other), inputs, length).using(uses))
}

fn divide(ufunc: Ufunc, a: &Operand, b: &Operand) -> Result<Loop, KernelError> {
    if [class(a), class(b)] == [Class::Length; 2] {
        let dtype = common(&[a.clone(), b.clone()])?;
        let output = if ufunc == Ufunc::Divide { Kind::Float64 } else { Kind::Int64 };
        return Ok(Loop::new(Body::Time(ufunc, Other::Time), vec![dtype; 2], DType::native(output)));
    }
    let truth = b.dtype().kind() == Some(Kind::Bool);
    let other = number(class(b)).filter(|_| class(a) == Class::Length && !truth);
    let (kind, other) = other.ok_or_else(|| refused(ufunc, a, b))?;
    Ok(Loop::new(Body::Time(ufunc, other), vec![native(a), DType::native(kind)], native(a)))
}

/// Functions of times of one kind.
fn meet(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    let classes: Vec<Class> = operands.iter().map(class).collect();
    let points = classes.iter().filter(|class| **class == Class::Point).count();
    if points > 0 && points < classes.len() && is_comparison(ufunc) && classes.contains(&Class::Length) {
        return Err(refused(ufunc, &operands[0], &operands[1]));
    }
    let dtype = result_type(operands).map_err(|error| match error {
        KernelError::Promotion { .. } => no_signature(ufunc, operands),
        other => other,
    })?;
    let output = if is_comparison(ufunc) { DType::native(Kind::Bool) } else { dtype.clone() };
    Ok(Loop::new(Body::Time(ufunc, Other::Time), vec![dtype; operands.len()], output))
}

/// The largest unit of which both are multiples. Years and months have no fixed length in others: of lengths
/// there is then none, of points it is the shorter unit.
pub(super) fn common_unit(a: TimeUnit, b: TimeUnit, lengths: bool) -> Result<TimeUnit, KernelError> {
    if a.base() == TimeBase::Generic {
        return Ok(b);
    }
    if b.base() == TimeBase::Generic {
        return Ok(a);
    }
    let (long, short) = if a.base() <= b.base() { (a, b) } else { (b, a) };
    let calendar = |unit: TimeUnit| matches!(unit.base(), TimeBase::Year | TimeBase::Month);
    let overflow = || KernelError::TimeUnitsOverflow { left: a, right: b };
    let times = match (calendar(long), calendar(short)) {
        (true, false) if lengths => return Err(KernelError::TimeUnits { left: a, right: b }),
        (true, false) => return factor(TimeBase::Week, short.base()).map(|_| short).ok_or_else(overflow),
        _ => factor(long.base(), short.base()).unwrap_or(0),
    };
    let counts =
        u64::from(long.count()).checked_mul(times).filter(|count| *count > 0).ok_or_else(overflow)?;
    let count = gcd(counts, short.count().into());
    u32::try_from(count).ok().and_then(|count| TimeUnit::new(count, short.base())).ok_or_else(overflow)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How many of the shorter base the longer one is, if it fits NumPy's count.
fn factor(long: TimeBase, short: TimeBase) -> Option<u64> {
    use TimeBase::*;
    const STEPS: [(TimeBase, u64); 13] = [
        (Year, 12),
        (Month, 1),
        (Week, 7),
        (Day, 24),
        (Hour, 60),
        (Minute, 60),
        (Second, 1000),
        (Millisecond, 1000),
        (Microsecond, 1000),
        (Nanosecond, 1000),
        (Picosecond, 1000),
        (Femtosecond, 1000),
        (Attosecond, 1),
    ];
    let steps = STEPS.iter().filter(|(base, _)| (long..short).contains(base));
    let product: Option<u64> =
        steps.map(|(_, step)| *step).try_fold(1_u64, |product, step| product.checked_mul(step));
    product.filter(|product| product >> 56 == 0)
}

pub(super) fn run(
    level: Level,
    ufunc: Ufunc,
    other: Other,
    inputs: Inputs<'_>,
    out: &mut Out<'_>,
    conditions: &mut Conditions,
) {
    use Ufunc::*;
    match (ufunc, other) {
        (Divide | FloorDivide | Remainder, Other::Time) => ratio(ufunc, inputs, out, conditions),
        (Multiply | Divide | FloorDivide, _) => scale(ufunc, other, inputs, out),
        (Minimum | Maximum | Fmin | Fmax | Clip, _) => extremes(level, ufunc, inputs, out),
        (Add | Subtract | Negative | Absolute | Sign, _) => counts(level, ufunc, inputs, out),
        (Positive, _) => inputs[0].copy_to(out),
        _ => questions(level, ufunc, inputs, out),
    }
}

/// NaT where one operand is.
#[inline(always)]
fn both(a: i64, b: i64, of: impl Fn(i64, i64) -> i64) -> i64 {
    if (a == NAT) | (b == NAT) { NAT } else { of(a, b) }
}

fn counts(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Add => binary(level, [x, y], out, |a, b| both(a, b, i64::wrapping_add)),
        Ufunc::Subtract => binary(level, [x, y], out, |a, b| both(a, b, i64::wrapping_sub)),
        // The least count is its own negative.
        Ufunc::Negative => unary(level, x, out, |a: i64| a.wrapping_neg()),
        Ufunc::Absolute => unary(level, x, out, |a: i64| a.wrapping_abs()),
        _ => unary(level, x, out, |a: i64| a.signum()),
    }
}

fn questions(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    match ufunc {
        Ufunc::Isnat | Ufunc::Isnan => unary(level, x, out, |a: i64| a == NAT),
        Ufunc::Isfinite => unary(level, x, out, |a: i64| a != NAT),
        Ufunc::Isinf => out.fill(0),
        Ufunc::Equal => binary(level, [x, y], out, |a: i64, b: i64| (a == b) & (a != NAT)),
        Ufunc::NotEqual => binary(level, [x, y], out, |a: i64, b: i64| (a != b) | (a == NAT)),
        Ufunc::Less => binary(level, [x, y], out, |a: i64, b: i64| (a < b) & (a != NAT)),
        Ufunc::LessEqual => binary(level, [x, y], out, |a: i64, b: i64| (a <= b) & (a != NAT)),
        Ufunc::Greater => binary(level, [x, y], out, |a: i64, b: i64| (a > b) & (b != NAT)),
        _ => binary(level, [x, y], out, |a: i64, b: i64| (a >= b) & (b != NAT)),
    }
}

fn extremes(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    let [x, y, _] = inputs;
    match ufunc {
        // NaT is the least count, so it is also the least of a minimum.
        Ufunc::Minimum => binary(level, [x, y], out, |a: i64, b: i64| a.min(b)),
        Ufunc::Fmax => binary(level, [x, y], out, |a: i64, b: i64| a.max(b)),
        Ufunc::Maximum => binary(level, [x, y], out, |a, b| both(a, b, i64::max)),
        Ufunc::Fmin => binary(level, [x, y], out, |a: i64, b: i64| match () {
            () if a == NAT => b,
            () if b == NAT => a,
            () => a.min(b),
        }),
        _ => ternary(level, inputs, out, |a: i64, low: i64, high: i64| {
            both(both(a, low, i64::max), high, i64::min)
        }),
    }
}

/// A length of time times or by a number.
fn scale(ufunc: Ufunc, other: Other, [x, y, _]: Inputs<'_>, out: &mut Out<'_>) {
    match (ufunc, other) {
        (Ufunc::Multiply, Other::Int) => each_pair([x, y], out, |a, b| both(a, b, i64::wrapping_mul)),
        (Ufunc::Multiply, _) => each_pair([x, y], out, |a: i64, b: f64| rounded(a, a as f64 * b)),
        // Towards zero, and so is NumPy's floor_divide by a number.
        (_, Other::Int) => each_pair([x, y], out, |a: i64, b: i64| match b {
            0 | NAT => NAT,
            _ if a == NAT => NAT,
            _ => a.wrapping_div(b),
        }),
        _ => each_pair([x, y], out, |a: i64, b: f64| rounded(a, a as f64 / b)),
    }
}

fn rounded(a: i64, result: f64) -> i64 {
    if a == NAT || !result.is_finite() { NAT } else { result as i64 }
}

fn floor_div(a: i64, b: i64) -> i64 {
    use super::items::Integer;
    Integer::floor_div(a, b)
}

/// Of two lengths of time.
fn ratio(ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>, conditions: &mut Conditions) {
    let nat = |a: i64, b: i64| a == NAT || b == NAT;
    match ufunc {
        Ufunc::Divide => each_pair([x, y], out, |a: i64, b: i64| {
            if nat(a, b) {
                return f64::NAN;
            }
            conditions.divide += u64::from(b == 0 && a != 0);
            conditions.invalid += u64::from(b == 0 && a == 0);
            a as f64 / b as f64
        }),
        Ufunc::FloorDivide => each_pair([x, y], out, |a: i64, b: i64| {
            conditions.invalid += u64::from(nat(a, b));
            conditions.divide += u64::from(!nat(a, b) && b == 0);
            if nat(a, b) || b == 0 { 0 } else { floor_div(a, b) }
        }),
        _ => each_pair([x, y], out, |a: i64, b: i64| {
            conditions.divide += u64::from(!nat(a, b) && b == 0);
            if nat(a, b) || b == 0 { NAT } else { super::items::Integer::floor_rem(a, b) }
        }),
    }
}
