//! Arrays on disk, used as if they were in memory: any size, opened at once, read and written in place, with
//! NumPy's names and NumPy's results.
//!
//! * [`open`] finds the array of a `.npy` file, an `.npz` member or a raw file and reads nothing but its
//!   header; [`OpenOptions`] has the modes, raw files, members and limits.
//! * [`Array`] has a dtype that is known at run time, NumPy's indexing, reshaping and broadcasting, all without
//!   reading; [`Array::read`] and [`Array::write`] exchange blocks with [`ndarray`]; [`Array::get`] and
//!   [`Array::set`] single items.
//! * [`create`], [`save`] and [`CreateOptions`] make new files, which appear whole or not at all.
//! * [`Array::append`] and [`Appender`] add rows to a `.npy` file: rows that were acknowledged survive the end of the
//!   process and of the power, and who reads meanwhile sees whole rows only. [`Array::refresh`] takes notice of them.
//! * [`Array::stats`], [`Array::describe`], [`Array::reduction`], [`Array::digest`], [`Array::save_as`] and
//!   [`diff`] go through arrays of any size in memory that the caller sets.
//! * [`checksum`] puts checksums beside a file, which writing through us keeps up to date; [`verify`] says what was
//!   damaged since.
//! * [`feed`] gives batches for training, in an order that a seed gives, and goes on where another process stopped.
//! * A [`Session`] holds how all that is run; [`Reduction::plan`] and its like say what a call would do before it
//!   does it, an [`Observer`] hears what it did, and [`Limits`] are what this machine can do at most.
//! * [`Memmap`] is for those who know their type: `unsafe` views without a copy. [`RawMap`] and [`NewFile`] are for faces
//!   to other languages, which have arrays of their own.
//!
//! ```
//! # let dir = std::env::temp_dir().join(format!("ndfolio-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let path = dir.join("a.npy");
//! let array = ndfolio::create(&path, "<f4".parse()?, &[1000, 64])?;
//! array.write((0..2, ..), &ndarray::Array2::from_elem((2, 64), 1.5_f32))?;
//! array.close()?;
//!
//! let array = ndfolio::open(&path)?;
//! let column = array.read::<f32>((.., 3))?;
//! assert_eq!(column.sum(), 3.0);
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Files that others change
//!
//! Reading and writing go through system calls, or through a mapping whose faults are caught, and every
//! answer is checked against the file's length: a file that another process cuts short is an error, never a
//! signal and never zeros for data. The first mapping in a process (a [`Memmap`], or mode
//! [`Mode::CopyOnWrite`]) installs a handler for SIGBUS that passes on what is not ours.

#![deny(unsafe_op_in_unsafe_fn)]

mod access;
mod append;
mod array;
mod average;
mod cache;
mod check;
mod compute;
mod create;
mod describe;
mod error;
pub mod eval;
pub mod feed;
mod gather;
mod lazy;
mod location;
mod mapped;
mod memmap;
mod open;
mod reduce;
mod resize;
mod rewrite;
mod sample;
mod save;
mod session;
mod shuffle;
mod sums;
mod table;
mod verify;

pub use append::{AppendOptions, Appender};
pub use array::Array;
pub use average::{Average, Weights};
pub use check::{Checkup, Repaired, check};
pub use compute::{diff, plan_diff};
pub use create::{CreateOptions, FileKind, Sidecar, create};
pub use describe::{Describe, Described};
pub use error::{Error, Result};
pub use gather::{IndexInteger, Indices, Picks};
pub use lazy::{Along, Lazy, along, compute, maximum, minimum, plan_compute, where_};
pub use location::Location;
pub use mapped::Mapped;
pub use memmap::{Memmap, Plain};
pub use open::{MemberInfo, OpenOptions, info, open};
pub use reduce::{Reduced, Reduction};
pub use sample::sample_indices;
pub use save::{load, save};
pub use session::{Session, Size};
pub use shuffle::Shuffled;
pub use verify::{Checksums, Damage, Verification, checksum, verify};

pub use ndfolio_engine::{
    ArrayDifference, Counts, Description, Digest, EngineError, Io, Limit, Limits, Observer, Plan, Reading,
    Report, Run, Work, expr::Block,
};
pub use ndfolio_format::{Contents, Format, FormatError, KnownMagic, RawSpec, Unmappable, json};
pub use ndfolio_kernel::{
    Casting, Element, KernelError, NanRule, Permutation, Tolerance, can_cast,
    elementwise::{Conditions, Literal, Operand, Replacements, Ufunc, result_type},
    histogram::Bins,
    reduce::{Level, NanPolicy, Op},
    summary::{Mean, Number, Summary},
};
pub use ndfolio_layout::{
    ByteOrder, DType, Ellipsis, Field, Index, IndexMode, Kind, LayoutError, NewAxis, Order, Scalar,
    Selection, Slice, Struct, SubArray, TimeBase, TimeUnit, Value, View, dtype, slice,
};
pub use ndfolio_store::{
    Advice, Durability, Existing, FileId, FileSystem, IoCounters, IoEngine, Leftover, Lock, LockedRange,
    MachineMemory, Mode, NewFile, RawMap, Reserve, Residency, Short, StoreError, Synced,
    ignore_size_limit_signal, usage,
};
pub use {half, ndarray, num_complex};

/// The README's Rust examples are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
