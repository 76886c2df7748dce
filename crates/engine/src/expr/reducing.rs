//! How an array is reduced while it is computed.

use ndfolio_kernel::{
    KernelError,
    reduce::{NanPolicy, Reducer, Wanted},
};
use ndfolio_layout::{DType, View};

use super::{
    Reduction,
    fused::{Fused, Held},
    graph::{Graph, Id, What},
    pass::Frame,
};
use crate::{
    EngineError, Run,
    reduce::{Axes, Frame as ReduceFrame, wants_positions},
};

/// Reductions of an operation along the same axes, whose items are computed.
pub(super) struct Reductions {
    pub(super) ids: Vec<Id>,
    /// Where the items would lie.
    pub(super) view: View,
    pub(super) axes: Vec<isize>,
    pub(super) reducers: Vec<Reducer>,
}

impl Reductions {
    /// With the operation's axes in this order, slowest first.
    pub(super) fn new(graph: &Graph, ids: &[Id], order: &[usize]) -> Result<Self, EngineError> {
        let id = graph[ids[0]].args[0];
        let (reductions, axes) = graph.reductions(ids);
        let dtype = graph.plain(id);
        let reducers = reducers(&dtype, &reductions)?;
        let view = in_order(&dtype, &graph[id].shape, order)?;
        Ok(Reductions { ids: ids.to_vec(), view, axes, reducers })
    }

    /// How they go over items that lie where a view says.
    pub(super) fn walk(&self, view: &View) -> Result<Axes, EngineError> {
        Ok(Axes::new(view, &self.axes, wants_positions(&self.reducers))?)
    }
}

/// A reducer for each meaning of NaN that is asked for.
pub(super) fn reducers(dtype: &DType, reductions: &[&Reduction]) -> Result<Vec<Reducer>, KernelError> {
    let mut reducers = Vec::new();
    for nan in [NanPolicy::Propagate, NanPolicy::Skip] {
        let wanted = reductions.iter().filter(|reduction| reduction.nan == nan);
        let wanted = wanted.map(|reduction| reduction.op.wanted()).reduce(|a, b| a | b);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != Wanted::default()) {
            reducers.push(Reducer::new(dtype, wanted, nan)?);
        }
    }
    Ok(reducers)
}

/// The run in which the arrays of a reduction can be read piece by piece as it goes over them, if there is one: with
/// one thread, where the boxes of several do not fit.
pub(super) fn streamed<'r>(
    fused: &Fused,
    items: &View,
    axes: &[isize],
    reducers: &[Reducer],
    run: &Run<'r>,
) -> Result<Option<Run<'r>>, EngineError> {
    let axes = Axes::new(items, axes, wants_positions(reducers))?;
    let is_streamed = |run: &Run<'r>| {
        let frame = ReduceFrame::new(&axes, reducers, 0, run);
        Frame::new(fused, frame.tiles.clone(), 0, &frame.run).is_streamed()
    };
    if axes.is_empty() || fused.files().next().is_none() {
        return Ok(Some(*run));
    }
    Ok([*run, run.threads(1)].into_iter().find(is_streamed))
}

/// The program of an array that is reduced along axes, and where its items would lie.
pub(super) fn to_reduce(
    graph: &Graph,
    id: Id,
    (axes, reducers): (&[isize], &[Reducer]),
    held: &mut dyn Held,
) -> Result<(Fused, View), EngineError> {
    let (order, shape) = (dominant_order(graph, id), &graph[id].shape);
    let mut fused = Fused::new(graph, id, (shape, &order), held)?;
    let items = in_order(&graph.plain(id), shape, &order)?;
    if Axes::new(&items, axes, wants_positions(reducers))?.view.ndim() == 1 {
        // Boxes are parts of one axis, and nobody need ask which parts of which rows those are.
        fused.flatten();
    }
    Ok((fused, items))
}

/// The axes of an operation in the order in which its largest array lies, slowest first.
pub(super) fn dominant_order(graph: &Graph, id: Id) -> Vec<usize> {
    let shape = &graph[id].shape;
    let c_order = (0..shape.len()).collect();
    let (mut largest, mut stack, mut seen) = (None, vec![id], std::collections::HashSet::new());
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        match &graph[id].what {
            What::File(source) => {
                let bytes = source.view.nbytes();
                if largest.as_ref().is_none_or(|(most, _)| bytes > *most) {
                    largest = source.view.broadcast_to(shape).ok().map(|view| (bytes, view)).or(largest);
                }
            }
            What::Map(_) | What::Cast(_) => stack.extend(graph[id].args.iter().rev()),
            _ => {}
        }
    }
    let Some((_, view)) = largest else { return c_order };
    let repeats = view.shape().iter().zip(view.strides()).any(|(&n, &stride)| n > 1 && stride == 0);
    if repeats { c_order } else { view.storage_axes() }
}

/// A view whose items lie together, with the axes in this order, slowest first.
pub(super) fn in_order(dtype: &DType, shape: &[usize], axes: &[usize]) -> Result<View, EngineError> {
    let mut strides = vec![0; shape.len()];
    let mut step = dtype.itemsize() as isize;
    for &axis in axes.iter().rev() {
        strides[axis] = step;
        step *= shape[axis].max(1) as isize;
    }
    Ok(View::strided(dtype, shape, &strides, 0)?)
}
