//! One pass over an array that the page cache holds: each thread copies the rows for its pieces of the new file out of
//! a mapping.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Instant,
};

use ndfolio_layout::View;
use ndfolio_store::{
    Chunks, IoEngine, Mapping, NewFile, Pieces, WriteEngine,
    usage::{self, Faults},
};

use super::{Shuffle, buckets::MOST_WRITING, settle::side_by_side};
use crate::{EngineError, Report, Run, meter::Meter, parallel::threads};

/// How the pass is cut.
pub(super) struct Cut {
    pub(super) threads: usize,
    /// Bytes of a piece of the new file, and of all that a thread has on their way.
    piece: usize,
    writing: usize,
}

impl Cut {
    pub(super) fn new(target: &View, run: &Run<'_>) -> Self {
        let total = target.nbytes();
        let usual = WriteEngine::for_new_file(target.offset() + total as u64, MOST_WRITING).piece_bytes();
        let threads = threads(run, total).min(run.budget() / usual).max(1);
        let writing = (run.budget() / threads).min(MOST_WRITING);
        Cut { threads, piece: usual.min(writing / 4).max(1), writing }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.threads * self.writing
    }
}

/// Runs the pass.
pub(super) fn copy(
    shuffle: &Shuffle<'_>,
    mapping: &Mapping,
    (new, target): (&NewFile, &View),
    run: &Run<'_>,
) -> Result<Report, EngineError> {
    let meter = Meter::start(run, target.nbytes());
    let (view, cut) = (&shuffle.source.view, Cut::new(target, run));
    let mut report = Report {
        engine: IoEngine::Mmap.to_string(),
        reason: super::IN_CACHE.to_owned(),
        passes: 1,
        threads: cut.threads,
        faults: Some(Faults::default()),
        ..Report::default()
    };
    let copying = Copying {
        shuffle,
        mapping,
        first: (view.offset() - mapping.file_offset()) as i64,
        step: view.strides()[0] as i64,
        row: shuffle.row_bytes(),
        start: target.offset(),
        pieces: Chunks::at_multiples(target.extent(), cut.piece as u64),
        next: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
        new,
        run,
        meter: &meter,
    };
    for one in side_by_side(cut.threads, |_| copying.work(&cut)) {
        let one = one?;
        report.bytes_written += one.bytes_written;
        report.add(one);
    }
    mapping.check()?;
    Ok(meter.finish(report))
}

struct Copying<'a> {
    shuffle: &'a Shuffle<'a>,
    mapping: &'a Mapping,
    /// Where the first row lies in it, and how far the next one is.
    first: i64,
    step: i64,
    row: usize,
    /// Where the first row goes in the new file.
    start: u64,
    pieces: Chunks,
    next: AtomicUsize,
    /// Whether a thread gave up.
    stopped: AtomicBool,
    new: &'a NewFile,
    run: &'a Run<'a>,
    meter: &'a Meter<'a, 'a>,
}

impl Copying<'_> {
    /// One thread's share; an error ends all of them.
    fn work(&self, cut: &Cut) -> Result<Report, EngineError> {
        let (started, before) = (Instant::now(), usage::thread_faults());
        let mut report = self.copy(cut).inspect_err(|_| self.stopped.store(true, Ordering::Relaxed))?;
        report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        report.computing = started.elapsed().saturating_sub(report.io.wait);
        Ok(report)
    }

    fn copy(&self, cut: &Cut) -> Result<Report, EngineError> {
        let mut writer = self.new.writer(cut.piece, cut.writing)?;
        while !self.stopped.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.pieces.count() {
                break;
            }
            self.run.go_on()?;
            let piece = self.pieces.range(index);
            let len = (piece.end - piece.start) as usize;
            self.fill(&piece, writer.room(piece.start, len)?);
            writer.write()?;
            self.meter.look();
            self.run.done(len);
        }
        writer.finish()?;
        self.meter.look_now();
        let counters = writer.counters();
        let mut report = Report { bytes_written: counters.bytes, ..Report::default() };
        (report.io.pieces, report.io.bytes_asked, report.io.bytes_read) =
            (counters.pieces, counters.bytes, counters.bytes);
        (report.io.wait, report.io.buffer_bytes) = (counters.wait, counters.buffer_bytes);
        Ok(report)
    }

    /// Puts the rows of a piece, and parts of rows at its ends, into its room.
    fn fill(&self, piece: &Range<u64>, mut room: &mut [u8]) {
        let (bytes, at) = (self.mapping.bytes(), piece.start - self.start);
        let (mut place, mut before) = (at / self.row as u64, (at % self.row as u64) as usize);
        while !room.is_empty() {
            let row = self.shuffle.order.at(place) as i64;
            let from = (self.first + row * self.step) as usize + before;
            let (now, later) = room.split_at_mut(room.len().min(self.row - before));
            bytes.slice(from..from + now.len()).copy_to(now);
            (place, before, room) = (place + 1, 0, later);
        }
    }
}
