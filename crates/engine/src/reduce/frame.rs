//! In which boxes a reduction goes over an array, and with what memory.

use ndfolio_kernel::reduce::{Columns, Partial, Reducer};
use ndfolio_layout::Tiles;

use super::{Axes, columns, rows};
use crate::{Run, parallel::threads};

/// Bytes of a box: with the items of one it stays in the L2 cache.
pub(super) const BOX: usize = 256 << 10;

/// The boxes of a pass and its memory: the same for a plan and for the pass itself.
pub(super) struct Frame<'a> {
    pub(super) tiles: Tiles<'a>,
    /// The run with the memory that is left for boxes.
    pub(super) run: Run<'a>,
    /// Bytes of running values, of all threads and of what waits to be merged.
    pub(super) states: usize,
}

impl<'a> Frame<'a> {
    /// For reducers (none, if somebody else looks at the items) of an array's axes; a thread has `own` bytes
    /// for each item of a box beside it.
    pub(super) fn new(axes: &'a Axes, reducers: &[Reducer], own: usize, run: &Run<'a>) -> Self {
        let item = axes.view.itemsize() + own;
        let threads = threads(run, axes.view.nbytes());
        let (tiles, states) = if axes.is_columns() {
            let state = reducers.iter().map(Columns::bytes_of_column).sum();
            columns::tiles(axes, item, state, threads, run)
        } else {
            let states = threads * rows::MOST_GIVEN.max(reducers.len()) * size_of::<Partial>();
            (rows::tiles(axes, item), if reducers.is_empty() { 0 } else { states })
        };
        let items = tiles.block().iter().product::<usize>();
        let run = run.take(states + threads * items * own).for_boxes(2 * items * axes.view.itemsize());
        Frame { tiles, run, states }
    }
}

/// Bytes of the rows that a box has, where those of one result are together.
pub(crate) fn box_bytes(axes: &Axes) -> usize {
    let itemsize = axes.view.itemsize();
    if axes.is_empty() { 0 } else { rows::tiles(axes, itemsize).block().iter().product::<usize>() * itemsize }
}
