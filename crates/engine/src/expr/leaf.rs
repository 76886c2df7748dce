//! Items of an array, as a program loads them: so many from a place of the pass on.

use std::ops::Range;

use ndfolio_kernel::gather;
use ndfolio_layout::View;
use ndfolio_store::Bytes;

/// An axis along which an array is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    extent: usize,
    /// How many items of the pass one step is.
    step: usize,
    /// Bytes of the array.
    stride: isize,
}

/// How the items of an array follow each other in the order of a pass: neighbours joined.
#[derive(Clone, Debug)]
pub(super) struct Order {
    axes: Vec<Axis>,
    itemsize: usize,
    /// Where the item of the index 0 lies: offset in the file or in memory.
    base: i64,
}

impl Order {
    /// Of a view whose axes are those of the pass, slowest first.
    pub(super) fn new(view: &View) -> Self {
        Order::of(view.shape(), view.strides(), view.offset() as i64, view.itemsize())
    }

    /// Of axes with these strides; the item of the index 0 lies at `base`.
    pub(super) fn of(shape: &[usize], strides: &[isize], base: i64, itemsize: usize) -> Self {
        let mut axes: Vec<Axis> = Vec::with_capacity(shape.len());
        let mut step = 1;
        for (&extent, &stride) in shape.iter().zip(strides).rev() {
            let own = step;
            step *= extent;
            match axes.last_mut() {
                _ if extent == 1 => {}
                Some(inner) if stride == inner.stride * inner.extent as isize => inner.extent *= extent,
                _ => axes.push(Axis { extent, step: own, stride }),
            }
        }
        axes.reverse();
        Order { axes, itemsize, base }
    }

    /// Whether every item is the same.
    pub(super) fn is_constant(&self) -> bool {
        self.axes.iter().all(|axis| axis.stride == 0)
    }

    /// The items of a row that comes again and again, if that is all there is.
    pub(super) fn period(&self) -> Option<usize> {
        match self.axes[..] {
            [outer, inner] if outer.stride == 0 && inner.stride == self.itemsize as isize => {
                Some(inner.extent)
            }
            _ => None,
        }
    }

    /// The order of the same items, if their row of a [period](Self::period) has been written down so often that
    /// `items` lie behind each other.
    pub(super) fn repeated(&self, items: usize) -> Self {
        let mut order = self.clone();
        if let [outer, inner] = &mut order.axes[..] {
            (inner.extent, outer.extent, outer.step) = (items, usize::MAX, items);
            order.base = 0;
        }
        order
    }

    /// Loads the items from number `first` of the pass on; as many as `out` has room for. `bytes` begin at the
    /// offset `start`.
    pub(super) fn load(&self, bytes: Bytes<'_>, start: i64, first: usize, out: &mut [u8]) {
        let base = (self.base - start) as isize;
        match self.axes[..] {
            [] => self.row(bytes, base, 0, out),
            [axis] => self.row(bytes, base + first as isize * axis.stride, axis.stride, out),
            [outer, inner] => self.rows(bytes, base, [outer, inner], first, out),
            _ => self.walk(bytes, base, first, out),
        }
    }

