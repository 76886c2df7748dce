//! System calls that fail on purpose: the n-th one, for every n, as SQLite's tests do it.

#[cfg(test)]
mod appends;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod engines;
#[cfg(feature = "faults")]
mod folder;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod writers;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Mutex;

use crate::cache::CachedPages;
use crate::syscalls::{Access, Calls, System};
use crate::{Advice, Existing};
#[cfg(feature = "faults")]
use crate::{File, Mode, Result};

#[cfg(feature = "faults")]
pub use folder::FaultyFolder;
#[cfg(feature = "faults")]
pub(crate) use folder::calls_for;

/// Opens a file of which the call named `call` (`"pread"`, `"completed"`, `"submit"`, …) fails with the error
/// number `code` after `nth` others of that name; the function that comes with it says whether it did. For
/// tests of what is built on files.
///
/// # Errors
///
/// As [`File::open`].
#[cfg(feature = "faults")]
pub fn open_failing(
    path: impl AsRef<std::path::Path>,
    mode: Mode,
    (call, nth): (&'static str, usize),
    code: i32,
) -> Result<(File, impl Fn() -> bool)> {
    let calls = Faulty::nth(call, nth, Fault::Once(code));
    Ok((File::open_with(path.as_ref(), mode, calls)?, || calls.failed().is_some()))
}

/// What a failing call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "faults"), allow(unreachable_pub, reason = "only with it others see it"))]
pub enum Fault {
    /// Fails with this error number, once.
    Once(i32),
    /// Fails with this error number, and so does every later call of the same kind.
    FromNowOn(i32),
    /// Moves about half of the bytes; calls that move none do as usual.
    Short,
    /// Fails, and so does every later call of any kind: nothing reaches the files any more, as when the process is killed.
    #[cfg_attr(not(feature = "faults"), allow(dead_code, reason = "for what is built on files"))]
    Killed,
}

struct State {
    /// How many calls go well before the one that does not.
    after: usize,
    fault: Fault,
    /// Calls that were made.
    made: Vec<&'static str>,
    /// The kind of call that failed first.
    failed: Option<&'static str>,
}

/// Does what the system does, but for one call.
pub(crate) struct Faulty {
    /// Only calls of this name count and fail, if one is given.
    only: Option<&'static str>,
    limit: Option<u64>,
    state: Mutex<State>,
}

impl Faulty {
    /// Lives for ever: a few hundred bytes a test case.
    fn new(after: usize, fault: Fault, only: Option<&'static str>, limit: Option<u64>) -> &'static Faulty {
        let state = State { after, fault, made: Vec::new(), failed: None };
        Box::leak(Box::new(Faulty { only, limit, state: Mutex::new(state) }))
    }

    /// Fails after `after` calls.
    pub(crate) fn after(after: usize, fault: Fault) -> &'static Faulty {
        Faulty::new(after, fault, None, None)
    }

    /// Fails the first call named `only`.
    pub(crate) fn first(only: &'static str, fault: Fault) -> &'static Faulty {
        Faulty::nth(only, 0, fault)
    }

    /// Fails a call named `only` after `after` others of that name.
    pub(crate) fn nth(only: &'static str, after: usize, fault: Fault) -> &'static Faulty {
        Faulty::new(after, fault, Some(only), None)
    }

    /// Fails nothing, but says that files are limited to `limit` bytes.
    pub(crate) fn limited(limit: u64) -> &'static Faulty {
        Faulty::new(usize::MAX, Fault::Short, None, Some(limit))
    }

    /// What the call that fails does.
    pub(crate) fn fault(&self) -> Fault {
        self.state.lock().unwrap().fault
    }

    /// The name of the call that failed, if it came that far.
    pub(crate) fn failed(&self) -> Option<&'static str> {
        self.state.lock().unwrap().failed
    }

    /// The names of all calls in order.
    pub(crate) fn made(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().made.clone()
    }

    /// Counts a call; the error that it has to return, or whether it has to be short.
    fn count(&self, name: &'static str) -> io::Result<bool> {
        let mut state = self.state.lock().unwrap();
        state.made.push(name);
        let index = match self.only {
            Some(only) => state.made.iter().filter(|made| only == **made).count(),
            None => state.made.len(),
        };
        let is_hit = self.only.is_none_or(|only| only == name) && index == state.after.saturating_add(1);
        if is_hit {
            state.failed = Some(name);
        }
        match state.fault {
            Fault::Once(code) if is_hit => Err(io::Error::from_raw_os_error(code)),
            Fault::FromNowOn(code) if state.failed == Some(name) => Err(io::Error::from_raw_os_error(code)),
            Fault::Killed if state.failed.is_some() => Err(io::Error::from_raw_os_error(libc::EIO)),
            Fault::Short => Ok(is_hit),
            _ => Ok(false),
        }
    }
}

impl Calls for Faulty {
    fn len(&self, file: &fs::File) -> io::Result<u64> {
        self.count("len")?;
        System.len(file)
    }

    fn pread(&self, file: &fs::File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = if self.count("pread")? { buf.len().div_ceil(2) } else { buf.len() };
        System.pread(file, &mut buf[..len], offset)
    }

    fn pwrite(&self, file: &fs::File, buf: &[u8], offset: u64) -> io::Result<usize> {
        let len = if self.count("pwrite")? { buf.len().div_ceil(2) } else { buf.len() };
        System.pwrite(file, &buf[..len], offset)
    }

    fn pwrite_through(&self, file: &fs::File, buf: &[u8], offset: u64) -> io::Result<usize> {
        let len = if self.count("pwrite_through")? { buf.len().div_ceil(2) } else { buf.len() };
        System.pwrite_through(file, &buf[..len], offset)
    }

    fn fdatasync(&self, file: &fs::File) -> io::Result<()> {
        self.count("fdatasync")?;
        System.fdatasync(file)
    }

    fn fsync(&self, file: &fs::File) -> io::Result<()> {
        self.count("fsync")?;
        System.fsync(file)
    }

    fn fallocate(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        self.count("fallocate")?;
        System.fallocate(file, offset, len)
    }

    fn fallocate_ahead(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        self.count("fallocate_ahead")?;
        System.fallocate_ahead(file, offset, len)
    }

    fn ftruncate(&self, file: &fs::File, len: u64) -> io::Result<()> {
        self.count("ftruncate")?;
        System.ftruncate(file, len)
    }

    fn free_space(&self, file: &fs::File) -> io::Result<u64> {
        self.count("free_space")?;
        System.free_space(file)
    }

    fn size_limit(&self) -> Option<u64> {
        self.limit
    }

    fn mmap(&self, file: &fs::File, access: Access, offset: u64, len: usize) -> io::Result<NonNull<u8>> {
        self.count("mmap")?;
        System.mmap(file, access, offset, len)
    }

    unsafe fn msync(&self, base: NonNull<u8>, len: usize) -> io::Result<()> {
        self.count("msync")?;
        // SAFETY: passed on from the caller.
        unsafe { System.msync(base, len) }
    }

    #[cfg(target_os = "linux")]
    fn open_direct(&self, file: &fs::File, path: &Path) -> io::Result<fs::File> {
        self.count("open_direct")?;
        System.open_direct(file, path)
    }

    #[cfg(target_os = "linux")]
    fn open_direct_to_write(&self, file: &fs::File) -> io::Result<fs::File> {
        self.count("open_direct_to_write")?;
        System.open_direct_to_write(file)
    }

    #[cfg(target_os = "linux")]
    fn may_submit(&self) -> io::Result<()> {
        self.count("submit").map(|_| ())
    }

    #[cfg(target_os = "linux")]
    fn completed(&self, result: i32) -> i32 {
        match self.count("completed") {
            Ok(true) => result - result / 2,
            Ok(_) => result,
            Err(error) => -error.raw_os_error().unwrap(),
        }
    }

    fn cachestat(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<CachedPages> {
        self.count("cachestat")?;
        System.cachestat(file, offset, len)
    }

    unsafe fn mincore(&self, base: NonNull<u8>, len: usize, pages: &mut [u8]) -> io::Result<()> {
        self.count("mincore")?;
        // SAFETY: passed on from the caller.
        unsafe { System.mincore(base, len, pages) }
    }

    fn fadvise(
        &self,
        file: &fs::File,
        offset: u64,
        len: Option<NonZeroU64>,
        advice: Advice,
    ) -> io::Result<()> {
        self.count("fadvise")?;
        System.fadvise(file, offset, len, advice)
    }

    fn sync_range(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        self.count("sync_range")?;
        System.sync_range(file, offset, len)
    }

    unsafe fn mlock(&self, base: NonNull<u8>, len: usize) -> io::Result<()> {
        self.count("mlock")?;
        // SAFETY: passed on from the caller.
        unsafe { System.mlock(base, len) }
    }

    fn lock(&self, file: &fs::File, range: &Range<u64>) -> io::Result<()> {
        self.count("lock")?;
        System.lock(file, range)
    }

    fn unlock(&self, file: &fs::File, range: &Range<u64>) -> io::Result<()> {
        self.count("unlock")?;
        System.unlock(file, range)
    }

    fn lock_holder(&self, file: &fs::File, range: &Range<u64>) -> io::Result<Option<i32>> {
        self.count("lock_holder")?;
        System.lock_holder(file, range)
    }

    fn rename(&self, folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr, existing: Existing) -> io::Result<()> {
        self.count("rename")?;
        System.rename(folder, from, to, existing)
    }

    fn sync_folder(&self, folder: BorrowedFd<'_>) -> io::Result<()> {
        self.count("sync_folder")?;
        System.sync_folder(folder)
    }
}
