//! Pieces read from the device and written to it, past the page cache, many at a time.
//!
//! Each worker has a queue of transfers and a few buffers ("slots") of the same size. A slot goes from free to
//! reading to ready to handed out, and becomes free with the next call. Reads begin and end at multiples of the
//! device's block; the piece is a part of the slot.

mod arena;
mod descriptor;
mod landing;
mod lane;
mod ring;
mod slots;
mod spare;
mod writes;

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use super::{Dispenser, IoCounters, IoEngine, PieceStream};
use crate::{File, Result, StoreError};
use slots::Slot;
use spare::Borrowed;

pub(crate) use descriptor::Descriptor;
pub(super) use landing::Landing;
pub use spare::Spare;
pub(super) use writes::Writes;

/// What [`StoreError::Unsupported`] says was tried.
const OPERATION: &str = "read past the page cache (O_DIRECT, io_uring)";

pub(super) struct Stream<'a> {
    file: &'a File,
    descriptor: &'a Descriptor,
    dispenser: &'a Dispenser<'a>,
    budget: usize,
    lane: Borrowed<'a>,
    /// Slots whose bytes are there.
    ready: VecDeque<usize>,
    /// The slot that the caller has.
    handed_out: Option<usize>,
    /// A piece that was taken and is too long for the slots as they are.
    parked: Option<usize>,
    counters: IoCounters,
}

impl<'a> Stream<'a> {
    pub(super) fn new(
        file: &'a File,
        dispenser: &'a Dispenser<'a>,
        budget: usize,
        spare: Option<&'a Spare>,
    ) -> Result<Self> {
        Stream::with(file, dispenser, budget, |longest, align| Borrowed::new(spare, longest, budget, align))
    }

    fn with(
        file: &'a File,
        dispenser: &'a Dispenser<'a>,
        budget: usize,
        lane: impl FnOnce(usize, usize) -> io::Result<Borrowed<'a>>,
    ) -> Result<Self> {
        let descriptor = probe(file)?;
        let lane = lane(longest(dispenser), descriptor.align);
        let lane = lane.map_err(|source| file.unsupported(OPERATION, source))?;
        let counters = IoCounters { buffer_bytes: lane.slots.bytes() as u64, ..IoCounters::default() };
        Ok(Stream {
            file,
            descriptor,
            dispenser,
            budget,
            lane,
            ready: VecDeque::new(),
            handed_out: None,
            parked: None,
            counters,
        })
    }

    /// The slot with the next piece.
    fn advance(&mut self) -> Result<Option<usize>> {
        if !self.lane.is_ours() {
            let source = io::Error::other("the process was forked in the middle of a pass");
            return Err(self.file.unsupported(OPERATION, source));
        }
        if let Some(slot) = self.handed_out.take() {
            self.lane.slots.release(slot);
        }
        loop {
            if self.dispenser.is_stopped() {
                return Ok(None);
            }
            self.refill()?;
            self.reap()?;
            if let Some(slot) = self.take_ready() {
                // Large reads begin at once; of small ones, several with one call.
                if self.lane.queued() > self.lane.slots.count() / 8 {
                    self.submit(0)?;
                }
                return Ok(Some(slot));
            }
            if self.lane.pending() == 0 {
                return Ok(None);
            }
            self.submit(1)?;
        }
    }

    /// The slot to be handed out next: the first that is ready, or the one whose turn it is.
    fn take_ready(&mut self) -> Option<usize> {
        if !self.dispenser.is_in_order() {
            return self.ready.pop_front();
        }
        let oldest = self.lane.slots.oldest()?;
        let position = self.ready.iter().position(|&slot| slot == oldest)?;
        self.ready.remove(position)
    }

    /// Takes pieces as long as there are slots, and puts their reads into the queue.
    fn refill(&mut self) -> Result<()> {
        loop {
            let is_full = self.lane.pending() >= ring::ENTRIES as usize;
            if is_full || (!self.lane.slots.is_empty() && !self.lane.slots.has_free()) {
                return Ok(());
            }
            let Some(index) = self.parked.take().or_else(|| self.dispenser.take()) else { return Ok(()) };
            let range = self.dispenser.pieces().range(index);
            let len = self.file.piece_len(&range)?;
            self.file.expect_budget(&range, len, self.budget)?;
            let piece = Slot::read(index, range.start, len, self.align(len));
            if !self.lane.slots.fit(&piece) {
                if !self.lane.slots.all_free() {
                    self.parked = Some(index);
                    return Ok(());
                }
                self.make_slots(&piece)?;
            }
            self.begin(piece)?;
        }
    }

    /// What reads of so many bytes begin and end at: of long ones, a device reads whole pages faster.
    fn align(&self, len: usize) -> usize {
        const LONG: usize = 64 << 10;
        const PAGE: usize = 4096;
        if len < LONG { self.descriptor.align } else { self.descriptor.align.max(PAGE) }
    }

