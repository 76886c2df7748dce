//! Running sums and products: threads compute the items of boxes, and add them up in the boxes' order.

use ndfolio_kernel::{Scanner, Start};
use ndfolio_layout::{Tile, View};

use super::{
    pass::{BoxItems, Consumer},
    target::Turns,
};
use crate::{EngineError, Report};

/// Sums up along an axis of a pass what goes to somebody else.
pub(super) struct Scanned<C> {
    inner: C,
    scanner: Scanner,
    axis: usize,
    /// Extents of the pass and of a box.
    shape: Vec<usize>,
    itemsize: usize,
    /// The last results of all lanes that boxes still to come go on with.
    carry: Turns<Vec<u8>>,
}

/// Bytes of the last results that a scan keeps, of a view in boxes of these extents.
pub(super) fn carry_bytes(view: &View, block: &[usize], axis: usize) -> usize {
    let before: usize = block[..axis].iter().product();
    let after: usize = view.shape()[axis + 1..].iter().product();
    before * after * view.itemsize()
}

impl<C> Scanned<C> {
    /// Along an axis of a view that is cut into boxes of these extents, in C order.
    pub(super) fn new(inner: C, scanner: Scanner, axis: usize, view: &View, block: &[usize]) -> Self {
        let carry = vec![0; carry_bytes(view, block, axis)];
        let (shape, itemsize) = (view.shape().to_vec(), view.itemsize());
        Scanned { inner, scanner, axis, shape, itemsize, carry: Turns::new(carry) }
    }

    /// Goes on with a box's items.
    fn go_on(&self, carry: &mut [u8], tile: &Tile, items: &mut [u8]) {
        let (shape, axis) = (tile.view.shape(), self.axis);
        let after: usize = shape[axis + 1..].iter().product();
        let lane_bytes = shape[axis] * after * self.itemsize;
        let start = if tile.start[axis] == 0 { Start::Here } else { Start::After };
        let all_after: usize = self.shape[axis + 1..].iter().product();
        for (before, lanes) in items.chunks_exact_mut(lane_bytes).enumerate() {
            // The lanes of a box are whole along the axes behind, or a run of one of them.
            let first: usize = (axis + 1..shape.len())
                .map(|a| tile.start[a] * self.shape[a + 1..].iter().product::<usize>())
                .sum();
            let at = (before * all_after + first) * self.itemsize;
            let carry = &mut carry[at..at + after * self.itemsize];
            self.scanner.scan(lanes, carry, start);
        }
    }
}

impl<C: Consumer> Consumer for Scanned<C> {
    type Worker = (C::Worker, Vec<u8>);

    fn bytes_of_worker(&self) -> usize {
        self.inner.bytes_of_worker()
    }

    fn worker(&self) -> Result<Self::Worker, EngineError> {
        Ok((self.inner.worker()?, Vec::new()))
    }

    fn take(
        &self,
        (worker, items): &mut Self::Worker,
        index: usize,
        tile: &Tile,
        BoxItems { fill, .. }: BoxItems<'_, '_>,
    ) -> Result<(), EngineError> {
        items.resize(tile.view.nbytes(), 0);
        fill(&mut [items])?;
        self.carry.take(index, |carry| {
            self.go_on(carry, tile, items);
            Ok(())
        })?;
        let fill = &mut |out: &mut [&mut [u8]]| {
            out[0].copy_from_slice(items);
            Ok(())
        };
        self.inner.take(worker, index, tile, BoxItems { fill, lying: &|_, _| None })
    }

    fn finish(&self, (worker, items): Self::Worker, report: &mut Report) -> Result<(), EngineError> {
        report.io.buffer_bytes += items.capacity() as u64;
        self.inner.finish(worker, report)
    }

    fn stop(&self) {
        self.carry.stop();
        self.inner.stop();
    }
}
