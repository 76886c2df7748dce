//! Halves: computed in single precision and rounded, as NumPy does it.

use half::f16;
use ndfolio_store::Bytes;

use super::{
    Replacements, Ufunc, float,
    float::power_of_ten,
    items::widen_half,
    loops::{each, each_pair, unary},
    run::{Inputs, NOTHING, Out},
    types,
};
use crate::{
    finite::Finite,
    simd::{self, Level, Vectors, dispatch},
};
use ndfolio_layout::Kind;

/// Halves that are computed together.
const BLOCK: usize = 512;

pub(super) fn run(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    let [x, y, _] = inputs;
    match ufunc {
        Ufunc::Round { decimals } if decimals != 0 => round(decimals, x, out),
        Ufunc::Nextafter => each_pair([x, y], out, nextafter),
        Ufunc::Spacing => each(x, out, spacing),
        Ufunc::NanToNum(replacements) => nan_to_num(level, replacements, x, out),
        Ufunc::Positive | Ufunc::Conjugate => x.copy_to(out),
        _ => through_singles(level, ufunc, inputs, out),
    }
}

fn through_singles(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>) {
    let bools = types::output(ufunc, Kind::Float16) == Kind::Bool;
    let size = if bools { 1 } else { 2 };
    let mut singles = [[0; 4 * BLOCK]; 3];
    let (mut results, mut is_finite) = ([0; 4 * BLOCK], true);
    for (block, out) in out.chunks_mut(size * BLOCK).enumerate() {
        let count = out.len() / size;
        let mut wide: Inputs<'_> = [NOTHING; 3];
        for ((wide, singles), halves) in wide.iter_mut().zip(&mut singles).zip(inputs) {
            if !halves.is_empty() {
                let first = 2 * BLOCK * block;
                let halves = halves.slice(first..first + 2 * count);
                unary(level, halves, &mut Out::new(singles), |x: f16| widen_half(x.to_ne_bytes()));
                *wide = Bytes::Private(&singles[..4 * count]);
            }
        }
        if bools {
            float::run::<f32>(level, ufunc, wide, &mut Out::new(out));
        } else {
            float::run::<f32>(level, ufunc, wide, &mut Out::new(&mut results[..4 * count]));
            is_finite &= dispatch(level, Round { singles: &results[..4 * count], out });
        }
    }
    out.is_finite &= is_finite;
}

struct Round<'a> {
    singles: &'a [u8],
    out: &'a mut [u8],
}

impl simd::Loop for Round<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let mut marks = 0;
        for (single, half) in self.singles.as_chunks().0.iter().zip(self.out.as_chunks_mut().0) {
            let result = narrow(f32::from_ne_bytes(*single));
            marks |= f16::from_bits(result).mark();
            *half = result.to_ne_bytes();
        }
        f16::all(marks)
    }
}

/// The bits of the nearest half, by operations that have vector instructions.
#[inline(always)]
pub(crate) fn narrow(x: f32) -> u16 {
    /// From here on singles are beyond the halves, and to here on they are subnormal ones.
    const BEYOND: u32 = (127 + 16) << 23;
    const NORMAL: u32 = (127 - 14) << 23;
    const HALF: u32 = 126 << 23;
    let (sign, magnitude) = (x.to_bits() >> 16 & 0x8000, x.to_bits() & 0x7fff_ffff);
    let rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    let normal = (rounded >> 13).wrapping_sub((127 - 15) << 10);
    // The last bit of a number from 0.5 on is worth that of the subnormal halves.
    let small = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(HALF);
    let nan = if magnitude > 0x7f80_0000 { 0x0200 | magnitude >> 13 & 0x03ff } else { 0 };
    let finite = if magnitude < NORMAL { small } else { normal };
    let value = if magnitude >= BEYOND { 0x7c00 | nan } else { finite };
    (sign | value) as u16
}

/// Rounded after each step.
fn round(decimals: i32, x: Bytes<'_>, out: &mut Out<'_>) {
    let ten = ndfolio_layout::f16_from_f64(power_of_ten(decimals.unsigned_abs())).to_f32();
    let half = |x: f32| f16::from_f32(x).to_f32();
    if decimals > 0 {
        each(x, out, |a: f16| f16::from_f32(half(a.to_f32() * ten).round_ties_even() / ten));
    } else {
        each(x, out, |a: f16| f16::from_f32(half(a.to_f32() / ten).round_ties_even() * ten));
    }
}

fn nextafter(a: f16, b: f16) -> f16 {
    let (bits, x, y) = (a.to_bits(), a.to_f32(), b.to_f32());
    match () {
        () if a.is_nan() | b.is_nan() => f16::NAN,
        () if x == y => a,
        () if x == 0.0 => f16::from_bits(b.to_bits() & 0x8000 | 1),
        () if (x < y) == (x > 0.0) => f16::from_bits(bits + 1),
        () => f16::from_bits(bits - 1),
    }
}

/// The distance to the next half above, always positive, as NumPy has it for halves alone.
fn spacing(a: f16) -> f16 {
    if a.is_nan() | a.is_infinite() {
        return f16::NAN;
    }
    let bits = a.to_bits();
    let above = if bits & 0x8000 == 0 { bits + 1 } else { bits - 1 };
    let next = if bits & 0x7fff == 0 { f16::from_bits(1) } else { f16::from_bits(above) };
    f16::from_f32(next.to_f32() - a.to_f32())
}

fn nan_to_num(level: Level, replacements: Replacements, x: Bytes<'_>, out: &mut Out<'_>) {
    let [nan, most, least] = [Some(replacements.nan()), replacements.positive(), replacements.negative()]
        .map(|value| value.map(|value| ndfolio_layout::f16_from_f64(value).to_bits()));
    let (nan, most, least) =
        (nan.unwrap_or(0), most.unwrap_or(f16::MAX.to_bits()), least.unwrap_or(f16::MIN.to_bits()));
    unary(level, x, out, |a: u16| match a & 0x7fff {
        0x7c00 if a == 0x7c00 => most,
        0x7c00 => least,
        0x7c01.. => nan,
        _ => a,
    });
}
