use std::time::Duration;

use ndfolio_store::IoCounters;

/// What a pass did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How the file was read: `mmap`, `pread` or `direct`.
    pub engine: String,
    /// Why so, in a sentence.
    pub reason: String,
    /// How often the file was gone through.
    pub passes: usize,
    /// How many threads worked.
    pub threads: usize,
    /// What was asked of the file, all threads together.
    pub io: IoCounters,
    /// Time in arithmetic, all threads together.
    pub computing: Duration,
    /// Time from start to end.
    pub elapsed: Duration,
}

impl Report {
    /// Adds another pass.
    pub(crate) fn join(&mut self, other: Report) {
        self.threads = self.threads.max(other.threads);
        self.add(other);
    }

    /// Adds what one thread did.
    pub(crate) fn add(&mut self, one: Report) {
        self.io.add(&one.io);
        self.computing += one.computing;
        if !one.engine.is_empty() {
            (self.engine, self.reason) = (one.engine, one.reason);
        }
    }
}
