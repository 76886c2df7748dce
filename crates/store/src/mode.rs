//! The small choices and names that callers pass in and get back.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What may be done with the bytes of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Reading only. Needs read permission only.
    Read,
    /// Reading and writing; writes reach the file.
    ReadWrite,
    /// Reading and writing; writes are seen by this process only, and the file is never touched.
    ///
    /// It is not a snapshot: bytes in pages that were not written here still follow the file.
    CopyOnWrite,
}

impl Mode {
    /// NumPy's name of this mode: `"r"`, `"r+"` or `"c"`.
    #[must_use]
    pub fn numpy_name(self) -> &'static str {
        match self {
            Mode::Read => "r",
            Mode::ReadWrite => "r+",
            Mode::CopyOnWrite => "c",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.numpy_name())
    }
}

/// Which file this is, whatever names it has: device and inode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    /// Number of the device that holds the file.
    pub dev: u64,
    /// Number of the file on that device.
    pub ino: u64,
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> Self {
        FileId { dev: metadata.dev(), ino: metadata.ino() }
    }
}

/// What to do where a file of the wanted name is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Existing {
    /// Leave it alone and fail with [`StoreError::AlreadyExists`](crate::StoreError::AlreadyExists).
    Refuse,
    /// Put the new file in its place when the new one is whole; keep its permission bits.
    Replace,
}

/// What a power loss after a new file was committed leaves of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// All of it: its bytes and its name are on stable storage.
    #[default]
    Name,
    /// If its name is there, all of its bytes are too; else what was there before.
    Items,
    /// Nothing that could be relied on: for new files that hold nothing yet.
    Nothing,
}

/// What to do where a file is shorter than what is to be mapped of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Short {
    /// Leave it as it is and fail with [`StoreError::OutOfRange`](crate::StoreError::OutOfRange).
    Refuse,
    /// Make it longer, with zeros for which space is taken at once; only of a file that is mapped for writing.
    Extend,
}

/// How much of a new file's space is asked for in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reserve {
    /// All of it, so that a full disk is an error now and not later.
    ///
    /// File systems that copy on write or compress (btrfs, ZFS) cannot promise space for overwriting.
    Space,
    /// None: the file is a hole that takes space as it is written. A full disk shows itself later.
    Sparse,
}
