use std::ops::Range;

use ndfolio_kernel::copy_strided;
use ndfolio_layout::{Order, Span, Tiles, View};
use ndfolio_store::{AccessPlan, Advice, Choice, Dispenser, File, IoEngine, Mapping, Pattern, Pieces};

use crate::{EngineError, Run, Sink, blocks::transfer_block, sink::Behind};

/// Bytes of the file that are in memory at once on the way to their places.
const WINDOW: u64 = 1 << 20;
/// A gap that is read over rather than around: within a page it costs nothing.
pub(crate) const GAP: u64 = 4096;
/// Bytes of one call: somebody who wants to stop the pass does not wait for more.
const CALL: usize = 4 << 20;

/// Reads the items of a view into `out`, contiguous in C order and in the file's byte order.
///
/// Cost: one read for a contiguous view; else one for each run of items that lie at most a page apart.
///
/// # Errors
/// As the file reports it.
///
/// # Panics
/// If `out` is smaller than the view's bytes.
pub fn read(file: &File, view: &View, out: &mut [u8]) -> Result<(), EngineError> {
    Fetcher::default().read(file, view, out, &Run::default())
}

/// Reads the one item at a place of the file.
///
/// # Errors
/// As the file reports it.
pub fn read_item(file: &File, offset: u64, item: &mut [u8]) -> Result<(), EngineError> {
    Ok(file.read_at(offset, item)?)
}

/// Writes items, contiguous in C order and in the file's byte order, to the places of a view.
///
/// Only the items' own bytes are written, never those between them.
///
/// # Errors
/// As the file reports it.
///
/// # Panics
/// If `items` has fewer bytes than the view.
pub fn write(sink: &impl Sink, view: &View, items: &[u8]) -> Result<(), EngineError> {
    Emitter::default().write(sink, view, items, &Run::default())
}

/// Reads views, with a buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Fetcher {
    window: Vec<u8>,
}

/// Bytes that a fetcher or an emitter holds beside its caller's.
pub(crate) const OWN_MEMORY: usize = WINDOW as usize;

impl Fetcher {
    /// Bytes of its buffer.
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.window.capacity()
    }

    pub(crate) fn read(
        &mut self,
        file: &File,
        view: &View,
        out: &mut [u8],
        run: &Run<'_>,
    ) -> Result<(), EngineError> {
        let out = &mut out[..view.nbytes()];
        if out.is_empty() {
            return Ok(());
        }
        if view.is_contiguous(Order::C) {
            return read_range(file, view.offset(), out, run);
        }
        let strides = c_strides(view);
        if let Some(runs) = Runs::far_apart(view)
            && runs.read(file, &strides, out, run)?
        {
            return Ok(());
        }
        for tile in view.tiles(WINDOW) {
            let extent = tile.view.extent();
            let window = sized(&mut self.window, extent.end - extent.start);
            for span in near_spans(&tile.view) {
                let at = (span.offset - extent.start) as usize;
                run.go_on()?;
                file.read_at(span.offset, &mut window[at..at + span.len as usize])?;
            }
            let from = (tile.view.offset() - extent.start) as usize;
            let to = place(&tile.start, &strides);
            let shape = tile.view.shape();
            copy_strided((window, from, tile.view.strides()), (out, to, &strides), shape, view.itemsize());
        }
        Ok(())
    }
}

/// Bytes of a tile that is turned at once: it stays in the L2 cache.
const TURNED: usize = 256 << 10;

