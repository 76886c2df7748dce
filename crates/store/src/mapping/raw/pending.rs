//! A map whose file is opened when its first byte is touched.
//!
//! Its pages are those of an empty file in memory, so touching them is a fault that the guard knows. It has the real
//! file mapped over them then, in the middle of whatever was going on: so [`Pending::bring`] takes no lock, allocates
//! nothing and touches no memory that can fault.

use std::ffi::{CString, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use rustix::fs::{FileType, MemfdFlags, OFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags};

use super::{Held, RawMap};
use crate::mapping::copy;
use crate::mapping::region::Pages;
use crate::syscalls::{self, Access, Calls, SYSTEM};
use crate::{FileId, Mode, Result, Short, StoreError, guard};

/// Nobody has touched it.
const WAITING: u32 = 0;
/// Somebody is about to bring the file.
const BUSY: u32 = 1;
/// The file is there.
const DONE: u32 = 2;
/// It could not be brought when it was touched: there are zeros.
const FAILED: u32 = 3;

/// How many faults may still be those of pages that were waiting: a thread can be anywhere between its fault and the
/// guard when another one brings the file.
const LATE: u32 = 1024;

/// What is needed to map the file over the pages that stand for it.
pub(crate) struct Pending {
    path: CString,
    id: FileId,
    access: Access,
    /// Address and length of the pages.
    base: usize,
    len: usize,
    /// Offset in the file of the first page, and how long the file must be.
    offset: u64,
    end: u64,
    /// What is to be written to the private pages, by its distance from the first.
    changes: Vec<(usize, Vec<u8>)>,
    state: AtomicU32,
    /// The process that is busy; a child that was forked meanwhile does it itself.
    owner: AtomicI32,
    failure: AtomicI32,
    /// Faults after the file was there.
    late: AtomicU32,
}

impl Pending {
    /// Whether the file is not there yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state.load(Ordering::SeqCst), WAITING | BUSY)
    }

    /// Brings the file because one of its pages was touched; says whether touching it again may do.
    pub(crate) fn touched(&self) -> Result<bool, Errno> {
        Ok(self.bring()? || self.late.fetch_add(1, Ordering::SeqCst) < LATE)
    }

    /// Brings the file; says whether it was not there before. On failure it can be tried again.
    pub(crate) fn bring(&self) -> Result<bool, Errno> {
        let mut waited = false;
        loop {
            match self.state.compare_exchange(WAITING, BUSY, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => {
                    self.owner.store(own_number(), Ordering::SeqCst);
                    let result = self.map_over();
                    self.owner.store(0, Ordering::SeqCst);
                    let state = if result.is_ok() { DONE } else { WAITING };
                    self.state.store(state, Ordering::SeqCst);
                    return result.map(|()| true);
                }
                Err(DONE) => return Ok(waited),
                Err(FAILED) => return Err(self.failure().unwrap_or(Errno::IO)),
                Err(_) => {
                    waited = true;
                    let owner = self.owner.load(Ordering::SeqCst);
                    if owner != 0 && owner != own_number() {
                        let _ =
                            self.state.compare_exchange(BUSY, WAITING, Ordering::SeqCst, Ordering::SeqCst);
                    }
                    std::thread::yield_now();
                }
            }
        }
    }

    /// There will be zeros instead of the file, for good.
    pub(crate) fn give_up(&self, reason: Errno) {
        self.failure.store(reason.raw_os_error(), Ordering::SeqCst);
        self.state.store(FAILED, Ordering::SeqCst);
    }

    /// Why there are zeros instead of the file.
    pub(super) fn failure(&self) -> Option<Errno> {
        let code = self.failure.load(Ordering::SeqCst);
        (code != 0).then(|| Errno::from_raw_os_error(code))
    }

    /// The file will not be asked for any more.
    pub(super) fn settle(&self) {
        self.state.store(DONE, Ordering::SeqCst);
    }

    fn map_over(&self) -> Result<(), Errno> {
        let write = if self.access == Access::Write { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = write | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::open(self.path.as_c_str(), flags, rustix::fs::Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        let id = FileId { dev: stat.st_dev, ino: stat.st_ino };
        if id != self.id || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::STALE);
        }
        if (stat.st_size as u64) < self.end {
            return Err(Errno::NODATA);
        }
        let (prot, flags) = match self.access {
            Access::Write => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED),
            Access::Private => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE),
            Access::Read | Access::PrivateRead => (ProtFlags::READ, MapFlags::SHARED),
        };
        // SAFETY: the kernel chooses an unused range.
        let new = unsafe { rustix::mm::mmap(ptr::null_mut(), self.len, prot, flags, &file, self.offset)? };
        let moved = self.write_changes(new).and_then(|()| {
            let base = ptr::with_exposed_provenance_mut::<c_void>(self.base);
            // SAFETY: the new range is ours. What it takes the place of are the pages of the map, whose owner allows
            // that their bytes change at any time.
            unsafe { rustix::mm::mremap_fixed(new, self.len, self.len, MremapFlags::MAYMOVE, base) }
        });
        if moved.is_err() {
            // SAFETY: the range is ours, and nobody has its address.
            let _ = unsafe { rustix::mm::munmap(new, self.len) };
        }
        moved.map(drop)
    }

    /// Writes the changes to private pages that nobody else sees yet.
    fn write_changes(&self, new: *mut c_void) -> Result<(), Errno> {
        let page = syscalls::page_size();
        for (place, data) in &self.changes {
            let (first, end) = (place - place % page, place + data.len());
            // SAFETY: the changes lie within the range, which is mapped. An error comes as one here, and not as a
            // signal when it is written to.
            let populated =
                unsafe { rustix::mm::madvise(new.byte_add(first), end - first, Advice::LinuxPopulateWrite) };
            match populated {
                // Before Linux 5.14.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => return Err(error),
            }
            // SAFETY: as above, and the range can be written.
            unsafe { copy::write(new.cast::<u8>().add(*place), data) };
        }
        Ok(())
    }
}

