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

/// Parts that lie closer are cheaper to read with what is between them, where that makes a sweep: a device reads so
/// much in a row in the time of one request.
pub(super) const APART: u64 = 36 << 10;
/// The same of parts here and there: of a request that is not a part of a sweep, each byte takes longer.
const NEAR: u64 = 8 << 10;
/// Pieces of this length, on average, are a sweep.
const SWEEP: u64 = 128 << 10;
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

    /// The same, with pieces not much longer than those that there are, and without gaps that are no part of a sweep.
    fn fitted(self, count: usize, bytes: u64) -> Self {
        if !self.same_buffers {
            return self;
        }
        let usual = bytes / count.max(1) as u64;
        let gap = if usual < SWEEP { self.gap.min(NEAR) } else { self.gap };
        let roomy = usual.saturating_mul(4).next_power_of_two();
        Merge { most: self.most.min(roomy.max(SHORT)), gap, ..self }
    }
}

impl Requests {
    /// The pieces for a part of the cell of each pick, added to those that are there.
    pub(super) fn add(&mut self, window: &Window, (number, part): (usize, &Part), merge: Merge) {
        let from = self.pieces.len();
        self.merge(window, (number, part), merge);
        let bytes = self.pieces[from..].iter().map(|piece| piece.range.end - piece.range.start).sum();
        let fitted = merge.fitted(self.pieces.len() - from, bytes);
        if fitted.most < self.longest || fitted.gap < merge.gap {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Picks of rows of a kilobyte at these places.
    fn requests(places: &[u64], engine: IoEngine) -> (Window, Requests) {
        let bits = places.len().next_power_of_two().trailing_zeros();
        let mut keys: Vec<u64> =
            places.iter().zip(0..).map(|(place, number)| place << bits | number).collect();
        keys.sort_unstable();
        let window = Window { least: 0, bits, keys };
        let view = View::contiguous(&"|u1".parse().unwrap(), &[1024], Order::C, 128).unwrap();
        let part = part_of(Tile { start: vec![0], view }, &[1]);
        assert!(part.is_run);
        let mut requests = Requests::default();
        requests.add(&window, (0, &part), Merge::new(engine, 4 << 20));
        for piece in 0..requests.count() {
            let range = requests.range(piece);
            assert!(range.end - range.start <= requests.longest());
            for (reach, number) in window.moves(requests.keys(piece, window.len())) {
                let start = 128 + reach as u64;
                assert_eq!(reach as u64, places[number]);
                assert!(range.start <= start && start + 1024 <= range.end);
            }
        }
        let keys: usize = (0..requests.count()).map(|piece| requests.keys(piece, window.len()).len()).sum();
        assert_eq!(keys, places.len());
        (window, requests)
    }

    fn every(count: u64, apart: u64) -> Vec<u64> {
        (0..count).rev().map(|i| i * apart).collect()
    }

    #[test]
    fn rows_that_lie_close_are_swept() {
        let (_, swept) = requests(&every(1000, 20 << 10), IoEngine::Direct);
        assert!(swept.count() <= 40 && swept.longest() > 256 << 10, "{} {}", swept.count(), swept.longest());
        let (_, far) = requests(&every(1000, 1 << 20), IoEngine::Direct);
        assert_eq!((far.count(), far.longest()), (1000, 1024));
        let (_, through_cache) = requests(&every(1000, 20 << 10), IoEngine::Pread);
        assert_eq!(through_cache.count(), 1000);
    }

    #[test]
    fn neighbours_here_and_there_are_one_request_if_they_are_near() {
        let pairs =
            |apart: u64| every(500, 1 << 20).into_iter().flat_map(|at| [at + apart, at]).collect::<Vec<_>>();
        assert_eq!(requests(&pairs(20 << 10), IoEngine::Direct).1.count(), 1000);
        assert_eq!(requests(&pairs(5 << 10), IoEngine::Direct).1.count(), 500);
        assert_eq!(requests(&pairs(0), IoEngine::Pread).1.count(), 500);
        assert_eq!(requests(&[7; 100], IoEngine::Direct).1.count(), 1);
    }

    #[test]
    fn the_picks_of_a_place_come_in_their_order() {
        let (window, _) = requests(&[4096, 0, 4096, 0, 4096], IoEngine::Mmap);
        let found: Vec<_> = window.moves(0..5).collect();
        assert_eq!(found, [(0, 1), (0, 3), (4096, 0), (4096, 2), (4096, 4)]);
    }
}