impl Fetcher {
    /// As [`read`](Self::read), from a mapping that has all items: for items whose runs in the file are long but
    /// whose order there is another.
    pub(crate) fn read_mapped(
        &mut self,
        mapping: &Mapping,
        view: &View,
        out: &mut [u8],
        run: &Run<'_>,
    ) -> Result<(), EngineError> {
        let strides = c_strides(view);
        let mut fastest = view.storage_axes();
        fastest.reverse();
        let target: Vec<usize> = (0..view.ndim()).rev().collect();
        let block = transfer_block(view.shape(), (&fastest, &target), view.itemsize(), TURNED);
        let axes = (0..view.ndim()).collect::<Vec<_>>();
        for tile in view.blocks(&block, &axes) {
            run.go_on()?;
            let window = sized(&mut self.window, tile.view.nbytes() as u64);
            let mut at = 0;
            for span in tile.view.spans() {
                let (from, len) = ((span.offset - mapping.file_offset()) as usize, span.len as usize);
                mapping.bytes().slice(from..from + len).copy_to(&mut window[at..at + len]);
                at += len;
            }
            let (from, own) = compact(&tile.view);
            let to = place(&tile.start, &strides);
            copy_strided((window, from, &own), (out, to, &strides), tile.view.shape(), view.itemsize());
        }
        Ok(mapping.check()?)
    }
}

/// Where the items of a view are once its spans lie behind each other: the first, and the strides.
fn compact(view: &View) -> (usize, Vec<isize>) {
    let (mut first, mut step) = (0, view.itemsize());
    let mut strides = vec![0; view.ndim()];
    for axis in view.storage_axes().into_iter().rev() {
        let (extent, stride) = (view.shape()[axis], view.strides()[axis]);
        if extent == 1 || stride == 0 {
            continue;
        }
        strides[axis] = step as isize * stride.signum();
        first += if stride < 0 { (extent - 1) * step } else { 0 };
        step *= extent;
    }
    (first, strides)
}

/// Reads a range in calls that do not take long.
pub(crate) fn read_range(file: &File, offset: u64, out: &mut [u8], run: &Run<'_>) -> Result<(), EngineError> {
    for (number, part) in out.chunks_mut(CALL).enumerate() {
        if number > 0 {
            run.go_on()?;
        }
        file.read_at(offset + (number * CALL) as u64, part)?;
    }
    Ok(())
}

/// How a fetcher reads a view, and why: what [`Fetcher::read`] does, without doing it.
pub(crate) fn way(file: &File, view: &View) -> Choice {
    let through_cache =
        |reason: &str| Choice { engine: IoEngine::Pread, advice: Advice::Normal, reason: reason.to_owned() };
    if view.is_contiguous(Order::C) {
        return through_cache("the items of a box lie together, and are read through the page cache");
    }
    let apart = Runs::far_apart(view).map(|runs| file.choose(&runs.plan()));
    apart
        .filter(|choice| choice.engine == IoEngine::Direct)
        .unwrap_or_else(|| through_cache("each box is gathered from many places of the file"))
}

/// The runs of a view that lie so far from each other that each is read by itself.
struct Runs<'a>(Tiles<'a>);

impl<'a> Runs<'a> {
    /// Fewer runs than these are not worth a queue of requests.
    const LEAST: usize = 256;
    /// Closer runs are cheaper to read over: a device reads so much in the time of one request.
    const APART: u64 = 36 << 10;

    fn far_apart(view: &'a View) -> Option<Self> {
        let run = view.spans().next()?.len;
        let tiles = view.tiles(run);
        let extent = view.extent();
        let count = tiles.count_tiles();
        let apart = (extent.end - extent.start) / count.max(1) as u64;
        (count >= Self::LEAST && run <= WINDOW / 4 && apart >= run + Self::APART).then_some(Runs(tiles))
    }

    fn plan(&self) -> AccessPlan {
        let view = self.0.view();
        AccessPlan {
            range: view.extent(),
            bytes: view.nbytes() as u64,
            pieces: self.0.count_tiles(),
            pattern: Pattern::Sparse,
        }
    }

    /// Reads them from the device with many requests under way, if that is the way for them; else nothing is
    /// done and the answer is false.
    fn read(
        &self,
        file: &File,
        strides: &[isize],
        out: &mut [u8],
        run: &Run<'_>,
    ) -> Result<bool, EngineError> {
        let view = self.0.view();
        if file.choose(&self.plan()).engine != IoEngine::Direct {
            return Ok(false);
        }
        let dispenser = Dispenser::new(self);
        let Ok(mut stream) = file.stream(IoEngine::Direct, &dispenser, OWN_MEMORY) else {
            return Ok(false);
        };
        while let Some((index, bytes)) = stream.next()? {
            run.go_on()?;
            let Some(tile) = self.0.get(index) else { break };
            let from = (tile.view.offset() - tile.view.extent().start) as usize;
            let (to, shape) = (place(&tile.start, strides), tile.view.shape());
            copy_strided((bytes, from, tile.view.strides()), (out, to, strides), shape, view.itemsize());
        }
        Ok(true)
    }
}

