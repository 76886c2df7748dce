//! Items written to the places that indices pick.

use std::ops::Range;

use ndfolio_kernel::copy_strided;
use ndfolio_layout::Tile;
use ndfolio_store::IoEngine;

use super::{
    Gather,
    part::{Cut, Room, cut, without},
    window::{Merge, Part, Requests, Window, part_of, part_reach},
};
use crate::{EngineError, Report, Run, Sink, fetch::sized, meter::Meter};

/// Items that are written, in C order and in the file's dtype.
pub trait Given: Sync {
    /// Those from the item `from` on, as many as `out` has.
    fn read(&self, from: usize, out: &mut [u8]);
}

/// Items that are repeated as often as they are needed: one, a row, or all.
#[derive(Clone, Copy, Debug)]
pub struct Repeated<'v> {
    /// The items.
    pub items: &'v [u8],
    /// Bytes of one.
    pub itemsize: usize,
}

impl Given for Repeated<'_> {
    fn read(&self, from: usize, mut out: &mut [u8]) {
        if self.items.is_empty() {
            return;
        }
        let mut at = from * self.itemsize % self.items.len();
        while !out.is_empty() {
            let count = out.len().min(self.items.len() - at);
            let (now, later) = out.split_at_mut(count);
            now.copy_from_slice(&self.items[at..at + count]);
            (out, at) = (later, 0);
        }
    }
}

/// Somebody who has to know which bytes of the file are about to be written, and calls what writes them.
pub type Around<'a> =
    dyn FnMut(&[Range<u64>], &mut dyn FnMut() -> Result<(), EngineError>) -> Result<(), EngineError> + 'a;

/// Bytes of the file that are put together before they are written.
const PIECE: usize = 1 << 20;
/// Runs shorter than this are cheaper through memory than by a system call each.
const SHORT: u64 = 1024;

/// Writes items to the places that are picked, in the order of the file. Of a place that is picked several times, the
/// last item stays, as in NumPy. All indices are looked at before anything is written.
///
/// # Errors
/// An index outside of its axis; what the file reports; a cancelled run. What was written before stays.
pub fn scatter(
    gather: &Gather<'_>,
    sink: &impl Sink,
    given: &dyn Given,
    around: &mut Around<'_>,
    run: &Run<'_>,
) -> Result<Report, EngineError> {
    gather.check(run)?;
    let result = gather.result(gather.source.view.dtype())?;
    let meter = Meter::start(run, result.nbytes());
    let mut report =
        Report { passes: 1, threads: 1, reason: "nothing is read".to_owned(), ..Report::default() };
    report.engine = IoEngine::Pread.to_string();
    if result.is_empty() {
        return Ok(meter.finish(report));
    }
    let memory = run.budget().max(32 << 10);
    let itemsize = result.itemsize();
    // In a piece each second item can be a run of its own, which is noted twice.
    let noted = 2 * size_of::<Range<u64>>();
    let piece = PIECE.min(memory / 4).min(memory / 4 * 2 * itemsize / (2 * noted)).max(itemsize);
    let mut writer = Scatter {
        gather,
        sink,
        run,
        around,
        piece,
        room: Room::of(memory / 4),
        window: Window::default(),
        buffer: Vec::new(),
        runs: Vec::new(),
        noted: 0,
    };
    let (mut items, mut from) = (Vec::new(), 0);
    for tile in result.panels(memory / 4) {
        items.resize(tile.view.nbytes(), 0);
        given.read(from, &mut items);
        writer.write(&tile, &items)?;
        from += items.len() / itemsize;
        meter.look();
        run.done(items.len());
        report.bytes_written += items.len() as u64;
    }
    let buffers = items.capacity() + writer.buffer.capacity() + writer.window.bytes() + writer.noted;
    report.io.buffer_bytes = buffers as u64;
    Ok(meter.finish(report))
}

struct Scatter<'a, 'f, S> {
    gather: &'a Gather<'a>,
    sink: &'a S,
    run: &'a Run<'a>,
    around: &'a mut Around<'f>,
    piece: usize,
    room: Room,
    window: Window,
    buffer: Vec<u8>,
    /// What of the buffer is written.
    runs: Vec<Range<usize>>,
    /// Bytes in which pieces and runs are noted, at the most.
    noted: usize,
}

impl<S: Sink> Scatter<'_, '_, S> {
    /// Writes a box of items.
    fn write(&mut self, tile: &Tile, items: &[u8]) -> Result<(), EngineError> {
        let Some(Cut { cell, strides, first, count }) = cut(self.gather, tile) else { return Ok(()) };
        let before = self.gather.picking.before();
        let (step, kept) = (strides[before] as usize, without(&strides, before));
        let most = self.room.picks.min(Window::most_picks(self.gather));
        for from in (first..first + count).step_by(most) {
            let picks = from..(first + count).min(from + most);
            self.window.fill(self.gather, picks)?;
            for part in cell.tiles(part_reach(&cell, self.piece as u64)) {
                let part = part_of(part, &kept);
                let mut requests = Requests::default();
                requests.add(&self.window, (0, &part), Merge::to_write(self.piece as u64));
                for index in 0..requests.pieces.len() {
                    self.run.go_on()?;
                    self.put_together(&requests, index, &part, (items, (from - first) * step, step));
                    self.write_piece(requests.pieces[index].range.start)?;
                }
                let runs = 2 * self.runs.capacity() * size_of::<Range<u64>>();
                self.noted = self.noted.max(requests.bytes() + runs);
            }
        }
        Ok(())
    }

    /// Puts the items of a piece where they lie in it, those of a place in the order of the picks.
    fn put_together(
        &mut self,
        requests: &Requests,
        index: usize,
        part: &Part,
        (items, start, step): (&[u8], usize, usize),
    ) {
        let range = &requests.pieces[index].range;
        let buffer = sized(&mut self.buffer, range.end - range.start);
        self.runs.clear();
        let at = part.extent.start.wrapping_sub(range.start);
        let inner = (part.view.offset() - part.extent.start) as usize;
        for (reach, number) in self.window.moves(requests.keys(index, self.window.len())) {
            let to = at.wrapping_add_signed(reach) as usize;
            let source = (items, start + number * step + part.to, &part.strides[..]);
            let target = (&mut *buffer, to + inner, part.view.strides());
            copy_strided(source, target, part.view.shape(), part.view.itemsize());
            for span in part.view.spans() {
                let run = to + (span.offset - part.extent.start) as usize;
                let run = run..run + span.len as usize;
                match self.runs.last_mut().filter(|last| last.start <= run.start && run.start <= last.end) {
                    Some(last) => last.end = last.end.max(run.end),
                    None => self.runs.push(run),
                }
            }
        }
    }

    fn write_piece(&mut self, start: u64) -> Result<(), EngineError> {
        let (sink, runs) = (self.sink, &self.runs);
        let last = runs.iter().map(|run| run.end).max().unwrap_or(0);
        let buffer = &self.buffer[..last];
        let bytes: Vec<_> = runs.iter().map(|run| start + run.start as u64..start + run.end as u64).collect();
        let total: u64 = bytes.iter().map(|range| range.end - range.start).sum();
        let is_short = runs.len() > 1 && total / (runs.len() as u64) < SHORT;
        (self.around)(&bytes, &mut || {
            if is_short {
                return Ok(sink.write_runs(start, buffer, &mut runs.iter().cloned())?);
            }
            runs.iter().try_for_each(|run| Ok(sink.write_at(start + run.start as u64, &buffer[run.clone()])?))
        })
    }
}
