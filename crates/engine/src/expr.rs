//! Lazy expressions: arrays in files, small ones in memory, and operations on them.
//!
//! An [`Expr`] knows its dtype and its shape at once and its values when it is asked for them. [`Job`] cuts a graph
//! of them into passes: everything between two barriers (a reduction, a scan) is one program over tiles that stay
//! in the processor's cache.

mod computed;
mod evaluator;
mod feeds;
mod fused;
mod graph;
mod job;
mod leaf;
mod memory;
mod node;
mod pass;
mod place;
mod plan;
mod program;
mod reducing;
mod room;
mod scan;
mod setup;
mod share;
mod stage;
mod target;
mod together;
mod views;

pub use job::Job;
pub use memory::Memory;
pub use node::{Expr, Keep, Reduction, Scan};
pub(crate) use place::part;
pub use target::{Block, Emit};
