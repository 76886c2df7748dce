//! What is done, and what fails meanwhile: six bytes each, so that a fuzzer can change them one by one.

use ndfolio::Synced;
use ndfolio_store::Fault;

/// Bytes of a step.
pub(crate) const STEP: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A new file takes the place of whatever is there.
    Create,
    OpenWriter,
    OpenReader,
    OpenAppender,
    /// By the array that is open for writing.
    Append,
    AppendLazy,
    BeginAppender,
    /// By the appender: written and not counted.
    Batch,
    Commit,
    Rollback,
    CloseAppender,
    DropAppender,
    Refresh,
    Read,
    Write,
    Assign,
    Fill,
    Truncate,
    Resize,
    Compact,
    Insert,
    Delete,
    Flush,
    CloseWriter,
    DropWriter,
    CopyOnWrite,
    Checksum,
    Verify,
}

use Operation::{
    Append, AppendLazy, Assign, Batch, BeginAppender, Checksum, CloseAppender, CloseWriter, Commit, Compact,
    CopyOnWrite, Create, Delete, DropAppender, DropWriter, Fill, Flush, Insert, OpenAppender, OpenReader,
    OpenWriter, Read, Refresh, Resize, Rollback, Truncate, Verify, Write,
};

/// Some stand there more than once: they are what makes a sequence long.
const OPERATIONS: [Operation; 36] = [
    Create,
    OpenWriter,
    OpenWriter,
    OpenWriter,
    OpenReader,
    OpenReader,
    OpenAppender,
    OpenAppender,
    Append,
    Append,
    Append,
    AppendLazy,
    BeginAppender,
    Batch,
    Batch,
    Batch,
    Commit,
    Commit,
    Rollback,
    CloseAppender,
    DropAppender,
    Refresh,
    Refresh,
    Read,
    Write,
    Assign,
    Fill,
    Truncate,
    Resize,
    Compact,
    Insert,
    Delete,
    Flush,
    CloseWriter,
    Checksum,
    Verify,
];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    /// What the operation makes rows and numbers of.
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) c: u8,
    /// How many system calls go well before one does not, and what that does.
    pub(crate) fault: Option<(usize, Fault)>,
}

impl Step {
    pub(crate) fn new(bytes: &[u8; STEP]) -> Step {
        let [operation, a, b, c, fault, after] = *bytes;
        let operation = match operation {
            254 => DropWriter,
            255 => CopyOnWrite,
            other => OPERATIONS[usize::from(other) % OPERATIONS.len()],
        };
        let fault = match fault {
            0..128 => None,
            other => Some(match other % 12 {
                0 | 1 => Fault::Once(libc::EIO),
                2 | 3 => Fault::Once(libc::ENOSPC),
                4 => Fault::FromNowOn(libc::EIO),
                5 => Fault::FromNowOn(libc::ENOSPC),
                6 => Fault::Once(libc::EINTR),
                7 => Fault::Once(libc::EAGAIN),
                8 => Fault::Short,
                _ => Fault::Killed,
            }),
        };
        Step { operation, a, b, c, fault: fault.map(|fault| (usize::from(after % 64), fault)) }
    }

    /// A number of rows: small ones mostly, sometimes more than a block of checksums has, if there are not many items yet.
    pub(crate) fn count(&self, items: usize) -> usize {
        match self.a {
            250.. if items < 400_000 => 90_000,
            small => [0, 1, 1, 2, 3, 7, 40, 600][usize::from(small % 8)],
        }
    }

    /// Two numbers up to `most`, the smaller one first.
    pub(crate) fn pair(&self, most: usize) -> (usize, usize) {
        let scaled = |byte: u8| usize::from(byte) * (most + 1) / 256;
        let (one, two) = (scaled(self.b), scaled(self.c));
        (one.min(two), one.max(two))
    }

    pub(crate) fn synced(&self) -> Synced {
        [Synced::Commit, Synced::Data, Synced::None][usize::from(self.a % 3)]
    }
}

/// Failures that say nothing about the disk: with them, everything has to succeed, if somebody repeats the call.
pub(crate) fn is_harmless(fault: Fault, call: &str) -> bool {
    match fault {
        Fault::Short => true,
        Fault::Once(libc::EINTR) => !matches!(call, "rename" | "mmap"),
        Fault::Once(libc::EAGAIN) => {
            !matches!(call, "rename" | "mmap" | "lock" | "lock_holder" | "submit" | "completed")
        }
        _ => false,
    }
}
