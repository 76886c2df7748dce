//! A part of a file in memory that keeps no file open.

mod cache;
mod changes;
mod pending;

use std::fmt;
use std::fs;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::path::{self, Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

pub(crate) use self::pending::Pending;
use super::copy;
use super::region::{Pages, map};
use crate::file::{expect_regular, open_regular};
use crate::guard::{self, Registration};
use crate::handle::{Handle, again};
use crate::syscalls::{self, Access, Calls, SYSTEM};
use crate::{Durability, Existing, FileId, MappedBytes, Mode, NewFile, Reserve, Result, Short, StoreError};

/// A range of a file in memory, for those who hand its address to a program that knows nothing of this crate.
///
/// It holds no descriptor, so there can be as many as the guard has room for ([`MAX_MAPPINGS`](crate::MAX_MAPPINGS)),
/// and no lock. Its pages stay where they are as long as the value lives, also after [`close`](Self::close): so
/// whoever still has the address reads zeros, and no signal ends the process.
///
/// Any other process can change the bytes at any time, so nothing here gives a slice. Who reads through
/// [`as_ptr`](Self::as_ptr) trusts what it read only after [`check`](Self::check).
///
/// ```
/// use ndfolio_store::{Mode, RawMap, Short};
///
/// # let folder = std::env::temp_dir().join(format!("ndfolio-raw-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("four.bin");
/// std::fs::write(&path, b"four")?;
/// let map = RawMap::open(&path, Mode::ReadWrite, 1, Some(2), Short::Refuse)?;
/// map.write(0, b"OU")?;
/// map.close()?;
/// assert_eq!(std::fs::read(&path)?, b"fOUr");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RawMap {
    /// `None` if the range is empty: there is nothing to map.
    held: Option<Held>,
    /// Where the file was found, whatever the working directory is later.
    path: PathBuf,
    id: FileId,
    mode: Mode,
    /// Where the range begins in the file, in bytes.
    offset: u64,
    len: usize,
    /// Message of the flush that failed.
    poison: OnceLock<String>,
    closed: AtomicBool,
}

struct Held {
    // Before `pages`, as fields are dropped in that order: the guard has to forget a range before its addresses
    // can belong to somebody else.
    registration: Registration,
    pages: Pages,
    access: Access,
    /// Offset in the file of the first page.
    start: u64,
    /// What brings the file, if it was not opened at once.
    pending: Option<Box<Pending>>,
}

/// An address for empty ranges that is aligned for every kind of item.
#[repr(align(64))]
struct Aligned;

impl RawMap {
    /// Maps `len` bytes at `offset` of the file at `path`; all from there on if no length is given.
    ///
    /// In [`Mode::ReadWrite`] a file that is shorter can be made longer ([`Short::Extend`]), by a byte at least if
    /// it is empty.
    ///
    /// # Errors
    ///
    /// As [`File::open`](crate::File::open); [`StoreError::OutOfRange`] if the file is shorter,
    /// [`StoreError::NoSpace`] if it cannot be made longer, [`StoreError::TooManyMappings`], [`StoreError::Io`].
    pub fn open(path: &Path, mode: Mode, offset: u64, len: Option<u64>, short: Short) -> Result<RawMap> {
        let (operation, write) = match mode {
            Mode::Read => ("open it for reading", false),
            Mode::ReadWrite => ("open it for reading and writing", true),
            Mode::CopyOnWrite => ("open it for reading (copy-on-write)", false),
        };
        let (file, metadata) = open_regular(path, operation, write)?;
        RawMap::of(file, path, &metadata, mode, (offset, len, short))
    }

