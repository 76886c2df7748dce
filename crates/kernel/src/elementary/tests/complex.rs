use num_complex::Complex;

use super::complex_values::OF_COMPLEX;
use crate::elementary::{Function, complex, complex_power, complex_sqrt};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const PI: f64 = std::f64::consts::PI;

/// Whether two parts are the same number, with the same sign of zero, or both not one.
fn same(a: f64, b: f64) -> bool {
    a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits()
}

fn check(f: Function, cases: &[([f64; 2], [f64; 2])]) {
    for ([re, im], [exact_re, exact_im]) in cases {
        let found = complex(f, Complex::new(*re, *im));
        assert!(same(found.re, *exact_re) && same(found.im, *exact_im), "{f:?} of {re} {im}: {found}");
    }
}

fn near(found: Complex<f64>, exact: [f64; 2]) -> bool {
    let close = |a: f64, b: f64| (a - b).abs() <= 8.0 * f64::EPSILON * b.abs();
    close(found.re, exact[0]) && close(found.im, exact[1])
}

#[test]
fn values_are_as_in_sixty_digits() {
    for (f, [re, im], exact) in OF_COMPLEX {
        let found = complex(*f, Complex::new(*re, *im));
        // What NumPy makes of differences that cancel is less precise.
        let cancels = *f == Function::Expm1 || *f == Function::Log1p;
        assert!(cancels || near(found, *exact), "{f:?} of {re} {im}: {found} instead of {exact:?}");
        let (re, im) = (found.re - exact[0], found.im - exact[1]);
        assert!(re.hypot(im) <= 4.0 * f64::EPSILON * (1.0 + exact[0].hypot(exact[1])), "{f:?}: {found}");
    }
}

/// As NumPy 2.4.6 on Linux, and C99's Annex G where it says something.
#[test]
fn special_values() {
    use Function::{Arccos, Arccosh, Arcsin, Arcsinh, Arctanh, Cos, Cosh, Exp, Log, Sin, Sinh, Tanh};
    check(Exp, &[([0.0, -0.0], [1.0, -0.0]), ([-INF, -INF], [0.0, -0.0]), ([INF, INF], [INF, NAN])]);
    check(Exp, &[([NAN, 0.0], [NAN, 0.0]), ([-INF, 2.0], [-0.0, 0.0]), ([INF, 2.0], [-INF, INF])]);
    check(Log, &[([0.0, 0.0], [-INF, 0.0]), ([-0.0, -0.0], [-INF, -PI]), ([-INF, INF], [INF, 0.75 * PI])]);
    check(Log, &[([NAN, INF], [INF, NAN]), ([1.0, NAN], [NAN, NAN]), ([-1.0, 0.0], [0.0, PI])]);
    check(Cosh, &[([0.0, INF], [NAN, 0.0]), ([-INF, 1.0], [INF, -INF]), ([INF, 5e-324], [INF, INF])]);
    check(Sinh, &[([-0.0, 0.0], [-0.0, 0.0]), ([-INF, INF], [INF, NAN]), ([-INF, 1.0], [-INF, INF])]);
    check(Sin, &[([INF, -INF], [NAN, INF]), ([0.0, -0.0], [0.0, -0.0])]);
    check(Cos, &[([0.0, 0.0], [1.0, -0.0]), ([0.0, NAN], [NAN, 0.0])]);
    check(Tanh, &[([INF, INF], [1.0, 0.0]), ([-INF, 1.0], [-1.0, 0.0]), ([NAN, 0.0], [NAN, 0.0])]);
    check(Arcsinh, &[([NAN, -INF], [INF, NAN]), ([INF, INF], [INF, PI / 4.0]), ([-0.0, 0.0], [-0.0, 0.0])]);
    check(Arcsin, &[([2.0, 0.0], [PI / 2.0, 1.316_957_896_924_816_6])]);
    check(
        Arccos,
        &[([1.0, 0.0], [0.0, -0.0]), ([-INF, INF], [0.75 * PI, -INF]), ([0.0, NAN], [PI / 2.0, NAN])],
    );
    check(Arccosh, &[([0.0, NAN], [NAN, PI / 2.0]), ([-INF, -INF], [INF, -0.75 * PI])]);
    check(Arctanh, &[([1.0, 0.0], [INF, 0.0]), ([INF, -1.0], [0.0, -PI / 2.0]), ([-0.0, NAN], [-0.0, NAN])]);
}

#[test]
fn roots() {
    let cases = [
        ([3.0, 4.0], [2.0, 1.0]),
        ([-4.0, -0.0], [0.0, -2.0]),
        ([-0.0, 0.0], [0.0, 0.0]),
        ([NAN, -INF], [INF, -INF]),
        ([-INF, NAN], [NAN, INF]),
        ([-INF, -1.0], [0.0, -INF]),
        ([0.0, f64::powi(2.0, 1023)], [f64::powi(2.0, 511), f64::powi(2.0, 511)]),
    ];
    for ([re, im], [exact_re, exact_im]) in cases {
        let found = complex_sqrt(Complex::new(re, im));
        assert!(same(found.re, exact_re) && same(found.im, exact_im), "{re} {im}: {found:?}");
    }
}

#[test]
fn powers() {
    let of = |base: [f64; 2], exponent: [f64; 2]| {
        complex_power(Complex::new(base[0], base[1]), Complex::new(exponent[0], exponent[1]))
    };
    assert_eq!(of([1.0, 2.0], [3.0, 0.0]), Complex::new(-11.0, -2.0));
    assert_eq!(of([1.0, 1.0], [8.0, 0.0]), Complex::new(16.0, 0.0));
    assert_eq!(of([0.0, 2.0], [-1.0, 0.0]), Complex::new(0.0, -0.5));
    assert_eq!(of([NAN, 2.0], [0.0, 0.0]), Complex::new(1.0, 0.0));
    assert_eq!(of([0.0, 0.0], [0.5, 1.0]), Complex::new(0.0, 0.0));
    assert!(of([0.0, 0.0], [-1.0, 0.0]).re.is_nan());
    // i to the i-th is real.
    assert!(near(of([0.0, 1.0], [0.0, 1.0]), [0.207_879_576_350_761_9, 0.0]));
    assert!(near(of([2.0, 0.0], [0.5, 0.0]), [std::f64::consts::SQRT_2, 0.0]));
}
