//! Temporary files beside the file they will become: making them, and sweeping what killed processes left.
//!
//! The name is `.NAME.<pid>-<16 hex digits>.part`. Whoever writes one holds a lock on it, which the kernel
//! drops when the process dies. So a file of that name whose lock can be taken belongs to nobody.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::process;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};

use crate::syscalls;

/// How many names are tried. Another one is needed only if a sweeper gets hold of ours before its lock.
const ATTEMPTS: u32 = 100;

/// How many names of a folder are looked at for debris: creating many files in one folder must not list all of
/// it again and again.
const MAX_LISTED: usize = 10_000;

/// How many bytes of the target's name a temporary name holds at most.
const MAX_STEM: usize = 200;

/// A temporary file that is removed when it is dropped, unless it was kept.
pub(crate) struct Temporary {
    folder: OwnedFd,
    name: OsString,
    /// A forked child must not remove what its parent writes.
    owner: u32,
    /// There is no such name (any more).
    is_gone: bool,
}

impl Temporary {
    /// A new, empty, locked file in the folder, and the descriptor that holds the lock.
    pub(crate) fn create(folder: BorrowedFd<'_>, target: &OsStr, mode: Mode) -> io::Result<(Self, fs::File)> {
        for _ in 0..ATTEMPTS {
            let name = temporary_name(target);
            // Before there is a file: who finds no descriptor for the folder could not remove it.
            let own_folder = syscalls::duplicate(folder)?;
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = match rustix::fs::openat(folder, &name, flags, mode) {
                Ok(file) => fs::File::from(file),
                Err(rustix::io::Errno::EXIST | rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let temporary = Temporary { folder: own_folder, name, owner: process::id(), is_gone: false };
            // A sweeper that saw the file before it was locked may have the lock, or have removed the file.
            if !matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) && temporary.names(&file) {
                return Ok((temporary, file));
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "no temporary name is free"))
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Removes the name now. The descriptor stays good.
    pub(crate) fn remove(&mut self) {
        if !self.is_gone && self.owner == process::id() {
            // If it cannot be removed now, the next creation sweeps it.
            let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
        self.is_gone = true;
    }

    /// Whether there is no such name any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// The file has its final name: nothing is to be removed.
    pub(crate) fn keep(&mut self) {
        self.is_gone = true;
    }

    fn names(&self, file: &fs::File) -> bool {
        same_file(self.folder.as_fd(), &self.name, file)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The part of the target's name that fits into a temporary one: names are 255 bytes at most.
fn stem(target: &OsStr) -> &OsStr {
    let bytes = target.as_bytes();
    OsStr::from_bytes(&bytes[..bytes.len().min(MAX_STEM)])
}

fn temporary_name(target: &OsStr) -> OsString {
    // `RandomState` has fresh random keys, which is all the randomness that is needed here.
    let random = RandomState::new().hash_one(process::id());
    let mut name = OsString::from(".");
    name.push(stem(target));
    name.push(format!(".{}-{random:016x}.part", process::id()));
    name
}

/// Whether `name` is a temporary name for a file whose name begins as `stem`, and not just a similar one of somebody's own.
fn is_temporary_name(name: &[u8], stem: &[u8]) -> bool {
    let middle = name
        .strip_prefix(b".")
        .and_then(|name| name.strip_prefix(stem))
        .and_then(|name| name.strip_prefix(b"."))
        .and_then(|name| name.strip_suffix(b".part"));
    let Some((pid, random)) = middle.and_then(|middle| {
        let dash = middle.iter().position(|&byte| byte == b'-')?;
        Some((&middle[..dash], &middle[dash + 1..]))
    }) else {
        return false;
    };
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    !pid.is_empty() && pid.iter().all(u8::is_ascii_digit) && random.len() == 16 && random.iter().all(is_hex)
}

/// Removes temporary files for `target` that nobody holds. What cannot be removed stays.
pub(crate) fn sweep(folder: BorrowedFd<'_>, target: &OsStr) {
    let Ok(entries) = Dir::read_from(folder) else { return };
    for entry in entries.take(MAX_LISTED).flatten() {
        let name = entry.file_name().to_bytes();
        if is_temporary_name(name, stem(target).as_bytes()) {
            sweep_one(folder, OsStr::from_bytes(name));
        }
    }
}

/// Temporary files for `target`: the name, the length, and whether somebody holds it.
pub(crate) fn find(folder: BorrowedFd<'_>, target: &OsStr) -> io::Result<Vec<(OsString, u64, bool)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)?.take(MAX_LISTED) {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !is_temporary_name(name, stem(target).as_bytes()) {
            continue;
        }
        let name = OsStr::from_bytes(name);
        let Some(file) = open_regular(folder, name) else { continue };
        let len = file.metadata()?.len();
        // The lock is given back at once; whoever makes a file meanwhile takes another name.
        found.push((name.to_os_string(), len, file.try_lock().is_err()));
    }
    found.sort();
    Ok(found)
}

fn open_regular(folder: BorrowedFd<'_>, name: &OsStr) -> Option<fs::File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(rustix::fs::openat(folder, name, flags, Mode::empty()).ok()?);
    file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
}

fn sweep_one(folder: BorrowedFd<'_>, name: &OsStr) {
    let Some(file) = open_regular(folder, name) else { return };
    if file.try_lock().is_err() {
        return;
    }
    // The name may be another file's by now.
    if same_file(folder, name, &file) {
        let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
    }
}

fn same_file(folder: BorrowedFd<'_>, name: &OsStr, file: &fs::File) -> bool {
    let (Ok(named), Ok(open)) =
        (rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW), rustix::fs::fstat(file))
    else {
        return false;
    };
    named.st_dev == open.st_dev && named.st_ino == open.st_ino
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_temporary_names_are_recognised() {
        let ours = temporary_name(OsStr::new("a.npy"));
        assert!(is_temporary_name(ours.as_bytes(), b"a.npy"));
        assert!(!is_temporary_name(ours.as_bytes(), b"a"));
        for other in [".a.npy.part", ".a.npy.x.part", ".a.npy.12-0123.part", ".a.npy.-0123456789abcdef.part"]
        {
            assert!(!is_temporary_name(other.as_bytes(), b"a.npy"), "{other}");
        }
        assert!(!is_temporary_name(b".a.npy.12-0123456789abcdeF.part", b"a.npy"));
        assert!(is_temporary_name(b".a.npy.12-0123456789abcdef.part", b"a.npy"));
    }
}
