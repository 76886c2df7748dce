//! The first pass: rows go to their buckets.

use std::{ops::Range, thread, time::Instant};

use ndfolio_layout::Order;
use ndfolio_store::{
    Advice, Choice, Chunks, Dispenser, IoEngine, NewFile, WriteEngine, Writer, large_pages,
    usage::{self, Faults},
};

use super::{Shuffle, buckets::Buckets, numbers::Numbers};
use crate::{EngineError, Report, Run, fetch::Fetcher, meter::Meter};

/// What both passes know.
pub(super) struct Dealing<'a> {
    pub(super) shuffle: &'a Shuffle<'a>,
    pub(super) new: &'a NewFile,
    pub(super) buckets: &'a Buckets,
    pub(super) run: &'a Run<'a>,
}

impl Dealing<'_> {
    /// Runs the pass, and tells how it wrote.
    pub(super) fn run(&self, choice: &Choice) -> Result<(Report, WriteEngine), EngineError> {
        let Dealing { shuffle, new, buckets, run } = self;
        let meter = Meter::start(run, buckets.total());
        let (started, before) = (Instant::now(), usage::thread_faults());
        let mut report = Report {
            engine: choice.engine.to_string(),
            reason: choice.reason.clone(),
            passes: 1,
            threads: buckets.threads,
            faults: Some(Faults::default()),
            ..Report::default()
        };
        let written = thread::scope(|scope| -> Result<WriteEngine, EngineError> {
            let numbers = Numbers::new(scope, shuffle.order, buckets, buckets.threads - 1);
            let writer = new.writer(buckets.block, buckets.writing)?;
            let mut dealer = Dealer::new(buckets, numbers, writer);
            if shuffle.source.view.is_contiguous(Order::C) {
                self.stream(choice, &mut dealer, &meter, &mut report)?;
            } else {
                self.fetch(&mut dealer, &meter, &mut report)?;
            }
            dealer.finish(&mut report)
        })?;
        meter.look_now();
        report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        report.computing = started.elapsed().saturating_sub(report.io.wait);
        Ok((meter.finish(report), written))
    }

    /// Deals rows that lie behind each other.
    fn stream(
        &self,
        choice: &Choice,
        dealer: &mut Dealer<'_>,
        meter: &Meter<'_, '_>,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let (file, extent) = (&self.shuffle.source.file, self.shuffle.source.view.extent());
        if choice.advice != Advice::Normal {
            file.advise(extent.clone(), choice.advice)?;
        }
        let memory = self.buckets.reading;
        let piece = choice.engine.piece_bytes().min(Buckets::piece(memory));
        let pieces = Chunks::at_multiples(extent, piece as u64);
        let dispenser = Dispenser::new(&pieces).in_order();
        let (mut stream, refused) = file.stream_or_fallback(choice.engine, &dispenser, memory)?;
        let mut spare = Vec::new();
        loop {
            self.run.go_on()?;
            let mut dealt = Ok(0);
            let next = stream.next_in_place(&mut |_, bytes| {
                dealt = dealer.take(bytes.private(&mut spare)).map(|()| bytes.len());
            });
            let is_end = next?.is_none();
            self.run.done(dealt?);
            if is_end {
                break;
            }
            meter.look();
        }
        report.io = stream.counters();
        report.io.bytes_asked = self.buckets.total() as u64;
        report.io.buffer_bytes += spare.capacity() as u64;
        if let Some(refused) = refused {
            report.engine = stream.engine().to_string();
            report.reason = format!("{refused}; so {} instead", stream.engine());
        }
        Ok(())
    }

    /// Deals rows whose items are put together first, some rows at a time.
    fn fetch(
        &self,
        dealer: &mut Dealer<'_>,
        meter: &Meter<'_, '_>,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let (mut fetcher, mut items) = (Fetcher::default(), Vec::new());
        let step = (self.buckets.reading / self.buckets.row).max(1);
        for first in (0..self.shuffle.rows()).step_by(step) {
            self.run.go_on()?;
            let rows = first..self.shuffle.rows().min(first + step);
            let Some(view) = self.shuffle.part(rows) else { break };
            items.resize(view.nbytes(), 0);
            let asked = Instant::now();
            fetcher.read(&self.shuffle.source.file, &view, &mut items, self.run)?;
            report.io.wait += asked.elapsed();
            report.io.pieces += 1;
            report.io.bytes_asked += items.len() as u64;
            report.io.bytes_read += items.len() as u64;
            dealer.take(&items)?;
            meter.look();
            self.run.done(items.len());
        }
        report.engine = IoEngine::Pread.to_string();
        report.reason = "the items of each row are gathered from many places of the file".to_owned();
        report.io.buffer_bytes = (items.capacity() + fetcher.buffer_bytes()) as u64;
        Ok(())
    }
}

/// The block of a bucket that is being filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Where it goes.
    start: u64,
    len: u32,
    filled: u32,
}

/// Appends rows to their buckets.
struct Dealer<'a> {
    buckets: &'a Buckets,
    numbers: Numbers<'a>,
    writer: Writer<'a>,
    open: Vec<Open>,
    /// The bytes of all open blocks, each at a multiple of the length of a block.
    blocks: Vec<u8>,
    /// The bucket of a row that came in part, and how many of its bytes are to come.
    rest: (usize, usize),
}

