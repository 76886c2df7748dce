//! Products of floating-point numbers.

use super::{
    Scaled,
    item::{Item, LANES, Real},
    loops::{Fold, Items, is_nan},
};
use crate::simd::Vectors;

/// The product of real numbers, NaN left out if `skip`.
pub(super) fn product<T: Real>(skip: bool, items: Items<'_, T>) -> Scaled {
    let Product { value, exponent, special } = items.fold(Product::NONE);
    let plain = special.into_iter().fold(0, |a, b| a | b) & 0x800 == 0;
    let scaled = |x: f64, exponent: i64| Scaled::new([x, 0.0], exponent);
    let mut product = Scaled::ONE;
    if plain {
        let lanes = value.into_iter().zip(exponent).map(|(value, exponent)| scaled(value, exponent));
        product = lanes.fold(product, Scaled::times);
    }
    items.each(|tile| {
        let one_by_one = if plain { tile.as_chunks::<LANES>().1 } else { tile };
        let kept = one_by_one.iter().map(|x| T::read(*x)).filter(|x| !(skip && is_nan(*x)));
        product = kept.map(|x| scaled(x.wide(), 0)).fold(product, Scaled::times);
    });
    product
}

/// The product of complex numbers, given as their parts; those with NaN left out if `skip`.
pub(super) fn complex_product<T: Real>(skip: bool, items: Items<'_, T>) -> Scaled {
    let mut product = Scaled::ONE;
    items.each(|tile| {
        let factors = tile.as_chunks::<2>().0.iter().map(|z| z.map(|x| T::read(x).wide()));
        let kept = factors.filter(|z| !(skip && (z[0].is_nan() || z[1].is_nan())));
        product = kept.fold(product, |all, z| all.times_complex(Scaled::new(z, 0)));
    });
    product
}

/// The product of whole rows of lanes, right only if all are normal numbers: multiplies significands, which lie
/// between 1 and 2 and are too few to overflow, and adds exponents.
#[derive(Clone, Copy)]
struct Product {
    value: [f64; LANES],
    exponent: [i64; LANES],
    /// Bit 11 is set after what is not a normal number.
    special: [u64; LANES],
}

const SIGNIFICAND: u64 = 0x800f_ffff_ffff_ffff;
const ONE: u64 = 0x3ff0_0000_0000_0000;

impl Product {
    const NONE: Self = Product { value: [1.0; LANES], exponent: [0; LANES], special: [0; LANES] };
}

impl<T: Item> Fold<T> for Product {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let Product { mut value, mut exponent, mut special } = *self;
        for row in tile.as_chunks::<LANES>().0 {
            for i in 0..LANES {
                let bits = T::read(row[i]).wide().to_bits();
                let own = (bits >> 52) & 0x7ff;
                // Set in bit 11 for 0 and 0x7ff, and for nothing between.
                special[i] |= own.wrapping_sub(1) | (own + 1);
                value[i] *= f64::from_bits(bits & SIGNIFICAND | ONE);
                exponent[i] += own as i64 - 1023;
            }
        }
        *self = Product { value, exponent, special };
    }
}