fn own_number() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

impl RawMap {
    /// A map of bytes of the file that `id` is, by its name, without looking at it: it is opened when the first byte
    /// is touched, or something else is asked of the map. [`check`](Self::check) says what came of it.
    ///
    /// In [`Mode::CopyOnWrite`] it begins with `changes`: places, counted from the beginning of the map, and bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] for changes outside of the map, [`StoreError::TooManyMappings`],
    /// [`StoreError::Io`]. Where the system has no way to wait, it is opened at once.
    pub fn later(
        path: &Path,
        id: FileId,
        mode: Mode,
        range: Range<u64>,
        changes: Vec<(u64, Vec<u8>)>,
    ) -> Result<RawMap> {
        let len = range.end.saturating_sub(range.start);
        let mut map = RawMap {
            held: None,
            path: path.to_path_buf(),
            id,
            mode,
            offset: range.start,
            len: usize::try_from(len).unwrap_or(usize::MAX),
            poison: OnceLock::new(),
            closed: AtomicBool::new(false),
        };
        for (place, data) in &changes {
            map.expect_within(&(*place..place.saturating_add(data.len() as u64)))?;
        }
        if len == 0 {
            return Ok(map);
        }
        match Held::later(&map, &changes) {
            Ok(held) => map.held = Some(held),
            Err(error @ StoreError::TooManyMappings { .. }) => return Err(error),
            Err(_) => return RawMap::at_once(path, id, mode, range, &changes),
        }
        Ok(map)
    }

    fn at_once(
        path: &Path,
        id: FileId,
        mode: Mode,
        range: Range<u64>,
        changes: &[(u64, Vec<u8>)],
    ) -> Result<RawMap> {
        let len = range.end.saturating_sub(range.start);
        let map = RawMap::open(path, mode, range.start, Some(len), Short::Refuse)?;
        if map.id() != id {
            return Err(StoreError::Replaced { path: path.to_path_buf() });
        }
        if mode == Mode::CopyOnWrite {
            changes.iter().try_for_each(|(place, data)| map.write(*place, data))?;
        }
        Ok(map)
    }

