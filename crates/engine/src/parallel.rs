//! A pass over boxes of an array, by several threads, whose results come in order.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use ndfolio_kernel::gather;
use ndfolio_layout::{Order, Tile, Tiles, View};
use ndfolio_store::{
    AccessPlan, Advice, Bytes, Choice, Dispenser, IoEngine, Pattern, Pieces,
    usage::{self, Faults},
};

use crate::{
    EngineError, Report, Run, Source,
    fetch::{Fetcher, OWN_MEMORY, way},
    meter::Meter,
};

/// Bytes for which another thread is worth starting.
const BYTES_PER_THREAD: usize = 4 << 20;

/// What is done with the boxes of a pass.
pub(crate) trait Pass: Sync {
    /// What a thread keeps from box to box.
    type Worker;
    /// What a box gives.
    type Given: Send;

    fn worker(&self) -> Self::Worker;

    /// Works on the items of a box, contiguous in C order and in the file's byte order. Where they are mapped,
    /// what is made of them counts only if the file turns out to have been there.
    fn work(&self, worker: &mut Self::Worker, tile: &Tile, items: Bytes<'_>) -> Self::Given;
}

/// Runs a pass over all boxes and hands their results to `collect` in the order of the boxes.
pub(crate) fn run_pass<P: Pass>(
    source: &Source,
    tiles: &Tiles<'_>,
    run: &Run<'_>,
    pass: &P,
    collect: impl FnMut(usize, P::Given) + Send,
) -> Result<Report, EngineError> {
    let meter = Meter::start(run, tiles.view().nbytes());
    let boxes = Boxes::new(source, tiles, run);
    if let Some(choice) = boxes.choice.as_ref().filter(|choice| choice.advice != Advice::Normal) {
        source.file.advise(tiles.view().extent(), choice.advice)?;
    }
    let dispenser = Dispenser::new(&boxes);
    let collector = Mutex::new(Collector { collect, next: 0, waiting: BTreeMap::new() });
    let shared = Shared {
        source,
        boxes: &boxes,
        dispenser: &dispenser,
        run,
        meter: &meter,
        pass,
        collector,
        parts: Mutex::default(),
    };
    let mut report = Report { faults: Some(Faults::default()), ..boxes.report() };
    let results: Vec<_> = if boxes.threads <= 1 {
        vec![shared.work()]
    } else {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..boxes.threads).map(|_| scope.spawn(|| shared.work())).collect();
            workers
                .into_iter()
                .map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    };
    for result in results {
        report.add(result?);
    }
    Ok(meter.finish(report))
}

/// What [`run_pass`] would do with these boxes.
pub(crate) fn plan_pass(source: &Source, tiles: &Tiles<'_>, run: &Run<'_>) -> (Report, Option<usize>) {
    let boxes = Boxes::new(source, tiles, run);
    let bytes = boxes.box_bytes();
    let mut report = boxes.report();
    let each = match &boxes.choice {
        // What is picked out has room of its own.
        Some(choice) if boxes.has_gaps => {
            let reach = tiles.get(0).map_or(0..0, |tile| tile.view.extent());
            choice.engine.buffer_bytes((reach.end - reach.start) as usize, boxes.memory) + bytes
        }
        Some(choice) => choice.engine.buffer_bytes(bytes * boxes.group, boxes.memory),
        None => OWN_MEMORY + bytes,
    };
    report.io.buffer_bytes = (each * boxes.threads) as u64;
    report.io.pieces = Pieces::count(&boxes) as u64;
    (report, boxes.requests())
}

/// Items at most so many bytes from each other on average are read with what lies between them: neither the
/// page cache nor a device has smaller parts.
const CLOSE: u64 = 4096;
/// Bytes from the first to the last item of a box that is read with its gaps, at most.
const MOST_WITH_GAPS: u64 = 16 << 20;

/// Whether the items of a box are so close to each other that all bytes from the first to the last are read.
fn is_dense(view: &View, memory: usize) -> bool {
    let extent = view.extent();
    let (reach, run) = (extent.end - extent.start, view.spans().next().map_or(1, |span| span.len));
    let runs = view.nbytes() as u64 / run.max(1);
    reach <= MOST_WITH_GAPS.min(memory as u64 / 4) && reach / runs.max(1) <= CLOSE.max(run)
}

