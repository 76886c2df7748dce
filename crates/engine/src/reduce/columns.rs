//! Results side by side: the axis that is reduced is slower in the file than the one that stays, so whole rows
//! are added to each other.

use ndfolio_kernel::reduce::{Columns, Partial, Reducer, Scratch};
use ndfolio_layout::Tiles;

use super::{Axes, BOX, Reduction, Slots, Tap, tap::Tapped};
use crate::{
    EngineError, Report,
    parallel::{Pass, run_pass},
};

/// The most columns of a box: their states stay in the L2 cache.
const MOST_COLUMNS: usize = 8192;
/// The least rows of a box, so that a state is not merged as often as a row is added to it.
const LEAST_ROWS: usize = 32;

/// Reduces groups of rows to columns, and merges those of all groups.
pub(super) fn reduce<R: Send, T: Tap>(
    reduction: &Reduction<'_, R>,
    tap: &T,
) -> Result<(Vec<R>, Report), EngineError> {
    let axes = reduction.axes;
    let tiles = tiles(axes, axes.view.itemsize());
    let pass = Groups { tiles: &tiles, reducers: reduction.reducers };
    run(reduction, &tiles, &Tapped::new(pass, tap, axes, &tiles))
}

/// Runs a pass and puts together what it gives: the columns of each reducer for each box.
pub(super) fn run<R: Send>(
    reduction: &Reduction<'_, R>,
    tiles: &Tiles<'_>,
    pass: &impl Pass<Given = Vec<Columns>>,
) -> Result<(Vec<R>, Report), EngineError> {
    let axes = reduction.axes;
    let groups = axes.view.shape()[1].div_ceil(tiles.block()[1]);
    let mut slots = Slots::new(axes.outputs());
    let mut trees: Vec<Vec<Option<Columns>>> = reduction.reducers.iter().map(|_| Vec::new()).collect();
    let report = run_pass(reduction.source, tiles, reduction.run, pass, |index, given: Vec<Columns>| {
        for (tree, columns) in trees.iter_mut().zip(given) {
            push(tree, columns);
        }
        if index % groups == groups - 1 {
            let Some(tile) = tiles.get(index) else { return };
            let finished: Vec<Columns> =
                trees.iter_mut().filter_map(|tree| finish(std::mem::take(tree))).collect();
            let first: usize = tile.start.iter().zip(&axes.output_steps).map(|(i, step)| i * step).sum();
            for column in 0..tile.view.shape()[2] {
                let partials: Vec<Partial> = finished.iter().map(|columns| columns.get(column)).collect();
                slots.put(first + column * axes.output_steps[2], (reduction.finish)(&partials));
            }
        }
    })?;
    Ok((slots.finish(), report))
}

/// The boxes, where `itemsize` bytes of memory are worked on for each item.
pub(super) fn tiles(axes: &Axes, itemsize: usize) -> Tiles<'_> {
    let view = &axes.view;
    let (rows, columns) = (view.shape()[1], view.shape()[2]);
    // Whole rows as long as they can be, so that the file is read in its order.
    let wide = if columns <= 2 * MOST_COLUMNS { columns } else { MOST_COLUMNS };
    let group = (4 * BOX / (wide * itemsize).max(1)).max(LEAST_ROWS).min(rows);
    let order = if wide == columns { [0, 1, 2] } else { [0, 2, 1] };
    view.blocks(&[1, group, wide], &order)
}

/// Adds a group to a tree whose place `k` holds the state of 2^k groups.
fn push(tree: &mut Vec<Option<Columns>>, columns: Columns) {
    let mut merged = columns;
    for place in tree.iter_mut() {
        match place.take() {
            Some(mut earlier) => {
                earlier.merge(&merged);
                merged = earlier;
            }
            None => {
                *place = Some(merged);
                return;
            }
        }
    }
    tree.push(Some(merged));
}

/// All groups of a tree, the later ones merged first.
fn finish(tree: Vec<Option<Columns>>) -> Option<Columns> {
    tree.into_iter().flatten().reduce(|later, mut earlier| {
        earlier.merge(&later);
        earlier
    })
}

pub(super) struct Groups<'a> {
    pub(super) tiles: &'a Tiles<'a>,
    pub(super) reducers: &'a [Reducer],
}

impl Pass for Groups<'_> {
    type Worker = Scratch;
    /// The columns of each reducer.
    type Given = Vec<Columns>;

    fn worker(&self) -> Scratch {
        Scratch::default()
    }

    fn work(&self, scratch: &mut Scratch, index: usize, items: &mut [u8]) -> Vec<Columns> {
        let Some(tile) = self.tiles.get(index) else { return Vec::new() };
        let (first_row, columns) = (tile.start[1] as u64, tile.view.shape()[2]);
        let new = |reducer| {
            let mut state = Columns::new(reducer, columns);
            state.group(items, first_row, scratch);
            state
        };
        self.reducers.iter().map(new).collect()
    }
}
