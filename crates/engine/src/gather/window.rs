//! Some picks, sorted by their places in the file, and the pieces that are read for them.

use std::ops::Range;

use ndfolio_layout::{Order, Tile, View};
use ndfolio_store::{IoEngine, Pieces};

use super::Gather;
use crate::EngineError;

/// Indices that are looked up at once.
const INDICES: usize = 2048;

/// Picks of a gather: how far each moves the cell, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// What 0 stands for.
    least: i64,
    /// How many bits of a key number the pick.
    bits: u32,
    keys: Vec<u64>,
}

/// Bytes that a pick takes while it is sorted and read.
pub(super) const BYTES_PER_PICK: usize = size_of::<u64>() + size_of::<Piece>();

impl Window {
    /// How many picks a window can have at most: their numbers and places are one word.
    pub(super) fn most_picks(gather: &Gather<'_>) -> usize {
        let (low, high) = gather.picking.reaches();
        1 << (high.abs_diff(low).leading_zeros()).min(32)
    }

    /// Finds the places of some picks, and sorts them.
    pub(super) fn fill(&mut self, gather: &Gather<'_>, picks: Range<usize>) -> Result<(), EngineError> {
        self.least = gather.picking.reaches().0;
        self.bits = picks.len().next_power_of_two().trailing_zeros();
        self.keys.clear();
        self.keys.reserve(picks.len());
        let (mut indices, mut reaches) = (Vec::new(), Vec::new());
        for from in picks.clone().step_by(INDICES) {
            let count = INDICES.min(picks.end - from);
            gather.reaches(from, count, &mut indices, &mut reaches)?;
            let first = (from - picks.start) as u64;
            let keys = reaches.iter().zip(first..);
            self.keys.extend(
                keys.map(|(reach, number)| (reach.wrapping_sub(self.least) as u64) << self.bits | number),
            );
        }
        self.keys.sort_unstable();
        Ok(())
    }

    /// How far each pick moves the cell, and its number, in the order of the file; those of one place in order.
    pub(super) fn moves(&self, keys: Range<usize>) -> impl Iterator<Item = (i64, usize)> {
        let mask = (1_u64 << self.bits) - 1;
        self.keys[keys]
            .iter()
            .map(move |&key| ((key >> self.bits) as i64 + self.least, (key & mask) as usize))
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.keys.capacity() * size_of::<u64>()
    }
}

/// A part of the cell that is read at once.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) view: View,
    /// From its first byte to its last, in the picks that do not move it.
    pub(super) extent: Range<u64>,
    /// Where its first item goes in the result of the first pick, and from one to the next.
    pub(super) to: usize,
    pub(super) strides: Vec<isize>,
    /// Whether its items lie together here and there.
    pub(super) is_run: bool,
}

/// A gap in a cell that is read over rather than around.
const GAP: u64 = 4096;

/// How far the first and the last byte of a part of a cell lie from each other at most: the whole cell, if its
/// items are that close, and no more than `most` bytes.
pub(super) fn part_reach(cell: &View, most: u64) -> u64 {
    let mut reach = cell.itemsize() as u64;
    for axis in cell.storage_axes().into_iter().rev() {
        let (extent, step) = (cell.shape()[axis], cell.strides()[axis].unsigned_abs() as u64);
        if extent <= 1 || step == 0 {
            continue;
        }
        if step > reach + GAP {
            break;
        }
        reach = reach.max(step.saturating_mul(extent as u64 - 1) + reach);
    }
    reach.min(most)
}

/// A part of the cell that is a tile of it, with the strides of the result.
pub(super) fn part_of(tile: Tile, strides: &[isize]) -> Part {
    let to = tile.start.iter().zip(strides).map(|(&start, &stride)| start * stride as usize).sum();
    let is_run = tile.view.is_contiguous(Order::C) && {
        let inner = tile.view.strides().iter().zip(strides).zip(tile.view.shape());
        inner.filter(|(_, n)| **n > 1).all(|((here, there), _)| here == there)
    };
    Part { extent: tile.view.extent(), view: tile.view, to, strides: strides.to_vec(), is_run }
}

/// A piece of the file, and the picks that lie in it.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) range: Range<u64>,
    /// Which part of the cell.
    pub(super) part: usize,
    /// The first of its keys; the last comes before the next piece's.
    pub(super) first: usize,
}

/// The pieces of a window in which parts of cells are read.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) pieces: Vec<Piece>,
    longest: u64,
}

