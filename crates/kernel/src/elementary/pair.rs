//! Numbers of twice the precision, and what the functions of double precision share.
//!
//! A pair is a sum that is not carried out. How sums, products and quotients of doubles are made without an error
//! is from Dekker, "A floating-point technique for extending the available precision" (1971), and Knuth's two-sum;
//! the products are made with one fused operation.

#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) hi: f64,
    pub(super) lo: f64,
}

impl Pair {
    pub(super) const fn new(hi: f64, lo: f64) -> Pair {
        Pair { hi, lo }
    }

    /// The sum of two numbers, of which the first is zero or no smaller than the second.
    #[inline(always)]
    pub(super) fn ordered_sum(large: f64, small: f64) -> Pair {
        let hi = large + small;
        Pair { hi, lo: (large - hi) + small }
    }

    #[inline(always)]
    pub(super) fn sum(a: f64, b: f64) -> Pair {
        let hi = a + b;
        let of_b = hi - a;
        Pair { hi, lo: (a - (hi - of_b)) + (b - of_b) }
    }

    #[inline(always)]
    pub(super) fn product(a: f64, b: f64) -> Pair {
        let hi = a * b;
        Pair { hi, lo: a.mul_add(b, -hi) }
    }

    #[inline(always)]
    pub(super) fn times(self, other: Pair) -> Pair {
        let Pair { hi, lo } = Pair::product(self.hi, other.hi);
        Pair { hi, lo: lo + self.hi.mul_add(other.lo, self.lo * other.hi) }
    }

    #[inline(always)]
    pub(super) fn scaled(self, factor: f64) -> Pair {
        let Pair { hi, lo } = Pair::product(self.hi, factor);
        Pair { hi, lo: self.lo.mul_add(factor, lo) }
    }

    /// This and something that is smaller, or this is zero.
    #[inline(always)]
    pub(super) fn plus_smaller(self, other: Pair) -> Pair {
        let Pair { hi, lo } = Pair::ordered_sum(self.hi, other.hi);
        Pair { hi, lo: lo + (self.lo + other.lo) }
    }

    /// A quotient, with one division.
    #[inline(always)]
    pub(super) fn over(self, divisor: Pair) -> Pair {
        let inverse = 1.0 / divisor.hi;
        let hi = self.hi * inverse;
        let rest = (-hi).mul_add(divisor.hi, self.hi) + (-hi).mul_add(divisor.lo, self.lo);
        Pair { hi, lo: rest * inverse }
    }

    /// The square root of a number that is not negative.
    #[inline(always)]
    pub(super) fn root(self) -> Pair {
        let hi = self.hi.sqrt();
        let rest = (-hi).mul_add(hi, self.hi) + self.lo;
        // Nothing is added to the divisor unless the root is zero, and then there is no rest.
        Pair { hi, lo: rest * 0.5 / (hi + f64::MIN_POSITIVE) }
    }

    #[inline(always)]
    pub(super) fn negated(self) -> Pair {
        Pair { hi: -self.hi, lo: -self.lo }
    }

    #[inline(always)]
    pub(super) fn value(self) -> f64 {
        self.hi + self.lo
    }
}

#[inline(always)]
pub(super) fn choose<T>(condition: bool, yes: T, no: T) -> T {
    if condition { yes } else { no }
}

/// A polynomial, its coefficients from the lowest.
#[inline(always)]
pub(super) fn polynomial<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, coefficients[i]);
    }
    sum
}

/// Where added, a number becomes a whole one in the lowest bits, rounded to even.
pub(super) const TO_WHOLE: f64 = 1.5 * (1_u64 << 52) as f64;

/// As [`TO_WHOLE`]; the lowest bits become the exponent field of the power of two.
pub(super) const TO_EXPONENT: f64 = TO_WHOLE + 1023.0;

/// Two to a whole number from -1022 to 1023.
#[inline(always)]
pub(super) fn power_of_two(n: f64) -> f64 {
    f64::from_bits((n + TO_EXPONENT).to_bits() << 52)
}

/// `x · 2ⁿ` for a whole number from -2044 to 2046, rounded once if `x · 2^(n / 2)` is a normal number.
#[inline(always)]
pub(super) fn scale(x: f64, n: f64) -> f64 {
    let half = n.mul_add(0.5, TO_EXPONENT);
    let other = (n - (half - TO_EXPONENT)) + TO_EXPONENT;
    x * f64::from_bits(half.to_bits() << 52) * f64::from_bits(other.to_bits() << 52)
}
