//! An open descriptor with its path: exact reads and writes, and who retries what.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::cache::is_in_memory;
use crate::locks::Locks;
use crate::syscalls::Calls;
use crate::{Reserve, Result, StoreError};

/// How often a call that says "try again" is tried again, a millisecond apart.
pub(crate) const MAX_RETRIES: u32 = 1000;

/// How many bytes of zeros are written at a time where space cannot be reserved otherwise.
const ZEROS: usize = 1 << 20;

/// For how many bytes space is taken at a time where that takes long.
const SPACE: u64 = 16 << 20;

/// Length of a file that is not left in the page cache.
pub(crate) const LONG: u64 = 256 << 20;
/// Shorter parts are written through the page cache, where neighbours come together.
pub(crate) const LONG_PART: usize = 64 << 10;

/// An open file. What may be done with it is decided by those who hold it.
pub(crate) struct Handle {
    pub(crate) file: fs::File,
    /// As the caller wrote it.
    pub(crate) path: PathBuf,
    pub(crate) calls: &'static dyn Calls,
    /// Lowest offset at which a writable mapping, by now dropped, lost its file; `u64::MAX` if none did.
    pub(crate) lost: AtomicU64,
    pub(crate) locks: Locks,
    /// Whether the system refused to let go of written pages.
    through_refused: AtomicBool,
    /// The process that opened it: a forked child shares the locks, and knows nothing of what its parent writes.
    owner: u32,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Closing alone leaves the locks with a child that another thread is just starting, until it runs its program.
        if self.is_own_process() {
            self.locks.release_all(self);
        }
    }
}

impl Handle {
    pub(crate) fn new(file: fs::File, path: PathBuf, calls: &'static dyn Calls) -> Self {
        Handle {
            file,
            path,
            calls,
            lost: AtomicU64::new(u64::MAX),
            locks: Locks::default(),
            through_refused: AtomicBool::new(false),
            owner: process::id(),
        }
    }

    /// `Err(Forked)` in a child of the process that opened the file.
    pub(crate) fn expect_own_process(&self) -> Result<()> {
        if self.is_own_process() {
            return Ok(());
        }
        Err(StoreError::Forked { path: self.path.clone(), owner: self.owner })
    }

    pub(crate) fn is_own_process(&self) -> bool {
        self.owner == process::id()
    }

    /// Size of the file now, in bytes.
    pub(crate) fn current_len(&self) -> Result<u64> {
        again(|| self.calls.len(&self.file))
            .map_err(|source| StoreError::from_io(&self.path, "look up the size", source))
    }

    /// `Err(Truncated)` if fewer than `expected` bytes are left at `offset`.
    pub(crate) fn expect_bytes(&self, offset: u64, expected: u64) -> Result<()> {
        let found = self.current_len()?.saturating_sub(offset);
        if found < expected { Err(self.truncated(offset, expected, found)) } else { Ok(()) }
    }

    pub(crate) fn truncated(&self, offset: u64, expected: u64, found: u64) -> StoreError {
        StoreError::Truncated { path: self.path.clone(), offset, expected, found }
    }

