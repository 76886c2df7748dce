use super::{View, spans::advance};

/// A box of a view's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The index of its first item along each axis of the view that it is a part of.
    pub start: Vec<usize>,
    /// Where its items lie; the axes are those of the whole view.
    pub view: View,
}

/// The boxes of a grid over a view, one after the other.
#[derive(Clone, Debug)]
pub struct Tiles<'a> {
    view: &'a View,
    /// Items of a box along each axis.
    block: Vec<usize>,
    /// Items that the first box has less, along the slowest axis.
    less: usize,
    /// The axes, slowest first, and whether each runs backwards.
    order: Vec<(usize, bool)>,
    at: Vec<usize>,
    done: bool,
}

impl View {
    /// Cuts the view into boxes that lie one after the other in the file, each of at most `max_extent` bytes
    /// from its first to its last (or one item, if that is larger).
    #[must_use]
    pub fn tiles(&self, max_extent: u64) -> Tiles<'_> {
        let mut block = vec![1; self.ndim()];
        let axes = self.long_axes();
        let mut reach = self.itemsize() as u64;
        for axis in axes.iter().rev() {
            let all = reach.saturating_add(axis.step.saturating_mul(axis.extent.max(1) as u64 - 1));
            if all <= max_extent {
                block[axis.axis] = axis.extent.max(1);
                reach = all;
                continue;
            }
            let spare = max_extent.saturating_sub(reach);
            block[axis.axis] = spare.checked_div(axis.step).map_or(axis.extent, |n| n as usize + 1);
            break;
        }
        self.grid(block, axes.iter().map(|axis| (axis.axis, axis.reversed)))
    }

    /// Cuts the view into boxes that follow each other in C order, each of at most `max_bytes` bytes of items
    /// (or one item, if that is larger): put one behind the other they are the array in C order.
    #[must_use]
    pub fn panels(&self, max_bytes: usize) -> Tiles<'_> {
        let mut block = vec![1; self.ndim()];
        let mut bytes = self.itemsize().max(1);
        for axis in (0..self.ndim()).rev() {
            block[axis] = (max_bytes / bytes).clamp(1, self.shape[axis].max(1));
            if block[axis] < self.shape[axis] {
                break;
            }
            bytes *= self.shape[axis].max(1);
        }
        self.grid(block, (0..self.ndim()).map(|axis| (axis, false)))
    }

    /// Cuts the view into boxes of a given shape (those at the ends may be smaller), in the order of `axes`,
    /// slowest first. Axes that are not named are slowest of all.
    ///
    /// # Panics
    /// If the block has another number of axes than the view, or an axis is named that it does not have.
    #[must_use]
    pub fn blocks(&self, block: &[usize], axes: &[usize]) -> Tiles<'_> {
        assert_eq!(block.len(), self.ndim(), "a block has the axes of its view");
        assert!(axes.iter().all(|&axis| axis < self.ndim()), "a block is walked along axes of its view");
        let block = block.iter().zip(&self.shape).map(|(&b, &n)| b.clamp(1, n.max(1))).collect();
        self.grid(block, axes.iter().map(|&axis| (axis, false)))
    }

    fn grid(&self, block: Vec<usize>, axes: impl Iterator<Item = (usize, bool)>) -> Tiles<'_> {
        let named: Vec<_> = axes.collect();
        let rest = (0..self.ndim()).filter(|axis| named.iter().all(|(known, _)| known != axis));
        let order: Vec<_> = rest.map(|axis| (axis, false)).chain(named.iter().copied()).collect();
        Tiles { view: self, block, less: 0, at: vec![0; order.len()], order, done: self.is_empty() }
    }
}

