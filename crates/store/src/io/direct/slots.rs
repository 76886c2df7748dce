//! The buffers of a worker, and what each of them is for.

use std::io;
use std::ops::Range;

use super::arena::Arena;
use super::ring::ENTRIES;

/// How many bytes each of a few threads should have on their way: a disk is as busy with this as with more.
pub(super) const ENOUGH: usize = 4 << 20;
/// The same of writes, which a worker that has something to compute comes back to less often.
pub(super) const ENOUGH_TO_WRITE: usize = 8 << 20;

/// The longest single transfer: the system takes no more at a time, whatever is asked for.
const MAX_TRANSFER: usize = 1 << 30;

/// A piece and how far its transfer has come. All offsets are in the file.
pub(super) struct Slot {
    /// The piece's index.
    index: usize,
    /// Where the piece begins.
    start: u64,
    len: usize,
    /// The block in which the piece begins.
    first: u64,
    /// Bytes of the slot from there: whole blocks.
    total: usize,
    /// Bytes that are there; of a write, those in front of it and those that are written.
    done: usize,
    /// With so many bytes the transfer is complete.
    needed: usize,
    /// Up to here it goes on, if it can: whole blocks.
    until: usize,
    align: usize,
    retries: u32,
    asked: u32,
}

impl Slot {
    /// A piece that is to be read, with the whole of the blocks that hold it.
    pub(super) fn read(index: usize, start: u64, len: usize, align: usize) -> Self {
        let first = start - start % align as u64;
        let before = (start - first) as usize;
        let needed = if len == 0 { 0 } else { before.saturating_add(len) };
        let total = needed.saturating_add(align - 1) / align * align;
        Slot { index, start, len, first, total, done: 0, needed, until: total, align, retries: 0, asked: 0 }
    }

    /// A piece that is to be written. What of it goes past the page cache is [set](Self::set_range) later.
    pub(super) fn write(start: u64, len: usize, align: usize) -> Self {
        let mut slot = Slot::read(0, start, len, align);
        (slot.done, slot.needed, slot.until) = (0, 0, 0);
        slot
    }

    /// The transfer is of this range of the slot: whole blocks.
    pub(super) fn set_range(&mut self, range: Range<usize>) {
        let is_whole = |at: usize| at.is_multiple_of(self.align);
        debug_assert!(is_whole(range.start) && is_whole(range.end) && range.end <= self.total);
        (self.done, self.needed, self.until) = (range.start, range.end, range.end);
    }

