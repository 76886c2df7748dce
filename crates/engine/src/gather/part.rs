//! One box of the result, read into memory.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use ndfolio_kernel::copy_strided;
use ndfolio_layout::{Tile, View};
use ndfolio_store::{Buffer, Bytes, Dispenser, File, IoCounters, IoEngine, Spare, Sweep};

use super::{
    Gather,
    window::{BYTES_PER_PICK, Merge, Part, Requests, Window, part_of, part_reach},
};
use crate::{EngineError, Report, Run, expr::part as part_of_view, meter::Meter};

/// How much memory one thread has beside the box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// For what is read and on its way.
    pub(super) buffers: usize,
    /// Picks that are sorted at once.
    pub(super) picks: usize,
}

impl Room {
    /// As many requests as a queue holds are on their way in so much; more makes nothing faster.
    const BUFFERS: usize = 4 << 20;
    /// What is sorted in no time.
    const FEW: usize = 64;

    /// Of so much memory.
    pub(super) fn of(memory: usize) -> Self {
        let buffers = (memory / 2).clamp(4096, Self::BUFFERS);
        let picks = (memory.saturating_sub(buffers) / BYTES_PER_PICK).max(Self::FEW);
        Room { buffers, picks }
    }

    /// What a pass of so many picks takes at most.
    pub(super) fn bytes(&self, picks: usize, engine: IoEngine) -> usize {
        let buffers = if engine == IoEngine::Mmap { 0 } else { self.buffers };
        buffers + self.picks.min(picks) * BYTES_PER_PICK
    }
}