impl Tiles<'_> {
    /// Items of a whole box along each axis.
    #[must_use]
    pub fn block(&self) -> &[usize] {
        &self.block
    }

    /// The same boxes, but for the ends of the slowest axis: the first box has `first` items along it, so that the
    /// others can begin where the file's pages do.
    ///
    /// # Panics
    /// If that is no item, or more than a box has.
    #[must_use]
    pub fn beginning_with(self, first: usize) -> Self {
        let Some(&(axis, _)) = self.order.first() else { return self };
        assert!(0 < first && first <= self.block[axis], "the first box is a part of one");
        Tiles { less: self.block[axis] - first, ..self }
    }

    /// How many boxes there are along an axis.
    fn count_along(&self, axis: usize) -> usize {
        (self.view.shape[axis] + self.less_along(axis)).div_ceil(self.block[axis])
    }

    fn less_along(&self, axis: usize) -> usize {
        if self.order.first().is_some_and(|(slowest, _)| *slowest == axis) { self.less } else { 0 }
    }

    /// How many boxes there are.
    #[must_use]
    pub fn count_tiles(&self) -> usize {
        if self.view.is_empty() {
            return 0;
        }
        (0..self.view.ndim()).map(|axis| self.count_along(axis)).product()
    }

    /// Whether the boxes, one after the other, are the bytes of the file from the first to the last without a
    /// gap.
    #[must_use]
    pub fn follow_each_other(&self) -> bool {
        let walked = self.order.iter().map(|(axis, _)| *axis);
        // In C order a box is whole in every axis behind the first that it cuts, and one item before.
        let cut = (0..self.view.ndim()).find(|&axis| self.block[axis] > 1).unwrap_or(self.view.ndim());
        let whole = (cut + 1..self.view.ndim()).all(|axis| self.block[axis] >= self.view.shape[axis]);
        walked.eq(0..self.view.ndim()) && whole && self.view.is_contiguous(crate::Order::C)
    }

    /// The view that is cut into boxes.
    #[must_use]
    pub fn view(&self) -> &View {
        self.view
    }

    /// The box of a number, whatever has been taken from the iterator.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Tile> {
        let mut tile = None;
        self.get_in(index, &mut tile)?;
        tile
    }

    /// As [`get`](Self::get), in the memory of another box of these, if `room` holds one.
    pub fn get_in<'t>(&self, index: usize, room: &'t mut Option<Tile>) -> Option<&'t Tile> {
        if index >= self.count_tiles() {
            return None;
        }
        let tile = room.get_or_insert_with(|| self.first());
        tile.view.offset = self.view.offset;
        let mut rest = index;
        for &(axis, reversed) in self.order.iter().rev() {
            let count = self.count_along(axis);
            self.put(tile, axis, reversed, rest % count);
            rest /= count;
        }
        Some(tile)
    }

    /// A box that begins where the view does.
    fn first(&self) -> Tile {
        Tile { start: vec![0; self.view.ndim()], view: self.view.clone() }
    }

    /// Makes a box the `i`th along an axis, if its offset is not moved along that axis yet.
    fn put(&self, tile: &mut Tile, axis: usize, reversed: bool, i: usize) {
        let (extent, block, less) = (self.view.shape[axis], self.block[axis], self.less_along(axis));
        let from = (i * block).saturating_sub(less);
        let count = ((i + 1) * block - less).min(extent) - from;
        let start = if reversed { extent - from - count } else { from };
        tile.start[axis] = start;
        tile.view.shape[axis] = count;
        tile.view.advance(start, self.view.strides[axis]);
    }

    fn tile(&self, at: &[usize]) -> Tile {
        let mut tile = self.first();
        for (&(axis, reversed), &i) in self.order.iter().zip(at) {
            self.put(&mut tile, axis, reversed, i);
        }
        tile
    }
}

impl Iterator for Tiles<'_> {
    type Item = Tile;

    fn next(&mut self) -> Option<Tile> {
        if self.done {
            return None;
        }
        let tile = self.tile(&self.at);
        let mut at = std::mem::take(&mut self.at);
        self.done = !advance(&mut at, |i| self.count_along(self.order[i].0));
        self.at = at;
        Some(tile)
    }
}
