//! A part of a file in memory.

pub(crate) mod copy;
mod raw;
mod region;
#[cfg(target_arch = "x86_64")]
pub(crate) mod registers;

use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::handle::Handle;
use crate::{Bytes, Result, StoreError};

pub(crate) use raw::Pending;
pub use raw::RawMap;
pub(crate) use region::{Region, page_lost};

/// A range of a file in memory, made by [`File::map`](crate::File::map).
///
/// The file stays open, and its pages mapped, as long as this value lives. Any other process can change the
/// bytes at any time, so nothing here gives a slice. Who reads through [`as_ptr`](Self::as_ptr) reads with
/// atomic loads (relaxed is enough), and trusts what it made of them only after [`check`](Self::check).
pub struct Mapping {
    /// `None` if the range is empty: there is nothing to map.
    region: Option<Arc<Region>>,
    handle: Arc<Handle>,
    /// Where the range begins in the file, in bytes.
    offset: u64,
    len: usize,
}

impl Mapping {
    /// The part `range` of a region that holds it.
    pub(crate) fn new(handle: &Arc<Handle>, region: Option<Arc<Region>>, range: Range<u64>) -> Self {
        let len = usize::try_from(range.end - range.start).expect("a mapped range fits the address space");
        Mapping { region, handle: Arc::clone(handle), offset: range.start, len }
    }

    /// Address of the first byte. Need not be aligned for anything.
    ///
    /// The bytes may be read, atomically, as long as this value lives. Dangling if the range is empty.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.pointer()
    }

    /// Address of the first byte for writing, `None` if the file was opened for reading.
    ///
    /// The bytes may be written, atomically, as long as this value lives. Dangling if the range is empty.
    #[must_use]
    pub fn as_mut_ptr(&self) -> Option<*mut u8> {
        self.is_writable().then(|| self.pointer())
    }

    fn pointer(&self) -> *mut u8 {
        self.region.as_ref().map_or(NonNull::dangling().as_ptr(), |region| region.pointer(self.offset))
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the range begins in the file, in bytes.
    #[must_use]
    pub fn file_offset(&self) -> u64 {
        self.offset
    }

    /// Whether the bytes can be written. Never true for an empty range.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.region.as_ref().is_some_and(|region| region.is_writable())
    }

    /// Whether everything that was read or written so far was the file's.
    ///
    /// Costs one system call. To be called after the bytes were used and before the results are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`] if the file is shorter than the range needs, [`StoreError::Io`] if a page
    /// could not be read, or found no space when it was written. The range reads as zeros there. The second
    /// error stays until the range is mapped again; in copy-on-write mode, until the file is opened again.
    pub fn check(&self) -> Result<()> {
        match &self.region {
            Some(region) => region.check(self.file_range(0, self.len)),
            None => Ok(()),
        }
    }

    /// The bytes, where they lie. What is made of them counts only once [`check`](Self::check) says `Ok`.
    #[must_use]
    pub fn bytes(&self) -> Bytes<'_> {
        match &self.region {
            Some(region) => Bytes::Mapped(region.bytes(self.offset, self.len)),
            None => Bytes::Private(&[]),
        }
    }

    /// Copies the `buf.len()` bytes at `offset` of the mapping, and checks that they were the file's.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] if the mapping is too short, else as [`check`](Self::check).
    pub fn copy_to(&self, offset: usize, buf: &mut [u8]) -> Result<()> {
        self.expect_within(offset, buf.len())?;
        match &self.region {
            Some(region) if !buf.is_empty() => region.read(self.file_range(offset, 0).start, buf),
            _ => Ok(()),
        }
    }

    /// Copies `data` to the bytes at `offset` of the mapping, and checks that they were the file's.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`] if the file was opened for reading, [`StoreError::OutOfRange`] if the mapping
    /// is too short, else as [`check`](Self::check).
    pub fn copy_from(&self, offset: usize, data: &[u8]) -> Result<()> {
        self.expect_within(offset, data.len())?;
        match &self.region {
            Some(region) if !region.is_writable() => {
                Err(StoreError::ReadOnly { path: self.handle.path.clone(), mode: crate::Mode::Read })
            }
            Some(region) if !data.is_empty() => region.write(self.file_range(offset, 0).start, data),
            _ => Ok(()),
        }
    }

    fn expect_within(&self, offset: usize, len: usize) -> Result<()> {
        self.handle.expect_within(offset as u64, len as u64, self.len as u64)
    }

    /// `len` bytes at `offset` of the mapping, as offsets in the file.
    fn file_range(&self, offset: usize, len: usize) -> Range<u64> {
        let start = self.offset + offset as u64;
        start..start + len as u64
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("path", &self.handle.path)
            .field("offset", &self.offset)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
