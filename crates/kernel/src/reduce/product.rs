//! Products of floating-point numbers.

use super::{
    Scaled,
    item::{Item, LANES, Real},
    loops::{Items, is_nan},
};
use crate::simd::{Level, Loop, dispatch};

/// The product of real numbers, NaN left out if `skip`.
pub(super) fn product<T: Real>(level: Level, skip: bool, items: Items<'_, T>) -> Scaled {
    let Lanes { value, exponent, plain } = dispatch(level, Product(items));
    let scaled = |x: f64, exponent: i64| Scaled::new([x, 0.0], exponent);
    let factor = |x: &T::Raw| scaled(T::read(*x).wide(), 0);
    let (lanes, one_by_one) = if plain {
        let lanes = value.into_iter().zip(exponent).map(|(value, exponent)| scaled(value, exponent));
        (lanes.fold(Scaled::ONE, Scaled::times), items.raw().as_chunks::<LANES>().1)
    } else {
        (Scaled::ONE, items.raw())
    };
    let kept = one_by_one.iter().filter(|x| !(skip && is_nan(T::read(**x))));
    kept.map(factor).fold(lanes, Scaled::times)
}

/// The product of complex numbers, given as their parts; those with NaN left out if `skip`.
pub(super) fn complex_product<T: Real>(skip: bool, items: Items<'_, T>) -> Scaled {
    let factors = items.raw().as_chunks::<2>().0.iter().map(|z| z.map(|x| T::read(x).wide()));
    let kept = factors.filter(|z| !(skip && (z[0].is_nan() || z[1].is_nan())));
    kept.fold(Scaled::ONE, |all, z| all.times_complex(Scaled::new(z, 0)))
}

/// The product of whole rows of lanes, right only if `plain`: if all are normal numbers.
struct Lanes {
    value: [f64; LANES],
    exponent: [i64; LANES],
    plain: bool,
}

/// Multiplies significands, which lie between 1 and 2 and are too few to overflow, and adds exponents.
struct Product<'a, T>(Items<'a, T>);

const SIGNIFICAND: u64 = 0x800f_ffff_ffff_ffff;
const ONE: u64 = 0x3ff0_0000_0000_0000;

impl<T: Item> Loop for Product<'_, T> {
    type Output = Lanes;
    #[inline(always)]
    fn run(self) -> Lanes {
        let (mut value, mut exponent, mut special) = ([1.0; LANES], [0; LANES], [0_u64; LANES]);
        for row in self.0.raw().as_chunks::<LANES>().0 {
            for i in 0..LANES {
                let bits = T::read(row[i]).wide().to_bits();
                let own = (bits >> 52) & 0x7ff;
                // Set in bit 11 for 0 and 0x7ff, and for nothing between.
                special[i] |= own.wrapping_sub(1) | (own + 1);
                value[i] *= f64::from_bits(bits & SIGNIFICAND | ONE);
                exponent[i] += own as i64 - 1023;
            }
        }
        let special = special.into_iter().fold(0, |a, b| a | b);
        Lanes { value, exponent, plain: special & 0x800 == 0 }
    }
}
