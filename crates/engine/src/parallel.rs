//! A pass over boxes of an array, by several threads.

mod boxes;
mod forest;
mod joints;
mod parts;

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use ndfolio_kernel::gather;
use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::{
    Advice, Buffer, Bytes, Choice, Dispenser, Pieces,
    usage::{self, Faults},
};

use crate::{
    EngineError, Report, Run, Source,
    fetch::{Fetcher, OWN_MEMORY},
    meter::Meter,
};
use boxes::Boxes;
pub(crate) use boxes::{PIECES_ON_THEIR_WAY, is_dense};
pub(crate) use forest::Forest;
use joints::Joints;
pub(crate) use joints::joined_bytes;
pub(crate) use parts::{Part, PassPart};

/// Bytes for which another thread is worth starting.
const BYTES_PER_THREAD: usize = 4 << 20;

/// How many threads a pass over so many bytes is worth at most.
pub(crate) fn threads(run: &Run<'_>, bytes: usize) -> usize {
    let most = bytes.div_ceil(BYTES_PER_THREAD);
    // Counting processors takes longer than a small pass.
    if most > 1 { run.most_threads().min(most) } else { 1 }
}

/// What is done with the boxes of a pass.
pub(crate) trait Pass: Sync {
    /// What a thread keeps from box to box.
    type Worker: Send;
    /// What a box gives: nothing, once, or in parts.
    type Given: Send;

    fn worker(&self) -> Self::Worker;

    /// Works on the items of a box, contiguous in C order and in the file's byte order. Where they are mapped,
    /// what is made of them counts only if the file turns out to have been there.
    fn work(
        &self,
        worker: &mut Self::Worker,
        tile: &Tile,
        items: Bytes<'_>,
        give: &mut dyn FnMut(Self::Given),
    );

    /// As [`work`](Self::work), of items that are computed, in memory that is used again for every box.
    fn compute(
        &self,
        worker: &mut Self::Worker,
        tile: &Tile,
        items: (&mut Fill<'_>, &mut Buffer),
        give: &mut dyn FnMut(Self::Given),
    ) -> Result<(), EngineError> {
        compute_all(self, worker, tile, items, give)
    }
}

/// Computes the next items of a box, in its C order: as many as there is room for.
pub(crate) type Fill<'f> = dyn FnMut(&mut [u8]) -> Result<(), EngineError> + 'f;

/// Has all items of a box computed before a pass works on them.
pub(crate) fn compute_all<P: Pass + ?Sized>(
    pass: &P,
    worker: &mut P::Worker,
    tile: &Tile,
    (fill, room): (&mut Fill<'_>, &mut Buffer),
    give: &mut dyn FnMut(P::Given),
) -> Result<(), EngineError> {
    let items = room.room(0, tile.view.nbytes());
    fill(items)?;
    pass.work(worker, tile, Bytes::Private(items), give);
    Ok(())
}

/// Where the items of a pass come from.
pub(crate) trait Items: Sync {
    /// Runs a pass over all boxes and hands on what they give with their numbers, one after the other, in any
    /// order.
    fn run_pass<P: Pass>(
        &self,
        tiles: &Tiles<'_>,
        run: &Run<'_>,
        pass: &P,
        collect: impl FnMut(usize, P::Given) + Send,
    ) -> Result<Report, EngineError>;
}

impl Items for Source {
    fn run_pass<P: Pass>(
        &self,
        tiles: &Tiles<'_>,
        run: &Run<'_>,
        pass: &P,
        collect: impl FnMut(usize, P::Given) + Send,
    ) -> Result<Report, EngineError> {
        run_pass(self, tiles, run, pass, collect)
    }
}

/// Runs a pass over all boxes and hands on what they give with their numbers, one after the other, in any order.
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
    let collect = Mutex::new(collect);
    let shared = Shared {
        source,
        boxes: &boxes,
        dispenser: &dispenser,
        run,
        meter: &meter,
        pass,
        collect,
        joints: Joints::default(),
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
    report.io.buffer_bytes += shared.joints.take_bytes();
    // Letting the last windows of a mapping go is a part of the pass.
    drop(dispenser);
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
    report.io.buffer_bytes = (each * boxes.threads + boxes.joints) as u64;
    report.io.pieces = Pieces::count(&boxes) as u64;
    (report, boxes.requests())
}

struct Shared<'a, P: Pass, C> {
    source: &'a Source,
    boxes: &'a Boxes<'a>,
    dispenser: &'a Dispenser<'a>,
    run: &'a Run<'a>,
    meter: &'a Meter<'a, 'a>,
    pass: &'a P,
    collect: Mutex<C>,
    joints: Joints,
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
            let start = self.boxes.range(piece).start;
            self.joints.join(self.boxes.tiles, start, bytes, &mut |index, tile, items| {
                self.work_on_box(&mut worker.own, index, tile, items);
            });
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
            self.work_on_box(&mut worker.own, index, tile, items);
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
        self.work_on_box(&mut worker.own, index, tile, Bytes::Private(&worker.items));
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
            self.work_on_box(&mut worker, index, &tile, Bytes::Private(&items));
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

    fn work_on_box(&self, worker: &mut P::Worker, index: usize, tile: &Tile, items: Bytes<'_>) {
        self.pass.work(worker, tile, items, &mut |given| {
            let mut collect = self.collect.lock().unwrap_or_else(PoisonError::into_inner);
            collect(index, given);
        });
    }
}

/// What a thread keeps from piece to piece.
struct Worker<P: Pass> {
    own: P::Worker,
    /// The items of a box that were picked out.
    items: Vec<u8>,
    /// The last box, whose memory is used again.
    tile: Option<Tile>,
}

impl<P: Pass> Worker<P> {
    fn new(own: P::Worker) -> Self {
        Worker { own, items: Vec::new(), tile: None }
    }
}
