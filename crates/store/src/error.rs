//! The one error of this crate.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{ALL_BYTES, APPENDING, EVERYTHING, Mode};

/// `Result` with [`StoreError`].
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What went wrong with a file. Every message begins with the path and ends with the way out.
///
/// Offsets and lengths are bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing has this name.
    #[error("{}: no such file or folder; check the path", path.display())]
    NotFound {
        /// The name that was asked for.
        path: PathBuf,
    },

    /// The system forbids it.
    #[error("{}: not allowed to {operation}: {source}; check the permissions of the file and its folder",
        path.display())]
    PermissionDenied {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// It is there, but it holds no bytes that could be read at an offset.
    #[error("{}: expected a regular file, found a {kind}; give the path of a file", path.display())]
    NotRegular {
        /// The name that was asked for.
        path: PathBuf,
        /// What it is: `"directory"`, `"FIFO"`, `"socket"`, `"character device"`, `"block device"`, …
        kind: &'static str,
    },

    /// A new file was to get a name that is taken.
    #[error("{}: it exists already, and replacing it was not asked for", path.display())]
    AlreadyExists {
        /// The name that is taken.
        path: PathBuf,
    },

    /// A write in copy-on-write mode that needs more memory than is allowed.
    #[error("{}: mode 'c' would keep {needed} bytes of changed pages in memory, {budget} are allowed; allow more, or \
        write to a copy of the file with mode 'r+'", path.display())]
    CopyBudget {
        /// The file.
        path: PathBuf,
        /// Bytes of all pages that would be changed then.
        needed: u64,
        /// Bytes that are allowed.
        budget: u64,
    },

    /// A write to a file that was opened for reading.
    #[error("{}: opened with mode '{mode}'; open it with 'r+' (read-write) to change the file or 'c' \
        (copy-on-write) to change only this process's view", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// The mode it was opened with.
        mode: Mode,
    },

    /// The file became shorter while it was open.
    #[error("{}: the file was cut while it was open: expected {expected} bytes at offset {offset}, found \
        {found}; restore the file and open it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where the wanted bytes begin in the file.
        offset: u64,
        /// How many bytes were to be there.
        expected: u64,
        /// How many are there.
        found: u64,
    },

    /// The caller asked for bytes that the file (or the mapping) never had.
    #[error("{}: expected a range within {file_len} bytes, got {len} bytes at offset {offset}; if the file \
        has grown, open it again", path.display())]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// Where the wanted bytes begin.
        offset: u64,
        /// How many bytes were wanted.
        len: u64,
        /// How many bytes there are to choose from: the file's size when it was opened, or the mapping's.
        file_len: u64,
    },

    /// An earlier failure made it unknown what the file holds.
    #[error("{}: an earlier failure left the file in doubt ({reason}); open it again and check it",
        path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
        /// The message of the failure that was first.
        reason: String,
    },

    /// The path no longer names the file that is open.
    #[error("{}: the file was replaced or removed; what was written went to the old one; open the path again \
        and write anew", path.display())]
    Replaced {
        /// The name that the file had.
        path: PathBuf,
    },

    /// The file system, or this user's quota, is full.
    #[error("{}: no space left: {needed} bytes are needed{}; free some space (or quota) or choose another \
        folder", path.display(), FreeSpace(*available))]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// How many bytes were to be stored.
        needed: u64,
        /// How many bytes the file system has left for this user, where it tells.
        available: Option<u64>,
    },

    /// The file would be longer than this process or this file system allows.
    #[error("{}: a file of {len} bytes is over the limit{}; raise it (ulimit -f) or choose another file \
        system", path.display(), Limit(*limit))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How long it would become.
        len: u64,
        /// The limit of this process, where that is what forbids it.
        limit: Option<u64>,
    },

    /// The table of guarded mappings is full.
    #[error("{}: {limit} mappings are in use and no more can be guarded; drop some of them, or read without \
        mapping", path.display())]
    TooManyMappings {
        /// The file that was to be mapped.
        path: PathBuf,
        /// How many mappings a process can hold.
        limit: usize,
    },

    /// Somebody else writes to it, and holds a lock.
    #[error("{}: {}{}{}; wait until that is done (a time to wait can be given), write to other rows, or write without \
        a lock if nobody else does", path.display(), LockedPart(range), Holder(*holder), Waited(*waited))]
    Locked {
        /// The file.
        path: PathBuf,
        /// Which bytes were to be locked; [`APPENDING`](crate::APPENDING) stands for the end of the file.
        range: std::ops::Range<u64>,
        /// The process that holds the lock, where the system says it.
        holder: Option<u32>,
        /// How long it was waited for.
        waited: Duration,
    },

    /// A write outside of the rows that the file was opened for.
    #[error("{}: the file was opened to write bytes {}..{}, got {len} bytes at offset {offset}; open it for the rows \
        that are to be written", path.display(), own.start, own.end)]
    NotOwn {
        /// The file.
        path: PathBuf,
        /// Where the bytes were to go.
        offset: u64,
        /// How many there were.
        len: u64,
        /// What may be written.
        own: std::ops::Range<u64>,
    },

    /// A lock was required where there are none.
    #[error("{}: this file system has no locks ({source}); write without one (lock 'auto' or 'off') if nobody else \
        writes to it, or choose another folder", path.display())]
    NoLocks {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file that is open for writing was used in a forked child.
    #[error("{}: it was opened for writing by process {owner}, and this is a forked child of it; open the file again \
        in this process", path.display())]
    Forked {
        /// The file.
        path: PathBuf,
        /// The process that opened it.
        owner: u32,
    },

    /// Something that other files or systems can do, and this one cannot. There is another way each time.
    #[error("{}: cannot {operation} here: {source}; choose another way", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A piece of a pass is longer than the buffers may be.
    #[error("{}: {len} bytes at offset {offset} are to be in memory at once, and the buffers may take {budget}; \
        allow more memory or take smaller pieces", path.display())]
    Budget {
        /// The file.
        path: PathBuf,
        /// Where the piece begins.
        offset: u64,
        /// How long it is.
        len: u64,
        /// How many bytes the buffers may take.
        budget: u64,
    },

    /// The process may not keep that much in memory.
    #[error("{}: cannot lock {needed} bytes in memory: the limit is {limit} bytes for the whole process; raise \
        it (ulimit -l) or lock less", path.display())]
    LockLimit {
        /// The file.
        path: PathBuf,
        /// How many bytes were to be locked: whole pages.
        needed: u64,
        /// The limit of this process.
        limit: u64,
    },

    /// Any other failure of the system.
    #[error("{}: cannot {operation}{}: {source}", path.display(), At(*offset, *len))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Where in the file, if at one place.
        offset: Option<u64>,
        /// How many bytes from there, if that is known.
        len: Option<u64>,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    /// The file or folder that the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            StoreError::NotFound { path }
            | StoreError::PermissionDenied { path, .. }
            | StoreError::NotRegular { path, .. }
            | StoreError::AlreadyExists { path }
            | StoreError::ReadOnly { path, .. }
            | StoreError::CopyBudget { path, .. }
            | StoreError::Truncated { path, .. }
            | StoreError::OutOfRange { path, .. }
            | StoreError::Poisoned { path, .. }
            | StoreError::Replaced { path }
            | StoreError::NoSpace { path, .. }
            | StoreError::TooLarge { path, .. }
            | StoreError::TooManyMappings { path, .. }
            | StoreError::Unsupported { path, .. }
            | StoreError::Budget { path, .. }
            | StoreError::LockLimit { path, .. }
            | StoreError::Locked { path, .. }
            | StoreError::NoLocks { path, .. }
            | StoreError::NotOwn { path, .. }
            | StoreError::Forked { path, .. }
            | StoreError::Io { path, .. } => path,
        }
    }

    /// A failed `operation` on `path`, sorted by what the system said.
    pub(crate) fn from_io(path: &Path, operation: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => StoreError::NotFound { path },
            Some(libc::EACCES | libc::EPERM | libc::EROFS) => {
                StoreError::PermissionDenied { path, operation, source }
            }
            Some(libc::EEXIST) => StoreError::AlreadyExists { path },
            _ => StoreError::Io { path, operation, offset: None, len: None, source },
        }
    }

    /// A failed transfer of bytes at `offset`; a full disk is told apart by the caller.
    pub(crate) fn at(path: &Path, operation: &'static str, offset: u64, source: io::Error) -> Self {
        StoreError::Io { path: path.to_path_buf(), operation, offset: Some(offset), len: None, source }
    }

    /// The same where it is known which bytes were wanted.
    pub(crate) fn within(
        path: &Path,
        operation: &'static str,
        range: std::ops::Range<u64>,
        source: io::Error,
    ) -> Self {
        let (offset, len) = (Some(range.start), Some(range.end.saturating_sub(range.start)));
        StoreError::Io { path: path.to_path_buf(), operation, offset, len, source }
    }
}

