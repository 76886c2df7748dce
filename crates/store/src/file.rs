//! A file that exists: opened in one of three modes, never created, and made longer by appending alone.

mod append;
mod copied;
mod kept;
mod runs;

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use self::copied::Copied;
use self::kept::Keeper;
use crate::handle::{Handle, again};
use crate::io::direct::Descriptor;
use crate::mapping::{Mapping, Region, page_lost};
use crate::syscalls::{Access, Calls, calls_for};
use crate::{FileId, Mode, Result, StoreError};

pub use append::{Appender, Synced};
pub(crate) use kept::Kept;

/// An open file.
///
/// Every access lies within the length that the file had when it was opened, or when [`look_again`](Self::look_again)
/// was called last. One that was cut gives [`StoreError::Truncated`].
///
/// All methods take `&self` and can be called from several threads. Two that write the same bytes at a time
/// leave either's, a word (in the file: a part) at a time.
///
/// Dropping a `File` closes it without flushing: what was written is in the system's page cache and will
/// reach the disk, but nobody hears of an error. [`close`](Self::close) tells.
pub struct File {
    handle: Arc<Handle>,
    /// The path at the time of opening, whatever the working directory is later.
    absolute: PathBuf,
    mode: Mode,
    id: FileId,
    /// It only grows: rows that were appended are seen once somebody looked for them.
    len: AtomicU64,
    /// What may be written, if not all of it.
    own: OnceLock<Range<u64>>,
    /// Something was written that no flush has covered yet.
    written: AtomicBool,
    /// Message of the flush that failed.
    poison: OnceLock<String>,
    /// Mappings that write to the file.
    shared: Mutex<Vec<Weak<Region>>>,
    /// The one mapping behind copy-on-write mode, made when it is needed.
    private: OnceLock<Arc<Region>>,
    /// Held while `private` is made, so that there is only one.
    making: Mutex<()>,
    /// What of it was written to.
    copied: Copied,
    /// Opened when it is needed.
    direct: OnceLock<Result<Descriptor, i32>>,
    /// What stays mapped for reading.
    keeper: Keeper,
}

impl File {
    /// Opens the file at `path`. Never creates it, and never changes it or its length.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::PermissionDenied`], [`StoreError::NotRegular`] for a directory,
    /// a device, a FIFO or a socket (never waits for one), [`StoreError::Io`] for anything else.
    pub fn open(path: impl AsRef<Path>, mode: Mode) -> Result<File> {
        File::open_with(path.as_ref(), mode, calls_for(path.as_ref()))
    }

    pub(crate) fn open_with(path: &Path, mode: Mode, calls: &'static dyn Calls) -> Result<File> {
        let (operation, write) = match mode {
            Mode::Read => ("open it for reading", false),
            Mode::ReadWrite => ("open it for reading and writing", true),
            Mode::CopyOnWrite => ("open it for reading (copy-on-write)", false),
        };
        let (file, metadata) = open_regular(path, operation, write)?;
        File::of(Handle::new(file, path.to_path_buf(), calls), mode, FileId::from(&metadata))
    }

    /// A file that is open already.
    pub(crate) fn of(handle: Handle, mode: Mode, id: FileId) -> Result<File> {
        let absolute = path::absolute(&handle.path)
            .map_err(|source| StoreError::from_io(&handle.path, "find its folder", source))?;
        Ok(File {
            absolute,
            mode,
            id,
            len: handle.current_len()?.into(),
            own: OnceLock::new(),
            handle: Arc::new(handle),
            written: AtomicBool::new(false),
            poison: OnceLock::new(),
            shared: Mutex::new(Vec::new()),
            private: OnceLock::new(),
            making: Mutex::new(()),
            copied: Copied::default(),
            direct: OnceLock::new(),
            keeper: Keeper::default(),
        })
    }

