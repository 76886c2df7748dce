//! The functions of single precision that are done in single precision, for speed.
//!
//! Coefficients are minimax polynomials (Remez' exchange in sixty digits, rounded). The reductions are Cody and
//! Waite's with fused operations, in which the first step makes no error.

use std::f32::consts::{LOG2_E, LOG10_2, LOG10_E};
use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, FRAC_PI_2, PI};

use super::pair::{self, TO_WHOLE, choose};

/// Where added, a number becomes a whole one in the lowest bits, and those the exponent field of the power of two.
const TO_EXPONENT: f32 = 1.5 * (1_u32 << 23) as f32 + 127.0;

const LN2_HI: f32 = std::f32::consts::LN_2;
const LN2_LO: f32 = -1.904_654_2e-9;

#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, coefficients[i]);
    }
    sum
}

/// `x · 2ⁿ` in two steps, of which the first is exact: so what becomes subnormal is rounded once.
#[inline(always)]
fn scale(x: f32, n: f32) -> f32 {
    let half = n.mul_add(0.5, TO_EXPONENT);
    let other = (n - (half - TO_EXPONENT)) + TO_EXPONENT;
    x * f32::from_bits(half.to_bits() << 23) * f32::from_bits(other.to_bits() << 23)
}

/// `(exp(r) - 1 - r) / r²` for `r` of at most half of ln 2, to 2⁻²⁸ of `exp(r)`.
const EXP_REST: [f32; 5] = [0.5, 0.166_665_15, 0.041_666_575, 0.008_369_286, 0.001_392_360_1];

/// `exp(x) / 2ⁿ`, `n`, and `n` as the exponent field of the power of two.
#[inline(always)]
fn exp_reduced(x: f32) -> (f32, f32, u32) {
    let shifted = x.mul_add(LOG2_E, TO_EXPONENT);
    let n = shifted - TO_EXPONENT;
    let exact = n.mul_add(-LN2_HI, x);
    let low = n * -LN2_LO;
    let r = exact + low;
    let rest = polynomial(r, EXP_REST);
    (1.0 + (exact + (r * r).mul_add(rest, low)), n, shifted.to_bits() << 23)
}

/// Whether `exp` needs more than [`exp_near`].
#[inline(always)]
pub(super) fn is_far_for_exp(x: f32) -> bool {
    let is_near = x.abs() < 87.0;
    !is_near
}

/// `exp`, where neither it nor its power of two overflows or is subnormal.
#[inline(always)]
pub(super) fn exp_near(x: f32) -> f32 {
    let (p, _, power) = exp_reduced(x);
    p * f32::from_bits(power)
}

#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Beyond these it is zero or infinite. Written so that NaN stays.
    let limited = if x > 89.0 { 89.0 } else { x };
    let limited = if limited < -104.0 { -104.0 } else { limited };
    let (p, n, _) = exp_reduced(limited);
    unless_nan(x, scale(p, n))
}

/// `2ˣ / 2ⁿ`, `n`, and `n` as the exponent field of the power of two.
#[inline(always)]
fn exp2_reduced(x: f32) -> (f32, f32, u32) {
    let shifted = x + TO_EXPONENT;
    let n = shifted - TO_EXPONENT;
    let f = x - n;
    let r = f * LN2_HI;
    let low = f.mul_add(LN2_LO, f.mul_add(LN2_HI, -r));
    let rest = polynomial(r, EXP_REST);
    (1.0 + (r + (r * r).mul_add(rest, low)), n, shifted.to_bits() << 23)
}

/// Whether `exp2` needs more than [`exp2_near`].
#[inline(always)]
pub(super) fn is_far_for_exp2(x: f32) -> bool {
    let is_near = x.abs() < 126.0;
    !is_near
}

/// `exp2`, where neither it nor its power of two overflows or is subnormal.
#[inline(always)]
pub(super) fn exp2_near(x: f32) -> f32 {
    let (p, _, power) = exp2_reduced(x);
    p * f32::from_bits(power)
}

#[inline(always)]
pub(super) fn exp2(x: f32) -> f32 {
    let limited = if x > 129.0 { 129.0 } else { x };
    let limited = if limited < -151.0 { -151.0 } else { limited };
    let (p, n, _) = exp2_reduced(limited);
    unless_nan(x, scale(p, n))
}

/// What a mantissa is reduced to begins at the square root of a half.
const SQRT_HALF: u32 = 0x3f35_04f3;
const ONE: u32 = 0x3f80_0000;
const MANTISSA: u32 = 0x007f_ffff;

/// Whether `log` needs more than [`log_normal`].
#[inline(always)]
pub(super) fn is_not_positive_normal(x: f32) -> bool {
    x.to_bits().wrapping_sub(f32::MIN_POSITIVE.to_bits())
        >= f32::INFINITY.to_bits() - f32::MIN_POSITIVE.to_bits()
}