/// Reads boxes of a result, with memory that is used again.
pub(super) struct Reader<'a> {
    pub(super) gather: &'a Gather<'a>,
    pub(super) engine: IoEngine,
    pub(super) room: Room,
    pub(super) run: &'a Run<'a>,
    pub(super) meter: &'a Meter<'a, 'a>,
    /// Whether another thread gave up.
    stopped: &'a AtomicBool,
    /// What one window leaves to the next.
    queues: &'a Spare,
    /// What the threads share, with the number of this one and how many there are.
    sweep: (&'a Sweep, Range<usize>),
    /// The bytes of the array, and where they begin in the file, if they were read before.
    pub(super) whole: Option<(&'a [u8], u64)>,
    window: Window,
    requests: Requests,
    buffer: Buffer,
    spare: Vec<u8>,
    pub(super) report: Report,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        gather: &'a Gather<'a>,
        engine: IoEngine,
        room: Room,
        (run, meter, stopped): (&'a Run<'a>, &'a Meter<'a, 'a>, &'a AtomicBool),
        (queues, sweep, thread): (&'a Spare, &'a Sweep, Range<usize>),
    ) -> Self {
        Reader {
            gather,
            engine,
            room,
            run,
            meter,
            stopped,
            queues,
            sweep: (sweep, thread),
            whole: None,
            window: Window::default(),
            requests: Requests::default(),
            buffer: Buffer::default(),
            spare: Vec::new(),
            report: Report::default(),
        }
    }

    fn file(&self) -> &'a File {
        &self.gather.source.file
    }

    /// Reads a box of the result, contiguous in C order and in the file's dtype, into `out`.
    pub(super) fn read(&mut self, tile: &Tile, out: &mut [u8]) -> Result<(), EngineError> {
        let Some(Cut { cell, strides, first, count }) = cut(self.gather, tile) else { return Ok(()) };
        let step = strides[self.gather.picking.before()] as usize;
        let kept = without(&strides, self.gather.picking.before());
        if let Some(whole) = self.whole {
            return self.copy_cells(whole, (&cell, &kept), (first..first + count, step), out);
        }
        let most = self.room.picks.min(Window::most_picks(self.gather));
        for from in (first..first + count).step_by(most) {
            let picks = from..(first + count).min(from + most);
            self.run.go_on()?;
            let mut window = std::mem::take(&mut self.window);
            window.fill(self.gather, picks)?;
            let start = (from - first) * step;
            let read = self.read_window(&window, (&cell, &kept), (start, step), out);
            self.window = window;
            read?;
        }
        Ok(())
    }

    /// Copies the cells of some picks out of the bytes of the array, pick by pick.
    fn copy_cells(
        &mut self,
        (whole, start): (&[u8], u64),
        (cell, kept): (&View, &[isize]),
        (picks, step): (Range<usize>, usize),
        out: &mut [u8],
    ) -> Result<(), EngineError> {
        /// Picks that are copied at once.
        const COPIED: usize = 4096;
        let parts: Vec<Part> =
            cell.tiles(part_reach(cell, u64::MAX)).map(|tile| part_of(tile, kept)).collect();
        let (mut indices, mut reaches) = (Vec::new(), Vec::new());
        for from in picks.clone().step_by(COPIED) {
            self.run.go_on()?;
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            let count = COPIED.min(picks.end - from);
            self.gather.reaches(from, count, &mut indices, &mut reaches)?;
            let mut copied = 0;
            for part in &parts {
                let at = part.extent.start - start;
                for (reach, number) in reaches.iter().zip(from - picks.start..) {
                    let from = at.wrapping_add_signed(*reach) as usize;
                    let to = number * step + part.to;
                    copied += copy_part(Bytes::Private(whole), from, part, (&mut *out, to), &mut self.spare);
                }
            }
            self.report.io.bytes_asked += copied as u64;
            self.run.done(copied);
        }
        Ok(())
    }

    /// Reads the cells of some picks: part by part of the cell, and in each part pick by pick.
    fn read_window(
        &mut self,
        window: &Window,
        (cell, kept): (&View, &[isize]),
        (start, step): (usize, usize),
        out: &mut [u8],
    ) -> Result<(), EngineError> {
        let reach = part_reach(cell, part_limit(self.engine, self.room.buffers));
        let tiles = cell.tiles(reach);
        let merge = Merge::new(self.engine, self.room.buffers);
        let mut parts: Vec<Part> = Vec::new();
        self.requests.clear();
        for tile in tiles {
            parts.push(part_of(tile, kept));
            self.requests.add(window, (parts.len() - 1, &parts[parts.len() - 1]), merge);
            // As many pieces as the memory has room for.
            if self.requests.pieces.len() + window.len() > self.room.picks.max(window.len()) {
                self.read_requests(window, &parts, (start, step), out)?;
                parts.clear();
                self.requests.clear();
            }
        }
        self.read_requests(window, &parts, (start, step), out)
    }

    fn read_requests(
        &mut self,
        window: &Window,
        parts: &[Part],
        (start, step): (usize, usize),
        out: &mut [u8],
    ) -> Result<(), EngineError> {
        if self.requests.pieces.is_empty() {
            return Ok(());
        }
        let requests = std::mem::take(&mut self.requests);
        let wanted = Wanted { window, requests: &requests, parts, start, step };
        let result = match self.engine {
            IoEngine::Pread => self.call(&wanted, out),
            IoEngine::Mmap | IoEngine::Direct => self.stream(&wanted, out),
        };
        self.requests = requests;
        result
    }

    /// Reads the pieces with calls, one after the other: what is a pick by itself goes straight to its place.
    fn call(&mut self, wanted: &Wanted<'_>, out: &mut [u8]) -> Result<(), EngineError> {
        /// Pieces after which the observer is told.
        const TOLD: usize = 16;
        let (file, started) = (self.file(), Instant::now());
        let (mut io, mut untold) = (IoCounters::default(), 0);
        for (index, piece) in wanted.requests.pieces.iter().enumerate() {
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            self.run.go_on()?;
            let len = (piece.range.end - piece.range.start) as usize;
            let copied = if let Some(to) = wanted.only_place(index) {
                file.read_at(piece.range.start, &mut out[to..to + len])?;
                len
            } else {
                let room = self.buffer.room(piece.range.start, len);
                file.read_at(piece.range.start, room)?;
                wanted.copy(index, Bytes::Private(room), out, &mut self.spare)
            };
            io.pieces += 1;
            io.reads += u64::from(len > 0);
            io.bytes_read += len as u64;
            io.bytes_asked += copied as u64;
            untold += copied;
            if (index + 1) % TOLD == 0 {
                self.meter.look();
                self.run.done(std::mem::take(&mut untold));
            }
        }
        self.run.done(untold);
        (io.wait, io.buffer_bytes) = (started.elapsed(), self.buffer.capacity() as u64);
        self.count(io, wanted, Report::default());
        Ok(())
    }

    /// Has pieces handed over in the order in which they arrive.
    fn stream(&mut self, wanted: &Wanted<'_>, out: &mut [u8]) -> Result<(), EngineError> {
        let (file, requests) = (self.file(), wanted.requests);
        let (sweep, thread) = &self.sweep;
        let dispenser = match self.engine {
            IoEngine::Mmap => Dispenser::of_sweep(requests, sweep, thread.clone()),
            IoEngine::Pread | IoEngine::Direct => Dispenser::new(requests),
        };
        let started = Instant::now();
        let budget = self.room.buffers.max(requests.longest_len());
        let (mut stream, refused) =
            file.stream_or_fallback_with(self.engine, (&dispenser, budget), Some(self.queues))?;
        let mut asked = 0;
        while !self.stopped.load(Ordering::Relaxed) {
            self.run.go_on()?;
            let mut copied = 0;
            let next = stream.next_in_place(&mut |index, bytes| {
                copied = wanted.copy(index, bytes, out, &mut self.spare);
            })?;
            if next.is_none() {
                break;
            }
            asked += copied as u64;
            self.meter.look();
            self.run.done(copied);
        }
        let mut io = stream.counters();
        if stream.engine() == IoEngine::Mmap {
            io.bytes_read = asked;
        }
        io.bytes_asked = asked;
        let mut report = Report { computing: started.elapsed().saturating_sub(io.wait), ..Report::default() };
        if let Some(refused) = refused {
            report.engine = stream.engine().to_string();
            report.reason = format!("{refused}; so {} instead", stream.engine());
        }
        drop(stream);
        self.count(io, wanted, report);
        Ok(())
    }

    fn count(&mut self, mut io: IoCounters, wanted: &Wanted<'_>, report: Report) {
        let own = wanted.window.bytes() + wanted.requests.bytes() + self.spare.capacity();
        io.buffer_bytes += own as u64;
        self.report.then(&Report { io, passes: 1, budget: 1, ..report });
    }
}

