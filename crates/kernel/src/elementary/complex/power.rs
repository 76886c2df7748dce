//! Logarithm, square root and power.

use num_complex::Complex;

use super::exponential::exp;
use crate::elementary::pair::Pair;

/// The logarithm of the length. Next to one the squares are pairs, so that nothing is lost in their difference from one.
fn log_of_length(z: Complex<f64>) -> f64 {
    let (x, y) = (z.re.abs(), z.im.abs());
    let (large, small) = if x > y { (x, y) } else { (y, x) };
    if large > 0.5 && large < 2.0 && small < 2.0 {
        // |z|² - 1, the product exact.
        let rest = Pair::product(large - 1.0, large + 1.0);
        let sum = (large - 1.0) * ((1.0 - (large + 1.0)) + large);
        let square = Pair::product(small, small);
        let total = Pair::sum(rest.hi, square.hi);
        return 0.5 * (total.hi + (total.lo + (rest.lo + square.lo + sum))).ln_1p();
    }
    if large > 1e300 {
        return (x / 4.0).hypot(y / 4.0).ln() + 2.0 * std::f64::consts::LN_2;
    }
    if large < 1e-300 && large > 0.0 {
        let up = (1_u128 << 100) as f64;
        return (x * up).hypot(y * up).ln() - 100.0 * std::f64::consts::LN_2;
    }
    x.hypot(y).ln()
}

pub(super) fn log(z: Complex<f64>) -> Complex<f64> {
    Complex::new(log_of_length(z), z.im.atan2(z.re))
}

/// As NumPy: the logarithm of `1 + z`.
pub(super) fn log1p(z: Complex<f64>) -> Complex<f64> {
    let re = 1.0 + z.re;
    Complex::new(re.hypot(z.im).ln(), z.im.atan2(re))
}

/// As in Annex G's example and FreeBSD's `s_csqrt.c`, of numbers scaled where their length would overflow or lose bits.
pub(crate) fn complex_sqrt(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    if re == 0.0 && im == 0.0 {
        return Complex::new(0.0, im);
    }
    if im.is_infinite() {
        return Complex::new(f64::INFINITY, im);
    }
    if re.is_nan() || im.is_nan() && re.is_finite() {
        return Complex::new(f64::NAN, f64::NAN);
    }
    if re.is_infinite() {
        let rest = if im.is_nan() { im } else { 0.0_f64.copysign(im) };
        let infinite = if im.is_nan() { f64::INFINITY } else { f64::INFINITY.copysign(im) };
        return if re < 0.0 { Complex::new(rest.abs(), infinite) } else { Complex::new(re, rest) };
    }
    let large = re.abs().max(im.abs());
    let (factor, back) = match large {
        large if large > 1e300 => (0.0625, 4.0),
        large if large < 1e-290 => ((1_u128 << 108) as f64, 1.0 / (1_u64 << 54) as f64),
        _ => (1.0, 1.0),
    };
    let (re, im) = (re * factor, im * factor);
    let leg = (0.5 * (re.abs() + re.hypot(im))).sqrt();
    let other = im.abs() / (2.0 * leg);
    let (real, imaginary) = if re >= 0.0 { (leg, other) } else { (other, leg) };
    Complex::new(real * back, (imaginary * back).copysign(im))
}

fn product(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
    Complex::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
}

/// One divided by a number, by Smith's method, as NumPy divides.
fn inverse(z: Complex<f64>) -> Complex<f64> {
    if z.re.abs() >= z.im.abs() {
        if z.re == 0.0 && z.im == 0.0 {
            return Complex::new(1.0 / z.re.abs(), 0.0 / z.re.abs());
        }
        let ratio = z.im / z.re;
        let scale = 1.0 / (z.re + z.im * ratio);
        Complex::new(scale, (0.0 - ratio) * scale)
    } else {
        let ratio = z.re / z.im;
        let scale = 1.0 / (z.im + z.re * ratio);
        // The sum with zero is for the sign of zero, as NumPy has it.
        Complex::new((ratio + 0.0) * scale, -scale)
    }
}

/// As NumPy's `npy_cpow`: small whole powers by multiplication, others by the logarithm.
pub(crate) fn complex_power(base: Complex<f64>, exponent: Complex<f64>) -> Complex<f64> {
    if exponent.re == 0.0 && exponent.im == 0.0 {
        return Complex::new(1.0, 0.0);
    }
    if base.re == 0.0 && base.im == 0.0 {
        let value = if exponent.re > 0.0 { 0.0 } else { f64::NAN };
        return Complex::new(value, value);
    }
    let whole = exponent.im == 0.0 && exponent.re.abs() < 100.0 && exponent.re.trunc() == exponent.re;
    if !whole {
        return exp(product(exponent, log(base)));
    }
    match exponent.re {
        1.0 => base,
        2.0 => product(base, base),
        3.0 => product(base, product(base, base)),
        re if re < 0.0 => inverse(by_squares(base, -re as u32)),
        re => by_squares(base, re as u32),
    }
}

/// A power from one up, the factors in NumPy's order.
fn by_squares(base: Complex<f64>, exponent: u32) -> Complex<f64> {
    let (mut power, mut square) = (Complex::new(1.0, 0.0), base);
    for bit in 0..u32::BITS - exponent.leading_zeros() {
        if bit > 0 {
            square = product(square, square);
        }
        if exponent >> bit & 1 == 1 {
            power = product(power, square);
        }
    }
    power
}
