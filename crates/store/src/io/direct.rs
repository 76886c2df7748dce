//! Pieces read from the device, past the page cache, many at a time.
//!
//! Each worker has a queue of reads and a few buffers ("slots") of the same size. A slot goes from free to
//! reading to ready to handed out, and becomes free with the next call. Reads begin and end at multiples of the
//! device's block; the piece is a part of the slot.

mod arena;
mod descriptor;
mod ring;
mod slots;

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use super::{Dispenser, IoCounters, IoEngine, PieceStream};
use crate::handle::{MAX_RETRIES, again};
use crate::{File, Result, StoreError};
use ring::{Read, Ring};
use slots::{Slot, Slots};

pub(crate) use descriptor::Descriptor;

/// What [`StoreError::Unsupported`] says was tried.
const OPERATION: &str = "read past the page cache (O_DIRECT, io_uring)";

pub(super) struct Stream<'a> {
    file: &'a File,
    descriptor: &'a Descriptor,
    dispenser: &'a Dispenser<'a>,
    budget: usize,
    ring: Ring,
    /// Kept for ever if reads into it may still be on their way.
    slots: ManuallyDrop<Slots>,
    /// Slots whose bytes are there.
    ready: VecDeque<usize>,
    /// The slot that the caller has.
    handed_out: Option<usize>,
    /// A piece that was taken and is too long for the slots as they are.
    parked: Option<usize>,
    counters: IoCounters,
}

impl<'a> Stream<'a> {
    pub(super) fn new(file: &'a File, dispenser: &'a Dispenser<'a>, budget: usize) -> Result<Self> {
        let descriptor = probe(file)?;
        let ring = Ring::new().map_err(|source| file.unsupported(OPERATION, source))?;
        Ok(Stream {
            file,
            descriptor,
            dispenser,
            budget,
            ring,
            slots: ManuallyDrop::new(Slots::default()),
            ready: VecDeque::new(),
            handed_out: None,
            parked: None,
            counters: IoCounters::default(),
        })
    }

    /// The slot with the next piece.
    fn advance(&mut self) -> Result<Option<usize>> {
        if !self.ring.is_ours() {
            let source = io::Error::other("the process was forked in the middle of a pass");
            return Err(self.file.unsupported(OPERATION, source));
        }
        if let Some(slot) = self.handed_out.take() {
            self.slots.release(slot);
        }
        loop {
            if self.dispenser.is_stopped() {
                return Ok(None);
            }
            self.refill()?;
            self.reap()?;
            if let Some(slot) = self.ready.pop_front() {
                // Large reads begin at once; of small ones, several with one call.
                if self.ring.queued() > self.slots.count() / 8 {
                    self.submit(0)?;
                }
                return Ok(Some(slot));
            }
            if self.ring.pending() == 0 {
                return Ok(None);
            }
            self.submit(1)?;
        }
    }

    /// Takes pieces as long as there are slots, and puts their reads into the queue.
    fn refill(&mut self) -> Result<()> {
        loop {
            if !self.slots.is_empty() && !self.slots.has_free() {
                return Ok(());
            }
            let Some(index) = self.parked.take().or_else(|| self.dispenser.take()) else { return Ok(()) };
            let range = self.dispenser.pieces().range(index);
            let len = self.file.piece_len(&range)?;
            self.file.expect_budget(&range, len, self.budget)?;
            let piece = Slot::new(index, range.start, len, self.descriptor.align);
            if !self.slots.fit(&piece) {
                if !self.slots.all_free() {
                    self.parked = Some(index);
                    return Ok(());
                }
                self.make_slots(&piece)?;
            }
            self.begin(piece)?;
        }
    }

    /// Makes slots in which the piece fits. None is in use.
    fn make_slots(&mut self, piece: &Slot) -> Result<()> {
        let failed = |source| StoreError::at(self.file.path(), "make buffers", piece.start(), source);
        self.slots.grow(piece, self.budget, self.descriptor.align).map_err(failed)?;
        self.counters.buffer_bytes = self.counters.buffer_bytes.max(self.slots.bytes() as u64);
        Ok(())
    }

    fn begin(&mut self, piece: Slot) -> Result<()> {
        let is_empty = piece.is_complete();
        let slot = self.slots.take(piece);
        if is_empty {
            self.ready.push_back(slot);
            return Ok(());
        }
        self.push(slot)
    }

