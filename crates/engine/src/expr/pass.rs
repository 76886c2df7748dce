//! A pass over several files at once: threads take pieces of it, read what each file has for them side by side,
//! and compute box by box.

use std::{
    ops::Range,
    panic,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::{
    Advice, Bytes, Dispenser, IoEngine, Mapping, PieceStream, Turns,
    usage::{self, Faults},
};

use super::{
    evaluator::{Data, Evaluator, Progress, lying},
    feeds::{FeedPieces, Feeds, Gathering, Grid},
    fused::{Base, Fused},
    leaf::Order,
    place::{Cover, Runs, part_once},
};
use crate::{
    EngineError, Report, Run,
    fetch::{Fetcher, OWN_MEMORY},
    meter::Meter,
    parallel::{PIECES_ON_THEIR_WAY, threads},
};

/// Computes the next items of a box, in its C order: as many of each result as there is room for.
pub(super) type FillAll<'f> = dyn FnMut(&mut [&mut [u8]]) -> Result<(), EngineError> + 'f;

/// Items of a result that follow each other, where they lie so and need not be computed.
pub(super) type Lying<'l, 'd> = dyn Fn(usize, Range<usize>) -> Option<Bytes<'d>> + 'l;

/// The items of a box.
pub(super) struct BoxItems<'b, 'd> {
    pub(super) fill: &'b mut FillAll<'b>,
    /// For who needs no copy of what lies somewhere already.
    pub(super) lying: &'b Lying<'b, 'd>,
}

/// What is done with the items of boxes.
pub(super) trait Consumer: Sync {
    /// What a thread keeps.
    type Worker;

    /// What a thread begins with.
    fn worker(&self) -> Result<Self::Worker, EngineError>;

    /// Takes a box.
    fn take(
        &self,
        worker: &mut Self::Worker,
        index: usize,
        tile: &Tile,
        items: BoxItems<'_, '_>,
    ) -> Result<(), EngineError>;

    /// The end of a thread's work; adds what it did.
    fn finish(&self, worker: Self::Worker, report: &mut Report) -> Result<(), EngineError>;

    /// Bytes that a thread takes.
    fn bytes_of_worker(&self) -> usize {
        0
    }

    /// An error ends the pass: who waits for a turn must not.
    fn stop(&self) {}
}

/// The boxes of a pass and how their items are read: the same for a plan and for the pass itself.
pub(super) struct Frame<'a> {
    pub(super) fused: &'a Fused,
    pub(super) tiles: Tiles<'a>,
    cover: Cover,
    group: usize,
    pub(super) feeds: Feeds,
    pub(super) threads: usize,
    /// Bytes of buffers for each feed.
    stream: Vec<usize>,
    /// Bytes of a thread's buffers for boxes that are gathered.
    gathered: usize,
}

impl<'a> Frame<'a> {
    /// For boxes of a view over the items of the pass, of which a thread takes `group` at once where they follow
    /// each other; `own` bytes of a thread's memory are for something else.
    pub(super) fn new(fused: &'a Fused, tiles: Tiles<'a>, own: usize, run: &Run<'_>) -> Self {
        let cover = Cover::new(tiles.view(), &fused.shape);
        let read: usize = fused.files().map(|(leaf, _)| fused.leaves[leaf].view.nbytes()).max().unwrap_or(0);
        let threads = threads(run, read.max(tiles.view().nbytes())).min(tiles.count_tiles().max(1));
        let memory = run.memory_for_boxes() / threads;
        let memory = memory.saturating_sub(own + fused.program.bytes()).max(memory / 4);
        let mut grid = Grid { fused, tiles: &tiles, cover: &cover, group: 1 };
        let mut feeds = Feeds::new(&grid, memory, run);
        let longest = feeds.feeds.iter().map(|feed| feed.piece).max().unwrap_or(0);
        if tiles.follow_each_other() && longest > 0 && longest < PIECE / 2 {
            let least = memory / (longest * feeds.feeds.len() * PIECES_ON_THEIR_WAY);
            grid.group = (PIECE / longest).min(least).max(1);
            feeds = Feeds::new(&grid, memory, run);
        }
        let group = grid.group;
        let gathered: usize =
            feeds.gathered.iter().map(|one| gathered_bytes(fused, one.leaf, &tiles, &cover)).sum();
        // Windows do not shrink with the memory: other threads work where theirs fit too.
        let need = if gathered > 0 { gathered + own + fused.program.bytes() } else { 0 };
        let threads = run.memory_for_boxes().checked_div(need).map_or(threads, |fit| threads.min(fit.max(1)));
        let each = memory.saturating_sub(gathered) / feeds.feeds.len().max(1);
        let stream = feeds.feeds.iter().map(|feed| stream_bytes(feed.choice.engine, feed.piece, each));
        let stream = stream.collect();
        Frame { fused, cover, group, threads, stream, gathered, feeds, tiles }
    }

