//! How much of a file the page cache holds.

use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, CWD};

use crate::cache::CachedPages;
use crate::handle::again;
use crate::mapping::Region;
use crate::syscalls::{self, Access};
use crate::{File, Mode, Result};

/// Where pages are asked for through a mapping: how many bytes are mapped at a time.
const WINDOW: u64 = 256 << 20;

/// Why it is unknown what the page cache holds: the system tells owners and those who may write, lest others
/// learn what somebody reads.
const NO_PERMISSION: &str = "unknown: neither owner of the file nor allowed to write it";

/// Why it is unknown what the page cache holds.
const REFUSED: &str = "unknown: the system does not tell";

/// What the page cache holds of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residency {
    /// Size of a page in bytes.
    pub page_size: u64,
    /// Pages that the range touches.
    pub pages: u64,
    /// Pages of these in the page cache; `None` if that is unknown.
    pub resident: Option<u64>,
    /// Pages of these that are not on the disk yet; `None` if that is unknown.
    pub dirty: Option<u64>,
    /// How it was found out (`"cachestat"`, `"mincore"`), or why it is unknown.
    pub method: &'static str,
}

impl Residency {
    /// Resident share of the pages, 0 to 1; 0 if there are none, `None` if it is unknown.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.resident.map(|resident| resident as f64 / self.pages.max(1) as f64)
    }
}

impl File {
    /// How much of `range` (offsets in the file) the page cache holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`](crate::StoreError::OutOfRange). What the system does not tell is no error,
    /// but unknown.
    pub fn residency(&self, range: Range<u64>) -> Result<Residency> {
        let len = self.range_len(&range)?;
        let page_size = syscalls::page_size() as u64;
        let first = range.start / page_size;
        let pages = if len == 0 { 0 } else { range.end.div_ceil(page_size) - first };
        let mut found =
            Residency { page_size, pages, resident: Some(0), dirty: Some(0), method: "cachestat" };
        if pages == 0 {
            return Ok(found);
        }
        let (resident, dirty, method) = self.count_pages(first * page_size, pages * page_size);
        // Of a folio that reaches over the end of a file that was cut, all pages are counted.
        found.resident = resident.map(|count| count.min(pages));
        found.dirty = dirty.map(|count| count.min(pages));
        found.method = method;
        Ok(found)
    }

    /// The resident share, 0 to 1, of each of `cells` parts of `range` of about the same length; `None` for a
    /// cell of which it is unknown. A cell is at least a byte; its share is that of the pages it touches.
    ///
    /// # Errors
    ///
    /// As [`residency`](Self::residency).
    pub fn resident_map(&self, range: Range<u64>, cells: usize) -> Result<Vec<Option<f32>>> {
        let len = self.range_len(&range)?;
        let bound = |cell: usize| {
            let share = u128::from(len) * cell as u128 / cells.max(1) as u128;
            range.start + share as u64
        };
        let share = |cell: usize| {
            let start = bound(cell);
            let end = bound(cell + 1).max(range.end.min(start + 1));
            Ok(self.residency(start..end)?.share().map(|share| share as f32))
        };
        (0..cells).map(share).collect()
    }

    /// Resident pages, dirty pages and the method, for whole pages.
    fn count_pages(&self, offset: u64, len: u64) -> (Option<u64>, Option<u64>, &'static str) {
        let handle = self.handle();
        match again(|| handle.calls.cachestat(&handle.file, offset, len)) {
            Ok(CachedPages { resident, dirty }) => return (Some(resident), Some(dirty), "cachestat"),
            Err(error) if is_forbidden(&error) => return (None, None, NO_PERMISSION),
            Err(_) => {}
        }
        // To others, `mincore` says that all pages are there.
        if !self.may_know_pages() {
            return (None, None, NO_PERMISSION);
        }
        match self.ask_mapping(offset, len) {
            Ok(resident) => (Some(resident), None, "mincore"),
            Err(_) => (None, None, REFUSED),
        }
    }

    /// What the kernel asks before `mincore` tells the truth: owner, or allowed to write.
    fn may_know_pages(&self) -> bool {
        let file = &self.handle().file;
        let owner = file.metadata().map(|metadata| metadata.uid());
        self.mode() == Mode::ReadWrite
            || owner.is_ok_and(|owner| owner == rustix::process::geteuid().as_raw())
            || rustix::fs::accessat(
                CWD,
                syscalls::own_path(file),
                rustix::fs::Access::WRITE_OK,
                AtFlags::EACCESS,
            )
            .is_ok()
    }

    fn ask_mapping(&self, offset: u64, len: u64) -> Result<u64> {
        let handle = self.handle();
        let mut resident = 0;
        let mut at = offset;
        while at < offset + len {
            let end = (at + WINDOW).min(offset + len);
            let region = Region::new(handle, at..end, Access::Read)?;
            let (base, mapped) = region.pages();
            let mut pages = vec![0; mapped.div_ceil(syscalls::page_size())];
            // SAFETY: the region is mapped.
            again(|| unsafe { handle.calls.mincore(base, mapped, &mut pages) })
                .map_err(|source| crate::StoreError::at(self.path(), "ask for its pages", at, source))?;
            resident += pages.iter().filter(|&&page| page & 1 == 1).count() as u64;
            at = end;
        }
        Ok(resident)
    }
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}
