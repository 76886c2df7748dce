//! Passes over a file: pieces of it in private memory, one after the other, while later ones are on their way.
//!
//! A pass is a list of [`Pieces`] and one [`Dispenser`], from which each worker's [`PieceStream`] takes the next
//! piece. Three engines bring the bytes; [`File::choose`] says which one suits, and why. What a pass makes goes to a
//! file by each worker's [`Writer`].

mod buffer;
mod choice;
mod counters;
#[cfg_attr(not(target_os = "linux"), path = "io/direct/none.rs")]
pub(crate) mod direct;
#[cfg(target_os = "linux")]
pub(crate) mod edges;
mod evidence;
mod held;
mod mapped;
mod pieces;
mod pread;
mod windows;
mod writer;

use std::fmt;
use std::io;
use std::ops::Range;

use crate::{Bytes, File, Mode, Result, StoreError};

pub use buffer::Buffer;
pub use choice::{AccessPlan, Choice, Pattern};
pub use counters::IoCounters;
pub use direct::Spare;
pub use evidence::Evidence;
pub use held::Held;
pub use pieces::{Chunks, Dispenser, Pieces, Turns};
pub use windows::Sweep;
pub use writer::{WriteCounters, WriteEngine, Writer};

/// How the bytes of a pass come into private memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoEngine {
    /// Out of a fresh shared mapping: the fastest where the page cache holds the file in large folios.
    Mmap,
    /// Read by system calls through the page cache: works everywhere.
    Pread,
    /// Read from the device past the page cache, many pieces at a time (`O_DIRECT`, `io_uring`): the fastest
    /// where the page cache does not hold the file, and it leaves the page cache to others.
    Direct,
}

impl IoEngine {
    /// All engines.
    pub const ALL: [IoEngine; 3] = [IoEngine::Mmap, IoEngine::Pread, IoEngine::Direct];

    /// Length of a piece, in bytes, at which this engine is fastest in a pass over a long range.
    #[must_use]
    pub fn piece_bytes(self) -> usize {
        match self {
            // They go through the processor's cache: a part of the second level.
            IoEngine::Pread => 256 << 10,
            IoEngine::Direct => 1 << 20,
            // They take no memory, and even a slow disk brings one in in less than a tenth of a second.
            IoEngine::Mmap => 2 << 20,
        }
    }

    /// Bytes that a stream takes for buffers, with pieces of `piece` bytes and a budget of `budget`, up to what
    /// alignment adds.
    #[must_use]
    pub fn buffer_bytes(self, piece: usize, budget: usize) -> usize {
        match self {
            // Pieces are used where they lie.
            IoEngine::Mmap => 0,
            IoEngine::Pread => piece.min(budget),
            IoEngine::Direct => direct::buffer_bytes(piece, budget),
        }
    }
}

impl fmt::Display for IoEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            IoEngine::Mmap => "mmap",
            IoEngine::Pread => "pread",
            IoEngine::Direct => "direct",
        })
    }
}

/// One worker's pieces of a pass, made by [`File::stream`].
///
/// Dropping it ends its reads. Pieces that it took from the dispenser and did not hand out are lost to the pass.
pub trait PieceStream: Send {
    /// The next piece: its index and its bytes, which are private memory and may be changed. `None` at the end,
    /// and after [`Dispenser::stop`].
    ///
    /// Pieces come in the order in which their bytes arrive, or in which they were taken from a dispenser that is
    /// [in order](Dispenser::in_order). The address of the bytes is congruent to their
    /// offset in the file modulo 64, so items that are aligned in the file are aligned here.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] if the file never had these bytes, [`StoreError::Truncated`] if they were cut
    /// off since, [`StoreError::Budget`] if the piece does not fit into the stream's buffers,
    /// [`StoreError::Io`] if it cannot be read. An error stops the dispenser, for all workers.
    fn next(&mut self) -> Result<Option<(usize, &mut [u8])>>;

    /// As [`next`](Self::next), but hands the piece to `each` where it lies, so that a mapped one need not be
    /// copied; returns its index.
    ///
    /// What `each` saw counts only if this returns `Ok`: a file that is cut meanwhile is found afterwards.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    fn next_in_place(&mut self, each: &mut dyn FnMut(usize, Bytes<'_>)) -> Result<Option<usize>> {
        let Some((index, bytes)) = self.next()? else { return Ok(None) };
        each(index, Bytes::Private(bytes));
        Ok(Some(index))
    }

    /// The engine that runs.
    fn engine(&self) -> IoEngine;

    /// What was done so far.
    fn counters(&self) -> IoCounters;
}

