//! How far results are from the truth, by the functions of the standard library, which are right to less than a unit in
//! the last place of a double.

use super::{FUNCTIONS, mapped_f32, mapped_f64, random_bits, samples, steps, zipped_f32};
use crate::{
    elementary::{Function, Function2},
    simd::Level,
};

/// The standard library's function. Those that it makes with formulas of its own are less precise.
fn standard(f: Function) -> (fn(f64) -> f64, bool) {
    match f {
        Function::Exp => (f64::exp, true),
        Function::Exp2 => (f64::exp2, true),
        Function::Expm1 => (f64::exp_m1, true),
        Function::Log => (f64::ln, true),
        Function::Log2 => (f64::log2, true),
        Function::Log10 => (f64::log10, true),
        Function::Log1p => (f64::ln_1p, true),
        Function::Sin => (f64::sin, true),
        Function::Cos => (f64::cos, true),
        Function::Tan => (f64::tan, true),
        Function::Arcsin => (f64::asin, true),
        Function::Arccos => (f64::acos, true),
        Function::Arctan => (f64::atan, true),
        Function::Sinh => (f64::sinh, true),
        Function::Cosh => (f64::cosh, true),
        Function::Tanh => (f64::tanh, true),
        Function::Arcsinh => (f64::asinh, false),
        Function::Arccosh => (f64::acosh, false),
        Function::Arctanh => (f64::atanh, false),
        Function::Cbrt => (f64::cbrt, true),
    }
}

/// The distance of a single from a number, in units of the last place of that number as a single.
fn units(found: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if !rounded.is_finite() || !found.is_finite() {
        let same = rounded == found || rounded.is_nan() && found.is_nan();
        return if same { 0.0 } else { f64::INFINITY };
    }
    let magnitude = rounded.abs().max(f32::MIN_POSITIVE);
    let unit = f64::from(f32::from_bits(magnitude.to_bits() + 1)) - f64::from(magnitude);
    (f64::from(found) - exact).abs() / unit
}

/// The largest distance from the standard's function, or from ours of doubles, and where it is.
fn worst_single(f: Function, items: &[f32]) -> (f64, f32) {
    let found = mapped_f32(Level::best(), f, items);
    let wide: Vec<f64> = items.iter().map(|x| f64::from(*x)).collect();
    let exact = match standard(f) {
        (of, true) => wide.into_iter().map(of).collect(),
        (_, false) => mapped_f64(Level::best(), f, &wide),
    };
    let distances = items.iter().zip(found).zip(exact).map(|((x, found), exact)| (units(found, exact), *x));
    distances.fold((0.0, 0.0), |worst, next| if next.0 > worst.0 { next } else { worst })
}

fn worst_double(f: Function, items: &[f64]) -> (u64, f64) {
    let found = mapped_f64(Level::best(), f, items);
    let of = standard(f).0;
    let distances = items.iter().zip(found).map(|(x, found)| (steps(found, of(*x)), *x));
    distances.fold((0, 0.0), |worst, next| if next.0 > worst.0 { next } else { worst })
}

/// Units of the last place within which singles are, as the module says.
fn promised(f: Function) -> f64 {
    match f {
        Function::Exp | Function::Exp2 | Function::Log => 0.89,
        Function::Log2 | Function::Log10 | Function::Tanh => 0.98,
        // Doubles that are rounded.
        _ => 0.501,
    }
}

#[test]
fn singles_are_as_near_as_promised() {
    // Of all exponents, signs and mantissas some.
    let mut items: Vec<f32> = (0..=u32::MAX).step_by(9_973).map(f32::from_bits).collect();
    items.extend(samples(2000).into_iter().map(|x| x as f32));
    for f in FUNCTIONS {
        let (worst, x) = worst_single(f, &items);
        assert!(worst < promised(f), "{f:?} of {x:e}: {worst} units");
    }
}

#[test]
fn powers_of_singles_are_as_near_as_doubles() {
    let random: Vec<u64> = random_bits(300_000).collect();
    let single = |bits: u64| f32::from_bits(bits as u32);
    // All that there are, and those whose powers are in range.
    let mut x: Vec<f32> = random.iter().map(|bits| single(*bits)).collect();
    let mut y: Vec<f32> = random.iter().map(|bits| single(*bits >> 32)).collect();
    x.extend(random.iter().map(|bits| single(*bits).abs()));
    y.extend(
        random
            .iter()
            .map(|bits| (*bits >> 40) as f32 / 65536.0 - 128.0)
            .zip(x.clone())
            .map(|(y, x)| y / x.abs().log2()),
    );
    for ((x, y), found) in x.iter().zip(&y).zip(zipped_f32(Level::best(), Function2::Power, &x, &y)) {
        let distance = units(found, f64::from(*x).powf(f64::from(*y)));
        assert!(distance < 0.501, "{x:e} to {y:e}: {found:e}, {distance} units");
    }
}

/// The standard library's own doubles may be a little more than a unit from the truth.
#[test]
fn doubles_are_within_two_steps_of_the_standard() {
    let items = samples(2000);
    for f in FUNCTIONS.into_iter().filter(|f| standard(*f).1) {
        let (worst, x) = worst_double(f, &items);
        assert!(worst <= 2, "{f:?} of {x:e}: {worst} steps");
    }
}

#[test]
#[ignore = "takes minutes; prints the largest distances"]
fn accuracy_at_large() {
    let items = samples(2_000_000);
    let singles: Vec<f32> = items.iter().map(|x| *x as f32).collect();
    for f in FUNCTIONS.into_iter().filter(|f| standard(*f).1) {
        println!(
            "{f:?}: {:?} of a single, {:?} of a double",
            worst_single(f, &singles),
            worst_double(f, &items)
        );
    }
}

#[test]
#[ignore = "takes minutes; all singles"]
fn accuracy_of_all_singles() {
    for f in FUNCTIONS {
        let mut worst = (0.0, 0.0);
        for high in 0..=0xffff_u32 {
            let items: Vec<f32> = (0..=0xffff).map(|low| f32::from_bits(high << 16 | low)).collect();
            let next = worst_single(f, &items);
            worst = if next.0 > worst.0 { next } else { worst };
        }
        println!("{f:?}: {worst:?}");
        assert!(worst.0 < promised(f));
    }
}
