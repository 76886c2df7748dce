//! Real numbers and their decimal digits, as NumPy's Dragon4 (`dragon4.c`) finds them.

use std::{fmt::Write, iter::repeat_n};

use ndfolio::Value;

/// The floating-point format whose neighbours decide how many digits a number needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// IEEE 754 binary16.
    Half,
    /// IEEE 754 binary32.
    Single,
    /// IEEE 754 binary64, and `long double` rounded to it.
    Double,
}

/// A real number of one of the floating-point formats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Real {
    /// The number; every format fits.
    pub(super) value: f64,
    /// The format.
    pub(super) width: Width,
}

impl Real {
    /// The number in a real value of any width.
    pub(super) fn of(value: &Value) -> Option<Real> {
        let width = match value {
            Value::Float16(_) => Width::Half,
            Value::Float32(_) => Width::Single,
            Value::Float64(_) | Value::LongDouble(_) => Width::Double,
            _ => return None,
        };
        Some(Real { value: value.as_f64()?, width })
    }

    /// The real and the imaginary part of a complex value of any width.
    pub(super) fn parts(value: &Value) -> Option<(Real, Real)> {
        let [re, im] = match value {
            Value::Complex64(z) => [Value::Float32(z.re), Value::Float32(z.im)],
            Value::Complex128(z) => [Value::Float64(z.re), Value::Float64(z.im)],
            Value::CLongDouble(bytes) => {
                [0, 16].map(|at| Value::LongDouble(std::array::from_fn(|i| bytes[at + i])))
            }
            _ => return None,
        };
        Some((Real::of(&re)?, Real::of(&im)?))
    }

    /// `nan`, `inf` or `-inf` if it is one.
    pub(super) fn special(self) -> Option<&'static str> {
        match self.value {
            x if x.is_nan() => Some("nan"),
            f64::INFINITY => Some("inf"),
            f64::NEG_INFINITY => Some("-inf"),
            _ => None,
        }
    }

    /// Whether a decimal text, rounded to the format, gives the number's magnitude back.
    fn is_read_from(self, text: &str) -> bool {
        let magnitude = self.value.abs();
        match self.width {
            Width::Half => text.parse().is_ok_and(|x: f64| half_rounds_to(x, magnitude)),
            Width::Single => text.parse().is_ok_and(|x: f32| f64::from(x) == magnitude),
            Width::Double => text.parse() == Ok(magnitude),
        }
    }
}

/// Whether the half-precision number nearest to `x` is `target`, a positive one.
fn half_rounds_to(x: f64, target: f64) -> bool {
    // The unit in the last place at and just below the target; 2^-24 is that of the subnormal numbers.
    let unit = |binade: i32| 2_f64.powi(binade.max(-14) - 10);
    let binade = (target.to_bits() >> 52) as i32 - 1023;
    let power_of_two = target.to_bits() << 12 == 0;
    let above = unit(binade) / 2.0;
    let below = if power_of_two { unit(binade - 1) / 2.0 } else { above };
    let even = (target / unit(binade)) % 2.0 == 0.0;
    let (low, high) = (target - below, target + above);
    if even { low <= x && x <= high } else { low < x && x < high }
}

/// Significant digits and the power of ten of the first one. Zero has the one digit 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u64,
    count: u32,
    exponent: i32,
}

impl Decimal {
    const ZERO: Decimal = Decimal { digits: 0, count: 1, exponent: 0 };

    /// Reads what `{:e}` writes.
    fn parse(text: &str) -> Decimal {
        let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut decimal = Decimal { exponent: exponent.parse().unwrap_or(0), digits: 0, count: 0 };
        for digit in digits.bytes().filter(u8::is_ascii_digit) {
            decimal.digits = decimal.digits * 10 + u64::from(digit - b'0');
            decimal.count += 1;
        }
        decimal
    }

    /// The fewest digits that tell the finite number from its neighbours, nearest to it among those.
    pub(super) fn shortest(real: Real) -> Decimal {
        let magnitude = real.value.abs();
        match real.width {
            _ if magnitude == 0.0 => Decimal::ZERO,
            Width::Double => Decimal::parse(&format!("{magnitude:e}")).with_even_tie(real),
            Width::Single => Decimal::parse(&format!("{:e}", magnitude as f32)).with_even_tie(real),
            Width::Half => {
                let texts = (0..5).map(|fraction| exact(real, fraction));
                let found = texts.into_iter().find(|text| real.is_read_from(text));
                Decimal::parse(&found.unwrap_or_else(|| exact(real, 5)))
            }
        }
    }

    /// The standard library rounds up where the number lies in the middle of two texts that are equally
    /// short; Dragon4 takes the even one.
    fn with_even_tie(self, real: Real) -> Decimal {
        let bits = real.value.to_bits();
        let mantissa = bits << 12 >> 12 | 1 << 52;
        let fraction_bits = 1075 - (bits << 1 >> 53) as i32 - mantissa.trailing_zeros() as i32;
        // A number has as many decimals as it has bits behind the point, in the middle one more than these.
        let middle = fraction_bits <= 0 || fraction_bits == self.count as i32 - self.exponent;
        if self.digits.is_multiple_of(2) || !middle {
            return self;
        }
        let even = nearest(real, self.count - 1);
        if real.is_read_from(&even) { Decimal::parse(&even) } else { self }
    }

