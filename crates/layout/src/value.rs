//! One item of an array as a value of this program.

mod calendar;
mod encode;
mod parse;

use std::fmt;

pub use encode::f16_from_f64;

use half::f16;
use num_complex::Complex;

use crate::{ByteOrder, DType, Kind, Scalar, TimeUnit};

/// The count that stands for "not a time".
pub(crate) const NAT: i64 = i64::MIN;

/// One item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// A half-precision number.
    Float16(f16),
    /// A single-precision number.
    Float32(f32),
    /// A double-precision number.
    Float64(f64),
    /// The 16 bytes of a `long double`, little-endian.
    LongDouble([u8; 16]),
    /// A single-precision complex number.
    Complex64(Complex<f32>),
    /// A double-precision complex number.
    Complex128(Complex<f64>),
    /// Two `long double`s, little-endian.
    CLongDouble([u8; 32]),
    /// Text in bytes, without the zeros at its end.
    Bytes(Vec<u8>),
    /// Text, without the zeros at its end. Code points that are no characters are replaced.
    Str(String),
    /// Bytes without a meaning.
    Void(Vec<u8>),
    /// A point in time: a count of the unit since 1970-01-01; `i64::MIN` is NaT.
    Datetime(i64, TimeUnit),
    /// A length of time: a count of the unit; `i64::MIN` is NaT.
    Timedelta(i64, TimeUnit),
    /// A record: names and values.
    Record(Vec<(String, Value)>),
    /// A sub-array, its items in C order.
    Array(Vec<usize>, Vec<Value>),
}

impl Value {
    /// Reads one item from its bytes.
    ///
    /// # Panics
    /// If there are fewer bytes than the item has.
    #[must_use]
    pub fn decode(dtype: &DType, bytes: &[u8]) -> Value {
        match dtype {
            DType::Scalar(scalar) => decode_scalar(*scalar, &bytes[..scalar.itemsize()]),
            DType::Struct(structure) => Value::Record(
                structure
                    .fields()
                    .iter()
                    .map(|field| {
                        (field.name().to_owned(), Value::decode(field.dtype(), &bytes[field.offset()..]))
                    })
                    .collect(),
            ),
            DType::SubArray(array) => {
                let step = array.base().itemsize();
                let items = (0..array.len()).map(|i| Value::decode(array.base(), &bytes[i * step..]));
                Value::Array(array.shape().to_vec(), items.collect())
            }
        }
    }

    /// The value as a double-precision number, if it is a real number or a truth value. Large integers and
    /// `long double`s are rounded.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Bool(b) => Some(f64::from(u8::from(*b))),
            Value::Int(i) => Some(*i as f64),
            Value::UInt(u) => Some(*u as f64),
            Value::Float16(x) => Some(x.to_f64()),
            Value::Float32(x) => Some(f64::from(*x)),
            Value::Float64(x) => Some(*x),
            Value::LongDouble(bytes) => Some(long_double_to_f64(bytes)),
            _ => None,
        }
    }

    /// The point or the length of time as text: ISO 8601 in the unit's precision, a count of the unit, `NaT`.
    #[must_use]
    pub fn time_text(&self) -> Option<String> {
        match self {
            Value::Datetime(count, unit) => Some(calendar::format(*count, *unit)),
            Value::Timedelta(NAT, _) => Some("NaT".to_owned()),
            Value::Timedelta(count, _) => Some(count.to_string()),
            _ => None,
        }
    }
}