/// The boxes of a pass, and how they are read.
struct Boxes<'a> {
    tiles: &'a Tiles<'a>,
    count: usize,
    /// Boxes that are read as one piece, since they follow each other in the file.
    group: usize,
    /// Where pieces are cut instead: at multiples of so many bytes of the file, wherever boxes begin.
    grid: Option<u64>,
    /// Whether items of a box have others between them, which are read with them.
    has_gaps: bool,
    /// How pieces of the file are read; none where each box is gathered from many places.
    choice: Option<Choice>,
    /// How the first box is gathered, if boxes are.
    gathered: Option<Choice>,
    threads: usize,
    memory: usize,
}

impl<'a> Boxes<'a> {
    fn new(source: &Source, tiles: &'a Tiles<'a>, run: &Run<'_>) -> Self {
        let view = tiles.view();
        let count = tiles.count_tiles();
        let most = view.nbytes().div_ceil(BYTES_PER_THREAD).min(count);
        // Counting processors takes longer than a small pass.
        let threads = if most > 1 { run.most_threads().min(most) } else { 1 };
        let memory = run.budget() / threads;
        // The first box is a whole one, and so are the others but for the ends of axes.
        let ranges = tiles.get(0).is_none_or(|tile| tile.view.is_contiguous(Order::C));
        let has_gaps = !ranges && tiles.get(0).is_some_and(|tile| is_dense(&tile.view, memory));
        let (choice, gathered) = (None, None);
        let mut boxes =
            Boxes { tiles, count, group: 1, grid: None, has_gaps, choice, gathered, threads, memory };
        if ranges || has_gaps {
            let follow = has_gaps || tiles.follow_each_other();
            let pattern = if follow { Pattern::Sequential } else { Pattern::Sparse };
            let extent = view.extent();
            let bytes_read = if has_gaps { extent.end - extent.start } else { view.nbytes() as u64 };
            let plan = AccessPlan { range: extent, bytes: bytes_read, pieces: count, pattern };
            let choice = run.way().choose(&source.file, &plan);
            if ranges && pattern == Pattern::Sequential {
                let piece = choice.engine.piece_bytes().min(memory / 8);
                boxes.group = (piece / boxes.box_bytes().max(1)).max(1);
                // A device is fastest in whole pieces of its own; boxes that lie across their ends are joined.
                let aligned = view.extent().start.is_multiple_of(piece as u64);
                if choice.engine == IoEngine::Direct && !aligned && piece == choice.engine.piece_bytes() {
                    boxes.grid = Some(piece as u64);
                }
            }
            boxes.choice = Some(choice);
        } else {
            boxes.gathered = tiles.get(0).map(|tile| way(&source.file, &tile.view));
        }
        boxes
    }

    fn box_bytes(&self) -> usize {
        self.tiles.block().iter().product::<usize>() * self.tiles.view().itemsize()
    }

    /// How many places of the file are read by themselves, where they do not follow each other.
    fn requests(&self) -> Option<usize> {
        (self.choice.is_some() && !self.has_gaps && !self.tiles.follow_each_other()).then_some(self.count)
    }

    fn report(&self) -> Report {
        let choice = self.choice.as_ref().or(self.gathered.as_ref());
        let told = choice.map(|choice| (choice.engine.to_string(), choice.reason.clone()));
        let (engine, reason) = told.unwrap_or_default();
        Report { engine, reason, passes: 1, threads: self.threads, ..Report::default() }
    }

    /// The box that holds the byte at `offset` of the file; they follow each other.
    fn box_at(&self, offset: u64) -> usize {
        let (mut low, mut high) = (0, self.count);
        while high - low > 1 {
            let middle = low.midpoint(high);
            let begins = self.tiles.get(middle).map_or(u64::MAX, |tile| tile.view.extent().start);
            (low, high) = if begins <= offset { (middle, high) } else { (low, middle) };
        }
        low
    }

    /// The boxes of a piece.
    fn boxes(&self, piece: usize) -> Range<usize> {
        piece * self.group..((piece + 1) * self.group).min(self.count)
    }
}

