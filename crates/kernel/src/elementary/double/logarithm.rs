//! Logarithms: `log(2ᵏ · m)` with `m` from √½ to √2, as in FreeBSD's `e_log.c` and `k_log.h`, with the difference of
//! the first two terms of `log(1 + f)` kept as a pair.

use std::f64::consts::{LOG2_E, LOG10_2, LOG10_E};

use super::exponential::LN2;
use crate::elementary::pair::{Pair, choose, polynomial};

const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;
/// The exponent field of a number whose mantissa counts ones.
const COUNTS_ONES: u64 = 0x4330_0000_0000_0000;

const LOG2_E_LO: f64 = 2.035_527_374_093_103_3e-17;
const LOG10_E_LO: f64 = 1.098_319_650_216_765e-17;
const LOG10_2_LO: f64 = -2.803_728_127_785_170_4e-18;

/// `k` and `m` of a positive number, which may be subnormal.
#[inline(always)]
pub(super) fn split(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let normal = choose(subnormal, x * (1_u64 << 54) as f64, x);
    split_normal(normal, choose(subnormal, 1023.0 + 54.0, 1023.0))
}

/// `k` and `m` of a positive, normal number; what is subtracted from `k` is the bias of the exponent field.
#[inline(always)]
pub(crate) fn split_normal(x: f64, bias: f64) -> (f64, f64) {
    let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
    let k = f64::from_bits((shifted >> 52) | COUNTS_ONES) - ((1_u64 << 52) as f64 + bias);
    (k, f64::from_bits((shifted & MANTISSA) + SQRT_HALF))
}

/// Whether a logarithm needs more than [`log_normal`] and its like.
#[inline(always)]
pub(crate) fn is_not_positive_normal(x: f64) -> bool {
    let least = f64::MIN_POSITIVE.to_bits();
    x.to_bits().wrapping_sub(least) >= f64::INFINITY.to_bits() - least
}

/// `log(1 + f)` for `1 + f` from √½ to √2.
#[inline(always)]
fn log_near_one(f: f64) -> Pair {
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = z * polynomial(
        z,
        [
            0.666_666_666_666_673_5,
            0.399_999_999_994_093_9,
            0.285_714_287_436_722,
            0.222_221_984_308_338_62,
            0.181_835_722_431_411_6,
            0.153_138_353_553_963_05,
            0.147_982_238_654_707_03,
        ],
    );
    let half_f = 0.5 * f;
    let half_square = half_f * f;
    let Pair { hi, lo } = Pair::ordered_sum(f, -half_square);
    let lo = lo - half_f.mul_add(f, -half_square);
    Pair::new(hi, s.mul_add(half_square + rest, lo))
}

/// `k · constant + low part of a logarithm`.
#[inline(always)]
fn with_exponent(k: f64, constant: Pair, low: Pair) -> Pair {
    constant.scaled(k).plus_smaller(low)
}

/// `log(x · 2ᵏ)`.
#[inline(always)]
fn log_pair(x: f64, further: f64) -> Pair {
    let (k, m) = split(x);
    with_exponent(k + further, LN2, log_near_one(m - 1.0))
}

/// `log`, unless `x` has no finite logarithm.
#[inline(always)]
fn unless_special(x: f64, log: f64) -> f64 {
    let log = choose(x < f64::INFINITY, log, x + x);
    let log = choose(x == 0.0, f64::NEG_INFINITY, log);
    choose(x < 0.0, f64::NAN, log)
}

#[inline(always)]
fn log_of(k: f64, m: f64) -> f64 {
    with_exponent(k, LN2, log_near_one(m - 1.0)).value()
}

#[inline(always)]
fn log2_of(k: f64, m: f64) -> f64 {
    let low = Pair::new(LOG2_E, LOG2_E_LO).times(log_near_one(m - 1.0));
    Pair::new(k, 0.0).plus_smaller(low).value()
}

#[inline(always)]
fn log10_of(k: f64, m: f64) -> f64 {
    let low = Pair::new(LOG10_E, LOG10_E_LO).times(log_near_one(m - 1.0));
    with_exponent(k, Pair::new(LOG10_2, LOG10_2_LO), low).value()
}

/// The logarithm of a positive, finite, normal number.
#[inline(always)]
pub(crate) fn log_normal(x: f64) -> f64 {
    let (k, m) = split_normal(x, 1023.0);
    log_of(k, m)
}

#[inline(always)]
pub(crate) fn log(x: f64) -> f64 {
    let (k, m) = split(x);
    unless_special(x, log_of(k, m))
}

/// The logarithm of a positive, finite, normal number.
#[inline(always)]
pub(crate) fn log2_normal(x: f64) -> f64 {
    let (k, m) = split_normal(x, 1023.0);
    log2_of(k, m)
}

#[inline(always)]
pub(crate) fn log2(x: f64) -> f64 {
    let (k, m) = split(x);
    unless_special(x, log2_of(k, m))
}

/// The logarithm of a positive, finite, normal number.
#[inline(always)]
pub(crate) fn log10_normal(x: f64) -> f64 {
    let (k, m) = split_normal(x, 1023.0);
    log10_of(k, m)
}

#[inline(always)]
pub(crate) fn log10(x: f64) -> f64 {
    let (k, m) = split(x);
    unless_special(x, log10_of(k, m))
}

/// The logarithm of a positive pair by a power of two.
#[inline(always)]
pub(super) fn log_of_pair(x: Pair, further: f64) -> Pair {
    let log = log_pair(x.hi, further);
    // An infinite sum has lost nothing.
    let lost = choose(x.hi < f64::MAX, x.lo / x.hi, 0.0);
    Pair::new(log.hi, log.lo + lost)
}

/// One and a pair.
#[inline(always)]
pub(super) fn one_and(x: Pair) -> Pair {
    let sum = Pair::sum(1.0, x.hi);
    Pair::new(sum.hi, sum.lo + x.lo)
}

/// Whether `log1p` needs more than [`log1p_inside`].
#[inline(always)]
pub(crate) fn is_hard_for_log1p(x: f64) -> bool {
    let is_inside = x > -1.0 && x < 1e300 && x.abs() > 1e-16;
    !is_inside
}

/// `log1p` of numbers above -1 that are neither very small nor very large.
#[inline(always)]
pub(crate) fn log1p_inside(x: f64) -> f64 {
    let sum = one_and(Pair::new(x, 0.0));
    let (k, m) = split_normal(sum.hi, 1023.0);
    let log = with_exponent(k, LN2, log_near_one(m - 1.0));
    log.hi + (log.lo + sum.lo / sum.hi)
}

#[inline(always)]
pub(crate) fn log1p(x: f64) -> f64 {
    let log = log_of_pair(one_and(Pair::new(x, 0.0)), 0.0).value();
    let log = choose(x.abs() < 1e-16, x, log);
    let log = choose(x < f64::INFINITY, log, x + x);
    let log = choose(x == -1.0, f64::NEG_INFINITY, log);
    choose(x < -1.0, f64::NAN, log)
}