/// `", N are free"` where the number is known.
struct FreeSpace(Option<u64>);

impl std::fmt::Display for FreeSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |free| write!(f, ", {free} are free"))
    }
}

/// `" of N bytes"` where the number is known.
struct Limit(Option<u64>);

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |limit| write!(f, " of {limit} bytes"))
    }
}

/// What a lock is for.
struct LockedPart<'a>(&'a std::ops::Range<u64>);

impl std::fmt::Display for LockedPart<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            range if *range == APPENDING => f.write_str("somebody else appends to it or resizes it"),
            range if *range == ALL_BYTES || *range == EVERYTHING => {
                f.write_str("somebody else has it open for writing")
            }
            range => {
                write!(f, "somebody else has bytes {}..{} of it open for writing", range.start, range.end)
            }
        }
    }
}

/// The process, where it is known.
struct Holder(Option<u32>);

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |pid| write!(f, " (process {pid})"))
    }
}

/// How long it was waited for, if it was.
struct Waited(Duration);

impl std::fmt::Display for Waited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs_f64() {
            seconds if seconds < 0.01 => Ok(()),
            seconds => write!(f, ", and still does after {seconds:.1} s"),
        }
    }
}

/// `" at offset N"`, or the range of bytes, where the numbers are known.
struct At(Option<u64>, Option<u64>);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            (Some(offset), Some(len)) => write!(f, " bytes {offset}..{}", offset.saturating_add(len)),
            (Some(offset), None) => write!(f, " at offset {offset}"),
            (None, _) => Ok(()),
        }
    }
}
