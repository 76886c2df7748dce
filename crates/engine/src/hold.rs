//! Long pieces of a file, read to where they stay.

use std::{ops::Range, time::Instant};

use ndfolio_layout::{Order, View};
use ndfolio_store::{AccessPlan, File, Held, IoEngine, Pattern, StoreError};

use crate::{EngineError, Io, Report, Run, meter::Meter};

/// Whether the rows of an array are to be read so: each lies in one place of the file, and no mapping was asked for.
#[must_use]
pub fn can_hold(view: &View, run: &Run<'_>) -> bool {
    view.is_contiguous(Order::C) && run.way() != Io::Force(IoEngine::Mmap)
}

/// Reads pieces of a file, offsets in it, into `held`, where they stay until it is read into again. `None` if the memory
/// is too little for the whole blocks in which a device is read.
///
/// Cost: a read for each piece; what comes from the device is not copied.
///
/// # Errors
/// What the file reports; a cancelled run.
pub fn hold(
    file: &File,
    pieces: &[Range<u64>],
    held: &mut Held,
    run: &Run<'_>,
) -> Result<Option<Report>, EngineError> {
    let bytes: u64 = pieces.iter().map(|piece| piece.end - piece.start).sum();
    let meter = Meter::start(run, bytes as usize);
    let start = pieces.iter().map(|piece| piece.start).min().unwrap_or(0);
    let end = pieces.iter().map(|piece| piece.end).max().unwrap_or(start);
    let plan = AccessPlan { range: start..end, bytes, pieces: pieces.len(), pattern: Pattern::Sparse };
    let (choice, started) = (run.choose(file, &plan), Instant::now());
    let read = file.hold(choice.engine, (&pieces, run.budget()), held, &|| run.go_on().is_ok());
    run.go_on()?;
    let (engine, io, refused) = match read {
        Err(StoreError::Budget { .. }) => return Ok(None),
        read => read?,
    };
    run.done(bytes as usize);
    meter.look_now();
    let reason = match refused {
        Some(refused) => format!("{refused}; so {engine} instead"),
        None => choice.reason,
    };
    let computing = started.elapsed().saturating_sub(io.wait);
    let report = Report {
        passes: 1,
        engine: engine.to_string(),
        reason,
        threads: 1,
        io,
        computing,
        ..Report::default()
    };
    Ok(Some(meter.finish(report)))
}
