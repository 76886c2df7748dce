use ndfolio_kernel::reduce::{Reducer, Wanted};
use ndfolio_layout::{LayoutError, View};

/// Bytes of a box: with the items of one it stays in the L2 cache.
pub(super) const BOX: usize = 256 << 10;

/// An array's axes as a reduction walks them.
#[derive(Debug)]
pub(crate) struct Axes {
    /// The array with the axes that stay first, then those that are reduced, each in the order of the file,
    /// neighbours joined where they are walked as one. For columns: reduced in the middle, see
    /// [`Axes::is_columns`].
    pub(crate) view: View,
    /// How many axes of `view` stay (for columns: those before the reduced one).
    pub(super) kept: usize,
    /// How far the number of the result moves along each axis of `view`; 0 along reduced ones.
    pub(super) output_steps: Vec<usize>,
    /// How far the position of an item (in C order of the reduced axes as they are in the array) moves along
    /// each axis of `view`; 0 along those that stay.
    pub(super) position_steps: Vec<usize>,
    /// The items of another array of the same shape, in the axes of `view`.
    pub(crate) beside: Option<View>,
    outputs: usize,
    columns: bool,
}

#[derive(Clone, Copy, Debug)]
struct Axis {
    extent: usize,
    stride: isize,
    /// The stride of the array beside it, or 0.
    beside: isize,
    kept: bool,
    /// Steps of the result's number or of the position.
    step: usize,
}

impl Axes {
    pub(crate) fn new(view: &View, reduced_axes: &[isize], positions: bool) -> Result<Self, LayoutError> {
        Axes::build(view, None, reduced_axes, positions)
    }

    /// As [`new`](Self::new), for two arrays of one shape that are walked together, in the first one's order.
    pub(crate) fn of_both(view: &View, beside: &View, reduced_axes: &[isize]) -> Result<Self, LayoutError> {
        Axes::build(view, Some(beside), reduced_axes, false)
    }

    fn build(
        view: &View,
        beside: Option<&View>,
        reduced_axes: &[isize],
        positions: bool,
    ) -> Result<Self, LayoutError> {
        let mut reduced = vec![false; view.ndim()];
        for &axis in reduced_axes {
            if std::mem::replace(&mut reduced[view.axis(axis)?], true) {
                return Err(LayoutError::Axes { axes: reduced_axes.to_vec(), ndim: view.ndim() });
            }
        }
        let mut steps = [1, 1];
        let mut axes: Vec<Axis> = (0..view.ndim())
            .rev()
            .map(|axis| {
                let kept = !reduced[axis];
                let step = &mut steps[usize::from(kept)];
                let own = *step;
                *step *= view.shape()[axis];
                let other = beside.map_or(0, |beside| beside.strides()[axis]);
                Axis {
                    extent: view.shape()[axis],
                    stride: view.strides()[axis],
                    beside: other,
                    kept,
                    step: own,
                }
            })
            .collect();
        axes.reverse();
        let outputs = steps[1];
        axes.retain(|axis| axis.extent != 1);
        axes.sort_by_key(|axis| std::cmp::Reverse(axis.stride.unsigned_abs()));
        let mut offsets = [view.offset(), beside.map_or(0, View::offset)];
        if !positions && !view.is_empty() {
            turn_forward(&mut axes, &mut offsets);
        }
        join(&mut axes, positions);
        let columns = match axes[..] {
            [a, b] => !a.kept && b.kept,
            [a, b, c] => a.kept && !b.kept && c.kept,
            _ => false,
        };
        if columns && axes.len() == 2 {
            axes.insert(0, Axis { extent: 1, stride: 0, beside: 0, kept: true, step: 0 });
        }
        if !columns {
            // Stable, so both kinds stay in the order of the file.
            axes.sort_by_key(|axis| !axis.kept);
            join(&mut axes, positions);
        }
        let shape: Vec<_> = axes.iter().map(|axis| axis.extent).collect();
        let strides: Vec<_> = axes.iter().map(|axis| axis.stride).collect();
        let others: Vec<_> = axes.iter().map(|axis| axis.beside).collect();
        let [offset, other_offset] = offsets;
        let beside = beside.map(|beside| View::strided(beside.dtype(), &shape, &others, other_offset));
        let of_kind = |kept: bool| axes.iter().map(|a| if a.kept == kept { a.step } else { 0 }).collect();
        Ok(Axes {
            view: View::strided(view.dtype(), &shape, &strides, offset)?,
            kept: axes.iter().take_while(|axis| axis.kept).count(),
            output_steps: of_kind(true),
            position_steps: of_kind(false),
            beside: beside.transpose()?,
            outputs,
            columns,
        })
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether there are no items at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.view.is_empty()
    }

