//! Sine, cosine and tangent. The polynomials are of the form of FreeBSD's `k_sin.c` and `k_cos.c`; the tangent is the
//! quotient of both as pairs.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::exponential::unless_nan;
use crate::elementary::{
    huge,
    pair::{Pair, TO_WHOLE, choose, polynomial},
};

/// The largest argument that is reduced by [`reduce`].
const FAR: f64 = (1_u64 << 30) as f64;

/// Whether `x` needs [`reduce_precisely`].
#[inline(always)]
pub(crate) fn is_far(x: f64) -> bool {
    x.abs() > FAR
}

/// `x` less the nearest multiple of π/2, and how many of them, in the lowest bits. Three parts of π/2, so that even the
/// number that is nearest to a multiple keeps all bits.
#[inline(always)]
fn reduce(x: f64) -> (Pair, u64) {
    const MIDDLE: f64 = 6.123_233_995_736_766e-17;
    const LAST: f64 = -1.497_384_904_859_169_8e-33;
    let shifted = x.mul_add(FRAC_2_PI, TO_WHOLE);
    let n = shifted - TO_WHOLE;
    // Exact, as in the reduction of exponentials.
    let high = n.mul_add(-FRAC_PI_2, x);
    let middle = Pair::product(n, MIDDLE);
    let difference = Pair::sum(high, -middle.hi);
    let lo = n.mul_add(-LAST, difference.lo - middle.lo);
    (Pair::new(difference.hi, lo), shifted.to_bits())
}

/// As [`reduce`], of any number.
fn reduce_precisely(x: f64) -> (Pair, u64) {
    if is_far(x) { huge::reduce(x) } else { reduce(x) }
}

/// The sine of at most π/4.
#[inline(always)]
fn sin_near(r: Pair) -> Pair {
    let z = r.hi * r.hi;
    let rest = polynomial(
        z,
        [
            -0.166_666_666_666_666_32,
            0.008_333_333_333_322_455,
            -0.000_198_412_698_298_133_86,
            2.755_731_368_755_185_8e-6,
            -2.505_075_671_061_874_3e-8,
            1.589_668_164_421_143e-10,
        ],
    );
    Pair::new(r.hi, (r.hi * z).mul_add(rest, r.lo * z.mul_add(-0.5, 1.0)))
}

/// The cosine of at most π/4.
#[inline(always)]
fn cos_near(r: Pair) -> Pair {
    let z = r.hi * r.hi;
    let rest = polynomial(
        z,
        [
            0.041_666_666_666_666_6,
            -0.001_388_888_888_887_444,
            2.480_158_728_963_409_5e-5,
            -2.755_731_438_664_885e-7,
            2.087_572_692_876_851e-9,
            -1.135_979_497_573_864e-11,
        ],
    );
    let Pair { hi, lo } = Pair::ordered_sum(1.0, -0.5 * z);
    let lost = r.hi.mul_add(r.hi, -z);
    let lo = lo + (z * z).mul_add(rest, lost.mul_add(-0.5, -r.hi * r.lo));
    Pair::new(hi, lo)
}

/// The sine of `r` and `quadrant` quarters of a turn.
#[inline(always)]
fn sin_in_quadrant(r: Pair, quadrant: u64) -> f64 {
    let value = choose(quadrant & 1 == 0, sin_near(r).value(), cos_near(r).value());
    f64::from_bits(value.to_bits() ^ ((quadrant >> 1) << 63))
}

#[inline(always)]
fn tan_in_quadrant(r: Pair, quadrant: u64) -> f64 {
    let (sin, cos) = (sin_near(r), cos_near(r));
    let (sin, cos) = (Pair::ordered_sum(sin.hi, sin.lo), Pair::ordered_sum(cos.hi, cos.lo));
    let odd = quadrant & 1 == 1;
    choose(odd, cos.negated(), sin).over(choose(odd, sin, cos)).value()
}

/// The value, or `x` if that is zero with a sign or NaN, or NaN of infinity.
#[inline(always)]
fn of_zero(x: f64, value: f64) -> f64 {
    unless_nan(x, choose(x == 0.0, x, value))
}

#[inline(always)]
pub(crate) fn sin(x: f64) -> f64 {
    let (r, quadrant) = reduce(x);
    of_zero(x, sin_in_quadrant(r, quadrant))
}

#[inline(always)]
pub(crate) fn cos(x: f64) -> f64 {
    let (r, quadrant) = reduce(x);
    unless_nan(x, sin_in_quadrant(r, quadrant.wrapping_add(1)))
}

#[inline(always)]
pub(crate) fn tan(x: f64) -> f64 {
    let (r, quadrant) = reduce(x);
    of_zero(x, tan_in_quadrant(r, quadrant))
}

/// `of` what a number is reduced to that may be far from zero.
fn far(x: f64, of: impl Fn(Pair, u64) -> f64) -> f64 {
    if x.is_infinite() {
        return f64::NAN;
    }
    let (r, quadrant) = reduce_precisely(x);
    of(r, quadrant)
}

pub(crate) fn sin_far(x: f64) -> f64 {
    far(x, sin_in_quadrant)
}

pub(crate) fn cos_far(x: f64) -> f64 {
    far(x, |r, quadrant| sin_in_quadrant(r, quadrant.wrapping_add(1)))
}

pub(crate) fn tan_far(x: f64) -> f64 {
    far(x, tan_in_quadrant)
}
