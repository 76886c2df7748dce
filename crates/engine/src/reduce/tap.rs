//! Others who look at the items of a reduction's pass: one reading serves them all.

use std::ops::Range;

use ndfolio_kernel::copy_strided;
use ndfolio_layout::Tile;
use ndfolio_store::{Buffer, Bytes};

use super::{Axes, frame::Frame};
use crate::{
    EngineError, Report, Run, Source,
    parallel::{Fill, Pass, compute_all, run_pass},
};

/// Bytes of a box whose rows are brought together at once; they stay in the L2 cache.
const TURNED: usize = 256 << 10;

/// Somebody who looks at the items of rows. A row here is what one result is made of, and rows are numbered as
/// the pass walks them.
pub(crate) trait Tap: Sync {
    /// What a thread keeps.
    type Worker: Send;
    /// Whether there is anything to look for.
    const ACTIVE: bool = true;

    fn worker(&self) -> Self::Worker;

    /// Looks at contiguous rows of items, all of one length, or at a part of each.
    fn take(&self, worker: &mut Self::Worker, place: &Place, items: &[u8]);
}

/// Which rows items belong to.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The rows.
    pub(crate) rows: Range<usize>,
    /// The rows of the whole box, these among them.
    pub(crate) around: Range<usize>,
}

/// Counters of rows that are booked at once; they stay in the L2 cache.
const COUNTERS: usize = 16 << 10;

impl Place {
    /// Each row and its items.
    pub(crate) fn each<'i>(&self, items: &'i [u8]) -> impl Iterator<Item = (usize, &'i [u8])> + use<'i> {
        self.rows.clone().zip(items.chunks(items.len() / self.rows.len()))
    }

    /// The rows in batches, if they are all of the box: each has `counters` counters, and is done with.
    pub(crate) fn batches<'i>(
        &self,
        items: &'i [u8],
        counters: usize,
    ) -> impl Iterator<Item = (Place, &'i [u8])> + use<'i> {
        let whole = self.rows == self.around;
        let most = if whole { (COUNTERS / counters.max(1)).max(1) } else { self.rows.len() };
        let (rows, around) = (self.rows.clone(), self.around.clone());
        let bytes = items.len() / rows.len() * most;
        rows.clone().step_by(most).zip(items.chunks(bytes)).map(move |(first, items)| {
            let rows = first..(first + most).min(rows.end);
            (Place { around: if whole { rows.clone() } else { around.clone() }, rows }, items)
        })
    }
}

/// Nobody.
impl Tap for () {
    type Worker = ();
    const ACTIVE: bool = false;

    fn worker(&self) {}

    fn take(&self, (): &mut (), _: &Place, _: &[u8]) {}
}

/// A pass that is looked at.
pub(super) struct Tapped<'a, P, T> {
    pass: P,
    tap: &'a T,
    axes: &'a Axes,
}

/// What a thread keeps: the pass's, the tap's, room to turn columns in and for mapped items.
pub(super) struct Worker<W, L> {
    own: W,
    looks: L,
    turned: Vec<u8>,
    room: Vec<u8>,
}

impl<'a, P, T: Tap> Tapped<'a, P, T> {
    pub(super) fn new(pass: P, tap: &'a T, axes: &'a Axes) -> Self {
        Tapped { pass, tap, axes }
    }

    /// Shows the items of a box to the tap.
    fn show(&self, looks: &mut T::Worker, turned: &mut Vec<u8>, tile: &Tile, items: &[u8]) {
        let (all, shape) = (self.axes.view.shape(), tile.view.shape());
        if self.axes.is_columns() {
            for (outer, items) in items.chunks(items.len() / shape[0]).enumerate() {
                let first = (tile.start[0] + outer) * all[2] + tile.start[2];
                self.show_columns(looks, turned, first..first + shape[2], items);
            }
            return;
        }
        let kept = self.axes.kept;
        let first = tile.start[..kept].iter().zip(all).fold(0, |number, (i, n)| number * n + i);
        let rows = first..first + shape[..kept].iter().product::<usize>();
        self.tap.take(looks, &Place { rows: rows.clone(), around: rows }, items);
    }

    /// Columns become rows, as many at once as stay in the cache.
    fn show_columns(&self, looks: &mut T::Worker, turned: &mut Vec<u8>, around: Range<usize>, items: &[u8]) {
        let (size, width) = (self.axes.view.itemsize(), around.len());
        let length = items.len() / (size * width);
        let most = (TURNED / (length * size)).max(1);
        for from in (0..width).step_by(most) {
            let count = most.min(width - from);
            turned.resize(count * length * size, 0);
            let strides = |columns: usize, items: usize| [(columns * size) as isize, (items * size) as isize];
            copy_strided(
                (items, from * size, &strides(1, width)),
                (turned, 0, &strides(length, 1)),
                &[count, length],
                size,
            );
            let rows = around.start + from..around.start + from + count;
            self.tap.take(looks, &Place { rows, around: around.clone() }, turned);
        }
    }
}

impl<P: Pass, T: Tap> Pass for Tapped<'_, P, T> {
    type Worker = Worker<P::Worker, T::Worker>;
    type Given = P::Given;

    fn worker(&self) -> Self::Worker {
        let (own, looks) = (self.pass.worker(), self.tap.worker());
        Worker { own, looks, turned: Vec::new(), room: Vec::new() }
    }

    fn work(&self, worker: &mut Self::Worker, tile: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(P::Given)) {
        if !T::ACTIVE {
            return self.pass.work(&mut worker.own, tile, items, give);
        }
        let items = items.private(&mut worker.room);
        self.show(&mut worker.looks, &mut worker.turned, tile, items);
        self.pass.work(&mut worker.own, tile, Bytes::Private(items), give);
    }

    fn compute(
        &self,
        worker: &mut Self::Worker,
        tile: &Tile,
        items: (&mut Fill<'_>, &mut Buffer),
        give: &mut dyn FnMut(P::Given),
    ) -> Result<(), EngineError> {
        if T::ACTIVE {
            return compute_all(self, worker, tile, items, give);
        }
        self.pass.compute(&mut worker.own, tile, items, give)
    }
}

/// A pass that does nothing itself.
struct Nothing;

impl Pass for Nothing {
    type Worker = ();
    type Given = ();

    fn worker(&self) {}

    fn work(&self, (): &mut (), _: &Tile, _: Bytes<'_>, _: &mut dyn FnMut(())) {}
}

/// Shows all items to a tap, in a pass of their own.
pub(crate) fn look<T: Tap>(
    source: &Source,
    axes: &Axes,
    run: &Run<'_>,
    tap: &T,
) -> Result<Report, EngineError> {
    let frame = Frame::new(axes, &[], 0, run);
    run_pass(source, &frame.tiles, &frame.run, &Tapped::new(Nothing, tap, axes), |_, ()| {})
}