/// How parts become pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merge {
    /// A gap that is read over.
    gap: u64,
    /// Bytes of a piece at most; one part may be longer.
    most: u64,
    /// Whether all pieces have buffers of the same length: the shorter they are, the more are on their way.
    same_buffers: bool,
}

/// Parts that lie closer are cheaper to read with what is between them: a device reads so much in the time of one
/// request.
pub(super) const APART: u64 = 36 << 10;
/// As long as pieces are no longer than that, there are as many requests on their way as a queue holds.
const SHORT: u64 = 32 << 10;
/// How far into the next window of a mapping pieces may go, and so how long they are.
const MAPPED: u64 = 16 << 20;

impl Merge {
    /// For an engine with so many bytes of buffers.
    pub(super) fn new(engine: IoEngine, buffers: usize) -> Self {
        let (gap, most) = match engine {
            // Nothing is read but what is picked.
            IoEngine::Mmap => (MAPPED, MAPPED),
            IoEngine::Pread => (GAP, buffers.min(engine.piece_bytes()) as u64),
            IoEngine::Direct => {
                (APART, (buffers as u64 / 8).clamp(buffers.min(SHORT as usize) as u64, 1 << 20))
            }
        };
        Merge { gap, most, same_buffers: engine == IoEngine::Direct }
    }

    /// For pieces that are put together and then written: what lies between their parts is not.
    pub(super) fn to_write(most: u64) -> Self {
        Merge { gap: GAP, most, same_buffers: false }
    }

    /// The same, with pieces not much longer than those that there are.
    fn fitted(self, count: usize, bytes: u64) -> Self {
        if !self.same_buffers {
            return self;
        }
        let usual = (bytes / count.max(1) as u64).saturating_mul(4).next_power_of_two();
        Merge { most: self.most.min(usual.max(SHORT)), ..self }
    }
}

impl Requests {
    /// The pieces for a part of the cell of each pick, added to those that are there.
    pub(super) fn add(&mut self, window: &Window, (number, part): (usize, &Part), merge: Merge) {
        let from = self.pieces.len();
        self.merge(window, (number, part), merge);
        let bytes = self.pieces[from..].iter().map(|piece| piece.range.end - piece.range.start).sum();
        let fitted = merge.fitted(self.pieces.len() - from, bytes);
        if fitted.most < self.longest {
            self.pieces.truncate(from);
            self.longest =
                self.pieces.iter().map(|piece| piece.range.end - piece.range.start).max().unwrap_or(0);
            self.merge(window, (number, part), fitted);
        }
    }

    fn merge(&mut self, window: &Window, (number, part): (usize, &Part), merge: Merge) {
        let mut open: Option<Piece> = None;
        for (first, (reach, _)) in window.moves(0..window.len()).enumerate() {
            let start = part.extent.start.wrapping_add_signed(reach);
            let end = part.extent.end.wrapping_add_signed(reach);
            match &mut open {
                Some(piece)
                    if start <= piece.range.end.saturating_add(merge.gap)
                        && (end <= piece.range.end || end - piece.range.start <= merge.most) =>
                {
                    piece.range.end = piece.range.end.max(end);
                }
                _ => {
                    let next = Piece { range: start..end, part: number, first };
                    if let Some(piece) = open.replace(next) {
                        self.push(piece);
                    }
                }
            }
        }
        if let Some(piece) = open {
            self.push(piece);
        }
    }

    fn push(&mut self, piece: Piece) {
        self.longest = self.longest.max(piece.range.end - piece.range.start);
        self.pieces.push(piece);
    }

    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.longest = 0;
    }

    pub(super) fn bytes(&self) -> usize {
        self.pieces.capacity() * size_of::<Piece>()
    }

    /// Bytes of the longest piece.
    pub(super) fn longest_len(&self) -> usize {
        self.longest as usize
    }

    /// The keys of a piece, of a window with so many.
    pub(super) fn keys(&self, piece: usize, len: usize) -> Range<usize> {
        let next = self.pieces.get(piece + 1).filter(|next| next.part == self.pieces[piece].part);
        self.pieces[piece].first..next.map_or(len, |next| next.first)
    }
}

impl Pieces for Requests {
    fn count(&self) -> usize {
        self.pieces.len()
    }

    fn range(&self, index: usize) -> Range<u64> {
        self.pieces[index].range.clone()
    }

    fn longest(&self) -> u64 {
        self.longest
    }
}
