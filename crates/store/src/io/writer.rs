//! Passes that write a file: pieces out of private memory, while earlier ones are still on their way.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::buffer::Buffer;
use super::direct::{self, Writes};
use crate::handle::{Handle, LONG, LONG_PART};
use crate::{File, Mode, NewFile, Result, StoreError};

/// How the bytes of a pass come out of private memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteEngine {
    /// Written to the device past the page cache, several pieces at a time (`O_DIRECT`, `io_uring`): for long
    /// files. What was written is on the device at once, and leaves the page cache to others.
    Direct,
    /// Through the page cache, which gives the pages to the device at once and lets go of them
    /// (`RWF_DONTCACHE`, where the system has it).
    Through,
    /// By system calls that leave the bytes in the page cache: works everywhere.
    Pwrite,
}

impl WriteEngine {
    /// All engines.
    pub const ALL: [WriteEngine; 3] = [WriteEngine::Direct, WriteEngine::Through, WriteEngine::Pwrite];

    /// What writes a new file of `len` bytes in pieces of `piece` bytes, where the system refuses nothing.
    #[must_use]
    pub fn for_new_file(len: u64, piece: usize) -> Self {
        if len >= LONG && piece >= LONG_PART { WriteEngine::Direct } else { WriteEngine::Pwrite }
    }

    /// Length of a piece, in bytes, at which this engine is fastest in a pass over a long range. They may begin and end
    /// anywhere.
    #[must_use]
    pub fn piece_bytes(self) -> usize {
        match self {
            WriteEngine::Direct => 2 << 20,
            WriteEngine::Through => 1 << 20,
            // They go through the processor's cache: a part of the second level.
            WriteEngine::Pwrite => 256 << 10,
        }
    }

    /// Bytes that a writer takes for buffers, with pieces of `piece` bytes and a budget of `budget`, up to what
    /// alignment adds.
    #[must_use]
    pub fn buffer_bytes(self, piece: usize, budget: usize) -> usize {
        match self {
            WriteEngine::Direct => direct::write_buffer_bytes(piece, budget),
            WriteEngine::Through | WriteEngine::Pwrite => piece.min(budget),
        }
    }
}

impl fmt::Display for WriteEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            WriteEngine::Direct => "direct",
            WriteEngine::Through => "through",
            WriteEngine::Pwrite => "pwrite",
        })
    }
}

/// What a writer did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteCounters {
    /// Pieces that were given to it.
    pub pieces: u64,
    /// Bytes in these pieces.
    pub bytes: u64,
    /// Of these, the bytes that went past the page cache.
    pub bytes_direct: u64,
    /// Writes that had to be asked for again: interrupted, refused for the moment, or short.
    pub retries: u64,
    /// Bytes of buffers, at the most.
    pub buffer_bytes: u64,
    /// Time in which the worker waited for memory to be free, or for calls.
    pub wait: Duration,
}

impl WriteCounters {
    /// Adds what another worker's writer did. Buffers and times are added too, as workers run side by side.
    pub fn add(&mut self, other: &WriteCounters) {
        self.pieces += other.pieces;
        self.bytes += other.bytes;
        self.bytes_direct += other.bytes_direct;
        self.retries += other.retries;
        self.buffer_bytes += other.buffer_bytes;
        self.wait += other.wait;
    }
}

/// One worker's writes to a file, made by [`NewFile::writer`] and [`File::writer`]. Several workers have one each,
/// for bytes that are not the others'.
///
/// ```
/// # use ndfolio_store::{Existing, NewFile, Reserve};
/// # let folder = std::env::temp_dir().join(format!("ndfolio-writer-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut new = NewFile::create(folder.join("ones.bin"), Existing::Replace)?;
/// new.reserve(1000, Reserve::Space)?;
/// let mut writer = new.writer(100, 1 << 20)?;
/// for piece in 0..10 {
///     writer.room(piece * 100, 100)?.fill(1);
///     writer.write()?;
/// }
/// writer.finish()?;
/// drop(writer);
/// new.commit()?;
/// assert_eq!(std::fs::read(folder.join("ones.bin"))?, [1; 1000]);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropping it waits for what is on its way, and lets go of room that was not written.
pub struct Writer<'a> {
    target: Target<'a>,
    piece: usize,
    way: Way<'a>,
    /// Why it is not the engine that suits the file best.
    reason: Option<StoreError>,
    counters: WriteCounters,
}

