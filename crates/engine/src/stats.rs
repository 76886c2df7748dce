use ndfolio_kernel::summary::{Summarizer, Summary};
use ndfolio_layout::View;

use crate::{EngineError, Plan, Report, Run, Source, plan::Reading, plan_reduce, reduce, reduce_along};

/// The statistics of all items, in one pass in the order of the file.
///
/// # Errors
/// A dtype without arithmetic, and what the file reports.
pub fn stats(source: &Source, run: &Run<'_>) -> Result<(Summary, Report), EngineError> {
    let summarizer = Summarizer::new(source.view.dtype())?;
    let (partials, report) = reduce(source, std::slice::from_ref(summarizer.reducer()), run)?;
    Ok((summarizer.finish(&partials[0]), report))
}

/// Rows whose summaries are held at once.
const MOST_ROWS: usize = 1 << 17;

/// The statistics along some axes: one summary for each item of the array without them, given to `each` in
/// C order.
///
/// Each byte is read once. An array of more rows than fit a fixed amount of memory is cut along the axes that
/// stay.
///
/// # Errors
/// An axis that the array does not have, or twice; a dtype without arithmetic; what the file reports.
pub fn stats_along(
    source: &Source,
    axes: &[isize],
    run: &Run<'_>,
    mut each: impl FnMut(Summary),
) -> Result<(), EngineError> {
    let view = &source.view;
    let summarizer = Summarizer::new(view.dtype())?;
    let reducers = std::slice::from_ref(summarizer.reducer());
    let mut reduced = vec![false; view.ndim()];
    for &axis in axes {
        reduced[view.axis(axis)?] = true;
    }
    for view in groups(view, &reduced) {
        let part = Source { file: source.file.clone(), view };
        let (rows, _) =
            reduce_along(&part, axes, reducers, run, &|partials| summarizer.finish(&partials[0]))?;
        rows.into_iter().for_each(&mut each);
    }
    Ok(())
}

/// What [`stats`] or (with axes) [`stats_along`] would do.
///
/// # Errors
/// As those, but for what only reading finds.
pub fn plan_stats(source: &Source, axes: Option<&[isize]>, run: &Run<'_>) -> Result<Plan, EngineError> {
    let view = &source.view;
    let summarizer = Summarizer::new(view.dtype())?;
    let reducers = std::slice::from_ref(summarizer.reducer());
    let all: Vec<isize> = (0..view.ndim() as isize).collect();
    let axes = axes.unwrap_or(&all);
    let mut reduced = vec![false; view.ndim()];
    for &axis in axes {
        reduced[view.axis(axis)?] = true;
    }
    let rows = plan_reduce(source, axes, reducers, run, size_of::<Option<Summary>>())?;
    let groups = groups(view, &reduced);
    if groups.len() == 1 {
        return Ok(rows);
    }
    // Each group is a pass of its own, and all are like the first.
    let part = Source { file: source.file.clone(), view: groups[0].clone() };
    let part = plan_reduce(&part, axes, reducers, run, size_of::<Option<Summary>>())?;
    let reading = part.readings.first().map(|first| Reading::new(source, &first.engine, &first.reason));
    Ok(Plan { passes: groups.len() as u64, readings: reading.into_iter().collect(), ..part })
}

/// The view in parts of at most [`MOST_ROWS`] rows, cut along the axes that stay, in C order of those.
fn groups(view: &View, reduced: &[bool]) -> Vec<View> {
    let shape = view.shape();
    let kept: Vec<usize> = (0..shape.len()).filter(|&axis| !reduced[axis]).collect();
    if view.is_empty() || kept.iter().map(|&axis| shape[axis]).product::<usize>() <= MOST_ROWS {
        return vec![view.clone()];
    }
    let (mut block, mut rows) = (shape.to_vec(), 1);
    for &axis in kept.iter().rev() {
        block[axis] = (MOST_ROWS / rows).clamp(1, shape[axis]);
        rows *= block[axis];
    }
    view.blocks(&block, &kept).map(|tile| tile.view).collect()
}
