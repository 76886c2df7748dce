//! Functions of complex numbers.

use num_complex::Complex;

use super::Function;

pub(crate) fn complex(function: Function, z: Complex<f64>) -> Complex<f64> {
    match function {
        Function::Exp => z.exp(),
        Function::Exp2 => (z * std::f64::consts::LN_2).exp(),
        Function::Expm1 => z.exp() - 1.0,
        Function::Log => z.ln(),
        Function::Log2 => z.ln() * std::f64::consts::LOG2_E,
        Function::Log10 => z.ln() * std::f64::consts::LOG10_E,
        Function::Log1p => (z + 1.0).ln(),
        Function::Sin => z.sin(),
        Function::Cos => z.cos(),
        Function::Tan => z.tan(),
        Function::Arcsin => z.asin(),
        Function::Arccos => z.acos(),
        Function::Arctan => z.atan(),
        Function::Sinh => z.sinh(),
        Function::Cosh => z.cosh(),
        Function::Tanh => z.tanh(),
        Function::Arcsinh => z.asinh(),
        Function::Arccosh => z.acosh(),
        Function::Arctanh => z.atanh(),
        Function::Cbrt => z.cbrt(),
    }
}

pub(crate) fn complex_power(z: Complex<f64>, w: Complex<f64>) -> Complex<f64> {
    z.powc(w)
}

pub(crate) fn complex_sqrt(z: Complex<f64>) -> Complex<f64> {
    z.sqrt()
}
