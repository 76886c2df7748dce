//! Which bytes of which files a pass reads for each of its pieces.

use std::{ops::Range, sync::Arc};

use ndfolio_layout::{Tiles, View};
use ndfolio_store::{AccessPlan, Choice, File, Pattern, Pieces};

use super::{
    fused::Fused,
    graph::same_file,
    place::{Cover, part},
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

    /// The boxes of a piece.
    pub(super) fn boxes(&self, piece: usize) -> Range<usize> {
        piece * self.group..((piece + 1) * self.group).min(self.tiles.count_tiles())
    }

    /// The bytes of a file that leaves need for a piece: from the first to the last.
    fn range(&self, leaves: &[usize], piece: usize) -> Range<u64> {
        let mut all: Option<Range<u64>> = None;
        for index in self.boxes(piece) {
            let Some(tile) = self.tiles.get(index) else { break };
            let bounds = self.cover.bounds(&tile);
            for &leaf in leaves {
                let Some(view) = part(&self.fused.leaves[leaf].view, &bounds) else { continue };
                let own = view.extent();
                all = Some(match all {
                    Some(all) => all.start.min(own.start)..all.end.max(own.end),
                    None => own,
                });
            }
        }
        all.unwrap_or(0..0)
    }
}

/// How the files of a pass are read: in pieces from the first byte to the last, or (those leaves) each box from
/// many places.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    pub(super) feeds: Vec<Feed>,
    pub(super) gathered: Vec<usize>,
}

/// Arrays of one file are read together if that reads at most so much more: a quarter.
const MORE: u64 = 4;

impl Feeds {
    /// For boxes of a grid, in so many bytes of memory for each.
    pub(super) fn new(grid: &Grid<'_>, memory: usize, run: &Run<'_>) -> Self {
        let mut feeds = Feeds::default();
        let Some(first) = grid.tiles.get(0) else { return feeds };
        let bounds = grid.cover.bounds(&first);
        let mut together: Vec<(&Arc<File>, Vec<usize>)> = Vec::new();
        for (index, file) in grid.fused.files() {
            let leaf = &grid.fused.leaves[index];
            let dense = part(&leaf.view, &bounds).and_then(|view| each_once(&view));
            if dense.is_none_or(|view| !is_dense(&view, memory)) {
                feeds.gathered.push(index);
                continue;
            }
            let own = grid.range(&[index], 0);
            let near = together.iter_mut().find(|(other, leaves)| {
                let other_range = grid.range(leaves, 0);
                let both = own.start.min(other_range.start)..own.end.max(other_range.end);
                let longest = (own.end - own.start).max(other_range.end - other_range.start);
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
        // Boxes of equally many items can begin and end in the middle of rows, with gaps between those.
        let lengths = (0..grid.pieces()).map(|piece| grid.range(&leaves, piece));
        let piece = lengths.map(|range| (range.end - range.start) as usize).max().unwrap_or(0);
        let extents = leaves.iter().map(|&leaf| grid.fused.leaves[leaf].view.extent());
        let range = extents.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0);
        let pieces = grid.pieces();
        let bytes = (range.end - range.start).min(piece as u64 * pieces as u64);
        let plan = AccessPlan { range, bytes, pieces, pattern: Pattern::Sequential };
        Feed { file: Arc::clone(file), leaves, choice: run.way().choose(file, &plan), piece }
    }
}

/// The same items without repetition.
pub(super) fn each_once(view: &View) -> Option<View> {
    let extents = view.shape().iter().zip(view.strides());
    let shape: Vec<usize> = extents.map(|(&n, &stride)| if stride == 0 { n.min(1) } else { n }).collect();
    View::strided(view.dtype(), &shape, view.strides(), view.offset()).ok()
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
