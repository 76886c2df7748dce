use ndfolio_kernel::Normalizer;
use ndfolio_layout::Order;
use sha2::{Digest as _, Sha256};

use crate::{
    EngineError, Plan, Run, Source,
    fetch::{Fetcher, OWN_MEMORY, way},
    meter::Serial,
    plan::{Reading, Work},
};

/// A SHA-256 sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The SHA-256 of an array's items in C order, little-endian, records without padding: equal for equal items
/// of a dtype, however they lie on disk.
///
/// One pass. Where the file is not in C order each piece of C order is gathered from all over it, in pieces
/// as large as the memory allows.
///
/// # Errors
/// What the file reports.
pub fn digest(source: &Source, run: &Run<'_>) -> Result<Digest, EngineError> {
    let view = &source.view;
    let normal = Normalizer::new(view.dtype());
    let panel = panel(source, &normal, run)?;
    let mut pass = Serial::start(run, view.nbytes());
    let mut hash = Sha256::new();
    let (mut fetcher, mut items, mut spare) = (Fetcher::default(), Vec::new(), Vec::new());
    for tile in view.panels(panel) {
        run.go_on()?;
        items.resize(tile.view.nbytes(), 0);
        pass.read(items.len(), || fetcher.read(&source.file, &tile.view, &mut items, run))?;
        for part in normal.apply(&mut items, &mut spare).chunks(HASHED) {
            run.go_on()?;
            hash.update(part);
        }
        run.done(items.len());
    }
    let buffers = items.capacity() + spare.capacity() + fetcher.buffer_bytes();
    pass.finish(first_way(source, panel), buffers);
    Ok(Digest(hash.finalize().into()))
}

/// What [`digest`] would do.
///
/// # Errors
/// As [`digest`], but for what only reading finds.
pub fn plan_digest(source: &Source, run: &Run<'_>) -> Result<Plan, EngineError> {
    let view = &source.view;
    let normal = Normalizer::new(view.dtype());
    let panel = panel(source, &normal, run)?;
    let items = panel.min(view.nbytes());
    let spare = if normal.packed_itemsize() == view.itemsize() { 0 } else { items };
    let window = if view.is_contiguous(Order::C) { 0 } else { OWN_MEMORY };
    Ok(Plan {
        readings: vec![Reading::of(source, first_way(source, panel))],
        buffers: (items + spare + window) as u64,
        work: Work::Digest,
        ..Plan::new(run)
    })
}

/// Bytes that are hashed at once: somebody may want to stop.
const HASHED: usize = 4 << 20;

/// Bytes of a piece of C order.
fn panel(source: &Source, normal: &Normalizer, run: &Run<'_>) -> Result<usize, EngineError> {
    const PIECE: usize = 1 << 20;
    let view = &source.view;
    let share = run.share(2, OWN_MEMORY, view.itemsize().max(normal.packed_itemsize()))?;
    Ok(if view.is_contiguous(Order::C) { share.min(PIECE) } else { share })
}

fn first_way(source: &Source, panel: usize) -> ndfolio_store::Choice {
    let first = source.view.panels(panel).get(0).map(|tile| tile.view);
    way(&source.file, first.as_ref().unwrap_or(&source.view))
}
