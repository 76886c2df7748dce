//! Single values: `str` of NumPy's scalars, and the values of an array that are written one by one.

use std::fmt::Write;

use ndfolio::{TimeBase, TimeUnit, Value};

use super::digits::{Decimal, Real, Width};

/// What follows a whole number in positional notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// `1.0`
    PointZero,
    /// `1`
    Bare,
}

/// `str` of a scalar that is no record. NumPy: `scalartypes.c.src`.
pub(super) fn scalar_text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        // NumPy writes bytes with `repr` here (`_guarded_repr_or_str`), so their type shows.
        Value::Bytes(bytes) => format!("np.bytes_({})", bytes_repr(bytes)),
        Value::Void(bytes) => void_text(bytes),
        Value::Timedelta(count, unit) if *count != i64::MIN => duration_text(*count, *unit),
        other => match (Real::of(other), Real::parts(other)) {
            (Some(real), _) => real_text(real, Whole::PointZero),
            (_, Some((real, imaginary))) => complex_text(real, imaginary),
            _ => other.to_string(),
        },
    }
}

/// `str` of a real scalar: all digits that it needs, and scientific notation outside of a range that
/// depends on its width.
fn real_text(real: Real, whole: Whole) -> String {
    let end = match real.width {
        Width::Half => 1e3,
        Width::Single => 1e6,
        Width::Double => 1e16,
    };
    let magnitude = real.value.abs();
    let positional = magnitude == 0.0 || (1e-4..end).contains(&magnitude);
    number_text(real, whole, |_| positional)
}

/// A number with all digits that it needs, positional if `positional` says so of the power of ten of its
/// first digit.
pub(super) fn number_text(real: Real, whole: Whole, positional: impl Fn(i32) -> bool) -> String {
    if let Some(text) = real.special() {
        return text.to_owned();
    }
    let decimal = Decimal::shortest(real);
    let sign = if real.value.is_sign_negative() { "-" } else { "" };
    if !positional(decimal.exponent()) {
        return format!("{sign}{}", decimal.scientific(2).replace(".e", "e"));
    }
    let text = decimal.positional();
    match (text.strip_suffix('.'), whole) {
        (None, _) => format!("{sign}{text}"),
        (Some(text), Whole::Bare) => format!("{sign}{text}"),
        (Some(text), Whole::PointZero) => format!("{sign}{text}.0"),
    }
}

fn complex_text(real: Real, imaginary: Real) -> String {
    let end = real_text(imaginary, Whole::Bare);
    if real.value == 0.0 && real.value.is_sign_positive() {
        return format!("{end}j");
    }
    format!("({}{}{end}j)", real_text(real, Whole::Bare), plus(&end))
}

/// The plus that joins an imaginary part to its real one, unless it has a minus.
pub(super) fn plus(imaginary: &str) -> &'static str {
    if imaginary.starts_with('-') { "" } else { "+" }
}

/// `5 seconds`; the count is one of the base unit.
fn duration_text(count: i64, unit: TimeUnit) -> String {
    let name = match unit.base() {
        TimeBase::Generic => "generic time units",
        TimeBase::Year => "years",
        TimeBase::Month => "months",
        TimeBase::Week => "weeks",
        TimeBase::Day => "days",
        TimeBase::Hour => "hours",
        TimeBase::Minute => "minutes",
        TimeBase::Second => "seconds",
        TimeBase::Millisecond => "milliseconds",
        TimeBase::Microsecond => "microseconds",
        TimeBase::Nanosecond => "nanoseconds",
        TimeBase::Picosecond => "picoseconds",
        TimeBase::Femtosecond => "femtoseconds",
        TimeBase::Attosecond => "attoseconds",
    };
    format!("{} {name}", count.wrapping_mul(i64::from(unit.count())))
}

/// Bytes as Python's `repr` writes them.
pub(super) fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for &byte in bytes {
        match byte {
            b'\'' | b'"' if char::from(byte) != quote => text.push(char::from(byte)),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    text.push(quote);
    text
}

/// Bytes without a meaning. NumPy: `_void_to_hex`.
pub(super) fn void_text(bytes: &[u8]) -> String {
    let mut text = "b'".to_owned();
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "\\x{byte:02X}");
    }
    text + "'"
}