    /// Makes slots in which the piece fits. None is in use.
    fn make_slots(&mut self, piece: &Slot) -> Result<()> {
        let failed = |source| StoreError::at(self.file.path(), "make buffers", piece.start(), source);
        let longest = longest(self.dispenser);
        let align = self.align(longest.max(piece.wanted_len()));
        self.lane.slots.grow(piece, longest, self.budget, align).map_err(failed)?;
        self.counters.buffer_bytes = self.counters.buffer_bytes.max(self.lane.slots.bytes() as u64);
        Ok(())
    }

    fn begin(&mut self, piece: Slot) -> Result<()> {
        let is_empty = piece.is_complete();
        let slot = self.lane.slots.take(piece);
        if is_empty {
            self.ready.push_back(slot);
            return Ok(());
        }
        self.push(slot)
    }

    /// Puts the read of what the slot misses into the queue.
    fn push(&mut self, slot: usize) -> Result<()> {
        self.lane
            .push(slot, &self.descriptor.file)
            .map_err(|source| self.failed(self.lane.slots.get(slot).wanted(), source))
    }

    /// Hands the queue to the system, and waits until `wanted` reads are done.
    fn submit(&mut self, wanted: usize) -> Result<()> {
        let result = self.lane.submit(self.file.handle().calls, wanted);
        result.map_err(|source| self.failed(self.lane.slots.wanted(), source))
    }

    /// Looks at the reads that are done.
    fn reap(&mut self) -> Result<()> {
        while let Some((slot, result)) = self.lane.completed(self.file.handle().calls) {
            match result {
                Ok(count) => self.arrived(slot, count)?,
                Err(source) => self.refused(slot, source)?,
            }
        }
        Ok(())
    }

    fn arrived(&mut self, slot: usize, count: usize) -> Result<()> {
        self.counters.bytes_read += count as u64;
        let piece = self.lane.slots.get_mut(slot);
        let moved = piece.arrived(count);
        if piece.is_complete() {
            self.ready.push_back(slot);
            return Ok(());
        }
        if moved {
            return self.push(slot);
        }
        // The end of the file is where the piece should go on. Whether it was cut is found out by the way that
        // needs no alignment; if it was not, the bytes are right.
        let range = piece.wanted();
        self.read_through_cache(slot, range)
    }

    fn read_through_cache(&mut self, slot: usize, range: Range<u64>) -> Result<()> {
        self.counters.reads += 1;
        // SAFETY: the slot's read has completed, and no other was begun.
        let bytes = unsafe { self.lane.slots.bytes_of(slot) };
        self.file.handle().read_exact(range.start, bytes)?;
        self.counters.bytes_read += range.end - range.start;
        self.ready.push_back(slot);
        Ok(())
    }

    /// Asks again where the system says so.
    fn refused(&mut self, slot: usize, source: io::Error) -> Result<()> {
        match self.lane.may_ask_again(slot, &source) {
            true => self.push(slot),
            false => Err(self.failed(self.lane.slots.get(slot).wanted(), source)),
        }
    }

    fn failed(&self, range: Range<u64>, source: io::Error) -> StoreError {
        StoreError::within(self.file.path(), "read past the page cache", range, source)
    }
}

impl PieceStream for Stream<'_> {
    fn next(&mut self) -> Result<Option<(usize, &mut [u8])>> {
        let slot = match self.advance() {
            Ok(Some(slot)) => slot,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.dispenser.stop();
                return Err(error);
            }
        };
        self.handed_out = Some(slot);
        let index = self.lane.slots.get(slot).index();
        // SAFETY: the slot's read has completed, and it is free for another one only with the next call.
        let bytes = unsafe { self.lane.slots.bytes_of(slot) };
        self.counters.handed_out(bytes.len());
        Ok(Some((index, bytes)))
    }

    fn engine(&self) -> IoEngine {
        IoEngine::Direct
    }

    fn counters(&self) -> IoCounters {
        let lane = self.lane.counters();
        IoCounters {
            reads: self.counters.reads + lane.asked,
            retries: lane.retries,
            wait: lane.wait,
            ..self.counters
        }
    }
}

/// Bytes of the longest piece; 0 if that is not known.
fn longest(dispenser: &Dispenser<'_>) -> usize {
    usize::try_from(dispenser.pieces().longest()).unwrap_or(0)
}

/// Bytes of all buffers for pieces of `piece` bytes that are read, up to what alignment adds.
pub(super) fn buffer_bytes(piece: usize, budget: usize) -> usize {
    let piece = piece.max(1);
    slots::count(piece, budget, slots::ENOUGH) * piece
}

/// The same for pieces that are written.
pub(super) fn write_buffer_bytes(piece: usize, budget: usize) -> usize {
    let piece = piece.max(1);
    slots::count(piece, budget, slots::ENOUGH_TO_WRITE) * piece
}

/// The descriptor with which the file can be read that way.
pub(super) fn probe(file: &File) -> Result<&Descriptor> {
    ring::works().map_err(|source| file.unsupported(OPERATION, source))?;
    file.direct().map_err(|code| file.unsupported(OPERATION, io::Error::from_raw_os_error(code)))
}
