//! Passes over arrays on disk, in memory that the caller sets.
//!
//! Every pass walks the array in boxes that fit the budget, in the order of the file where it can: fetch the
//! bytes of a box, put its items in order, compute, go on. Nothing is read that the view does not name,
//! beyond the gaps that are cheaper to read over than to step around.

#![forbid(unsafe_code)]

mod assign;
mod blocks;
mod copy;
mod describe;
mod diff;
mod digest;
mod error;
mod fetch;
mod parallel;
mod reduce;
mod report;
mod run;
mod sink;

pub use assign::{assign, fill};
pub use copy::copy;
pub use describe::{Counts, Description, Request, describe};
pub use diff::{ArrayDifference, diff};
pub use digest::{Digest, digest};
pub use error::EngineError;
pub use fetch::{read, read_item, write};
pub use reduce::{Averages, Weights, average, reduce, reduce_along};
pub use report::Report;
pub use run::{Io, Observer, Run, Source};
pub use sink::Sink;
