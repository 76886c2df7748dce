//! Who may write which bytes of a file, agreed between processes.
//!
//! ```text
//! 0                                               2^62   2^62 + 1
//! ├─ the bytes of the file, for writers in place ──┼──────┤
//!                                                   └ appending and resizing
//! ```
//!
//! The locks are those of open file descriptions (Linux): they belong to the open file and not to the process, so
//! closing another descriptor of the same file does not drop them, and the kernel drops them when the last descriptor
//! is gone, however the process ended. They bind those who ask for them; readers never do.

use std::io;
use std::ops::Range;
use std::process;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::file::{File, unpoisoned};
use crate::handle::{Handle, is_unsupported, stopped};
use crate::{FileSystem, Mode, Result, StoreError};

/// The byte behind all that a file can have, which is locked by those who append or resize.
const APPEND_BYTE: u64 = 1 << 62;

/// Every byte of a file, whatever its length.
pub const ALL_BYTES: Range<u64> = 0..APPEND_BYTE;

/// Both: what those lock who put another file in the place of this one.
pub const EVERYTHING: Range<u64> = 0..APPEND_BYTE + 1;

/// The lock of those who append rows or change the number of rows.
pub const APPENDING: Range<u64> = APPEND_BYTE..APPEND_BYTE + 1;

/// How often a lock that is refused although nobody holds it is asked for again.
const RACES: u32 = 100;

/// How long is slept between two attempts, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Whether a file that is opened for writing is locked against other writers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lock {
    /// It is, and where the file system has no locks it is written without, of which [`File::lock_note`] tells.
    #[default]
    Auto,
    /// It is, and where the file system has no locks that is an error.
    Require,
    /// It is not: whoever writes sees to it that nobody else does.
    Off,
}

/// How a lock is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Locking {
    /// Whether it is wanted.
    pub lock: Lock,
    /// How long to wait for somebody who has it; zero to fail at once.
    pub wait: Duration,
}

/// The locks of an open file. Those that one descriptor holds are not counted by the system, so they are here.
#[derive(Default)]
pub(crate) struct Locks {
    held: Mutex<Vec<Range<u64>>>,
    /// Why there are none.
    missing: OnceLock<String>,
}

/// What became of an attempt.
enum Attempt {
    Taken,
    /// Somebody has it: a process, where the system says which.
    Refused(Option<u32>),
}

/// Bytes of a file that nobody else may write until this is dropped.
pub struct RangeLock {
    file: Arc<File>,
    range: Range<u64>,
    /// A forked child must not give up what its parent holds.
    owner: u32,
    is_wanted: bool,
}

impl RangeLock {
    /// The file.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
}

impl Drop for RangeLock {
    fn drop(&mut self) {
        if self.is_wanted && self.owner == process::id() {
            let handle = self.file.handle();
            handle.locks.release(handle, &self.range);
        }
    }
}

impl File {
    /// Locks bytes of the file against all who ask for the same, in this process and in others, until the file is
    /// closed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if somebody else has some of them, at once or after waiting; [`StoreError::NoLocks`]
    /// where a lock is required and the file system has none; [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub fn lock_until_closed(&self, range: Range<u64>, locking: Locking) -> Result<()> {
        self.lock_until_closed_or(range, locking, &|| false)
    }

    /// As [`lock_until_closed`](Self::lock_until_closed); while it waits it asks `stop`, and fails with [`StoreError::Io`]
    /// once that says so.
    ///
    /// # Errors
    ///
    /// As [`lock_until_closed`](Self::lock_until_closed).
    pub fn lock_until_closed_or(
        &self,
        range: Range<u64>,
        locking: Locking,
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        self.take_lock(&range, locking, stop)
    }

    /// Locks bytes of the file until the answer is dropped. Of [`APPENDING`] there is one lock also within an open
    /// file, so two threads cannot append at a time.
    ///
    /// # Errors
    ///
    /// As [`lock_until_closed`](Self::lock_until_closed).
    pub fn lock_range(self: &Arc<Self>, range: Range<u64>, locking: Locking) -> Result<RangeLock> {
        self.lock_range_or(range, locking, &|| false)
    }

    /// As [`lock_range`](Self::lock_range); while it waits it asks `stop`, and fails with [`StoreError::Io`] once that says
    /// so.
    ///
    /// # Errors
    ///
    /// As [`lock_until_closed`](Self::lock_until_closed).
    pub fn lock_range_or(
        self: &Arc<Self>,
        range: Range<u64>,
        locking: Locking,
        stop: &dyn Fn() -> bool,
    ) -> Result<RangeLock> {
        self.take_lock(&range, locking, stop)?;
        let is_wanted = locking.lock != Lock::Off || range == APPENDING;
        Ok(RangeLock { file: Arc::clone(self), range, owner: process::id(), is_wanted })
    }

    /// Gives up a lock that was to be held until the file is closed.
    pub fn give_up_lock(&self, range: &Range<u64>) {
        if self.handle().is_own_process() {
            self.handle().locks.release(self.handle(), range);
        }
    }

    /// Whether bytes of the file are locked for this open file, besides its end.
    #[must_use]
    pub fn holds_lock(&self) -> bool {
        unpoisoned(&self.handle().locks.held).iter().any(|range| *range != APPENDING)
    }

    /// Why less can be promised of what is written to the file, if that is so: it is written without a lock although one
    /// was asked for, or it lies on another machine.
    #[must_use]
    pub fn lock_note(&self) -> Option<String> {
        let path = self.path().display();
        if let Some(reason) = self.handle().locks.missing.get() {
            return Some(format!("{path}: written without a lock: {reason}"));
        }
        let note = (self.mode() == Mode::ReadWrite).then(|| network_note(&self.file_system()))??;
        Some(format!("{path}: {note}"))
    }

    fn take_lock(&self, range: &Range<u64>, locking: Locking, stop: &dyn Fn() -> bool) -> Result<()> {
        if self.mode() != Mode::ReadWrite {
            return Err(StoreError::ReadOnly { path: self.path().to_path_buf(), mode: self.mode() });
        }
        self.handle().locks.take(self.handle(), range, locking, stop)
    }
}

