//! Reductions, over all items or along axes.
//!
//! What is merged with what depends on the array's shape, strides and dtype alone: items are cut into boxes
//! and blocks of fixed sizes, and those are merged in fixed trees. Threads, memory, the way of reading and
//! instruction sets change no bit.

mod average;
mod axes;
mod columns;
mod frame;
mod narrow;
mod rows;
mod tap;
mod together;
mod turned;
mod walk;

use ndfolio_kernel::reduce::{Columns, Partial, Reducer};

use ndfolio_layout::View;

use crate::{
    EngineError, Plan, Report, Run, Source,
    parallel::{Items, plan_pass},
    plan::Reading,
};
pub use average::{Averages, Weights, average};
pub(crate) use axes::{Axes, wants_positions};
use frame::Way;
pub(crate) use frame::{Frame, box_bytes};
use tap::Tapped;
pub(crate) use tap::{Place, Tap, look};
pub(crate) use together::{Member, reduce_together};

/// Reduces all items to one state for each reducer, in one pass.
///
/// # Errors
/// What the file reports, a cancelled run, too little memory for a box.
pub fn reduce(
    source: &Source,
    reducers: &[Reducer],
    run: &Run<'_>,
) -> Result<(Vec<Partial>, Report), EngineError> {
    let all: Vec<isize> = (0..source.view.ndim() as isize).collect();
    let mut states = Vec::new();
    let report = reduce_along(source, &all, reducers, run, &mut |_, found| {
        found.each(0, |_, partials| states = partials.to_vec());
    })?;
    Ok((states, report))
}

/// Takes what was found for results: items of the array without the axes that are reduced. The number is that
/// of the first in C order.
pub type Put<'p> = dyn FnMut(usize, Found<'_>) + Send + 'p;

/// The states of all reducers for a result, or for several that follow each other.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// For one result.
    One(&'a [Partial]),
    /// For as many as each has columns.
    Columns(&'a [Columns]),
}

impl Found<'_> {
    /// Each result's number, if that of the first is `first`, and its states.
    pub fn each(self, first: usize, mut put: impl FnMut(usize, &[Partial])) {
        match self {
            Found::One(partials) => put(first, partials),
            Found::Columns(states) => {
                let mut partials = Vec::with_capacity(states.len());
                for column in 0..states.first().map_or(0, Columns::columns) {
                    partials.clear();
                    partials.extend(states.iter().map(|columns| columns.get(column)));
                    put(first + column, &partials);
                }
            }
        }
    }
}

/// Reduces along some axes: one state for each reducer and each item of the array without those axes, given to
/// `put` once, in any order.
///
/// Each byte is read once. Memory: what `run` allows, running values of columns included.
///
/// # Errors
/// An axis that the array does not have, or twice; what the file reports; a cancelled run; too little memory
/// for a box. What was put counts only if there is none.
pub fn reduce_along(
    source: &Source,
    axes: &[isize],
    reducers: &[Reducer],
    run: &Run<'_>,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    reduce_tapped(source, axes, reducers, run, put, &())
}

/// What [`reduce_along`] would do. The results take `result_bytes` each.
///
/// # Errors
/// As [`reduce_along`], but for what only reading finds.
pub fn plan_reduce(
    source: &Source,
    axes: &[isize],
    reducers: &[Reducer],
    run: &Run<'_>,
    result_bytes: usize,
) -> Result<Plan, EngineError> {
    let axes = prepare(&source.view, axes, reducers, run)?;
    let results = (axes.outputs() as u64).saturating_mul(result_bytes as u64);
    if axes.is_empty() {
        return Ok(Plan { results, passes: 0, ..Plan::new(run) });
    }
    let frame = Frame::new(&axes, reducers, 0, run);
    let (report, requests) = plan_pass(source, &frame.tiles, &frame.run);
    Ok(Plan {
        threads: report.threads,
        buffers: report.io.buffer_bytes,
        states: frame.states as u64,
        results,
        readings: vec![Reading { requests, ..Reading::new(source, &report.engine, &report.reason) }],
        ..Plan::new(run)
    })
}

/// As [`reduce_along`], with somebody who looks at the items as well.
pub(crate) fn reduce_tapped<T: Tap>(
    source: &Source,
    axes: &[isize],
    reducers: &[Reducer],
    run: &Run<'_>,
    put: &mut Put<'_>,
    tap: &T,
) -> Result<Report, EngineError> {
    reduce_of(source, &source.view, axes, reducers, run, put, tap)
}

/// As [`reduce_along`], of items that are computed.
pub(crate) fn reduce_computed(
    (items, view): (&impl Items, &View),
    axes: &[isize],
    reducers: &[Reducer],
    run: &Run<'_>,
    put: &mut Put<'_>,
) -> Result<Report, EngineError> {
    reduce_of(items, view, axes, reducers, run, put, &())
}

/// Reduces items as if they lay where a view says.
fn reduce_of<I: Items, T: Tap>(
    items: &I,
    view: &View,
    axes: &[isize],
    reducers: &[Reducer],
    run: &Run<'_>,
    put: &mut Put<'_>,
    tap: &T,
) -> Result<Report, EngineError> {
    let axes = prepare(view, axes, reducers, run)?;
    if axes.is_empty() {
        let none: Vec<Partial> = reducers.iter().map(Reducer::empty).collect();
        (0..axes.outputs()).for_each(|output| put(output, Found::One(&none)));
        return Ok(Report::default());
    }
    let frame = Frame::new(&axes, reducers, 0, run);
    let (axes, itemsize, spare) = (&axes, view.itemsize(), columns::Spare::new(reducers));
    let reduction = Reduction { items, axes, reducers, frame: &frame };
    match frame.way {
        Way::Rows => {
            let pass = rows::Rows::of(axes, itemsize, reducers);
            rows::run(&reduction, &Tapped::new(pass, tap, axes), put)
        }
        Way::Narrow => {
            let pass = narrow::Narrow { reducers };
            rows::run(&reduction, &Tapped::new(pass, tap, axes), put)
        }
        Way::Columns => {
            let pass = columns::Groups { reducers, spare: &spare };
            columns::run(&reduction, &Tapped::new(pass, tap, axes), &spare, put)
        }
        Way::Turned => {
            let pass = turned::Turned { axes, itemsize, reducers, spare: &spare };
            turned::run(&reduction, &Tapped::new(pass, tap, axes), &spare, put)
        }
    }
}

fn prepare(view: &View, axes: &[isize], reducers: &[Reducer], run: &Run<'_>) -> Result<Axes, EngineError> {
    let axes = Axes::new(view, axes, axes::wants_positions(reducers))?;
    let itemsize = view.itemsize();
    if itemsize > run.budget() / 4 {
        return Err(EngineError::Budget {
            what: "a reduction of such items",
            needed: 4 * itemsize as u64,
            budget: run.budget() as u64,
            way: "give it more memory",
        });
    }
    Ok(axes)
}

/// What the two ways share.
struct Reduction<'a, I> {
    items: &'a I,
    axes: &'a Axes,
    reducers: &'a [Reducer],
    frame: &'a Frame<'a>,
}

/// Results that come in an order of their own, on their way into C order.
pub(crate) struct Slots<R>(Vec<Option<R>>);

impl<R> Slots<R> {
    pub(crate) fn new(outputs: usize) -> Self {
        Slots((0..outputs).map(|_| None).collect())
    }

    pub(crate) fn put(&mut self, output: usize, result: R) {
        self.0[output] = Some(result);
    }

    /// All of them; every pass fills every slot.
    pub(crate) fn finish(self) -> Vec<R> {
        self.0.into_iter().flatten().collect()
    }
}