impl File {
    /// A worker's stream of pieces, which it takes from `dispenser`.
    ///
    /// `budget` is the most memory for buffers, in bytes: the longest piece has to fit. (For alignment, a stream
    /// can take two blocks of the device more.) [`IoEngine::Direct`] has as many pieces on their way as fit, up
    /// to 128 and up to 4 MiB; with fewer than four it waits for each. The others need room for one.
    ///
    /// All streams of a dispenser are to be of the same file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] if the engine cannot be had here: mapping, `O_DIRECT` or `io_uring` are
    /// refused, or the file is open in [`Mode::CopyOnWrite`], whose bytes only [`IoEngine::Pread`] can reach.
    pub fn stream<'a>(
        &'a self,
        engine: IoEngine,
        dispenser: &'a Dispenser<'a>,
        budget: usize,
    ) -> Result<Box<dyn PieceStream + 'a>> {
        self.stream_with(engine, (dispenser, budget), None)
    }

    fn stream_with<'a>(
        &'a self,
        engine: IoEngine,
        (dispenser, budget): (&'a Dispenser<'a>, usize),
        spare: Option<&'a Spare>,
    ) -> Result<Box<dyn PieceStream + 'a>> {
        if self.mode() == Mode::CopyOnWrite && engine != IoEngine::Pread {
            let source = io::Error::new(io::ErrorKind::Unsupported, "mode 'c' has bytes of its own");
            return Err(self.unsupported("read past its private view", source));
        }
        Ok(match engine {
            IoEngine::Mmap => Box::new(mapped::Stream::new(self, dispenser, budget)?),
            IoEngine::Pread => Box::new(pread::Stream::new(self, dispenser, budget)),
            IoEngine::Direct => Box::new(direct::Stream::new(self, dispenser, budget, spare)?),
        })
    }

    /// As [`stream`](Self::stream); where the engine cannot be had, a stream of [`IoEngine::Pread`], and the
    /// reason.
    ///
    /// # Errors
    ///
    /// As [`stream`](Self::stream), except [`StoreError::Unsupported`].
    pub fn stream_or_fallback<'a>(
        &'a self,
        engine: IoEngine,
        dispenser: &'a Dispenser<'a>,
        budget: usize,
    ) -> Result<(Box<dyn PieceStream + 'a>, Option<StoreError>)> {
        self.stream_or_fallback_with(engine, (dispenser, budget), None)
    }

    /// The same with what passes before have left, if it is of use, and which this one leaves to others.
    ///
    /// # Errors
    ///
    /// As [`stream_or_fallback`](Self::stream_or_fallback).
    pub fn stream_or_fallback_with<'a>(
        &'a self,
        engine: IoEngine,
        (dispenser, budget): (&'a Dispenser<'a>, usize),
        spare: Option<&'a Spare>,
    ) -> Result<(Box<dyn PieceStream + 'a>, Option<StoreError>)> {
        match self.stream_with(engine, (dispenser, budget), spare) {
            Err(reason @ StoreError::Unsupported { .. }) => {
                Ok((self.stream(IoEngine::Pread, dispenser, budget)?, Some(reason)))
            }
            result => Ok((result?, None)),
        }
    }

    pub(crate) fn unsupported(&self, operation: &'static str, source: io::Error) -> StoreError {
        StoreError::Unsupported { path: self.path().to_path_buf(), operation, source }
    }

    /// Length of a piece, if the file ever had it.
    fn piece_len(&self, range: &Range<u64>) -> Result<usize> {
        let len = range.end.saturating_sub(range.start);
        self.expect_within(range.start, len)?;
        // What does not fit the address space fits no budget.
        Ok(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn expect_budget(&self, range: &Range<u64>, len: usize, budget: usize) -> Result<()> {
        if len <= budget {
            return Ok(());
        }
        Err(StoreError::Budget {
            path: self.path().to_path_buf(),
            offset: range.start,
            len: len as u64,
            budget: budget as u64,
        })
    }
}