    fn grid(&self) -> Grid<'_> {
        Grid { fused: self.fused, tiles: &self.tiles, cover: &self.cover, group: self.group }
    }

    /// How the pass is going to read, and the bytes of its buffers.
    pub(super) fn report(&self) -> Report {
        let (mut engine, mut reason) = (String::new(), String::new());
        for feed in &self.feeds.feeds {
            add_way(&mut engine, &mut reason, &feed.choice.engine.to_string(), &feed.choice.reason);
        }
        for Gathering { choice, .. } in &self.feeds.gathered {
            add_way(&mut engine, &mut reason, &choice.engine.to_string(), &choice.reason);
        }
        let buffers = self.feeds.feeds.iter().zip(&self.stream);
        let buffers: usize =
            buffers.map(|(feed, memory)| feed.choice.engine.buffer_bytes(feed.piece, *memory)).sum();
        let own = self.gathered + self.fused.program.bytes();
        let passes = u64::from(self.fused.files().next().is_some());
        let mut report = Report { engine, reason, passes, threads: self.threads, ..Report::default() };
        report.io.buffer_bytes = (self.threads * (buffers + own)) as u64;
        report.io.pieces = self.grid().pieces() as u64;
        report
    }

    /// Whether every array is read piece by piece: if not as a stream, since its boxes are large for the memory,
    /// then with one read for each.
    pub(super) fn is_streamed(&self) -> bool {
        let bounds = self.tiles.get(0).map(|tile| self.cover.bounds(&tile)).unwrap_or_default();
        self.feeds.gathered.iter().all(|Gathering { leaf, .. }| {
            let first = part_once(&self.fused.leaves[*leaf].view, &bounds);
            first.is_some_and(|view| view.spans().nth(1).is_none())
        })
    }

    /// Has the arrays brought to the page cache that are to be read from there. Two threads for each processor: one
    /// waits for the device while the other copies.
    fn bring(&self, run: &Run<'_>) -> Result<(), EngineError> {
        for (leaf, file) in self.fused.files().filter(|(leaf, _)| self.fused.leaves[*leaf].brought) {
            let extent = self.fused.leaves[leaf].view.extent();
            let next = AtomicU64::new(extent.start);
            let work = || -> Result<(), EngineError> {
                loop {
                    run.go_on()?;
                    let at = next.fetch_add(BROUGHT, Ordering::Relaxed);
                    if at >= extent.end {
                        return Ok(());
                    }
                    file.prefetch(at..extent.end.min(at + BROUGHT), &|| run.go_on().is_err())?;
                }
            };
            thread::scope(|scope| {
                // Stacks count as private memory; without those threads this one does it alone.
                let spawn = |_| thread::Builder::new().stack_size(SMALL_STACK).spawn_scoped(scope, work).ok();
                let others: Vec<_> = (1..2 * self.threads).map_while(spawn).collect();
                let own = work();
                let ends = others.into_iter().map(|w| w.join().unwrap_or_else(|p| panic::resume_unwind(p)));
                ends.fold(own, Result::and)
            })?;
        }
        Ok(())
    }

    /// Runs the pass.
    pub(super) fn run<C: Consumer>(&self, run: &Run<'_>, consumer: &C) -> Result<Report, EngineError> {
        let meter = Meter::start(run, self.tiles.view().nbytes());
        self.bring(run)?;
        for feed in self.feeds.feeds.iter().filter(|feed| feed.choice.advice != Advice::Normal) {
            let extents = feed.leaves.iter().map(|&leaf| self.fused.leaves[leaf].view.extent());
            extents.into_iter().try_for_each(|extent| feed.file.advise(extent, feed.choice.advice))?;
        }
        let grid = self.grid();
        let pieces = Dispenser::new(&grid);
        let notes = Mutex::default();
        let shared =
            Shared { frame: self, grid: &grid, pieces: &pieces, run, consumer, meter: &meter, notes: &notes };
        let results: Vec<_> = if self.threads <= 1 {
            vec![shared.work()]
        } else {
            thread::scope(|scope| {
                let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(|| shared.work())).collect();
                workers
                    .into_iter()
                    .map(|w| w.join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
                    .collect()
            })
        };
        let mut report = Report { faults: Some(Faults::default()), ..self.report() };
        report.io = ndfolio_store::IoCounters::default();
        let mut first = None;
        for result in results {
            match result {
                Ok(one) => {
                    report.conditions.add(&one.conditions);
                    report.bytes_written += one.bytes_written;
                    report.add(one);
                }
                // What ended the pass, not what others saw of its end.
                Err(error) if first.is_none() || matches!(first, Some(EngineError::Cancelled)) => {
                    first = Some(error);
                }
                Err(_) => {}
            }
        }
        if let Some(error) = first {
            return Err(error);
        }
        report.notes = notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Letting the last windows of a mapping go is a part of the pass.
        drop(pieces);
        Ok(meter.finish(report))
    }
}