    /// As [`open`](Self::open), of a file that somebody else has open. `path` is its name, for errors and for what
    /// needs the file again.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`StoreError::PermissionDenied`] if it was not opened for what `mode` needs.
    pub fn of_open(
        file: BorrowedFd<'_>,
        path: &Path,
        mode: Mode,
        offset: u64,
        len: Option<u64>,
        short: Short,
    ) -> Result<RawMap> {
        let failed = |source| StoreError::from_io(path, "use the open file", source);
        let file = fs::File::from(syscalls::duplicate(file).map_err(failed)?);
        let metadata = file.metadata().map_err(failed)?;
        expect_regular(path, &metadata)?;
        RawMap::of(file, path, &metadata, mode, (offset, len, short))
    }

    fn of(
        file: fs::File,
        path: &Path,
        metadata: &fs::Metadata,
        mode: Mode,
        (offset, len, short): (u64, Option<u64>, Short),
    ) -> Result<RawMap> {
        let handle = Handle::new(file, path.to_path_buf(), &SYSTEM);
        let found = metadata.len();
        let wanted = match len {
            Some(len) => len,
            None => {
                handle.expect_within(offset, 0, found)?;
                found - offset
            }
        };
        // Where a file could not be so long, its length is a range that it does not have.
        let end = offset.saturating_add(wanted);
        if mode == Mode::ReadWrite && short == Short::Extend && found < end.max(1) {
            handle.expect_within(offset, wanted, i64::MAX as u64)?;
            handle.extend(found, end.max(1))?;
        } else {
            handle.expect_within(offset, wanted, found)?;
        }
        RawMap::new(&handle, FileId::from(metadata), mode, offset, wanted)
    }

    /// Makes a file of zeros that begins with `header` and reaches up to `end` bytes, and maps `len` bytes at
    /// `offset` of it for reading and writing. The file appears whole under its name; one that was there before
    /// stays what it was for those who have it open. `stop` is asked where that takes long.
    ///
    /// # Errors
    ///
    /// As [`NewFile`]; [`StoreError::OutOfRange`] unless the range lies within the file. Nothing has changed then.
    pub fn create(
        path: &Path,
        header: &[u8],
        end: u64,
        range: Range<u64>,
        stop: &dyn Fn() -> bool,
    ) -> Result<RawMap> {
        let mut new = NewFile::create(path, Existing::Replace)?;
        new.set_durability(Durability::Nothing);
        new.reserve_until(end, Reserve::Space, stop)?;
        new.write_at(0, header)?;
        let handle = new.handle();
        let len = range.end.saturating_sub(range.start);
        handle.expect_within(range.start, len, handle.current_len()?)?;
        let metadata = handle.file.metadata();
        let metadata = metadata.map_err(|source| StoreError::from_io(path, "look it up", source))?;
        let map = RawMap::new(handle, FileId::from(&metadata), Mode::ReadWrite, range.start, len)?;
        new.commit()?;
        Ok(map)
    }

    fn new(handle: &Handle, id: FileId, mode: Mode, offset: u64, len: u64) -> Result<RawMap> {
        let path = path::absolute(&handle.path)
            .map_err(|source| StoreError::from_io(&handle.path, "find its folder", source))?;
        let held = if len == 0 { None } else { Some(Held::new(handle, mode, offset..offset + len)?) };
        // What was mapped fits the address space.
        let len = len as usize;
        let (poison, closed) = (OnceLock::new(), AtomicBool::new(false));
        Ok(RawMap { held, path, id, mode, offset, len, poison, closed })
    }

    /// Address of the first byte; the bytes can be written unless the mode is [`Mode::Read`]. Dangling, and aligned
    /// for everything, if the range is empty.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        let Some(held) = &self.held else { return NonNull::<Aligned>::dangling().as_ptr().cast() };
        held.pointer(self.offset)
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

    /// Where the file was when it was mapped.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is, whatever has its name now.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// How it was mapped.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether it was [closed](Self::close).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether the name that the file was mapped by still leads to it.
    #[must_use]
    pub fn has_name(&self) -> bool {
        self.named().is_some()
    }

