use ndfolio_kernel::{Caster, Casting};
use ndfolio_layout::{LayoutError, View};

use crate::{
    EngineError, Run, Sink, Source,
    blocks::transfer_block,
    fetch::{Emitter, Fetcher, OWN_MEMORY},
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
    if source.view.shape() != target.shape() {
        let text = |shape: &[usize]| format!("{shape:?}");
        let (from, to) = (text(source.view.shape()), text(target.shape()));
        return Err(LayoutError::Broadcast { from, to }.into());
    }
    let caster = Caster::new(source.view.dtype(), target.dtype(), casting)?;
    // Both with the axes of the target, slowest first: its order is C order then.
    let axes: Vec<isize> = target.storage_axes().into_iter().map(|axis| axis as isize).collect();
    let (from, to) = (source.view.transpose(Some(&axes))?, target.transpose(Some(&axes))?);
    let itemsize = from.itemsize().max(to.itemsize());
    // The items before and after the cast, and the windows of both sides.
    let share = run.share(2, OWN_MEMORY, itemsize)?;
    let fastest: Vec<usize> = (0..to.ndim()).rev().collect();
    let mut source_fastest = from.storage_axes();
    source_fastest.reverse();
    let block = transfer_block(to.shape(), (&source_fastest, &fastest), itemsize, share);
    let order: Vec<usize> = (0..to.ndim()).collect();
    let (mut fetcher, mut emitter) = (Fetcher::default(), Emitter::default());
    let (mut items, mut cast) = (Vec::new(), Vec::new());
    for (from, to) in from.blocks(&block, &order).zip(to.blocks(&block, &order)) {
        run.go_on()?;
        items.resize(from.view.nbytes(), 0);
        fetcher.read(&source.file, &from.view, &mut items)?;
        if caster.is_copy() {
            emitter.write(sink, &to.view, &items)?;
        } else {
            cast.resize(to.view.nbytes(), 0);
            caster.apply(&mut items, &mut cast);
            emitter.write(sink, &to.view, &cast)?;
        }
        run.done(from.view.nbytes());
    }
    Ok(())
}
