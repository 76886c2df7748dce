//! Half-precision numbers: decoded by integer arithmetic, which becomes vector instructions.

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

/// The sum, if all halves are finite. It is exact, so their order makes no difference: halves are multiples
/// of 2^-24, and those of a block add up to less than 2^28, which makes 52 bits.
pub(super) fn sum(level: Level, halves: &[u8], swap: bool) -> Option<f64> {
    let (rows, rest) = halves.as_chunks::<{ 8 * QUADS }>();
    let Sums { lanes, exponents } =
        if swap { dispatch(level, Sum::<true>(rows)) } else { dispatch(level, Sum::<false>(rows)) };
    let mut sum: f64 = lanes.as_flattened().iter().sum();
    let mut finite = exponents.iter().all(|carry| carry & 0x8000_8000_8000_8000 == 0);
    for half in rest.as_chunks().0 {
        let bits = bits(*half, swap);
        sum += small(u64::from(bits) << 48);
        finite &= bits & INFINITE != INFINITE;
    }
    finite.then(|| sum * f64::from_bits((1023 + 1008) << 52))
}

/// Groups of four halves side by side.
const QUADS: usize = 8;

/// The upper 16 bits as a half of the bits of a double, which makes it 2^1008 times too small: the exponents
/// differ so much where they have the same bits.
#[inline(always)]
fn small(bits: u64) -> f64 {
    f64::from_bits((bits as i64 >> 6) as u64 & 0x81ff_fc00_0000_0000)
}

/// What [`Sum`] finds: the sums of each place in the groups, and bits that the exponents carried into.
struct Sums {
    lanes: [[f64; QUADS]; 4],
    exponents: [u64; QUADS],
}

/// Adds halves, four of them taken out of 64 bits in turn.
struct Sum<'a, const SWAP: bool>(&'a [[u8; 8 * QUADS]]);

impl<const SWAP: bool> Loop for Sum<'_, SWAP> {
    type Output = Sums;
    #[inline(always)]
    fn run(self) -> Sums {
        let (mut a, mut b, mut c, mut d) = ([0.0; QUADS], [0.0; QUADS], [0.0; QUADS], [0.0; QUADS]);
        let mut exponents = [0; QUADS];
        for row in self.0 {
            let quads = row.as_chunks().0;
            for i in 0..QUADS {
                // Which of the four comes first does not matter.
                let quad = u64::from_ne_bytes(quads[i]);
                let quad = if SWAP { quad.swap_bytes() } else { quad };
                // An exponent of ones, which is not finite, carries into the place of the sign.
                exponents[i] |= (quad & 0x7c00_7c00_7c00_7c00) + 0x0400_0400_0400_0400;
                a[i] += small(quad);
                b[i] += small(quad << 16);
                c[i] += small(quad << 32);
                d[i] += small(quad << 48);
            }
        }
        Sums { lanes: [a, b, c, d], exponents }
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