    /// Whether bytes were touched that the file did not have (any more). Costs nothing.
    #[must_use]
    pub fn has_fault(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.registration.first_fault().is_some())
    }

    /// Whether everything that was read or written so far was the file's. To be called after the bytes were used
    /// and before the results are.
    ///
    /// A cut inside the last page reads as zeros and is seen only if the file still has its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`] if the file is shorter than the range needs, [`StoreError::Io`] if a page could
    /// not be had, or found no space when it was written. The range reads as zeros there, for good.
    pub fn check(&self) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        self.bring()?;
        let fault = self.held.as_ref().and_then(Held::fault);
        let found = self.named().map(|metadata| metadata.len().saturating_sub(self.offset));
        let expected = self.len as u64;
        if let Some(found) = found.filter(|&found| found < expected) {
            let (path, offset) = (self.path.clone(), self.offset);
            return Err(StoreError::Truncated { path, offset, expected, found });
        }
        let Some(fault) = fault else { return Ok(()) };
        let lost = fault..fault + syscalls::page_size() as u64;
        let source = std::io::Error::from_raw_os_error(libc::EIO);
        Err(StoreError::within(&self.path, "use mapped", lost, source))
    }

    /// Brings what was written to the bytes in `range` (counted from the beginning of the map, with the rest of their
    /// pages) to the disk, and waits for it. Does nothing in the modes that do not change the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`]; [`StoreError::Io`] or [`StoreError::NoSpace`] if the system could not write, after
    /// which every flush fails with [`StoreError::Poisoned`]; as [`check`](Self::check).
    pub fn flush_range(&self, range: Range<u64>) -> Result<()> {
        self.expect_within(&range)?;
        if self.mode != Mode::ReadWrite || self.is_closed() || self.is_waiting() {
            return Ok(());
        }
        if let Some(reason) = self.poison.get() {
            return Err(StoreError::Poisoned { path: self.path.clone(), reason: reason.clone() });
        }
        if let Some((base, len)) = self.pages(&range) {
            // SAFETY: the pages are mapped as long as `self` is there.
            let written = again(|| unsafe { SYSTEM.msync(base, len) });
            written.map_err(|source| {
                let error = self.flush_failed(&range, source);
                // A second failure at the same time adds nothing.
                let _ = self.poison.set(error.to_string());
                error
            })?;
        }
        self.check()
    }

    fn flush_failed(&self, range: &Range<u64>, source: std::io::Error) -> StoreError {
        let (path, needed) = (self.path.clone(), range.end - range.start);
        match source.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => StoreError::NoSpace { path, needed, available: None },
            _ => {
                let range = self.offset + range.start..self.offset + range.end;
                StoreError::within(&self.path, "flush", range, source)
            }
        }
    }

    /// As [`flush_range`](Self::flush_range), of everything.
    ///
    /// # Errors
    ///
    /// As [`flush_range`](Self::flush_range).
    pub fn flush(&self) -> Result<()> {
        self.flush_range(0..self.len as u64)
    }

    /// Flushes, and lets go of the file: from now on the addresses hold zeros, and what is written there is
    /// nobody's. A second call does nothing.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush); it is closed in any case.
    pub fn close(&self) -> Result<()> {
        let flushed = self.flush();
        if !self.closed.swap(true, Ordering::SeqCst)
            && let Some(held) = &self.held
        {
            self.pending().into_iter().for_each(Pending::settle);
            held.replace_by_zeros()
                .map_err(|source| StoreError::from_io(&self.path, "let go of its pages", source.into()))?;
        }
        flushed
    }

    /// Copies the `buf.len()` bytes at `offset` of the map. They were the file's if [`check`](Self::check) says so.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] if the map is too short, what became of a file that was to be opened [later](Self::later).
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.expect_within(&(offset..offset.saturating_add(buf.len() as u64)))?;
        self.bring()?;
        if let Some(held) = &self.held {
            // SAFETY: the bytes are within the map, which stays while it is borrowed.
            let bytes = unsafe { MappedBytes::new(held.pointer(self.offset + offset), buf.len()) };
            bytes.read(0, buf);
        }
        Ok(())
    }

    /// Copies `data` to the bytes at `offset` of the map.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`], [`StoreError::OutOfRange`] if the map is too short, what became of a file that was to
    /// be opened [later](Self::later).
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.expect_within(&(offset..offset.saturating_add(data.len() as u64)))?;
        if self.mode == Mode::Read {
            return Err(StoreError::ReadOnly { path: self.path.clone(), mode: self.mode });
        }
        self.bring()?;
        if let Some(held) = &self.held {
            // SAFETY: the bytes are within the map, which is writable and stays while it is borrowed.
            unsafe { copy::write(held.pointer(self.offset + offset), data) };
        }
        Ok(())
    }

    fn expect_within(&self, range: &Range<u64>) -> Result<()> {
        if range.start <= range.end && range.end <= self.len as u64 {
            return Ok(());
        }
        let (path, len) = (self.path.clone(), range.end.saturating_sub(range.start));
        Err(StoreError::OutOfRange { path, offset: range.start, len, file_len: self.len as u64 })
    }

    /// What the system says of the file, if it still has its name.
    fn named(&self) -> Option<fs::Metadata> {
        fs::metadata(&self.path).ok().filter(|metadata| FileId::from(metadata) == self.id)
    }

    /// The mapped pages with the bytes of a range that lies within the map.
    fn pages(&self, range: &Range<u64>) -> Option<(NonNull<u8>, usize)> {
        let held = self.held.as_ref().filter(|_| range.start < range.end)?;
        let page = syscalls::page_size();
        let first = held.index(self.offset + range.start);
        let first = first - first % page;
        let end = held.index(self.offset + range.end);
        // SAFETY: the offset lies within the mapping.
        Some((unsafe { held.pages.base.add(first) }, end - first))
    }
}

