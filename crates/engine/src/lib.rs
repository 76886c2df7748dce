//! Passes over arrays on disk, in memory that the caller sets.
//!
//! Every pass walks the array in boxes that fit the budget, in the order of the file where it can: fetch the
//! bytes of a box, put its items in order, compute, go on. Nothing is read that the view does not name,
//! beyond the gaps that are cheaper to read over than to step around.

#![forbid(unsafe_code)]

mod assign;
mod blocks;
mod cache;
mod checksum;
mod copy;
mod describe;
mod diff;
mod digest;
mod error;
pub mod expr;
mod fetch;
mod gather;
mod hold;
mod limits;
mod meter;
mod parallel;
mod plan;
mod reduce;
mod report;
mod run;
mod shuffle;
mod sink;

pub use assign::{assign, fill};
pub use cache::{evict, lock, page_ranges, prefetch};
pub use checksum::{expect_room_for_sums, plan_sum_blocks, sum_blocks};
pub use copy::{copy, plan_copy};
pub use describe::{Counts, Description, Request, describe, plan_describe};
pub use diff::{ArrayDifference, diff, plan_diff};
pub use digest::{Digest, digest, plan_digest};
pub use error::EngineError;
pub use fetch::{read, read_item, write};
pub use gather::{
    Around, Counted, Gather, Given, IndexFile, Indexed, Indices, Mask, MaskBytes, MaskFile, Repeated,
    count_places, expect_room, gather, gather_to, plan_gather, plan_gather_to, scatter,
};
pub use hold::{can_hold, hold};
pub use limits::{Limit, Limits};
pub use plan::{Plan, Reading, Work};
pub use reduce::{Averages, Found, Put, Weights, average, plan_reduce, reduce, reduce_along};
pub use report::Report;
pub use run::{Io, Observer, Run, Source};
pub use shuffle::{Shuffle, plan_shuffle_to, shuffle_to};
pub use sink::{Sink, settle};