    /// Whether the view is (outer, rows, columns) with the rows reduced and the columns fastest in the file.
    pub(crate) fn is_columns(&self) -> bool {
        self.columns
    }

    /// The numbers of the results in the order in which the view has them.
    pub(crate) fn walked(&self) -> Vec<usize> {
        let mut walked = vec![0];
        for (axis, &step) in self.output_steps.iter().enumerate() {
            if axis < self.kept || self.columns && axis == 2 {
                let extent = self.view.shape()[axis];
                walked =
                    walked.iter().flat_map(|output| (0..extent).map(move |i| output + i * step)).collect();
            }
        }
        walked
    }

    /// Whether items of another array are reduced in the same order to the same results.
    pub(crate) fn walks_as(&self, other: &Axes) -> bool {
        let steps = |axes: &Axes| (axes.output_steps.clone(), axes.position_steps.clone());
        let kinds = |axes: &Axes| (axes.kept, axes.columns, axes.outputs);
        self.view.shape() == other.view.shape() && steps(self) == steps(other) && kinds(self) == kinds(other)
    }

    /// Whether positions that reducers look for jump from run to run of a row.
    pub(super) fn jumps(&self, reducers: &[Reducer]) -> bool {
        wants_positions(reducers) && !self.counts_on()
    }

    /// Whether the reduced axes in the order of the view are in C order, so that positions count on.
    fn counts_on(&self) -> bool {
        let mut step = 1;
        (self.kept..self.view.ndim()).rev().all(|axis| {
            let follows = self.position_steps[axis] == step;
            step *= self.view.shape()[axis];
            follows
        })
    }
}

/// Whether any of them looks for places.
pub(crate) fn wants_positions(reducers: &[Reducer]) -> bool {
    reducers.iter().any(|reducer| reducer.wanted().contains(Wanted::POSITIONS))
}

/// Walks reduced axes forward in the file: the order of their items makes no difference but to positions.
fn turn_forward(axes: &mut [Axis], offsets: &mut [u64; 2]) {
    for axis in axes.iter_mut().filter(|axis| !axis.kept && axis.stride < 0) {
        for (offset, stride) in offsets.iter_mut().zip([&mut axis.stride, &mut axis.beside]) {
            *offset = offset.wrapping_add_signed(((axis.extent as isize - 1) * *stride) as i64);
            *stride = -*stride;
        }
    }
}

/// Joins neighbours of one kind that the file and the results walk as one axis, and positions if they count.
fn join(axes: &mut Vec<Axis>, positions: bool) {
    let mut i = 1;
    while i < axes.len() {
        let (outer, inner) = (axes[i - 1], axes[i]);
        let extent = inner.extent as isize;
        let chained = outer.stride == inner.stride * extent && outer.beside == inner.beside * extent;
        let counted = outer.kept || positions;
        let steps = !counted || outer.step == inner.step * inner.extent;
        if outer.kept == inner.kept && chained && steps {
            axes[i - 1] = Axis { extent: outer.extent * inner.extent, ..inner };
            axes.remove(i);
        } else {
            i += 1;
        }
    }
}
