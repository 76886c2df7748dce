//! Large angles, reduced by as many bits of 2/π as they need, as by Payne and Hanek, "Radian reduction for
//! trigonometric functions" (1983).

use super::pair::Pair;

/// The bits of 2/π behind the point, from the highest.
const TWO_OVER_PI: [u64; 20] = [
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
    0xf0cf_bc20_9af4_361d,
];

/// A finite number from 2²⁰ up, less the nearest multiple of π/2, and how many of them, in the lowest two bits.
pub(super) fn reduce(x: f64) -> (Pair, u64) {
    let bits = x.abs().to_bits();
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    // |x| is the mantissa by this power of two.
    let power = (bits >> 52) as i32 - 1075;
    let (whole, fraction) = quarters(mantissa, power);
    // From -½ to ½ quarters of a turn, so that the nearest multiple is taken.
    let up = fraction >> 127;
    let quadrant = whole.wrapping_add(up as u64);
    let rest = fraction as i128;
    let magnitude = rest.unsigned_abs();
    let hi = magnitude as f64;
    let lo = magnitude.wrapping_sub(hi as u128) as i128 as f64;
    let quarters = Pair::new(hi, lo).scaled(1.0 / (1_u128 << 64) as f64).scaled(1.0 / (1_u128 << 64) as f64);
    let angle = quarters.times(Pair::new(std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17));
    let angle = if rest < 0 { angle.negated() } else { angle };
    if x < 0.0 { (angle.negated(), quadrant.wrapping_neg()) } else { (angle, quadrant) }
}

/// `mantissa · 2^power · 2/π`, whole in the lowest bits, and 128 bits behind the point.
fn quarters(mantissa: u64, power: i32) -> (u64, u128) {
    // Bits of 2/π that stand for a multiple of four quarters have no part in it: the window begins two bits before the
    // point of the product.
    let first = (power - 2).max(0) as u32;
    let window = [0, 64, 128, 192].map(|further| bits_from(first + further));
    // The product's bits from the window's, the lowest word first.
    let mut product = [0_u64; 5];
    let mut carry = 0_u128;
    for (at, word) in window.iter().rev().enumerate() {
        let sum = u128::from(*word) * u128::from(mantissa) + carry;
        product[at] = sum as u64;
        carry = sum >> 64;
    }
    product[4] = carry as u64;
    // The window is 256 bits behind bit `first` of 2/π, so the point is as many bits above the product's lowest.
    let point = 256 + first as i32 - power;
    shifted(&product, point as u32)
}

/// Sixty-four bits of 2/π from a place behind the point.
fn bits_from(place: u32) -> u64 {
    let (word, bit) = ((place / 64) as usize, place % 64);
    let of = |word: usize| TWO_OVER_PI.get(word).copied().unwrap_or(0);
    let high = of(word) << bit;
    if bit == 0 { high } else { high | of(word + 1) >> (64 - bit) }
}

/// The lowest word before the point, and 128 bits behind it.
fn shifted(product: &[u64; 5], point: u32) -> (u64, u128) {
    let word_at = |bit: u32| {
        let (word, bit) = ((bit / 64) as usize, bit % 64);
        let of = |word: usize| product.get(word).copied().unwrap_or(0);
        if bit == 0 { of(word) } else { of(word) >> bit | of(word + 1) << (64 - bit) }
    };
    (word_at(point), u128::from(word_at(point - 64)) << 64 | u128::from(word_at(point - 128)))
}
