//! Pieces that stay in the buffers into which the device has put them.

use super::lane::Lane;
use super::spare::Borrowed;
use super::{Stream, probe};
use crate::handle::stopped;
use crate::io::{Dispenser, IoCounters, PieceStream, Pieces};
use crate::{File, Result, StoreError};

/// The buffers of some pieces, and the queue that fills them.
#[derive(Default)]
pub(in crate::io) struct Landing {
    /// Nothing is on its way in it. None before the first read, and after one that failed.
    lane: Option<Lane>,
    /// What the buffers are aligned to.
    align: usize,
    /// Where each piece is.
    slots: Vec<usize>,
}

impl Landing {
    /// Reads all pieces, in place of those that were there. They take no more than `budget`.
    pub(in crate::io) fn read(
        &mut self,
        file: &File,
        (pieces, budget): (&dyn Pieces, usize),
        go_on: &dyn Fn() -> bool,
    ) -> Result<IoCounters> {
        let (dispenser, descriptor) = (Dispenser::new(pieces), probe(file)?);
        let mut stream = Stream::keeping(file, &dispenser, budget, self.spare_lane(descriptor.align))?;
        self.slots.clear();
        self.slots.resize(pieces.count(), 0);
        while let Some(slot) = stream.advance()? {
            if !go_on() {
                return Err(stream.failed(stream.lane.slots.wanted(), stopped()));
            }
            let piece = stream.lane.slots.get(slot);
            let (index, len) = (piece.index(), piece.wanted_len());
            self.slots[index] = slot;
            stream.counters.handed_out(len);
        }
        let counters = stream.counters();
        self.align = descriptor.align;
        self.lane = stream.into_lane();
        Ok(counters)
    }

    /// The queue of the read before, if it is of use.
    fn spare_lane(&mut self, align: usize) -> Option<Lane> {
        let mut lane = self.lane.take().filter(|lane| lane.is_ours() && self.align == align)?;
        lane.reset();
        Some(lane)
    }

    /// The bytes of a piece. All of them were read.
    pub(in crate::io) fn piece(&mut self, index: usize) -> &mut [u8] {
        let lane = self.lane.as_mut().expect("pieces were read");
        // SAFETY: what was on its way has arrived, and nothing begins as long as `self` is borrowed.
        unsafe { lane.slots.bytes_of(self.slots[index]) }
    }

    /// Bytes of the buffers.
    pub(in crate::io) fn bytes(&self) -> usize {
        self.lane.as_ref().map_or(0, |lane| lane.slots.bytes())
    }
}

impl<'a> Stream<'a> {
    /// A stream with a buffer for each piece, which keeps what was read.
    fn keeping(
        file: &'a File,
        dispenser: &'a Dispenser<'a>,
        budget: usize,
        lane: Option<Lane>,
    ) -> Result<Self> {
        let mut stream = Stream::with(file, dispenser, budget, |_, align| Borrowed::own(lane, align))?;
        let (pieces, count) = (dispenser.pieces(), dispenser.pieces().count());
        let lens =
            (0..count).map(|index| pieces.range(index)).map(|range| range.end.saturating_sub(range.start));
        let longest = usize::try_from(lens.max().unwrap_or(0)).unwrap_or(usize::MAX);
        let align = stream.align(longest);
        let len = (longest.saturating_add(align) / align * align).saturating_add(align);
        let slots = &mut stream.lane.slots;
        // Those of the read before are too few, too short, or more than this one may have.
        if slots.count() < count || slots.len() < len || slots.bytes() > budget {
            file.expect_budget(&(0..longest as u64), count.saturating_mul(len), budget)?;
            let made = slots.make(count, len, align);
            made.map_err(|source| StoreError::at(file.path(), "make buffers", 0, source))?;
        }
        stream.counters.buffer_bytes = stream.lane.slots.bytes() as u64;
        Ok(stream)
    }

    /// The queue with what it keeps, if nothing is on its way.
    fn into_lane(mut self) -> Option<Lane> {
        self.lane.take().filter(|lane| lane.pending() == 0)
    }
}
