//! Casts between numbers that are one vector loop, without a form in between.

use ndfolio_layout::Kind;

use super::numbers::{to_i64, to_u64};
use crate::{
    elementwise::narrow,
    map::map,
    reduce::half::single,
    simd::{Level, Loop, Vectors, dispatch},
};

/// A loop from one type to another.
macro_rules! each {
    ($level:ident, $items:ident, $out:ident, $from:ty, $to:ty, |$x:ident| $cast:expr) => {
        map($level, $items, $out.as_chunks_mut().0, |bytes| {
            let $x = <$from>::from_ne_bytes(bytes);
            let cast: $to = $cast;
            cast.to_ne_bytes()
        })
    };
}

macro_rules! from_integer {
    ($name:ident, $type:ty) => {
        fn $name(level: Level, items: &[u8], to: Kind, out: &mut [u8]) -> bool {
            match to {
                Kind::Float32 => each!(level, items, out, $type, f32, |x| x as f32),
                Kind::Float64 => each!(level, items, out, $type, f64, |x| x as f64),
                _ if to.is_integer() => match to.itemsize() {
                    1 => each!(level, items, out, $type, u8, |x| x as u8),
                    2 => each!(level, items, out, $type, u16, |x| x as u16),
                    4 => each!(level, items, out, $type, u32, |x| x as u32),
                    _ => each!(level, items, out, $type, u64, |x| x as u64),
                },
                _ => return false,
            }
            true
        }
    };
}

from_integer!(from_i8, i8);
from_integer!(from_i16, i16);
from_integer!(from_i32, i32);
from_integer!(from_i64, i64);
from_integer!(from_u8, u8);
from_integer!(from_u16, u16);
from_integer!(from_u32, u32);
from_integer!(from_u64, u64);

/// Whether all items lie within an integer.
struct Small<'a, const N: usize, F> {
    items: &'a [[u8; N]],
    is_small: F,
}

impl<const N: usize, F: Fn([u8; N]) -> bool> Loop for Small<'_, N, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let mut large = false;
        for item in self.items {
            large |= !(self.is_small)(*item);
        }
        !large
    }
}

fn all_below<const N: usize>(level: Level, items: &[u8], is_small: impl Fn([u8; N]) -> bool) -> bool {
    dispatch(level, Small { items: items.as_chunks().0, is_small })
}

/// The bits of a whole number within an int32, which end up last where it is added to one so large that its own
/// last bit counts ones: a conversion that checks its range has no vector instructions.
#[inline(always)]
fn whole(x: f64) -> u32 {
    const LARGE: f64 = (3_u64 << 51) as f64;
    (x + LARGE).to_bits() as u32
}

macro_rules! from_float {
    ($name:ident, $type:ident) => {
        fn $name(level: Level, items: &[u8], to: Kind, out: &mut [u8]) -> bool {
            match to {
                Kind::Float32 => each!(level, items, out, $type, f32, |x| x as f32),
                Kind::Float64 => each!(level, items, out, $type, f64, |x| x as f64),
                Kind::UInt64 => each!(level, items, out, $type, u64, |x| to_u64(x.into())),
                Kind::Int64 => each!(level, items, out, $type, i64, |x| to_i64(x.into())),
                _ if to.is_integer() => {
                    const LIMIT: $type = (1_u64 << 31) as $type;
                    let small = all_below(level, items, |bytes| $type::from_ne_bytes(bytes).abs() < LIMIT);
                    match (small, to.itemsize()) {
                        (true, 1) => each!(level, items, out, $type, u8, |x| whole(x.trunc().into()) as u8),
                        (true, 2) => each!(level, items, out, $type, u16, |x| whole(x.trunc().into()) as u16),
                        (true, _) => each!(level, items, out, $type, u32, |x| whole(x.trunc().into())),
                        _ => return false,
                    }
                }
                _ => return false,
            }
            true
        }
    };
}

from_float!(from_f32, f32);
from_float!(from_f64, f64);

