//! Results whose items are brought together row by row: the axes that stay are slower than those that are
//! reduced, in the file or (gathered) in memory. States of parts of rows are merged here, and those of few
//! columns.

use std::collections::BTreeMap;

use ndfolio_kernel::reduce::{BLOCK, Blocks, Partial, Reducer, Scratch, Seen, Tree, Wanted, whole};
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::{Buffer, Bytes};

use super::{Axes, Put, Reduction, axes::BOX, walk::Walk};
use crate::{
    EngineError, Found, Report,
    blocks::box_of_rows,
    parallel::{Fill, Forest, Items, Pass, compute_all},
};

/// States that a box gives at once: of short rows there are many.
pub(super) const MOST_GIVEN: usize = 1024;

/// Bytes of whole blocks that are reduced as soon as they are computed, if there are so few.
const PART: usize = 64 << 10;

/// Runs a pass and puts together what it gives: the states of all reducers for rows of a box.
pub(super) fn run(
    reduction: &Reduction<'_, impl Items>,
    pass: &impl Pass<Given = States>,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let (axes, view) = (reduction.axes, &reduction.axes.view);
    let (tiles, reducers) = (&reduction.frame.tiles, reduction.reducers);
    let parts: usize =
        (axes.kept..view.ndim()).map(|axis| view.shape()[axis].div_ceil(tiles.block()[axis])).product();
    // Boxes that are parts of one row are merged.
    let mut open: BTreeMap<usize, Forest<Vec<Partial>>> = BTreeMap::new();
    let merge = |mut earlier: Vec<Partial>, later: Vec<Partial>| {
        for ((earlier, later), reducer) in earlier.iter_mut().zip(&later).zip(reducers.iter().cycle()) {
            reducer.add(earlier, later);
        }
        earlier
    };
    let mut room = None;
    reduction.items.run_pass(tiles, &reduction.frame.run, pass, |index, given: States| {
        let mut states = given.states;
        if parts > 1 {
            let row = index / parts;
            let forest = open.entry(row).or_default();
            forest.push(index % parts, states, merge);
            if forest.boxes() < parts {
                return;
            }
            let Some(finished) = open.remove(&row).and_then(|forest| forest.finish(merge)) else { return };
            states = finished;
        }
        let Some(tile) = tiles.get_in(index, &mut room) else { return };
        let outputs = Walk::of_results(axes, tile).from(given.first);
        for (output, partials) in outputs.zip(states.chunks(reducers.len())) {
            put(output, Found::One(partials));
        }
    })
}

/// The boxes, where `itemsize` bytes of memory are worked on for each item.
pub(super) fn tiles(axes: &Axes, itemsize: usize) -> Tiles<'_> {
    let view = &axes.view;
    let block = box_of_rows(view.shape(), (BOX / itemsize.max(1)).max(1));
    let order: Vec<usize> = (0..view.ndim()).collect();
    view.blocks(&block, &order)
}

/// The states of all reducers for some rows of a box.
pub(super) struct States {
    /// The first of the rows.
    pub(super) first: usize,
    pub(super) states: Vec<Partial>,
}

pub(super) struct Rows<'a> {
    kept: usize,
    /// Bytes of an item as the reducers take it.
    itemsize: usize,
    reducers: &'a [Reducer],
    /// Whether positions count on along the fastest axis only.
    runs: bool,
    position_steps: &'a [usize],
}

impl<'a> Rows<'a> {
    /// Of items of `itemsize` bytes, whatever the array's have.
    pub(super) fn of(axes: &'a Axes, itemsize: usize, reducers: &'a [Reducer]) -> Self {
        let (kept, position_steps) = (axes.kept, &axes.position_steps[..]);
        Rows { kept, itemsize, reducers, runs: axes.jumps(reducers), position_steps }
    }

    /// The position of the first item of a box.
    fn first(&self, start: &[usize]) -> u64 {
        let steps = &self.position_steps[self.kept..];
        start[self.kept..].iter().zip(steps).map(|(i, s)| i * s).sum::<usize>() as u64
    }
}

/// What a thread knows while it works on boxes.
#[derive(Default)]
pub(super) struct Worker {
    scratch: Scratch,
    /// The row of which the last box was a part, and the best extremes of its items so far.
    row: Vec<usize>,
    seen: Vec<Seen>,
    /// What is known of the row that is computed, for each reducer.
    blocks: Vec<Blocks>,
}