impl Pieces for Runs<'_> {
    fn count(&self) -> usize {
        self.0.count_tiles()
    }

    fn range(&self, index: usize) -> Range<u64> {
        self.0.get(index).map_or(0..0, |tile| tile.view.extent())
    }
}

/// Writes views, with a buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Emitter {
    window: Vec<u8>,
    behind: Behind,
}

impl Emitter {
    /// Bytes of its buffer.
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.window.capacity()
    }

    pub(crate) fn write(
        &mut self,
        sink: &impl Sink,
        view: &View,
        items: &[u8],
        run: &Run<'_>,
    ) -> Result<(), EngineError> {
        let items = &items[..view.nbytes()];
        if items.is_empty() {
            return Ok(());
        }
        if view.is_contiguous(Order::C) {
            for (number, part) in items.chunks(CALL).enumerate() {
                run.go_on()?;
                let at = view.offset() + (number * CALL) as u64;
                sink.write_at(at, part)?;
                self.behind.wrote(sink, at..at + part.len() as u64)?;
            }
            return Ok(());
        }
        let strides = c_strides(view);
        for tile in view.tiles(WINDOW) {
            run.go_on()?;
            let extent = tile.view.extent();
            let window = sized(&mut self.window, extent.end - extent.start);
            let (from, to) = (place(&tile.start, &strides), (tile.view.offset() - extent.start) as usize);
            let shape = tile.view.shape();
            copy_strided((items, from, &strides), (window, to, tile.view.strides()), shape, view.itemsize());
            write_spans(sink, &tile.view, window)?;
        }
        Ok(())
    }
}

/// Runs shorter than this are cheaper through memory than by a system call each.
const SHORT: u64 = 1024;

/// Writes the items of a view out of a window that is its extent.
pub(crate) fn write_spans(sink: &impl Sink, view: &View, window: &[u8]) -> Result<(), EngineError> {
    let start = view.extent().start;
    let mut spans = view.spans().peekable();
    let short = spans.peek().is_some_and(|span| span.len < SHORT && span.len < window.len() as u64);
    let mut runs = spans.map(|span| {
        let at = (span.offset - start) as usize;
        at..at + span.len as usize
    });
    if short {
        sink.write_runs(start, window, &mut runs)?;
    } else {
        runs.try_for_each(|run| sink.write_at(start + run.start as u64, &window[run]))?;
    }
    Ok(())
}

fn c_strides(view: &View) -> Vec<isize> {
    let mut strides = vec![0; view.ndim()];
    let mut step = view.itemsize() as isize;
    for axis in (0..view.ndim()).rev() {
        strides[axis] = step;
        step *= view.shape()[axis] as isize;
    }
    strides
}

fn place(start: &[usize], strides: &[isize]) -> usize {
    start.iter().zip(strides).map(|(&i, &stride)| i * stride as usize).sum()
}

pub(crate) fn sized(buffer: &mut Vec<u8>, len: u64) -> &mut [u8] {
    if buffer.len() < len as usize {
        buffer.resize(len as usize, 0);
    }
    &mut buffer[..len as usize]
}

/// The spans of a view, joined where little lies between them.
fn near_spans(view: &View) -> impl Iterator<Item = Span> {
    let mut spans = view.spans().peekable();
    std::iter::from_fn(move || {
        let mut span = spans.next()?;
        while let Some(next) = spans.next_if(|next| next.offset <= span.offset + span.len + GAP) {
            span.len = span.len.max(next.offset + next.len - span.offset);
        }
        Some(span)
    })
}
