//! Pieces by system calls, through the page cache (or the private view of mode `c`).

use std::time::Instant;

use super::buffer::Buffer;
use super::{Dispenser, IoCounters, IoEngine, PieceStream};
use crate::{File, Result};

pub(super) struct Stream<'a> {
    file: &'a File,
    dispenser: &'a Dispenser<'a>,
    budget: usize,
    buffer: Buffer,
    counters: IoCounters,
}

impl<'a> Stream<'a> {
    pub(super) fn new(file: &'a File, dispenser: &'a Dispenser<'a>, budget: usize) -> Self {
        Stream { file, dispenser, budget, buffer: Buffer::default(), counters: IoCounters::default() }
    }

    /// Reads a piece to the buffer; its length.
    fn read(&mut self, index: usize) -> Result<&mut [u8]> {
        let range = self.dispenser.pieces().range(index);
        let len = self.file.piece_len(&range)?;
        self.file.expect_budget(&range, len, self.budget)?;
        let start = Instant::now();
        let room = self.buffer.room(range.start, len);
        self.file.read_at(range.start, room)?;
        self.counters.wait += start.elapsed();
        self.counters.reads += u64::from(len > 0);
        self.counters.bytes_read += len as u64;
        self.counters.handed_out(len);
        Ok(room)
    }
}

impl PieceStream for Stream<'_> {
    fn next(&mut self) -> Result<Option<(usize, &mut [u8])>> {
        let Some(index) = self.dispenser.take() else { return Ok(None) };
        let dispenser = self.dispenser;
        match self.read(index) {
            Ok(bytes) => Ok(Some((index, bytes))),
            Err(error) => {
                dispenser.stop();
                Err(error)
            }
        }
    }

    fn engine(&self) -> IoEngine {
        IoEngine::Pread
    }

    fn counters(&self) -> IoCounters {
        IoCounters { buffer_bytes: self.buffer.capacity() as u64, ..self.counters }
    }
}
