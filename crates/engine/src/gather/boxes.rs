//! The boxes into which a result is cut, and the threads that fill them.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use ndfolio_kernel::swap_bytes;
use ndfolio_layout::{Tile, Tiles, View};
use ndfolio_store::{
    AccessPlan, Advice, Choice, IoEngine, NewFile, Pattern, Spare, Sweep, large_pages, usage, usage::Faults,
};

use super::{
    Conversion, Gather, count_places,
    part::{Reader, Room},
    window::APART,
};
use crate::{
    EngineError, Io, Report, Run,
    fetch::{Emitter, read_range},
    meter::Meter,
    parallel::threads,
};

/// Where a result goes.
pub(super) enum Out<'o> {
    Memory(&'o mut [u8]),
    File(&'o NewFile),
}

/// How a gather is done.
pub(super) struct Boxes<'a> {
    gather: &'a Gather<'a>,
    result: &'a View,
    conversion: &'a Conversion,
    run: &'a Run<'a>,
    pub(super) choice: Choice,
    pub(super) threads: usize,
    /// Bytes of a box of the result.
    box_bytes: usize,
    /// Bytes of a box before its items are cast, and of one that is written; 0 where the result itself is filled.
    raw: usize,
    cast: usize,
    pub(super) room: Room,
    /// The bytes of the array from its first item to its last, if all of them are read at once.
    pub(super) whole: Option<Range<u64>>,
    /// The same, if they stay mapped.
    kept: Option<Range<u64>>,
}

/// Threads that wait for a device which can only be asked one thing at a time by each.
const WAITING: usize = 32;
/// Less memory than this is not worth a thread of its own.
const LEAST: usize = 1 << 20;
/// What a pass takes however little memory there is.
const SMALL: usize = 32 << 10;
/// Picks for each of them, at most, are waited for one after the other.
const PER_WAITING: usize = 16;
/// Reads from memory that take longer than to start another thread.
const CALLS: usize = 512;
/// Fewer picks are read in the time in which somebody looks how the page cache holds them.
const SOME: usize = 256;
/// Picks of which the places are looked at before a way is chosen.
const LOOKED_AT: usize = 4096;
/// Of how many of them is asked whether the page cache holds them.
const TRIED: usize = 16;
/// The share of them from which on all count as being in memory.
const HOT: f64 = 0.9;

impl<'a> Boxes<'a> {
    pub(super) fn new(
        gather: &'a Gather<'a>,
        result: &'a View,
        conversion: &'a Conversion,
        in_memory: bool,
        run: &'a Run<'a>,
    ) -> Result<Self, EngineError> {
        let taken = if in_memory { result.nbytes() } else { 0 };
        let memory = run.budget().saturating_sub(taken).max(SMALL);
        let whole = whole(gather, result, memory, run);
        let memory = memory - whole.as_ref().map_or(0, |whole| (whole.end - whole.start) as usize);
        let (choice, most, kept) = match &whole {
            Some(whole) => (all_at_once(whole), threads(run, result.nbytes()), None),
            None => choose(gather, result, run)?,
        };
        let threads = most.min(memory / LEAST).max(1);
        let each = memory / threads;
        let mut boxes = Boxes {
            gather,
            result,
            conversion,
            run,
            choice,
            threads,
            box_bytes: 0,
            raw: 0,
            cast: 0,
            room: Room::of(each),
            whole,
            kept,
        };
        boxes.cut(in_memory, each);
        Ok(boxes)
    }

