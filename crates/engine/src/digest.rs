use ndfolio_kernel::Normalizer;
use ndfolio_layout::Order;
use sha2::{Digest as _, Sha256};

use crate::{
    EngineError, Run, Source,
    fetch::{Fetcher, OWN_MEMORY},
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
    const PIECE: usize = 1 << 20;
    let view = &source.view;
    let normal = Normalizer::new(view.dtype());
    let share = run.share(2, OWN_MEMORY, view.itemsize().max(normal.packed_itemsize()))?;
    let panel = if view.is_contiguous(Order::C) { share.min(PIECE) } else { share };
    let mut hash = Sha256::new();
    let (mut fetcher, mut items, mut spare) = (Fetcher::default(), Vec::new(), Vec::new());
    for tile in view.panels(panel) {
        run.go_on()?;
        items.resize(tile.view.nbytes(), 0);
        fetcher.read(&source.file, &tile.view, &mut items)?;
        hash.update(normal.apply(&mut items, &mut spare));
        run.done(items.len());
    }
    Ok(Digest(hash.finalize().into()))
}
