//! Files beside a file: those that belong to it, and what killed processes left of making it.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::file::expect_regular;
use crate::new_file::place_of;
use crate::temporary;
use crate::{File, FileId, Result, StoreError};

/// How long one waits before one asks again whether it is one's turn.
const PAUSE: Duration = Duration::from_millis(2);

/// The right to replace a small file that several processes read, change and replace: one at a time.
///
/// It holds a lock (`flock`) on the file that has the name now. Where the file system has no locks, nobody waits.
#[derive(Debug)]
pub struct Turn {
    _held: fs::File,
}

impl Turn {
    /// Waits until nobody else replaces the file, or `stop` says so. `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotRegular`], [`StoreError::PermissionDenied`]; [`StoreError::Io`], also once `stop` said so.
    pub fn take(path: &Path, stop: &dyn Fn() -> bool) -> Result<Option<Turn>> {
        let failed = |source| StoreError::from_io(path, "lock it", source);
        loop {
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
            let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(failed(source)),
            };
            let metadata = file.metadata().map_err(failed)?;
            expect_regular(path, &metadata)?;
            match file.try_lock() {
                Err(fs::TryLockError::WouldBlock) => {
                    if stop() {
                        return Err(failed(io::Error::from_raw_os_error(libc::ECANCELED)));
                    }
                    thread::sleep(PAUSE);
                }
                // Somebody may have replaced it before it was locked.
                _ if fs::metadata(path).is_ok_and(|now| FileId::from(&now) == FileId::from(&metadata)) => {
                    return Ok(Some(Turn { _held: file }));
                }
                _ => {}
            }
        }
    }
}

/// Removes a file; that there is none is fine.
///
/// # Errors
///
/// [`StoreError::PermissionDenied`], [`StoreError::Io`].
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(|source| StoreError::from_io(path, "remove it", source)),
    }
}

/// What a process left, or still holds, that was making a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The hidden file.
    pub path: PathBuf,
    /// Its bytes.
    pub len: u64,
    /// Whether a process works on it: then it is none of anybody else's business.
    pub is_held: bool,
}

/// The hidden files of those who were making the file at `path`, or are.
///
/// # Errors
///
/// [`StoreError::Io`] and its like for a folder that cannot be read.
pub fn leftovers(path: &Path) -> Result<Vec<Leftover>> {
    let (folder, opened, name) = place_of(path)?;
    let found = temporary::find(opened.as_fd(), &name);
    let found = found.map_err(|source| StoreError::from_io(&folder, "list the folder", source))?;
    Ok(found
        .into_iter()
        .map(|(name, len, is_held)| Leftover { path: folder.join(name), len, is_held })
        .collect())
}

/// Removes those [`leftovers`] that no process holds; returns what is gone.
///
/// # Errors
///
/// As [`leftovers`].
pub fn sweep(path: &Path) -> Result<Vec<Leftover>> {
    let before = leftovers(path)?;
    let (_, opened, name) = place_of(path)?;
    temporary::sweep(opened.as_fd(), &name);
    let after = leftovers(path)?;
    Ok(before.into_iter().filter(|one| after.iter().all(|left| left.path != one.path)).collect())
}

impl File {
    /// Cuts what lies behind the first `len` bytes, and waits until that is on stable storage. To be called with a
    /// [lock](File::lock_range) of [`APPENDING`](crate::APPENDING), so that nobody counts these bytes meanwhile.
    /// Mappings of what is cut end, and this `File` is of no more use.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`]; [`StoreError::Truncated`] if the file was cut by somebody else, [`StoreError::Io`].
    pub fn cut(&self, len: u64) -> Result<()> {
        self.expect_writable(0, 0)?;
        self.check()?;
        let handle = self.handle();
        let cut = handle.calls.ftruncate(&handle.file, len.min(self.len()));
        let cut = cut.and_then(|()| handle.calls.fsync(&handle.file));
        cut.map_err(|source| StoreError::from_io(self.path(), "cut it", source))
    }
}
