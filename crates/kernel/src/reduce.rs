//! Reductions: sums, products, means, variances, extremes and their places, counts, norms.
//!
//! The items of a pass are cut into blocks of [`BLOCK`] items. [`Reducer::block`] makes a [`Partial`] of one,
//! and a [`Tree`] merges those in a fixed order, so that neither the pieces in which the items come nor the
//! threads or instruction sets that work on them change a bit of a result. [`Columns`] does the same for
//! many reductions side by side. An [`Op`] says which values it wants and what it makes of them in the end.
//!
//! Everything that is exact (integers, extremes, counts) stays exact. Floating-point numbers are widened to
//! double precision and added in [lanes](self), then lanes, then blocks in binary trees; halves are added in fours
//! in single precision first.

mod columns;
mod complex;
mod finish;
pub(crate) mod half;
mod item;
mod loops;
mod moments;
mod op;
mod partial;
mod piece;
mod product;
mod real;
mod reducer;
mod scaled;
mod scratch;
mod stored;
mod subtrees;
mod tree;
mod truth;
mod wanted;
mod whole;

pub use columns::{Columns, narrow};
pub use finish::Finish;
pub use op::Op;
pub use partial::{Key, Partial};
pub use piece::{Blocks, Seen, piece, whole};
pub use reducer::{NanPolicy, Reducer};
pub use scaled::Scaled;
pub use scratch::Scratch;
pub use tree::Tree;
pub use wanted::Wanted;

pub use crate::simd::Level;

/// Items of one block. The order of additions follows from it, so it never changes.
pub const BLOCK: usize = 4096;

#[cfg(test)]
mod tests;
