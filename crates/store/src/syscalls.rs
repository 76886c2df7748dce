//! The system calls that move or promise bytes, behind one trait, so that tests can make each of them fail.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::FileExt;
#[cfg(target_os = "linux")]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

use rustix::fs::{AtFlags, FallocateFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MsyncFlags, ProtFlags};

use crate::cache::{CachedPages, cachestat, fadvise, start_range, sync_range};
use crate::{Advice, Existing, Mode, locks};

/// What a mapping may do with its pages, and whom it shows changes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Shared pages, reading only.
    Read,
    /// Shared pages, reading and writing.
    Write,
    /// Pages that become private to the process when it writes to them.
    Private,
    /// Pages that would be private if they could be written: for file systems that share none.
    PrivateRead,
}

impl Access {
    pub(crate) fn is_writable(self) -> bool {
        matches!(self, Access::Write | Access::Private)
    }

    /// The one for maps of their own of a file that is opened so.
    pub(crate) fn of(mode: Mode) -> Self {
        match mode {
            Mode::Read => Access::Read,
            Mode::ReadWrite => Access::Write,
            Mode::CopyOnWrite => Access::Private,
        }
    }

    fn prot(self) -> ProtFlags {
        if self.is_writable() { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ }
    }

    fn flags(self) -> MapFlags {
        match self {
            Access::Read | Access::Write => MapFlags::SHARED,
            Access::Private | Access::PrivateRead => private_without_reservation(),
        }
    }
}

/// Only pages that are written cost memory: a private mapping may be larger than the machine's memory.
fn private_without_reservation() -> MapFlags {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    return MapFlags::PRIVATE | MapFlags::NORESERVE;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    return MapFlags::PRIVATE;
}

/// The calls. Each method is one call; who retries what is decided by the callers in `handle.rs`.
pub(crate) trait Calls: Send + Sync {
    /// Size of the file in bytes.
    fn len(&self, file: &fs::File) -> io::Result<u64> {
        // Half the cost of `metadata`, and it is asked after every use of a mapping.
        let stat = rustix::fs::fstat(file)?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    fn pread(&self, file: &fs::File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buf, offset)
    }

    fn pwrite(&self, file: &fs::File, buf: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(buf, offset)
    }

