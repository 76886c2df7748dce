//! Pieces on their way to the device.
//!
//! A slot goes from free to filling to writing, and becomes free when its write completed. Whole blocks go past the
//! page cache, those among them that two pieces share with the piece that comes second ([`Edges`]). What is left of
//! blocks goes through the page cache: to pages of which no byte goes past it.
//!
//! [`Edges`]: crate::io::edges::Edges

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::lane::Lane;
use super::ring::Direction;
use super::slots::{self, ENOUGH_TO_WRITE, Slot};
use super::{Descriptor, ring};
use crate::handle::is_unsupported;
use crate::io::edges::{Edge, Met};
use crate::io::writer::WriteCounters;
use crate::{NewFile, Result, StoreError};

/// What [`StoreError::Unsupported`] says was tried.
const OPERATION: &str = "write past the page cache (O_DIRECT, io_uring)";

pub(crate) struct Writes<'a> {
    file: &'a NewFile,
    descriptor: &'a Descriptor,
    /// Which of the file's writers it is.
    number: usize,
    piece: usize,
    budget: usize,
    lane: Lane,
    /// The slot that the caller fills.
    filling: Option<usize>,
    /// What the system said when it refused a write: everything goes by calls from then on.
    refusal: Option<StoreError>,
    bytes_direct: u64,
    /// Time in calls that write.
    calls: Duration,
}

impl<'a> Writes<'a> {
    /// `Err` if the file cannot be written this way.
    pub(crate) fn new(file: &'a NewFile, piece: usize, budget: usize) -> Result<Self> {
        ring::works().map_err(|source| refused(file, source))?;
        let code = |code| refused(file, io::Error::from_raw_os_error(code));
        let descriptor = file.direct().map_err(code)?;
        let lane = Lane::new(Direction::Write).map_err(|source| refused(file, source))?;
        Ok(Writes {
            file,
            descriptor,
            number: file.edges().next_writer(),
            piece,
            budget,
            lane,
            filling: None,
            refusal: None,
            bytes_direct: 0,
            calls: Duration::ZERO,
        })
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.lane.is_ours()
    }

    pub(crate) fn refusal(&self) -> Option<&StoreError> {
        self.refusal.as_ref()
    }

    /// Adds what was done here to what was counted outside.
    pub(crate) fn add_to(&self, counters: WriteCounters) -> WriteCounters {
        let lane = self.lane.counters();
        WriteCounters {
            bytes_direct: self.bytes_direct,
            retries: lane.retries,
            wait: lane.wait + self.calls,
            buffer_bytes: self.lane.slots.bytes() as u64,
            ..counters
        }
    }

    pub(crate) fn room(&mut self, offset: u64, len: usize) -> Result<&mut [u8]> {
        self.expect_ours()?;
        if let Some(slot) = self.filling.take() {
            self.lane.slots.release(slot);
        }
        if self.lane.slots.is_empty() {
            self.make_slots(offset)?;
        }
        self.reap()?;
        while !self.lane.slots.has_free() {
            self.submit(1)?;
            self.reap()?;
        }
        let slot = self.lane.slots.take(Slot::write(offset, len, self.descriptor.align));
        self.filling = Some(slot);
        // SAFETY: the slot was free, and its write begins only in `write`, when the caller has it no more.
        Ok(unsafe { self.lane.slots.bytes_of(slot) })
    }

    fn make_slots(&mut self, offset: u64) -> Result<()> {
        let align = self.descriptor.align;
        let count = slots::count(self.piece.max(1), self.budget, ENOUGH_TO_WRITE);
        let len = self.piece.saturating_add(2 * (align - 1)) / align * align;
        self.lane
            .slots
            .make(count, len, align)
            .map_err(|source| StoreError::at(self.file.path(), "make buffers", offset, source))
    }

    /// Begins the write of what was filled; its length.
    pub(crate) fn write(&mut self) -> Result<Option<usize>> {
        self.expect_ours()?;
        let Some(slot) = self.filling.take() else { return Ok(None) };
        let inner = self.lane.slots.get(slot).inner();
        let len = inner.len();
        match self.resolve(slot, inner) {
            Ok(blocks) if !blocks.is_empty() => {
                self.lane.slots.get_mut(slot).set_range(blocks);
                self.begin(slot)?;
            }
            result => {
                self.lane.slots.release(slot);
                result?;
            }
        }
        Ok(Some(len))
    }

    /// Which blocks of the slot are whole, after a look at those that the piece shares with others.
    fn resolve(&mut self, slot: usize, inner: Range<usize>) -> Result<Range<usize>> {
        let align = self.descriptor.align;
        let mut blocks = inner.start.next_multiple_of(align)..inner.end - inner.end % align;
        if blocks.is_empty() {
            self.call(slot, inner)?;
            return Ok(0..0);
        }
        if inner.start < blocks.start && self.is_whole(slot, inner.start..blocks.start)? {
            blocks.start -= align;
        }
        if blocks.end < inner.end && self.is_whole(slot, blocks.end..inner.end)? {
            blocks.end += align;
        }
        Ok(blocks)
    }

