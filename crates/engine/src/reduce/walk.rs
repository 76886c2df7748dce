//! Numbers of results and places of items, box by box.

use ndfolio_layout::Tile;

use super::Axes;

/// Numbers that move by a step along each axis of a box, in C order.
pub(super) struct Walk {
    axes: Vec<Step>,
    number: usize,
    done: bool,
}

struct Step {
    extent: usize,
    step: usize,
    at: usize,
}

impl Walk {
    /// Of axes that have an extent, a first index and a step.
    pub(super) fn new(axes: impl Iterator<Item = (usize, usize, usize)>) -> Self {
        let mut walk = Walk { axes: Vec::new(), number: 0, done: false };
        for (extent, start, step) in axes {
            walk.axes.push(Step { extent, step, at: 0 });
            walk.number += start * step;
            walk.done |= extent == 0;
        }
        walk
    }

    /// The numbers of the results of a box.
    pub(super) fn of_results(axes: &Axes, tile: &Tile) -> Self {
        let reduced = if axes.is_columns() { axes.kept..axes.kept + 1 } else { axes.kept..axes.view.ndim() };
        let stay = (0..axes.view.ndim()).filter(|axis| !reduced.contains(axis));
        Walk::new(stay.map(|axis| (tile.view.shape()[axis], tile.start[axis], axes.output_steps[axis])))
    }

    /// From the `first` of them on.
    pub(super) fn from(mut self, mut first: usize) -> Self {
        for axis in self.axes.iter_mut().rev() {
            axis.at = first % axis.extent;
            self.number += axis.at * axis.step;
            first /= axis.extent;
        }
        self
    }

    /// The first, if all of them count on from there.
    pub(super) fn in_a_row(&self) -> Option<usize> {
        let mut step = 1;
        let follows = self.axes.iter().rev().all(|axis| {
            let follows = axis.extent == 1 || axis.step == step;
            step *= axis.extent;
            follows
        });
        follows.then_some(self.number)
    }
}

impl Iterator for Walk {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.done {
            return None;
        }
        let number = self.number;
        self.done = true;
        for axis in self.axes.iter_mut().rev() {
            if axis.at + 1 < axis.extent {
                axis.at += 1;
                self.number += axis.step;
                self.done = false;
                break;
            }
            self.number -= axis.at * axis.step;
            axis.at = 0;
        }
        Some(number)
    }
}
