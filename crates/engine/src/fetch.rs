use ndfolio_kernel::copy_strided;
use ndfolio_layout::{Order, Span, View};
use ndfolio_store::File;

use crate::{EngineError, Sink};

/// Bytes of the file that are in memory at once on the way to their places.
const WINDOW: u64 = 1 << 20;
/// A gap that is read over rather than around: within a page it costs nothing.
const GAP: u64 = 4096;

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
    Fetcher::default().read(file, view, out)
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
    Emitter::default().write(sink, view, items)
}

/// Reads views, with a buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Fetcher {
    window: Vec<u8>,
}

/// Bytes that a fetcher or an emitter holds beside its caller's.
pub(crate) const OWN_MEMORY: usize = WINDOW as usize;

impl Fetcher {
    pub(crate) fn read(&mut self, file: &File, view: &View, out: &mut [u8]) -> Result<(), EngineError> {
        let out = &mut out[..view.nbytes()];
        if out.is_empty() {
            return Ok(());
        }
        if view.is_contiguous(Order::C) {
            return Ok(file.read_at(view.offset(), out)?);
        }
        let strides = c_strides(view);
        for tile in view.tiles(WINDOW) {
            let extent = tile.view.extent();
            let window = sized(&mut self.window, extent.end - extent.start);
            for span in near_spans(&tile.view) {
                let at = (span.offset - extent.start) as usize;
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

/// Writes views, with a buffer that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Emitter {
    window: Vec<u8>,
}

impl Emitter {
    pub(crate) fn write(&mut self, sink: &impl Sink, view: &View, items: &[u8]) -> Result<(), EngineError> {
        let items = &items[..view.nbytes()];
        if items.is_empty() {
            return Ok(());
        }
        if view.is_contiguous(Order::C) {
            return Ok(sink.write_at(view.offset(), items)?);
        }
        let strides = c_strides(view);
        for tile in view.tiles(WINDOW) {
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

fn sized(buffer: &mut Vec<u8>, len: u64) -> &mut [u8] {
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
