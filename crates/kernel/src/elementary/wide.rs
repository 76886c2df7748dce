//! The functions of single precision that are done in double precision, with as many terms as a single shows: results
//! are right to 2⁻³⁶ before they are rounded. Nothing that doubles lose matters here, so nothing is a pair.
//!
//! Arguments are singles, or at least no larger. Coefficients are minimax polynomials.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, LN_2, LOG2_E, PI};

use super::{
    double::{
        exponential::{limited, unless_nan},
        inverse::{cbrt_of_inverse, unless_outside},
        logarithm::split_normal,
        power::with_sign_of_power,
    },
    pair::{TO_WHOLE, choose, polynomial, power_of_two},
};

/// `2ⁿ` and `exp(x) / 2ⁿ - 1`, for `x` whose exponential is a normal double.
#[inline(always)]
fn exp_reduced(x: f64) -> (f64, f64) {
    let n = x.mul_add(LOG2_E, TO_WHOLE) - TO_WHOLE;
    let r = n.mul_add(-LN_2, x);
    // To 2⁻³⁷.
    let rest = polynomial(
        r,
        [
            0.499_999_999_997_360_1,
            0.166_666_667_545_405_45,
            0.041_666_666_955_268_84,
            0.008_333_288_957_314_158,
            0.001_388_880_928_635_994_8,
            0.000_199_049_590_351_829_54,
            2.488_251_015_546_254e-5,
        ],
    );
    (power_of_two(n), (r * r).mul_add(rest, r))
}

/// Beyond this all exponentials of singles are zero or infinite.
const FAR: f64 = 120.0;

#[inline(always)]
fn expm1_inside(x: f64) -> f64 {
    let (power, rest) = exp_reduced(x);
    power.mul_add(rest, power - 1.0)
}

#[inline(always)]
pub(super) fn expm1(x: f64) -> f64 {
    unless_nan(x, expm1_inside(limited(x, -FAR, FAR)).copysign(x))
}

#[inline(always)]
pub(super) fn sinh(x: f64) -> f64 {
    let less = expm1_inside(limited(x.abs(), 0.0, FAR));
    unless_nan(x, (0.5 * (less + less / (less + 1.0))).copysign(x))
}

#[inline(always)]
pub(super) fn cosh(x: f64) -> f64 {
    let (power, rest) = exp_reduced(limited(x.abs(), 0.0, FAR));
    let exp = power.mul_add(rest, power);
    unless_nan(x, 0.5 * (exp + 1.0 / exp))
}

/// The logarithm of a positive, finite number, and of `1 + lost` more.
#[inline(always)]
fn log(x: f64, lost: f64) -> f64 {
    let (k, m) = split_normal(x, 1023.0);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // To 2⁻⁴⁴, as the exponent of a power is its product with a large number.
    let rest = polynomial(
        z,
        [
            0.666_666_666_758_146,
            0.399_999_956_168_857,
            0.285_721_097_142_227_3,
            0.221_761_642_111_537_65,
            0.195_845_214_745_057_8,
        ],
    );
    k.mul_add(LN_2, (s * z).mul_add(rest, s + s) + lost)
}

/// `log1p` of a number that is not negative, or of a single above -1.
#[inline(always)]
fn log1p_inside(x: f64) -> f64 {
    let sum = 1.0 + x;
    // Where something is lost that counts, the sum is next to one.
    log(sum, choose(x.abs() < 1e-6, x - (sum - 1.0), 0.0))
}

#[inline(always)]
pub(super) fn log1p(x: f64) -> f64 {
    let log = log1p_inside(x).copysign(x);
    let log = choose(x < f64::INFINITY, log, x + x);
    let log = choose(x == -1.0, f64::NEG_INFINITY, log);
    choose(x < -1.0, f64::NAN, log)
}

#[inline(always)]
pub(super) fn arcsinh(x: f64) -> f64 {
    let magnitude = x.abs();
    let square = magnitude * magnitude;
    let log = log1p_inside(magnitude + square / (1.0 + (1.0 + square).sqrt()));
    unless_nan(x, choose(magnitude < f64::INFINITY, log, magnitude).copysign(x))
}

