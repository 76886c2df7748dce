//! Functions of complex numbers, one by one, with the special values of C99's Annex G, which are NumPy's.

mod exponential;
mod inverse;
mod power;

use num_complex::Complex;

pub(crate) use power::{complex_power, complex_sqrt};

use super::Function;

/// A function of a complex number. There is no complex cube root, in NumPy neither: it is not a number.
pub(crate) fn complex(f: Function, z: Complex<f64>) -> Complex<f64> {
    match f {
        Function::Exp => exponential::exp(z),
        Function::Exp2 => exponential::exp(z * std::f64::consts::LN_2),
        Function::Expm1 => exponential::expm1(z),
        Function::Log => power::log(z),
        Function::Log2 => power::log(z) * std::f64::consts::LOG2_E,
        Function::Log10 => power::log(z) * std::f64::consts::LOG10_E,
        Function::Log1p => power::log1p(z),
        Function::Sin => exponential::sin(z),
        Function::Cos => exponential::cosh(quarter_turn(z)),
        Function::Tan => from_quarter_turn(exponential::tanh(quarter_turn(z))),
        Function::Arcsin => mirrored(inverse::arcsinh(mirrored(z))),
        Function::Arccos => inverse::arccos(z),
        Function::Arctan => mirrored(inverse::arctanh(mirrored(z))),
        Function::Sinh => exponential::sinh(z),
        Function::Cosh => exponential::cosh(z),
        Function::Tanh => exponential::tanh(z),
        Function::Arcsinh => inverse::arcsinh(z),
        Function::Arccosh => inverse::arccosh(z),
        Function::Arctanh => inverse::arctanh(z),
        Function::Cbrt => Complex::new(f64::NAN, f64::NAN),
    }
}

/// `i · z`.
fn quarter_turn(z: Complex<f64>) -> Complex<f64> {
    Complex::new(-z.im, z.re)
}

/// `z / i`.
fn from_quarter_turn(z: Complex<f64>) -> Complex<f64> {
    Complex::new(z.im, -z.re)
}

/// `i` times the conjugate.
fn mirrored(z: Complex<f64>) -> Complex<f64> {
    Complex::new(z.im, z.re)
}
