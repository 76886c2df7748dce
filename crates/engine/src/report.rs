use std::time::Duration;

use ndfolio_kernel::elementwise::Conditions;
use ndfolio_store::{IoCounters, usage::Faults};

/// What a pass did. What could not be found out is `None`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many passes over files these were: one, unless reports were put together or it was all in memory.
    pub passes: u64,
    /// How the file was read: `mmap`, `pread` or `direct`.
    pub engine: String,
    /// Why so, in a sentence.
    pub reason: String,
    /// How many threads worked.
    pub threads: usize,
    /// What was asked of the file, all threads together.
    pub io: IoCounters,
    /// Bytes that were written to a file.
    pub bytes_written: u64,
    /// Bytes that the process had the devices read meanwhile, read-ahead included. Those of other passes of the
    /// process at the same time count too.
    pub device_bytes: Option<u64>,
    /// Page faults of the threads that worked.
    pub faults: Option<Faults>,
    /// Time in arithmetic, all threads together.
    pub computing: Duration,
    /// Time from start to end.
    pub elapsed: Duration,
    /// The memory that the pass was given, in bytes.
    pub budget: u64,
    /// The most private memory that the process was seen with, in bytes.
    pub private_peak: Option<u64>,
    /// How often NumPy would have warned, in items.
    pub conditions: Conditions,
    /// What else should be known.
    pub notes: Vec<String>,
}

impl Report {
    /// Adds what one thread did.
    pub(crate) fn add(&mut self, one: Report) {
        self.io.add(&one.io);
        self.computing += one.computing;
        self.faults = self.faults.zip(one.faults).map(|(a, b)| a.plus(b));
        if !one.engine.is_empty() {
            (self.engine, self.reason) = (one.engine, one.reason);
        }
    }

    /// Adds another pass of the same call, which came after this one.
    pub fn then(&mut self, next: &Report) {
        // A pass has memory; without, nothing is reported yet.
        if self.budget == 0 {
            *self = next.clone();
            return;
        }
        self.passes += next.passes;
        let buffers = self.io.buffer_bytes.max(next.io.buffer_bytes);
        self.io.add(&next.io);
        self.io.buffer_bytes = buffers;
        self.bytes_written += next.bytes_written;
        self.conditions.add(&next.conditions);
        self.device_bytes = self.device_bytes.zip(next.device_bytes).map(|(a, b)| a + b);
        self.faults = self.faults.zip(next.faults).map(|(a, b)| a.plus(b));
        self.computing += next.computing;
        self.elapsed += next.elapsed;
        self.private_peak = self.private_peak.zip(next.private_peak).map(|(a, b)| a.max(b));
        self.threads = self.threads.max(next.threads);
        if self.engine.is_empty() {
            (self.engine, self.reason) = (next.engine.clone(), next.reason.clone());
        } else if !next.engine.is_empty() && !self.engine.split(", ").any(|one| one == next.engine) {
            self.engine = format!("{}, {}", self.engine, next.engine);
            self.reason = format!("{}; {}", self.reason, next.reason);
        }
        let new: Vec<_> = next.notes.iter().filter(|note| !self.notes.contains(note)).cloned().collect();
        self.notes.extend(new);
    }

    /// Bytes of the array in a second.
    #[must_use]
    pub fn bytes_per_second(&self) -> f64 {
        self.io.bytes_asked as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}