fn from_half(level: Level, items: &[u8], to: Kind, out: &mut [u8]) -> bool {
    match to {
        Kind::Float32 => each!(level, items, out, u16, f32, |x| single(x)),
        Kind::Float64 => each!(level, items, out, u16, f64, |x| f64::from(single(x))),
        _ => return false,
    }
    true
}

fn from_bool(level: Level, items: &[u8], to: Kind, out: &mut [u8]) -> bool {
    match to {
        Kind::Float32 => each!(level, items, out, u8, f32, |x| f32::from(u8::from(x != 0))),
        Kind::Float64 => each!(level, items, out, u8, f64, |x| f64::from(u8::from(x != 0))),
        _ if to.is_integer() && to.itemsize() == 1 => each!(level, items, out, u8, u8, |x| u8::from(x != 0)),
        _ => return false,
    }
    true
}

/// Casts contiguous native numbers, if there is such a loop.
pub(super) fn cast_direct(level: Level, from: Kind, items: &[u8], to: Kind, out: &mut [u8]) -> bool {
    match (from, to) {
        (Kind::Bool, _) => from_bool(level, items, to, out),
        (Kind::Int8, _) => from_i8(level, items, to, out),
        (Kind::Int16, _) => from_i16(level, items, to, out),
        (Kind::Int32, _) => from_i32(level, items, to, out),
        (Kind::Int64, _) => from_i64(level, items, to, out),
        (Kind::UInt8, _) => from_u8(level, items, to, out),
        (Kind::UInt16, _) => from_u16(level, items, to, out),
        (Kind::UInt32, _) => from_u32(level, items, to, out),
        (Kind::UInt64, _) => from_u64(level, items, to, out),
        (Kind::Float16, _) => from_half(level, items, to, out),
        (Kind::Float32, Kind::Float16) => {
            each!(level, items, out, f32, u16, |x| narrow(x));
            true
        }
        (Kind::Float32, _) => from_f32(level, items, to, out),
        (Kind::Float64, _) => from_f64(level, items, to, out),
        _ => false,
    }
}

/// Counts the items that are not within an integer.
struct Outside<'a, const N: usize, F> {
    items: &'a [[u8; N]],
    wide: F,
    low: f64,
    high: f64,
}

impl<const N: usize, F: Fn([u8; N]) -> f64> Loop for Outside<'_, N, F> {
    type Output = u64;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> u64 {
        let mut count = 0;
        for item in self.items {
            let x = (self.wide)(*item);
            // What lies between the least integer and the next below it is cut to the least.
            let inside = ((x >= self.low) | (x > self.low - 1.0)) & (x < self.high);
            count += u64::from(!inside);
        }
        count
    }
}

/// How many items a cast to integers has no number for: NaN, and what lies beyond the integers that the processor
/// converts to.
pub(super) fn count_invalid(level: Level, from: Kind, items: &[u8], to: Kind) -> u64 {
    let (low, high) = match to {
        Kind::UInt64 => (-(2_f64.powi(63)), 2_f64.powi(64)),
        Kind::Int64 | Kind::UInt32 => (-(2_f64.powi(63)), 2_f64.powi(63)),
        _ => (-(2_f64.powi(31)), 2_f64.powi(31)),
    };
    let limit = high.min(2_f64.powi(63));
    let small = match from {
        Kind::Float32 => all_below(level, items, move |bytes| f32::from_ne_bytes(bytes).abs() < limit as f32),
        Kind::Float64 => all_below(level, items, move |bytes| f64::from_ne_bytes(bytes).abs() < limit),
        _ => false,
    };
    if small {
        return 0;
    }
    let half = |bytes| f64::from(single(u16::from_ne_bytes(bytes)));
    match from {
        Kind::Float16 => dispatch(level, Outside { items: items.as_chunks().0, wide: half, low, high }),
        Kind::Float32 => {
            let wide = |bytes| f64::from(f32::from_ne_bytes(bytes));
            dispatch(level, Outside { items: items.as_chunks().0, wide, low, high })
        }
        _ => dispatch(level, Outside { items: items.as_chunks().0, wide: f64::from_ne_bytes, low, high }),
    }
}
