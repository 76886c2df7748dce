use half::f16;
use num_complex::Complex;

use super::{NAT, Value};
use crate::{ByteOrder, DType, Kind, LayoutError, Scalar};

impl Value {
    /// Writes the value as one item of a dtype. Bytes between the fields of a record become zero.
    ///
    /// Numbers may change their type where the value stays the same; floating-point numbers may also be
    /// rounded to a shorter type. Text that is too long is refused, not cut.
    ///
    /// # Errors
    /// [`LayoutError::Value`] with the reason why the dtype cannot hold it.
    ///
    /// # Panics
    /// If there are fewer bytes than the item has.
    pub fn encode(&self, dtype: &DType, out: &mut [u8]) -> Result<(), LayoutError> {
        let out = &mut out[..dtype.itemsize()];
        match (dtype, self) {
            (DType::Scalar(scalar), _) => encode_scalar(self, *scalar, out),
            (DType::Struct(structure), Value::Record(values)) if values.len() == structure.fields().len() => {
                out.fill(0);
                structure.fields().iter().zip(values).try_for_each(|(field, (_, value))| {
                    let end = field.offset() + field.dtype().itemsize();
                    value.encode(field.dtype(), &mut out[field.offset()..end])
                })
            }
            (DType::Struct(structure), _) => {
                Err(self
                    .misfit(dtype, &format!("the dtype is a record of {} fields", structure.fields().len())))
            }
            (DType::SubArray(array), Value::Array(shape, items)) if shape == array.shape() => {
                let step = array.base().itemsize();
                let places = out.chunks_exact_mut(step.max(1));
                items.iter().zip(places).try_for_each(|(item, place)| item.encode(array.base(), place))
            }
            (DType::SubArray(array), _) => Err(self.misfit(
                dtype,
                &format!("the dtype is an array of shape {}", crate::view::tuple(array.shape())),
            )),
        }
    }

    pub(super) fn misfit(&self, dtype: &DType, reason: &str) -> LayoutError {
        LayoutError::Value { value: self.to_string(), dtype: dtype.to_string(), reason: reason.to_owned() }
    }

    /// The value as a whole number, if it is one.
    fn as_integer(&self) -> Option<i128> {
        match self {
            Value::Bool(b) => Some(i128::from(*b)),
            Value::Int(i) => Some(i128::from(*i)),
            Value::UInt(u) => Some(i128::from(*u)),
            // 2^63 is exact, and so is every whole number below it that a float can be.
            other => other.as_f64().filter(|x| x.trunc() == *x && x.abs() < 1e30).map(|x| x as i128),
        }
    }

    fn as_complex(&self) -> Option<Complex<f64>> {
        match self {
            Value::Complex64(z) => Some(Complex::new(f64::from(z.re), f64::from(z.im))),
            Value::Complex128(z) => Some(*z),
            other => other.as_f64().map(|re| Complex::new(re, 0.0)),
        }
    }
}

