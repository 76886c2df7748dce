//! Half-precision numbers: decoded by integer arithmetic, which becomes vector instructions.

use super::{item::LANES, loops::add_lanes};
use crate::simd::{Level, Loop, dispatch};

/// The magnitude from which on a half is infinite or NaN.
const INFINITE: u16 = 0x7c00;
/// The magnitude from which on a half is a normal number.
const NORMAL: u16 = 0x0400;
/// What lies between the exponents of a half and a single, in a single's exponent.
const BIAS: u32 = (127 - 15) << 23;

#[inline(always)]
fn bits(raw: [u8; 2], swap: bool) -> u16 {
    let bits = u16::from_ne_bytes(raw);
    if swap { bits.swap_bytes() } else { bits }
}

/// The value of a half, exactly.
#[inline(always)]
fn single(bits: u16) -> f32 {
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
pub(super) fn decode(level: Level, halves: &[u8], swap: bool, singles: &mut [u8]) {
    if swap {
        dispatch(level, Decode::<true> { halves, singles });
    } else {
        dispatch(level, Decode::<false> { halves, singles });
    }
}

struct Decode<'a, const SWAP: bool> {
    halves: &'a [u8],
    singles: &'a mut [u8],
}

impl<const SWAP: bool> Loop for Decode<'_, SWAP> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (x, out) in self.halves.as_chunks().0.iter().zip(self.singles.as_chunks_mut().0) {
            *out = single(bits(*x, SWAP)).to_ne_bytes();
        }
    }
}

/// The sum, if all halves are zero or normal numbers: the same as that of the decoded ones, sooner.
pub(super) fn sum(level: Level, halves: &[u8], swap: bool) -> Option<f64> {
    let (range, lanes) = if swap {
        (dispatch(level, Range::<true>(halves)), dispatch(level, Sum::<true>(halves)))
    } else {
        (dispatch(level, Range::<false>(halves)), dispatch(level, Sum::<false>(halves)))
    };
    // Every addition was scaled by the same power of two, so nothing was rounded in another way.
    range.then(|| add_lanes(lanes, 1)[0] * f64::from_bits((1023 + 112) << 52))
}

/// Whether all are zero or normal numbers.
struct Range<'a, const SWAP: bool>(&'a [u8]);

impl<const SWAP: bool> Loop for Range<'_, SWAP> {
    type Output = bool;
    #[inline(always)]
    fn run(self) -> bool {
        // Less one, so that zero is the largest.
        let (mut most, mut least) = (0, u16::MAX);
        for x in self.0.as_chunks::<2>().0 {
            let magnitude = bits(*x, SWAP) & 0x7fff;
            most = most.max(magnitude);
            least = least.min(magnitude.wrapping_sub(1));
        }
        most < INFINITE && least >= NORMAL - 1
    }
}

/// The sum of halves whose bits are taken for those of singles: all of them 2^112 times too small.
struct Sum<'a, const SWAP: bool>(&'a [u8]);

impl<const SWAP: bool> Loop for Sum<'_, SWAP> {
    type Output = [f64; LANES];
    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        let small = |x: [u8; 2]| {
            let bits = i32::from(bits(x, SWAP) as i16) << 13;
            f64::from(f32::from_bits(bits as u32 & 0x8fff_e000))
        };
        let (rows, rest) = self.0.as_chunks::<2>().0.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for row in rows {
            for i in 0..LANES {
                lanes[i] += small(row[i]);
            }
        }
        for (i, x) in rest.iter().enumerate() {
            lanes[i] += small(*x);
        }
        lanes
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
    }
}
