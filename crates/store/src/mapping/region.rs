//! Whole pages of a file in memory, guarded, and who unmaps them.

use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::guard::{self, Registration};
use crate::handle::{Handle, again};
use crate::mapping::copy;
use crate::syscalls::{self, Access};
use crate::{MappedBytes, Result, StoreError};

/// Pages of a file. The file stays open as long as they are mapped.
pub(crate) struct Region {
    // Declared before `pages`, as fields are dropped in that order: the guard has to forget a range before
    // its addresses can belong to somebody else.
    registration: Registration,
    pages: Pages,
    access: Access,
    /// Offset in the file, a multiple of the page size.
    offset: u64,
    handle: Arc<Handle>,
}

/// Mapped pages, unmapped when they are dropped.
pub(super) struct Pages {
    pub(super) base: NonNull<u8>,
    pub(super) len: usize,
}

// SAFETY: the pages belong to this value alone, and all access goes through raw pointers and atomics.
unsafe impl Send for Pages {}
// SAFETY: as above; nothing here changes after it was made, except bytes reached by atomics.
unsafe impl Sync for Pages {}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the range came from `mmap`, and whoever can reach it holds the `Region`.
        unsafe { syscalls::unmap(self.base, self.len) };
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // What was written to pages of zeros is lost; the next flush of the file has to know.
        if let Some(fault) = self.registration.first_fault()
            && self.access == Access::Write
        {
            self.handle.lost.fetch_min(self.offset + fault as u64, Ordering::SeqCst);
        }
    }
}

impl Region {
    /// Maps the pages that hold `range`, which is not empty and lies within the file.
    pub(crate) fn new(handle: &Arc<Handle>, range: Range<u64>, access: Access) -> Result<Self> {
        let offset = range.start - range.start % syscalls::page_size() as u64;
        let failed = |source| StoreError::at(&handle.path, "map", offset, source);
        let len = usize::try_from(range.end - offset)
            .ok()
            .filter(|&len| isize::try_from(len).is_ok())
            .ok_or_else(|| failed(io::ErrorKind::OutOfMemory.into()))?;
        let (base, access) = map(handle, access, offset, len).map_err(failed)?;
        let pages = Pages { base, len };
        // The guard makes a pointer of this address when it repairs a page.
        let start = base.as_ptr().expose_provenance();
        let file = handle.file.as_raw_fd();
        let registration = guard::register(guard::Range {
            start,
            len,
            offset,
            file,
            writable: access.is_writable(),
            pending: 0,
        })
        .ok_or_else(|| StoreError::TooManyMappings {
            path: handle.path.clone(),
            limit: guard::MAX_MAPPINGS,
        })?;
        Ok(Region { registration, pages, access, offset, handle: Arc::clone(handle) })
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.access.is_writable()
    }

    /// Address and length of the mapping.
    pub(crate) fn pages(&self) -> (NonNull<u8>, usize) {
        (self.pages.base, self.pages.len)
    }

    /// Whether the pages are those of this open file.
    pub(crate) fn is_of(&self, handle: &Arc<Handle>) -> bool {
        Arc::ptr_eq(&self.handle, handle)
    }

    /// Address of the byte at `offset` of the file, which the region holds.
    pub(crate) fn pointer(&self, offset: u64) -> *mut u8 {
        let index = self.index(offset);
        debug_assert!(index <= self.pages.len);
        self.pages.base.as_ptr().wrapping_add(index)
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.offset).expect("a mapped offset fits the address space")
    }

    /// Fills `buf` with the bytes at `offset` of the file. The caller has checked that the region holds them.
    pub(crate) fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.bytes(offset, buf.len()).read(0, buf);
        self.check(offset..offset + buf.len() as u64)
    }

    /// The `len` bytes at `offset` of the file, which the region holds. Whether they are the file's is known
    /// only once [`check`](Self::check) says so.
    pub(crate) fn bytes(&self, offset: u64, len: usize) -> MappedBytes<'_> {
        assert!(self.holds(offset, len));
        // SAFETY: the region holds all these bytes, and stays mapped while it is borrowed.
        unsafe { MappedBytes::new(self.pointer(offset), len) }
    }

    /// Writes `data` at `offset` of the file. The caller has checked that the region holds that place and is
    /// writable.
    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        assert!(self.is_writable() && self.holds(offset, data.len()));
        // SAFETY: the region holds all these bytes, for writing, and stays mapped while it is borrowed.
        unsafe { copy::write(self.pointer(offset), data) };
        self.check(offset..offset + data.len() as u64)
    }

    fn holds(&self, offset: u64, len: usize) -> bool {
        let end = self.offset + self.pages.len as u64;
        self.offset <= offset && offset.checked_add(len as u64).is_some_and(|last| last <= end)
    }

    /// `Err` if bytes of `range` (offsets in the file) were not the file's when they were used.
    pub(crate) fn check(&self, range: Range<u64>) -> Result<()> {
        let wanted = range.end - range.start;
        let Some(fault) = self.fault().filter(|&fault| fault < range.end) else {
            return self.handle.expect_bytes(range.start, wanted);
        };
        self.handle.expect_bytes(range.start, wanted)?;
        Err(page_lost(&self.handle, fault))
    }

    /// Lowest offset in the file at which a page was lost.
    pub(crate) fn fault(&self) -> Option<u64> {
        self.registration.first_fault().map(|fault| self.offset + fault as u64)
    }

    /// Writes changed pages to the file and waits for them, if the region shares them.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if self.access != Access::Write {
            return Ok(());
        }
        // SAFETY: the pages are mapped as long as `self` is there.
        again(|| unsafe { self.handle.calls.msync(self.pages.base, self.pages.len) })
    }

    /// Whether a byte of `range` (offsets in the file) is in the region.
    pub(crate) fn overlaps(&self, range: &Range<u64>) -> bool {
        range.start < self.offset + self.pages.len as u64 && self.offset < range.end
    }
}

/// A fault that the size of the file does not explain: an unreadable place, a hole that found no space, or a
/// file that was cut and is long again.
pub(crate) fn page_lost(handle: &Handle, fault: u64) -> StoreError {
    let source = io::Error::from_raw_os_error(libc::EIO);
    let end = fault.saturating_add(syscalls::page_size() as u64);
    let page = fault..end.min(handle.current_len().unwrap_or(end).max(fault + 1));
    StoreError::within(&handle.path, "use mapped", page, source)
}

/// Maps pages; also says how, which may be another way than was asked for.
pub(super) fn map(
    handle: &Handle,
    access: Access,
    offset: u64,
    len: usize,
) -> io::Result<(NonNull<u8>, Access)> {
    let map = |access| again(|| handle.calls.mmap(&handle.file, access, offset, len));
    match map(access) {
        // Some file systems share no pages; for reading, private ones do as well.
        Err(error) if access == Access::Read && error.raw_os_error() == Some(libc::ENODEV) => {
            map(Access::PrivateRead).map(|base| (base, Access::PrivateRead))
        }
        result => result.map(|base| (base, access)),
    }
}
