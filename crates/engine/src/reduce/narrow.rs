//! Few columns: their states are found box by box, as those of parts of rows are.

use ndfolio_kernel::reduce::{Partial, Reducer, Scratch, narrow};
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Bytes;

use super::{Axes, axes::BOX, rows::States};
use crate::parallel::Pass;

/// More columns are states of their own.
pub(super) const MOST_COLUMNS: usize = 64;

/// The boxes, groups of rows, where `item` bytes of memory are worked on for each item.
pub(super) fn tiles(axes: &Axes, item: usize) -> Tiles<'_> {
    let (rows, columns) = (axes.view.shape()[1], axes.view.shape()[2]);
    // Many whole rows of the kernel's.
    let group = (4 * BOX / (columns * item)).next_multiple_of(128).min(rows);
    axes.view.blocks(&[1, group, columns], &[0, 1, 2])
}

pub(super) struct Narrow<'a> {
    pub(super) reducers: &'a [Reducer],
}

impl Pass for Narrow<'_> {
    type Worker = Scratch;
    /// The states of all reducers for each column.
    type Given = States;

    fn worker(&self) -> Scratch {
        Scratch::default()
    }

    fn work(&self, scratch: &mut Scratch, tile: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(States)) {
        let (first_row, columns) = (tile.start[1] as u64, tile.view.shape()[2]);
        let found: Vec<Vec<Partial>> =
            self.reducers.iter().map(|reducer| narrow(reducer, items, columns, first_row, scratch)).collect();
        let states = (0..columns).flat_map(|column| found.iter().map(move |states| states[column])).collect();
        give(States { first: 0, states });
    }
}
