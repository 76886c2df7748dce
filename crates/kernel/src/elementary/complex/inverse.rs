//! Inverse functions, by T. E. Hull, T. F. Fairgrieve and P. T. P. Tang, "Implementing the complex arcsine and arccosine
//! functions using exception handling" (1997), with the differences `A - 1` and `A - y` as FreeBSD's `catrig.c` has them.

use std::f64::consts::{FRAC_PI_2, LN_2};

use num_complex::Complex;

/// Above, `z² + 1` is as `z²`.
const LARGE: f64 = 1.0 / f64::EPSILON;
/// Below, the first term of the series is enough.
const SMALL: f64 = 9e-9;

/// `(√(a² + b²) - b) / 2` without a difference that cancels; `length` is the root.
fn half_excess(a: f64, b: f64, length: f64) -> f64 {
    if b < 0.0 {
        (length - b) / 2.0
    } else if b == 0.0 {
        a / 2.0
    } else {
        a * a / (length + b) / 2.0
    }
}

/// For `x` and `y` that are not negative: half the sum of the distances of `x + iy` to `i` and `-i`, and both.
fn half_sum(x: f64, y: f64) -> (f64, f64, f64) {
    let (far, near) = (x.hypot(y + 1.0), x.hypot(y - 1.0));
    (f64::max((far + near) / 2.0, 1.0), far, near)
}

/// The real part of the inverse hyperbolic sine of `x + iy`, both not negative and not large.
fn real_part(x: f64, y: f64) -> f64 {
    let (a, far, near) = half_sum(x, y);
    if a >= 10.0 {
        (a + (a * a - 1.0).sqrt()).ln()
    } else if y == 1.0 && x < f64::EPSILON * f64::EPSILON / 128.0 {
        x.sqrt()
    } else if x >= f64::EPSILON * (y - 1.0).abs() {
        let excess = half_excess(x, 1.0 + y, far) + half_excess(x, 1.0 - y, near);
        (excess + (excess * (a + 1.0)).sqrt()).ln_1p()
    } else if y < 1.0 {
        x / ((1.0 - y) * (1.0 + y)).sqrt()
    } else {
        ((y - 1.0) + ((y - 1.0) * (y + 1.0)).sqrt()).ln_1p()
    }
}

/// `y` and `√(A² - y²)`, both by the same factor, for the same `x` and `y`: the legs of the imaginary part.
fn legs(x: f64, y: f64) -> (f64, f64) {
    const FACTOR: f64 = 4.0 / f64::EPSILON / f64::EPSILON;
    let (a, far, near) = half_sum(x, y);
    if y < 1e-150 {
        return (y * FACTOR, a * FACTOR);
    }
    if y == 1.0 && x < f64::EPSILON / 128.0 {
        (y, x.sqrt() * ((a + y) / 2.0).sqrt())
    } else if x >= f64::EPSILON * (y - 1.0).abs() {
        let excess = half_excess(x, y + 1.0, far) + half_excess(x, y - 1.0, near);
        (y, (excess * (a + y)).sqrt())
    } else if y > 1.0 {
        (y * FACTOR, x * FACTOR * y / ((y + 1.0) * (y - 1.0)).sqrt())
    } else {
        (y, ((1.0 - y) * (1.0 + y)).sqrt())
    }
}

/// The logarithm of a large finite or infinite number, and its angle.
fn log_of_large(z: Complex<f64>) -> Complex<f64> {
    // A quarter, so that the length does not overflow.
    let length = (z.re / 4.0).hypot(z.im / 4.0);
    Complex::new(length.ln() + 2.0 * LN_2, z.im.atan2(z.re))
}

fn not_a_number() -> Complex<f64> {
    Complex::new(f64::NAN, f64::NAN)
}

pub(super) fn arcsinh(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    let (x, y) = (re.abs(), im.abs());
    if re.is_nan() || im.is_nan() {
        return match () {
            () if re.is_infinite() => Complex::new(re, f64::NAN),
            () if im.is_infinite() => Complex::new(f64::INFINITY, f64::NAN),
            () if im == 0.0 => Complex::new(f64::NAN, im),
            () => not_a_number(),
        };
    }
    if x > LARGE || y > LARGE {
        let log = log_of_large(Complex::new(x, y));
        return Complex::new((log.re + LN_2).copysign(re), log.im.copysign(im));
    }
    if x < SMALL && y < SMALL {
        return z;
    }
    let (opposite, adjacent) = legs(x, y);
    Complex::new(real_part(x, y).copysign(re), opposite.atan2(adjacent).copysign(im))
}

pub(super) fn arccos(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    let (x, y) = (re.abs(), im.abs());
    if re.is_nan() || im.is_nan() {
        return match () {
            () if re.is_infinite() => Complex::new(f64::NAN, f64::NEG_INFINITY),
            () if im.is_infinite() => Complex::new(f64::NAN, -im),
            () if re == 0.0 => Complex::new(FRAC_PI_2, f64::NAN),
            () => not_a_number(),
        };
    }
    if x > LARGE || y > LARGE {
        let log = log_of_large(z);
        return Complex::new(log.im.abs(), (log.re + LN_2).copysign(-im));
    }
    if x < SMALL && y < SMALL {
        return Complex::new(FRAC_PI_2 - re, -im);
    }
    // With the axes changed, as an arccosine is a quarter of a turn less an arcsine.
    let (adjacent, opposite) = legs(y, x);
    Complex::new(opposite.atan2(adjacent.copysign(re)), real_part(y, x).copysign(-im))
}

/// A quarter of a turn from the arccosine, to the side on which the real part is not negative.
pub(super) fn arccosh(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = arccos(z);
    match (re.is_nan(), im.is_nan()) {
        (true, false) => Complex::new(im.abs(), f64::NAN),
        (_, true) => Complex::new(f64::NAN, if z.re == 0.0 { re } else { f64::NAN }),
        (false, false) => Complex::new(im.abs(), re.copysign(z.im)),
    }
}

pub(super) fn arctanh(z: Complex<f64>) -> Complex<f64> {
    let Complex { re, im } = z;
    let (x, y) = (re.abs(), im.abs());
    if re.is_nan() || im.is_nan() {
        return match () {
            () if re.is_infinite() => Complex::new(0.0_f64.copysign(re), f64::NAN),
            () if im.is_infinite() => Complex::new(0.0_f64.copysign(re), FRAC_PI_2.copysign(im)),
            () if re == 0.0 => Complex::new(re, f64::NAN),
            () => not_a_number(),
        };
    }
    if x > LARGE || y > LARGE {
        return Complex::new(real_part_of_inverse(x, y).copysign(re), FRAC_PI_2.copysign(im));
    }
    if x < SMALL && y < SMALL {
        return z;
    }
    let real = if x == 1.0 && y < f64::EPSILON {
        (LN_2 - y.ln()) / 2.0
    } else {
        (4.0 * x / ((x - 1.0) * (x - 1.0) + y * y)).ln_1p() / 4.0
    };
    let angle =
        if x == 1.0 { 2.0_f64.atan2(-y) } else { (2.0 * y).atan2((1.0 - x).mul_add(1.0 + x, -y * y)) };
    let imaginary = if y == 0.0 && x <= 1.0 { 0.0 } else { angle / 2.0 };
    Complex::new(real.copysign(re), imaginary.copysign(im))
}

/// `x / (x² + y²)`, of which one may be infinite.
fn real_part_of_inverse(x: f64, y: f64) -> f64 {
    if x.is_infinite() || y.is_infinite() {
        return 0.0;
    }
    let length = (x / 4.0).hypot(y / 4.0);
    x / 4.0 / length / length / 4.0
}
