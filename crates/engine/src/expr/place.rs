//! Which items of a pass a box has.

use std::ops::Range;

use ndfolio_layout::{Tile, View};

/// How the axes of a view over the items of a pass, contiguous in C order, cover the axes of the pass: a
/// reduction joins some and sorts them.
#[derive(Debug)]
pub(super) struct Cover {
    shape: Vec<usize>,
    /// The axes of the pass that each axis of the view goes along, slowest first.
    groups: Vec<Vec<usize>>,
}

impl Cover {
    pub(super) fn new(view: &View, shape: &[usize]) -> Self {
        let size = view.itemsize() as isize;
        let groups = view.shape().iter().zip(view.strides());
        let groups =
            groups.map(|(&extent, &stride)| group(shape, extent, (stride / size) as usize)).collect();
        Cover { shape: shape.to_vec(), groups }
    }

    /// Whether an axis of the view goes along several of the pass.
    pub(super) fn joins(&self) -> bool {
        self.groups.iter().any(|group| group.len() > 1)
    }

    /// The least box of the pass's axes that holds all items of a box of the view.
    pub(super) fn bounds(&self, tile: &Tile) -> Vec<Range<usize>> {
        let mut bounds: Vec<Range<usize>> = self.shape.iter().map(|_| 0..1).collect();
        for ((group, &start), &count) in self.groups.iter().zip(&tile.start).zip(tile.view.shape()) {
            let (mut low, mut high, mut apart) = (start, start + count - 1, false);
            let mut step: usize = group.iter().map(|&axis| self.shape[axis]).product();
            for &axis in group {
                step /= self.shape[axis];
                let (first, last) = (low / step, high / step);
                bounds[axis] = if apart { 0..self.shape[axis] } else { first..last + 1 };
                apart |= first != last;
                (low, high) = (low % step, high % step);
            }
        }
        bounds
    }
}

/// The axes of a shape that an axis of so many items, so many items apart, goes along.
fn group(shape: &[usize], extent: usize, apart: usize) -> Vec<usize> {
    let (mut group, mut covered, mut step) = (Vec::new(), 1, 1);
    for (axis, &n) in shape.iter().enumerate().rev() {
        if n > 1 && step >= apart && covered < extent {
            group.push(axis);
            covered *= n;
        }
        step *= n;
    }
    group.reverse();
    group
}

/// The numbers of the items of a box, in its C order, as runs of items that follow each other in the pass.
pub(super) struct Runs {
    /// Extents and steps in items of the axes that are walked, slowest first.
    axes: Vec<(usize, isize)>,
    at: Vec<usize>,
    number: isize,
    run: usize,
    done: bool,
}

impl Runs {
    pub(super) fn new(view: &View) -> Self {
        let size = view.itemsize() as isize;
        let mut run = 1;
        let mut axes: Vec<(usize, isize)> = view
            .shape()
            .iter()
            .zip(view.strides())
            .filter(|(n, _)| **n != 1)
            .map(|(&n, &stride)| (n, stride / size))
            .collect();
        while let Some(&(n, step)) = axes.last()
            && step == run as isize
        {
            run *= n;
            axes.pop();
        }
        let number = (view.offset() / size as u64) as isize;
        Runs { at: vec![0; axes.len()], axes, number, run, done: view.is_empty() }
    }
}

impl Iterator for Runs {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.done {
            return None;
        }
        let first = self.number as usize;
        self.done = true;
        for ((n, step), at) in self.axes.iter().zip(&mut self.at).rev() {
            if *at + 1 < *n {
                *at += 1;
                self.number += step;
                self.done = false;
                break;
            }
            self.number -= *at as isize * step;
            *at = 0;
        }
        Some(first..first + self.run)
    }
}

/// The part of a view that lies in a box of its axes.
pub(crate) fn part(view: &View, bounds: &[Range<usize>]) -> Option<View> {
    let mut offset = view.offset();
    for (range, &stride) in bounds.iter().zip(view.strides()) {
        offset = offset.wrapping_add_signed((range.start as isize * stride) as i64);
    }
    let shape: Vec<usize> = bounds.iter().map(Range::len).collect();
    View::strided(view.dtype(), &shape, view.strides(), offset).ok()
}

/// The same items without repetition.
pub(super) fn each_once(view: &View) -> Option<View> {
    let extents = view.shape().iter().zip(view.strides());
    let shape: Vec<usize> = extents.map(|(&n, &stride)| if stride == 0 { n.min(1) } else { n }).collect();
    View::strided(view.dtype(), &shape, view.strides(), view.offset()).ok()
}

/// The items of a view that lie in a box of its axes, each once.
pub(super) fn part_once(view: &View, bounds: &[Range<usize>]) -> Option<View> {
    part(view, bounds).and_then(|part| each_once(&part))
}

#[cfg(test)]
mod tests {
    use ndfolio_layout::{DType, Kind, Order};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn boxes_are_where_their_items_are(
            shape in prop::collection::vec(1_usize..6, 0..4),
            joined in any::<bool>(),
            turn in 0_usize..4,
            block in prop::collection::vec(1_usize..7, 4),
        ) {
            let dtype = DType::native(Kind::Int16);
            let whole = View::contiguous(&dtype, &shape, Order::C, 0).unwrap();
            let view = if joined && shape.len() > 1 {
                let (last, first) = shape.split_last().unwrap();
                let rows: usize = first.iter().product();
                whole.reshape(&[rows as i64, *last as i64], Order::C).unwrap()
            } else {
                whole.clone()
            };
            let mut order: Vec<isize> = (0..view.ndim() as isize).collect();
            order.rotate_left(turn % view.ndim().max(1));
            let view = view.transpose(Some(&order)).unwrap();
            let cover = Cover::new(&view, &shape);
            let axes: Vec<usize> = (0..view.ndim()).collect();
            for tile in view.blocks(&block[..view.ndim()], &axes) {
                let naive: Vec<usize> = tile.view.panels(1).map(|item| item.view.offset() as usize / 2).collect();
                let items: Vec<usize> = Runs::new(&tile.view).flatten().collect();
                prop_assert_eq!(&items, &naive);
                let bounds = cover.bounds(&tile);
                let inside = part(&whole, &bounds).unwrap();
                let all: Vec<usize> = inside.panels(1).map(|item| item.view.offset() as usize / 2).collect();
                prop_assert!(items.iter().all(|item| all.contains(item)));
                if !joined {
                    prop_assert_eq!(all.len(), items.len());
                }
            }
        }
    }
}
