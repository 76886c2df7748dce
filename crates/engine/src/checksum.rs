//! Sums of blocks of a file, in one pass over its bytes.

use std::{ops::Range, sync::Arc};

use ndfolio_kernel::{Sum, sum};
use ndfolio_layout::{DType, Kind, LayoutError, Order, Tile, Tiles, View};
use ndfolio_store::{Bytes, File};

use crate::{
    EngineError, Plan, Report, Run, Source,
    parallel::{Pass, plan_pass, run_pass},
    plan::Reading,
};

/// Takes the sums of the blocks of a range of a file and hands them on with their numbers, in any order. Blocks begin
/// at multiples of `block` bytes of the file, so the first may be shorter, and so may the last.
///
/// # Errors
/// What the file reports; a cancelled run. What was handed on counts only if there was none.
///
/// # Panics
/// If `block` is 0.
pub fn sum_blocks(
    file: &Arc<File>,
    range: Range<u64>,
    block: usize,
    run: &Run<'_>,
    each: impl FnMut(usize, Sum) + Send,
) -> Result<Report, EngineError> {
    let source = bytes_of(file, &range)?;
    let report = run_pass(&source, &tiles(&source.view, block), &run.for_boxes(block), &Summing, each)?;
    // A cut inside of the last page of a mapping reads as zeros.
    file.check()?;
    Ok(report)
}

/// What [`sum_blocks`] would do.
///
/// # Errors
/// A range that no array could have.
pub fn plan_sum_blocks(
    file: &Arc<File>,
    range: Range<u64>,
    block: usize,
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let source = bytes_of(file, &range)?;
    let (report, requests) = plan_pass(&source, &tiles(&source.view, block), &run.for_boxes(block));
    let reading = Reading { requests, ..Reading::new(&source, &report.engine, &report.reason) };
    Ok(Plan {
        readings: vec![reading],
        threads: report.threads,
        buffers: report.io.buffer_bytes,
        ..Plan::new(run)
    })
}

/// Whether the sums of a file fit the memory of a run, beside the buffers of the pass.
///
/// # Errors
/// [`EngineError::Budget`].
pub fn expect_room_for_sums(bytes: u64, run: &Run<'_>) -> Result<(), EngineError> {
    let budget = run.budget() as u64;
    if bytes <= budget / 2 {
        return Ok(());
    }
    let what = "the checksums of the file's blocks";
    Err(EngineError::Budget { what, needed: 2 * bytes, budget, way: "give it more memory" })
}

/// A range of a file as an array of bytes.
fn bytes_of(file: &Arc<File>, range: &Range<u64>) -> Result<Source, LayoutError> {
    let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let view = View::contiguous(&DType::native(Kind::UInt8), &[len], Order::C, range.start)?;
    Ok(Source { file: Arc::clone(file), view })
}

fn tiles(view: &View, block: usize) -> Tiles<'_> {
    let tiles = view.blocks(&[block], &[0]);
    let whole = tiles.block()[0];
    // The rest of the block that the range begins in.
    let first = block - (view.offset() % block as u64) as usize;
    if view.is_empty() { tiles } else { tiles.beginning_with(first.min(whole)) }
}

struct Summing;

impl Pass for Summing {
    type Worker = ();
    type Given = Sum;

    fn worker(&self) {}

    fn work(&self, (): &mut (), _: &Tile, items: Bytes<'_>, give: &mut dyn FnMut(Sum)) {
        give(sum(items));
    }
}