    /// The items of a run, if they lie one behind the other; `bytes` begin at the offset `start`.
    pub(super) fn in_place<'d>(&self, bytes: Bytes<'d>, start: i64, run: &Range<usize>) -> Option<Bytes<'d>> {
        let (at, inner) = match self.axes[..] {
            [inner] => (run.start as isize * inner.stride, inner),
            [outer, inner] => {
                let (i, j) = (run.start / outer.step, run.start % outer.step);
                (i as isize * outer.stride + j as isize * inner.stride, inner)
            }
            _ => return None,
        };
        let is_one_row = run.start % inner.extent + run.len() <= inner.extent;
        if inner.stride != self.itemsize as isize || !is_one_row {
            return None;
        }
        let at = (at + (self.base - start) as isize) as usize;
        Some(bytes.slice(at..at + run.len() * self.itemsize))
    }

    fn rows(&self, bytes: Bytes<'_>, base: isize, [outer, inner]: [Axis; 2], first: usize, out: &mut [u8]) {
        let (mut i, mut j) = (first / outer.step, first % outer.step);
        let mut rest = out;
        while !rest.is_empty() {
            let count = (inner.extent - j).min(rest.len() / self.itemsize);
            let (row, after) = rest.split_at_mut(count * self.itemsize);
            let at = base + i as isize * outer.stride + j as isize * inner.stride;
            self.row(bytes, at, inner.stride, row);
            rest = after;
            (i, j) = (i + 1, 0);
        }
    }

    /// Any number of axes.
    fn walk(&self, bytes: Bytes<'_>, base: isize, first: usize, out: &mut [u8]) {
        let Some((inner, outer)) = self.axes.split_last() else { return };
        let (mut at, mut rest) = (first, out);
        while !rest.is_empty() {
            let (mut left, mut place) = (at, base);
            for axis in outer {
                place += (left / axis.step) as isize * axis.stride;
                left %= axis.step;
            }
            let j = left / inner.step;
            let count = (inner.extent - j).min(rest.len() / self.itemsize);
            let (row, after) = rest.split_at_mut(count * self.itemsize);
            self.row(bytes, place + j as isize * inner.stride, inner.stride, row);
            (at, rest) = (at + count, after);
        }
    }

    fn row(&self, bytes: Bytes<'_>, at: isize, stride: isize, out: &mut [u8]) {
        let size = self.itemsize;
        if stride == size as isize {
            bytes.slice(at as usize..at as usize + out.len()).copy_to(out);
        } else if stride == 0 {
            let mut item = [0; 64];
            if let Some(item) = item.get_mut(..size) {
                bytes.slice(at as usize..at as usize + size).copy_to(item);
                fill(item, out);
            } else {
                gather((bytes, at as usize, &[0]), out, &[out.len() / size], size);
            }
        } else {
            gather((bytes, at as usize, &[stride]), out, &[out.len() / size], size);
        }
    }
}

/// Puts one item everywhere.
pub(super) fn fill(item: &[u8], out: &mut [u8]) {
    fn fixed<const N: usize>(item: &[u8], out: &mut [u8]) {
        if let Some(item) = item.first_chunk::<N>() {
            out.as_chunks_mut::<N>().0.fill(*item);
        }
    }
    match item.len() {
        1 => out.fill(item[0]),
        2 => fixed::<2>(item, out),
        4 => fixed::<4>(item, out),
        8 => fixed::<8>(item, out),
        16 => fixed::<16>(item, out),
        size => out.chunks_exact_mut(size).for_each(|place| place.copy_from_slice(item)),
    }
}

#[cfg(test)]
mod tests {
    use ndfolio_layout::{DType, Kind, Order as Storage, slice};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn items_from_anywhere(
            axes in prop::collection::vec((1_usize..7, prop_oneof![-2_i64..0, 1_i64..3], any::<bool>()), 0..4),
            kind in prop::sample::select(vec![Kind::Int8, Kind::Int32, Kind::Complex128, Kind::Void(3)]),
            turn in 0_usize..4,
            cut in (0.0..1.0_f64, 0.0..1.0_f64),
        ) {
            let shape: Vec<_> = axes.iter().map(|axis| if axis.2 { 1 } else { axis.0 }).collect();
            let base = View::contiguous(&DType::native(kind), &shape, Storage::C, 3).unwrap();
            let parts: Vec<_> = axes.iter().map(|axis| slice(None, None, axis.1).into()).collect();
            let part = base.select(&parts.into()).unwrap();
            let wide: Vec<usize> =
                part.shape().iter().zip(&axes).map(|(&n, axis)| if axis.2 { axis.0 } else { n }).collect();
            let wide = part.broadcast_to(&wide).unwrap();
            let mut order: Vec<isize> = (0..wide.ndim() as isize).collect();
            order.rotate_left(turn % wide.ndim().max(1));
            let view = wide.transpose(Some(&order)).unwrap();
            let bytes: Vec<u8> = (0..base.extent().end).map(|i| (i * 7 % 251) as u8).collect();
            let naive: Vec<u8> = view.panels(1).flat_map(|tile| {
                let at = tile.view.offset() as usize;
                bytes[at..at + view.itemsize()].to_vec()
            }).collect();
            let count = view.size();
            let first = (cut.0 * count as f64) as usize;
            let last = first + (cut.1 * (count - first) as f64) as usize;
            let size = view.itemsize();
            let mut out = vec![0; (last - first) * size];
            Order::new(&view).load(Bytes::Private(&bytes[2..]), 2, first, &mut out);
            prop_assert_eq!(&out, &naive[first * size..last * size]);
        }
    }
}
