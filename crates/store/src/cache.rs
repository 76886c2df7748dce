//! The page cache: what it holds of a file, and what it should.
//!
//! The page cache is the memory in which the system keeps parts of files. It belongs to nobody, so what is said
//! here of its state may have changed by the time it is read.

mod calls;
mod file_system;
mod lock;
mod residency;

use std::num::NonZeroU64;
use std::ops::Range;

use crate::handle::again;
use crate::{File, Result, StoreError, syscalls};

pub(crate) use calls::{CachedPages, cachestat, fadvise, start_range, sync_range};
pub use file_system::FileSystem;
pub(crate) use file_system::{has_device, is_in_memory, name_of};
pub use lock::LockedRange;
pub use residency::Residency;

/// How many bytes are read at a time to fill the page cache. Reads of this size leave large folios there, which
/// later reads are several times as fast with; `readahead(2)` does not.
const PREFETCH: usize = 1 << 20;

/// What a program is going to do with a part of a file, or wants the system to do. It is advice: the system may
/// do otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Nothing is known: the system's usual read-ahead.
    Normal,
    /// It will be read from front to back: more read-ahead.
    Sequential,
    /// It will be read here and there: no read-ahead. What is read then lies in the page cache in small folios,
    /// which makes later passes over it several times as slow.
    Random,
    /// It will be needed soon. [`File::prefetch`] is the way that leaves large folios.
    WillNeed,
    /// It will not be needed soon: clean pages leave the page cache, dirty ones stay.
    DontNeed,
}

impl File {
    /// Gives the system advice on `range` (offsets in the file). [`Advice::Normal`], [`Advice::Sequential`] and
    /// [`Advice::Random`] hold for the whole open file, whatever the range.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`], [`StoreError::Io`].
    pub fn advise(&self, range: Range<u64>, advice: Advice) -> Result<()> {
        // A length of zero would mean the rest of the file.
        let Some(len) = NonZeroU64::new(self.range_len(&range)?) else { return Ok(()) };
        let handle = self.handle();
        again(|| handle.calls.fadvise(&handle.file, range.start, Some(len), advice))
            .map_err(|source| StoreError::at(self.path(), "give advice on it", range.start, source))
    }

    /// Reads the bytes in `range` (offsets in the file) into the page cache, in order, a megabyte at a time.
    /// Asks `stop` before each whether to go on; returns how many bytes were read.
    ///
    /// More than the memory that is free pushes out what came first.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`], [`StoreError::Truncated`], [`StoreError::Io`].
    pub fn prefetch(&self, range: Range<u64>, stop: &dyn Fn() -> bool) -> Result<u64> {
        let total = self.range_len(&range)?;
        let mut scratch = vec![0; usize::try_from(total).unwrap_or(PREFETCH).min(PREFETCH)];
        let mut at = range.start;
        while at < range.end && !stop() {
            let count = usize::try_from(range.end - at).unwrap_or(PREFETCH).min(scratch.len());
            self.handle().read_exact(at, &mut scratch[..count])?;
            at += count as u64;
        }
        Ok(at - range.start)
    }

    /// Lets go of the pages that lie in `range` (offsets in the file) as a whole; the last one of the file
    /// counts as whole. Dirty pages are written to the disk first. Returns what is left of the range.
    ///
    /// Pages that are mapped or locked, by whomever, stay; so does everything where the file system is the
    /// memory (tmpfs).
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`]; [`StoreError::Io`] or [`StoreError::NoSpace`] if dirty pages could not be
    /// written, which is final for a file that is open for writing, as a failed [`flush`](Self::flush) is.
    pub fn evict(&self, range: Range<u64>) -> Result<Residency> {
        let len = self.range_len(&range)?;
        // Nothing that is mapped leaves the page cache.
        self.let_go();
        if len > 0 {
            self.write_back(range.clone())?;
            let page = syscalls::page_size() as u64;
            let first = range.start.next_multiple_of(page);
            let end = if range.end == self.len() { range.end } else { range.end - range.end % page };
            if first < end {
                self.advise(first..end, Advice::DontNeed)?;
            }
        }
        self.residency(range)
    }

    /// Has the device write the dirty pages of `range` (offsets in the file), and waits for it. Not a
    /// [`flush`](Self::flush): neither the file's metadata nor the device's own cache are waited for. A long
    /// flush can be watched, and given up, if it is done in parts like this before.
    ///
    /// # Errors
    ///
    /// As [`evict`](Self::evict).
    pub fn write_back(&self, range: Range<u64>) -> Result<()> {
        self.range_len(&range)?;
        self.handle().write_back(&range).inspect_err(|error| self.poison(error))
    }

    /// Has the device begin to write the dirty pages of `range` (offsets in the file). It is a hint: what comes of
    /// it is told by [`write_back`](Self::write_back) or [`flush`](Self::flush).
    pub fn begin_write_back(&self, range: Range<u64>) {
        self.handle().begin_write_back(&range);
    }

    /// Length of a range that lies in the file.
    fn range_len(&self, range: &Range<u64>) -> Result<u64> {
        let len = range.end.saturating_sub(range.start);
        self.expect_within(range.start, len)?;
        Ok(len)
    }
}
