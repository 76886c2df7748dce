//! The buffers of a stream, and what each of them is for.

use std::io;
use std::ops::Range;

use super::arena::Arena;
use super::ring::ENTRIES;

/// How many bytes each of a few threads should have on their way: a disk is as busy with this as with more.
const ENOUGH: usize = 4 << 20;

/// The longest single read: the system takes no more at a time, whatever is asked for.
const MAX_READ: usize = 1 << 30;

/// A piece and how far its read has come. All offsets are in the file.
pub(super) struct Slot {
    /// The piece's index.
    index: usize,
    /// Where the piece begins.
    start: u64,
    len: usize,
    /// The block in which the piece begins.
    first: u64,
    /// Bytes to read from there: whole blocks.
    total: usize,
    /// Bytes that are there.
    done: usize,
    align: usize,
    retries: u32,
}

impl Slot {
    pub(super) fn new(index: usize, start: u64, len: usize, align: usize) -> Self {
        let first = start - start % align as u64;
        let before = (start - first) as usize;
        let total =
            if len == 0 { 0 } else { before.saturating_add(len).saturating_add(align - 1) / align * align };
        Slot { index, start, len, first, total, done: 0, align, retries: 0 }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The piece.
    pub(super) fn wanted(&self) -> Range<u64> {
        self.start..self.start + self.len as u64
    }

    /// Where the piece begins in the slot.
    fn skipped(&self) -> usize {
        (self.start - self.first) as usize
    }

    /// Whether all bytes of the piece are there.
    pub(super) fn is_complete(&self) -> bool {
        self.len == 0 || self.done >= self.skipped() + self.len
    }

    /// `count` more bytes are there. Whether the next read gets further than this one: at the end of the file,
    /// the bytes of the last block come again and again.
    pub(super) fn arrived(&mut self, count: usize) -> bool {
        let before = self.done;
        self.done = (before + count).min(self.total);
        if !self.is_complete() {
            self.done -= self.done % self.align;
        }
        self.done > before
    }

    /// How often the read was refused for the moment, this time included.
    pub(super) fn count_retry(&mut self) -> u32 {
        self.retries += 1;
        self.retries
    }
}

/// How many buffers of `len` bytes there are: as many as are useful, within the budget (at least one).
pub(super) fn count(len: usize, budget: usize) -> usize {
    (budget / len).min((ENOUGH / len).max(4)).clamp(1, ENTRIES as usize)
}

/// Buffers of the same size.
#[derive(Default)]
pub(super) struct Slots {
    arena: Option<Arena>,
    /// Length of each, a multiple of the alignment.
    len: usize,
    used: Vec<Option<Slot>>,
    free: Vec<usize>,
}

impl Slots {
    pub(super) fn count(&self) -> usize {
        self.used.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    pub(super) fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    pub(super) fn all_free(&self) -> bool {
        self.free.len() == self.used.len()
    }

    /// Bytes of all buffers.
    pub(super) fn bytes(&self) -> usize {
        self.arena.as_ref().map_or(0, Arena::len)
    }

    /// Whether the piece fits into a slot.
    pub(super) fn fit(&self, piece: &Slot) -> bool {
        !self.is_empty() && piece.total <= self.len
    }

    /// Other slots, in which the piece fits: as many as are useful, within the budget (at least one).
    pub(super) fn grow(&mut self, piece: &Slot, budget: usize, align: usize) -> io::Result<()> {
        // A few bytes more each time would make new slots again and again.
        let roomy = (self.len + self.len / 4).next_multiple_of(align);
        let len = if roomy <= budget { piece.total.max(roomy) } else { piece.total }.max(align);
        let count = count(len, budget);
        // The old ones are gone before there are new ones.
        *self = Slots::default();
        let total = count.checked_mul(len).ok_or(io::ErrorKind::OutOfMemory)?;
        let arena = Arena::new(total, align)?;
        *self = Slots {
            arena: Some(arena),
            len,
            used: (0..count).map(|_| None).collect(),
            free: (0..count).rev().collect(),
        };
        Ok(())
    }

    /// A free slot for the piece, which fits.
    pub(super) fn take(&mut self, piece: Slot) -> usize {
        debug_assert!(piece.total <= self.len);
        let slot = self.free.pop().expect("a slot is free");
        self.used[slot] = Some(piece);
        slot
    }

    /// The slot is free again.
    pub(super) fn release(&mut self, slot: usize) {
        self.used[slot] = None;
        self.free.push(slot);
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> &mut Slot {
        self.used[slot].as_mut().expect("the slot is in use")
    }

    fn get(&self, slot: usize) -> &Slot {
        self.used[slot].as_ref().expect("the slot is in use")
    }

    /// From the first byte to the last of all pieces that are under way or ready.
    pub(super) fn wanted(&self) -> Range<u64> {
        let pieces = || self.used.iter().flatten().map(Slot::wanted);
        let start = pieces().map(|range| range.start).min().unwrap_or(0);
        start..pieces().map(|range| range.end).max().unwrap_or(start)
    }

    /// What is to be read to the slot: offset in the file, address, length.
    pub(super) fn missing(&self, slot: usize) -> (u64, *mut u8, u32) {
        let piece = self.get(slot);
        let len = (piece.total - piece.done).min(MAX_READ);
        let arena = self.arena.as_ref().expect("there are slots");
        (piece.first + piece.done as u64, arena.address(slot * self.len + piece.done), len as u32)
    }

    /// The bytes of the slot's piece.
    ///
    /// # Safety
    ///
    /// No read into the slot is on its way, and none begins as long as the slice is used.
    pub(super) unsafe fn bytes_of(&mut self, slot: usize) -> &mut [u8] {
        let piece = self.get(slot);
        let (start, len) = (slot * self.len + piece.skipped(), piece.len);
        if len == 0 {
            return &mut [];
        }
        let arena = self.arena.as_mut().expect("there are slots");
        // SAFETY: passed on from the caller.
        unsafe { arena.bytes(start, len) }
    }
}