fn decode_scalar(scalar: Scalar, bytes: &[u8]) -> Value {
    let mut buffer = [0_u8; 32];
    let kind = scalar.kind();
    match kind {
        Kind::Bytes(_) => return Value::Bytes(without_zeros(bytes).to_vec()),
        Kind::Void(_) => return Value::Void(bytes.to_vec()),
        Kind::Unicode(_) => return Value::Str(decode_unicode(bytes, scalar.byte_order())),
        _ => {}
    }
    let bytes = {
        let target = &mut buffer[..bytes.len()];
        target.copy_from_slice(bytes);
        if scalar.byte_order() == Some(ByteOrder::Big) {
            target.chunks_exact_mut(kind.swap_width()).for_each(<[u8]>::reverse);
        }
        &*target
    };
    let unsigned = || bytes.iter().rev().fold(0_u64, |n, &b| n << 8 | u64::from(b));
    let signed = || {
        let spare = 64 - 8 * bytes.len() as u32;
        (unsigned() << spare) as i64 >> spare
    };
    let f32_at = |at: usize| f32::from_bits((unsigned() >> (8 * at)) as u32);
    let f64_at =
        |at: usize| f64::from_bits(bytes[at..at + 8].iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)));
    match kind {
        Kind::Bool => Value::Bool(bytes[0] != 0),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => Value::Int(signed()),
        Kind::UInt8 | Kind::UInt16 | Kind::UInt32 | Kind::UInt64 => Value::UInt(unsigned()),
        Kind::Float16 => Value::Float16(f16::from_bits(unsigned() as u16)),
        Kind::Float32 => Value::Float32(f32_at(0)),
        Kind::Float64 => Value::Float64(f64_at(0)),
        Kind::Complex64 => Value::Complex64(Complex::new(f32_at(0), f32_at(4))),
        Kind::Complex128 => Value::Complex128(Complex::new(f64_at(0), f64_at(8))),
        Kind::Datetime(unit) => Value::Datetime(signed(), unit),
        Kind::Timedelta(unit) => Value::Timedelta(signed(), unit),
        Kind::LongDouble => Value::LongDouble(std::array::from_fn(|i| bytes[i])),
        Kind::CLongDouble => Value::CLongDouble(std::array::from_fn(|i| bytes[i])),
        Kind::Bytes(_) | Kind::Void(_) | Kind::Unicode(_) => Value::Void(bytes.to_vec()),
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn decode_unicode(bytes: &[u8], order: Option<ByteOrder>) -> String {
    let point = |c: &[u8]| {
        let c = [c[0], c[1], c[2], c[3]];
        if order == Some(ByteOrder::Big) { u32::from_be_bytes(c) } else { u32::from_le_bytes(c) }
    };
    let mut points: Vec<u32> = bytes.chunks_exact(4).map(point).collect();
    while points.last() == Some(&0) {
        points.pop();
    }
    points.into_iter().map(|p| char::from_u32(p).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The nearest double to an x87 extended number: sign and 15 bits of exponent over 64 bits of mantissa.
fn long_double_to_f64(bytes: &[u8; 16]) -> f64 {
    let mantissa = u64::from_le_bytes(std::array::from_fn(|i| bytes[i]));
    let head = u16::from_le_bytes([bytes[8], bytes[9]]);
    let sign = if head & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(head & 0x7fff);
    match (exponent, mantissa << 1) {
        (0x7fff, 0) => sign * f64::INFINITY,
        (0x7fff, _) => f64::NAN,
        _ => {
            let power = exponent - 16383 - 63;
            // Two steps, so that the power itself neither overflows nor vanishes before the product does.
            let half = power.clamp(-2400, 2400) / 2;
            sign * mantissa as f64 * 2_f64.powi(half) * 2_f64.powi(power.clamp(-2400, 2400) - half)
        }
    }
}

impl fmt::Display for Value {
    /// The shortest text that reads back as the same value: numbers in decimal, times as ISO 8601, text in
    /// Python's quotes, records in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => f.write_str(if *b { "True" } else { "False" }),
            Value::Int(i) => write!(f, "{i}"),
            Value::UInt(u) => write!(f, "{u}"),
            Value::Float16(x) => write!(f, "{}", float(f64::from(*x), &x.to_string())),
            Value::Float32(x) => write!(f, "{}", float(f64::from(*x), &format!("{x:?}"))),
            Value::Float64(x) => write!(f, "{}", float(*x, &format!("{x:?}"))),
            Value::LongDouble(bytes) => write!(f, "{:?}", long_double_to_f64(bytes)),
            Value::Complex64(z) => {
                complex(f, f64::from(z.re), &format!("{:?}", z.re), f64::from(z.im), &format!("{:?}", z.im))
            }
            Value::Complex128(z) => complex(f, z.re, &format!("{:?}", z.re), z.im, &format!("{:?}", z.im)),
            Value::CLongDouble(bytes) => {
                let part = |at: usize| long_double_to_f64(&std::array::from_fn(|i| bytes[at + i]));
                complex(f, part(0), &format!("{:?}", part(0)), part(16), &format!("{:?}", part(16)))
            }
            Value::Bytes(bytes) => write!(f, "b'{}'", bytes.escape_ascii()),
            Value::Str(text) => f.write_str(&crate::literal::repr_str(text)),
            Value::Void(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
            Value::Datetime(..) | Value::Timedelta(..) => f.write_str(&self.time_text().unwrap_or_default()),
            Value::Record(fields) => {
                list(f, '(', fields.iter().map(|(_, value)| value), ')', fields.len() == 1)
            }
            Value::Array(shape, items) => nested(f, shape, items),
        }
    }
}

/// `{:?}` of a float, with NumPy's names for what is not a number.
fn float(x: f64, text: &str) -> &str {
    match x {
        x if x.is_nan() => "nan",
        x if x == f64::INFINITY => "inf",
        x if x == f64::NEG_INFINITY => "-inf",
        _ => text,
    }
}

fn complex(f: &mut fmt::Formatter<'_>, re: f64, re_text: &str, im: f64, im_text: &str) -> fmt::Result {
    let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
    write!(f, "{}{sign}{}j", float(re, re_text), float(im, im_text))
}

fn list<'a>(
    f: &mut fmt::Formatter<'_>,
    open: char,
    items: impl Iterator<Item = &'a Value>,
    close: char,
    comma: bool,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (i, item) in items.enumerate() {
        write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
    }
    write!(f, "{}{close}", if comma { "," } else { "" })
}

fn nested(f: &mut fmt::Formatter<'_>, shape: &[usize], items: &[Value]) -> fmt::Result {
    let Some((&n, rest)) = shape.split_first() else {
        return items.first().map_or(Ok(()), |item| write!(f, "{item}"));
    };
    if rest.is_empty() {
        return list(f, '[', items.iter(), ']', false);
    }
    f.write_str("[")?;
    let step: usize = rest.iter().product();
    for i in 0..n {
        f.write_str(if i > 0 { ", " } else { "" })?;
        nested(f, rest, &items[i * step..(i + 1) * step])?;
    }
    f.write_str("]")
}

macro_rules! value_from {
    ($($from:ty => $variant:ident $(as $to:ty)?),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$variant(value $(as $to)?)
            }
        }
    )*};
}

value_from! {
    bool => Bool, i8 => Int as i64, i16 => Int as i64, i32 => Int as i64, i64 => Int, isize => Int as i64,
    u8 => UInt as u64, u16 => UInt as u64, u32 => UInt as u64, u64 => UInt, usize => UInt as u64,
    f16 => Float16, f32 => Float32, f64 => Float64, Complex<f32> => Complex64, Complex<f64> => Complex128,
    String => Str,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Value::Bytes(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests;
