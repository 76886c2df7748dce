//! In which boxes a reduction goes over an array, and with what memory.

use ndfolio_kernel::reduce::{Columns, Partial, Reducer};
use ndfolio_layout::Tiles;

use super::{Axes, columns, narrow, rows, turned};
use crate::{Run, parallel::threads};

/// How the items of a box are reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Row by row.
    Rows,
    /// Rows are added to rows.
    Columns,
    /// The same for few columns.
    Narrow,
    /// Many short rows, or columns of few rows, side by side.
    Turned,
}

impl Way {
    /// For items that take so many bytes; positions jump from run to run of a row if `runs`.
    fn of(axes: &Axes, item: usize, runs: bool) -> Self {
        let shape = axes.view.shape();
        if !axes.is_columns() {
            let row: usize = shape[axes.kept..].iter().product();
            let many = shape[..axes.kept].iter().product::<usize>() > 1;
            return if many && !runs && row <= turned::LONGEST_ROW { Way::Turned } else { Way::Rows };
        }
        match (shape[0], shape[1], shape[2]) {
            (2.., rows, columns) if rows * columns * item <= turned::LONGEST_BYTES => Way::Turned,
            (_, _, columns) if columns <= narrow::MOST_COLUMNS => Way::Narrow,
            _ => Way::Columns,
        }
    }
}

/// The boxes of a pass and its memory: the same for a plan and for the pass itself.
pub(crate) struct Frame<'a> {
    pub(super) way: Way,
    pub(crate) tiles: Tiles<'a>,
    /// The run with the memory that is left for boxes.
    pub(crate) run: Run<'a>,
    /// Bytes of running values, of all threads and of what waits to be merged.
    pub(crate) states: usize,
}

impl<'a> Frame<'a> {
    /// For reducers (none, if somebody else looks at the items) of an array's axes; a thread has `own` bytes
    /// for each item of a box beside it.
    pub(crate) fn new(axes: &'a Axes, reducers: &[Reducer], own: usize, run: &Run<'a>) -> Self {
        let (size, item) = (axes.view.itemsize(), axes.view.itemsize() + own);
        let threads = threads(run, axes.view.nbytes());
        let way = Way::of(axes, item, axes.jumps(reducers));
        let column = || reducers.iter().map(Columns::bytes_of_column).sum();
        let partials = |count: usize| threads * count * reducers.len() * size_of::<Partial>();
        let mut own = own;
        let (tiles, states) = match way {
            Way::Columns => columns::tiles(axes, item, column(), threads, run),
            Way::Narrow => (narrow::tiles(axes, item), partials(4 * narrow::MOST_COLUMNS)),
            Way::Rows => (rows::tiles(axes, item), partials(rows::MOST_GIVEN)),
            Way::Turned => {
                // Mapped items are copied, and all are turned.
                own += 2 * size;
                let tiles = turned::tiles(axes, item);
                let outputs = turned::outputs(axes, tiles.block());
                (tiles, 2 * threads * outputs * column())
            }
        };
        let items = tiles.block().iter().product::<usize>();
        let run = run.take(states + threads * items * own).for_boxes(2 * items * size);
        Frame { way, tiles, run, states }
    }
}

/// Bytes of the rows that a box has, where those of one result are together.
pub(crate) fn box_bytes(axes: &Axes) -> usize {
    let itemsize = axes.view.itemsize();
    if axes.is_empty() { 0 } else { rows::tiles(axes, itemsize).block().iter().product::<usize>() * itemsize }
}
