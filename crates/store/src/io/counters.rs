//! What a stream did.

use std::time::Duration;

/// What a stream did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IoCounters {
    /// Pieces handed out.
    pub pieces: u64,
    /// Bytes in these pieces.
    pub bytes_asked: u64,
    /// Bytes that were copied from the mapping or read by the system: with whole blocks of the device, and
    /// with pieces that were not handed out.
    pub bytes_read: u64,
    /// Reads that the system was asked for. The mapping asks for none, except where it cannot be made.
    pub reads: u64,
    /// Reads that had to be asked for again: interrupted, refused for the moment, or short.
    pub retries: u64,
    /// Bytes of buffers, at the most.
    pub buffer_bytes: u64,
    /// Time in which the worker waited for bytes, or copied them.
    pub wait: Duration,
}

impl IoCounters {
    /// Adds what another worker's stream did. Buffers and times are added too, as workers run side by side.
    pub fn add(&mut self, other: &IoCounters) {
        self.pieces += other.pieces;
        self.bytes_asked += other.bytes_asked;
        self.bytes_read += other.bytes_read;
        self.reads += other.reads;
        self.retries += other.retries;
        self.buffer_bytes += other.buffer_bytes;
        self.wait += other.wait;
    }

    pub(super) fn handed_out(&mut self, len: usize) {
        self.pieces += 1;
        self.bytes_asked += len as u64;
    }
}
