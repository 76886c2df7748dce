//! Exponentials: `exp(x) = 2ⁿ · exp(r)` with `r` of at most half of ln 2, reduced as by Cody and Waite.

use std::f64::consts::{LN_2, LOG2_E};

use crate::elementary::pair::{Pair, TO_WHOLE, choose, polynomial, power_of_two, scale};

const LN2_LO: f64 = 2.319_046_813_846_299_6e-17;
pub(super) const LN2: Pair = Pair::new(LN_2, LN2_LO);

/// The nearest whole number, of numbers below 2⁵¹.
#[inline(always)]
fn whole(x: f64) -> f64 {
    (x + TO_WHOLE) - TO_WHOLE
}

/// `n` and the pair `x - n · ln 2`.
#[inline(always)]
pub(super) fn reduce(x: f64) -> (f64, Pair) {
    let n = x.mul_add(LOG2_E, TO_WHOLE) - TO_WHOLE;
    // This step is exact: the difference has no more bits than `x` and ln 2 have behind the point.
    let high = n.mul_add(-LN_2, x);
    let hi = n.mul_add(-LN2_LO, high);
    (n, Pair::new(hi, n.mul_add(-LN2_LO, high - hi)))
}

/// `(exp(r) - 1 - r - r² / 2) / r³` for `r` of at most half of ln 2.
#[inline(always)]
fn exp_rest(r: f64) -> f64 {
    polynomial(
        r,
        [
            0.166_666_666_666_666_77,
            0.041_666_666_666_666_67,
            0.008_333_333_333_321_405,
            0.001_388_888_888_888_488_9,
            0.000_198_412_698_866_916_75,
            2.480_158_732_348_346_2e-5,
            2.755_724_367_215_729_7e-6,
            2.755_727_412_360_200_3e-7,
            2.510_920_983_118_189e-8,
            2.091_515_359_641_373_6e-9,
        ],
    )
}

/// `exp(r)` for `r` of at most half of ln 2.
#[inline(always)]
fn exp_reduced(r: Pair) -> f64 {
    let sum = Pair::ordered_sum(1.0, r.hi);
    let rest = exp_rest(r.hi).mul_add(r.hi, 0.5);
    sum.hi + (sum.lo + (r.hi * r.hi).mul_add(rest, r.lo))
}

/// `exp` of a pair, where its first part is not beyond what has a finite result by far.
#[inline(always)]
pub(super) fn exp_of_pair(x: Pair) -> f64 {
    let (n, r) = reduce(x.hi);
    scale(exp_reduced(Pair::ordered_sum(r.hi, r.lo + x.lo)), n)
}

/// `x` between two limits; NaN stays.
#[inline(always)]
pub(crate) fn limited(x: f64, least: f64, most: f64) -> f64 {
    let x = choose(x > most, most, x);
    choose(x < least, least, x)
}

/// `of_x`, or NaN if `x` is NaN: as `x`, so that it does not depend on the order of operands which NaN comes out.
#[inline(always)]
pub(crate) fn unless_nan(x: f64, of_x: f64) -> f64 {
    choose(x.is_nan(), x + x, of_x)
}

/// Whether `exp` needs more than [`exp_near`].
#[inline(always)]
pub(crate) fn is_far_for_exp(x: f64) -> bool {
    let is_near = x.abs() < 708.0;
    !is_near
}

/// `exp`, where neither it nor its power of two overflows or is subnormal.
#[inline(always)]
pub(crate) fn exp_near(x: f64) -> f64 {
    let (n, r) = reduce(x);
    exp_reduced(r) * power_of_two(n)
}

#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    // Beyond these it is zero or infinite.
    let (n, r) = reduce(limited(x, -746.0, 710.0));
    unless_nan(x, scale(exp_reduced(r), n))
}

/// Whether `exp2` needs more than [`exp2_near`].
#[inline(always)]
pub(crate) fn is_far_for_exp2(x: f64) -> bool {
    let is_near = x.abs() < 1022.0;
    !is_near
}

/// `exp2`, where neither it nor its power of two overflows or is subnormal.
#[inline(always)]
pub(crate) fn exp2_near(x: f64) -> f64 {
    let n = whole(x);
    exp_reduced(LN2.scaled(x - n)) * power_of_two(n)
}

#[inline(always)]
pub(crate) fn exp2(x: f64) -> f64 {
    let limited = limited(x, -1076.0, 1025.0);
    let n = whole(limited);
    unless_nan(x, scale(exp_reduced(LN2.scaled(limited - n)), n))
}

#[inline(always)]
pub(crate) fn expm1(x: f64) -> f64 {
    let (n, r) = reduce(limited(x, -45.0, 710.0));
    // Half of it, as the power of two may be too large by one.
    let power = power_of_two(n - 1.0);
    let before = Pair::sum(power, -0.5);
    let square = Pair::product(0.5 * r.hi, r.hi);
    let rest = (r.hi * r.hi * r.hi).mul_add(exp_rest(r.hi), square.lo + r.lo);
    let sum = before.plus_smaller(Pair::new(power * r.hi, power * rest));
    let sum = sum.plus_smaller(Pair::new(power * square.hi, 0.0));
    let half = sum.value();
    let value = choose(x.abs() < 1e-16, x, half + half);
    unless_nan(x, value)
}