    fn cut(&mut self, in_memory: bool, each: usize) {
        let (from, to) = (self.gather.source.view.itemsize(), self.result.itemsize());
        let is_cast = matches!(self.conversion, Conversion::Cast(_));
        if in_memory && !is_cast {
            // A part of the result for each thread.
            let row = self.result.nbytes() / self.result.shape().first().map_or(1, |n| (*n).max(1));
            let share = self.result.nbytes().div_ceil(self.threads);
            self.box_bytes = if self.threads == 1 { share } else { share + row };
            return;
        }
        // Half of the memory for the box, the other half to fill it.
        let item = if in_memory { from } else { from + if is_cast { to } else { 0 } };
        let items = (each / 2 / item.max(1)).clamp(1, self.result.size().div_ceil(self.threads));
        self.room = Room::of(each / 2);
        self.box_bytes = items * to;
        self.raw = items * from;
        self.cast = if is_cast && !in_memory { items * to } else { 0 };
    }

    /// Bytes of buffers of all threads.
    pub(super) fn buffers(&self) -> usize {
        if let Some(whole) = &self.whole {
            return (whole.end - whole.start) as usize + (self.raw + self.cast) * self.threads;
        }
        let each = self.raw + self.cast + self.room.bytes(self.gather.picking.count(), self.choice.engine);
        each * self.threads
    }

    /// Fills all boxes.
    pub(super) fn run(&self, mut out: Out<'_>, meter: &Meter<'_, '_>) -> Result<Report, EngineError> {
        let mut report = Report {
            engine: self.choice.engine.to_string(),
            reason: self.choice.reason.clone(),
            passes: 1,
            threads: self.threads,
            faults: Some(Faults::default()),
            ..Report::default()
        };
        let new = match out {
            Out::Memory(_) => None,
            Out::File(new) => Some(new),
        };
        let rest: &mut [u8] = match &mut out {
            Out::Memory(bytes) => {
                large_pages(bytes);
                bytes
            }
            Out::File(_) => &mut [],
        };
        let whole = self.read_whole(&mut report)?;
        let jobs = Jobs { tiles: self.result.panels(self.box_bytes), rest, new };
        let (jobs, stopped) = (Mutex::new(jobs), AtomicBool::new(false));
        let (own, sweep) = (Spare::default(), self.sweep());
        let queues = self.run.spare_or(&own);
        let shared = Shared { boxes: self, whole: whole.as_deref(), jobs, stopped, meter, queues, sweep };
        let shared = &shared;
        let results: Vec<_> = std::thread::scope(|scope| {
            let others: Vec<_> =
                (1..self.threads).map(|number| scope.spawn(move || shared.work(number))).collect();
            let first = shared.work(0);
            let joined = others.into_iter().map(std::thread::ScopedJoinHandle::join);
            let others = joined.map(|one| one.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(first).chain(others).collect()
        });
        for result in results {
            report.add(result?);
        }
        report.bytes_written = if new.is_some() { self.result.nbytes() as u64 } else { 0 };
        Ok(report)
    }
}

impl Boxes<'_> {
    /// What the threads share where the file is mapped.
    fn sweep(&self) -> Sweep {
        let (file, most) = (&self.gather.source.file, self.run.budget() as u64);
        match &self.kept {
            Some(range) => Sweep::kept(file, range, most),
            None => {
                file.keep_at_most(most);
                Sweep::default()
            }
        }
    }

    /// Reads all of the array, if that is the way.
    fn read_whole(&self, report: &mut Report) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(range) = &self.whole else { return Ok(None) };
        let (started, mut bytes) = (Instant::now(), vec![0; (range.end - range.start) as usize]);
        read_range(&self.gather.source.file, range.start, &mut bytes, self.run)?;
        let io = &mut report.io;
        (io.reads, io.pieces, io.bytes_read) = (1, 1, bytes.len() as u64);
        (io.buffer_bytes, io.wait) = (bytes.len() as u64, started.elapsed());
        Ok(Some(bytes))
    }
}

/// An array whose items are picked this often for each of its bytes is read as a whole, if it fits the memory.
const OFTEN: u64 = 8;
/// If there are as few bytes of it for each place as are read in the time in which that is sorted and looked up.
const FEW: u64 = 512;

