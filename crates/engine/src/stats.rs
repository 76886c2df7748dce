use ndfolio_kernel::summary::{AxisSummary, ItemSummary, Summary};
use ndfolio_layout::{LayoutError, Tile, View};

use crate::{
    EngineError, Run, Source,
    fetch::{Fetcher, OWN_MEMORY},
};

/// Bytes of a box: they stay in the L2 cache from the read to the last sum.
const PIECE: usize = 256 << 10;

/// The statistics of all items, in one pass in the order of the file.
///
/// # Errors
/// A dtype without arithmetic, and what the file reports.
pub fn stats(source: &Source, run: &Run<'_>) -> Result<Summary, EngineError> {
    let view = source.view.in_storage_order();
    let mut summary = ItemSummary::new(view.dtype())?;
    let piece = run.share(1, OWN_MEMORY, view.itemsize())?.min(PIECE.max(view.itemsize()));
    let (mut fetcher, mut items) = (Fetcher::default(), Vec::new());
    for tile in view.panels(piece) {
        run.go_on()?;
        items.resize(tile.view.nbytes(), 0);
        fetcher.read(&source.file, &tile.view, &mut items)?;
        summary.update(&mut items);
        run.done(items.len());
    }
    Ok(summary.finish())
}

/// The statistics along some axes: one summary for each item of the array without them, given to `each` in
/// C order.
///
/// Each byte is read once. Where the summaries do not fit the memory at once the array is cut along the axes
/// that stay.
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
    let mut reduced = vec![false; view.ndim()];
    for &axis in axes {
        if std::mem::replace(&mut reduced[view.axis(axis)?], true) {
            return Err(LayoutError::Axes { axes: axes.to_vec(), ndim: view.ndim() }.into());
        }
    }
    // Reported even where there is no row to report it for.
    AxisSummary::new(view.dtype(), 0)?;
    let most = run.budget() / 2 / AxisSummary::bytes_per_row();
    let piece = run.share(2, OWN_MEMORY, view.itemsize())?.min(PIECE.max(view.itemsize()));
    for group in groups(view, &reduced, most.max(1)) {
        reduce(source, &group, &reduced, piece, run, &mut each)?;
    }
    Ok(())
}

/// The view in parts of at most `most` rows, cut along the axes that stay, in C order of those.
fn groups(view: &View, reduced: &[bool], most: usize) -> Vec<View> {
    let shape = view.shape();
    let mut block = shape.to_vec();
    let mut rows = 1;
    for axis in (0..shape.len()).rev().filter(|&axis| !reduced[axis]) {
        block[axis] = (most / rows).clamp(1, shape[axis].max(1));
        rows *= block[axis];
    }
    if view.is_empty() {
        // Rows without items still have a summary.
        return vec![view.clone()];
    }
    let kept: Vec<usize> = (0..shape.len()).filter(|&axis| !reduced[axis]).collect();
    view.blocks(&block, &kept).map(|tile| tile.view).collect()
}

fn reduce(
    source: &Source,
    view: &View,
    reduced: &[bool],
    piece: usize,
    run: &Run<'_>,
    each: &mut impl FnMut(Summary),
) -> Result<(), EngineError> {
    let axes = view.storage_axes();
    let steps = row_steps(view.shape(), reduced);
    let rows = view.shape().iter().zip(reduced).filter(|(_, r)| !**r).map(|(n, _)| n).product();
    let order: Vec<isize> = axes.iter().map(|&axis| axis as isize).collect();
    let stored = view.transpose(Some(&order))?;
    let steps: Vec<usize> = axes.iter().map(|&axis| steps[axis]).collect();
    let mut summary = AxisSummary::new(view.dtype(), rows)?;
    let (mut fetcher, mut items) = (Fetcher::default(), Vec::new());
    for tile in stored.panels(piece) {
        run.go_on()?;
        items.resize(tile.view.nbytes(), 0);
        fetcher.read(&source.file, &tile.view, &mut items)?;
        add_lines(&mut summary, &tile, &steps, &mut items);
        run.done(items.len());
    }
    (0..rows).for_each(|row| each(summary.finish(row)));
    Ok(())
}

/// How far the number of the row moves along each axis: 0 along those that are reduced.
fn row_steps(shape: &[usize], reduced: &[bool]) -> Vec<usize> {
    let mut steps = vec![0; shape.len()];
    let mut step = 1;
    for axis in (0..shape.len()).rev().filter(|&axis| !reduced[axis]) {
        steps[axis] = step;
        step *= shape[axis];
    }
    steps
}

/// Hands a box to the rows, one line along its fastest axis after the other.
fn add_lines(summary: &mut AxisSummary, tile: &Tile, steps: &[usize], items: &mut [u8]) {
    let shape = tile.view.shape();
    let first: usize = tile.start.iter().zip(steps).map(|(i, step)| i * step).sum();
    let Some((&line, outer)) = shape.split_last() else {
        return summary.update(items, first, 0);
    };
    let step = steps[shape.len() - 1];
    let mut at = vec![0_usize; outer.len()];
    for line in items.chunks_mut(line * tile.view.itemsize()) {
        let row: usize = at.iter().zip(steps).map(|(i, step)| i * step).sum();
        summary.update(line, first + row, step);
        for axis in (0..outer.len()).rev() {
            at[axis] += 1;
            if at[axis] < outer[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
}
