use ndfolio_kernel::copy_strided;
use ndfolio_layout::{Order, View};
use ndfolio_store::{Advice, Choice, IoEngine};

use crate::{
    EngineError, Run, Sink,
    fetch::{Emitter, OWN_MEMORY},
    meter::Serial,
    sink::Behind,
};

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;

/// Writes one item to every place of a view.
///
/// # Errors
/// What the file reports.
///
/// # Panics
/// If `item` has not the bytes of the view's items.
pub fn fill(sink: &impl Sink, view: &View, item: &[u8], run: &Run<'_>) -> Result<(), EngineError> {
    assert_eq!(item.len(), view.itemsize(), "an item has the bytes of its dtype");
    let most = run.share(1, 0, item.len())?.min(PIECE.max(item.len()));
    let count = (most / item.len().max(1)).min(view.size());
    let piece = item.repeat(count);
    let mut pass = Serial::start(run, view.nbytes());
    let run_bytes = view.spans().next().map_or(0, |span| span.len);
    if run_bytes < PIECE as u64 {
        pass.write(view.nbytes(), || fill_runs(sink, view, &piece, run))?;
    } else {
        pass.write(view.nbytes(), || fill_spans(sink, view, &piece, run))?;
    }
    pass.finish(nothing_read(), piece.capacity());
    Ok(())
}

/// A pass that only writes.
fn nothing_read() -> Choice {
    Choice { engine: IoEngine::Pread, advice: Advice::Normal, reason: "nothing is read".to_owned() }
}

/// Fills runs that are longer than a piece.
fn fill_spans(sink: &impl Sink, view: &View, piece: &[u8], run: &Run<'_>) -> Result<(), EngineError> {
    let mut behind = Behind::default();
    for span in view.spans() {
        let (mut at, end) = (span.offset, span.offset + span.len);
        while at < end {
            run.go_on()?;
            let len = piece.len().min((end - at) as usize);
            sink.write_at(at, &piece[..len])?;
            behind.wrote(sink, at..at + len as u64)?;
            at += len as u64;
            run.done(len);
        }
    }
    Ok(())
}

/// Fills short runs: the items are laid out in a window as they lie in the file.
fn fill_runs(sink: &impl Sink, view: &View, items: &[u8], run: &Run<'_>) -> Result<(), EngineError> {
    let mut emitter = Emitter::default();
    for tile in view.tiles(items.len() as u64) {
        run.go_on()?;
        emitter.write(sink, &tile.view, items, run)?;
        run.done(tile.view.nbytes());
    }
    Ok(())
}

/// Writes items in memory (contiguous in C order, in the view's dtype, of `shape`) to a view, broadcast to
/// its shape.
///
/// # Errors
/// Shapes that do not broadcast, and what the file reports.
///
/// # Panics
/// If `items` has fewer bytes than its shape says.
pub fn assign(
    sink: &impl Sink,
    view: &View,
    (items, shape): (&[u8], &[usize]),
    run: &Run<'_>,
) -> Result<(), EngineError> {
    let memory = View::contiguous(view.dtype(), shape, Order::C, 0)?.broadcast_to(view.shape())?;
    if memory.is_contiguous(Order::C) {
        Emitter::default().write(sink, view, items, run)?;
        run.done(view.nbytes());
        return Ok(());
    }
    let share = run.share(1, OWN_MEMORY, view.itemsize())?;
    let (mut emitter, mut buffer) = (Emitter::default(), Vec::new());
    for (from, to) in memory.panels(share).zip(view.panels(share)) {
        run.go_on()?;
        buffer.resize(to.view.nbytes(), 0);
        let out = View::contiguous(view.dtype(), to.view.shape(), Order::C, 0)?;
        let start = from.view.offset() as usize;
        let target = (&mut buffer[..], 0, out.strides());
        copy_strided((items, start, from.view.strides()), target, to.view.shape(), view.itemsize());
        emitter.write(sink, &to.view, &buffer, run)?;
        run.done(to.view.nbytes());
    }
    Ok(())
}