fn encode_scalar(value: &Value, scalar: Scalar, out: &mut [u8]) -> Result<(), LayoutError> {
    let dtype = DType::Scalar(scalar);
    let misfit = |reason: &str| Err(value.misfit(&dtype, reason));
    let mut put = |bytes: &[u8]| {
        out.copy_from_slice(bytes);
        if scalar.byte_order() == Some(ByteOrder::Big) {
            out.chunks_exact_mut(scalar.kind().swap_width()).for_each(<[u8]>::reverse);
        }
        Ok(())
    };
    match (scalar.kind(), value) {
        (Kind::Bool, _) => match value.as_integer() {
            Some(n @ (0 | 1)) => put(&[n as u8]),
            _ => misfit("it is neither true nor false"),
        },
        (kind, _) if kind.is_integer() => {
            let Some(n) = value.as_integer() else { return misfit("it is not a whole number") };
            let bits = 8 * kind.itemsize() as u32;
            let (low, high) = if kind.is_signed() {
                (-(1_i128 << (bits - 1)), (1 << (bits - 1)) - 1)
            } else {
                (0, (1 << bits) - 1)
            };
            if !(low..=high).contains(&n) {
                return misfit(&format!("out of bounds, it holds {low} to {high}"));
            }
            put(&n.to_le_bytes()[..kind.itemsize()])
        }
        (kind @ (Kind::Float16 | Kind::Float32 | Kind::Float64), _) => {
            // From its own type, so that nothing is rounded twice and a NaN keeps its bits.
            match (kind, value, value.as_f64()) {
                (Kind::Float16, Value::Float16(x), _) => put(&x.to_le_bytes()),
                (Kind::Float32, Value::Float32(x), _) => put(&x.to_le_bytes()),
                (Kind::Float16, _, Some(x)) => put(&f16_from_f64(x).to_le_bytes()),
                (Kind::Float32, _, Some(x)) => put(&(x as f32).to_le_bytes()),
                (_, _, Some(x)) => put(&x.to_le_bytes()),
                _ => misfit("it is not a real number"),
            }
        }
        (kind @ (Kind::Complex64 | Kind::Complex128), _) => {
            let Some(z) = value.as_complex() else { return misfit("it is not a number") };
            if kind == Kind::Complex64 {
                put(&[(z.re as f32).to_le_bytes(), (z.im as f32).to_le_bytes()].concat())
            } else {
                put(&[z.re.to_le_bytes(), z.im.to_le_bytes()].concat())
            }
        }
        (Kind::LongDouble, Value::LongDouble(bytes)) => put(bytes),
        (Kind::CLongDouble, Value::CLongDouble(bytes)) => put(bytes),
        (Kind::LongDouble, _) => match value.as_f64() {
            Some(x) => put(&long_double(x)),
            None => misfit("it is not a real number"),
        },
        (Kind::CLongDouble, _) => match value.as_complex() {
            Some(z) => put(&[long_double(z.re), long_double(z.im)].concat()),
            None => misfit("it is not a number"),
        },
        (Kind::Bytes(n), Value::Bytes(bytes)) => put_padded(value, &dtype, bytes, n as usize, &mut put),
        (Kind::Bytes(n), Value::Str(text)) if text.is_ascii() => {
            put_padded(value, &dtype, text.as_bytes(), n as usize, &mut put)
        }
        (Kind::Bytes(_), _) => misfit("it is not text in bytes"),
        (Kind::Unicode(n), Value::Str(text)) => {
            let points: Vec<u8> = text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
            put_padded(value, &dtype, &points, n as usize * 4, &mut put)
        }
        (Kind::Unicode(_), _) => misfit("it is not text"),
        (Kind::Void(n), Value::Void(bytes)) if bytes.len() == n as usize => put(bytes),
        (Kind::Void(n), _) => misfit(&format!("it is not {n} bytes")),
        (Kind::Datetime(unit), Value::Datetime(count, from)) if unit == *from || *count == NAT => {
            put(&count.to_le_bytes())
        }
        (Kind::Timedelta(unit), Value::Timedelta(count, from)) if unit == *from || *count == NAT => {
            put(&count.to_le_bytes())
        }
        (Kind::Timedelta(_), Value::Int(count)) => put(&count.to_le_bytes()),
        (_, _) => misfit("it is not a time in this unit"),
    }
}

fn put_padded(
    value: &Value,
    dtype: &DType,
    bytes: &[u8],
    len: usize,
    put: &mut impl FnMut(&[u8]) -> Result<(), LayoutError>,
) -> Result<(), LayoutError> {
    if bytes.len() > len {
        return Err(value.misfit(dtype, &format!("it is longer than the {} that fit", dtype.itemsize())));
    }
    let mut padded = bytes.to_vec();
    padded.resize(len, 0);
    put(&padded)
}

/// The nearest half-precision number. By way of single precision rounded to odd: what is lost on the first step
/// stays visible in the last bit, so the second rounds as if it were the only one (S. Boldo, G. Melquiond,
/// "Emulation of a FMA and Correctly Rounded Sums: Proved Algorithms Using Rounding to Odd", 2008).
#[must_use]
#[inline]
pub fn f16_from_f64(x: f64) -> f16 {
    let single = x as f32;
    let back = f64::from(single);
    if back == x || x.is_nan() {
        return f16::from_f32(single);
    }
    let toward_zero = if back.abs() > x.abs() { single.to_bits() - 1 } else { single.to_bits() };
    f16::from_f32(f32::from_bits(toward_zero | 1))
}

/// A double as an x87 extended number, which holds every one exactly.
fn long_double(x: f64) -> [u8; 16] {
    let bits = x.to_bits();
    let (sign, exponent, fraction) =
        ((bits >> 63) as u16, (bits >> 52) as u16 & 0x7ff, bits & ((1 << 52) - 1));
    let (exponent, mantissa) = match (exponent, fraction) {
        (0, 0) => (0, 0),
        (0, _) => {
            let shift = fraction.leading_zeros();
            (16383 - 1022 - (shift as u16 - 11), fraction << shift)
        }
        (0x7ff, _) => (0x7fff, 1 << 63 | fraction << 11),
        _ => (exponent + 16383 - 1023, 1 << 63 | fraction << 11),
    };
    let mut out = [0; 16];
    out[..8].copy_from_slice(&mantissa.to_le_bytes());
    out[8..10].copy_from_slice(&(sign << 15 | exponent).to_le_bytes());
    out
}
