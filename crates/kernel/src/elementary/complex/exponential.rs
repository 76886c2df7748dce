//! The exponential and hyperbolic functions.

use num_complex::Complex;

/// `factor · scale · exp(x)`, where the exponential may overflow alone.
fn times_exp(factor: f64, scale: f64, x: f64) -> f64 {
    if x < 709.0 {
        return factor * (scale * x.exp());
    }
    let root = (0.5 * x).exp();
    factor * root * (scale * root)
}

pub(super) fn exp(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    if im == 0.0 {
        return Complex::new(re.exp(), im);
    }
    if re.is_infinite() && !im.is_finite() {
        return if re < 0.0 { Complex::new(0.0, 0.0_f64.copysign(im)) } else { Complex::new(re, f64::NAN) };
    }
    if re == f64::NEG_INFINITY {
        return Complex::new(0.0_f64.copysign(im.cos()), 0.0_f64.copysign(im.sin()));
    }
    let (sin, cos) = im.sin_cos();
    Complex::new(times_exp(cos, 1.0, re), times_exp(sin, 1.0, re))
}

/// As NumPy: the real part is `expm1(re) · cos(im) - 2 sin²(im / 2)`.
pub(super) fn expm1(z: Complex<f64>) -> Complex<f64> {
    let half = (0.5 * z.im).sin();
    Complex::new(z.re.exp_m1() * z.im.cos() - 2.0 * half * half, z.re.exp() * z.im.sin())
}

/// From here on `exp(-|x|)` has no part in the hyperbolic functions.
const LARGE: f64 = 22.0;

pub(super) fn cosh(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    if im == 0.0 {
        let sign = if re.is_nan() { 1.0 } else { 1.0_f64.copysign(re) };
        return Complex::new(re.cosh(), sign * im);
    }
    if !im.is_finite() {
        let zero = if re == 0.0 { 0.0 } else { f64::NAN };
        return Complex::new(if re.is_infinite() { f64::INFINITY } else { f64::NAN }, zero);
    }
    let (sin, cos) = im.sin_cos();
    if re.abs() < LARGE {
        return Complex::new(re.cosh() * cos, re.sinh() * sin);
    }
    let magnitude = re.abs();
    Complex::new(times_exp(cos, 0.5, magnitude), times_exp(sin * re.signum(), 0.5, magnitude))
}

pub(super) fn sinh(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    if im == 0.0 {
        return Complex::new(re.sinh(), im);
    }
    if !im.is_finite() {
        // Of zero and infinity, of which the sign is not said; this is NumPy's.
        let real = if re == 0.0 {
            re
        } else if re.is_infinite() {
            f64::INFINITY
        } else {
            f64::NAN
        };
        return Complex::new(real, f64::NAN);
    }
    let (sin, cos) = im.sin_cos();
    if re.abs() < LARGE {
        return Complex::new(re.sinh() * cos, re.cosh() * sin);
    }
    let magnitude = re.abs();
    Complex::new(times_exp(cos * re.signum(), 0.5, magnitude), times_exp(sin, 0.5, magnitude))
}

/// The sine, whose imaginary part has the sign that NumPy gives it where the standard leaves it open.
pub(super) fn sin(z: Complex<f64>) -> Complex<f64> {
    if !z.re.is_finite() && z.im.is_infinite() {
        return Complex::new(f64::NAN, f64::INFINITY);
    }
    let Complex { re, im } = sinh(Complex::new(-z.im, z.re));
    Complex::new(im, -re)
}

pub(super) fn tanh(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    if re.is_nan() {
        return Complex::new(re, if im == 0.0 { im } else { f64::NAN });
    }
    if re.is_infinite() {
        let sign = if im.is_finite() { im.sin() * im.cos() } else { im };
        return Complex::new(1.0_f64.copysign(re), 0.0_f64.copysign(sign));
    }
    if !im.is_finite() {
        return Complex::new(if re == 0.0 { re } else { f64::NAN }, f64::NAN);
    }
    if re.abs() >= LARGE {
        let (sin, cos) = im.sin_cos();
        let small = (-re.abs()).exp();
        return Complex::new(1.0_f64.copysign(re), 4.0 * sin * cos * small * small);
    }
    let (sin, cos) = im.sin_cos();
    let (sinh, cosh) = (re.sinh(), re.cosh());
    let divisor = if sinh.abs() > cos.abs() * f64::EPSILON { sinh * sinh + cos * cos } else { cos * cos };
    Complex::new(sinh * cosh / divisor, sin * cos / divisor)
}
