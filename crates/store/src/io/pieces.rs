//! Which bytes a pass wants, and who takes the next of them.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::windows::{Sweep, Windows};
use crate::file::unpoisoned;

/// The byte ranges that a pass wants. They may overlap, be empty, and come in any order; ascending is fastest.
pub trait Pieces: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// The piece `index`, less than [`count`](Self::count): offsets in the file.
    fn range(&self, index: usize) -> Range<u64>;

    /// Bytes of the longest, where lengths differ much: buffers have room for it from the beginning on then. 0 if it
    /// is not known.
    fn longest(&self) -> u64 {
        0
    }
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

    fn longest(&self) -> u64 {
        (**self).longest()
    }
}

/// One range, cut into pieces of the same length (the last may be shorter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    range: Range<u64>,
    len: u64,
    /// Where the first piece would begin if the range did.
    first: u64,
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
        Chunks { first: range.start, range, len }
    }

    /// Cuts `range` at multiples of `len` bytes of the file, so that the first piece may be shorter too: a device is
    /// fastest in whole blocks of its own.
    ///
    /// # Panics
    ///
    /// If `len` is zero.
    #[must_use]
    pub fn at_multiples(range: Range<u64>, len: u64) -> Self {
        assert!(len > 0, "pieces of no bytes never reach the end");
        Chunks { first: range.start - range.start % len, range, len }
    }
}

impl Pieces for Chunks {
    fn count(&self) -> usize {
        if self.range.is_empty() {
            return 0;
        }
        let total = self.range.end - self.first;
        usize::try_from(total.div_ceil(self.len)).expect("pieces can be counted")
    }

    fn range(&self, index: usize) -> Range<u64> {
        let start = self.first + index as u64 * self.len;
        start.max(self.range.start)..self.range.end.min(start.saturating_add(self.len))
    }
}

/// Hands the pieces of one pass over one file to its workers, each piece once, in order.
pub struct Dispenser<'a> {
    pieces: &'a dyn Pieces,
    count: usize,
    next: AtomicUsize,
    stopped: AtomicBool,
    in_order: bool,
    /// Whose pieces these are, where it is one worker's part of a pass.
    turns: Option<&'a Turns<'a>>,
    /// In which order they are taken, if not in theirs.
    order: Option<Vec<usize>>,
    sweep: Option<&'a Sweep>,
    /// What the workers of a mapped pass share.
    windows: Windows,
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
            turns: None,
            order: None,
            sweep: None,
            windows: Windows::default(),
        }
    }

    /// The pieces of one worker of a pass whose workers have pieces of their own, ascending, of one file: of the worker
    /// `worker.start` of `worker.end`.
    #[must_use]
    pub fn of_sweep(pieces: &'a dyn Pieces, sweep: &'a Sweep, worker: Range<usize>) -> Self {
        let order = (worker.end > 1).then(|| sweep.in_circles(pieces, worker));
        Dispenser { sweep: Some(sweep), order, ..Dispenser::new(pieces) }
    }

    /// The same pass, but each stream hands out its pieces in the order in which it took them, whichever arrives
    /// first: for passes over several files, of which a worker needs the same pieces at a time.
    #[must_use]
    pub fn in_order(self) -> Self {
        Dispenser { in_order: true, ..self }
    }

    /// One worker's part of a pass over several files: its `turns`, as pieces of one of the files, in order. Every
    /// file has such a dispenser, and as many pieces as the pass. An error in one of them stops the pass.
    #[must_use]
    pub fn of_turns(pieces: &'a dyn Pieces, turns: &'a Turns<'a>) -> Self {
        Dispenser { turns: Some(turns), ..Dispenser::new(pieces).in_order() }
    }

    /// What the workers of a mapped pass share, of all files.
    pub(super) fn windows(&self) -> &Windows {
        let own = self.sweep.map_or(&self.windows, |sweep| &sweep.windows);
        self.turns.map_or(own, |turns| &turns.pass.windows)
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// The pieces of the pass.
    #[must_use]
    pub fn pieces(&self) -> &'a dyn Pieces {
        self.pieces
    }

    /// The piece that is taken first, if there is one.
    pub(super) fn first(&self) -> Option<usize> {
        (self.count > 0).then(|| self.order.as_ref().map_or(0, |order| order[0]))
    }

    /// Takes the next piece; `None` if there are no more, or the pass was stopped.
    pub fn take(&self) -> Option<usize> {
        if self.is_stopped() || self.next.load(Ordering::Relaxed) >= self.count {
            return None;
        }
        if let Some(turns) = self.turns {
            return turns.get(&self.next).filter(|&index| index < self.count);
        }
        // A few workers at a time can go past the end: far from wrapping around.
        let next = Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < self.count)?;
        Some(self.order.as_ref().map_or(next, |order| order[next]))
    }

    /// How many pieces were taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.next.load(Ordering::Relaxed).min(self.count)
    }

    /// Ends the pass: no stream hands out another piece, not even one that was read already.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        if let Some(turns) = self.turns {
            turns.pass.stop();
        }
    }

    /// Whether the pass was stopped, by [`stop`](Self::stop) or by an error in a stream.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) || self.turns.is_some_and(|turns| turns.pass.is_stopped())
    }
}

/// The pieces that one worker of a pass over several files takes: the same of every file.
///
/// ```
/// use ndfolio_store::{Chunks, Dispenser, Turns};
///
/// let (bytes, floats) = (Chunks::new(0..1000, 100), Chunks::new(64..4064, 400));
/// let pass = Dispenser::new(&bytes);
/// // For each worker:
/// let turns = Turns::new(&pass);
/// let (first, second) = (Dispenser::of_turns(&bytes, &turns), Dispenser::of_turns(&floats, &turns));
/// assert_eq!((first.take(), first.take(), second.take()), (Some(0), Some(1), Some(0)));
/// // What another worker takes is none of ours.
/// assert_eq!(pass.take(), Some(2));
/// assert_eq!((second.take(), second.take(), first.take()), (Some(1), Some(3), Some(3)));
/// ```
pub struct Turns<'a> {
    pass: &'a Dispenser<'a>,
    /// What was taken from the pass so far.
    taken: Mutex<Vec<usize>>,
}

impl<'a> Turns<'a> {
    /// A worker that took nothing yet. Whichever file is ahead takes the next piece from `pass`.
    #[must_use]
    pub fn new(pass: &'a Dispenser<'a>) -> Self {
        Turns { pass, taken: Mutex::default() }
    }

    /// The piece at a file's place in the list, which moves on.
    fn get(&self, place: &AtomicUsize) -> Option<usize> {
        let mut taken = unpoisoned(&self.taken);
        let at = place.load(Ordering::Relaxed);
        if at == taken.len() {
            taken.push(self.pass.take()?);
        }
        place.store(at + 1, Ordering::Relaxed);
        Some(taken[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_and_end_at_multiples() {
        let all = |chunks: Chunks| (0..chunks.count()).map(|index| chunks.range(index)).collect::<Vec<_>>();
        assert_eq!(all(Chunks::at_multiples(5..21, 8)), [5..8, 8..16, 16..21]);
        assert_eq!(all(Chunks::at_multiples(8..24, 8)), [8..16, 16..24]);
        assert_eq!(all(Chunks::at_multiples(9..17, 8)), [9..16, 16..17]);
        assert_eq!(Chunks::at_multiples(9..10, 8).count(), 1);
        assert_eq!(all(Chunks::at_multiples(9..9, 8)), []);
        assert_eq!(all(Chunks::new(5..21, 8)), [5..13, 13..21]);
    }
}