/// Bytes of the stack of a thread that only brings bytes to the page cache.
const SMALL_STACK: usize = 256 << 10;

/// Bytes that a thread brings to the page cache at a time.
const BROUGHT: u64 = 1 << 20;

/// Bytes of a piece that a device reads fastest.
const PIECE: usize = 1 << 20;

/// Adds how a file is read to what is said of the others.
fn add_way(engine: &mut String, reason: &mut String, new: &str, why: &str) {
    if engine.split(", ").any(|one| one == new) {
        return;
    }
    if !engine.is_empty() {
        engine.push_str(", ");
        reason.push_str("; ");
    }
    engine.push_str(new);
    reason.push_str(why);
}

fn stream_bytes(engine: IoEngine, piece: usize, most: usize) -> usize {
    let wanted = if engine == IoEngine::Direct { PIECES_ON_THEIR_WAY * (piece + 8192) } else { piece + 64 };
    wanted.min(most.max(piece + 8192))
}

/// Bytes that the items of a box take where they are gathered, with the window through which they come.
fn gathered_bytes(fused: &Fused, leaf: usize, tiles: &Tiles<'_>, cover: &Cover) -> usize {
    let bounds = tiles.get(0).map(|tile| cover.bounds(&tile)).unwrap_or_default();
    let view = part_once(&fused.leaves[leaf].view, &bounds);
    view.map_or(0, |view| view.nbytes()) + OWN_MEMORY
}

struct Shared<'a, C> {
    frame: &'a Frame<'a>,
    grid: &'a Grid<'a>,
    pieces: &'a Dispenser<'a>,
    run: &'a Run<'a>,
    consumer: &'a C,
    meter: &'a Meter<'a, 'a>,
    notes: &'a Mutex<Vec<String>>,
}

