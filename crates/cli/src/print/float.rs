//! Columns of real and complex numbers. NumPy: `FloatingFormat` with `floatmode='maxprec'`, and
//! `ComplexFloatingFormat`.

use std::iter::repeat_n;

use super::digits::{Decimal, Real, Width};

/// When a number has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A minus where it is negative.
    Minus,
    /// A plus too where it is not.
    Both,
}

/// How all numbers of one array are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// `12.5`
    Positional,
    /// `1.25e+01`
    Scientific,
}

/// What is known of the numbers of one array, and how they are written to line up.
#[derive(Clone, Debug)]
pub(super) struct FloatFormat {
    precision: usize,
    sign: Sign,
    width: Width,
    finite: bool,
    special: bool,
    negative_infinity: bool,
    /// The least and the greatest magnitude apart from zero.
    range: Option<(f64, f64)>,
    positional: Extent,
    scientific: Extent,
    exponent_digits: usize,
}

/// Characters before the point, the sign among them, and behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    before: usize,
    behind: usize,
}

impl Extent {
    fn cover(&mut self, before: usize, behind: usize) {
        self.before = self.before.max(before);
        self.behind = self.behind.max(behind);
    }
}

impl FloatFormat {
    /// For numbers of a width, none of them seen yet.
    pub(super) fn new(width: Width, precision: usize, sign: Sign) -> Self {
        FloatFormat {
            precision,
            sign,
            width,
            finite: false,
            special: false,
            negative_infinity: false,
            range: None,
            positional: Extent::default(),
            scientific: Extent::default(),
            exponent_digits: 2,
        }
    }

    /// Takes a number into account.
    pub(super) fn observe(&mut self, real: Real) {
        if !real.value.is_finite() {
            self.special = true;
            self.negative_infinity |= real.value == f64::NEG_INFINITY;
            return;
        }
        self.finite = true;
        let magnitude = real.value.abs();
        if magnitude != 0.0 {
            let (low, high) = self.range.unwrap_or((magnitude, magnitude));
            self.range = Some((low.min(magnitude), high.max(magnitude)));
        }
        let sign = self.sign_of(real).len();
        // Notation never goes back to positional, so its columns are of no use after that.
        if self.notation() == Notation::Positional {
            let (before, behind) = Decimal::at_most_fraction(real, self.precision).places();
            self.positional.cover(sign + before, behind);
        }
        let digits = u32::try_from(self.precision).unwrap_or(u32::MAX).saturating_add(1);
        let decimal = Decimal::at_most_digits(real, digits);
        self.scientific.cover(sign + 1, decimal.fraction_digits());
        let exponent_digits = decimal.exponent().unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
        self.exponent_digits = self.exponent_digits.max(exponent_digits as usize);
    }

    /// Scientific for numbers that are very large, very small, or far apart, all of it as compared in their own
    /// precision. NumPy: `FloatingFormat.fillFormat`.
    fn notation(&self) -> Notation {
        let Some((low, high)) = self.range else { return Notation::Positional };
        let scientific = match self.width {
            // The quotient is a half too: what is over 1000 by less than half a unit counts as 1000.
            Width::Half => high >= 1e3 || low < HALF_TEN_THOUSANDTH || high as f32 / low as f32 > 1000.25,
            Width::Single => high >= 1e6 || low < f64::from(1e-4_f32) || high as f32 / low as f32 > 1000.0,
            Width::Double => high >= 1e8 || low < 1e-4 || high / low > 1000.0,
        };
        if scientific { Notation::Scientific } else { Notation::Positional }
    }

    fn sign_of(&self, real: Real) -> &'static str {
        match self.sign {
            _ if real.value.is_sign_negative() && !real.value.is_nan() => "-",
            Sign::Minus => "",
            Sign::Both => "+",
        }
    }

    /// Characters before the point and behind it that every number fills up.
    fn pads(&self, notation: Notation) -> Extent {
        let mut pads = match notation {
            // Where no number is finite, nothing is known of digits.
            _ if !self.finite => Extent::default(),
            Notation::Positional => self.positional,
            Notation::Scientific => {
                let Extent { before, behind } = self.scientific;
                Extent { before, behind: behind + self.exponent_digits + "e+".len() }
            }
        };
        if self.special {
            let sign = usize::from(self.sign == Sign::Both || self.negative_infinity);
            pads.before = pads.before.max(("inf".len() + sign).saturating_sub(pads.behind + 1));
        }
        pads
    }

    /// Appends a number that was observed before. NumPy: `FloatingFormat.__call__`.
    pub(super) fn write(&self, real: Real, out: &mut String) {
        let notation = self.notation();
        let pads = self.pads(notation);
        let sign = self.sign_of(real);
        if let Some(text) = real.special() {
            let text = format!("{sign}{}", text.trim_start_matches('-'));
            *out += &format!("{text:>0$}", pads.before + pads.behind + 1);
            return;
        }
        let (before, text, after) = match notation {
            Notation::Positional => {
                let decimal = Decimal::at_most_fraction(real, self.precision);
                let (before, behind) = decimal.places();
                (before, decimal.positional(), pads.behind.saturating_sub(behind))
            }
            Notation::Scientific => {
                let decimal = Decimal::with_digits(real, self.scientific.behind as u32 + 1);
                (1, decimal.scientific(self.exponent_digits), 0)
            }
        };
        out.extend(repeat_n(' ', pads.before.saturating_sub(sign.len() + before)));
        *out += sign;
        *out += &text;
        out.extend(repeat_n(' ', after));
    }
}

/// 0.0001 as a half.
const HALF_TEN_THOUSANDTH: f64 = 1.000_165_939_331_054_7e-4;

/// A column of complex numbers: the parts line up each for itself.
#[derive(Clone, Debug)]
pub(super) struct ComplexFormat {
    real: FloatFormat,
    imaginary: FloatFormat,
}

impl ComplexFormat {
    /// For numbers whose parts are of a width.
    pub(super) fn new(width: Width, precision: usize) -> Self {
        ComplexFormat {
            real: FloatFormat::new(width, precision, Sign::Minus),
            imaginary: FloatFormat::new(width, precision, Sign::Both),
        }
    }

    /// Takes a number into account.
    pub(super) fn observe(&mut self, (real, imaginary): (Real, Real)) {
        self.real.observe(real);
        self.imaginary.observe(imaginary);
    }

    /// Appends a number that was observed before; the `j` comes before the blanks that fill it up.
    pub(super) fn write(&self, (real, imaginary): (Real, Real), out: &mut String) {
        self.real.write(real, out);
        self.imaginary.write(imaginary, out);
        let end = out.trim_end_matches(' ').len();
        out.insert(end, 'j');
    }
}
