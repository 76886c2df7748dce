//! Mathematics on slices: what is done to items once they are in memory.
//!
//! Nothing here knows a file or a thread, and nothing allocates inside a loop over items. Functions take bytes
//! or values that belong to the caller alone, or [`Bytes`](ndfolio_store::Bytes), which may be mapped: those are
//! loaded into registers or copied tile by tile as they are used, as other processes can change them.

#![deny(unsafe_code)]

mod average;
mod cast;
mod checksum;
mod compare;
mod element;
mod elementary;
pub mod elementwise;
mod error;
mod finite;
mod gather;
pub mod histogram;
mod map;
mod normalize;
mod random;
pub mod rank;
pub mod reduce;
mod scan;
#[allow(unsafe_code, reason = "functions compiled for instruction sets that the processor must have")]
mod simd;
mod strided;
pub mod summary;
mod swap;
mod widen;

pub use average::Weigher;
pub use cast::{Caster, Casting, can_cast};
pub use checksum::{Sum, sum};
pub use compare::{Comparer, Difference, NanRule, Tolerance};
pub use element::{Element, Real};
pub use error::KernelError;
pub use gather::gather;
pub use normalize::Normalizer;
pub use random::{Permutation, SplitMix64};
pub use scan::{Running, Scanner, Start};
pub use strided::copy_strided;
pub use swap::{swap_bytes, to_native};
pub use widen::Widener;