    /// `Err(OutOfRange)` unless `len` bytes at `offset` lie within the first `file_len` bytes.
    pub(crate) fn expect_within(&self, offset: u64, len: u64, file_len: u64) -> Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= file_len => Ok(()),
            _ => Err(StoreError::OutOfRange { path: self.path.clone(), offset, len, file_len }),
        }
    }

    /// Fills `buf` from `offset`; the file ends too early: `Truncated`.
    pub(crate) fn read_exact(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < buf.len() {
            let at = offset + done as u64;
            let count = again(|| self.calls.pread(&self.file, &mut buf[done..], at)).map_err(|source| {
                StoreError::within(&self.path, "read", at..offset + buf.len() as u64, source)
            })?;
            if count == 0 {
                return Err(self.truncated(offset, buf.len() as u64, done as u64));
            }
            done += count;
        }
        Ok(())
    }

    /// Makes the file at least `len` bytes long, and takes the space for it if wanted. Where that takes long it
    /// asks `stop` whether to go on, and if not, fails as interrupted.
    pub(crate) fn reserve(&self, len: u64, reserve: Reserve, stop: &dyn Fn() -> bool) -> Result<()> {
        let current = self.current_len()?;
        if len == 0 || (reserve == Reserve::Sparse && len <= current) {
            return Ok(());
        }
        self.expect_allowed(len)?;
        if reserve == Reserve::Space {
            self.expect_room(len.saturating_sub(current))?;
        }
        let result = match reserve {
            Reserve::Space => self.take_space(len, stop),
            Reserve::Sparse => again(|| self.calls.ftruncate(&self.file, len)),
        };
        match result {
            Err(source) if reserve == Reserve::Space && is_unsupported(&source) => {
                self.write_zeros(current, len, stop)
            }
            result => result.map_err(|source| self.write_failed("reserve space", 0, len, source)),
        }
    }

    /// Refuses more than the whole file system has left, before it takes all of that from everybody to find it out.
    fn expect_room(&self, needed: u64) -> Result<()> {
        match rustix::fs::fstatvfs(&self.file) {
            Ok(stat) if needed > stat.f_bfree.saturating_mul(stat.f_frsize) => {
                let available = Some(stat.f_bavail.saturating_mul(stat.f_frsize));
                Err(StoreError::NoSpace { path: self.path.clone(), needed, available })
            }
            _ => Ok(()),
        }
    }

    /// Makes a file of `from` bytes `to` bytes long, with space for what is new; on failure it is as long as before.
    pub(crate) fn extend(&self, from: u64, to: u64) -> Result<()> {
        self.expect_allowed(to)?;
        self.expect_room(to - from)?;
        let result = match again(|| self.calls.fallocate(&self.file, from, to - from)) {
            Err(source) if is_unsupported(&source) => self.write_zeros(from, to, &|| false),
            result => result.map_err(|source| self.write_failed("reserve space", from, to - from, source)),
        };
        // A file system that has less than was asked for may have given some of it. Where somebody else made the
        // file that long meanwhile, it stays so.
        if result.is_err() && self.current_len().is_ok_and(|len| from < len && len < to) {
            let _ = again(|| self.calls.ftruncate(&self.file, from));
        }
        result
    }

    /// Takes the space for the first `len` bytes. In memory that takes as long as filling them with zeros, so it
    /// is done in parts.
    fn take_space(&self, len: u64, stop: &dyn Fn() -> bool) -> io::Result<()> {
        let part = if is_in_memory(&self.file) { SPACE } else { len };
        let mut at = 0;
        while at < len {
            let end = len.min(at + part);
            again(|| match self.calls.fallocate(&self.file, at, end - at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted && stops_soon(stop) => {
                    Err(stopped())
                }
                result => result,
            })?;
            at = end;
            if at < len && stop() {
                return Err(stopped());
            }
        }
        Ok(())
    }

    /// Writes all of `data` at `offset`.
    pub(crate) fn write_all(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.write_with(offset, data, |data, at| self.calls.pwrite(&self.file, data, at))
    }

    /// As [`write_all`](Self::write_all); long parts do not stay in the page cache, where that can be had.
    pub(crate) fn write_through(&self, offset: u64, data: &[u8]) -> Result<()> {
        if data.len() < LONG_PART {
            return self.write_all(offset, data);
        }
        self.write_with(offset, data, |data, at| {
            if !self.is_through_refused() {
                match self.calls.pwrite_through(&self.file, data, at) {
                    Err(error) if is_unsupported(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                        self.through_refused.store(true, Ordering::Relaxed);
                    }
                    result => return result,
                }
            }
            self.calls.pwrite(&self.file, data, at)
        })
    }

    pub(crate) fn is_through_refused(&self) -> bool {
        self.through_refused.load(Ordering::Relaxed)
    }

    fn write_with(
        &self,
        offset: u64,
        data: &[u8],
        write: impl Fn(&[u8], u64) -> io::Result<usize>,
    ) -> Result<()> {
        self.expect_allowed(offset.saturating_add(data.len() as u64))?;
        let mut done = 0;
        while done < data.len() {
            let at = offset + done as u64;
            let count = again(|| write(&data[done..], at))
                .map_err(|source| self.write_failed("write", at, (data.len() - done) as u64, source))?;
            if count == 0 {
                return Err(StoreError::at(&self.path, "write", at, io::ErrorKind::WriteZero.into()));
            }
            done += count;
        }
        Ok(())
    }

    /// Refuses what the process's file size limit forbids: the kernel would send `SIGXFSZ`, which kills.
    pub(crate) fn expect_allowed(&self, end: u64) -> Result<()> {
        let limit = self.calls.size_limit();
        // Offsets are signed in the kernel.
        if limit.is_some_and(|limit| end > limit) || i64::try_from(end).is_err() {
            return Err(StoreError::TooLarge { path: self.path.clone(), len: end, limit });
        }
        Ok(())
    }

    /// The error for a failed write of `needed` bytes that would end at `offset + needed`.
    pub(crate) fn write_failed(
        &self,
        operation: &'static str,
        offset: u64,
        needed: u64,
        source: io::Error,
    ) -> StoreError {
        let path = self.path.clone();
        match source.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => {
                let available = self.calls.free_space(&self.file).ok();
                StoreError::NoSpace { path, needed, available }
            }
            Some(libc::EFBIG) => StoreError::TooLarge {
                path,
                len: offset.saturating_add(needed),
                limit: self.calls.size_limit(),
            },
            _ => StoreError::within(&self.path, operation, offset..offset.saturating_add(needed), source),
        }
    }

    /// What is free once the space that a failed call had taken is given back: a new one has that much.
    pub(crate) fn look_at_space_again(&self, error: StoreError, given_back: u64) -> StoreError {
        match error {
            StoreError::NoSpace { path, needed, .. } => StoreError::NoSpace {
                path,
                needed: needed.saturating_add(given_back),
                available: self.calls.free_space(&self.file).ok(),
            },
            other => other,
        }
    }

    /// Writes dirty pages to the disk. The system tells of a failure only once.
    pub(crate) fn write_back(&self, range: &Range<u64>) -> Result<()> {
        let len = range.end.saturating_sub(range.start);
        // A length of zero would mean the rest of the file.
        if len == 0 {
            return Ok(());
        }
        let written = match again(|| self.calls.sync_range(&self.file, range.start, len)) {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::EINVAL | libc::ESPIPE)
                ) =>
            {
                again(|| self.calls.fdatasync(&self.file))
            }
            result => result,
        };
        written.map_err(|source| self.write_failed("write back", range.start, len, source))
    }

    /// Begins to write dirty pages. An error that is not told here stays to be told by the next call that waits.
    pub(crate) fn begin_write_back(&self, range: &Range<u64>) {
        if range.start < range.end {
            let _ = self.calls.start_range(&self.file, range.start, range.end - range.start);
        }
    }

    /// Writes zeros over `[from, to)`, after a look at the free space.
    fn write_zeros(&self, from: u64, to: u64, stop: &dyn Fn() -> bool) -> Result<()> {
        let needed = to.saturating_sub(from);
        if let Ok(available) = self.calls.free_space(&self.file)
            && available < needed
        {
            return Err(StoreError::NoSpace { path: self.path.clone(), needed, available: Some(available) });
        }
        let zeros = vec![0; usize::try_from(needed).unwrap_or(ZEROS).min(ZEROS)];
        let mut at = from;
        while at < to {
            let len = usize::try_from(to - at).unwrap_or(ZEROS).min(zeros.len());
            if stop() {
                return Err(StoreError::within(&self.path, "reserve space for", at..to, stopped()));
            }
            self.write_all(at, &zeros[..len])?;
            at += len as u64;
        }
        Ok(())
    }
}

/// Repeats a call that was interrupted, and for about a second one that says "try again".
pub(crate) fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut retries = 0;
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && retries < MAX_RETRIES => {
                retries += 1;
                thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

/// What a call that was given up fails with.
pub(crate) fn stopped() -> io::Error {
    io::Error::from_raw_os_error(libc::ECANCELED)
}

/// Whether a signal that interrupted a call means that it is not wanted any more: whoever handles it says so a
/// moment later. A file system in memory takes long to reserve space, and begins anew each time.
fn stops_soon(stop: &dyn Fn() -> bool) -> bool {
    thread::sleep(Duration::from_millis(5));
    stop()
}

/// Whether the file system has no such call.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    // On Linux EOPNOTSUPP and ENOTSUP are one number; elsewhere they are not.
    let code = error.raw_os_error();
    code == Some(libc::EOPNOTSUPP) || code == Some(libc::ENOTSUP) || code == Some(libc::ENOSYS)
}
