//! Inverse trigonometric functions and the cube root.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use super::exponential::{limited, unless_nan};
use crate::elementary::pair::{Pair, choose, polynomial};

const HALF_PI: Pair = Pair::new(FRAC_PI_2, 6.123_233_995_736_766e-17);
const QUARTER_PI: Pair = Pair::new(FRAC_PI_4, 3.061_616_997_868_383e-17);

/// `arcsin(√z) / √z - 1` for `z` to a quarter.
#[inline(always)]
fn arcsin_rest(z: f64) -> f64 {
    z * polynomial(
        z,
        [
            0.166_666_666_666_667_63,
            0.074_999_999_999_700_96,
            0.044_642_857_175_305_59,
            0.030_381_942_673_785_273,
            0.022_372_215_959_841_703,
            0.017_351_594_360_835_835,
            0.013_981_033_902_666_236,
            0.011_397_155_211_414_51,
            0.010_790_153_929_114_477,
            0.003_668_833_596_944_774_7,
            0.021_799_262_054_822_927,
            -0.021_129_516_749_503_554,
            0.032_710_520_950_374_376,
        ],
    )
}

/// The arcsine of `x` to a half, or of `√((1 - x) / 2)` above: as in FreeBSD's `e_asin.c`, the others are had from it.
/// And whether it is the first.
#[inline(always)]
fn arcsin_reduced(magnitude: f64) -> (Pair, bool) {
    let near = magnitude < 0.5;
    let z = choose(near, magnitude * magnitude, 0.5 - 0.5 * magnitude);
    let root = Pair::new(choose(near, 1.0, z), 0.0).root();
    let base = Pair::new(choose(near, magnitude, root.hi), choose(near, 0.0, root.lo));
    (Pair::new(base.hi, base.hi.mul_add(arcsin_rest(z), base.lo)), near)
}

#[inline(always)]
pub(crate) fn unless_outside(x: f64, value: f64) -> f64 {
    unless_nan(x, choose(x.abs() > 1.0, f64::NAN, value))
}

#[inline(always)]
pub(crate) fn arcsin(x: f64) -> f64 {
    let (angle, near) = arcsin_reduced(x.abs());
    let far = HALF_PI.plus_smaller(angle.scaled(-2.0));
    unless_outside(x, choose(near, angle, far).value().copysign(x))
}

#[inline(always)]
pub(crate) fn arccos(x: f64) -> f64 {
    let (angle, near) = arcsin_reduced(x.abs());
    let negative = x < 0.0;
    let signed = choose(negative != near, angle.negated(), angle);
    let twice = choose(near, signed, signed.scaled(2.0));
    let from = choose(near, HALF_PI, choose(negative, HALF_PI.scaled(2.0), Pair::new(0.0, 0.0)));
    unless_outside(x, from.plus_smaller(twice).value())
}

/// The arctangent of a quotient of numbers that are not negative, of which one may be zero; both finite and in a range
/// in which nothing overflows. As in FreeBSD's `s_atan.c`, what is left is less than tan(π/8).
#[inline(always)]
fn angle(y: f64, x: f64) -> Pair {
    const TAN_OF_EIGHTH: f64 = std::f64::consts::SQRT_2 - 1.0;
    let flat = y < x * TAN_OF_EIGHTH;
    let steep = x < y * TAN_OF_EIGHTH;
    let (difference, sum) = (Pair::sum(y, -x), Pair::sum(y, x));
    let zero = Pair::new(0.0, 0.0);
    let above = choose(flat, Pair::new(y, 0.0), choose(steep, Pair::new(-x, 0.0), difference));
    let below = choose(flat, Pair::new(x, 0.0), choose(steep, Pair::new(y, 0.0), sum));
    let from = choose(flat, zero, choose(steep, HALF_PI, QUARTER_PI));
    let t = above.over(below);
    let z = t.hi * t.hi;
    let rest = polynomial(
        z,
        [
            -0.333_333_333_333_332,
            0.199_999_999_999_537_66,
            -0.142_857_142_802_120_42,
            0.111_111_107_841_404_35,
            -0.090_908_977_749_550_62,
            0.076_920_604_822_157_83,
            -0.066_631_066_519_736_08,
            0.058_479_050_929_720_465,
            -0.050_393_618_146_222_13,
            0.038_065_663_019_743_43,
            -0.017_908_045_198_073_295,
        ],
    );
    let lo = (t.hi * z).mul_add(rest, t.lo * (1.0 - z));
    from.plus_smaller(Pair::new(t.hi, lo))
}

#[inline(always)]
pub(crate) fn arctan(x: f64) -> f64 {
    let magnitude = x.abs();
    let value = angle(limited(magnitude, 0.0, 1e300), 1.0).value();
    unless_nan(x, choose(magnitude < 1e-8, magnitude, value).copysign(x))
}

/// Whether not both are in the range of [`angle`].
#[inline(always)]
pub(crate) fn is_hard_for_arctan2(y: f64, x: f64) -> bool {
    let (y, x) = (y.abs(), x.abs());
    let (large, small) = (choose(x > y, x, y), choose(x > y, y, x));
    !(large > 1e-90 && large < 1e300 && (small == 0.0 || small > 1e-200 * large))
}

#[inline(always)]
pub(crate) fn arctan2(y: f64, x: f64) -> f64 {
    let first = angle(y.abs(), x.abs());
    let whole = choose(x < 0.0, HALF_PI.scaled(2.0).plus_smaller(first.negated()), first);
    whole.value().copysign(y)
}

/// The cube root of the inverse of a positive number whose third power is normal: a guess from a third of the exponent
/// (as in FreeBSD's `s_cbrt.c`) and two steps of fourth order.
#[inline(always)]
pub(crate) fn cbrt_of_inverse(normal: f64) -> f64 {
    const THIRD: u64 = 0x5555_5556;
    const GUESS: u64 = 0x553e_f0ff;
    // A third of the higher half of the bits; all are less than 2³¹.
    let third = ((normal.to_bits() >> 32) * THIRD) >> 32;
    let mut inverse = f64::from_bits(GUESS.wrapping_sub(third) << 32);
    for _ in 0..2 {
        let rest = (-(normal * inverse) * inverse).mul_add(inverse, 1.0);
        let series = polynomial(rest, [1.0 / 3.0, 2.0 / 9.0, 14.0 / 81.0]);
        inverse = (inverse * rest).mul_add(series, inverse);
    }
    inverse
}

/// The cube root, without a division: first of the inverse, then corrected by the remainder in full.
#[inline(always)]
pub(crate) fn cbrt(x: f64) -> f64 {
    const DOWN: f64 = 1.0 / (1_u128 << 100) as f64;
    let magnitude = x.abs();
    // So that no power on the way is subnormal.
    let small = magnitude < 1e-200;
    let normal = choose(small, magnitude * (1.0 / (DOWN * DOWN * DOWN)), magnitude);
    let inverse = cbrt_of_inverse(normal);
    let square_of_inverse = inverse * inverse;
    let root = normal * square_of_inverse;
    // An eighth of the remainder, as the cube may be too large by a little.
    let half = 0.5 * root;
    let square = Pair::product(half, half);
    let cube = Pair::product(square.hi, half);
    let rest = normal.mul_add(0.125, -cube.hi) - square.lo.mul_add(half, cube.lo);
    let root = rest.mul_add(square_of_inverse * (8.0 / 3.0), root);
    let root = choose(small, root * DOWN, root);
    let value = choose(magnitude == 0.0 || magnitude == f64::INFINITY, magnitude, root);
    unless_nan(x, value.copysign(x))
}