    /// The path as it was given to [`open`](Self::open).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.handle.path
    }

    /// The mode that the file was opened in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which file it is; equal for two paths that lead to the same file.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// Length in bytes when the file was opened, or looked at again.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::SeqCst)
    }

    /// Whether the file was empty then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reaches what was appended since the file was opened: the bytes up to `end` are of the file from now on. What
    /// may lie behind them is nobody's yet. Not in [`Mode::CopyOnWrite`], whose view was made once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`] if the file is shorter, [`StoreError::Io`] if the system does not tell.
    pub fn look_again(&self, end: u64) -> Result<()> {
        self.handle.expect_bytes(0, end)?;
        if self.mode != Mode::CopyOnWrite {
            self.len.fetch_max(end, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Bytes up to `end` were written through this open file.
    fn reach(&self, end: u64) {
        self.len.fetch_max(end, Ordering::SeqCst);
    }

    /// Leaves alone what lies behind `end`: somebody may be appending there, and give it up again. For a file that
    /// nothing was done with yet.
    pub fn use_only(&self, end: u64) {
        self.len.fetch_min(end, Ordering::SeqCst);
    }

    /// Lets nothing outside of `range` (offsets in the file) be written by the calls of this open file.
    pub fn write_only(&self, range: Range<u64>) {
        // The first is for good.
        let _ = self.own.set(range);
    }

    /// The path with the folder in which it was opened, whatever the working directory is now.
    #[must_use]
    pub fn absolute_path(&self) -> &Path {
        &self.absolute
    }

    /// Whether the path still leads to this file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Replaced`] if it leads to another or to none, [`StoreError::Io`].
    pub fn check_name(&self) -> Result<()> {
        self.expect_same_name()
    }

    /// Length in bytes now; another process may have changed it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if the system does not tell.
    pub fn current_len(&self) -> Result<u64> {
        self.handle.current_len()
    }

    /// When it was changed last, as the system has it: seconds since 1970, and nanoseconds. Stores to mappings can be
    /// missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if the system does not tell.
    pub fn modified(&self) -> Result<(i64, u32)> {
        let looked_up = self.handle.file.metadata();
        let metadata = looked_up.map_err(|source| StoreError::from_io(self.path(), "look it up", source))?;
        Ok((metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0)))
    }

    /// Whether the file is still at least as long as it was when it was opened.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`] if it is not.
    pub fn check(&self) -> Result<()> {
        self.handle.expect_bytes(0, self.len())
    }

    /// Fills `buf` with the bytes at `offset`.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] if the file never had them, [`StoreError::Truncated`] if they were cut off
    /// since, [`StoreError::Io`] if they cannot be read. `buf` holds anything then.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.expect_within(offset, buf.len() as u64)?;
        if buf.is_empty() {
            return Ok(());
        }
        // Bytes that were never written here are the file's, whether mapped or not.
        match self.private.get() {
            Some(region) => region.read(offset, buf),
            None => self.handle.read_exact(offset, buf),
        }
    }

    /// Reads the bytes at `offset` up to the end of the file, `buf.len()` at most; returns how many.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at); an `offset` behind the end of the file is no error and reads nothing.
    pub fn read_up_to(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buf.len());
        if count > 0 {
            self.read_at(offset, &mut buf[..count])?;
        }
        Ok(count)
    }

    /// Writes `data` at `offset`; in [`Mode::CopyOnWrite`], to this process's view only.
    ///
    /// The file never becomes longer than it was when it was opened. If another process cut it, the write is
    /// refused; only if that happens between this look and the write itself does the file grow again, up to
    /// its old length, with zeros in between.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`], [`StoreError::OutOfRange`], [`StoreError::Truncated`],
    /// [`StoreError::Poisoned`] after a failed flush, [`StoreError::NoSpace`] if a hole in the file finds no
    /// space, [`StoreError::TooLarge`] if the process's file size limit forbids it, [`StoreError::Io`]. Part
    /// of `data` may have been written then.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.write_part(offset, data, false)
    }

    /// As [`write_at`](Self::write_at); of much that is written, long parts are not left in the page cache.
    pub(crate) fn write_part(&self, offset: u64, data: &[u8], is_long: bool) -> Result<()> {
        self.expect_writable(offset, data.len())?;
        if data.is_empty() {
            return Ok(());
        }
        if self.mode == Mode::CopyOnWrite {
            self.count_copied(&(offset..offset + data.len() as u64))?;
            return self.private_region()?.write(offset, data);
        }
        let result = match is_long {
            true => self.handle.write_through(offset, data),
            false => self.handle.write_all(offset, data),
        };
        // After the write, so that a flush that runs meanwhile cannot take the mark of what it missed.
        self.written.store(true, Ordering::SeqCst);
        result
    }

    pub(crate) fn expect_writable(&self, offset: u64, len: usize) -> Result<()> {
        if self.mode == Mode::Read {
            return Err(StoreError::ReadOnly { path: self.path().to_path_buf(), mode: self.mode });
        }
        self.expect_healthy()?;
        self.expect_within(offset, len as u64)?;
        if len == 0 {
            return Ok(());
        }
        self.expect_own(offset, len as u64)?;
        self.handle.expect_bytes(offset, len as u64)
    }

    fn expect_own(&self, offset: u64, len: u64) -> Result<()> {
        match self.own.get() {
            Some(own) if offset < own.start || offset.saturating_add(len) > own.end => {
                let (path, own) = (self.path().to_path_buf(), own.clone());
                Err(StoreError::NotOwn { path, offset, len, own })
            }
            _ => Ok(()),
        }
    }

    /// Brings everything that was written, here and through mappings, to the disk, and waits for it.
    ///
    /// Success means that the bytes are on the disk and that the path still leads to them. Does nothing in
    /// the modes that do not change the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] or [`StoreError::NoSpace`] if the system could not write; the system forgets such
    /// errors once they were told, so from then on every write and flush fails with [`StoreError::Poisoned`].
    /// [`StoreError::Truncated`] if the file was cut, [`StoreError::Replaced`] if its path is gone or leads
    /// to another file.
    pub fn flush(&self) -> Result<()> {
        self.flush_range(0..self.len())
    }

    /// As [`flush`](Self::flush), for at least the bytes in `range` (offsets in the file).
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush), and [`StoreError::OutOfRange`].
    pub fn flush_range(&self, range: Range<u64>) -> Result<()> {
        self.expect_within(range.start, range.end.saturating_sub(range.start))?;
        if self.mode != Mode::ReadWrite {
            return Ok(());
        }
        self.expect_healthy()?;
        let regions = self.shared_regions();
        // Mapped stores set no mark, so it stays as long as there are mappings.
        if regions.is_empty() {
            self.written.store(false, Ordering::SeqCst);
        }
        let result = self.flush_and_check(&regions, &range);
        if result.is_err() {
            self.written.store(true, Ordering::SeqCst);
        }
        result
    }

    fn flush_and_check(&self, regions: &[Arc<Region>], range: &Range<u64>) -> Result<()> {
        if let Err(source) = self.sync(regions, range) {
            let error = self.handle.write_failed("flush", range.start, range.end - range.start, source);
            self.poison(&error);
            return Err(error);
        }
        self.check()?;
        self.expect_nothing_lost(regions)?;
        self.expect_same_name()
    }

    /// Flushes if anything was written since the last flush, and closes.
    ///
    /// Mappings of the file stay valid; what is written through them from now on is not flushed.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush). The file is closed in any case.
    pub fn close(self) -> Result<()> {
        self.expect_healthy()?;
        if self.written.load(Ordering::SeqCst) { self.flush() } else { Ok(()) }
    }

    /// Maps the bytes in `range` (offsets in the file; need not be aligned to anything).
    ///
    /// Reading shares the pages of the file, and so does writing in [`Mode::ReadWrite`]. In
    /// [`Mode::CopyOnWrite`] all mappings are parts of the one view that [`read_at`](Self::read_at) and
    /// [`write_at`](Self::write_at) use.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`], [`StoreError::Truncated`] if the file is shorter by now,
    /// [`StoreError::Poisoned`] after a failed flush, [`StoreError::TooManyMappings`], [`StoreError::Io`]
    /// where the address space or the file system does not allow it.
    pub fn map(&self, range: Range<u64>) -> Result<Mapping> {
        let len = range.end.saturating_sub(range.start);
        self.expect_within(range.start, len)?;
        self.expect_healthy()?;
        if len == 0 {
            return Ok(Mapping::new(&self.handle, None, range.start..range.start));
        }
        self.handle.expect_bytes(range.start, len)?;
        let region = match self.mode {
            Mode::Read => Arc::new(Region::new(&self.handle, range.clone(), Access::Read)?),
            Mode::ReadWrite => self.shared_region(range.clone())?,
            Mode::CopyOnWrite => self.private_region()?,
        };
        Ok(Mapping::new(&self.handle, Some(region), range))
    }

    fn shared_region(&self, range: Range<u64>) -> Result<Arc<Region>> {
        let region = Arc::new(Region::new(&self.handle, range, Access::Write)?);
        let mut shared = unpoisoned(&self.shared);
        shared.retain(|region| region.strong_count() > 0);
        shared.push(Arc::downgrade(&region));
        self.written.store(true, Ordering::SeqCst);
        Ok(region)
    }

    fn shared_regions(&self) -> Vec<Arc<Region>> {
        unpoisoned(&self.shared).iter().filter_map(Weak::upgrade).collect()
    }

    /// The private mapping of the whole file.
    fn private_region(&self) -> Result<Arc<Region>> {
        let _making = unpoisoned(&self.making);
        if let Some(region) = self.private.get() {
            return Ok(Arc::clone(region));
        }
        let region = Region::new(&self.handle, 0..self.len(), Access::Private)?;
        Ok(Arc::clone(self.private.get_or_init(|| Arc::new(region))))
    }

    pub(crate) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    /// The second descriptor, past the page cache, or the error number with which it was refused.
    pub(crate) fn direct(&self) -> Result<&Descriptor, i32> {
        let open = || Descriptor::open(&self.handle, &self.absolute, self.id);
        self.direct.get_or_init(open).as_ref().map_err(|&code| code)
    }

    pub(crate) fn expect_within(&self, offset: u64, len: u64) -> Result<()> {
        self.handle.expect_within(offset, len, self.len())
    }

    fn expect_healthy(&self) -> Result<()> {
        if self.mode == Mode::ReadWrite {
            self.handle.expect_own_process()?;
        }
        match self.poison.get() {
            Some(reason) => {
                Err(StoreError::Poisoned { path: self.path().to_path_buf(), reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    /// Something that was written through this open file is lost, and nobody heard of it: every write, flush and close says
    /// so from now on.
    pub fn poison_with(&self, reason: String) {
        // The first failure is the one to tell of.
        let _ = self.poison.set(reason);
    }

    /// Whether nothing failed that leaves the file in doubt.
    ///
    /// # Errors
    ///
    /// [`StoreError::Poisoned`] with the first failure, [`StoreError::Forked`].
    pub fn check_health(&self) -> Result<()> {
        self.expect_healthy()
    }

    /// Nothing is written any more after this failure.
    pub(crate) fn poison(&self, error: &StoreError) {
        // A second failure at the same time adds nothing.
        let _ = self.poison.set(error.to_string());
    }

    fn sync(&self, regions: &[Arc<Region>], range: &Range<u64>) -> io::Result<()> {
        for region in regions.iter().filter(|region| region.overlaps(range)) {
            region.sync()?;
        }
        again(|| self.handle.calls.fdatasync(&self.handle.file))
    }

    /// Stores that hit a page without a file behind it are gone.
    fn expect_nothing_lost(&self, regions: &[Arc<Region>]) -> Result<()> {
        let dropped = Some(self.handle.lost.load(Ordering::SeqCst)).filter(|&lost| lost != u64::MAX);
        let alive = regions.iter().filter_map(|region| region.fault());
        match alive.chain(dropped).min() {
            Some(fault) => Err(page_lost(&self.handle, fault)),
            None => Ok(()),
        }
    }

    fn expect_same_name(&self) -> Result<()> {
        match fs::metadata(&self.absolute) {
            Ok(metadata) if FileId::from(&metadata) == self.id => Ok(()),
            Ok(_) => Err(StoreError::Replaced { path: self.path().to_path_buf() }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(StoreError::Replaced { path: self.path().to_path_buf() })
            }
            Err(source) => Err(StoreError::from_io(self.path(), "look up its name", source)),
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path())
            .field("mode", &self.mode)
            .field("len", &self.len())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The value in a lock; a panic elsewhere leaves what these locks hold whole.
pub(crate) fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a regular file, with what the system says of it.
pub(crate) fn open_regular(
    path: &Path,
    operation: &'static str,
    write: bool,
) -> Result<(fs::File, fs::Metadata)> {
    let failed = |source| StoreError::from_io(path, operation, source);
    // Opening a device can already do something (rewind a tape, start a watchdog), so look first.
    expect_regular(path, &fs::metadata(path).map_err(failed)?)?;
    let file = fs::OpenOptions::new()
        .read(true)
        .write(write)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    expect_regular(path, &metadata)?;
    Ok((file, metadata))
}

/// `Err(NotRegular)` unless it is a file with bytes at offsets.
pub(crate) fn expect_regular(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    let file_type = metadata.file_type();
    let kind = match file_type {
        _ if file_type.is_file() => return Ok(()),
        _ if file_type.is_dir() => "directory",
        _ if file_type.is_fifo() => "FIFO",
        _ if file_type.is_socket() => "socket",
        _ if file_type.is_char_device() => "character device",
        _ if file_type.is_block_device() => "block device",
        _ => "special file",
    };
    Err(StoreError::NotRegular { path: path.to_path_buf(), kind })
}
