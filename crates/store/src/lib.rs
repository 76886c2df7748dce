//! The bytes of a file, and everything the operating system is asked.
//!
//! * [`File`] is a file that exists. Opening it never changes it, and only an [`Appender`] makes it longer.
//! * [`Appender`] writes behind what is counted, and counts it once it is on stable storage. [`RangeLock`] and
//!   [`Lock`] keep writers of several processes apart; readers need no lock.
//! * [`Mapping`] is a part of a [`File`] in memory, reached through raw pointers or through checked copies.
//! * [`RawMap`] is a part of a file in memory that keeps no file open, for faces that give its address away.
//! * [`NewFile`] is a file that appears whole under its name, or not at all.
//! * [`File::stream`] brings the pieces of a pass into private memory, by one of three engines, for several
//!   workers; [`File::choose`] says which engine suits, from [`Evidence`]. [`NewFile::writer`] and [`File::writer`]
//!   take pieces from private memory to a file.
//! * [`File::residency`], [`prefetch`](File::prefetch), [`evict`](File::evict) and [`lock`](File::lock) show the
//!   page cache and put it into the caller's hands.
//! * [`MachineMemory`] is what a pass may use, and [`usage`] what the process has used.
//!
//! Nothing here knows a dtype or a shape. Offsets and lengths are bytes everywhere.
//!
//! # Files that others change
//!
//! Another process can cut a mapped file at any time. Touching the pages that are gone raises `SIGBUS`, which
//! would end the process. So the first mapping installs a process-wide `SIGBUS` handler (Linux and Android).
//! It puts pages of zeros where a mapping of this crate lost its file, and remembers the place;
//! [`Mapping::check`] then reports it. A cut inside the last page raises no signal at all and reads as zeros,
//! so `check` compares the size of the file too: results are to be trusted only after `check` said `Ok`.
//!
//! What the handler does with everything else:
//!
//! * An address outside the mappings of this crate, or a hardware memory error, goes to the handler that was
//!   there before (for most Rust programs that is the one of the standard library).
//! * `SIGBUS` sent by another process goes there too. One that this process sends itself is ignored: that is
//!   how Python's `faulthandler`, enabled after the first mapping, passes a fault on.
//! * A handler that somebody installs later has to pass on what is not its own, as `faulthandler` does. Where
//!   one was reset to the default action, the next mapping installs the guard again.
//!
//! The guard holds [`MAX_MAPPINGS`] mappings at a time; more are refused with [`StoreError::TooManyMappings`].
//! On other Unix systems there is no guard, and a cut file can still end the process there.
//!
//! # Soundness
//!
//! No method gives a slice over mapped memory, as others can change it at any time. [`Mapping::copy_to`],
//! [`Mapping::copy_from`] and [`Bytes`] move bytes with relaxed atomic loads and stores of words, or with vector
//! instructions that the compiler does not look into.

#[cfg(not(unix))]
compile_error!("ndfolio-store asks a Unix system for everything; there is no other implementation yet");

mod beside;
mod bytes;
mod cache;
mod error;
mod file;
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "guard/none.rs")]
mod guard;
mod handle;
mod io;
mod later;
mod locks;
mod machine;
mod mapping;
mod memory;
mod mode;
mod new_file;
mod scratch;
mod signals;
mod syscalls;
mod temporary;
pub mod usage;

pub use beside::{Leftover, Turn, leftovers, remove, sweep};
pub use bytes::{Bytes, MappedBytes, ROW, Room, TILE};
pub use cache::{Advice, FileSystem, LockedRange, Residency};
pub use error::{Result, StoreError};
pub use file::{Appender, File, Synced};
pub use guard::MAX_MAPPINGS;
pub use io::{
    AccessPlan, Buffer, Choice, Chunks, Dispenser, Evidence, Held, IoCounters, IoEngine, Pattern,
    PieceStream, Pieces, Spare, Sweep, Turns, WriteCounters, WriteEngine, Writer,
};
pub use locks::{ALL_BYTES, APPENDING, EVERYTHING, Lock, Locking, RangeLock};
pub use machine::{GroupLimit, MachineMemory, MachineName, processors};
pub use mapping::{Mapping, RawMap};
pub use memory::large_pages;
pub use mode::{Durability, Existing, FileId, Mode, Reserve, Short};
pub use new_file::{NewFile, create_folder};
pub use scratch::Scratch;
pub use signals::ignore_size_limit_signal;

#[cfg(any(test, feature = "faults"))]
#[cfg_attr(not(test), allow(dead_code, reason = "the tests of this crate use all of it"))]
mod faulty;
#[cfg(feature = "faults")]
pub use faulty::{Fault, FaultyFolder, open_failing};