enum Way<'a> {
    /// Each call ends before the next.
    Calls {
        buffer: Buffer,
        /// What the caller fills: where it begins, and its length.
        room: Option<(u64, usize)>,
    },
    Direct(Box<Writes<'a>>),
}

/// The file that is written.
#[derive(Clone, Copy)]
enum Target<'a> {
    New(&'a NewFile),
    /// And whether it is so much that it should not stay in the page cache.
    Old(&'a File, bool),
}

impl Target<'_> {
    fn handle(&self) -> &Handle {
        match self {
            Target::New(file) => file.handle(),
            Target::Old(file, _) => file.handle(),
        }
    }

    fn path(&self) -> &Path {
        &self.handle().path
    }

    fn expect_writable(&self, offset: u64, len: usize) -> Result<()> {
        match self {
            Target::New(file) => {
                file.expect_usable()?;
                file.handle().expect_allowed(offset.saturating_add(len as u64))
            }
            Target::Old(file, _) => file.expect_writable(offset, len),
        }
    }

    /// Writes by calls, to the end.
    fn write_all(&self, offset: u64, data: &[u8]) -> Result<()> {
        match *self {
            Target::New(file) => file.write_at(offset, data),
            Target::Old(file, is_long) => file.write_part(offset, data, is_long),
        }
    }

    /// The engine of those calls.
    fn calls_engine(&self, piece: usize) -> WriteEngine {
        let is_long = match self {
            Target::New(file) => file.is_long(),
            Target::Old(file, is_long) => *is_long && file.mode() == Mode::ReadWrite,
        };
        if is_long && piece >= LONG_PART && !self.handle().is_through_refused() {
            WriteEngine::Through
        } else {
            WriteEngine::Pwrite
        }
    }

    /// A write failed, of which nobody may hear in the end.
    fn lost(&self, error: &StoreError) {
        if let Target::New(file) = self {
            file.lost(error);
        }
    }
}

impl<'a> Writer<'a> {
    fn new(target: Target<'a>, piece: usize, budget: usize) -> Result<Self> {
        if piece > budget {
            let (len, budget) = (piece as u64, budget as u64);
            return Err(StoreError::Budget { path: target.path().to_path_buf(), offset: 0, len, budget });
        }
        let direct = match target {
            Target::New(file) if file.is_long() && piece >= LONG_PART => {
                Some(Writes::new(file, piece, budget))
            }
            _ => None,
        };
        let calls = || Way::Calls { buffer: Buffer::default(), room: None };
        let (way, reason) = match direct {
            Some(Ok(writes)) => (Way::Direct(Box::new(writes)), None),
            Some(Err(reason)) => (calls(), Some(reason)),
            None => (calls(), None),
        };
        Ok(Writer { target, piece, way, reason, counters: WriteCounters::default() })
    }

    /// Private memory for the `len` bytes that are to lie at `offset` of the file. It holds anything, and its address
    /// is congruent to the offset modulo 64. Room that was not written is let go.
    ///
    /// Waits until earlier writes leave a buffer free.
    ///
    /// # Errors
    ///
    /// [`StoreError::Budget`] if `len` is more than the piece that the writer was made for,
    /// [`StoreError::OutOfRange`] and [`StoreError::Truncated`] for what does not lie in an existing file,
    /// [`StoreError::TooLarge`], [`StoreError::Poisoned`], and as [`finish`](Self::finish) for earlier writes.
    pub fn room(&mut self, offset: u64, len: usize) -> Result<&mut [u8]> {
        if len > self.piece {
            let (path, budget) = (self.target.path().to_path_buf(), self.piece as u64);
            return Err(StoreError::Budget { path, offset, len: len as u64, budget });
        }
        self.target.expect_writable(offset, len)?;
        let target = self.target;
        match &mut self.way {
            Way::Calls { buffer, room } => {
                *room = Some((offset, len));
                Ok(buffer.room(offset, len))
            }
            Way::Direct(writes) => writes.room(offset, len).inspect_err(|error| target.lost(error)),
        }
    }

