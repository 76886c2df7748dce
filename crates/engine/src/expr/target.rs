//! Where computed items go.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ndfolio_kernel::swap_bytes;
use ndfolio_layout::{Order, Tile, Tiles, View};
use ndfolio_store::{File, NewFile, Scratch, Writer};

use super::{
    pass::{BoxItems, Consumer},
    place::part,
    setup::Setup,
};
use crate::{
    EngineError, Report, Run,
    fetch::{Emitter, OWN_MEMORY},
};

/// What is to be done with the items of an expression.
pub enum Emit<'e> {
    /// They go to a new file, to the places of a view.
    New(&'e NewFile, &'e View),
    /// They are written to a file that exists, to the places of a view.
    Old(&'e File, &'e View),
    /// Somebody takes them block by block, in C order, from any thread but one after the other.
    Each(&'e mut (dyn FnMut(Block<'_>) -> Result<(), EngineError> + Send)),
}

/// Takes items block by block.
pub(super) type Each<'e> = dyn FnMut(Block<'_>) -> Result<(), EngineError> + Send + 'e;

/// Some items of an expression.
#[derive(Clone, Copy, Debug)]
pub struct Block<'b> {
    /// The index of the first along each axis.
    pub start: &'b [usize],
    /// Items along each axis.
    pub shape: &'b [usize],
    /// The items in C order, in this machine's byte order.
    pub bytes: &'b [u8],
}

/// A file that a pass writes to.
#[derive(Clone, Copy)]
pub(super) enum Output<'o> {
    New(&'o NewFile),
    Old(&'o File),
    Scratch(&'o Scratch),
}

/// Writes boxes to the places of a view.
pub(super) struct ToFile<'a> {
    output: Output<'a>,
    /// Where the items go; the axes are those of the pass.
    places: View,
    /// Bytes of a box, and whether its items lie together.
    piece: usize,
    is_whole: bool,
    /// Bytes that are reversed together, 1 if none are.
    swap: usize,
    run: &'a Run<'a>,
}

/// What a thread keeps.
pub(super) struct Writing<'a> {
    writer: Option<Writer<'a>>,
    emitter: Emitter,
    items: Vec<u8>,
    written: u64,
}

impl<'a> ToFile<'a> {
    pub(super) fn new(output: Output<'a>, setup: &Setup, run: &'a Run<'a>) -> Self {
        let places = setup.target.clone();
        let swap = places.dtype().as_scalar().map_or(1, |scalar| scalar.foreign_width());
        let is_whole = is_whole(setup);
        let piece = setup.block.iter().product::<usize>() * places.itemsize();
        ToFile { output, places, piece, is_whole, swap, run }
    }
}

/// Whether the places of a box lie together.
pub(super) fn is_whole(setup: &Setup) -> bool {
    let first = setup.tiles().get(0).and_then(|tile| place_of(&setup.target, &tile));
    first.is_none_or(|first| first.is_contiguous(Order::C))
}

/// Bytes that a thread takes to write boxes of so many bytes.
pub(super) fn bytes_of_writer(piece: usize, is_whole: bool) -> usize {
    if is_whole { pieces_of(piece) * (piece + 8192) } else { piece + OWN_MEMORY }
}

/// Where the items of a box go.
fn place_of(places: &View, tile: &Tile) -> Option<View> {
    let bounds = tile.start.iter().zip(tile.view.shape()).map(|(&start, &count)| start..start + count);
    part(places, &bounds.collect::<Vec<_>>())
}

/// Bytes of the items of a box.
pub(super) fn box_bytes(tiles: &Tiles<'_>) -> usize {
    tiles.block().iter().product::<usize>() * tiles.view().itemsize()
}

/// Boxes of so many bytes that a thread has on their way to the device.
fn pieces_of(piece: usize) -> usize {
    if piece <= LONG_PIECE { PIECES } else { 2 }
}

/// Two longer pieces keep a device busy.
const LONG_PIECE: usize = 2 << 20;

/// Shorter boxes that a thread has on their way to the device.
pub(super) const PIECES: usize = 4;

impl<'a> Consumer for ToFile<'a> {
    type Worker = Writing<'a>;

    fn bytes_of_worker(&self) -> usize {
        bytes_of_writer(self.piece, self.is_whole)
    }