#[inline(always)]
pub(super) fn arccosh(x: f64) -> f64 {
    let above = x - 1.0;
    let log = log1p_inside(above + above.mul_add(above, above + above).sqrt());
    let log = choose(x < f64::INFINITY, log, x);
    unless_nan(x, choose(x < 1.0, f64::NAN, log))
}

#[inline(always)]
pub(super) fn arctanh(x: f64) -> f64 {
    let magnitude = x.abs();
    let log = 0.5 * log1p_inside((magnitude + magnitude) / (1.0 - magnitude));
    let value = choose(magnitude < 1.0, log, f64::INFINITY).copysign(x);
    unless_nan(x, choose(magnitude > 1.0, f64::NAN, value))
}

/// A power of finite singles, the first not zero.
#[inline(always)]
pub(super) fn power(x: f64, y: f64) -> f64 {
    let (power, rest) = exp_reduced(limited(y * log(x.abs(), 0.0), -FAR, FAR));
    with_sign_of_power(x, y, power.mul_add(rest, power))
}

/// The arcsine of a number to a half, or of `√((1 - x) / 2)` above, and whether it is the first.
#[inline(always)]
fn arcsin_reduced(magnitude: f64) -> (f64, bool) {
    let near = magnitude < 0.5;
    let z = choose(near, magnitude * magnitude, 0.5 - 0.5 * magnitude);
    let base = choose(near, magnitude, z.sqrt());
    // To 2⁻³⁹.
    let rest = polynomial(
        z,
        [
            0.166_666_666_266_977_1,
            0.075_000_050_437_382_52,
            0.044_640_687_082_482_55,
            0.030_426_853_756_215_424,
            0.021_862_897_401_906_466,
            0.020_659_606_993_558_278,
            0.001_946_951_011_054_59,
            0.032_943_359_982_608_604,
        ],
    );
    ((base * z).mul_add(rest, base), near)
}

#[inline(always)]
pub(super) fn arcsin(x: f64) -> f64 {
    let (angle, near) = arcsin_reduced(x.abs());
    unless_outside(x, choose(near, angle, FRAC_PI_2 - 2.0 * angle).copysign(x))
}

#[inline(always)]
pub(super) fn arccos(x: f64) -> f64 {
    let (angle, near) = arcsin_reduced(x.abs());
    let far = choose(x < 0.0, PI - 2.0 * angle, 2.0 * angle);
    unless_outside(x, choose(near, FRAC_PI_2 - angle.copysign(x), far))
}

/// The arctangent of a quotient of numbers that are not negative, both finite; of which one may be zero.
#[inline(always)]
fn angle(y: f64, x: f64) -> f64 {
    const TAN_OF_EIGHTH: f64 = std::f64::consts::SQRT_2 - 1.0;
    let (flat, steep) = (y < x * TAN_OF_EIGHTH, x < y * TAN_OF_EIGHTH);
    let above = choose(flat, y, choose(steep, -x, y - x));
    let below = choose(flat, x, choose(steep, y, y + x));
    let from = choose(flat, 0.0, choose(steep, FRAC_PI_2, FRAC_PI_4));
    let t = above / below;
    let z = t * t;
    // To 2⁻⁴⁰.
    let rest = polynomial(
        z,
        [
            -0.333_333_332_964_527_2,
            0.199_999_944_086_429_02,
            -0.142_854_267_279_330_54,
            0.111_040_577_694_976,
            -0.089_973_129_857_562_73,
            0.069_932_579_806_249_99,
            -0.037_958_743_197_981_23,
        ],
    );
    from + (t * z).mul_add(rest, t)
}

#[inline(always)]
pub(super) fn arctan(x: f64) -> f64 {
    unless_nan(x, angle(limited(x.abs(), 0.0, 1e39), 1.0).copysign(x))
}

/// Of finite singles, not both zero.
#[inline(always)]
pub(super) fn arctan2(y: f64, x: f64) -> f64 {
    let first = angle(y.abs(), x.abs());
    choose(x < 0.0, PI - first, first).copysign(y)
}

#[inline(always)]
pub(super) fn cbrt(x: f64) -> f64 {
    let magnitude = x.abs();
    let inverse = cbrt_of_inverse(magnitude);
    let root = magnitude * inverse * inverse;
    let value = choose(magnitude == 0.0 || magnitude == f64::INFINITY, magnitude, root);
    unless_nan(x, value.copysign(x))
}
