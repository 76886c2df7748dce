/// A product of many floating-point numbers, real or complex: a value times a power of two, so that neither
/// large nor small factors end it early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    /// Real and imaginary part; the larger is 0, not finite, or at least 1 and less than 2.
    pub value: [f64; 2],
    /// The power of two.
    pub exponent: i64,
}

/// The bits of the exponent of a double.
const EXPONENT: u64 = 0x7ff;

impl Scaled {
    /// The product of nothing.
    pub const ONE: Scaled = Scaled { value: [1.0, 0.0], exponent: 0 };

    /// Brings a value into range.
    #[must_use]
    pub fn new(value: [f64; 2], exponent: i64) -> Self {
        let size = value[0].abs().max(value[1].abs());
        if size == 0.0 || !value[0].is_finite() || !value[1].is_finite() {
            return Scaled { value, exponent: 0 };
        }
        if size < f64::MIN_POSITIVE {
            return Scaled::new(value.map(|x| x * power(1000)), exponent - 1000);
        }
        let own = ((size.to_bits() >> 52) & EXPONENT) as i64 - 1023;
        // In two steps: the reciprocal of the largest power is not a normal number.
        let (half, rest) = (own / 2, own - own / 2);
        Scaled { value: value.map(|x| x * power(-half) * power(-rest)), exponent: exponent + own }
    }

    /// The product of both real numbers.
    #[must_use]
    pub fn times(self, other: Scaled) -> Scaled {
        Scaled::new([self.value[0] * other.value[0], 0.0], self.exponent + other.exponent)
    }

    /// The product of both complex numbers.
    #[must_use]
    pub fn times_complex(self, other: Scaled) -> Scaled {
        let ([a, b], [c, d]) = (self.value, other.value);
        Scaled::new([a * c - b * d, a * d + b * c], self.exponent + other.exponent)
    }

    /// The product as it is, 0 or infinite where it is out of range.
    #[must_use]
    pub fn finish(self) -> [f64; 2] {
        // Beyond this nothing is left of any value. The last step alone rounds: those before it stay normal.
        let exponent = self.exponent.clamp(-2022, 2046);
        if exponent < -1000 {
            return self.value.map(|x| x * power(exponent + 1000) * power(-1000));
        }
        self.value.map(|x| x * power(exponent / 2) * power(exponent - exponent / 2))
    }
}

/// 2^n, for n from -1022 to 1023.
fn power(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_factors_cancel() {
        let factors = [1e300, -1e300, 1e-300, 1e-300, 2.0, 1e-310, 1e308, 5.0];
        let product = factors.iter().fold(Scaled::ONE, |all, x| all.times(Scaled::new([*x, 0.0], 0)));
        assert!((product.finish()[0] / -0.1 - 1.0).abs() < 1e-13);
        let tiny = Scaled::new([1.0, 0.0], -1074).finish()[0];
        assert_eq!(tiny, f64::from_bits(1));
        assert_eq!(Scaled::new([1.5, 0.0], -1076).finish()[0], 0.0);
        assert_eq!(Scaled::new([1.5, 0.0], 1023).finish()[0], 1.5 * 2_f64.powi(1023));
        assert_eq!(Scaled::new([-1.5, 0.0], 5000).finish()[0], f64::NEG_INFINITY);
        assert_eq!(
            Scaled::new([-0.0, 0.0], 0).times(Scaled::ONE).finish()[0].to_bits(),
            (-0.0_f64).to_bits()
        );
    }

    #[test]
    fn what_is_not_finite_stays() {
        let infinite = Scaled::new([f64::INFINITY, 0.0], 0);
        assert_eq!(infinite.times(Scaled::new([-1e-300, 0.0], -900)).finish()[0], f64::NEG_INFINITY);
        assert!(infinite.times(Scaled::new([0.0, 0.0], 0)).finish()[0].is_nan());
    }
}
