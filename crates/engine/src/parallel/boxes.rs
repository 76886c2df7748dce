//! The boxes of a pass, and how their bytes are read.

use std::ops::Range;

use ndfolio_layout::{Order, Tiles, View};
use ndfolio_store::{AccessPlan, Choice, IoEngine, Pattern, Pieces};

use super::{joints::joined_bytes, threads};
use crate::{Report, Run, Source, fetch::way};

/// Runs of items that on average have less than so many bytes between them are read with those: neither the page cache
/// nor a device has smaller parts.
const CLOSE: u64 = 4096;
/// Bytes from the first to the last item of a box that is read with its gaps, at most.
const MOST_WITH_GAPS: u64 = 16 << 20;
/// Pieces of the device's own length that each thread waits for: more make it no faster.
pub(crate) const PIECES_ON_THEIR_WAY: usize = 4;

/// Whether the items of a box are so close to each other that all bytes from the first to the last are read.
pub(crate) fn is_dense(view: &View, memory: usize) -> bool {
    let extent = view.extent();
    let (reach, run) = (extent.end - extent.start, view.spans().next().map_or(1, |span| span.len));
    let runs = view.nbytes() as u64 / run.max(1);
    reach <= MOST_WITH_GAPS.min(memory as u64 / 4) && reach / runs.max(1) < run + CLOSE
}

/// The boxes of a pass, and how they are read.
pub(super) struct Boxes<'a> {
    pub(super) tiles: &'a Tiles<'a>,
    pub(super) count: usize,
    /// Boxes that are read as one piece, since they follow each other in the file.
    pub(super) group: usize,
    /// Where pieces are cut instead: at multiples of so many bytes of the file, wherever boxes begin.
    pub(super) grid: Option<u64>,
    /// Bytes of boxes that are joined of parts at once.
    pub(super) joints: usize,
    /// Whether items of a box have others between them, which are read with them.
    pub(super) has_gaps: bool,
    /// How pieces of the file are read; none where each box is gathered from many places.
    pub(super) choice: Option<Choice>,
    /// How the first box is gathered, if boxes are.
    gathered: Option<Choice>,
    pub(super) threads: usize,
    pub(super) memory: usize,
}

impl<'a> Boxes<'a> {
    pub(super) fn new(source: &Source, tiles: &'a Tiles<'a>, run: &Run<'_>) -> Self {
        let view = tiles.view();
        let count = tiles.count_tiles();
        let threads = threads(run, view.nbytes()).min(count.max(1));
        let memory = run.memory_for_boxes() / threads;
        // The first box is a whole one, and so are the others but for the ends of axes.
        let ranges = tiles.get(0).is_none_or(|tile| tile.view.is_contiguous(Order::C));
        let has_gaps = !ranges && tiles.get(0).is_some_and(|tile| is_dense(&tile.view, memory));
        let (choice, gathered) = (None, None);
        let mut boxes = Boxes {
            tiles,
            count,
            group: 1,
            grid: None,
            joints: 0,
            has_gaps,
            choice,
            gathered,
            threads,
            memory,
        };
        if ranges || has_gaps {
            let follow = has_gaps || tiles.follow_each_other();
            let pattern = if follow { Pattern::Sequential } else { Pattern::Sparse };
            let extent = view.extent();
            let bytes_read = if has_gaps { extent.end - extent.start } else { view.nbytes() as u64 };
            let plan = AccessPlan { range: extent, bytes: bytes_read, pieces: count, pattern };
            let choice = run.choose(&source.file, &plan);
            if ranges && pattern == Pattern::Sequential {
                let piece = choice.engine.piece_bytes().min(memory / 8);
                boxes.group = (piece / boxes.box_bytes().max(1)).max(1);
                if choice.engine == IoEngine::Direct {
                    boxes.cut_at_pieces();
                }
            }
            boxes.choice = Some(choice);
        } else {
            boxes.gathered = tiles.get(0).map(|tile| way(&source.file, &tile.view));
        }
        boxes
    }

    /// A device is fastest in whole pieces of its own, so pieces are cut there if there is memory to join the
    /// boxes that lie across their ends.
    fn cut_at_pieces(&mut self) {
        let piece = IoEngine::Direct.piece_bytes();
        let aligned = self.tiles.view().extent().start.is_multiple_of(piece as u64);
        // Pieces come in any order, so as many boxes can be open as lie in those that are on their way.
        let pieces = self.threads * PIECES_ON_THEIR_WAY * piece;
        let joints = joined_bytes(self.box_bytes(), piece, self.threads);
        if !aligned && self.threads * self.memory >= pieces + joints {
            self.grid = Some(piece as u64);
            self.joints = joints;
            self.memory = PIECES_ON_THEIR_WAY * piece;
        }
    }

    pub(super) fn box_bytes(&self) -> usize {
        self.tiles.block().iter().product::<usize>() * self.tiles.view().itemsize()
    }

    /// How many places of the file are read by themselves, where they do not follow each other.
    pub(super) fn requests(&self) -> Option<usize> {
        (self.choice.is_some() && !self.has_gaps && !self.tiles.follow_each_other()).then_some(self.count)
    }

    pub(super) fn report(&self) -> Report {
        let choice = self.choice.as_ref().or(self.gathered.as_ref());
        let told = choice.map(|choice| (choice.engine.to_string(), choice.reason.clone()));
        let (engine, reason) = told.unwrap_or_default();
        Report { engine, reason, passes: 1, threads: self.threads, ..Report::default() }
    }

    /// The boxes of a piece.
    pub(super) fn boxes(&self, piece: usize) -> Range<usize> {
        piece * self.group..((piece + 1) * self.group).min(self.count)
    }
}

impl Pieces for Boxes<'_> {
    fn count(&self) -> usize {
        match self.grid {
            Some(grid) => {
                let all = self.tiles.view().extent();
                (all.end.div_ceil(grid) - all.start / grid) as usize
            }
            None => self.count.div_ceil(self.group),
        }
    }

    fn range(&self, piece: usize) -> Range<u64> {
        if let Some(grid) = self.grid {
            let all = self.tiles.view().extent();
            let start = (all.start / grid + piece as u64) * grid;
            return start.max(all.start)..(start + grid).min(all.end);
        }
        let boxes = self.boxes(piece);
        let extent = |index: usize| self.tiles.get(index).map_or(0..0, |tile| tile.view.extent());
        let last = extent(boxes.end - 1);
        if boxes.len() == 1 { last } else { extent(boxes.start).start..last.end }
    }
}
