//! Elementary functions, by way of the standard library.

use num_complex::Complex;

use crate::simd::Level;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Exp,
    Exp2,
    Expm1,
    Log,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Arcsinh,
    Arccosh,
    Arctanh,
    Cbrt,
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function2 {
    Power,
    Arctan2,
    Hypot,
    Logaddexp,
    Logaddexp2,
}

macro_rules! functions {
    ($type:ident, $size:literal, $map:ident, $one:ident, $zip:ident, $two:ident) => {
        fn $one(function: Function) -> fn($type) -> $type {
            match function {
                Function::Exp => $type::exp,
                Function::Exp2 => $type::exp2,
                Function::Expm1 => $type::exp_m1,
                Function::Log => $type::ln,
                Function::Log2 => $type::log2,
                Function::Log10 => $type::log10,
                Function::Log1p => $type::ln_1p,
                Function::Sin => $type::sin,
                Function::Cos => $type::cos,
                Function::Tan => $type::tan,
                Function::Arcsin => $type::asin,
                Function::Arccos => $type::acos,
                Function::Arctan => $type::atan,
                Function::Sinh => $type::sinh,
                Function::Cosh => $type::cosh,
                Function::Tanh => $type::tanh,
                Function::Arcsinh => $type::asinh,
                Function::Arccosh => $type::acosh,
                Function::Arctanh => $type::atanh,
                Function::Cbrt => $type::cbrt,
            }
        }

        pub(crate) fn $map(_: Level, function: Function, items: &[u8], out: &mut [u8]) {
            let of = $one(function);
            for (x, out) in items.as_chunks::<$size>().0.iter().zip(out.as_chunks_mut::<$size>().0) {
                *out = of($type::from_ne_bytes(*x)).to_ne_bytes();
            }
        }

        fn $two(function: Function2) -> fn($type, $type) -> $type {
            match function {
                Function2::Power => $type::powf,
                Function2::Arctan2 => $type::atan2,
                Function2::Hypot => $type::hypot,
                Function2::Logaddexp => |x, y| {
                    if x == y {
                        return x + std::$type::consts::LN_2;
                    }
                    if x > y {
                        x + (y - x).exp().ln_1p()
                    } else if x <= y {
                        y + (x - y).exp().ln_1p()
                    } else {
                        x - y
                    }
                },
                Function2::Logaddexp2 => |x, y| {
                    let log1p = |x: $type| x.ln_1p() * std::$type::consts::LOG2_E;
                    if x == y {
                        return x + 1.0;
                    }
                    if x > y {
                        x + log1p((y - x).exp2())
                    } else if x <= y {
                        y + log1p((x - y).exp2())
                    } else {
                        x - y
                    }
                },
            }
        }

        pub(crate) fn $zip(_: Level, function: Function2, a: &[u8], b: &[u8], out: &mut [u8]) {
            let of = $two(function);
            let pairs = a.as_chunks::<$size>().0.iter().zip(b.as_chunks::<$size>().0);
            for ((a, b), out) in pairs.zip(out.as_chunks_mut::<$size>().0) {
                *out = of($type::from_ne_bytes(*a), $type::from_ne_bytes(*b)).to_ne_bytes();
            }
        }
    };
}

functions!(f32, 4, map_f32, one_f32, zip_f32, two_f32);
functions!(f64, 8, map_f64, one_f64, zip_f64, two_f64);

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
