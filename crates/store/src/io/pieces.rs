//! Which bytes a pass wants, and who takes the next of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::windows::Windows;

/// The byte ranges that a pass wants. They may overlap, be empty, and come in any order; ascending is fastest.
pub trait Pieces: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// The piece `index`, less than [`count`](Self::count): offsets in the file.
    fn range(&self, index: usize) -> Range<u64>;
}

impl Pieces for [Range<u64>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn range(&self, index: usize) -> Range<u64> {
        self[index].clone()
    }
}

impl Pieces for Vec<Range<u64>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn range(&self, index: usize) -> Range<u64> {
        self[index].clone()
    }
}

impl<P: Pieces + ?Sized> Pieces for &P {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn range(&self, index: usize) -> Range<u64> {
        (**self).range(index)
    }
}

/// One range, cut into pieces of the same length (the last may be shorter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    range: Range<u64>,
    len: u64,
}

impl Chunks {
    /// Cuts `range` into pieces of `len` bytes.
    ///
    /// # Panics
    ///
    /// If `len` is zero.
    #[must_use]
    pub fn new(range: Range<u64>, len: u64) -> Self {
        assert!(len > 0, "pieces of no bytes never reach the end");
        Chunks { range, len }
    }
}

impl Pieces for Chunks {
    fn count(&self) -> usize {
        let total = self.range.end.saturating_sub(self.range.start);
        usize::try_from(total.div_ceil(self.len)).expect("pieces can be counted")
    }

    fn range(&self, index: usize) -> Range<u64> {
        let start = self.range.start + index as u64 * self.len;
        start..self.range.end.min(start.saturating_add(self.len))
    }
}

/// Hands the pieces of one pass over one file to its workers, each piece once, in order.
pub struct Dispenser<'a> {
    pieces: &'a dyn Pieces,
    count: usize,
    next: AtomicUsize,
    stopped: AtomicBool,
    in_order: bool,
    /// What the workers of a mapped pass share.
    pub(super) windows: Windows,
}

impl<'a> Dispenser<'a> {
    /// A pass over `pieces` that nobody has begun.
    #[must_use]
    pub fn new(pieces: &'a dyn Pieces) -> Self {
        Dispenser {
            pieces,
            count: pieces.count(),
            next: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            in_order: false,
            windows: Windows::default(),
        }
    }

    /// The same pass, but each stream hands out its pieces in the order in which it took them, whichever arrives
    /// first: for passes over several files, of which a worker needs the same pieces at a time.
    #[must_use]
    pub fn in_order(self) -> Self {
        Dispenser { in_order: true, ..self }
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// The pieces of the pass.
    #[must_use]
    pub fn pieces(&self) -> &'a dyn Pieces {
        self.pieces
    }

    /// Takes the next piece; `None` if there are no more, or the pass was stopped.
    pub fn take(&self) -> Option<usize> {
        if self.is_stopped() || self.next.load(Ordering::Relaxed) >= self.count {
            return None;
        }
        // A few workers at a time can go past the end: far from wrapping around.
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < self.count)
    }

    /// How many pieces were taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.next.load(Ordering::Relaxed).min(self.count)
    }

    /// Ends the pass: no stream hands out another piece, not even one that was read already.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Whether the pass was stopped, by [`stop`](Self::stop) or by an error in a stream.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}
