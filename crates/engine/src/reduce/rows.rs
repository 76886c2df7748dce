//! Results whose items are brought together row by row: the axes that stay are slower than those that are
//! reduced, in the file or (gathered) in memory.

use ndfolio_kernel::reduce::{Partial, Reducer, Scratch, Seen, Tree, Wanted, whole};
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Bytes;

use super::{Axes, BOX, Put, Reduction, Tap, tap::Tapped};
use crate::{
    EngineError, Report,
    parallel::{Pass, run_pass},
};

/// Reduces row by row: boxes of whole rows, or of parts of one row where a row is longer than a box.
pub(super) fn reduce<T: Tap>(
    reduction: &Reduction<'_>,
    tap: &T,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let axes = reduction.axes;
    let view = &axes.view;
    let positions = reduction.reducers.iter().any(|r| r.wanted().contains(Wanted::POSITIONS));
    let tiles = tiles(axes, view.itemsize());
    let pass =
        Rows { runs: positions && !axes.counts_on(), ..Rows::of(axes, view.itemsize(), reduction.reducers) };
    run(reduction, &tiles, &Tapped::new(pass, tap, axes), put)
}

/// Runs a pass and puts together what it gives: the states of all reducers for each row of a box.
pub(super) fn run(
    reduction: &Reduction<'_>,
    tiles: &Tiles<'_>,
    pass: &impl Pass<Given = Vec<Partial>>,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    let (axes, kept, view) = (reduction.axes, reduction.axes.kept, &reduction.axes.view);
    let parts: usize =
        (kept..view.ndim()).map(|axis| view.shape()[axis].div_ceil(tiles.block()[axis])).product();
    let (mut open, mut room): (Vec<Tree>, _) = (Vec::new(), None);
    run_pass(reduction.source, tiles, reduction.run, pass, |index, rows: Vec<Partial>| {
        let count = reduction.reducers.len();
        let mut done = rows;
        // Boxes that are parts of rows are merged.
        if parts > 1 {
            if index % parts == 0 {
                open = done.iter().map(|_| Tree::new()).collect();
            }
            for (i, (tree, partial)) in open.iter_mut().zip(&done).enumerate() {
                tree.push(&reduction.reducers[i % count], 0, *partial);
            }
            if index % parts < parts - 1 {
                return;
            }
            let trees = open.iter().enumerate();
            done = trees.map(|(i, tree)| tree.finish(&reduction.reducers[i % count])).collect();
        }
        let Some(tile) = tiles.get_in(index, &mut room) else { return };
        let outputs = Walk::new(&tile.view.shape()[..kept], &tile.start[..kept], &axes.output_steps[..kept]);
        for (output, partials) in outputs.zip(done.chunks(count)) {
            put(output, partials);
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

/// A box in C order of at most `most` items, the fastest axes whole: rows together, or a part of one.
fn box_of_rows(shape: &[usize], most: usize) -> Vec<usize> {
    let mut block = vec![1; shape.len()];
    let mut items = 1;
    for axis in (0..shape.len()).rev() {
        block[axis] = (most / items).clamp(1, shape[axis]);
        if block[axis] < shape[axis] {
            break;
        }
        items *= shape[axis];
    }
    block
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
        Rows { kept, itemsize, reducers, runs: false, position_steps }
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
}

impl Pass for Rows<'_> {
    type Worker = Worker;
    /// The states of all reducers for each row of the box.
    type Given = Vec<Partial>;

    fn worker(&self) -> Worker {
        Worker::default()
    }

    fn work(&self, worker: &mut Worker, tile: &Tile, items: Bytes<'_>) -> Vec<Partial> {
        let (shape, start) = (tile.view.shape(), &tile.start);
        let row: usize = shape[self.kept..].iter().product();
        let (first, size) = (self.first(start), row * self.itemsize);
        let alone = items.len() == size;
        if alone {
            worker.enter(&start[..self.kept], self.reducers.len());
        }
        let mut out = Vec::with_capacity(self.reducers.len() * (items.len() / size.max(1)));
        for row in items.chunks(size) {
            for (i, reducer) in self.reducers.iter().enumerate() {
                let seen = if alone { worker.seen.get_mut(i) } else { None };
                out.push(if self.runs && reducer.wanted().contains(Wanted::POSITIONS) {
                    self.reduce_runs(reducer, row, shape, start, &mut worker.scratch)
                } else {
                    shifted(whole(reducer, row, &mut worker.scratch, seen), first, 1)
                });
            }
        }
        out
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
        let firsts = Walk::new(shape, &start[..shape.len()], &steps[..shape.len()]);
        let base = start[shape.len()] * step;
        let mut tree = Tree::new();
        for (run, first) in row.chunks(run).zip(firsts) {
            let partial = whole(reducer, run, scratch, None);
            tree.push(reducer, 0, shifted(partial, (first + base) as u64, step as u64));
        }
        tree.finish(reducer)
    }
}

/// The same state with its positions where they are in the whole.
fn shifted(mut partial: Partial, first: u64, step: u64) -> Partial {
    let shift = |at: u64| if at == u64::MAX { at } else { first + at * step };
    partial.first_nan = partial.first_nan.map(shift);
    (partial.min_at, partial.max_at) = (shift(partial.min_at), shift(partial.max_at));
    partial
}

/// Numbers that move by a step along each axis of a box, in C order.
struct Walk<'a> {
    shape: &'a [usize],
    steps: &'a [usize],
    at: Vec<usize>,
    number: usize,
    done: bool,
}

impl<'a> Walk<'a> {
    fn new(shape: &'a [usize], start: &[usize], steps: &'a [usize]) -> Self {
        let number = start.iter().zip(steps).map(|(i, step)| i * step).sum();
        Walk { shape, steps, at: vec![0; shape.len()], number, done: shape.contains(&0) }
    }
}

impl Iterator for Walk<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.done {
            return None;
        }
        let number = self.number;
        self.done = true;
        for axis in (0..self.shape.len()).rev() {
            if self.at[axis] + 1 < self.shape[axis] {
                self.at[axis] += 1;
                self.number += self.steps[axis];
                self.done = false;
                break;
            }
            self.number -= self.at[axis] * self.steps[axis];
            self.at[axis] = 0;
        }
        Some(number)
    }
}
