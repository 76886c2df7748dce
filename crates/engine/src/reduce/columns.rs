//! Results side by side: the axis that is reduced is slower in the file than the one that stays, so whole rows
//! are added to each other.

use std::sync::{Mutex, PoisonError};

use ndfolio_kernel::reduce::{Columns, Partial, Scratch};
use ndfolio_layout::{Tile, Tiles, View};
use ndfolio_store::Bytes;

use super::{BOX, Reduction, Slots};
use crate::{
    EngineError, Report, Run,
    parallel::{Pass, run_pass},
};

/// Columns of a box where there is no memory for whole rows: their states stay in the L2 cache.
const MOST_COLUMNS: usize = 8192;
/// The least rows of a box, so that a state is not merged as often as a row is added to it.
const LEAST_ROWS: usize = 32;

/// The boxes of such a reduction: groups of rows.
pub(super) fn boxes<'v>(view: &'v View, run: &Run<'_>) -> Tiles<'v> {
    let (rows, columns) = (view.shape()[1], view.shape()[2]);
    let group = group_rows(rows, columns, view.itemsize());
    // Whole rows where there is memory for them, so that the file is read in its order.
    let room = run.budget() / run.most_threads() / 2;
    let most = (room / (group * view.itemsize()).max(1)).max(MOST_COLUMNS);
    let wide = if columns <= most { columns } else { MOST_COLUMNS };
    let order = if wide == columns { [0, 1, 2] } else { [0, 2, 1] };
    view.blocks(&[1, group, wide], &order)
}

/// Reduces groups of rows to columns, and merges those of all groups.
pub(super) fn reduce<R: Send>(reduction: &Reduction<'_, R>) -> Result<(Vec<R>, Report), EngineError> {
    let axes = reduction.axes;
    let tiles = boxes(&axes.view, reduction.run);
    let groups = axes.view.shape()[1].div_ceil(tiles.block()[1]);
    let pass = Groups { reduction, spare: Mutex::default() };
    let mut slots = Slots::new(axes.outputs());
    let mut trees: Vec<Vec<Option<Columns>>> = reduction.reducers.iter().map(|_| Vec::new()).collect();
    let report = run_pass(reduction.source, &tiles, reduction.run, &pass, |index, given: Vec<Columns>| {
        for (tree, columns) in trees.iter_mut().zip(given) {
            push(tree, columns, &pass);
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

/// Rows whose items are added one after the other. The order of additions follows from it, so it does from the
/// array alone; how many columns a box has makes no difference.
fn group_rows(rows: usize, columns: usize, itemsize: usize) -> usize {
    let wide = if columns <= 2 * MOST_COLUMNS { columns } else { MOST_COLUMNS };
    (4 * BOX / (wide * itemsize).max(1)).max(LEAST_ROWS).min(rows)
}

/// Adds a group to a tree whose place `k` holds the state of 2^k groups.
fn push<R>(tree: &mut Vec<Option<Columns>>, columns: Columns, pass: &Groups<'_, R>) {
    let mut merged = columns;
    for place in tree.iter_mut() {
        match place.take() {
            Some(mut earlier) => {
                earlier.merge(&merged);
                pass.put_back(merged);
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

struct Groups<'a, R> {
    reduction: &'a Reduction<'a, R>,
    /// States that were merged into others, for the next boxes: their memory is warm.
    spare: Mutex<Vec<Columns>>,
}

impl<R> Groups<'_, R> {
    fn put_back(&self, columns: Columns) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(columns);
    }

    /// A state for a box, which knows something or nothing.
    fn state(&self, number: usize, columns: usize) -> Columns {
        let reducers = self.reduction.reducers;
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // The states of several reducers are not the same.
        let fitting = spare.filter(|spare| reducers.len() == 1 && spare.columns() == columns);
        fitting.unwrap_or_else(|| Columns::new(&reducers[number], columns))
    }
}

impl<R: Send> Pass for Groups<'_, R> {
    type Worker = Scratch;
    /// The columns of each reducer.
    type Given = Vec<Columns>;

    fn worker(&self) -> Scratch {
        Scratch::default()
    }

    fn work(&self, scratch: &mut Scratch, tile: &Tile, items: Bytes<'_>) -> Vec<Columns> {
        let (first_row, columns) = (tile.start[1] as u64, tile.view.shape()[2]);
        let measured = |number| {
            let mut state = self.state(number, columns);
            state.group(items, first_row, scratch);
            state
        };
        (0..self.reduction.reducers.len()).map(measured).collect()
    }
}