impl<C: Consumer> Shared<'_, C> {
    /// One thread's share; an error ends all of them.
    fn work(&self) -> Result<Report, EngineError> {
        let before = usage::thread_faults();
        let mut end = End { shared: self, is_good: false };
        let mut report = self.pieces()?;
        end.is_good = true;
        report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        Ok(report)
    }

    fn pieces(&self) -> Result<Report, EngineError> {
        let (frame, grid) = (self.frame, self.grid);
        let turns = Turns::new(self.pieces);
        let own = Dispenser::of_turns(grid, &turns);
        let feeds: Vec<FeedPieces<'_>> =
            frame.feeds.feeds.iter().map(|feed| FeedPieces { grid, feed }).collect();
        let dispensers: Vec<Dispenser<'_>> =
            feeds.iter().map(|feed| Dispenser::of_turns(feed, &turns)).collect();
        let mut streams = Vec::with_capacity(feeds.len());
        for ((feed, dispenser), memory) in feeds.iter().zip(&dispensers).zip(&frame.stream) {
            let file = &feed.feed.file;
            let (stream, refused) = file.stream_or_fallback(feed.feed.choice.engine, dispenser, *memory)?;
            self.note(refused.map(|refused| format!("{refused}; so {} instead", stream.engine())));
            streams.push(stream);
        }
        let mut worker = Worker::new(self)?;
        let started = Instant::now();
        while let Some(piece) = own.take() {
            self.run.go_on()?;
            let starts: Vec<i64> =
                feeds.iter().map(|feed| ndfolio_store::Pieces::range(feed, piece).start as i64).collect();
            let mut result = Ok(0);
            lockstep(&mut streams, None, &mut |link| {
                let mut bytes = Vec::with_capacity(starts.len());
                let mut at = link;
                while let Some(link) = at {
                    bytes.push(link.bytes);
                    at = link.before;
                }
                bytes.reverse();
                let fed: Vec<(Bytes<'_>, i64)> = bytes.into_iter().zip(starts.iter().copied()).collect();
                result = worker.piece(grid, piece, &fed);
            })?;
            let bytes = result?;
            self.meter.look();
            self.run.done(bytes);
        }
        self.finish(worker, &streams, started)
    }

    fn finish(
        &self,
        worker: Worker<'_, C>,
        streams: &[Box<dyn PieceStream + '_>],
        started: Instant,
    ) -> Result<Report, EngineError> {
        self.meter.look_now();
        let mut report = Report { conditions: worker.evaluator.conditions, ..Report::default() };
        for stream in streams {
            report.io.add(&stream.counters());
        }
        report.io.bytes_asked = worker.asked;
        let own =
            worker.fetcher.buffer_bytes() + worker.gathered.iter().map(|g| g.bytes.len()).sum::<usize>();
        report.io.buffer_bytes += (own + self.frame.fused.program.bytes()) as u64;
        self.consumer.finish(worker.own, &mut report)?;
        report.computing = started.elapsed().saturating_sub(report.io.wait);
        Ok(report)
    }

    fn note(&self, note: Option<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(note) = note
            && !notes.contains(&note)
        {
            notes.push(note);
        }
    }
}

/// The end of a thread's share: an error or a panic ends all others, so that nobody waits for a turn.
struct End<'s, 'a, C: Consumer> {
    shared: &'s Shared<'a, C>,
    is_good: bool,
}

impl<C: Consumer> Drop for End<'_, '_, C> {
    fn drop(&mut self) {
        if !self.is_good {
            self.shared.pieces.stop();
            self.shared.consumer.stop();
        }
    }
}

/// The bytes of a piece in one file, and those in the files before.
struct Link<'l> {
    bytes: Bytes<'l>,
    before: Option<&'l Link<'l>>,
}

