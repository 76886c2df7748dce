//! The page cache behind a map that keeps no file open.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::mm::Advice as Asked;

use super::RawMap;
use crate::handle::again;
use crate::{Advice, File, Mode, Residency, Result, StoreError, syscalls};

/// How many bytes are touched between two questions whether to go on.
const STEP: u64 = 1 << 20;

/// Why nothing is known of a file that cannot be opened again.
const NO_NAME: &str = "unknown: the file has lost its name";

impl RawMap {
    /// Gives the system advice on the pages of `range` (counted from the beginning of the map).
    ///
    /// [`Advice::DontNeed`] lets the process's pages go; those of the page cache stay as long as the system likes.
    /// Nothing that was written is lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`], [`StoreError::Io`]; [`StoreError::Unsupported`] for [`Advice::DontNeed`] in
    /// [`Mode::CopyOnWrite`], where it would throw away what was changed.
    pub fn advise(&self, range: Range<u64>, advice: Advice) -> Result<()> {
        self.expect_within(&range)?;
        if self.is_closed() {
            return Ok(());
        }
        if advice == Advice::DontNeed && self.mode == Mode::CopyOnWrite {
            let (path, operation) = (self.path.clone(), "let go of pages that may be changed (mode 'c')");
            let source = std::io::ErrorKind::Unsupported.into();
            return Err(StoreError::Unsupported { path, operation, source });
        }
        let asked = match advice {
            Advice::Normal => Asked::Normal,
            Advice::Sequential => Asked::Sequential,
            Advice::Random => Asked::Random,
            Advice::WillNeed => Asked::WillNeed,
            // The one of POSIX does nothing on Linux.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Advice::DontNeed => Asked::LinuxDontNeed,
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            Advice::DontNeed => Asked::DontNeed,
        };
        self.bring()?;
        let Some((base, len)) = self.pages(&range) else { return Ok(()) };
        // SAFETY: the pages are mapped; those that are let go of come back from the file, as they are shared.
        again(|| unsafe { Ok(rustix::mm::madvise(base.as_ptr().cast(), len, asked)?) }).map_err(|source| {
            StoreError::at(&self.path, "give advice on it", self.offset + range.start, source)
        })
    }

    /// Brings the bytes in `range` (counted from the beginning of the map) into the page cache, in order, a megabyte
    /// at a time. Asks `stop` before each whether to go on; returns how many bytes are there.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`], as [`check`](Self::check), [`StoreError::Io`].
    pub fn prefetch(&self, range: Range<u64>, stop: &dyn Fn() -> bool) -> Result<u64> {
        self.expect_within(&range)?;
        if self.is_closed() {
            return Ok(0);
        }
        self.check()?;
        // Reading leaves large folios in the page cache, touching does not.
        if let Some(file) = self.reopened() {
            return file.prefetch(self.offset + range.start..self.offset + range.end, stop);
        }
        let mut at = range.start;
        while at < range.end && !stop() {
            let end = range.end.min(at + STEP);
            self.touch(at..end);
            at = end;
        }
        self.check()?;
        Ok(at - range.start)
    }

    /// How much of `range` (counted from the beginning of the map) the page cache holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`]. What the system does not tell is no error, but unknown; so is everything of a
    /// file that has lost its name.
    pub fn residency(&self, range: Range<u64>) -> Result<Residency> {
        self.expect_within(&range)?;
        let (start, end) = (self.offset + range.start, self.offset + range.end);
        if let Some(file) = self.reopened().filter(|file| file.len() >= end) {
            return file.residency(start..end);
        }
        let page_size = syscalls::page_size() as u64;
        let pages = if start == end { 0 } else { end.div_ceil(page_size) - start / page_size };
        Ok(Residency { page_size, pages, resident: None, dirty: None, method: NO_NAME })
    }

    /// The file, opened for a moment, if its name still leads to it.
    fn reopened(&self) -> Option<File> {
        File::open(&self.path, Mode::Read).ok().filter(|file| file.id() == self.id)
    }

    fn touch(&self, range: Range<u64>) {
        let Some((base, len)) = self.pages(&range) else { return };
        for index in (0..len).step_by(syscalls::page_size()) {
            // SAFETY: the byte is mapped as long as `self` is there. Relaxed loads of a byte are allowed in
            // read-only memory too.
            unsafe { base.cast::<AtomicU8>().add(index).as_ref() }.load(Ordering::Relaxed);
        }
    }
}
