//! A pass over boxes of an array, by several threads, whose results come in order.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use ndfolio_layout::{Order, Tiles};
use ndfolio_store::{AccessPlan, Advice, Choice, Dispenser, IoEngine, Pattern, PieceStream, Pieces};

use crate::{
    EngineError, Report, Run, Source,
    fetch::{Fetcher, OWN_MEMORY},
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

    /// Works on the items of a box, contiguous in C order and in the file's byte order, in memory that is the
    /// worker's alone.
    fn work(&self, worker: &mut Self::Worker, index: usize, items: &mut [u8]) -> Self::Given;

    /// Bytes of a part, if boxes can be handed over in parts that fit the L1 cache.
    fn part(&self) -> Option<usize> {
        None
    }

    /// Works on a part of a box, which begins `at` bytes into it.
    fn work_part(&self, _worker: &mut Self::Worker, _index: usize, _at: usize, _items: &mut [u8]) {}

    /// What a box gives that was handed over in parts.
    fn end_parts(&self, worker: &mut Self::Worker, index: usize) -> Self::Given {
        self.work(worker, index, &mut [])
    }
}

/// Runs a pass over all boxes and hands their results to `collect` in the order of the boxes.
pub(crate) fn run_pass<P: Pass>(
    source: &Source,
    tiles: &Tiles<'_>,
    run: &Run<'_>,
    pass: &P,
    collect: impl FnMut(usize, P::Given) + Send,
) -> Result<Report, EngineError> {
    let started = Instant::now();
    let boxes = Boxes::new(source, tiles, run)?;
    let dispenser = Dispenser::new(&boxes);
    let collector = Mutex::new(Collector { collect, next: 0, waiting: BTreeMap::new() });
    let shared = Shared {
        source,
        boxes: &boxes,
        dispenser: &dispenser,
        run,
        pass,
        collector,
        parts: Mutex::default(),
    };
    let mut report = boxes.report();
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
    report.elapsed = started.elapsed();
    Ok(report)
}

/// The boxes of a pass, and how they are read.
struct Boxes<'a> {
    tiles: &'a Tiles<'a>,
    count: usize,
    /// Boxes that are read as one piece, since they follow each other in the file.
    group: usize,
    /// Where pieces are cut instead: at multiples of so many bytes of the file, wherever boxes begin.
    grid: Option<u64>,
    /// How pieces of the file are read; none where each box is gathered from many places.
    choice: Option<Choice>,
    threads: usize,
    memory: usize,
}

impl<'a> Boxes<'a> {
    fn new(source: &Source, tiles: &'a Tiles<'a>, run: &Run<'_>) -> Result<Self, EngineError> {
        let view = tiles.view();
        let count = tiles.count_tiles();
        let most = view.nbytes().div_ceil(BYTES_PER_THREAD).min(count);
        let threads = run.most_threads().min(most).max(1);
        let memory = run.budget() / threads;
        let bytes = tiles.block().iter().product::<usize>() * view.itemsize();
        // The first box is a whole one, and so are the others but for the ends of axes.
        let ranges = tiles.get(0).is_none_or(|tile| tile.view.is_contiguous(Order::C));
        let mut boxes = Boxes { tiles, count, group: 1, grid: None, choice: None, threads, memory };
        if ranges {
            let pattern = if tiles.follow_each_other() { Pattern::Sequential } else { Pattern::Sparse };
            let plan =
                AccessPlan { range: view.extent(), bytes: view.nbytes() as u64, pieces: count, pattern };
            let choice = run.way().choose(&source.file, &plan);
            if pattern == Pattern::Sequential {
                let piece = choice.engine.piece_bytes().min(memory / 8);
                boxes.group = (piece / bytes.max(1)).max(1);
                // A device is fastest in whole pieces of its own; boxes that lie across their ends are joined.
                let aligned = view.extent().start.is_multiple_of(piece as u64);
                if choice.engine == IoEngine::Direct && !aligned && piece == choice.engine.piece_bytes() {
                    boxes.grid = Some(piece as u64);
                }
            }
            if choice.advice != Advice::Normal {
                source.file.advise(view.extent(), choice.advice)?;
            }
            boxes.choice = Some(choice);
        }
        Ok(boxes)
    }

    fn report(&self) -> Report {
        let (engine, reason) = match &self.choice {
            Some(choice) => (choice.engine.to_string(), choice.reason.clone()),
            None => ("pread".to_owned(), "each box is gathered from many places of the file".to_owned()),
        };
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
    pass: &'a P,
    collector: Mutex<Collector<P::Given, C>>,
    /// Boxes of which parts are there, and how many bytes.
    parts: Mutex<HashMap<usize, (Vec<u8>, usize)>>,
}

impl<P: Pass, C: FnMut(usize, P::Given) + Send> Shared<'_, P, C> {
    /// One thread's share; an error ends all of them.
    fn work(&self) -> Result<Report, EngineError> {
        let result = match &self.boxes.choice {
            Some(choice) => self.stream(choice),
            None => self.gather(),
        };
        if result.is_err() {
            self.dispenser.stop();
        }
        result
    }

