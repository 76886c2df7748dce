//! The mapping of a pass: windows of the file that its workers share.
//!
//! A window is unmapped when the workers have gone on, so that the pages that count as the process's stay
//! bounded, and so that no worker unmaps much at a time.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Pieces;
use crate::file::{Kept, unpoisoned};
use crate::mapping::Region;
use crate::syscalls::Access;
use crate::{File, Result};

/// Length of a window in bytes. Mapping and unmapping one takes some ten microseconds where folios are large.
pub(super) const WINDOW: u64 = 256 << 20;

/// Bytes that a window goes on into the next one, so that pieces of up to this length lie in one window.
pub(super) const OVERLAP: u64 = 16 << 20;

/// How many windows of a file stay mapped beside those that a worker holds: enough for workers around a boundary.
const KEPT: usize = 2;

/// The same where each worker has pieces of its own: one that was held up finds what the others left.
const KEPT_FOR_OTHERS: usize = 4;

/// What the workers of a pass share who have pieces of their own of the same file: where a file is mapped, a place that
/// one of them touched costs the others no page fault. They begin at different places of each window and go through
/// it in a circle, so that each touches some first.
///
/// ```
/// use ndfolio_store::{Dispenser, Sweep};
///
/// let (first, second) = (vec![0..10, 40..50], vec![20..25, 200_000_000..200_000_010]);
/// let sweep = Sweep::default();
/// let all = |dispenser: Dispenser<'_>| std::iter::from_fn(|| dispenser.take()).collect::<Vec<_>>();
/// assert_eq!(all(Dispenser::of_sweep(&first, &sweep, 0..2)), [0, 1]);
/// assert_eq!(all(Dispenser::of_sweep(&second, &sweep, 1..2)), [1, 0]);
/// ```
pub struct Sweep {
    pub(super) windows: Windows,
}

impl Default for Sweep {
    fn default() -> Self {
        Sweep { windows: Windows { most: KEPT_FOR_OTHERS, ..Windows::default() } }
    }
}

impl Sweep {
    /// Over the mapping of `range` (offsets in the file) that stays with the file until it is closed, evicted or
    /// found to be cut: it costs no page fault again. As long as all files of the process keep at most `most` bytes
    /// mapped; else as any other.
    #[must_use]
    pub fn kept(file: &File, range: &Range<u64>, most: u64) -> Self {
        let mut sweep = Sweep::default();
        sweep.windows.whole = file.kept(range, most);
        sweep
    }

    /// The order in which one of the workers takes its pieces, which are ascending: `worker.start` is its number,
    /// `worker.end` how many there are. One that comes late begins where the others are, and has what it missed last.
    pub(super) fn in_circles(&self, pieces: &dyn Pieces, worker: Range<usize>) -> Vec<usize> {
        let mut order: Vec<usize> = (0..pieces.count()).collect();
        let begin = WINDOW / worker.end.max(1) as u64 * worker.start as u64;
        let place = |index: &usize| pieces.range(*index).start;
        for window in order.chunk_by_mut(|a, b| Window::index_of(place(a)) == Window::index_of(place(b))) {
            let behind = window.partition_point(|index| place(index) % WINDOW < begin);
            window.rotate_left(behind);
        }
        let newest = self.windows.newest.load(Ordering::Relaxed);
        let missed = order.partition_point(|index| Window::index_of(place(index)) < newest);
        order.rotate_left(missed);
        order
    }
}

/// The windows of a pass that were used last.
pub(super) struct Windows {
    kept: Mutex<Vec<Window>>,
    /// How many of a file there are at most.
    most: usize,
    /// Which was made last.
    newest: AtomicU64,
    /// What is mapped anyway, of one file.
    whole: Option<Arc<Kept>>,
}

impl Default for Windows {
    fn default() -> Self {
        Windows { kept: Mutex::default(), most: KEPT, newest: AtomicU64::new(0), whole: None }
    }
}

/// Whole pages of a file, mapped for reading.
#[derive(Clone)]
pub(super) struct Window {
    index: u64,
    pages: Pages,
}

#[derive(Clone)]
enum Pages {
    Own(Arc<Region>),
    /// The window is a part of them.
    Kept(Arc<Kept>),
}

impl Window {
    /// Which window holds the byte at `offset`.
    pub(super) fn index_of(offset: u64) -> u64 {
        offset / WINDOW
    }

    pub(super) fn is(&self, index: u64, file: &File) -> bool {
        self.index == index && self.region().is_of(file.handle())
    }

    /// Offset in the file of the first byte behind the window.
    pub(super) fn end(&self) -> u64 {
        (self.index + 1).saturating_mul(WINDOW).saturating_add(OVERLAP)
    }

    pub(super) fn region(&self) -> &Region {
        match &self.pages {
            Pages::Own(region) => region,
            Pages::Kept(kept) => kept.region(),
        }
    }

    fn new(file: &File, index: u64) -> Result<Self> {
        let start = index * WINDOW;
        let range: Range<u64> = start..file.len().min(start.saturating_add(WINDOW + OVERLAP));
        let region = Region::new(file.handle(), range, Access::Read)?;
        Ok(Window { index, pages: Pages::Own(Arc::new(region)) })
    }
}

impl Windows {
    /// The window `index` of the file, which is not behind its end.
    pub(super) fn get(&self, file: &File, index: u64) -> Result<Window> {
        if let Some(whole) = self.whole.as_ref().filter(|whole| whole.region().is_of(file.handle())) {
            return Ok(Window { index, pages: Pages::Kept(Arc::clone(whole)) });
        }
        // Unmapped after the lock is free again.
        let _left_behind;
        let mut kept = unpoisoned(&self.kept);
        if let Some(position) = kept.iter().position(|window| window.is(index, file)) {
            let window = kept.remove(position);
            kept.push(window.clone());
            return Ok(window);
        }
        let window = Window::new(file, index)?;
        self.newest.store(index, Ordering::Relaxed);
        kept.push(window.clone());
        let mut of_file = kept.iter().enumerate().filter(|(_, window)| window.region().is_of(file.handle()));
        let oldest = of_file.next().map(|(position, _)| position);
        let is_too_many = of_file.count() >= self.most;
        _left_behind = oldest.filter(|_| is_too_many).map(|position| kept.remove(position));
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Mode;

    #[test]
    fn who_comes_late_begins_where_the_others_are() {
        let path = std::env::temp_dir().join(format!("ndfolio-sweep-{}", std::process::id()));
        fs::File::create(&path).unwrap().set_len(4 * WINDOW).unwrap();
        let file = File::open(&path, Mode::Read).unwrap();
        fs::remove_file(&path).unwrap();
        let sweep = Sweep::default();
        let pieces: Vec<_> = (0..8).map(|half| half * WINDOW / 2).map(|start| start..start + 9).collect();
        assert_eq!(sweep.in_circles(&pieces, 0..2), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(sweep.in_circles(&pieces, 1..2), [1, 0, 3, 2, 5, 4, 7, 6]);
        for index in 0..3 {
            sweep.windows.get(&file, index).unwrap();
        }
        assert_eq!(sweep.in_circles(&pieces, 0..2), [4, 5, 6, 7, 0, 1, 2, 3]);
        assert_eq!(sweep.in_circles(&pieces, 1..2), [5, 4, 7, 6, 1, 0, 3, 2]);
        // Those before are there still.
        let kept = sweep.windows.kept.lock().unwrap().len();
        sweep.windows.get(&file, 0).unwrap();
        assert_eq!((kept, sweep.windows.newest.load(Ordering::Relaxed)), (3, 2));
    }
}
