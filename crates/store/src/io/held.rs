//! Pieces of a file, all of them in memory at once.

use std::fmt;
use std::ops::Range;

use super::{IoCounters, IoEngine, Pieces, direct::Landing};
use crate::handle::stopped;
use crate::{File, Mode, Result, StoreError};

/// Pieces of a file that were read to where they stay: [`IoEngine::Direct`] has the device write there, and nothing is
/// copied. Read into again, the memory is used again.
#[derive(Default)]
pub struct Held(Place);

enum Place {
    Landed(Box<Landing>),
    Copied { memory: Vec<u8>, pieces: Vec<Range<usize>> },
}

impl Default for Place {
    fn default() -> Self {
        Place::Copied { memory: Vec::new(), pieces: Vec::new() }
    }
}

impl Held {
    /// The bytes of a piece that was read last.
    ///
    /// # Panics
    ///
    /// If there is no such piece, or the last read failed.
    pub fn piece(&mut self, index: usize) -> &mut [u8] {
        match &mut self.0 {
            Place::Landed(landing) => landing.piece(index),
            Place::Copied { memory, pieces } => &mut memory[pieces[index].clone()],
        }
    }

    /// Bytes of its memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Place::Landed(landing) => landing.bytes(),
            Place::Copied { memory, .. } => memory.capacity(),
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl File {
    /// Reads all pieces into `held`, which takes no more than `budget` bytes: their own, and where they come from the device, as
    /// many for each as the longest has, in whole blocks. `go_on` is asked from piece to piece.
    ///
    /// Past the page cache with [`IoEngine::Direct`], by calls else. The engine that read them, and why not the device
    /// where that was refused.
    ///
    /// # Errors
    ///
    /// As [`PieceStream::next`](super::PieceStream::next); [`StoreError::Io`] if it was not to go on.
    pub fn hold(
        &self,
        engine: IoEngine,
        (pieces, budget): (&dyn Pieces, usize),
        held: &mut Held,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(IoEngine, IoCounters, Option<StoreError>)> {
        let mut refused = None;
        if engine == IoEngine::Direct && self.mode() != Mode::CopyOnWrite {
            let mut landing = match std::mem::take(&mut held.0) {
                Place::Landed(landing) => landing,
                Place::Copied { .. } => Box::default(),
            };
            match landing.read(self, (pieces, budget), go_on) {
                Err(reason @ StoreError::Unsupported { .. }) => refused = Some(reason),
                read => {
                    let counters = read?;
                    held.0 = Place::Landed(landing);
                    return Ok((engine, counters, None));
                }
            }
        }
        let counters = self.copy_pieces((pieces, budget), held, go_on)?;
        Ok((IoEngine::Pread, counters, refused))
    }

    fn copy_pieces(
        &self,
        (pieces, budget): (&dyn Pieces, usize),
        held: &mut Held,
        go_on: &dyn Fn() -> bool,
    ) -> Result<IoCounters> {
        let (mut memory, mut places) = match std::mem::take(&mut held.0) {
            Place::Copied { memory, pieces } => (memory, pieces),
            Place::Landed(_) => (Vec::new(), Vec::new()),
        };
        places.clear();
        let mut end = 0_usize;
        for index in 0..pieces.count() {
            let range = pieces.range(index);
            let start = end;
            end = end.saturating_add(self.piece_len(&range)?);
            self.expect_budget(&range, end, budget)?;
            places.push(start..end);
        }
        if memory.len() < end || memory.len() > budget {
            // Not `resize`: it would hold both, and copy.
            drop(std::mem::take(&mut memory));
            memory = vec![0; end];
        }
        let mut counters = IoCounters { buffer_bytes: memory.len() as u64, ..IoCounters::default() };
        for (index, place) in places.iter().enumerate() {
            let range = pieces.range(index);
            if !go_on() {
                return Err(StoreError::within(self.path(), "read", range, stopped()));
            }
            let started = std::time::Instant::now();
            self.read_at(range.start, &mut memory[place.clone()])?;
            counters.wait += started.elapsed();
            counters.reads += 1;
            counters.bytes_read += place.len() as u64;
            counters.handed_out(place.len());
        }
        held.0 = Place::Copied { memory, pieces: places };
        Ok(counters)
    }
}
