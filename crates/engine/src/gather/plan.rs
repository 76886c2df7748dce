//! What a gather would do.

use ndfolio_kernel::Casting;
use ndfolio_layout::DType;

use super::{Boxes, Conversion, Gather, expect_room, part::count_requests};
use crate::{EngineError, Plan, Run, plan::Reading};

/// What [`gather`](super::gather) would do: found out from the indices and from what the page cache holds, without
/// reading items.
///
/// # Errors
/// As that, but for what only reading finds.
pub fn plan_gather(
    gather: &Gather<'_>,
    (dtype, casting): (&DType, Casting),
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let result = gather.result(dtype)?;
    expect_room(result.nbytes(), run)?;
    gather.check(run)?;
    let results = result.nbytes() as u64;
    Ok(Plan { results, ..plan(gather, (dtype, casting), true, run)? })
}

/// What [`gather_to`](super::gather_to) would do.
///
/// # Errors
/// As that, but for what only reading and writing find.
pub fn plan_gather_to(
    gather: &Gather<'_>,
    (dtype, casting): (&DType, Casting),
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    gather.check(run)?;
    plan_gather_unchecked(gather, (dtype, casting), run)
}

/// The same for indices of which it is known that they lie within their axes.
pub(crate) fn plan_gather_unchecked(
    gather: &Gather<'_>,
    (dtype, casting): (&DType, Casting),
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let writes = gather.result(dtype)?.nbytes() as u64;
    Ok(Plan { writes, ..plan(gather, (dtype, casting), false, run)? })
}

fn plan(
    gather: &Gather<'_>,
    (dtype, casting): (&DType, Casting),
    in_memory: bool,
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let result = gather.result(dtype)?;
    let conversion = Conversion::new(gather.source.view.dtype(), dtype, casting)?;
    if result.is_empty() {
        return Ok(Plan { passes: 0, ..Plan::new(run) });
    }
    let boxes = Boxes::new(gather, &result, &conversion, in_memory, run)?;
    let mut reading = Reading::of(gather.source, boxes.choice.clone());
    reading.bytes = (result.size() * gather.source.view.itemsize()) as u64;
    if boxes.whole.is_none() {
        let requests = count_requests(gather, boxes.choice.engine, boxes.room)?;
        reading.page_bytes = requests.page_bytes.min(reading.page_bytes);
        reading.requests = Some(requests.count);
        reading.request_bytes = Some(requests.bytes);
    }
    Ok(Plan {
        readings: vec![reading],
        threads: boxes.threads,
        buffers: boxes.buffers() as u64,
        ..Plan::new(run)
    })
}
