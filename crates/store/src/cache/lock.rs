//! Parts of files that stay in memory.

use std::fmt;
use std::ops::Range;

use crate::mapping::Region;
use crate::syscalls::Access;
use crate::{File, Result, StoreError};

/// A part of a file whose pages stay in memory as long as this value lives. Made by [`File::lock`].
pub struct LockedRange {
    /// Its pages are locked; unmapping them ends that. `None` if the range is empty.
    _region: Option<Region>,
    range: Range<u64>,
}

impl LockedRange {
    /// The bytes that stay in memory, with the rest of their pages: offsets in the file.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }
}

impl fmt::Debug for LockedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedRange").field("range", &self.range).finish_non_exhaustive()
    }
}

impl File {
    /// Reads the pages of `range` (offsets in the file) into the page cache and keeps them there.
    ///
    /// The pages are those of the file, also in [`Mode::CopyOnWrite`](crate::Mode::CopyOnWrite).
    ///
    /// # Errors
    ///
    /// [`StoreError::LockLimit`] if the process may not lock so much, [`StoreError::OutOfRange`],
    /// [`StoreError::Truncated`], [`StoreError::TooManyMappings`], [`StoreError::Io`].
    pub fn lock(&self, range: Range<u64>) -> Result<LockedRange> {
        let len = range.end.saturating_sub(range.start);
        self.expect_within(range.start, len)?;
        if len == 0 {
            return Ok(LockedRange { _region: None, range: range.start..range.start });
        }
        self.handle().expect_bytes(range.start, len)?;
        let region = Region::new(self.handle(), range.clone(), Access::Read)?;
        let pages = region.pages();
        // SAFETY: the region is mapped.
        let locked = crate::handle::again(|| unsafe { self.handle().calls.mlock(pages.0, pages.1) });
        locked.map_err(|source| self.lock_failed(&range, pages.1, source))?;
        Ok(LockedRange { _region: Some(region), range })
    }

    fn lock_failed(&self, range: &Range<u64>, len: usize, source: std::io::Error) -> StoreError {
        let needed = (len as u64).next_multiple_of(crate::syscalls::page_size() as u64);
        let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
        match (source.raw_os_error(), limit) {
            (Some(libc::ENOMEM | libc::EPERM | libc::EAGAIN), Some(limit)) => {
                // The same number says that the file was cut: no page can be had then.
                if let Err(error) = self.handle().expect_bytes(range.start, range.end - range.start) {
                    return error;
                }
                StoreError::LockLimit { path: self.path().to_path_buf(), needed, limit }
            }
            _ => StoreError::at(self.path(), "lock it in memory", range.start, source),
        }
    }
}
