//! Powers and other functions of two numbers.

use std::f64::consts::{LN_2, LOG2_E};

use super::{
    exponential::{LN2, exp, exp_of_pair, exp2, limited},
    logarithm::{log1p, split},
};
use crate::elementary::pair::{Pair, choose, polynomial};

/// The logarithm of a positive number with some 65 bits: `2 · artanh((m - 1) / (m + 1))`, where the first two terms are
/// pairs.
#[inline(always)]
fn precise_log(x: f64) -> Pair {
    let (k, m) = split(x);
    let s = Pair::new(m - 1.0, 0.0).over(Pair::sum(m, 1.0));
    let s = Pair::ordered_sum(s.hi, s.lo);
    let z = s.times(s);
    let rest = z.hi
        * polynomial(
            z.hi,
            [
                0.400_000_000_000_022_67,
                0.285_714_285_700_937_8,
                0.222_222_225_210_434_94,
                0.181_817_842_620_737_02,
                0.153_867_624_649_892_73,
                0.132_566_919_221_151_85,
                0.131_975_501_084_484_47,
            ],
        );
    let factor =
        Pair::new(0.666_666_666_666_666_6, 3.700_743_415_417_188e-17).plus_smaller(Pair::new(rest, 0.0));
    let low = Pair::new(2.0 * s.hi, 2.0 * s.lo).plus_smaller(s.times(z).times(factor));
    let sum = LN2.scaled(k).plus_smaller(low);
    Pair::ordered_sum(sum.hi, sum.lo)
}

/// Whether a power is one that the standard's table of special cases says: those are exact in every library.
#[inline(always)]
pub(crate) fn is_hard_for_power(x: f64, y: f64) -> bool {
    x == 0.0 || !x.is_finite() || !y.is_finite()
}

/// A power of finite numbers, the first not zero.
#[inline(always)]
pub(crate) fn power(x: f64, y: f64) -> f64 {
    let log = precise_log(x.abs());
    let product = Pair::product(log.hi, y);
    // Beyond these the result is zero or infinite, and the product may have overflowed.
    let inside = product.hi.abs() < 800.0;
    let hi = limited(product.hi, -800.0, 800.0);
    let lo = choose(inside, log.lo.mul_add(y, product.lo), 0.0);
    let value = exp_of_pair(Pair::new(hi, lo));
    with_sign_of_power(x, y, value)
}

/// A power of `x` from that of its magnitude: of negative numbers there are whole powers only.
#[inline(always)]
pub(crate) fn with_sign_of_power(x: f64, y: f64, of_magnitude: f64) -> f64 {
    let (whole, odd) = (y.trunc() == y, (y * 0.5).trunc() != y * 0.5);
    let of_negative = choose(whole, choose(odd, -of_magnitude, of_magnitude), f64::NAN);
    choose(x < 0.0, of_negative, of_magnitude)
}

/// The length of a vector: after C. F. Borges, "An improved algorithm for hypot(a, b)" (2019), whose correction is made
/// with the squares as pairs here.
#[inline(always)]
pub(crate) fn hypot(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    let (large, small) = (choose(x > y, x, y), choose(x > y, y, x));
    let huge = large > 1e150;
    let tiny = large < 1e-130;
    let (down, up) =
        (choose(huge, TINY, choose(tiny, HUGE, 1.0)), choose(huge, HUGE, choose(tiny, TINY, 1.0)));
    let (a, b) = (large * down, small * down);
    let (a, b) = (Pair::product(a, a), Pair::product(b, b));
    let root = a.plus_smaller(b).root().value();
    let value = choose(large == 0.0, large, root * up);
    let value = choose(x.is_nan() || y.is_nan(), f64::NAN, value);
    choose(x == f64::INFINITY || y == f64::INFINITY, f64::INFINITY, value)
}

/// Powers of two by which the squares stay in range.
const HUGE: f64 = f64::from_bits((1023 + 600) << 52);
const TINY: f64 = f64::from_bits((1023 - 600) << 52);

/// `large + rest(difference)`, as NumPy: two equal numbers (infinite ones too) have no difference.
#[inline(always)]
fn add_logarithms(x: f64, y: f64, one: f64, rest: impl Fn(f64) -> f64) -> f64 {
    let large = choose(x > y, x, y);
    let sum = large + rest(-(x - y).abs());
    let sum = choose(x == y, x + one, sum);
    choose(x.is_nan() || y.is_nan(), f64::NAN, sum)
}

#[inline(always)]
pub(crate) fn logaddexp(x: f64, y: f64) -> f64 {
    add_logarithms(x, y, LN_2, |difference| log1p(exp(difference)))
}

#[inline(always)]
pub(crate) fn logaddexp2(x: f64, y: f64) -> f64 {
    add_logarithms(x, y, 1.0, |difference| LOG2_E * log1p(exp2(difference)))
}

/// The length of a vector of singles, whose squares are exact and in range.
#[inline(always)]
pub(crate) fn hypot_of_singles(x: f64, y: f64) -> f64 {
    let root = x.mul_add(x, y * y).sqrt();
    let value = choose(x.is_nan() || y.is_nan(), f64::NAN, root);
    choose(x.abs() == f64::INFINITY || y.abs() == f64::INFINITY, f64::INFINITY, value)
}
