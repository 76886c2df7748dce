//! Many results of few items each, in boxes that hold all items of theirs. The items are turned, so that those of
//! a result are a column.

use ndfolio_kernel::{
    copy_strided,
    reduce::{Columns, Reducer, Scratch},
};
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Bytes;

use super::{Axes, Put, Reduction, axes::BOX, columns::Spare, rows, walk::Walk};
use crate::{
    EngineError, Found, Report,
    parallel::{Items, Pass},
};

/// The longest rows for which turning is faster, in items.
pub(super) const LONGEST_ROW: usize = 64;
/// Columns of few rows are turned if there are so few bytes to each outer item.
pub(super) const LONGEST_BYTES: usize = 16 << 10;

/// The boxes, where `item` bytes of memory are worked on for each item.
pub(super) fn tiles(axes: &Axes, item: usize) -> Tiles<'_> {
    if !axes.is_columns() {
        return rows::tiles(axes, item);
    }
    let shape = axes.view.shape();
    let outer = (BOX / (shape[1] * shape[2] * item)).clamp(1, shape[0]);
    axes.view.blocks(&[outer, shape[1], shape[2]], &[0, 1, 2])
}

/// How many results a box has.
pub(super) fn outputs(axes: &Axes, block: &[usize]) -> usize {
    let after = if axes.is_columns() { block[2] } else { 1 };
    block[..axes.kept].iter().product::<usize>() * after
}

/// Runs a pass and hands on the columns of each box.
pub(super) fn run(
    reduction: &Reduction<'_, impl Items>,
    pass: &impl Pass<Given = Vec<Columns>>,
    spare: &Spare,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let tiles = &reduction.frame.tiles;
    reduction.items.run_pass(tiles, &reduction.frame.run, pass, |index, given| {
        let Some(tile) = tiles.get(index) else { return };
        let mut outputs = Walk::of_results(reduction.axes, &tile);
        if let Some(first) = outputs.in_a_row() {
            put(first, Found::Columns(&given));
        } else {
            Found::Columns(&given).each(0, |_, partials| {
                if let Some(output) = outputs.next() {
                    put(output, Found::One(partials));
                }
            });
        }
        spare.put(given);
    })
}

pub(super) struct Turned<'a> {
    pub(super) axes: &'a Axes,
    /// Bytes of an item as the reducers take it.
    pub(super) itemsize: usize,
    pub(super) reducers: &'a [Reducer],
    pub(super) spare: &'a Spare,
}

/// What a thread knows.
#[derive(Default)]
pub(super) struct Worker {
    scratch: Scratch,
    room: Vec<u8>,
    turned: Vec<u8>,
}

impl Pass for Turned<'_> {
    type Worker = Worker;
    /// The columns of each reducer.
    type Given = Vec<Columns>;

    fn worker(&self) -> Worker {
        Worker::default()
    }

    fn work(&self, worker: &mut Worker, tile: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(Vec<Columns>)) {
        let (size, shape) = (self.itemsize as isize, tile.view.shape());
        let after = if self.axes.is_columns() { shape[2] } else { 1 };
        let before: usize = shape[..self.axes.kept].iter().product();
        let rows = items.len() / self.itemsize / (before * after);
        let Worker { scratch, room, turned } = worker;
        turned.resize(items.len(), 0);
        let (b, r, a) = (before as isize, rows as isize, after as isize);
        copy_strided(
            (items.private(room), 0, &[r * a * size, a * size, size]),
            (turned, 0, &[a * size, b * a * size, size]),
            &[before, rows, after],
            self.itemsize,
        );
        give(self.spare.measure(self.reducers, before * after, (Bytes::Private(turned), 0), scratch));
    }
}
