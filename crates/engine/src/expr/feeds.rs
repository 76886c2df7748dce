//! Which bytes of which files a pass reads for each of its pieces.

use std::{ops::Range, sync::Arc};

use ndfolio_layout::{Order, Tiles, View};
use ndfolio_store::{AccessPlan, Advice, Choice, File, IoEngine, Pattern, Pieces};

use super::{
    fused::{Fused, Leaf},
    graph::same_file,
    place::{Cover, part, part_once},
};
use crate::{Run, parallel::is_dense};

/// Arrays of a file that are read together, piece by piece.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) file: Arc<File>,
    /// The leaves whose items it brings.
    pub(super) leaves: Vec<usize>,
    pub(super) choice: Choice,
    /// Bytes of the longest piece.
    pub(super) piece: usize,
}

/// The boxes of a pass, in pieces of some that follow each other.
pub(super) struct Grid<'a> {
    pub(super) fused: &'a Fused,
    pub(super) tiles: &'a Tiles<'a>,
    pub(super) cover: &'a Cover,
    /// Boxes of a piece.
    pub(super) group: usize,
}

impl Grid<'_> {
    /// How many pieces there are.
    pub(super) fn pieces(&self) -> usize {
        self.tiles.count_tiles().div_ceil(self.group)
    }

    /// A piece that is not shorter than the others: the first and the last can be.
    fn whole(&self) -> usize {
        let items = |piece: usize| self.tiles.get(self.boxes(piece).start).map_or(0, |tile| tile.view.size());
        usize::from(self.pieces() > 1 && items(1) > items(0))
    }

    /// The boxes of a piece.
    pub(super) fn boxes(&self, piece: usize) -> Range<usize> {
        piece * self.group..((piece + 1) * self.group).min(self.tiles.count_tiles())
    }

    /// Bytes of the longest piece of a file that leaves need. Boxes of equally many items can begin and end in the
    /// middle of rows, with gaps between those; of very many pieces some are looked at.
    fn longest(&self, leaves: &[usize]) -> usize {
        let pieces = self.pieces();
        if self.are_even(leaves) {
            let range = self.range(leaves, self.whole());
            return (range.end - range.start) as usize;
        }
        let step = pieces.div_ceil(LOOKED_AT).max(1);
        let some = (0..pieces).step_by(step).chain(pieces.checked_sub(1)).chain((pieces > 1).then_some(1));
        let lengths = some.chain(self.across_ends()).map(|piece| self.range(leaves, piece));
        let longest = lengths.map(|range| (range.end - range.start) as usize).max().unwrap_or(0);
        if step == 1 { longest } else { longest + longest / 8 }
    }

    /// Pieces in which the first rows, planes and so on of the pass end: those that lie across an end need the whole of
    /// what is on both sides.
    fn across_ends(&self) -> impl Iterator<Item = usize> {
        let items = (self.tiles.block().iter().product::<usize>() * self.group).max(1);
        let (mut step, last) = (1, self.pieces().saturating_sub(1));
        let ends = self.fused.shape.iter().rev().flat_map(move |n| {
            step *= n;
            [step / items, 2 * step / items, 3 * step / items]
        });
        ends.filter(move |piece| *piece <= last)
    }

    /// Whether all pieces take as many bytes of leaves, but for the ends of the array, where they take fewer.
    fn are_even(&self, leaves: &[usize]) -> bool {
        let view = |leaf: usize| &self.fused.leaves[leaf].view;
        let go_along = |pair: &[usize]| view(pair[0]).strides() == view(pair[1]).strides();
        let lie_together = |&leaf: &usize| view(leaf).is_contiguous(Order::C);
        !self.cover.joins()
            && leaves.windows(2).all(go_along)
            && (self.group == 1 || leaves.iter().all(lie_together))
    }

    /// The bytes of a file that leaves need for a piece: from the first to the last.
    fn range(&self, leaves: &[usize], piece: usize) -> Range<u64> {
        let tiles = self.boxes(piece).filter_map(|index| self.tiles.get(index));
        around(tiles.flat_map(|tile| {
            let bounds = self.cover.bounds(&tile);
            leaves
                .iter()
                .filter_map(move |&leaf| Some(part(&self.fused.leaves[leaf].view, &bounds)?.extent()))
        }))
    }
}

/// Pieces whose lengths are looked at.
const LOOKED_AT: usize = 4096;

/// How the files of a pass are read: in pieces from the first byte to the last, or (those leaves) each box from
/// many places.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    pub(super) feeds: Vec<Feed>,
    pub(super) gathered: Vec<Gathering>,
}