/// The bytes of the array, if that many of them are wanted that nothing needs to be sorted.
fn whole(gather: &Gather<'_>, result: &View, memory: usize, run: &Run<'_>) -> Option<Range<u64>> {
    let range = gather.source.view.extent();
    let len = range.end - range.start;
    let wanted = (result.size() as u64).saturating_mul(gather.source.view.itemsize() as u64);
    let is_often = wanted.saturating_mul(OFTEN) >= len
        && (count_places(gather.picking) as u64).saturating_mul(FEW) >= len;
    let is_wanted = matches!(run.way(), Io::Auto) && is_often;
    (is_wanted && len <= memory as u64 / 2).then_some(range)
}

fn all_at_once(range: &Range<u64>) -> Choice {
    let len = range.end - range.start;
    let reason = format!("all {len} bytes of the array fit the memory, and are read at once");
    Choice { engine: IoEngine::Pread, advice: Advice::Normal, reason }
}

/// How the picks are read, by how many threads, and what stays mapped.
fn choose(
    gather: &Gather<'_>,
    result: &View,
    run: &Run<'_>,
) -> Result<(Choice, usize, Option<Range<u64>>), EngineError> {
    let (file, range) = (&gather.source.file, gather.source.view.extent());
    if matches!(run.way(), Io::Auto)
        && gather.picking.count() > SOME
        && let Some(choice) = file.choose_to_keep(&range, run.budget() as u64)
    {
        return Ok((choice, threads(run, result.nbytes()), Some(range)));
    }
    let looked = Looked::at(gather)?;
    let choice = run.choose(file, &looked.access(gather, result));
    let most = looked.threads(gather, result, choice.engine, run);
    Ok((choice, most, None))
}

/// What some of the picks tell of all of them.
struct Looked {
    /// How far each moves the cell.
    reaches: Vec<i64>,
    /// The range in which they lie.
    range: Range<u64>,
    /// How far all picks are apart, on average.
    apart: u64,
}

impl Looked {
    fn at(gather: &Gather<'_>) -> Result<Self, EngineError> {
        let (mut indices, mut reaches) = (Vec::new(), Vec::new());
        let count = gather.picking.count();
        gather.reaches(0, count.min(LOOKED_AT), &mut indices, &mut reaches)?;
        let (low, high) = reaches
            .iter()
            .fold((i64::MAX, i64::MIN), |(low, high), &reach| (low.min(reach), high.max(reach)));
        let cell = gather.picking.cell().extent();
        let range = cell.start.saturating_add_signed(low)..cell.end.saturating_add_signed(high);
        Ok(Looked { reaches, range, apart: high.abs_diff(low) / count.max(1) as u64 })
    }

    fn access(&self, gather: &Gather<'_>, result: &View) -> AccessPlan {
        let bytes = (result.size() * gather.source.view.itemsize()) as u64;
        let pieces = count_places(gather.picking);
        let pattern = if self.apart <= APART { Pattern::Close } else { Pattern::Scattered };
        AccessPlan { range: self.range.clone(), bytes, pieces, pattern }
    }

    /// How many threads are worth starting.
    fn threads(&self, gather: &Gather<'_>, result: &View, engine: IoEngine, run: &Run<'_>) -> usize {
        let (count, places) = (gather.picking.count(), count_places(gather.picking));
        match engine {
            // One queue keeps the device busy, and what is sorted as a whole is read once.
            IoEngine::Direct => 1,
            IoEngine::Pread if count > PER_WAITING && !self.is_hot(gather) => {
                run.waiting_threads(WAITING).min(count.div_ceil(PER_WAITING))
            }
            IoEngine::Pread if places > CALLS => {
                run.most_threads().min(places.div_ceil(CALLS)).max(threads(run, result.nbytes()))
            }
            _ => threads(run, result.nbytes()),
        }
    }

