//! The second pass: the rows of each bucket are put in order.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use ndfolio_store::{
    Chunks, Dispenser, File, IoEngine, Pieces, WriteEngine, Writer,
    usage::{self, Faults},
};

use super::{bucket::Bucket, buckets::Buckets, deal::Dealing};
use crate::{EngineError, Report, meter::Meter};

/// Runs the pass over what was written this way.
pub(super) fn settle(dealing: &Dealing<'_>, written: WriteEngine) -> Result<Report, EngineError> {
    let Dealing { new, buckets, run, .. } = dealing;
    let meter = Meter::start(run, buckets.total());
    let file = new.reader()?;
    let (engine, reason) = way(written);
    let threads = buckets.threads.min(buckets.count);
    let mut report = Report {
        engine: engine.to_string(),
        reason: reason.to_owned(),
        passes: 1,
        threads,
        faults: Some(Faults::default()),
        ..Report::default()
    };
    let shared =
        Settling { dealing, meter: &meter, file: &file, engine, threads, stopped: AtomicBool::new(false) };
    for result in side_by_side(threads, |number| shared.work(number)) {
        let one = result?;
        report.bytes_written += one.bytes_written;
        report.add(one);
    }
    Ok(meter.finish(report))
}

/// Has threads work, each with its number, and gives what they give. This thread is the first.
pub(super) fn side_by_side<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads).map(|number| scope.spawn(move || work(number))).collect();
        let own = work(0);
        let joined = others.into_iter().map(thread::ScopedJoinHandle::join);
        let joined = joined.map(|one| one.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(own).chain(joined).collect()
    })
}

/// How buckets are read that were written this way, and why.
pub(super) fn way(written: WriteEngine) -> (IoEngine, &'static str) {
    match written {
        WriteEngine::Direct => (IoEngine::Direct, "the buckets are on the device"),
        _ => (IoEngine::Pread, "the buckets are in the page cache"),
    }
}

struct Settling<'a> {
    dealing: &'a Dealing<'a>,
    meter: &'a Meter<'a, 'a>,
    file: &'a File,
    engine: IoEngine,
    threads: usize,
    /// Whether a thread gave up.
    stopped: AtomicBool,
}

impl Settling<'_> {
    /// One thread's share; an error ends all of them.
    fn work(&self, number: usize) -> Result<Report, EngineError> {
        let (started, before) = (Instant::now(), usage::thread_faults());
        let mut result = self.settle(number);
        match &mut result {
            Ok(report) => {
                report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
                report.computing = started.elapsed().saturating_sub(report.io.wait);
            }
            Err(_) => self.stopped.store(true, Ordering::Relaxed),
        }
        result
    }

    fn settle(&self, number: usize) -> Result<Report, EngineError> {
        let Dealing { buckets, new, .. } = self.dealing;
        let pieces = Share::new(buckets, number, self.threads);
        let dispenser = Dispenser::new(&pieces).in_order();
        let (mut stream, _) = self.file.stream_or_fallback(self.engine, &dispenser, buckets.reading_back)?;
        let piece = WriteEngine::Direct.piece_bytes().min(buckets.writing_back / 4).max(1);
        let mut writer = new.writer(piece, buckets.writing_back)?;
        let (mut bucket, mut spare) = (Bucket::new(buckets), Vec::new());
        for number in pieces.buckets() {
            let bytes = buckets.bytes_of(number);
            bucket.number(self.dealing.shuffle.order, buckets.places(number), &|| self.go_on())?;
            for _ in 0..pieces.pieces {
                self.go_on()?;
                stream.next_in_place(&mut |index, items| {
                    let at = pieces.range(index).start - bytes.start;
                    bucket.put(items.private(&mut spare), at as usize);
                })?;
            }
            self.write(&bucket, bytes, &mut writer, piece)?;
            self.meter.look();
        }
        writer.finish()?;
        self.meter.look_now();
        let counters = writer.counters();
        let mut report = Report { io: stream.counters(), bytes_written: counters.bytes, ..Report::default() };
        report.io.wait += counters.wait;
        report.io.buffer_bytes += counters.buffer_bytes + (bucket.memory() + spare.capacity()) as u64;
        Ok(report)
    }

    /// Writes a bucket that is in order.
    fn write(
        &self,
        bucket: &Bucket,
        bytes: Range<u64>,
        writer: &mut Writer<'_>,
        piece: usize,
    ) -> Result<(), EngineError> {
        let pieces = Chunks::at_multiples(bytes.clone(), piece as u64);
        for part in (0..pieces.count()).map(|index| pieces.range(index)) {
            self.go_on()?;
            let (from, to) = ((part.start - bytes.start) as usize, (part.end - bytes.start) as usize);
            writer.room(part.start, to - from)?.copy_from_slice(&bucket.items()[from..to]);
            writer.write()?;
            self.dealing.run.done(to - from);
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), EngineError> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        self.dealing.run.go_on()
    }
}

/// The pieces of the buckets of one thread: every so manieth. All buckets have as many pieces, some of which are empty.
struct Share<'a> {
    buckets: &'a Buckets,
    first: usize,
    step: usize,
    piece: u64,
    pieces: usize,
}

impl<'a> Share<'a> {
    fn new(buckets: &'a Buckets, first: usize, step: usize) -> Self {
        let piece = Buckets::piece(buckets.reading_back) as u64;
        let pieces = (buckets.each * buckets.row as u64).div_ceil(piece) as usize + 1;
        Share { buckets, first, step, piece, pieces }
    }

    fn buckets(&self) -> impl Iterator<Item = usize> + use<> {
        (self.first..self.buckets.count).step_by(self.step)
    }
}

impl Pieces for Share<'_> {
    fn count(&self) -> usize {
        self.buckets().count() * self.pieces
    }

    fn range(&self, index: usize) -> Range<u64> {
        let bytes = self.buckets.bytes_of(self.first + index / self.pieces * self.step);
        let chunks = Chunks::at_multiples(bytes.clone(), self.piece);
        let number = index % self.pieces;
        if number < chunks.count() { chunks.range(number) } else { bytes.end..bytes.end }
    }
}