/// An array of which each box is gathered.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) leaf: usize,
    /// Out of a mapping, or by calls.
    pub(super) choice: Choice,
}

impl Gathering {
    fn new(index: usize, file: &Arc<File>, leaf: &Leaf, run: &Run<'_>) -> Self {
        let view = &leaf.view;
        let plan = plan_of(view);
        let calls = |reason: String| Choice { engine: IoEngine::Pread, advice: Advice::Normal, reason };
        let order = "it lies in another order than the result";
        if leaf.brought {
            let reason = format!("{order}, and is brought to the page cache first, where it has room");
            let choice = Choice { engine: IoEngine::Mmap, advice: Advice::Normal, reason };
            return Gathering { leaf: index, choice };
        }
        let known = run.choose(file, &plan);
        let long = view.spans().next().is_some_and(|span| span.len >= LONG_RUN);
        let choice = if known.engine == IoEngine::Mmap && long {
            Choice { reason: format!("{order}, and {}", known.reason), ..known }
        } else {
            calls(format!("{order}, and each box of it is gathered"))
        };
        Gathering { leaf: index, choice }
    }
}

/// What reading all of a view would be.
pub(super) fn plan_of(view: &View) -> AccessPlan {
    let (range, bytes) = (view.extent(), view.nbytes() as u64);
    AccessPlan { range, bytes, pieces: bytes.div_ceil(1 << 20) as usize, pattern: Pattern::Sequential }
}

/// Shorter runs are not worth a copy each.
const LONG_RUN: u64 = 64;

/// Arrays of one file are read together if that reads at most so much more: a quarter.
const MORE: u64 = 4;

impl Feeds {
    /// For boxes of a grid, in so many bytes of memory for each.
    pub(super) fn new(grid: &Grid<'_>, memory: usize, run: &Run<'_>) -> Self {
        let mut feeds = Feeds::default();
        let whole = grid.whole();
        let Some(tile) = grid.tiles.get(grid.boxes(whole).start) else { return feeds };
        let bounds = grid.cover.bounds(&tile);
        let mut together: Vec<(&Arc<File>, Vec<usize>)> = Vec::new();
        for (index, file) in grid.fused.files() {
            let leaf = &grid.fused.leaves[index];
            let dense = part_once(&leaf.view, &bounds);
            if dense.is_none_or(|view| !is_dense(&view, memory)) {
                feeds.gathered.push(Gathering::new(index, file, leaf, run));
                continue;
            }
            let own = grid.range(&[index], whole);
            let near = together.iter_mut().find(|(other, leaves)| {
                let other_range = grid.range(leaves, whole);
                let longest = (own.end - own.start).max(other_range.end - other_range.start);
                let both = around([own.clone(), other_range].into_iter());
                same_file(other, file) && both.end - both.start <= longest + longest / MORE
            });
            match near {
                Some((_, leaves)) => leaves.push(index),
                None => together.push((file, vec![index])),
            }
        }
        feeds.feeds = together.into_iter().map(|(file, leaves)| Feed::new(grid, file, leaves, run)).collect();
        feeds
    }
}

impl Feed {
    fn new(grid: &Grid<'_>, file: &Arc<File>, leaves: Vec<usize>, run: &Run<'_>) -> Self {
        let piece = grid.longest(&leaves);
        let range = around(leaves.iter().map(|&leaf| grid.fused.leaves[leaf].view.extent()));
        let pieces = grid.pieces();
        let bytes = (range.end - range.start).min(piece as u64 * pieces as u64);
        let plan = AccessPlan { range, bytes, pieces, pattern: Pattern::Sequential };
        Feed { file: Arc::clone(file), leaves, choice: run.choose(file, &plan), piece }
    }
}

/// From the first byte of all ranges to the last.
fn around(ranges: impl Iterator<Item = Range<u64>>) -> Range<u64> {
    ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
}

/// What a pass reads of a file.
pub(super) struct FeedPieces<'a> {
    pub(super) grid: &'a Grid<'a>,
    pub(super) feed: &'a Feed,
}

impl Pieces for FeedPieces<'_> {
    fn count(&self) -> usize {
        self.grid.pieces()
    }

    fn range(&self, index: usize) -> Range<u64> {
        self.grid.range(&self.feed.leaves, index)
    }
}

/// The pieces of a pass, whatever is read for them.
impl Pieces for Grid<'_> {
    fn count(&self) -> usize {
        self.pieces()
    }

    fn range(&self, _: usize) -> Range<u64> {
        0..0
    }
}