    fn stream(&self, choice: &Choice) -> Result<Report, EngineError> {
        let file = &self.source.file;
        let (mut stream, refused) =
            file.stream_or_fallback(choice.engine, self.dispenser, self.boxes.memory)?;
        let mut worker = self.pass.worker();
        let started = Instant::now();
        let mut report = Report::default();
        if let Some(part) = self.pass.part().filter(|_| self.boxes.group == 1 && self.boxes.grid.is_none()) {
            self.stream_parts(stream.as_mut(), part, &mut worker)?;
        }
        while let Some((piece, mut bytes)) = stream.next()? {
            self.run.go_on()?;
            self.run.done(bytes.len());
            if self.boxes.grid.is_some() {
                self.join(self.boxes.range(piece), bytes, &mut worker);
                continue;
            }
            for index in self.boxes.boxes(piece) {
                let Some(tile) = self.boxes.tiles.get(index) else { break };
                let (items, rest) = bytes.split_at_mut(tile.view.nbytes());
                bytes = rest;
                let given = self.pass.work(&mut worker, index, items);
                self.collect(index, given);
            }
        }
        report.io = stream.counters();
        report.computing = started.elapsed().saturating_sub(report.io.wait);
        if let Some(refused) = refused {
            report.engine = stream.engine().to_string();
            report.reason = format!("{refused}; so {} instead", stream.engine());
        }
        Ok(report)
    }

    /// Works on the boxes within a piece, and on those across its ends once their last part is there.
    fn join(&self, range: Range<u64>, mut bytes: &mut [u8], worker: &mut P::Worker) {
        let tiles = self.boxes.tiles;
        let extent = |index: usize| tiles.get(index).map(|tile| tile.view.extent());
        let mut index = self.boxes.box_at(range.start);
        let mut at = range.start;
        while let Some(own) = extent(index).filter(|own| own.start < range.end) {
            let end = own.end.min(range.end);
            let (items, rest) = bytes.split_at_mut((end - at) as usize);
            bytes = rest;
            if own.start == at && own.end == end {
                let given = self.pass.work(worker, index, items);
                self.collect(index, given);
            } else if let Some(mut whole) = self.put_part(index, &own, at, items) {
                let given = self.pass.work(worker, index, &mut whole);
                self.collect(index, given);
            }
            (at, index) = (end, index + 1);
        }
    }

    /// Keeps a part of a box; gives the box if it was the last part of it.
    fn put_part(&self, index: usize, own: &Range<u64>, at: u64, items: &[u8]) -> Option<Vec<u8>> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let len = (own.end - own.start) as usize;
        let (whole, filled) = parts.entry(index).or_insert_with(|| (vec![0; len], 0));
        let from = (at - own.start) as usize;
        whole[from..from + items.len()].copy_from_slice(items);
        *filled += items.len();
        if *filled < len { None } else { parts.remove(&index).map(|(whole, _)| whole) }
    }

    /// The same for boxes that are handed over in parts.
    fn stream_parts(
        &self,
        stream: &mut dyn PieceStream,
        part: usize,
        worker: &mut P::Worker,
    ) -> Result<(), EngineError> {
        loop {
            self.run.go_on()?;
            let mut bytes = 0;
            let next = stream.next_parts(part, &mut |index, at, items| {
                bytes += items.len();
                self.pass.work_part(worker, index, at, items);
            })?;
            let Some(index) = next else { return Ok(()) };
            let given = self.pass.end_parts(worker, index);
            self.collect(index, given);
            self.run.done(bytes);
        }
    }

    fn gather(&self) -> Result<Report, EngineError> {
        let mut worker = self.pass.worker();
        let (mut fetcher, mut items) = (Fetcher::default(), Vec::new());
        let mut report = Report::default();
        report.io.buffer_bytes = OWN_MEMORY as u64;
        while let Some(index) = self.dispenser.take() {
            self.run.go_on()?;
            let Some(tile) = self.boxes.tiles.get(index) else { break };
            let started = Instant::now();
            items.resize(tile.view.nbytes(), 0);
            fetcher.read(&self.source.file, &tile.view, &mut items)?;
            let read = Instant::now();
            let given = self.pass.work(&mut worker, index, &mut items);
            self.collect(index, given);
            self.run.done(items.len());
            report.io.wait += read - started;
            report.io.bytes_asked += items.len() as u64;
            report.computing += read.elapsed();
        }
        Ok(report)
    }

    fn collect(&self, index: usize, given: P::Given) {
        self.collector.lock().unwrap_or_else(PoisonError::into_inner).put(index, given);
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