impl Pieces for Boxes<'_> {
    fn count(&self) -> usize {
        match self.grid {
            Some(grid) => {
                let all = self.tiles.view().extent();
                (all.end.div_ceil(grid) - all.start / grid) as usize
            }
            None => self.count.div_ceil(self.group),
        }
    }

    fn range(&self, piece: usize) -> Range<u64> {
        if let Some(grid) = self.grid {
            let all = self.tiles.view().extent();
            let start = (all.start / grid + piece as u64) * grid;
            return start.max(all.start)..(start + grid).min(all.end);
        }
        let boxes = self.boxes(piece);
        let extent = |index: usize| self.tiles.get(index).map_or(0..0, |tile| tile.view.extent());
        let last = extent(boxes.end - 1);
        if boxes.len() == 1 { last } else { extent(boxes.start).start..last.end }
    }
}

struct Shared<'a, P: Pass, C> {
    source: &'a Source,
    boxes: &'a Boxes<'a>,
    dispenser: &'a Dispenser<'a>,
    run: &'a Run<'a>,
    meter: &'a Meter<'a, 'a>,
    pass: &'a P,
    collector: Mutex<Collector<P::Given, C>>,
    /// Boxes of which parts are there, and how many bytes.
    parts: Mutex<HashMap<usize, (Vec<u8>, usize)>>,
}

