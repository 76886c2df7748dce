mod accuracy;
mod complex;
mod complex_values;
mod values;

use super::{Function, Function2, map_f32, map_f64, zip_f32, zip_f64};
use crate::simd::Level;

const FUNCTIONS: [Function; 20] = [
    Function::Exp,
    Function::Exp2,
    Function::Expm1,
    Function::Log,
    Function::Log2,
    Function::Log10,
    Function::Log1p,
    Function::Sin,
    Function::Cos,
    Function::Tan,
    Function::Arcsin,
    Function::Arccos,
    Function::Arctan,
    Function::Sinh,
    Function::Cosh,
    Function::Tanh,
    Function::Arcsinh,
    Function::Arccosh,
    Function::Arctanh,
    Function::Cbrt,
];

const FUNCTIONS_OF_TWO: [Function2; 5] =
    [Function2::Power, Function2::Arctan2, Function2::Hypot, Function2::Logaddexp, Function2::Logaddexp2];

macro_rules! on_slices {
    ($map:ident, $zip:ident, $to_bytes:ident, $mapped:ident, $zipped:ident, $type:ty) => {
        fn $to_bytes(items: &[$type]) -> Vec<u8> {
            items.iter().flat_map(|x| x.to_ne_bytes()).collect()
        }

        fn $mapped(level: Level, f: Function, items: &[$type]) -> Vec<$type> {
            let mut out = vec![0; size_of_val(items)];
            $map(level, f, (&$to_bytes(items)).into(), &mut out);
            out.as_chunks().0.iter().map(|bytes| <$type>::from_ne_bytes(*bytes)).collect()
        }

        fn $zipped(level: Level, f: Function2, a: &[$type], b: &[$type]) -> Vec<$type> {
            let mut out = vec![0; size_of_val(a)];
            $zip(level, f, (&$to_bytes(a)).into(), (&$to_bytes(b)).into(), &mut out);
            out.as_chunks().0.iter().map(|bytes| <$type>::from_ne_bytes(*bytes)).collect()
        }
    };
}

on_slices!(map_f32, zip_f32, bytes_f32, mapped_f32, zipped_f32, f32);
on_slices!(map_f64, zip_f64, bytes_f64, mapped_f64, zipped_f64, f64);