    /// Begins to write what [`room`](Self::room) gave last; without such, does nothing.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish), for this write or an earlier one.
    pub fn write(&mut self) -> Result<()> {
        let target = self.target;
        let len = match &mut self.way {
            Way::Calls { buffer, room } => {
                let Some((offset, len)) = room.take() else { return Ok(()) };
                let start = Instant::now();
                let result = target.write_all(offset, buffer.room(offset, len));
                self.counters.wait += start.elapsed();
                result.map(|()| Some(len))
            }
            Way::Direct(writes) => writes.write(),
        };
        let len = len.inspect_err(|error| target.lost(error))?;
        self.counters.pieces += u64::from(len.is_some());
        self.counters.bytes += len.unwrap_or(0) as u64;
        Ok(())
    }

    /// Waits until all is written that [`write`](Self::write) began. The file's own flush
    /// ([`NewFile::commit`], [`File::flush`]) makes it last.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`], [`StoreError::TooLarge`], [`StoreError::Io`] with the bytes that are not
    /// written; a new file cannot be committed then. [`StoreError::Unsupported`] in a forked child.
    pub fn finish(&mut self) -> Result<()> {
        if let Target::New(file) = self.target {
            file.expect_usable()?;
        }
        match &mut self.way {
            Way::Calls { .. } => Ok(()),
            Way::Direct(writes) => writes.finish().inspect_err(|error| self.target.lost(error)),
        }
    }

    /// The engine that runs.
    #[must_use]
    pub fn engine(&self) -> WriteEngine {
        match &self.way {
            Way::Direct(writes) if writes.refusal().is_none() => WriteEngine::Direct,
            _ => self.target.calls_engine(self.piece),
        }
    }

    /// Why it is not the engine that suits the file best: what was refused.
    #[must_use]
    pub fn reason(&self) -> Option<&StoreError> {
        match &self.way {
            Way::Direct(writes) => writes.refusal(),
            Way::Calls { .. } => self.reason.as_ref(),
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> WriteCounters {
        match &self.way {
            Way::Calls { buffer, .. } => {
                WriteCounters { buffer_bytes: buffer.capacity() as u64, ..self.counters }
            }
            Way::Direct(writes) => writes.add_to(self.counters),
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if let Way::Direct(writes) = &mut self.way
            && writes.is_ours()
        {
            // Whoever drops it in the middle may still commit; what was lost must not be forgotten.
            let _ = writes.finish().inspect_err(|error| self.target.lost(error));
        }
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.target.path())
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}

impl NewFile {
    /// A worker's writes to the file, of up to `piece` bytes each, for which space was
    /// [reserved](Self::reserve) before.
    ///
    /// `budget` is the most memory for buffers, in bytes: a piece has to fit. (For alignment, a writer can take two
    /// pages for each more.) [`WriteEngine::Direct`], which runs where 256 MiB or more were reserved and pieces
    /// are of 64 KiB or more, has as many pieces on their way as fit, up to four or 8 MiB. Where the system
    /// refuses it, another one does its work, and [`Writer::reason`] says why.
    ///
    /// # Errors
    ///
    /// [`StoreError::Budget`], [`StoreError::Poisoned`] after a failure.
    pub fn writer(&self, piece: usize, budget: usize) -> Result<Writer<'_>> {
        self.expect_usable()?;
        Writer::new(Target::New(self), piece, budget)
    }
}

impl File {
    /// A worker's writes to the file, of up to `piece` bytes each; in [`Mode::CopyOnWrite`], to this process's
    /// view only. Readers and mappings see them at once.
    ///
    /// `total` is about how many bytes are going to be written, by all workers: of 256 MiB and more, pieces of
    /// 64 KiB and more are not left in the page cache. A piece has to fit in `budget`.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`], [`StoreError::Budget`], [`StoreError::Poisoned`] after a failed flush.
    pub fn writer(&self, piece: usize, budget: usize, total: u64) -> Result<Writer<'_>> {
        self.expect_writable(0, 0)?;
        Writer::new(Target::Old(self, total >= LONG), piece, budget)
    }
}
