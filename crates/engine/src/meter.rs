//! Measures a pass: what the process and its threads used, from its start to its end.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use ndfolio_store::{
    Choice,
    usage::{self, Faults},
};

use crate::{EngineError, Report, Run};

/// Passes over fewer bytes that nobody watches are not worth asking the system.
const WORTH_ASKING: usize = 1 << 20;
/// Milliseconds between two looks at the private memory.
const BETWEEN_LOOKS: u64 = 5;

/// What is measured of a whole pass.
pub(crate) struct Meter<'r, 'o> {
    run: &'r Run<'o>,
    started: Instant,
    asks: bool,
    device: Option<u64>,
    private_peak: AtomicU64,
    /// Milliseconds from the start to the next look.
    next_look: AtomicU64,
}

impl<'r, 'o> Meter<'r, 'o> {
    /// Begins with a pass over so many bytes.
    pub(crate) fn start(run: &'r Run<'o>, bytes: usize) -> Self {
        let asks = run.is_observed() || bytes >= WORTH_ASKING;
        Meter {
            run,
            started: Instant::now(),
            asks,
            device: if asks { usage::device_bytes() } else { None },
            private_peak: AtomicU64::new(0),
            next_look: AtomicU64::new(0),
        }
    }

    /// Looks at the private memory, if the last look was a while ago.
    pub(crate) fn look(&self) {
        let now = self.started.elapsed().as_millis() as u64;
        if self.asks && self.next_look.load(Ordering::Relaxed) <= now {
            self.next_look.store(now + BETWEEN_LOOKS, Ordering::Relaxed);
            self.look_now();
        }
    }

    /// Looks in any case: when a thread still has all its buffers.
    pub(crate) fn look_now(&self) {
        if self.asks
            && let Some(bytes) = usage::private_memory()
        {
            self.private_peak.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// The end of the pass: completes the report, and tells the observer.
    pub(crate) fn finish(self, report: Report) -> Report {
        let peak = self.private_peak.into_inner();
        let device = if self.asks { usage::device_bytes() } else { None };
        let mut notes = self.run.notes();
        notes.extend(report.notes);
        let report = Report {
            notes,
            device_bytes: self.device.zip(device).map(|(before, after)| after.saturating_sub(before)),
            private_peak: Some(peak).filter(|peak| *peak > 0),
            budget: self.run.budget() as u64,
            elapsed: self.started.elapsed(),
            ..report
        };
        self.run.finished(&report);
        report
    }
}

/// A pass of one thread, whose reads and writes are timed.
pub(crate) struct Serial<'r, 'o> {
    meter: Meter<'r, 'o>,
    faults: Option<Faults>,
    report: Report,
}

impl<'r, 'o> Serial<'r, 'o> {
    pub(crate) fn start(run: &'r Run<'o>, bytes: usize) -> Self {
        let meter = Meter::start(run, bytes);
        Serial { meter, faults: usage::thread_faults(), report: Report { passes: 1, ..Report::default() } }
    }

    /// Reads so many bytes.
    pub(crate) fn read(
        &mut self,
        bytes: usize,
        read: impl FnOnce() -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let io = &mut self.report.io;
        io.pieces += 1;
        io.bytes_asked += bytes as u64;
        io.bytes_read += bytes as u64;
        io.wait += timed(read)?;
        self.meter.look();
        Ok(())
    }

    /// Writes so many bytes.
    pub(crate) fn write(
        &mut self,
        bytes: usize,
        write: impl FnOnce() -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.report.bytes_written += bytes as u64;
        self.report.io.wait += timed(write)?;
        Ok(())
    }

    /// The end: how the files were read, and the bytes of the buffers, which are all still there.
    pub(crate) fn finish(mut self, way: Choice, buffers: usize) -> Report {
        self.meter.look_now();
        self.report.io.buffer_bytes = buffers as u64;
        let computing = self.meter.started.elapsed().saturating_sub(self.report.io.wait);
        let faults = self.faults.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        let (engine, reason) = (way.engine.to_string(), way.reason);
        self.meter.finish(Report { engine, reason, threads: 1, computing, faults, ..self.report })
    }
}

fn timed(work: impl FnOnce() -> Result<(), EngineError>) -> Result<Duration, EngineError> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed())
}