/// `(log(1 + f) - f) / f²` for `1 + f` from √½ to √2, to 2⁻²⁷ of `f`.
const LOG_REST: [f32; 9] = [
    -0.499_999_88,
    0.333_333_08,
    -0.250_016_36,
    0.200_031_18,
    -0.166_082_13,
    0.141_599_6,
    -0.132_313_92,
    0.130_364_16,
    -0.078_048_386,
];

/// The coefficients for another base.
const fn scaled(mut coefficients: [f32; 9], factor: f32) -> [f32; 9] {
    let mut i = 0;
    while i < coefficients.len() {
        coefficients[i] *= factor;
        i += 1;
    }
    coefficients
}

/// `n` and `f` of a positive, finite, normal number `2ⁿ · (1 + f)`, with `1 + f` from √½ to √2. What is subtracted from
/// `n` is the bias of the exponent field.
#[inline(always)]
fn split(x: f32, bias: f32) -> (f32, f32) {
    let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
    let n = (shifted >> 23) as i32 as f32 - bias;
    (n, f32::from_bits((shifted & MANTISSA) + SQRT_HALF) - 1.0)
}

#[inline(always)]
fn log_with_bias(x: f32, bias: f32) -> f32 {
    let (n, f) = split(x, bias);
    let low = (f * f).mul_add(polynomial(f, LOG_REST), n * LN2_LO);
    n.mul_add(LN2_HI, f + low)
}

#[inline(always)]
fn log2_with_bias(x: f32, bias: f32) -> f32 {
    const LO: f32 = 1.925_963e-8;
    const REST: [f32; 9] = scaled(LOG_REST, LOG2_E);
    let (n, f) = split(x, bias);
    let (first, square) = (f * LOG2_E, f * f);
    // What the product and the square have lost.
    let lost = f.mul_add(f, -square).mul_add(REST[0], f.mul_add(LOG2_E, -first));
    let lost = f.mul_add(LO, lost);
    n + (first + square.mul_add(polynomial(f, REST), lost))
}

#[inline(always)]
fn log10_with_bias(x: f32, bias: f32) -> f32 {
    const LO: f32 = -1.010_305e-8;
    const LOG10_2_LO: f32 = -1.432_098_9e-8;
    const REST: [f32; 9] = scaled(LOG_REST, LOG10_E);
    let (n, f) = split(x, bias);
    let (first, square) = (f * LOG10_E, f * f);
    // What the product and the square have lost.
    let lost = f.mul_add(f, -square).mul_add(REST[0], f.mul_add(LOG10_E, -first));
    let lost = f.mul_add(LO, lost);
    let low = square.mul_add(polynomial(f, REST), n.mul_add(LOG10_2_LO, lost));
    n.mul_add(LOG10_2, first + low)
}

/// A logarithm of any number, from that of a normal one with its bias.
#[inline(always)]
fn of_any(x: f32, with_bias: impl Fn(f32, f32) -> f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let normal = if subnormal { x * 8_388_608.0 } else { x };
    let log = with_bias(normal, if subnormal { 127.0 + 23.0 } else { 127.0 });
    let log = if x < f32::INFINITY { log } else { x + x };
    let log = if x == 0.0 { f32::NEG_INFINITY } else { log };
    if x < 0.0 { f32::NAN } else { log }
}

/// The logarithm of a positive, finite, normal number.
#[inline(always)]
pub(super) fn log_normal(x: f32) -> f32 {
    log_with_bias(x, 127.0)
}

#[inline(always)]
pub(super) fn log(x: f32) -> f32 {
    of_any(x, log_with_bias)
}

/// The logarithm of a positive, finite, normal number.
#[inline(always)]
pub(super) fn log2_normal(x: f32) -> f32 {
    log2_with_bias(x, 127.0)
}

#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    of_any(x, log2_with_bias)
}

/// The logarithm of a positive, finite, normal number.
#[inline(always)]
pub(super) fn log10_normal(x: f32) -> f32 {
    log10_with_bias(x, 127.0)
}

#[inline(always)]
pub(super) fn log10(x: f32) -> f32 {
    of_any(x, log10_with_bias)
}

/// Where `tanh` is no longer made from its argument, but from one.
const FROM_ONE: f32 = 0.9375;

/// `b + b · (q - ⅛)` with one quotient `q`, of which not much is taken from `b`: the argument's magnitude where it is
/// small, else one.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let is_small = magnitude < FROM_ONE;
    let (small, large) = (tanh_from_argument(magnitude), tanh_from_one(magnitude));
    let quotient = choose(is_small, small.0, large.0) / choose(is_small, small.1, large.1);
    let base = choose(is_small, magnitude, 1.0);
    base.mul_add(quotient - 0.125, base).copysign(x)
}

