use ndfolio_kernel::{Caster, Casting};
use ndfolio_layout::{LayoutError, Order, Tiles, View};

use crate::{
    EngineError, Plan, Run, Sink, Source,
    blocks::transfer_block,
    fetch::{Emitter, Fetcher, OWN_MEMORY, way},
    meter::Serial,
    plan::Reading,
};

/// Copies the items of an array to the places of a view in another file, with a cast where the dtypes differ.
///
/// One pass over both. Where the orders of the two differ it goes box by box, so that each side is read and
/// written in runs as long as the memory allows.
///
/// # Errors
/// Shapes that differ, a cast that `casting` forbids, and what the files report.
pub fn copy(
    source: &Source,
    sink: &impl Sink,
    target: &View,
    casting: Casting,
    run: &Run<'_>,
) -> Result<(), EngineError> {
    let boxes = Boxes::new(source, target, casting, run)?;
    let mut pass = Serial::start(run, source.view.nbytes());
    let (mut fetcher, mut emitter) = (Fetcher::default(), Emitter::default());
    let (mut items, mut cast) = (Vec::new(), Vec::new());
    let (from, to) = boxes.tiles();
    for (from, to) in from.zip(to) {
        run.go_on()?;
        items.resize(from.view.nbytes(), 0);
        pass.read(items.len(), || fetcher.read(&source.file, &from.view, &mut items, run))?;
        let out = if boxes.caster.is_copy() {
            &items
        } else {
            cast.resize(to.view.nbytes(), 0);
            boxes.caster.apply(&mut items, &mut cast);
            &cast
        };
        pass.write(out.len(), || emitter.write(sink, &to.view, out, run))?;
        run.done(from.view.nbytes());
    }
    let buffers = items.capacity() + cast.capacity() + fetcher.buffer_bytes() + emitter.buffer_bytes();
    pass.finish(boxes.way(source), buffers);
    Ok(())
}

/// What [`copy`] would do.
///
/// # Errors
/// As [`copy`], but for what only reading finds.
pub fn plan_copy(
    source: &Source,
    target: &View,
    casting: Casting,
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let boxes = Boxes::new(source, target, casting, run)?;
    let (from, to) = boxes.tiles();
    let window = |tiles: &Tiles<'_>| match tiles.get(0) {
        Some(tile) if !tile.view.is_contiguous(Order::C) => OWN_MEMORY,
        _ => 0,
    };
    let bytes = |tiles: &Tiles<'_>| tiles.block().iter().product::<usize>() * tiles.view().itemsize();
    let cast = if boxes.caster.is_copy() { 0 } else { bytes(&to) };
    let buffers = bytes(&from) + cast + window(&from) + window(&to);
    Ok(Plan {
        readings: vec![Reading::of(source, boxes.way(source))],
        writes: target.nbytes() as u64,
        buffers: buffers as u64,
        ..Plan::new(run)
    })
}

/// Bytes of a box where both sides have one order: longer ones bring nothing, and shorter ones stay in the cache.
const IN_ORDER: usize = 2 << 20;

/// The boxes of both sides.
struct Boxes {
    caster: Caster,
    /// Both with the axes of the target, slowest first: its order is C order then.
    from: View,
    to: View,
    block: Vec<usize>,
}

impl Boxes {
    fn new(source: &Source, target: &View, casting: Casting, run: &Run<'_>) -> Result<Self, EngineError> {
        if source.view.shape() != target.shape() {
            let text = |shape: &[usize]| format!("{shape:?}");
            let (from, to) = (text(source.view.shape()), text(target.shape()));
            return Err(LayoutError::Broadcast { from, to }.into());
        }
        let caster = Caster::new(source.view.dtype(), target.dtype(), casting)?;
        let axes: Vec<isize> = target.storage_axes().into_iter().map(|axis| axis as isize).collect();
        let (from, to) = (source.view.transpose(Some(&axes))?, target.transpose(Some(&axes))?);
        let itemsize = from.itemsize().max(to.itemsize());
        // The items before and after the cast, and the windows of both sides.
        let share = run.share(2, OWN_MEMORY, itemsize)?;
        let fastest: Vec<usize> = (0..to.ndim()).rev().collect();
        let mut source_fastest = from.storage_axes();
        source_fastest.reverse();
        let share = if source_fastest == fastest { share.min(IN_ORDER) } else { share };
        let block = transfer_block(to.shape(), (&source_fastest, &fastest), itemsize, share);
        Ok(Boxes { caster, from, to, block })
    }

    fn order(&self) -> Vec<usize> {
        (0..self.to.ndim()).collect()
    }

    fn tiles(&self) -> (Tiles<'_>, Tiles<'_>) {
        let order = self.order();
        (self.from.blocks(&self.block, &order), self.to.blocks(&self.block, &order))
    }

    /// How the source is read: as its first box.
    fn way(&self, source: &Source) -> ndfolio_store::Choice {
        let first = self.from.blocks(&self.block, &self.order()).get(0).map(|tile| tile.view);
        way(&source.file, first.as_ref().unwrap_or(&self.from))
    }
}
