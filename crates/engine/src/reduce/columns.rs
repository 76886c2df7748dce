//! Results side by side: the axis that is reduced is slower in the file than the one that stays, so whole rows
//! are added to each other.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use ndfolio_kernel::reduce::{Columns, Reducer, Scratch};
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Bytes;

use super::{Axes, Put, Reduction, axes::BOX};
use crate::{
    EngineError, Found, Report, Run,
    parallel::{Forest, Items, Pass},
};

/// More than twice as many columns are added in as many rows at a time as these.
const MANY_COLUMNS: usize = 8192;
/// Columns of a box however little memory there is.
const LEAST_COLUMNS: usize = 64;
/// Of more columns a box has a multiple, so that its rows end where pages do.
const EVEN_COLUMNS: usize = 1024;
/// The least rows of a box, so that a state is not merged as often as a row is added to it.
const LEAST_ROWS: usize = 32;

/// Runs a pass and puts together what it gives: the columns of each reducer for each box.
pub(super) fn run(
    reduction: &Reduction<'_, impl Items>,
    pass: &impl Pass<Given = Vec<Columns>>,
    spare: &Spare,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let (steps, tiles) = (&reduction.axes.output_steps, &reduction.frame.tiles);
    let groups = reduction.axes.view.shape()[1].div_ceil(tiles.block()[1]);
    let merge = |earlier: Vec<Columns>, later: Vec<Columns>| merged(earlier, later, spare);
    let mut open: BTreeMap<usize, Forest<Vec<Columns>>> = BTreeMap::new();
    reduction.items.run_pass(tiles, &reduction.frame.run, pass, |index, given| {
        let (strip, group) = (index / groups, index % groups);
        let forest = open.entry(strip).or_default();
        forest.push(group, given, merge);
        if forest.boxes() < groups {
            return;
        }
        let Some(finished) = open.remove(&strip).and_then(|forest| forest.finish(merge)) else { return };
        let Some(tile) = tiles.get(index) else { return };
        let (outer, first) = (tile.start[0] * steps[0], tile.start[2]);
        Found::Columns(&finished).each(first, |column, partials| {
            put(outer + column * steps[2], Found::One(partials));
        });
        spare.put(finished);
    })
}

/// Merges the states of two neighbouring groups of rows.
fn merged(mut earlier: Vec<Columns>, later: Vec<Columns>, spare: &Spare) -> Vec<Columns> {
    earlier.iter_mut().zip(&later).for_each(|(earlier, later)| earlier.merge(later));
    spare.put(later);
    earlier
}

/// The boxes, groups of rows, and the bytes of all states that there are at once. For each item of a box
/// `item` bytes of memory are worked on, and a column's states take `state` bytes.
pub(super) fn tiles<'v>(
    axes: &'v Axes,
    item: usize,
    state: usize,
    threads: usize,
    run: &Run<'_>,
) -> (Tiles<'v>, usize) {
    let view = &axes.view;
    let (rows, columns) = (view.shape()[1], view.shape()[2]);
    let group = group_rows(rows, columns, item);
    // A thread works on one and hands another on; the others are trees of groups that wait for their neighbours.
    let alive = 2 * threads + rows.div_ceil(group).ilog2() as usize + 1;
    // Whole rows where there is memory for them, so that the file is read in its order.
    let mut wide = columns;
    let column = threads * 2 * group * item + alive * state;
    let most = run.memory_for_boxes() / column.max(1);
    if columns > most {
        let even = if most > EVEN_COLUMNS { EVEN_COLUMNS } else { 1 };
        let most = (most - most % even).clamp(LEAST_COLUMNS.min(columns), columns);
        wide = columns.div_ceil(columns.div_ceil(most)).next_multiple_of(even).min(columns);
    }
    let order = if wide == columns { [0, 1, 2] } else { [0, 2, 1] };
    (view.blocks(&[1, group, wide], &order), alive * wide * state)
}

/// Rows whose items are added one after the other. The order of additions follows from it, so it does from the
/// array alone; how many columns a box has makes no difference.
fn group_rows(rows: usize, columns: usize, itemsize: usize) -> usize {
    let wide = if columns <= 2 * MANY_COLUMNS { columns } else { MANY_COLUMNS };
    (4 * BOX / (wide * itemsize).max(1)).max(LEAST_ROWS).min(rows)
}

/// States that were merged into others, for the next boxes: their memory is warm.
pub(super) struct Spare {
    /// How many states a box has.
    count: usize,
    sets: Mutex<Vec<Vec<Columns>>>,
}

impl Spare {
    pub(super) fn new(reducers: &[Reducer]) -> Self {
        Spare { count: reducers.len(), sets: Mutex::default() }
    }

    pub(super) fn put(&self, mut states: Vec<Columns>) {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        while states.len() > self.count {
            let set = states.split_off(states.len() - self.count);
            sets.push(set);
        }
        sets.push(states);
    }

    /// The states of a box of so many columns; `first_row` is the position of its first row.
    pub(super) fn measure(
        &self,
        reducers: &[Reducer],
        columns: usize,
        (items, first_row): (Bytes<'_>, u64),
        scratch: &mut Scratch,
    ) -> Vec<Columns> {
        let made = || reducers.iter().map(|reducer| Columns::new(reducer, columns)).collect();
        // What they knew is forgotten.
        let mut states: Vec<Columns> = self.take(columns).unwrap_or_else(made);
        states.iter_mut().for_each(|state| state.group(items, first_row, scratch));
        states
    }

    fn take(&self, columns: usize) -> Option<Vec<Columns>> {
        let set = self.sets.lock().unwrap_or_else(PoisonError::into_inner).pop();
        set.filter(|set| set.first().is_some_and(|first| first.columns() == columns))
    }
}

pub(super) struct Groups<'a> {
    pub(super) reducers: &'a [Reducer],
    pub(super) spare: &'a Spare,
}

impl Pass for Groups<'_> {
    type Worker = Scratch;
    /// The columns of each reducer.
    type Given = Vec<Columns>;

    fn worker(&self) -> Scratch {
        Scratch::default()
    }

    fn work(&self, scratch: &mut Scratch, tile: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(Vec<Columns>)) {
        let (first_row, columns) = (tile.start[1] as u64, tile.view.shape()[2]);
        give(self.spare.measure(self.reducers, columns, (items, first_row), scratch));
    }
}