/// Pieces that are read, and where what is picked of them goes.
struct Wanted<'a> {
    window: &'a Window,
    requests: &'a Requests,
    parts: &'a [Part],
    /// Where the first pick goes, and how far the next is from it.
    start: usize,
    step: usize,
}

impl Wanted<'_> {
    /// Copies what is picked of a piece to its places. How many bytes of items they are.
    fn copy(&self, index: usize, bytes: Bytes<'_>, out: &mut [u8], spare: &mut Vec<u8>) -> usize {
        let piece = &self.requests.pieces[index];
        let (part, keys) = (&self.parts[piece.part], self.requests.keys(index, self.window.len()));
        let at = part.extent.start.wrapping_sub(piece.range.start);
        let place = |reach: i64| at.wrapping_add_signed(reach) as usize;
        let len = (part.extent.end - part.extent.start) as usize;
        let mut ahead = self.window.moves(keys.clone()).skip(FETCHED_AHEAD);
        let mut copied = 0;
        for (reach, number) in self.window.moves(keys) {
            if let Some((next, _)) = ahead.next() {
                bytes.fetch(place(next), len.min(FETCHED));
            }
            let to = self.start + number * self.step + part.to;
            copied += copy_part(bytes, place(reach), part, (&mut *out, to), spare);
        }
        copied
    }

    /// Where a piece goes that is a single pick, all of whose bytes lie together in the result too.
    fn only_place(&self, index: usize) -> Option<usize> {
        let part = &self.parts[self.requests.pieces[index].part];
        let keys = self.requests.keys(index, self.window.len());
        let (_, number) =
            self.window.moves(keys.clone()).next().filter(|_| part.is_run && keys.len() == 1)?;
        Some(self.start + number * self.step + part.to)
    }
}

/// How many picks ahead the processor is told of one, and of how many of its bytes: it goes on by itself from there.
const FETCHED_AHEAD: usize = 4;
const FETCHED: usize = 1024;