impl Held {
    fn new(handle: &Handle, mode: Mode, range: Range<u64>) -> Result<Held> {
        let access = Access::of(mode);
        let start = range.start - range.start % syscalls::page_size() as u64;
        let failed = |source| StoreError::from_io(&handle.path, "map", source);
        let len = usize::try_from(range.end - start)
            .ok()
            .filter(|&len| isize::try_from(len).is_ok())
            .ok_or_else(|| failed(std::io::ErrorKind::OutOfMemory.into()))?;
        let (base, access) = map(handle, access, start, len).map_err(failed)?;
        let pages = Pages { base, len };
        // The guard makes a pointer of this address when it repairs a page.
        let address = base.as_ptr().expose_provenance();
        let writable = access.is_writable();
        let range = guard::Range { start: address, len, offset: start, file: -1, writable, pending: 0 };
        let registration = guard::register(range).ok_or_else(|| StoreError::TooManyMappings {
            path: handle.path.clone(),
            limit: guard::MAX_MAPPINGS,
        })?;
        Ok(Held { registration, pages, access, start, pending: None })
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.start).expect("a mapped offset fits the address space")
    }

    fn pointer(&self, offset: u64) -> *mut u8 {
        self.pages.base.as_ptr().wrapping_add(self.index(offset))
    }

    /// Lowest offset in the file at which a page was lost.
    fn fault(&self) -> Option<u64> {
        self.registration.first_fault().map(|fault| self.start + fault as u64)
    }

    fn replace_by_zeros(&self) -> rustix::io::Result<()> {
        let write = if self.access.is_writable() { ProtFlags::WRITE } else { ProtFlags::empty() };
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let Pages { base, len } = &self.pages;
        let at = ptr::with_exposed_provenance_mut(base.as_ptr().expose_provenance());
        // SAFETY: the pages are this value's alone, and whoever has their address reads and writes bytes that can
        // change at any time.
        unsafe { rustix::mm::mmap_anonymous(at, *len, ProtFlags::READ | write, flags) }.map(drop)
    }
}

impl fmt::Debug for RawMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMap")
            .field("path", &self.path)
            .field("mode", &self.mode)
            .field("offset", &self.offset)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