    /// Whether the block of this part of the slot is whole by now; if not, somebody else sees to the part.
    fn is_whole(&mut self, slot: usize, part: Range<usize>) -> Result<bool> {
        let align = self.descriptor.align;
        let start = part.start - part.start % align;
        let block = self.lane.slots.get(slot).first() + start as u64;
        // SAFETY: no write of the slot is on its way.
        let memory = unsafe { &mut self.lane.slots.blocks_of(slot)[start..start + align] };
        match self.file.edges().meet(self.number, block, memory, part.start - start..part.end - start) {
            Met::Whole => Ok(true),
            Met::Held(None) => Ok(false),
            Met::Held(Some(edge)) => self.write_edge(&edge).map(|()| false),
        }
    }

    /// Writes a part of a block through the page cache.
    fn write_edge(&mut self, edge: &Edge) -> Result<()> {
        let start = Instant::now();
        let (offset, bytes) = edge.place();
        let result = self.file.write_at(offset, bytes);
        self.calls += start.elapsed();
        result
    }

    /// Writes a range of the slot, of which no write is on its way, through the page cache.
    fn call(&mut self, slot: usize, range: Range<usize>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let (start, at) = (Instant::now(), self.lane.slots.get(slot).first() + range.start as u64);
        // SAFETY: no write of the slot is on its way.
        let bytes = unsafe { self.lane.slots.blocks_of(slot) };
        let result = self.file.write_at(at, &bytes[range]);
        self.calls += start.elapsed();
        result
    }

    /// Has the system write what the slot has left.
    fn begin(&mut self, slot: usize) -> Result<()> {
        if self.refusal.is_some() {
            return self.write_by_calls(slot);
        }
        if let Err(source) = self.lane.push(slot, &self.descriptor.file) {
            return Err(self.failed(slot, source));
        }
        self.submit(0)
    }

    /// Writes what the slot has left, through the page cache, and lets it go.
    fn write_by_calls(&mut self, slot: usize) -> Result<()> {
        let result = self.call(slot, self.lane.slots.get(slot).left());
        self.lane.slots.release(slot);
        result
    }

    pub(crate) fn finish(&mut self) -> Result<()> {
        self.expect_ours()?;
        self.reap()?;
        while self.lane.pending() > 0 {
            self.submit(1)?;
            self.reap()?;
        }
        while let Some(edge) = self.file.edges().left_by(self.number) {
            self.write_edge(&edge)?;
        }
        Ok(())
    }

    /// Hands the queue to the system, and waits until `wanted` writes are done.
    fn submit(&mut self, wanted: usize) -> Result<()> {
        let result = self.lane.submit(self.file.handle().calls, wanted);
        result.map_err(|source| {
            let range = self.lane.slots.wanted();
            self.file.handle().write_failed("write", range.start, range.end - range.start, source)
        })
    }

    /// Looks at the writes that are done.
    fn reap(&mut self) -> Result<()> {
        while let Some((slot, result)) = self.lane.completed(self.file.handle().calls) {
            match result {
                Ok(count) => self.arrived(slot, count)?,
                Err(source) if self.lane.may_ask_again(slot, &source) => self.begin(slot)?,
                Err(source) if is_refusal(&source) => {
                    self.file.refuse_direct(source.raw_os_error().unwrap_or(libc::EINVAL));
                    self.refusal = Some(refused(self.file, source));
                    self.write_by_calls(slot)?;
                }
                Err(source) => return Err(self.failed(slot, source)),
            }
        }
        Ok(())
    }

    fn arrived(&mut self, slot: usize, count: usize) -> Result<()> {
        let piece = self.lane.slots.get_mut(slot);
        let before = piece.left().len();
        let moved = piece.arrived(count);
        self.bytes_direct += (before - piece.left().len()) as u64;
        if piece.is_complete() {
            self.lane.slots.release(slot);
            return Ok(());
        }
        // Less than a block was written; calls need no alignment, and tell why nothing can be written.
        if moved { self.begin(slot) } else { self.write_by_calls(slot) }
    }

    /// The error for the rest of the slot, which is let go.
    fn failed(&mut self, slot: usize, source: io::Error) -> StoreError {
        let piece = self.lane.slots.get(slot);
        let (start, left) = (piece.first(), piece.left());
        self.lane.slots.release(slot);
        self.file.handle().write_failed("write", start + left.start as u64, left.len() as u64, source)
    }

    fn expect_ours(&self) -> Result<()> {
        if self.lane.is_ours() {
            return Ok(());
        }
        Err(refused(self.file, io::Error::other("the process was forked in the middle of a pass")))
    }
}

fn refused(file: &NewFile, source: io::Error) -> StoreError {
    StoreError::Unsupported { path: file.path().to_path_buf(), operation: OPERATION, source }
}

/// Whether the system cannot write this way at all.
fn is_refusal(error: &io::Error) -> bool {
    is_unsupported(error) || error.raw_os_error() == Some(libc::EINVAL)
}