    /// So many digits of the finite number, whether that is fewer than it needs or more.
    pub(super) fn with_digits(real: Real, count: u32) -> Decimal {
        let shortest = Decimal::shortest(real);
        if count <= shortest.count {
            shortest.cut(real, count)
        } else {
            Decimal::parse(&exact(real, count - 1))
        }
    }

    /// The shortest digits, cut after so many significant ones. NumPy: `unique=True` with a `precision`, in
    /// scientific notation.
    pub(super) fn at_most_digits(real: Real, count: u32) -> Decimal {
        let shortest = Decimal::shortest(real);
        if count < shortest.count { shortest.cut(real, count).trimmed() } else { shortest }
    }

    /// The shortest digits, cut after so many behind the point. NumPy: `unique=True` with a `precision`, in
    /// positional notation.
    pub(super) fn at_most_fraction(real: Real, places: usize) -> Decimal {
        let shortest = Decimal::shortest(real);
        let places = places.min(1000);
        let kept = i64::from(shortest.exponent) + 1 + places as i64;
        match u32::try_from(kept) {
            Ok(kept) if kept >= shortest.count => shortest,
            Ok(kept) if kept > 0 => shortest.cut(real, kept).trimmed(),
            // Too small for all of the places: nothing is left, or a one at the last of them.
            _ if format!("{:.places$}", real.value.abs()).contains('1') => {
                Decimal { digits: 1, count: 1, exponent: -(places as i32) }
            }
            _ => Decimal::ZERO,
        }
    }

    /// The first so many of the shortest digits of a number, rounded by its true value. The shortest digits
    /// lie on the same side of the middle as the number, unless they are the middle.
    fn cut(self, real: Real, count: u32) -> Decimal {
        let step = 10_u64.pow(self.count - count);
        let (digits, rest) = (self.digits / step, self.digits % step);
        if step > 1 && rest * 2 == step {
            return Decimal::parse(&nearest(real, count - 1));
        }
        Decimal { digits: digits + u64::from(rest * 2 > step), count, ..self }.carried()
    }

    /// With the digit that a carry put in front made the first one.
    fn carried(self) -> Decimal {
        if self.digits < 10_u64.pow(self.count) {
            return self;
        }
        Decimal { digits: self.digits / 10, exponent: self.exponent + 1, ..self }
    }

    /// Without zeros at the end.
    fn trimmed(mut self) -> Decimal {
        while self.count > 1 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.count -= 1;
        }
        self
    }

    /// The power of ten of the first digit.
    pub(super) fn exponent(self) -> i32 {
        self.exponent
    }

    /// How many digits stand before the point and behind it in positional notation.
    pub(super) fn places(self) -> (usize, usize) {
        let before = self.exponent.max(0) + 1;
        let behind = (self.count as i32 - 1 - self.exponent).max(0);
        (before as usize, behind as usize)
    }

    /// How many digits stand behind the point in scientific notation.
    pub(super) fn fraction_digits(self) -> usize {
        self.count as usize - 1
    }

    /// `12.5`, and `12.` without a fraction.
    pub(super) fn positional(self) -> String {
        let (before, behind) = self.places();
        let digits = self.digits.to_string();
        let zeros = (-self.exponent).max(0) as usize;
        let mut text = "0".repeat(zeros) + &digits;
        text.extend(repeat_n('0', (before + behind).saturating_sub(text.len())));
        text.insert(before, '.');
        text
    }

    /// `1.25e+01`, and `1.e+01` without a fraction, with at least so many digits in the exponent.
    pub(super) fn scientific(self, exponent_digits: usize) -> String {
        let mut text = format!("{:01$}", self.digits, self.count as usize);
        text.insert(1, '.');
        let sign = if self.exponent < 0 { '-' } else { '+' };
        // Writing to a string does not fail.
        let _ = write!(text, "e{sign}{:0exponent_digits$}", self.exponent.unsigned_abs());
        text
    }
}

/// The magnitude in scientific notation with so many digits behind the point, a tie rounded to even.
fn nearest(real: Real, fraction: u32) -> String {
    format!("{:.*e}", fraction as usize, real.value.abs())
}

/// As [`nearest`], with the one exception that Dragon4 makes. The gap above a power of two is twice that
/// below, so the digits above it may still be read back as the number where the nearer ones below are not;
/// then it takes the former.
fn exact(real: Real, fraction: u32) -> String {
    let text = nearest(real, fraction);
    if real.value.to_bits() << 12 != 0 || real.value == 0.0 || real.is_read_from(&text) {
        return text;
    }
    let below = Decimal::parse(&text);
    let above = Decimal { digits: below.digits + 1, ..below }.carried();
    let above = above.scientific(1);
    if real.is_read_from(&above) { above } else { text }
}