    /// Whether the page cache holds what is picked, as far as a few of the picks tell.
    fn is_hot(&self, gather: &Gather<'_>) -> bool {
        let file = &gather.source.file;
        let first = gather.picking.cell().extent().start;
        let few = self.reaches.iter().step_by(self.reaches.len().div_ceil(TRIED).max(1));
        let (mut tried, mut hot) = (0_u32, 0_u32);
        for reach in few {
            let at = first.saturating_add_signed(*reach).min(file.len());
            let Some(share) = file.residency(at..file.len().min(at + 1)).ok().and_then(|found| found.share())
            else {
                return true;
            };
            (tried, hot) = (tried + 1, hot + u32::from(share > 0.0));
        }
        f64::from(hot) >= HOT * f64::from(tried)
    }
}

/// The boxes that are left.
struct Jobs<'a> {
    tiles: Tiles<'a>,
    /// The result in memory from the next box on.
    rest: &'a mut [u8],
    new: Option<&'a NewFile>,
}

impl<'a> Jobs<'a> {
    /// The next box, with its place in memory if it has one.
    fn next(&mut self) -> Option<(Tile, Option<&'a mut [u8]>)> {
        let tile = self.tiles.next()?;
        if self.new.is_some() {
            return Some((tile, None));
        }
        let (own, rest) = std::mem::take(&mut self.rest).split_at_mut(tile.view.nbytes());
        self.rest = rest;
        Some((tile, Some(own)))
    }
}

struct Shared<'a> {
    boxes: &'a Boxes<'a>,
    whole: Option<&'a [u8]>,
    jobs: Mutex<Jobs<'a>>,
    stopped: AtomicBool,
    meter: &'a Meter<'a, 'a>,
    queues: &'a Spare,
    sweep: Sweep,
}

impl Shared<'_> {
    /// One thread's share; an error ends all of them.
    fn work(&self, number: usize) -> Result<Report, EngineError> {
        let before = usage::thread_faults();
        let mut result = self.fill_boxes(number);
        if let Ok(report) = &mut result {
            report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        } else {
            self.stopped.store(true, Ordering::Relaxed);
        }
        result
    }

    fn fill_boxes(&self, number: usize) -> Result<Report, EngineError> {
        let boxes = self.boxes;
        let mut reader = Reader::new(
            boxes.gather,
            boxes.choice.engine,
            boxes.room,
            (boxes.run, self.meter, &self.stopped),
            (self.queues, &self.sweep, number..boxes.threads),
        );
        reader.whole = self.whole.zip(boxes.whole.as_ref().map(|whole| whole.start));
        let (mut raw, mut cast, mut emitter) = (Vec::new(), Vec::new(), Emitter::default());
        let new = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).new;
        while !self.stopped.load(Ordering::Relaxed) {
            let next = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((tile, own)) = next else { break };
            match (own, new) {
                (Some(own), _) => self.fill(&mut reader, &tile, (&mut raw, own))?,
                (None, Some(new)) => {
                    cast.resize(tile.view.nbytes(), 0);
                    self.fill(&mut reader, &tile, (&mut raw, &mut cast))?;
                    emitter.write(new, &tile.view, &cast, boxes.run)?;
                }
                (None, None) => {}
            }
        }
        self.meter.look_now();
        let mut report = reader.report;
        report.io.buffer_bytes += (raw.capacity() + cast.capacity() + emitter.buffer_bytes()) as u64;
        Ok(report)
    }

    /// Fills a box of the result.
    fn fill(
        &self,
        reader: &mut Reader<'_>,
        tile: &Tile,
        (raw, out): (&mut Vec<u8>, &mut [u8]),
    ) -> Result<(), EngineError> {
        match self.boxes.conversion {
            Conversion::None => reader.read(tile, out),
            Conversion::Swap(width) => {
                reader.read(tile, out)?;
                swap_bytes(out, *width);
                Ok(())
            }
            Conversion::Cast(caster) => {
                raw.resize(tile.view.size() * caster.itemsizes().0, 0);
                reader.read(tile, raw)?;
                caster.apply(raw, out);
                Ok(())
            }
        }
    }
}
