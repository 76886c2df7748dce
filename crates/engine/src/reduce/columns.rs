//! Results side by side: the axis that is reduced is slower in the file than the one that stays, so whole rows
//! are added to each other.

use std::sync::{Mutex, PoisonError};

use ndfolio_kernel::reduce::{Columns, Reducer, Scratch};
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Bytes;

use super::{Axes, BOX, Put, Reduction, Tap, tap::Tapped};
use crate::{
    EngineError, Report, Run,
    parallel::{Pass, run_pass},
};

/// Columns of a box where there is no memory for whole rows: their states stay in the L2 cache.
const MOST_COLUMNS: usize = 8192;
/// The least rows of a box, so that a state is not merged as often as a row is added to it.
const LEAST_ROWS: usize = 32;

/// Reduces groups of rows to columns, and merges those of all groups.
pub(super) fn reduce<T: Tap>(
    reduction: &Reduction<'_>,
    tap: &T,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let axes = reduction.axes;
    let tiles = tiles(axes, axes.view.itemsize(), reduction.run);
    let spare = Spare::default();
    let pass = Groups { reducers: reduction.reducers, spare: &spare };
    run(reduction, &tiles, &Tapped::new(pass, tap, axes), &spare, put)
}

/// Runs a pass and puts together what it gives: the columns of each reducer for each box.
pub(super) fn run(
    reduction: &Reduction<'_>,
    tiles: &Tiles<'_>,
    pass: &impl Pass<Given = Vec<Columns>>,
    spare: &Spare,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let axes = reduction.axes;
    let groups = axes.view.shape()[1].div_ceil(tiles.block()[1]);
    let mut trees: Vec<Vec<Option<Columns>>> = reduction.reducers.iter().map(|_| Vec::new()).collect();
    run_pass(reduction.source, tiles, reduction.run, pass, |index, given: Vec<Columns>| {
        for (tree, columns) in trees.iter_mut().zip(given) {
            push(tree, columns, spare);
        }
        if index % groups == groups - 1 {
            let Some(tile) = tiles.get(index) else { return };
            let finished: Vec<Columns> =
                trees.iter_mut().filter_map(|tree| finish(std::mem::take(tree))).collect();
            let first: usize = tile.start.iter().zip(&axes.output_steps).map(|(i, step)| i * step).sum();
            let mut partials = Vec::with_capacity(finished.len());
            for column in 0..tile.view.shape()[2] {
                partials.clear();
                partials.extend(finished.iter().map(|columns| columns.get(column)));
                put(first + column * axes.output_steps[2], &partials);
            }
        }
    })
}

/// The boxes, where `itemsize` bytes of memory are worked on for each item: groups of rows.
pub(super) fn tiles<'v>(axes: &'v Axes, itemsize: usize, run: &Run<'_>) -> Tiles<'v> {
    let view = &axes.view;
    let (rows, columns) = (view.shape()[1], view.shape()[2]);
    let group = group_rows(rows, columns, itemsize);
    // Whole rows where there is memory for them, so that the file is read in its order.
    let fits = || columns <= run.budget() / run.most_threads() / 2 / (group * itemsize).max(1);
    let wide = if columns <= MOST_COLUMNS || fits() { columns } else { MOST_COLUMNS };
    let order = if wide == columns { [0, 1, 2] } else { [0, 2, 1] };
    view.blocks(&[1, group, wide], &order)
}

/// Rows whose items are added one after the other. The order of additions follows from it, so it does from the
/// array alone; how many columns a box has makes no difference.
fn group_rows(rows: usize, columns: usize, itemsize: usize) -> usize {
    let wide = if columns <= 2 * MOST_COLUMNS { columns } else { MOST_COLUMNS };
    (4 * BOX / (wide * itemsize).max(1)).max(LEAST_ROWS).min(rows)
}

/// Adds a group to a tree whose place `k` holds the state of 2^k groups.
fn push(tree: &mut Vec<Option<Columns>>, columns: Columns, spare: &Spare) {
    let mut merged = columns;
    for place in tree.iter_mut() {
        match place.take() {
            Some(mut earlier) => {
                earlier.merge(&merged);
                spare.put(merged);
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

/// States that were merged into others, for the next boxes: their memory is warm.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<Columns>>);

impl Spare {
    fn put(&self, columns: Columns) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(columns);
    }

    /// One for so many columns.
    fn take(&self, columns: usize) -> Option<Columns> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.filter(|spare| spare.columns() == columns)
    }
}

pub(super) struct Groups<'a> {
    pub(super) reducers: &'a [Reducer],
    pub(super) spare: &'a Spare,
}

impl Groups<'_> {
    /// A state for a box, which knows something or nothing.
    fn state(&self, reducer: &Reducer, columns: usize) -> Columns {
        // The states of several reducers are not the same.
        let spare = if self.reducers.len() == 1 { self.spare.take(columns) } else { None };
        spare.unwrap_or_else(|| Columns::new(reducer, columns))
    }
}

impl Pass for Groups<'_> {
    type Worker = Scratch;
    /// The columns of each reducer.
    type Given = Vec<Columns>;

    fn worker(&self) -> Scratch {
        Scratch::default()
    }

    fn work(&self, scratch: &mut Scratch, tile: &Tile, items: Bytes<'_>) -> Vec<Columns> {
        let (first_row, columns) = (tile.start[1] as u64, tile.view.shape()[2]);
        let measured = |reducer| {
            let mut state = self.state(reducer, columns);
            state.group(items, first_row, scratch);
            state
        };
        self.reducers.iter().map(measured).collect()
    }
}