impl<'a> Dealer<'a> {
    fn new(buckets: &'a Buckets, numbers: Numbers<'a>, writer: Writer<'a>) -> Self {
        let mut blocks = vec![0; buckets.count * buckets.block];
        large_pages(&mut blocks);
        let open = |bucket| next_block(buckets.bytes_of(bucket), buckets.block);
        let open = (0..buckets.count).map(open).collect();
        Dealer { buckets, numbers, writer, open, blocks, rest: (0, 0) }
    }

    /// Takes the next bytes of the array.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), EngineError> {
        let row = self.buckets.row;
        while !bytes.is_empty() {
            let (bucket, rest) = self.rest;
            if rest > 0 {
                let (now, later) = bytes.split_at(rest.min(bytes.len()));
                self.put(bucket, now)?;
                (self.rest.1, bytes) = (rest - now.len(), later);
            } else if bytes.len() < row {
                let bucket = self.numbers.some(1).first().map_or(0, |&bucket| bucket as usize);
                self.rest = (bucket, row);
            } else {
                bytes = self.take_rows(bytes)?;
            }
        }
        Ok(())
    }

    /// Takes some rows, and gives back the rest.
    fn take_rows<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], EngineError> {
        match self.buckets.row {
            1 => self.take_short::<1>(bytes),
            2 => self.take_short::<2>(bytes),
            4 => self.take_short::<4>(bytes),
            8 => self.take_short::<8>(bytes),
            16 => self.take_short::<16>(bytes),
            row => {
                // The numbers stay borrowed while rows are put.
                let numbers = self.numbers.some(bytes.len() / row).to_vec();
                let (now, later) = bytes.split_at(numbers.len() * row);
                for (row, bucket) in now.chunks_exact(row).zip(numbers) {
                    self.put(bucket as usize, row)?;
                }
                Ok(later)
            }
        }
    }

    /// The same for rows that are as short as a word.
    fn take_short<'b, const ROW: usize>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], EngineError> {
        let numbers = self.numbers.some(bytes.len() / ROW);
        let (now, later) = bytes.split_at(numbers.len() * ROW);
        let (open, blocks, writer) = (&mut self.open, &mut self.blocks, &mut self.writer);
        for (row, &bucket) in now.as_chunks::<ROW>().0.iter().zip(numbers) {
            let bucket = bucket as usize;
            let one = &mut open[bucket];
            let at = bucket * self.buckets.block + one.filled as usize;
            if (one.len - one.filled) as usize >= ROW {
                blocks[at..at + ROW].copy_from_slice(row);
                one.filled += ROW as u32;
                if one.filled == one.len {
                    flush(self.buckets, (bucket, one), blocks, writer)?;
                }
            } else {
                put(self.buckets, (bucket, one), row, blocks, writer)?;
            }
        }
        Ok(later)
    }

    /// Appends bytes to a bucket.
    fn put(&mut self, bucket: usize, bytes: &[u8]) -> Result<(), EngineError> {
        let one = &mut self.open[bucket];
        put(self.buckets, (bucket, one), bytes, &mut self.blocks, &mut self.writer)
    }

    /// The end: all buckets are full.
    fn finish(mut self, report: &mut Report) -> Result<WriteEngine, EngineError> {
        debug_assert!(self.open.iter().all(|one| one.len == 0), "a bucket has too few rows");
        self.writer.finish()?;
        let counters = self.writer.counters();
        report.bytes_written = counters.bytes;
        report.io.wait += counters.wait;
        let own = self.blocks.capacity() + self.open.capacity() * size_of::<Open>();
        report.io.buffer_bytes += counters.buffer_bytes + own as u64;
        Ok(self.writer.engine())
    }
}

/// The first block of what is left of a bucket; blocks end at multiples of their length.
fn next_block(left: Range<u64>, block: usize) -> Open {
    let end = left.end.min(left.start - left.start % block as u64 + block as u64);
    Open { start: left.start, len: (end - left.start) as u32, filled: 0 }
}

fn put(
    buckets: &Buckets,
    (bucket, one): (usize, &mut Open),
    mut bytes: &[u8],
    blocks: &mut [u8],
    writer: &mut Writer<'_>,
) -> Result<(), EngineError> {
    while !bytes.is_empty() {
        let at = bucket * buckets.block + one.filled as usize;
        let (now, later) = bytes.split_at(bytes.len().min((one.len - one.filled) as usize));
        blocks[at..at + now.len()].copy_from_slice(now);
        one.filled += now.len() as u32;
        bytes = later;
        if one.filled == one.len {
            flush(buckets, (bucket, one), blocks, writer)?;
        }
    }
    Ok(())
}

/// Writes a block that is full, and begins the next.
fn flush(
    buckets: &Buckets,
    (bucket, one): (usize, &mut Open),
    blocks: &[u8],
    writer: &mut Writer<'_>,
) -> Result<(), EngineError> {
    let (at, len) = (bucket * buckets.block, one.len as usize);
    writer.room(one.start, len)?.copy_from_slice(&blocks[at..at + len]);
    writer.write()?;
    *one = next_block(one.start + len as u64..buckets.bytes_of(bucket).end, buckets.block);
    Ok(())
}