/// Pseudo-random bits, by splitmix64.
fn random_bits(count: usize) -> impl Iterator<Item = u64> {
    (1..=count as u64).map(|i| {
        let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Zeros, infinities, NaN of both signs with a payload, subnormals, limits; numbers of all exponents and near one; and
/// where arguments are reduced.
fn samples(random: usize) -> Vec<f64> {
    let mut samples =
        vec![f64::NAN, f64::from_bits(0xfff8_0000_0000_1234), f64::MAX, f64::MIN_POSITIVE, 5e-324];
    samples.extend([
        0.0,
        1.0,
        0.5,
        2.0,
        f64::INFINITY,
        1e-310,
        1e22,
        1e300,
        709.78,
        745.13,
        88.72,
        103.97,
        710.47,
    ]);
    samples.extend((0..400).map(|i| f64::from(i) * std::f64::consts::FRAC_PI_4));
    samples.extend((0..400).map(|i| f64::from(i) * std::f64::consts::LN_2 / 2.0));
    samples.extend((0..64).map(|i| 1.0 + f64::powi(0.5, i)));
    samples.extend((0..64).map(|i| 1.0 - f64::powi(0.5, i)));
    samples.extend(random_bits(random).map(f64::from_bits));
    samples.extend(random_bits(random).map(|bits| bits as f64 / u64::MAX as f64));
    samples.extend(random_bits(random).map(|bits| 40.0 * (bits as f64 / u64::MAX as f64)));
    samples.extend(random_bits(random).map(|bits| f64::from(f32::from_bits(bits as u32))));
    samples.iter().flat_map(|x| [*x, -*x]).collect()
}

#[test]
fn bits_do_not_depend_on_the_instruction_set() {
    let wide = samples(300);
    let single: Vec<f32> = wide.iter().map(|x| *x as f32).collect();
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let bits_f32 = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    for level in Level::available() {
        for f in FUNCTIONS {
            let expected = bits(mapped_f64(Level::Baseline, f, &wide));
            assert_eq!(bits(mapped_f64(level, f, &wide)), expected, "{f:?} {level:?}");
            let expected = bits_f32(mapped_f32(Level::Baseline, f, &single));
            assert_eq!(bits_f32(mapped_f32(level, f, &single)), expected, "{f:?} {level:?}");
        }
        for f in FUNCTIONS_OF_TWO {
            for turn in [0, 1, 7, 26, 101] {
                let (mut other, mut other_single) = (wide.clone(), single.clone());
                other.rotate_left(turn);
                other_single.rotate_left(turn);
                let expected = bits(zipped_f64(Level::Baseline, f, &wide, &other));
                assert_eq!(bits(zipped_f64(level, f, &wide, &other)), expected, "{f:?} {level:?}");
                let expected = bits_f32(zipped_f32(Level::Baseline, f, &single, &other_single));
                assert_eq!(
                    bits_f32(zipped_f32(level, f, &single, &other_single)),
                    expected,
                    "{f:?} {level:?}"
                );
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_place_nor_on_the_neighbours() {
    let wide: Vec<f64> = samples(20).into_iter().step_by(7).collect();
    let single: Vec<f32> = wide.iter().map(|x| *x as f32).collect();
    for f in FUNCTIONS {
        let all = mapped_f64(Level::best(), f, &wide);
        let all_single = mapped_f32(Level::best(), f, &single);
        for first in 0..40 {
            for length in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 65] {
                let part = first..(first + length).min(wide.len());
                for (at, x) in part.clone().zip(mapped_f64(Level::best(), f, &wide[part.clone()])) {
                    assert_eq!(x.to_bits(), all[at].to_bits(), "{f:?} of {}", wide[at]);
                }
                for (at, x) in part.clone().zip(mapped_f32(Level::best(), f, &single[part])) {
                    assert_eq!(x.to_bits(), all_single[at].to_bits(), "{f:?} of {}", single[at]);
                }
            }
        }
    }
}

#[test]
fn as_many_items_as_all_have() {
    let mut out = [0xff; 20];
    map_f64(Level::best(), Function::Exp, (&[0; 16]).into(), &mut out);
    assert_eq!(out[16..], [0xff; 4]);
    zip_f32(Level::best(), Function2::Hypot, (&[0; 8]).into(), (&[0; 4]).into(), &mut out);
    assert_eq!(out[..8], [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
}

/// How many doubles lie between two, of which the second is exact; none between two that are not numbers.
fn steps(found: f64, exact: f64) -> u64 {
    let place = |x: f64| if x < 0.0 { -((x.to_bits() & (u64::MAX >> 1)) as i64) } else { x.to_bits() as i64 };
    if found.is_nan() || exact.is_nan() || found == 0.0 && exact == 0.0 {
        let same = found.is_nan() == exact.is_nan() && (found.is_nan() || found.to_bits() == exact.to_bits());
        return if same { 0 } else { u64::MAX };
    }
    place(found).abs_diff(place(exact))
}

#[test]
fn doubles_are_as_in_eighty_digits() {
    for (f, x, exact) in values::OF_ONE {
        let found = mapped_f64(Level::best(), *f, &[*x])[0];
        assert!(steps(found, *exact) <= 1, "{f:?} of {x:e}: {found:e} instead of {exact:e}");
    }
    for (f, x, y, exact) in values::OF_TWO {
        let found = zipped_f64(Level::best(), *f, &[*x], &[*y])[0];
        assert!(steps(found, *exact) <= 1, "{f:?} of {x:e}, {y:e}: {found:e} instead of {exact:e}");
    }
}

/// The values of C99's Annex F, which are those of NumPy.
#[test]
fn special_values() {
    use Function::{
        Arccos, Arccosh, Arcsin, Arcsinh, Arctan, Arctanh, Cbrt, Cos, Cosh, Exp, Exp2, Expm1, Log, Log1p,
        Log2, Log10, Sin, Sinh, Tan, Tanh,
    };
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for f in [Sin, Tan, Arcsin, Arctan, Sinh, Tanh, Arcsinh, Arctanh, Expm1, Log1p] {
        check(f, &[(0.0, 0.0), (-0.0, -0.0), (5e-324, 5e-324), (-5e-324, -5e-324)]);
    }
    check(Cbrt, &[(0.0, 0.0), (-0.0, -0.0)]);
    for f in FUNCTIONS {
        check(f, &[(nan, nan), (-nan, nan)]);
    }
    for f in [Exp, Exp2] {
        check(f, &[(0.0, 1.0), (-0.0, 1.0), (inf, inf), (-inf, 0.0), (1e308, inf), (-1e308, 0.0)]);
    }
    check(Expm1, &[(inf, inf), (-inf, -1.0), (710.0, inf), (-100.0, -1.0)]);
    for f in [Log, Log2, Log10] {
        check(
            f,
            &[(1.0, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-inf, nan), (-1.0, nan), (-5e-324, nan)],
        );
    }
    check(Log1p, &[(-1.0, -inf), (-1.5, nan), (inf, inf), (-inf, nan)]);
    check(Log2, &[(8.0, 3.0), (0.125, -3.0), (5e-324, -1074.0)]);
    check(Log10, &[(1000.0, 3.0), (1e22, 22.0), (1e-5, -5.0)]);
    for f in [Sin, Cos, Tan] {
        check(f, &[(inf, nan), (-inf, nan)]);
    }
    check(Cos, &[(0.0, 1.0), (-0.0, 1.0)]);
    for f in [Arcsin, Arccos] {
        check(f, &[(1.5, nan), (-inf, nan)]);
    }
    check(Arccos, &[(1.0, 0.0), (-1.0, std::f64::consts::PI), (0.0, std::f64::consts::FRAC_PI_2)]);
    check(Arcsin, &[(1.0, std::f64::consts::FRAC_PI_2)]);
    check(Arctan, &[(inf, std::f64::consts::FRAC_PI_2), (-inf, -std::f64::consts::FRAC_PI_2)]);
    for f in [Sinh, Arcsinh, Cbrt] {
        check(f, &[(inf, inf), (-inf, -inf)]);
    }
    check(Cosh, &[(inf, inf), (-inf, inf), (0.0, 1.0), (711.0, inf)]);
    check(Tanh, &[(inf, 1.0), (-inf, -1.0), (30.0, 1.0)]);
    check(Arccosh, &[(1.0, 0.0), (0.5, nan), (inf, inf), (-inf, nan)]);
    check(Arctanh, &[(1.0, inf), (-1.0, -inf), (1.5, nan), (inf, nan)]);
    check(Cbrt, &[(27.0, 3.0), (-8.0, -2.0)]);
}

/// In both precisions, where the argument is a single too.
fn check(f: Function, cases: &[(f64, f64)]) {
    for (x, exact) in cases {
        let found = mapped_f64(Level::best(), f, &[*x])[0];
        assert_eq!(steps(found, *exact), 0, "{f:?} of {x:e}: {found:e} instead of {exact:e}");
        let single = *x as f32;
        if f64::from(single) == *x || x.is_nan() {
            let found = mapped_f32(Level::best(), f, &[single])[0];
            assert_eq!(
                steps(f64::from(found), f64::from(*exact as f32)),
                0,
                "{f:?} of {single:e}: {found:e}"
            );
        }
    }
}

#[test]
fn special_values_of_two() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let pi = std::f64::consts::PI;
    let cases = [
        (Function2::Power, 0.0, 0.0, 1.0),
        (Function2::Power, nan, 0.0, 1.0),
        (Function2::Power, 1.0, nan, 1.0),
        (Function2::Power, 1.0, inf, 1.0),
        (Function2::Power, -1.0, inf, 1.0),
        (Function2::Power, -0.0, -1.0, -inf),
        (Function2::Power, -0.0, 3.0, -0.0),
        (Function2::Power, -0.0, 2.0, 0.0),
        (Function2::Power, -inf, 3.0, -inf),
        (Function2::Power, 0.5, -inf, inf),
        (Function2::Power, -8.0, 0.5, nan),
        (Function2::Power, -2.0, 3.0, -8.0),
        (Function2::Power, -2.0, 1e300, inf),
        (Function2::Power, 3.0, 1.0, 3.0),
        (Function2::Power, 10.0, 2.0, 100.0),
        (Function2::Arctan2, 0.0, 0.0, 0.0),
        (Function2::Arctan2, -0.0, 1.0, -0.0),
        (Function2::Arctan2, 0.0, -0.0, pi),
        (Function2::Arctan2, -0.0, -1.0, -pi),
        (Function2::Arctan2, inf, -inf, 0.75 * pi),
        (Function2::Arctan2, 1.0, inf, 0.0),
        (Function2::Arctan2, 1.0, 0.0, pi / 2.0),
        (Function2::Hypot, inf, nan, inf),
        (Function2::Hypot, nan, -inf, inf),
        (Function2::Hypot, 1.0, nan, nan),
        (Function2::Hypot, -3.0, 4.0, 5.0),
        (Function2::Hypot, -0.0, -0.0, 0.0),
        (Function2::Logaddexp, inf, inf, inf),
        (Function2::Logaddexp, -inf, -inf, -inf),
        (Function2::Logaddexp, -inf, 2.0, 2.0),
        (Function2::Logaddexp, nan, 1.0, nan),
        (Function2::Logaddexp2, 1.0, 1.0, 2.0),
        (Function2::Logaddexp2, inf, -inf, inf),
    ];
    for (f, x, y, exact) in cases {
        let found = zipped_f64(Level::best(), f, &[x], &[y])[0];
        assert_eq!(steps(found, exact), 0, "{f:?} of {x:e}, {y:e}: {found:e} instead of {exact:e}");
        if f64::from(y as f32) == y || y.is_nan() {
            let found = zipped_f32(Level::best(), f, &[x as f32], &[y as f32])[0];
            assert_eq!(
                steps(f64::from(found), f64::from(exact as f32)),
                0,
                "{f:?} of {x:e}, {y:e}: {found:e}"
            );
        }
    }
}