/// Takes the next piece of all streams and hands over their bytes, the last first.
fn lockstep(
    streams: &mut [Box<dyn PieceStream + '_>],
    before: Option<&Link<'_>>,
    work: &mut dyn FnMut(Option<&Link<'_>>),
) -> Result<(), EngineError> {
    let Some((first, rest)) = streams.split_first_mut() else {
        work(before);
        return Ok(());
    };
    let mut result = Ok(());
    let next = first.next_in_place(&mut |_, bytes| {
        let link = Link { bytes, before };
        result = lockstep(rest, Some(&link), work);
    })?;
    // A stream that has ended was stopped.
    if next.is_none() { Err(EngineError::Cancelled) } else { result }
}

/// What a thread keeps from piece to piece.
struct Worker<'a, C: Consumer> {
    shared: &'a Shared<'a, C>,
    own: C::Worker,
    evaluator: Evaluator<'a>,
    fetcher: Fetcher,
    gathered: Vec<Gathered>,
    /// Bytes of items.
    asked: u64,
    tile: Option<Tile>,
}

/// The items of a box of an array that are gathered from many places.
struct Gathered {
    leaf: usize,
    /// Where it is read from, if not by calls.
    mapping: Option<Mapping>,
    bytes: Vec<u8>,
    order: Order,
}

impl<'a, C: Consumer> Worker<'a, C> {
    fn new(shared: &'a Shared<'a, C>) -> Result<Self, EngineError> {
        let frame = shared.frame;
        let gathered = frame.feeds.gathered.iter().map(|one| Gathered::new(frame.fused, one));
        Ok(Worker {
            own: shared.consumer.worker()?,
            evaluator: Evaluator::new(frame.fused, frame.tiles.view().size()),
            fetcher: Fetcher::default(),
            gathered: gathered.collect(),
            asked: 0,
            tile: None,
            shared,
        })
    }

    /// Works on the boxes of a piece; how many bytes of items they take.
    fn piece(
        &mut self,
        grid: &Grid<'_>,
        piece: usize,
        fed: &[(Bytes<'_>, i64)],
    ) -> Result<usize, EngineError> {
        let mut done = 0;
        let mut room = self.tile.take();
        for index in grid.boxes(piece) {
            let Some(tile) = grid.tiles.get_in(index, &mut room) else { break };
            done += self.one(index, tile, fed)?;
        }
        self.tile = room;
        self.asked += done as u64;
        Ok(done)
    }

    fn one(&mut self, index: usize, tile: &Tile, fed: &[(Bytes<'_>, i64)]) -> Result<usize, EngineError> {
        let Shared { frame, run, consumer, .. } = self.shared;
        if !self.gathered.is_empty() {
            let bounds = frame.cover.bounds(tile);
            for gathered in &mut self.gathered {
                gathered.read(frame.fused, &bounds, &mut self.fetcher, run)?;
            }
        }
        let data = data(frame, fed, &self.gathered);
        let evaluator = &mut self.evaluator;
        let mut progress = Progress::new(Runs::new(&tile.view), &data, frame.fused);
        let fill = &mut |out: &mut [&mut [u8]]| evaluator.run(&mut progress, out, run);
        let lying = |result: usize, items| lying(frame.fused, &data, result, items);
        consumer.take(&mut self.own, index, tile, BoxItems { fill, lying: &lying })?;
        // Arrays of a file that are read together are told of once.
        let fed = frame.feeds.feeds.iter().filter_map(|feed| feed.leaves.first());
        let read = fed.chain(frame.feeds.gathered.iter().map(|one| &one.leaf));
        Ok(tile.view.size() * read.map(|&leaf| frame.fused.leaves[leaf].view.itemsize()).sum::<usize>())
    }
}

/// Where the items of all leaves are.
fn data<'d>(frame: &'d Frame<'_>, fed: &[(Bytes<'d>, i64)], gathered: &'d [Gathered]) -> Vec<Data<'d>> {
    let nothing = Data { bytes: Bytes::Private(&[]), start: 0, order: None };
    let leaves = &frame.fused.leaves;
    let mut data: Vec<Data<'d>> = leaves.iter().map(|leaf| leaf.in_memory().unwrap_or(nothing)).collect();
    for (feed, &(bytes, start)) in frame.feeds.feeds.iter().zip(fed) {
        for &leaf in &feed.leaves {
            data[leaf] = Data { bytes, start, order: None };
        }
    }
    for one in gathered {
        data[one.leaf] = Data { bytes: Bytes::Private(&one.bytes), start: 0, order: Some(&one.order) };
    }
    data
}

impl Gathered {
    fn new(fused: &Fused, Gathering { leaf, choice }: &Gathering) -> Self {
        let own = &fused.leaves[*leaf];
        let mapping = match &own.base {
            // Where it cannot be mapped after all, calls do it.
            Base::File(file) if choice.engine == IoEngine::Mmap => file.map(own.view.extent()).ok(),
            _ => None,
        };
        Gathered { leaf: *leaf, mapping, bytes: Vec::new(), order: own.order.clone() }
    }

    /// Reads the items of a box.
    fn read(
        &mut self,
        fused: &Fused,
        bounds: &[Range<usize>],
        fetcher: &mut Fetcher,
        run: &Run<'_>,
    ) -> Result<(), EngineError> {
        let leaf = &fused.leaves[self.leaf];
        let Base::File(file) = &leaf.base else { return Ok(()) };
        let Some(view) = part_once(&leaf.view, bounds) else { return Ok(()) };
        self.bytes.resize(view.nbytes(), 0);
        match &self.mapping {
            Some(mapping) => fetcher.read_mapped(mapping, &view, &mut self.bytes, run)?,
            None => fetcher.read(file, &view, &mut self.bytes, run)?,
        }
        // Where an item of the pass's index lies: the box's own strides, counted from its first item.
        let mut strides = vec![0; view.ndim()];
        let (mut step, mut base) = (view.itemsize() as isize, 0);
        for axis in (0..view.ndim()).rev() {
            if leaf.view.strides()[axis] != 0 {
                strides[axis] = step;
                base -= bounds[axis].start as i64 * step as i64;
            }
            step *= view.shape()[axis] as isize;
        }
        self.order = Order::of(&fused.shape, &strides, base, view.itemsize());
        Ok(())
    }
}
