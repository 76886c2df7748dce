//! What of an array is in memory, and what should be.

use std::ops::Range;

use ndfolio_engine::{Run, evict, lock, page_ranges, prefetch};
use ndfolio_store::{Advice, FileSystem, LockedRange, Residency};

use crate::{Array, Result, error::At};

impl Array {
    /// How much of the array's part of the file is in the page cache.
    ///
    /// Of an array that is spread over the file (a column) only the pages that it touches are counted. Where
    /// the operating system does not tell, the answer is unknown, never a guess.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn residency(&self) -> Result<Residency> {
        let mut total: Option<Residency> = None;
        for range in self.page_ranges() {
            let one = self.file().residency(range)?;
            total = Some(match total {
                None => one,
                Some(sum) => Residency {
                    pages: sum.pages + one.pages,
                    resident: sum.resident.zip(one.resident).map(|(a, b)| a + b),
                    dirty: sum.dirty.zip(one.dirty).map(|(a, b)| a + b),
                    ..one
                },
            });
        }
        match total {
            Some(total) => Ok(total),
            None => Ok(self.file().residency(0..0)?),
        }
    }

    /// The share of each of `cells` equal parts of the array's extent in the file that is in the page cache;
    /// none where that is unknown.
    ///
    /// # Errors
    /// What the operating system reports.
    ///
    /// # Panics
    /// If `cells` is 0.
    pub fn resident_map(&self, cells: usize) -> Result<Vec<Option<f32>>> {
        Ok(self.file().resident_map(self.view().extent(), cells)?)
    }

    /// Tells the operating system how the array will be read.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn advise(&self, advice: Advice) -> Result<()> {
        self.page_ranges().into_iter().try_for_each(|range| Ok(self.file().advise(range, advice)?))
    }

    /// Reads the array into the page cache, in the order of the file, until `stop` says so. Returns how many
    /// bytes were read. Select a part first to prefetch a part: `array.slice(..1000)?.prefetch(&|| false)`.
    ///
    /// # Errors
    /// What the file reports.
    pub fn prefetch(&self, stop: &dyn Fn() -> bool) -> Result<u64> {
        let mut bytes = 0;
        for range in self.page_ranges() {
            if stop() {
                break;
            }
            bytes += self.file().prefetch(range, stop)?;
        }
        Ok(bytes)
    }

    /// [`Array::prefetch`] that can be watched and cancelled.
    ///
    /// # Errors
    /// As [`Array::prefetch`]; a cancelled run.
    pub fn prefetch_run<'r>(&self, run: impl Into<Run<'r>>) -> Result<u64> {
        prefetch(self.file(), self.view(), &run.into()).at(self.place())
    }

    /// Drops the array from the page cache, once what was written to it is on the device. Other files and the
    /// pages that it shares with its neighbours stay. Returns what is left.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn evict(&self) -> Result<Residency> {
        self.evict_run(Run::default())
    }

    /// [`Array::evict`] that can be watched and cancelled; a part is gone then.
    ///
    /// # Errors
    /// As [`Array::evict`]; a cancelled run.
    pub fn evict_run<'r>(&self, run: impl Into<Run<'r>>) -> Result<Residency> {
        evict(self.file(), self.view(), &run.into()).at(self.place())?;
        self.residency()
    }

    /// Reads the array into memory and keeps it there until the lock is dropped.
    ///
    /// # Errors
    /// The process may not lock so much; what the file reports.
    pub fn lock(&self) -> Result<LockedRange> {
        Ok(self.file().lock(self.view().extent())?)
    }

    /// [`Array::lock`] that can be watched and cancelled: the array is locked in parts.
    ///
    /// # Errors
    /// As [`Array::lock`]; a cancelled run.
    pub fn lock_run<'r>(&self, run: impl Into<Run<'r>>) -> Result<Vec<LockedRange>> {
        lock(self.file(), self.view(), &run.into()).at(self.place())
    }

    /// The file system that the file is on.
    #[must_use]
    pub fn file_system(&self) -> FileSystem {
        self.file().file_system()
    }

    /// The pages of the array, as ranges of bytes of the file.
    fn page_ranges(&self) -> Vec<Range<u64>> {
        page_ranges(self.view(), self.file_size())
    }
}
