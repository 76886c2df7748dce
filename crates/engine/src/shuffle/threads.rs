//! Threads that share a pass.

use std::{
    panic,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use ndfolio_store::usage;

use crate::{EngineError, Report};

/// Has threads work, each with its number, and adds what they did to the report. This thread is the first; an error
/// stops all of them.
pub(super) fn side_by_side(
    threads: usize,
    stopped: &AtomicBool,
    mut report: Report,
    work: impl Fn(usize) -> Result<Report, EngineError> + Sync,
) -> Result<Report, EngineError> {
    let measured = |number: usize| -> Result<Report, EngineError> {
        let (started, before) = (Instant::now(), usage::thread_faults());
        let mut report = work(number).inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
        report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        report.computing = started.elapsed().saturating_sub(report.io.wait);
        Ok(report)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let measured = &measured;
        let others: Vec<_> = (1..threads).map(|number| scope.spawn(move || measured(number))).collect();
        let own = measured(0);
        let joined = others.into_iter().map(thread::ScopedJoinHandle::join);
        let joined = joined.map(|one| one.unwrap_or_else(|panic| panic::resume_unwind(panic)));
        std::iter::once(own).chain(joined).collect()
    });
    // Who was stopped says nothing of why.
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let why = |error: &EngineError| matches!(error, EngineError::Cancelled);
    if let Some(error) = bad.into_iter().filter_map(Result::err).min_by_key(why) {
        return Err(error);
    }
    for one in good.into_iter().flatten() {
        report.bytes_written += one.bytes_written;
        report.add(one);
    }
    Ok(report)
}