    /// Where the slot begins in the file.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Where the piece lies in the slot.
    pub(super) fn inner(&self) -> Range<usize> {
        self.skipped()..self.skipped() + self.len
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

    /// Bytes of the piece.
    pub(super) fn wanted_len(&self) -> usize {
        self.len
    }

    /// Where the piece begins in the slot.
    fn skipped(&self) -> usize {
        (self.start - self.first) as usize
    }

    /// Bytes of the slot that are still to be moved.
    pub(super) fn left(&self) -> Range<usize> {
        self.done.min(self.needed)..self.needed
    }

    /// Whether all bytes are where they are to be.
    pub(super) fn is_complete(&self) -> bool {
        self.done >= self.needed
    }

    /// `count` more bytes were moved. Whether the next transfer gets further than this one: at the end of the file,
    /// the bytes of the last block come again and again.
    pub(super) fn arrived(&mut self, count: usize) -> bool {
        let before = self.done;
        self.done = (before + count).min(self.until);
        if !self.is_complete() {
            self.done -= self.done % self.align;
        }
        self.done > before
    }

    /// How often a transfer was asked for, this time included.
    pub(super) fn count_asked(&mut self) -> u32 {
        self.asked = self.asked.saturating_add(1);
        self.asked
    }

    /// How often the transfer was refused for the moment, this time included.
    pub(super) fn count_retry(&mut self) -> u32 {
        self.retries += 1;
        self.retries
    }
}

/// How many buffers of `len` bytes there are: so many that `enough` bytes are on their way, and four if they are
/// longer, within the budget (at least one).
pub(super) fn count(len: usize, budget: usize, enough: usize) -> usize {
    (budget / len).min((enough / len).max(4)).clamp(1, ENTRIES as usize)
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

    /// Bytes of each.
    pub(super) fn len(&self) -> usize {
        self.len
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

    /// Other slots, in which the piece fits: as many as are useful, within the budget (at least one). Pieces of up to
    /// `longest` bytes will come.
    pub(super) fn grow(
        &mut self,
        piece: &Slot,
        longest: usize,
        budget: usize,
        align: usize,
    ) -> io::Result<()> {
        // A few bytes more each time would make new slots again and again. A piece can begin and end in blocks.
        let known = if longest > 0 { longest.saturating_add(align).next_multiple_of(align) } else { 0 };
        let roomy = (self.len + self.len / 4).next_multiple_of(align).max(known);
        let len = if roomy <= budget { piece.total.max(roomy) } else { piece.total }.max(align);
        self.make(count(len, budget, ENOUGH), len, align)
    }

    /// `count` other slots of `len` bytes, a multiple of the alignment. None is in use.
    pub(super) fn make(&mut self, count: usize, len: usize, align: usize) -> io::Result<()> {
        assert!(self.all_free(), "memory in use stays");
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

    /// All slots are free again.
    pub(super) fn release_all(&mut self) {
        self.used.iter_mut().for_each(|slot| *slot = None);
        self.free = (0..self.used.len()).rev().collect();
    }

    /// There are no slots any more. None is in use.
    pub(super) fn let_go(&mut self) {
        assert!(self.all_free(), "memory in use stays");
        *self = Slots::default();
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> &mut Slot {
        self.used[slot].as_mut().expect("the slot is in use")
    }

    /// The slot in use whose piece was taken first.
    pub(super) fn oldest(&self) -> Option<usize> {
        let used = self.used.iter().enumerate();
        let indices = used.filter_map(|(slot, piece)| Some((piece.as_ref()?.index, slot)));
        indices.min().map(|(_, slot)| slot)
    }

    pub(super) fn get(&self, slot: usize) -> &Slot {
        self.used[slot].as_ref().expect("the slot is in use")
    }

    /// From the first byte to the last of all pieces that are under way or ready.
    pub(super) fn wanted(&self) -> Range<u64> {
        let pieces = || self.used.iter().flatten().map(Slot::wanted);
        let start = pieces().map(|range| range.start).min().unwrap_or(0);
        start..pieces().map(|range| range.end).max().unwrap_or(start)
    }

    /// What is to be moved to or from the slot: offset in the file, address, length.
    pub(super) fn missing(&self, slot: usize) -> (u64, *mut u8, u32) {
        let piece = self.get(slot);
        let len = (piece.until - piece.done).min(MAX_TRANSFER);
        let arena = self.arena.as_ref().expect("there are slots");
        (piece.first + piece.done as u64, arena.address(slot * self.len + piece.done), len as u32)
    }

    /// The bytes of the slot's piece.
    ///
    /// # Safety
    ///
    /// No transfer of the slot is on its way, and none begins as long as the slice is used.
    pub(super) unsafe fn bytes_of(&mut self, slot: usize) -> &mut [u8] {
        let inner = self.get(slot).inner();
        if inner.is_empty() {
            return &mut [];
        }
        // SAFETY: passed on from the caller.
        unsafe { &mut self.blocks_of(slot)[inner] }
    }

    /// The bytes of the blocks that hold the slot's piece.
    ///
    /// # Safety
    ///
    /// As for [`bytes_of`](Self::bytes_of).
    pub(super) unsafe fn blocks_of(&mut self, slot: usize) -> &mut [u8] {
        let (start, len) = (slot * self.len, self.get(slot).total);
        let arena = self.arena.as_mut().expect("there are slots");
        // SAFETY: passed on from the caller.
        unsafe { arena.bytes(start, len) }
    }
}
