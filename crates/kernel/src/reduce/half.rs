//! Half-precision numbers: decoded by the processor, or by integer arithmetic, which becomes vector instructions.

use ndfolio_store::ROW;

use crate::simd::{Level, Loop, Vectors, dispatch};

/// The magnitude from which on a half is infinite or NaN.
const INFINITE: u16 = 0x7c00;
/// The magnitude from which on a half is a normal number.
const NORMAL: u16 = 0x0400;
/// What lies between the exponents of a half and a single, in a single's exponent.
const BIAS: u32 = (127 - 15) << 23;

/// The value of a half, exactly.
#[inline(always)]
pub(crate) fn single(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let normal = magnitude + BIAS;
    // The exponent of what is not finite is all ones in both formats.
    let large = if magnitude >= u32::from(INFINITE) << 13 { normal + BIAS } else { normal };
    // A subnormal number lacks the leading one that is subtracted here.
    let small = f32::from_bits(normal + (1 << 23)) - f32::from_bits(BIAS + (1 << 23));
    let value = if magnitude < u32::from(NORMAL) << 13 { small.to_bits() } else { large };
    f32::from_bits(value | u32::from(bits & 0x8000) << 16)
}

/// Halves become singles in this machine's byte order.
pub(super) fn decode(level: Level, halves: &[u8], swapped: bool, singles: &mut [u8]) {
    dispatch(level, Decode { halves, swapped, singles });
}

struct Decode<'a> {
    halves: &'a [u8],
    swapped: bool,
    singles: &'a mut [u8],
}

impl Loop for Decode<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) {
        if self.swapped {
            return decode_here(self.halves, true, self.singles);
        }
        let (rows, rest) = self.halves.as_chunks::<ROW>();
        let (singles, rest_singles) = self.singles.as_chunks_mut::<{ 2 * ROW }>();
        for (row, singles) in rows.iter().zip(singles) {
            *singles = vectors.singles(row);
        }
        decode_here(rest, false, rest_singles);
    }
}

/// [`decode`] by arithmetic of integers, for a caller that is compiled for an instruction set.
#[inline(always)]
pub(super) fn decode_here(halves: &[u8], swapped: bool, singles: &mut [u8]) {
    let pairs = halves.as_chunks().0.iter().zip(singles.as_chunks_mut().0);
    if swapped {
        pairs.for_each(|(x, out)| *out = single(u16::from_ne_bytes(*x).swap_bytes()).to_ne_bytes());
    } else {
        pairs.for_each(|(x, out)| *out = single(u16::from_ne_bytes(*x)).to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_decoded_exactly() {
        for bits in 0..=u16::MAX {
            let (got, want) = (single(bits), half::f16::from_bits(bits).to_f32());
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#06x}");
        }
        let halves: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_ne_bytes).collect();
        for level in Level::available() {
            let mut singles = vec![0; 2 * halves.len()];
            decode(level, &halves, false, &mut singles);
            for (bits, got) in (0..=u16::MAX).zip(singles.as_chunks().0) {
                let (got, want) = (f32::from_ne_bytes(*got), half::f16::from_bits(bits).to_f32());
                assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#06x}");
            }
        }
    }
}
