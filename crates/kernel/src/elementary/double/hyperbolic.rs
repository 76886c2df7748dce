//! Hyperbolic functions and their inverses.
//!
//! With `x = n · ln 2 + r` both sides of `sinh(x) = (exp(x) - exp(-x)) / 2` are made from `sinh(r)` and `cosh(r)`, with
//! the exact numbers `2ⁿ⁻¹ ± 2⁻ⁿ⁻¹`: nothing is subtracted that cancels. The inverses are logarithms of `1 + x` with
//! an argument in twice the precision, as in FreeBSD's `s_asinh.c`.

use super::{
    exponential::{limited, reduce, unless_nan},
    logarithm::{log_of_pair, one_and},
};
use crate::elementary::pair::{Pair, choose, polynomial, power_of_two};

/// A quarter of sinh and of cosh.
#[inline(always)]
fn quarters(magnitude: f64) -> (Pair, Pair) {
    let (n, r) = reduce(magnitude);
    let z = r.hi * r.hi;
    let sinh_rest = polynomial(
        z,
        [
            0.166_666_666_666_666_77,
            0.008_333_333_333_321_386,
            0.000_198_412_698_868_163_26,
            2.755_724_345_635_193_2e-6,
            2.510_931_554_822_485e-8,
        ],
    );
    let cosh_rest = polynomial(
        z,
        [
            0.5,
            0.041_666_666_666_666_685,
            0.001_388_888_888_887_328_3,
            2.480_158_734_920_185_3e-5,
            2.755_725_182_051_499e-7,
            2.092_176_933_114_669e-9,
        ],
    );
    let sinh_rest = (r.hi * z).mul_add(sinh_rest, r.lo);
    // The lower part of r changes the larger function by its product with the smaller one.
    let cosh_rest = z.mul_add(cosh_rest, r.hi * r.lo);
    // Where the smaller power would be too small for a normal number, it does not matter how small it is.
    let (up, down) = (power_of_two(n - 3.0), power_of_two(-choose(n > 1000.0, 1000.0, n) - 3.0));
    let (sum, difference) = (Pair::ordered_sum(up, down), Pair::ordered_sum(up, -down));
    let combined = |first: Pair, second: Pair| {
        let hi = second.hi.mul_add(r.hi, first.hi);
        let lo = second.hi.mul_add(r.hi, first.hi - hi) + second.lo.mul_add(r.hi, first.lo);
        Pair::ordered_sum(hi, lo + first.hi.mul_add(cosh_rest, second.hi * sinh_rest))
    };
    (combined(difference, sum), combined(sum, difference))
}

#[inline(always)]
pub(crate) fn sinh(x: f64) -> f64 {
    let magnitude = x.abs();
    let (sinh, _) = quarters(limited(magnitude, 0.0, 711.0));
    let value = choose(magnitude < 1e-8, magnitude, 4.0 * sinh.value());
    unless_nan(x, value.copysign(x))
}

#[inline(always)]
pub(crate) fn cosh(x: f64) -> f64 {
    let (_, cosh) = quarters(limited(x.abs(), 0.0, 711.0));
    unless_nan(x, 4.0 * cosh.value())
}

#[inline(always)]
pub(crate) fn tanh(x: f64) -> f64 {
    let magnitude = x.abs();
    let (sinh, cosh) = quarters(limited(magnitude, 0.0, 22.0));
    let value = choose(magnitude < 1e-8, magnitude, sinh.over(cosh).value());
    unless_nan(x, value.copysign(x))
}

/// From here on the root in an inverse function is as its argument.
const LARGE: f64 = (1_u64 << 28) as f64;

#[inline(always)]
pub(crate) fn arcsinh(x: f64) -> f64 {
    let magnitude = x.abs();
    let small = limited(magnitude, 0.0, LARGE);
    let square = Pair::product(small, small);
    let root = Pair::sum(1.0, square.hi);
    let root = Pair::new(root.hi, root.lo + square.lo).root();
    // x + x² / (1 + √(1 + x²))
    let divisor = Pair::ordered_sum(root.hi, 1.0);
    let further = square.over(Pair::new(divisor.hi, divisor.lo + root.lo));
    let argument = one_and(Pair::new(small, 0.0).plus_smaller(further));
    let log = log_unless_large(magnitude, argument);
    let value = choose(magnitude < 1e-8, magnitude, log);
    unless_nan(x, value.copysign(x))
}

/// The logarithm of an argument, or of `2x`.
#[inline(always)]
fn log_unless_large(x: f64, argument: Pair) -> f64 {
    let large = x >= LARGE;
    let argument = Pair::new(choose(large, x, argument.hi), choose(large, 0.0, argument.lo));
    let log = log_of_pair(argument, choose(large, 1.0, 0.0)).value();
    choose(x == f64::INFINITY, x, log)
}

#[inline(always)]
pub(crate) fn arccosh(x: f64) -> f64 {
    let small = limited(x, 1.0, LARGE);
    // 1 + (x - 1) + √((x - 1)² + 2(x - 1))
    let t = small - 1.0;
    let square = Pair::product(t, t);
    let sum = Pair::sum(t + t, square.hi);
    let root = Pair::new(sum.hi, sum.lo + square.lo).root();
    let argument = Pair::sum(root.hi, t);
    let argument = one_and(Pair::new(argument.hi, argument.lo + root.lo));
    unless_nan(x, choose(x < 1.0, f64::NAN, log_unless_large(x, argument)))
}

#[inline(always)]
pub(crate) fn arctanh(x: f64) -> f64 {
    let magnitude = x.abs();
    // ½ log(1 + 2x / (1 - x)), below one.
    let inside = limited(magnitude, 0.0, 1.0 - f64::EPSILON / 2.0);
    let divisor = Pair::ordered_sum(1.0, -inside);
    let argument = one_and(Pair::new(inside + inside, 0.0).over(divisor));
    let log = log_of_pair(argument, 0.0).value();
    let value = choose(magnitude < 1e-8, magnitude, 0.5 * log);
    let value = choose(magnitude == 1.0, f64::INFINITY, value);
    unless_nan(x, choose(magnitude > 1.0, f64::NAN, value.copysign(x)))
}