impl Locks {
    fn take(
        &self,
        handle: &Handle,
        range: &Range<u64>,
        locking: Locking,
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let holder = match self.attempt(handle, range, locking.lock)? {
                Attempt::Taken => return Ok(()),
                Attempt::Refused(holder) => holder,
            };
            let waited = start.elapsed();
            let Some(left) = locking.wait.checked_sub(waited).filter(|left| !left.is_zero()) else {
                let path = handle.path.clone();
                return Err(StoreError::Locked { path, range: range.clone(), holder, waited });
            };
            if stop() {
                return Err(StoreError::from_io(&handle.path, "wait for its lock", stopped()));
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn attempt(&self, handle: &Handle, range: &Range<u64>, lock: Lock) -> Result<Attempt> {
        let mut held = unpoisoned(&self.held);
        if *range == APPENDING && held.contains(range) {
            return Ok(Attempt::Refused(Some(process::id())));
        }
        if lock == Lock::Off {
            // Threads that share the open file are kept apart all the same.
            if *range == APPENDING {
                held.push(range.clone());
            }
            return Ok(Attempt::Taken);
        }
        if range.is_empty() {
            return Ok(Attempt::Taken);
        }
        for _ in 0..RACES {
            let refused = match uninterrupted(|| handle.calls.lock(&handle.file, range)) {
                Ok(()) => {
                    held.push(range.clone());
                    return Ok(Attempt::Taken);
                }
                Err(error) => error,
            };
            match refused.raw_os_error() {
                Some(libc::EAGAIN | libc::EACCES) => {
                    // Nobody has it: it was given up in between.
                    let holder = uninterrupted(|| handle.calls.lock_holder(&handle.file, range));
                    match holder {
                        Ok(None) => {}
                        Ok(Some(pid)) => return Ok(Attempt::Refused(u32::try_from(pid).ok())),
                        Err(_) => return Ok(Attempt::Refused(None)),
                    }
                }
                _ if has_no_locks(&refused) => {
                    self.go_without(handle, lock, refused)?;
                    held.push(range.clone());
                    return Ok(Attempt::Taken);
                }
                _ => {
                    return Err(StoreError::from_io(&handle.path, "lock it", refused));
                }
            }
        }
        Ok(Attempt::Refused(None))
    }

    fn go_without(&self, handle: &Handle, lock: Lock, source: io::Error) -> Result<()> {
        if lock == Lock::Require {
            return Err(StoreError::NoLocks { path: handle.path.clone(), source });
        }
        // The first reason is as good as any.
        let _ = self.missing.set(source.to_string());
        Ok(())
    }

    /// Gives up one lock; what others of this open file cover stays locked.
    fn release(&self, handle: &Handle, range: &Range<u64>) {
        let mut held = unpoisoned(&self.held);
        let Some(index) = held.iter().position(|other| other == range) else { return };
        held.swap_remove(index);
        for free in without(range, &held) {
            // If it cannot be given up now, it is when the file is closed.
            let _ = uninterrupted(|| handle.calls.unlock(&handle.file, &free));
        }
    }

    /// Gives up all locks.
    pub(crate) fn release_all(&self, handle: &Handle) {
        for range in std::mem::take(&mut *unpoisoned(&self.held)) {
            let _ = uninterrupted(|| handle.calls.unlock(&handle.file, &range));
        }
    }
}

/// What is not promised where others keep the bytes.
fn network_note(system: &FileSystem) -> Option<String> {
    let name = &system.name;
    system.network.then(|| {
        format!(
            "written on {name}: locks, and what is on stable storage, are as good as what serves it; \
             let one machine write, and others read when it is done"
        )
    })
}

/// The parts of a range that no other range covers.
fn without(range: &Range<u64>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut free = vec![range.clone()];
    for other in others {
        free = free
            .into_iter()
            .flat_map(|part| [part.start..part.end.min(other.start), part.start.max(other.end)..part.end])
            .filter(|part| part.start < part.end)
            .collect();
    }
    free
}

fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether the file system or the system has no such locks (old kernels do not know the command).
fn has_no_locks(error: &io::Error) -> bool {
    is_unsupported(error) || matches!(error.raw_os_error(), Some(libc::ENOLCK | libc::EINVAL))
}

/// Locks a range for writing.
#[cfg(target_os = "linux")]
pub(crate) fn lock(file: &std::fs::File, range: &Range<u64>) -> io::Result<()> {
    control(file, libc::F_OFD_SETLK, libc::F_WRLCK, range).map(|_| ())
}

/// Unlocks a range.
#[cfg(target_os = "linux")]
pub(crate) fn unlock(file: &std::fs::File, range: &Range<u64>) -> io::Result<()> {
    control(file, libc::F_OFD_SETLK, libc::F_UNLCK, range).map(|_| ())
}

/// Who keeps a range from being locked: a process, −1 where the system does not say which.
#[cfg(target_os = "linux")]
pub(crate) fn lock_holder(file: &std::fs::File, range: &Range<u64>) -> io::Result<Option<i32>> {
    let found = control(file, libc::F_OFD_GETLK, libc::F_WRLCK, range)?;
    Ok((i32::from(found.l_type) != libc::F_UNLCK).then_some(found.l_pid))
}

#[cfg(target_os = "linux")]
fn control(file: &std::fs::File, command: i32, kind: i32, range: &Range<u64>) -> io::Result<libc::flock> {
    use std::os::fd::AsRawFd;
    let signed = |n: u64| i64::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    let mut lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: signed(range.start)?,
        l_len: signed(range.end.saturating_sub(range.start))?,
        // It must be zero for these commands.
        l_pid: 0,
    };
    // SAFETY: the descriptor is open, and the structure is one that these commands read and write.
    let code = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    if code == -1 { Err(io::Error::last_os_error()) } else { Ok(lock) }
}

#[cfg(not(target_os = "linux"))]
fn none<T>() -> io::Result<T> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

/// Only Linux has locks of open files.
#[cfg(not(target_os = "linux"))]
pub(crate) fn lock(_: &std::fs::File, _: &Range<u64>) -> io::Result<()> {
    none()
}

/// See [`lock`].
#[cfg(not(target_os = "linux"))]
pub(crate) fn unlock(_: &std::fs::File, _: &Range<u64>) -> io::Result<()> {
    none()
}

/// See [`lock`].
#[cfg(not(target_os = "linux"))]
pub(crate) fn lock_holder(_: &std::fs::File, _: &Range<u64>) -> io::Result<Option<i32>> {
    none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_to_another_machine_is_told() {
        let system = |name: &str, network| FileSystem { name: name.to_owned(), network };
        assert_eq!(network_note(&system("ext4", false)), None);
        assert!(network_note(&system("nfs", true)).unwrap().contains("written on nfs"));
    }

    #[test]
    fn what_is_given_up_is_what_nobody_else_holds() {
        type Pairs = &'static [(u64, u64)];
        let cases: [((u64, u64), Pairs, Pairs); 6] = [
            ((0, 10), &[], &[(0, 10)]),
            ((0, 10), &[(2, 4)], &[(0, 2), (4, 10)]),
            ((0, 10), &[(0, 10)], &[]),
            ((5, 10), &[(0, 7), (9, 20)], &[(7, 9)]),
            ((5, 10), &[(10, 12), (0, 5)], &[(5, 10)]),
            ((0, 10), &[(1, 2), (3, 4), (0, 2)], &[(2, 3), (4, 10)]),
        ];
        let ranges = |pairs: &[(u64, u64)]| pairs.iter().map(|&(from, to)| from..to).collect::<Vec<_>>();
        for (range, others, free) in cases {
            let found = without(&(range.0..range.1), &ranges(others));
            assert_eq!(found, ranges(free), "{range:?} {others:?}");
        }
    }
}
