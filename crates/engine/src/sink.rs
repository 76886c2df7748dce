use std::{collections::VecDeque, ops::Range};

use ndfolio_store::{File, NewFile, Scratch, StoreError};

use crate::{EngineError, Run};

/// A file that takes bytes at any place.
pub trait Sink {
    /// Writes all of `bytes` at `offset` bytes from the start of the file.
    ///
    /// # Errors
    /// As the file reports it.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;

    /// Writes runs of `bytes`, which lie at `offset` bytes from the start of the file, and nothing between them.
    ///
    /// # Errors
    /// As the file reports it.
    fn write_runs(
        &self,
        offset: u64,
        bytes: &[u8],
        runs: &mut dyn Iterator<Item = Range<usize>>,
    ) -> Result<(), StoreError> {
        for run in runs {
            self.write_at(offset + run.start as u64, &bytes[run])?;
        }
        Ok(())
    }

    /// Has the device write what was written to `range` (offsets in the file), and waits for it.
    ///
    /// # Errors
    /// As the file reports it.
    fn write_back(&self, range: Range<u64>) -> Result<(), StoreError>;

    /// Has the device begin to write what was written to `range`: a hint.
    fn begin_write_back(&self, range: Range<u64>);

    /// Whether all of it will be flushed in the end, so that the device may as well begin.
    fn ends_with_a_flush(&self) -> bool;
}

/// Bytes that are waited for at once: somebody may want to stop.
const SETTLED: u64 = 4 << 20;
/// How far the device is kept busy ahead of what is waited for.
const AHEAD: u64 = 16 << 20;

/// What the device writes while a pass goes on: it is kept busy, and never so far behind that the end of the pass,
/// or giving it up, takes long.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    ranges: VecDeque<Range<u64>>,
    bytes: u64,
}

impl Behind {
    /// Shorter ranges would be written page by page.
    const LEAST: u64 = 1 << 20;

    /// A range was written, in the order of the file.
    pub(crate) fn wrote(&mut self, sink: &impl Sink, range: Range<u64>) -> Result<(), StoreError> {
        let len = range.end - range.start;
        if len < Self::LEAST || !sink.ends_with_a_flush() {
            return Ok(());
        }
        sink.begin_write_back(range.clone());
        self.ranges.push_back(range);
        self.bytes += len;
        while self.bytes > AHEAD
            && let Some(first) = self.ranges.pop_front()
        {
            self.bytes -= first.end - first.start;
            sink.write_back(first)?;
        }
        Ok(())
    }
}

/// Brings what was written to `range` of a file to the device, in parts between which it can be stopped. The
/// flush that makes it final has little to do then.
///
/// # Errors
/// As the file reports it; a cancelled run.
pub fn settle(sink: &impl Sink, range: Range<u64>, run: &Run<'_>) -> Result<(), EngineError> {
    let (mut at, mut begun) = (range.start, range.start);
    while at < range.end {
        run.go_on()?;
        let end = range.end.min(at + SETTLED);
        let ahead = range.end.min(end + AHEAD);
        sink.begin_write_back(begun..ahead);
        begun = ahead;
        sink.write_back(at..end)?;
        run.settled(end - at);
        at = end;
    }
    Ok(())
}

impl Sink for File {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        File::write_at(self, offset, bytes)
    }

    fn write_runs(
        &self,
        offset: u64,
        bytes: &[u8],
        runs: &mut dyn Iterator<Item = Range<usize>>,
    ) -> Result<(), StoreError> {
        File::write_runs(self, offset, bytes, runs)
    }

    fn write_back(&self, range: Range<u64>) -> Result<(), StoreError> {
        File::write_back(self, range)
    }

    fn begin_write_back(&self, range: Range<u64>) {
        File::begin_write_back(self, range);
    }

    fn ends_with_a_flush(&self) -> bool {
        false
    }
}

impl Sink for Scratch {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        Scratch::write_at(self, offset, bytes)
    }

    fn write_back(&self, range: Range<u64>) -> Result<(), StoreError> {
        self.wait(range)
    }

    /// It has begun when they were written.
    fn begin_write_back(&self, _: Range<u64>) {}

    fn ends_with_a_flush(&self) -> bool {
        false
    }
}

impl Sink for NewFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        NewFile::write_at(self, offset, bytes)
    }

    fn write_back(&self, range: Range<u64>) -> Result<(), StoreError> {
        NewFile::write_back(self, range)
    }

    fn begin_write_back(&self, range: Range<u64>) {
        NewFile::begin_write_back(self, range);
    }

    fn ends_with_a_flush(&self) -> bool {
        true
    }
}