    fn worker(&self) -> Result<Writing<'a>, EngineError> {
        let (piece, budget) = (self.piece, self.bytes_of_worker());
        let writer = match self.output {
            _ if !self.is_whole => None,
            Output::New(file) => Some(file.writer(piece, budget)?),
            Output::Old(file) => Some(file.writer(piece, budget, self.places.nbytes() as u64)?),
            Output::Scratch(_) => None,
        };
        Ok(Writing { writer, emitter: Emitter::default(), items: Vec::new(), written: 0 })
    }

    fn take(
        &self,
        worker: &mut Writing<'a>,
        _: usize,
        tile: &Tile,
        BoxItems { fill, .. }: BoxItems<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(place) = place_of(&self.places, tile) else { return Ok(()) };
        let bytes = place.nbytes();
        worker.written += bytes as u64;
        if let Some(writer) = &mut worker.writer {
            let room = writer.room(place.offset(), bytes)?;
            fill(&mut [room])?;
            swap_bytes(room, self.swap);
            return Ok(writer.write()?);
        }
        worker.items.resize(bytes, 0);
        fill(&mut [&mut worker.items])?;
        swap_bytes(&mut worker.items, self.swap);
        match self.output {
            Output::New(file) => worker.emitter.write(file, &place, &worker.items, self.run),
            Output::Old(file) => worker.emitter.write(file, &place, &worker.items, self.run),
            Output::Scratch(file) => worker.emitter.write(file, &place, &worker.items, self.run),
        }
    }

    fn finish(&self, mut worker: Writing<'a>, report: &mut Report) -> Result<(), EngineError> {
        report.bytes_written += worker.written;
        report.io.buffer_bytes += (worker.items.capacity() + worker.emitter.buffer_bytes()) as u64;
        if let Some(writer) = &mut worker.writer {
            writer.finish()?;
            let counters = writer.counters();
            report.io.buffer_bytes += counters.buffer_bytes;
            report.io.wait += counters.wait;
        }
        Ok(())
    }
}

/// Puts boxes into memory, one behind the other.
pub(super) struct ToMemory<'m> {
    parts: Vec<Mutex<&'m mut [u8]>>,
}

impl<'m> ToMemory<'m> {
    /// Of boxes in C order, whose items, of so many bytes, lie together in `out`.
    pub(super) fn new(tiles: &Tiles<'_>, itemsize: usize, mut out: &'m mut [u8]) -> Self {
        let mut parts = Vec::with_capacity(tiles.count_tiles());
        let mut room = None;
        for index in 0..tiles.count_tiles() {
            let Some(tile) = tiles.get_in(index, &mut room) else { break };
            let (part, rest) = out.split_at_mut(tile.view.size() * itemsize);
            parts.push(Mutex::new(part));
            out = rest;
        }
        ToMemory { parts }
    }

    /// The memory of a box.
    pub(super) fn part(&self, index: usize) -> MutexGuard<'_, &'m mut [u8]> {
        self.parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Consumer for ToMemory<'_> {
    type Worker = ();

    fn worker(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn take(
        &self,
        (): &mut (),
        index: usize,
        _: &Tile,
        BoxItems { fill, .. }: BoxItems<'_, '_>,
    ) -> Result<(), EngineError> {
        fill(&mut [&mut self.part(index)])
    }

    fn finish(&self, (): (), _: &mut Report) -> Result<(), EngineError> {
        Ok(())
    }
}

/// Lets threads do something in the order of the boxes.
pub(super) struct Turns<T> {
    state: Mutex<Turn<T>>,
    changed: Condvar,
}

struct Turn<T> {
    next: usize,
    stopped: bool,
    shared: T,
}

impl<T> Turns<T> {
    pub(super) fn new(shared: T) -> Self {
        Turns { state: Mutex::new(Turn { next: 0, stopped: false, shared }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Turn<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all boxes before this one have had their turn.
    pub(super) fn take(
        &self,
        index: usize,
        act: impl FnOnce(&mut T) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut state = self.lock();
        while state.next < index && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return Err(EngineError::Cancelled);
        }
        act(&mut state.shared)?;
        state.next = index + 1;
        self.changed.notify_all();
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// Hands boxes to somebody.
pub(super) struct ToCallback<'e> {
    turns: Turns<&'e mut Each<'e>>,
}

impl<'e> ToCallback<'e> {
    pub(super) fn new(each: &'e mut Each<'e>) -> Self {
        ToCallback { turns: Turns::new(each) }
    }
}

impl Consumer for ToCallback<'_> {
    type Worker = Vec<u8>;

    fn worker(&self) -> Result<Vec<u8>, EngineError> {
        Ok(Vec::new())
    }

    fn take(
        &self,
        items: &mut Vec<u8>,
        index: usize,
        tile: &Tile,
        BoxItems { fill, .. }: BoxItems<'_, '_>,
    ) -> Result<(), EngineError> {
        items.resize(tile.view.nbytes(), 0);
        fill(&mut [items])?;
        let block = Block { start: &tile.start, shape: tile.view.shape(), bytes: items };
        self.turns.take(index, |each| each(block))
    }

    fn finish(&self, items: Vec<u8>, report: &mut Report) -> Result<(), EngineError> {
        report.io.buffer_bytes += items.capacity() as u64;
        Ok(())
    }

    fn stop(&self) {
        self.turns.stop();
    }
}