    /// Whether its file was not opened yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.pending().is_some_and(Pending::is_waiting)
    }

    pub(super) fn pending(&self) -> Option<&Pending> {
        self.held.as_ref()?.pending.as_deref()
    }

    /// Opens the file if nobody has touched a byte yet; tells what became of it if somebody has.
    pub(super) fn bring(&self) -> Result<()> {
        let Some(pending) = self.pending() else { return Ok(()) };
        pending.bring().map(drop).map_err(|error| {
            let path = self.path.clone();
            match error {
                Errno::STALE => StoreError::Replaced { path },
                Errno::NODATA => {
                    let found = self.named().map_or(0, |metadata| metadata.len());
                    let found = found.saturating_sub(self.offset);
                    StoreError::Truncated { path, offset: self.offset, expected: self.len as u64, found }
                }
                error => StoreError::from_io(&self.path, "open it again", error.into()),
            }
        })
    }

    /// The changes that a map of a file that was not opened yet begins with.
    pub(super) fn waiting_changes(&self) -> Option<Vec<Range<u64>>> {
        let pending = self.pending().filter(|pending| pending.is_waiting())?;
        let before = self.offset - pending.offset;
        let range = |(place, data): &(usize, Vec<u8>)| {
            let start = *place as u64 - before;
            start..start + data.len() as u64
        };
        Some(pending.changes.iter().map(range).collect())
    }

    /// The bytes of one of them.
    pub(super) fn waiting_bytes(&self, range: &Range<u64>) -> Option<&[u8]> {
        let pending = self.pending().filter(|pending| pending.is_waiting())?;
        let place = (range.start + self.offset - pending.offset) as usize;
        pending.changes.iter().find(|(at, _)| *at == place).map(|(_, data)| data.as_slice())
    }
}

impl Held {
    fn later(map: &RawMap, changes: &[(u64, Vec<u8>)]) -> Result<Held> {
        let page = syscalls::page_size() as u64;
        let start = map.offset - map.offset % page;
        let failed = |source| StoreError::from_io(&map.path, "map", source);
        let end = map.offset.checked_add(map.len as u64);
        let len = end.and_then(|end| usize::try_from(end - start).ok());
        let (Some(end), Some(len)) = (end, len.filter(|&len| isize::try_from(len).is_ok())) else {
            return Err(failed(std::io::ErrorKind::OutOfMemory.into()));
        };
        let path = CString::new(map.path.as_os_str().as_bytes());
        let path = path.map_err(|_| failed(std::io::ErrorKind::InvalidInput.into()))?;
        let access = Access::of(map.mode);
        let empty = rustix::fs::memfd_create(c"ndfolio", MemfdFlags::CLOEXEC);
        let empty = std::fs::File::from(empty.map_err(|error| failed(error.into()))?);
        let base = SYSTEM.mmap(&empty, access, 0, len).map_err(failed)?;
        let pages = Pages { base, len };
        let before = (map.offset - start) as usize;
        let changes = match access {
            Access::Private => {
                changes.iter().map(|(at, data)| (before + *at as usize, data.clone())).collect()
            }
            _ => Vec::new(),
        };
        let pending = Box::new(Pending {
            path,
            id: map.id,
            access,
            base: base.as_ptr().expose_provenance(),
            len,
            offset: start,
            end,
            changes,
            state: AtomicU32::new(WAITING),
            owner: AtomicI32::new(0),
            failure: AtomicI32::new(0),
            late: AtomicU32::new(0),
        });
        let range = guard::Range {
            start: pending.base,
            len,
            offset: start,
            file: -1,
            writable: access.is_writable(),
            pending: ptr::from_ref(&*pending).expose_provenance(),
        };
        let registration = guard::register(range).ok_or_else(|| StoreError::TooManyMappings {
            path: PathBuf::from(&map.path),
            limit: guard::MAX_MAPPINGS,
        })?;
        Ok(Held { registration, pages, access, start, pending: Some(pending) })
    }
}