/// `tanh(x) / x - ⅞` as a quotient, to 2⁻³¹. The numerator is zero where the function is: so nothing cancels.
#[inline(always)]
fn tanh_from_argument(x: f32) -> (f32, f32) {
    let z = x * x;
    let numerator = (z - 0.441_016_17) * z.mul_add(-0.809_245_05, -18.024_603);
    (numerator, z.mul_add(z + 28.239_975, 63.593_132))
}

/// `tanh(x) - ⅞` as a quotient. With `exp(2x) = 2ⁿ · exp(2r)` and `t = tanh(r)` it is
/// `((2ⁿ - 15) + (2ⁿ + 15) · t) / (8 · (2ⁿ + 1) + 8 · (2ⁿ - 1) · t)`.
#[inline(always)]
fn tanh_from_one(x: f32) -> (f32, f32) {
    // From 9.02 on it is one.
    let limited = if x > 9.1 { 9.1 } else { x };
    let shifted = limited.mul_add(2.0 * LOG2_E, TO_EXPONENT);
    let n = shifted - TO_EXPONENT;
    let r = n.mul_add(-0.5 * LN2_HI, limited);
    let square = r * r;
    // To 2⁻²⁴, as it changes a result by less than its half.
    let t = (r * square).mul_add(square.mul_add(0.131_107_94, -0.333_312_75), r);
    let power = shifted.to_bits() << 23;
    let (one, eight) = (f32::from_bits(power), f32::from_bits(power.wrapping_add(3 << 23)));
    ((one + 15.0).mul_add(t, one - 15.0), (eight - 8.0).mul_add(t, eight + 8.0))
}

/// The largest argument of sines and cosines that is reduced in doubles by two parts of π.
const FAR: f32 = 16_777_216.0;

/// Whether `sin`, `cos` and `tan` are not made for `x`.
#[inline(always)]
pub(super) fn is_far(x: f32) -> bool {
    x.abs() > FAR
}

#[inline(always)]
pub(super) fn sin(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_1_PI, TO_WHOLE);
    sin_of_half_turns(wide, shifted - TO_WHOLE, shifted)
}

#[inline(always)]
pub(super) fn cos(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_1_PI, 0.5) + TO_WHOLE;
    sin_of_half_turns(wide, (shifted - TO_WHOLE) - 0.5, shifted)
}

const PI_LO: f64 = 1.224_646_799_147_353_2e-16;

/// The sine of `x - turns · π`, negative if `shifted` is odd. In doubles, as `x` may be next to a multiple of π; the
/// polynomial has an error of 2⁻³⁵.
#[inline(always)]
fn sin_of_half_turns(x: f64, turns: f64, shifted: f64) -> f32 {
    let r = turns.mul_add(-PI_LO, turns.mul_add(-PI, x));
    let p = pair::polynomial(
        r * r,
        [
            0.999_999_999_982_918_1,
            -0.166_666_666_167_721_3,
            0.008_333_330_971_448_737,
            -0.000_198_408_607_146_438_83,
            2.752_524_129_124_689_7e-6,
            -2.388_864_199_192_73e-8,
        ],
    );
    f64::from_bits((r * p).to_bits() ^ (shifted.to_bits() << 63)) as f32
}

/// In doubles for the same reason: the quotient of a sine and a cosine of at most π/4.
#[inline(always)]
pub(super) fn tan(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_2_PI, TO_WHOLE);
    let n = shifted - TO_WHOLE;
    let r = n.mul_add(-0.5 * PI_LO, n.mul_add(-FRAC_PI_2, wide));
    let z = r * r;
    let sin = r * pair::polynomial(z, SIN_TO_QUARTER);
    let cos = pair::polynomial(z, COS_TO_QUARTER);
    let odd = shifted.to_bits() & 1 == 1;
    unless_nan(x, (choose(odd, -cos, sin) / choose(odd, sin, cos)) as f32)
}

/// `sin(r) / r` of `r²`, to 2⁻³⁷.
const SIN_TO_QUARTER: [f64; 5] = [
    0.999_999_999_995_638_4,
    -0.166_666_666_313_550_95,
    0.008_333_328_758_794_408,
    -0.000_198_391_949_018_512_75,
    2.717_276_946_473_756_4e-6,
];

/// `cos(r)` of `r²`, to 2⁻³⁴.
const COS_TO_QUARTER: [f64; 5] = [
    0.999_999_999_952_125_7,
    -0.499_999_996_123_565_05,
    0.041_666_616_440_111_02,
    -0.001_388_661_016_608_116_7,
    2.437_909_224_439_278e-5,
];

/// `of_x`, or NaN if `x` is NaN.
#[inline(always)]
fn unless_nan(x: f32, of_x: f32) -> f32 {
    choose(x.is_nan(), x + x, of_x)
}