impl<P: Pass, C: FnMut(usize, P::Given) + Send> Shared<'_, P, C> {
    /// One thread's share; an error ends all of them.
    fn work(&self) -> Result<Report, EngineError> {
        let before = usage::thread_faults();
        let mut result = match &self.boxes.choice {
            Some(choice) => self.stream(choice),
            None => self.gather(),
        };
        if let Ok(report) = &mut result {
            report.faults = before.zip(usage::thread_faults()).map(|(before, now)| now.since(before));
        }
        if result.is_err() {
            self.dispenser.stop();
        }
        result
    }

    fn stream(&self, choice: &Choice) -> Result<Report, EngineError> {
        let file = &self.source.file;
        let (mut stream, refused) =
            file.stream_or_fallback(choice.engine, self.dispenser, self.boxes.memory)?;
        let mut worker = Worker::new(self.pass.worker());
        let started = Instant::now();
        let (mut report, mut asked) = (Report::default(), 0);
        loop {
            self.run.go_on()?;
            let mut bytes = 0;
            let next = stream.next_in_place(&mut |piece, items| {
                bytes = self.work_on(piece, items, &mut worker);
            })?;
            if next.is_none() {
                break;
            }
            self.collect(worker.given.drain(..));
            self.meter.look();
            self.run.done(bytes);
            asked += bytes as u64;
        }
        self.meter.look_now();
        report.io = stream.counters();
        // What lies between the items was read, but nobody asked for it.
        report.io.bytes_asked = asked;
        report.io.buffer_bytes += worker.items.len() as u64;
        report.computing = started.elapsed().saturating_sub(report.io.wait);
        if let Some(refused) = refused {
            report.engine = stream.engine().to_string();
            report.reason = format!("{refused}; so {} instead", stream.engine());
        }
        Ok(report)
    }

    /// Works on the boxes of a piece; how many bytes of items they are.
    fn work_on(&self, piece: usize, mut bytes: Bytes<'_>, worker: &mut Worker<P>) -> usize {
        let mut done = bytes.len();
        if self.boxes.grid.is_some() {
            self.join(self.boxes.range(piece), bytes, worker);
            return done;
        }
        done = 0;
        let mut room = worker.tile.take();
        for index in self.boxes.boxes(piece) {
            let Some(tile) = self.boxes.tiles.get_in(index, &mut room) else { break };
            done += tile.view.nbytes();
            if self.boxes.has_gaps {
                self.pick_out(index, tile, bytes, worker);
                continue;
            }
            let (items, rest) = bytes.split_at(tile.view.nbytes());
            bytes = rest;
            let given = self.pass.work(&mut worker.own, tile, items);
            worker.given.push((index, given));
        }
        worker.tile = room;
        done
    }

    /// Works on the items of a box that the bytes hold with others between them.
    fn pick_out(&self, index: usize, tile: &Tile, bytes: Bytes<'_>, worker: &mut Worker<P>) {
        let view = &tile.view;
        let start = (view.offset() - view.extent().start) as usize;
        worker.items.resize(view.nbytes(), 0);
        gather((bytes, start, view.strides()), &mut worker.items, view.shape(), view.itemsize());
        let given = self.pass.work(&mut worker.own, tile, Bytes::Private(&worker.items));
        worker.given.push((index, given));
    }

    /// Works on the boxes within a piece, and on those across its ends once their last part is there.
    fn join(&self, range: Range<u64>, mut bytes: Bytes<'_>, worker: &mut Worker<P>) {
        let mut index = self.boxes.box_at(range.start);
        let mut at = range.start;
        while let Some(tile) = self.boxes.tiles.get(index) {
            let own = tile.view.extent();
            if own.start >= range.end {
                break;
            }
            let end = own.end.min(range.end);
            let (items, rest) = bytes.split_at((end - at) as usize);
            bytes = rest;
            if own.start == at && own.end == end {
                let given = self.pass.work(&mut worker.own, &tile, items);
                worker.given.push((index, given));
            } else if let Some(whole) = self.put_part(index, &own, at, items) {
                let given = self.pass.work(&mut worker.own, &tile, Bytes::Private(&whole));
                worker.given.push((index, given));
            }
            (at, index) = (end, index + 1);
        }
    }

    /// Keeps a part of a box; gives the box if it was the last part of it.
    fn put_part(&self, index: usize, own: &Range<u64>, at: u64, items: Bytes<'_>) -> Option<Vec<u8>> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let len = (own.end - own.start) as usize;
        let (whole, filled) = parts.entry(index).or_insert_with(|| (vec![0; len], 0));
        let from = (at - own.start) as usize;
        items.copy_to(&mut whole[from..from + items.len()]);
        *filled += items.len();
        if *filled < len { None } else { parts.remove(&index).map(|(whole, _)| whole) }
    }

    fn gather(&self) -> Result<Report, EngineError> {
        let mut worker = self.pass.worker();
        let (mut fetcher, mut items) = (Fetcher::default(), Vec::new());
        let mut report = Report::default();
        while let Some(index) = self.dispenser.take() {
            self.run.go_on()?;
            let Some(tile) = self.boxes.tiles.get(index) else { break };
            let started = Instant::now();
            items.resize(tile.view.nbytes(), 0);
            fetcher.read(&self.source.file, &tile.view, &mut items, self.run)?;
            let read = Instant::now();
            let given = self.pass.work(&mut worker, &tile, Bytes::Private(&items));
            self.collect([(index, given)]);
            self.meter.look();
            self.run.done(items.len());
            report.io.wait += read - started;
            report.io.bytes_asked += items.len() as u64;
            report.io.pieces += 1;
            report.io.bytes_read += items.len() as u64;
            report.computing += read.elapsed();
        }
        self.meter.look_now();
        report.io.buffer_bytes = (fetcher.buffer_bytes() + items.capacity()) as u64;
        Ok(report)
    }

    fn collect(&self, given: impl IntoIterator<Item = (usize, P::Given)>) {
        let mut collector = self.collector.lock().unwrap_or_else(PoisonError::into_inner);
        given.into_iter().for_each(|(index, given)| collector.put(index, given));
    }
}

/// What a thread keeps from piece to piece.
struct Worker<P: Pass> {
    own: P::Worker,
    /// The items of a box that were picked out.
    items: Vec<u8>,
    /// What the boxes of the piece gave.
    given: Vec<(usize, P::Given)>,
    /// The last box, whose memory is used again.
    tile: Option<Tile>,
}

impl<P: Pass> Worker<P> {
    fn new(own: P::Worker) -> Self {
        Worker { own, items: Vec::new(), given: Vec::new(), tile: None }
    }
}

/// Results on their way into order.
struct Collector<G, C> {
    collect: C,
    next: usize,
    waiting: BTreeMap<usize, G>,
}

impl<G, C: FnMut(usize, G)> Collector<G, C> {
    fn put(&mut self, index: usize, given: G) {
        if index != self.next {
            self.waiting.insert(index, given);
            return;
        }
        (self.collect)(index, given);
        self.next += 1;
        while let Some(given) = self.waiting.remove(&self.next) {
            (self.collect)(self.next, given);
            self.next += 1;
        }
    }
}