impl Pass for Rows<'_> {
    type Worker = Worker;
    type Given = States;

    fn worker(&self) -> Worker {
        Worker::default()
    }

    fn work(&self, worker: &mut Worker, tile: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(States)) {
        let (shape, start) = (tile.view.shape(), &tile.start);
        let row: usize = shape[self.kept..].iter().product();
        let (base, size, count) = (self.first(start), row * self.itemsize, self.reducers.len());
        let alone = items.len() == size;
        if alone {
            worker.enter(&start[..self.kept], count);
        }
        let most = (MOST_GIVEN / count.max(1)).max(1);
        for (part, rows) in items.chunks(size * most).enumerate() {
            let mut states = Vec::with_capacity(count * (rows.len() / size.max(1)));
            for row in rows.chunks(size) {
                for (i, reducer) in self.reducers.iter().enumerate() {
                    let seen = if alone { worker.seen.get_mut(i) } else { None };
                    states.push(if self.runs && reducer.wanted().contains(Wanted::POSITIONS) {
                        self.reduce_runs(reducer, row, shape, start, &mut worker.scratch)
                    } else {
                        whole(reducer, row, &mut worker.scratch, seen).placed(base, 1)
                    });
                }
            }
            give(States { first: part * most, states });
        }
    }

    /// Rows of some blocks are reduced part by part, while what was computed last lies in the processor's nearest caches.
    fn compute(
        &self,
        worker: &mut Worker,
        tile: &Tile,
        (fill, room): (&mut Fill<'_>, &mut Buffer),
        give: &mut dyn FnMut(States),
    ) -> Result<(), EngineError> {
        let (shape, count) = (tile.view.shape(), self.reducers.len());
        let row: usize = shape[self.kept..].iter().product();
        if row < BLOCK || !self.reducers.iter().all(Blocks::can_take) {
            return compute_all(self, worker, tile, (fill, room), give);
        }
        let base = self.first(&tile.start);
        worker.blocks.resize_with(count, Blocks::default);
        let mut states = Vec::with_capacity(count);
        for _ in 0..shape[..self.kept].iter().product() {
            self.compute_row(worker, row * self.itemsize, (fill, room))?;
            let finished = worker.blocks.iter_mut().zip(self.reducers);
            states.extend(finished.map(|(blocks, reducer)| blocks.finish(reducer).placed(base, 1)));
        }
        give(States { first: 0, states });
        Ok(())
    }
}

impl Worker {
    /// Turns to a box of a row, of which something may have been seen.
    fn enter(&mut self, row: &[usize], reducers: usize) {
        if self.row != row || self.seen.is_empty() {
            self.row = row.to_vec();
            self.seen = vec![Seen::default(); reducers];
        }
    }
}

impl Rows<'_> {
    /// Reduces a row of so many bytes while it is computed.
    fn compute_row(
        &self,
        worker: &mut Worker,
        size: usize,
        (fill, room): (&mut Fill<'_>, &mut Buffer),
    ) -> Result<(), EngineError> {
        let block = BLOCK * self.itemsize;
        let part = (PART / block).max(1) * block;
        for at in (0..size).step_by(part) {
            let items = room.room(0, part.min(size - at));
            fill(items)?;
            for (blocks, reducer) in worker.blocks.iter_mut().zip(self.reducers) {
                blocks.add(reducer, &*items, &mut worker.scratch);
            }
        }
        Ok(())
    }

    /// A row whose positions jump from run to run: each run is reduced by itself.
    fn reduce_runs(
        &self,
        reducer: &Reducer,
        row: Bytes<'_>,
        shape: &[usize],
        start: &[usize],
        scratch: &mut Scratch,
    ) -> Partial {
        let last = shape.len() - 1;
        let (shape, start, steps) =
            (&shape[self.kept..last], &start[self.kept..], &self.position_steps[self.kept..]);
        let step = steps[steps.len() - 1];
        let run = row.len() / shape.iter().product::<usize>();
        let firsts = Walk::new(shape.iter().zip(start).zip(steps).map(|((n, i), step)| (*n, *i, *step)));
        let base = start[shape.len()] * step;
        let mut tree = Tree::new();
        for (run, first) in row.chunks(run).zip(firsts) {
            let partial = whole(reducer, run, scratch, None);
            tree.push(reducer, 0, partial.placed((first + base) as u64, step as u64));
        }
        tree.finish(reducer)
    }
}
