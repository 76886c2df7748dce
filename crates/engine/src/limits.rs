//! What this machine can do at most, measured once and kept in a file.

mod measure;
mod saved;

use std::path::Path;

use sha2::{Digest as _, Sha256};

use ndfolio_store::{MachineName, Scratch};

use crate::{EngineError, Run};

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Reading memory, one thread; bytes in a second.
    MemoryOne,
    /// Reading memory, all threads; bytes in a second.
    MemoryAll,
    /// A pass through a mapping of what the page cache holds, one thread; bytes in a second.
    MmapOne,
    /// The same, all threads; bytes in a second.
    MmapAll,
    /// A pass by system calls over what the page cache holds, one thread; bytes in a second.
    PreadOne,
    /// The same, all threads; bytes in a second.
    PreadAll,
    /// Reading from the device front to back, past the page cache, in pieces of 1 MiB, eight at a time; bytes in
    /// a second.
    DirectRead,
    /// Reading 4 KiB here and there from the device, 128 at a time; reads in a second.
    RandomReads,
    /// Writing through the page cache and waiting for the device; bytes in a second.
    Write,
    /// SHA-256, one thread; bytes in a second.
    Digest,
}

impl Limit {
    /// All of them.
    pub const ALL: [Limit; 10] = [
        Limit::MemoryOne,
        Limit::MemoryAll,
        Limit::MmapOne,
        Limit::MmapAll,
        Limit::PreadOne,
        Limit::PreadAll,
        Limit::DirectRead,
        Limit::RandomReads,
        Limit::Write,
        Limit::Digest,
    ];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Limit::MemoryOne => "memory_one_thread",
            Limit::MemoryAll => "memory_all_threads",
            Limit::MmapOne => "mmap_one_thread",
            Limit::MmapAll => "mmap_all_threads",
            Limit::PreadOne => "pread_one_thread",
            Limit::PreadAll => "pread_all_threads",
            Limit::DirectRead => "direct_read",
            Limit::RandomReads => "random_reads",
            Limit::Write => "write",
            Limit::Digest => "sha256_one_thread",
        }
    }

    /// What it is a number of, in each second.
    #[must_use]
    pub fn unit(self) -> &'static str {
        if self == Limit::RandomReads { "reads" } else { "bytes" }
    }
}

/// The measured limits of a machine and of the device that one of its folders is on. What could not be measured
/// is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    values: [Option<f64>; Limit::ALL.len()],
    /// The processor's name, where the system tells it.
    pub processor: String,
    /// How many threads "all" were.
    pub threads: usize,
    /// The file system of the folder.
    pub file_system: String,
    /// Bytes of the file that was measured with.
    pub file_bytes: u64,
    /// When it was measured, in seconds since 1970.
    pub measured_at: u64,
}

impl Limits {
    /// Bytes of the file that is measured with, if nobody says: more than any disk's cache keeps, and written in a
    /// few seconds.
    pub const USUAL_FILE: u64 = 512 << 20;

    /// Measures the machine and the device of a folder, in some seconds. For that it makes a file of `file_bytes`
    /// bytes in the folder, which has no name and is gone in the end, whatever the end is. A slow device is
    /// measured with less.
    ///
    /// Memory: up to 128 MiB, and half of what is left at the most. The observer of `run` hears of the bytes that
    /// are written and read.
    ///
    /// # Errors
    /// A folder in which no file can be made, or that is full; what the device reports; a cancelled run.
    pub fn measure(folder: &Path, file_bytes: u64, run: &Run<'_>) -> Result<Limits, EngineError> {
        let scratch = Scratch::create(folder, measure::usable(file_bytes), &|| run.go_on().is_err());
        run.go_on()?;
        let scratch = scratch?;
        measure::measure(&scratch, run)
    }

    /// A limit; none if it is unknown.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Option<f64> {
        self.values[limit as usize]
    }

    /// Sets a limit; what is no number above zero makes it unknown.
    pub fn set(&mut self, limit: Limit, per_second: f64) {
        self.values[limit as usize] = Some(per_second).filter(|x| x.is_finite() && *x > 0.0);
    }

    /// The name of the file in which the limits of this machine and of the device of a path are kept: another
    /// machine, and another device, have another.
    ///
    /// # Errors
    /// A path that is not there.
    pub fn file_name(path: &Path) -> Result<String, EngineError> {
        let name = MachineName::of(path)?;
        let hash = Sha256::digest(format!("{}\n{}\n{}", name.machine, name.device, name.file_system));
        let digits: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("limits-{digits}.json"))
    }
}
