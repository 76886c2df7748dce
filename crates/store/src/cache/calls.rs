//! The system calls on the page cache that no library has for all systems.

use std::fs;
use std::io;
use std::num::NonZeroU64;

use crate::Advice;

/// Pages of a range that are in the page cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CachedPages {
    pub(crate) resident: u64,
    pub(crate) dirty: u64,
}

/// Number of `cachestat(2)`, the same on all processors (since Linux 6.5).
#[cfg(any(target_os = "linux", target_os = "android"))]
const SYS_CACHESTAT: libc::c_long = 451;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn cachestat(file: &fs::File, offset: u64, len: u64) -> io::Result<CachedPages> {
    use std::os::fd::AsRawFd;

    // `struct cachestat_range`: offset and length. `struct cachestat`: pages that are cached, dirty, under
    // writeback, evicted, recently evicted.
    let range = [offset, len];
    let mut counts = [0_u64; 5];
    // SAFETY: both structures are arrays of `u64` in the kernel's interface, and live during the call.
    let code =
        unsafe { libc::syscall(SYS_CACHESTAT, file.as_raw_fd(), range.as_ptr(), counts.as_mut_ptr(), 0_u32) };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    // Pages under writeback are not on the disk either.
    Ok(CachedPages { resident: counts[0], dirty: counts[1] + counts[2] })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn cachestat(_: &fs::File, _: u64, _: u64) -> io::Result<CachedPages> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn fadvise(
    file: &fs::File,
    offset: u64,
    len: Option<NonZeroU64>,
    advice: Advice,
) -> io::Result<()> {
    let advice = match advice {
        Advice::Normal => rustix::fs::Advice::Normal,
        Advice::Sequential => rustix::fs::Advice::Sequential,
        Advice::Random => rustix::fs::Advice::Random,
        Advice::WillNeed => rustix::fs::Advice::WillNeed,
        Advice::DontNeed => rustix::fs::Advice::DontNeed,
    };
    Ok(rustix::fs::fadvise(file, offset, len, advice)?)
}

/// Advice is nothing that anything depends on.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn fadvise(_: &fs::File, _: u64, _: Option<NonZeroU64>, _: Advice) -> io::Result<()> {
    Ok(())
}

/// Writes the dirty pages of a range and waits for them.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn sync_range(file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
    let wait = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    sync_file_range(file, offset, len, wait | libc::SYNC_FILE_RANGE_WRITE)
}

/// Begins to write the dirty pages of a range.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn start_range(file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
    sync_file_range(file, offset, len, libc::SYNC_FILE_RANGE_WRITE)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn sync_file_range(file: &fs::File, offset: u64, len: u64, flags: libc::c_uint) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let signed = |value: u64| i64::try_from(value).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL));
    // SAFETY: it reads and writes no memory of ours.
    let code = unsafe { libc::sync_file_range(file.as_raw_fd(), signed(offset)?, signed(len)?, flags) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn sync_range(_: &fs::File, _: u64, _: u64) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn start_range(_: &fs::File, _: u64, _: u64) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