    /// As `pwrite`; the pages are on their way to the device at once, and leave the page cache when they are
    /// there. Since Linux 6.14, where the file system can do it.
    fn pwrite_through(&self, file: &fs::File, buf: &[u8], offset: u64) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        {
            use rustix::io::{ReadWriteFlags, pwritev2};
            let flags = ReadWriteFlags::from_bits_retain(libc::RWF_DONTCACHE as u32);
            Ok(pwritev2(file, &[io::IoSlice::new(buf)], offset, flags)?)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (file, buf, offset);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn fdatasync(&self, file: &fs::File) -> io::Result<()> {
        file.sync_data()
    }

    fn fsync(&self, file: &fs::File) -> io::Result<()> {
        file.sync_all()
    }

    /// Takes the space for `len` bytes at `offset`; the file reaches at least behind them then.
    fn fallocate(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len)?)
    }

    /// Takes the space for `len` bytes at `offset` and leaves the length of the file as it is.
    fn fallocate_ahead(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return Ok(rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, offset, len)?);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = (file, offset, len);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn ftruncate(&self, file: &fs::File, len: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(file, len)?)
    }

    /// Bytes that the file system has left for this user.
    fn free_space(&self, file: &fs::File) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(file)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// The longest file that this process may write, if there is a limit.
    fn size_limit(&self) -> Option<u64> {
        rustix::process::getrlimit(rustix::process::Resource::Fsize).current
    }

    /// Maps `len` bytes of the file at `offset`, which is a multiple of the page size.
    fn mmap(&self, file: &fs::File, access: Access, offset: u64, len: usize) -> io::Result<NonNull<u8>> {
        // SAFETY: a null hint lets the kernel choose an unused range, so no memory in use changes; what the
        // pages may be used for is the concern of `Region`.
        let base =
            unsafe { rustix::mm::mmap(ptr::null_mut(), len, access.prot(), access.flags(), file, offset)? };
        NonNull::new(base.cast()).ok_or_else(|| io::Error::other("the kernel mapped the address zero"))
    }

    /// Writes the changed pages of a shared mapping to the file and waits for them.
    ///
    /// # Safety
    ///
    /// `base` and `len` are a live mapping.
    unsafe fn msync(&self, base: NonNull<u8>, len: usize) -> io::Result<()> {
        // SAFETY: the caller vouches for the range, and msync changes no memory of ours.
        unsafe { Ok(rustix::mm::msync(base.as_ptr().cast(), len, MsyncFlags::SYNC)?) }
    }

    /// A second descriptor of the file, which reads past the page cache. By the path only where there is no
    /// `/proc`: the caller looks which file it got.
    #[cfg(target_os = "linux")]
    fn open_direct(&self, file: &fs::File, path: &Path) -> io::Result<fs::File> {
        let open = |path: &Path| {
            let flags = libc::O_DIRECT | libc::O_NONBLOCK | libc::O_NOCTTY;
            fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
        };
        match open(&own_path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => open(path),
            result => result,
        }
    }

    /// A second descriptor of the file, which writes (and reads) past the page cache; only where there is a
    /// `/proc`.
    #[cfg(target_os = "linux")]
    fn open_direct_to_write(&self, file: &fs::File) -> io::Result<fs::File> {
        fs::OpenOptions::new().read(true).write(true).custom_flags(libc::O_DIRECT).open(own_path(file))
    }

    /// Asked before queued transfers are handed to the system.
    #[cfg(target_os = "linux")]
    fn may_submit(&self) -> io::Result<()> {
        Ok(())
    }

    /// What a queued transfer came to: bytes, or the negative number of an error.
    #[cfg(target_os = "linux")]
    fn completed(&self, result: i32) -> i32 {
        result
    }

    /// How many pages of the range are in the page cache, and how many of them are dirty.
    fn cachestat(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<CachedPages> {
        cachestat(file, offset, len)
    }

    /// Tells for each page of a mapping whether it is in the page cache (lowest bit).
    ///
    /// # Safety
    ///
    /// `base` and `len` are a live mapping.
    unsafe fn mincore(&self, base: NonNull<u8>, len: usize, pages: &mut [u8]) -> io::Result<()> {
        assert!(pages.len() >= len.div_ceil(page_size()));
        // SAFETY: the caller vouches for the mapping, and there is a byte for each of its pages.
        let code = unsafe { libc::mincore(base.as_ptr().cast(), len, pages.as_mut_ptr().cast()) };
        if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn fadvise(
        &self,
        file: &fs::File,
        offset: u64,
        len: Option<NonZeroU64>,
        advice: Advice,
    ) -> io::Result<()> {
        fadvise(file, offset, len, advice)
    }

    /// Writes the dirty pages of the range to the disk and waits for them. Not the file's metadata.
    fn sync_range(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        sync_range(file, offset, len)
    }

    /// Begins to write the dirty pages of the range to the disk.
    fn start_range(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        start_range(file, offset, len)
    }

    /// Keeps the pages of a mapping in memory until it is unmapped.
    ///
    /// # Safety
    ///
    /// `base` and `len` are a live mapping.
    unsafe fn mlock(&self, base: NonNull<u8>, len: usize) -> io::Result<()> {
        // SAFETY: the caller vouches for the range, and mlock changes no memory of ours.
        unsafe { Ok(rustix::mm::mlock(base.as_ptr().cast(), len)?) }
    }

    /// Locks a range of bytes against all other open files; see `locks.rs`.
    fn lock(&self, file: &fs::File, range: &Range<u64>) -> io::Result<()> {
        locks::lock(file, range)
    }

    fn unlock(&self, file: &fs::File, range: &Range<u64>) -> io::Result<()> {
        locks::unlock(file, range)
    }

    /// The process that keeps a range from being locked, −1 where the system does not say which, none if nobody does.
    fn lock_holder(&self, file: &fs::File, range: &Range<u64>) -> io::Result<Option<i32>> {
        locks::lock_holder(file, range)
    }

    /// Gives the file `from` of the folder the name `to`.
    fn rename(&self, folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr, existing: Existing) -> io::Result<()> {
        match existing {
            Existing::Replace => Ok(rustix::fs::renameat(folder, from, folder, to)?),
            Existing::Refuse => rename_to_free_name(folder, from, to),
        }
    }

    /// Waits until the names in the folder are on the disk.
    fn sync_folder(&self, folder: BorrowedFd<'_>) -> io::Result<()> {
        Ok(rustix::fs::fsync(folder)?)
    }
}

/// Unmaps a range.
///
/// # Safety
///
/// `base` and `len` came from [`Calls::mmap`], and nothing uses the range from now on.
pub(crate) unsafe fn unmap(base: NonNull<u8>, len: usize) {
    // SAFETY: the caller vouches for it. An error would mean a wrong range, and leaves the pages mapped.
    let _ = unsafe { rustix::mm::munmap(base.as_ptr().cast(), len) };
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_to_free_name(folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> io::Result<()> {
    match rustix::fs::renameat_with(folder, from, folder, to, rustix::fs::RenameFlags::NOREPLACE) {
        // Old kernels, and file systems that know no such flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_to_free_name(folder, from, to),
        result => Ok(result?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_to_free_name(folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> io::Result<()> {
    link_to_free_name(folder, from, to)
}

/// A hard link refuses a name that is taken, as a rename does not.
pub(crate) fn link_to_free_name(folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> io::Result<()> {
    match rustix::fs::linkat(folder, from, folder, to, AtFlags::empty()) {
        Err(Errno::PERM | Errno::NOSYS | Errno::NOTSUP | Errno::MLINK) => {
            return look_and_rename(folder, from, to);
        }
        result => result?,
    }
    // The file has its name now; a second name that stays is swept by the next creation.
    let _ = rustix::fs::unlinkat(folder, from, AtFlags::empty());
    Ok(())
}

/// For file systems that have neither (many in user space): a name that appears between the two calls is
/// replaced.
pub(crate) fn look_and_rename(folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> io::Result<()> {
    match rustix::fs::statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(rustix::fs::renameat(folder, from, folder, to)?),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Errno::EXIST.into()),
    }
}

/// The calls as the system has them.
pub(crate) struct System;

impl Calls for System {}

/// The one instance that everything outside of tests uses.
pub(crate) static SYSTEM: System = System;

#[cfg(feature = "faults")]
pub(crate) use crate::faulty::calls_for;

/// The calls for a file that is opened or made at a path.
#[cfg(not(feature = "faults"))]
pub(crate) fn calls_for(_: &Path) -> &'static dyn Calls {
    &SYSTEM
}

/// A path by which this process reaches its own descriptor, where there is a `/proc`.
pub(crate) fn own_path(file: &fs::File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Size of a page in bytes: a power of two.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// A descriptor with the same open file, for callers that must own one.
pub(crate) fn duplicate(folder: impl AsFd) -> io::Result<std::os::fd::OwnedFd> {
    folder.as_fd().try_clone_to_owned()
}