    /// Puts the read of what the slot misses into the queue.
    fn push(&mut self, slot: usize) -> Result<()> {
        let (offset, address, len) = self.slots.missing(slot);
        let file = self.descriptor.file.as_raw_fd();
        let read = Read { file, offset, address, len, token: slot as u64 };
        self.counters.reads += 1;
        // SAFETY: the slot is touched by nobody until its read completed, and `drop` waits for all reads
        // before it lets the slots go, or keeps them for ever.
        unsafe { self.ring.push(&read) }
            .map_err(|source| self.failed(offset..offset.saturating_add(u64::from(len)), source))
    }

    /// Hands the queue to the system, and waits until `wanted` reads are done.
    fn submit(&mut self, wanted: usize) -> Result<()> {
        let start = Instant::now();
        let result = again(|| {
            self.file.handle().calls.may_submit()?;
            self.ring.submit(wanted)
        });
        self.counters.wait += start.elapsed();
        result.map_err(|source| self.failed(self.slots.wanted(), source))
    }

    /// Looks at the reads that are done.
    fn reap(&mut self) -> Result<()> {
        while let Some((token, result)) = self.ring.completed() {
            let slot = token as usize;
            match self.file.handle().calls.completed(result) {
                result if result >= 0 => self.arrived(slot, result as usize)?,
                code => self.refused(slot, -code)?,
            }
        }
        Ok(())
    }

    fn arrived(&mut self, slot: usize, count: usize) -> Result<()> {
        self.counters.bytes_read += count as u64;
        let piece = self.slots.get_mut(slot);
        let moved = piece.arrived(count);
        if piece.is_complete() {
            self.ready.push_back(slot);
            return Ok(());
        }
        if moved {
            self.counters.retries += 1;
            return self.push(slot);
        }
        // The end of the file is where the piece should go on. Whether it was cut is found out by the way that
        // needs no alignment; if it was not, the bytes are right.
        let range = piece.wanted();
        self.read_through_cache(slot, range)
    }

    fn read_through_cache(&mut self, slot: usize, range: Range<u64>) -> Result<()> {
        self.counters.reads += 1;
        self.counters.retries += 1;
        // SAFETY: the slot's read has completed, and no other was begun.
        let bytes = unsafe { self.slots.bytes_of(slot) };
        self.file.handle().read_exact(range.start, bytes)?;
        self.counters.bytes_read += range.end - range.start;
        self.ready.push_back(slot);
        Ok(())
    }

    /// Asks again where the system says so.
    fn refused(&mut self, slot: usize, code: i32) -> Result<()> {
        let piece = self.slots.get_mut(slot);
        let range = piece.wanted();
        let is_again = match code {
            libc::EINTR => true,
            libc::EAGAIN => piece.count_retry() <= MAX_RETRIES,
            _ => false,
        };
        if !is_again {
            return Err(self.failed(range, io::Error::from_raw_os_error(code)));
        }
        if code == libc::EAGAIN {
            thread::sleep(Duration::from_millis(1));
        }
        self.counters.retries += 1;
        self.push(slot)
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
        let index = self.slots.get_mut(slot).index();
        // SAFETY: the slot's read has completed, and it is free for another one only with the next call.
        let bytes = unsafe { self.slots.bytes_of(slot) };
        self.counters.handed_out(bytes.len());
        Ok(Some((index, bytes)))
    }

    fn engine(&self) -> IoEngine {
        IoEngine::Direct
    }

    fn counters(&self) -> IoCounters {
        self.counters
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if self.ring.drain() {
            // SAFETY: it is dropped here only, and no read into it is on its way.
            unsafe { ManuallyDrop::drop(&mut self.slots) };
        }
    }
}

/// Bytes of all buffers for pieces of `piece` bytes, up to what alignment adds.
pub(super) fn buffer_bytes(piece: usize, budget: usize) -> usize {
    let piece = piece.max(1);
    slots::count(piece, budget) * piece
}

/// The descriptor with which the file can be read that way.
pub(super) fn probe(file: &File) -> Result<&Descriptor> {
    ring::works().map_err(|source| file.unsupported(OPERATION, source))?;
    file.direct().map_err(|code| file.unsupported(OPERATION, io::Error::from_raw_os_error(code)))
}