/// Parts of fewer bytes are over before it pays to look ahead in them.
const SHORT: usize = 16 << 10;

/// A part of a cell that is read at once, at most.
fn part_limit(engine: IoEngine, buffers: usize) -> u64 {
    match engine {
        IoEngine::Mmap => 2 << 20,
        IoEngine::Pread => buffers as u64,
        IoEngine::Direct => (buffers as u64 / 4).min(1 << 20),
    }
}

/// Copies a part of a pick's cell to its place. How many bytes of items they are.
fn copy_part(
    bytes: Bytes<'_>,
    from: usize,
    part: &Part,
    (out, to): (&mut [u8], usize),
    spare: &mut Vec<u8>,
) -> usize {
    let len = (part.extent.end - part.extent.start) as usize;
    let bytes = bytes.slice(from..from + len);
    if part.is_run {
        let out = &mut out[to..to + len];
        if len < SHORT {
            bytes.pick_to(out);
        } else {
            bytes.copy_to(out);
        }
        return len;
    }
    let start = (part.view.offset() - part.extent.start) as usize;
    let strides = &part.strides;
    let source = (bytes.private(spare), start, part.view.strides());
    copy_strided(source, (out, to, strides), part.view.shape(), part.view.itemsize());
    part.view.nbytes()
}

/// A box of a result, seen from the file.
pub(super) struct Cut {
    /// The cell of the box.
    pub(super) cell: View,
    /// Bytes from one item of the box to the next along each axis of the result.
    pub(super) strides: Vec<isize>,
    /// The picks of the box.
    pub(super) first: usize,
    pub(super) count: usize,
}

pub(super) fn cut(gather: &Gather<'_>, tile: &Tile) -> Option<Cut> {
    let before = gather.picking.before();
    let bounds = tile.start.iter().zip(tile.view.shape()).map(|(&start, &count)| start..start + count);
    let mut bounds: Vec<_> = bounds.collect();
    let picks = bounds.remove(before);
    let cell = part_of_view(gather.picking.cell(), &bounds)?;
    let mut strides = vec![0; tile.view.ndim()];
    let mut step = cell.itemsize() as isize;
    for axis in (0..strides.len()).rev() {
        strides[axis] = step;
        step *= tile.view.shape()[axis] as isize;
    }
    Some(Cut { cell, strides, first: picks.start, count: picks.len() })
}

pub(super) fn without(strides: &[isize], axis: usize) -> Vec<isize> {
    [&strides[..axis], &strides[axis + 1..]].concat()
}

/// How much a gather asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) count: usize,
    pub(super) bytes: u64,
    /// Bytes of the pages on which it lies.
    pub(super) page_bytes: u64,
}

/// How many pieces are read; a gather of many windows or parts is taken to go on as it begins.
pub(super) fn count_requests(
    gather: &Gather<'_>,
    engine: IoEngine,
    room: Room,
) -> Result<Asked, EngineError> {
    let count = gather.picking.count();
    let picks = count.min(room.picks).min(Window::most_picks(gather));
    let mut window = Window::default();
    window.fill(gather, 0..picks)?;
    let cell = gather.picking.cell();
    let tiles = cell.tiles(part_reach(cell, part_limit(engine, room.buffers)));
    let parts = tiles.count_tiles();
    let mut requests = Requests::default();
    if let Some(tile) = tiles.get(0) {
        requests.add(&window, (0, &part_of(tile, &vec![0; cell.ndim()])), Merge::new(engine, room.buffers));
    }
    let pages = requests.pieces.iter().map(|piece| {
        let range = &piece.range;
        range.end.next_multiple_of(4096) - range.start / 4096 * 4096
    });
    let bytes: u64 = requests.pieces.iter().map(|piece| piece.range.end - piece.range.start).sum();
    let times = parts as f64 * count as f64 / picks.max(1) as f64;
    Ok(Asked {
        count: (requests.pieces.len() as f64 * times).round() as usize,
        bytes: (bytes as f64 * times).round() as u64,
        page_bytes: (pages.sum::<u64>() as f64 * times).round() as u64,
    })
}
