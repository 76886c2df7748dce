//! Boxes whose bytes come in several pieces.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ndfolio_layout::{Tile, Tiles};
use ndfolio_store::Bytes;

use super::PIECES_ON_THEIR_WAY;

/// The boxes of which parts are there.
#[derive(Default)]
pub(super) struct Joints(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    /// The bytes of a box, and how many of them are there.
    open: HashMap<usize, (Vec<u8>, usize)>,
    /// Memory of boxes that are done with: it is warm.
    spare: Vec<Vec<u8>>,
    /// Bytes of all.
    bytes: u64,
}

/// Bytes of boxes of so many bytes that are open at once, where pieces of `piece` bytes come in any order: as many as
/// lie in those that are on their way.
pub(crate) fn joined_bytes(box_bytes: usize, piece: usize, threads: usize) -> usize {
    let pieces = threads * PIECES_ON_THEIR_WAY * piece;
    (pieces / box_bytes.max(piece).max(1) + threads + 1) * box_bytes
}

/// The box that holds the byte at `offset`; they follow each other.
fn box_at(tiles: &Tiles<'_>, offset: u64) -> usize {
    let (mut low, mut high) = (0, tiles.count_tiles());
    let mut room = None;
    while high - low > 1 {
        let middle = low.midpoint(high);
        let begins = tiles.get_in(middle, &mut room).map_or(u64::MAX, |tile| tile.view.extent().start);
        (low, high) = if begins <= offset { (middle, high) } else { (low, middle) };
    }
    low
}

impl Joints {
    /// Gives the boxes to somebody that lie within bytes from `at` on, and those across their ends once the last part is
    /// there. Boxes follow each other.
    pub(super) fn join(
        &self,
        tiles: &Tiles<'_>,
        mut at: u64,
        mut bytes: Bytes<'_>,
        work: &mut dyn FnMut(usize, &Tile, Bytes<'_>),
    ) {
        let all = at + bytes.len() as u64;
        let (mut index, mut room) = (box_at(tiles, at), None);
        while let Some(tile) = tiles.get_in(index, &mut room) {
            let own = tile.view.extent();
            if own.start >= all {
                break;
            }
            let end = own.end.min(all);
            let (items, rest) = bytes.split_at((end - at) as usize);
            bytes = rest;
            if own.start == at && own.end == end {
                work(index, tile, items);
            } else if let Some(whole) = self.put(index, &own, at, items) {
                work(index, tile, Bytes::Private(&whole));
                self.give_back(whole);
            }
            (at, index) = (end, index + 1);
        }
    }

    /// Keeps a part of a box, from the byte `at` of the file on; gives the box if it was the last part of it.
    fn put(&self, index: usize, own: &Range<u64>, at: u64, items: Bytes<'_>) -> Option<Vec<u8>> {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let len = (own.end - own.start) as usize;
        let Parts { open, spare, bytes } = &mut *parts;
        let (whole, filled) = open.entry(index).or_insert_with(|| {
            let mut whole = spare.pop().unwrap_or_default();
            let before = whole.capacity();
            whole.resize(len, 0);
            *bytes += (whole.capacity() - before) as u64;
            (whole, 0)
        });
        let from = (at - own.start) as usize;
        items.copy_to(&mut whole[from..from + items.len()]);
        *filled += items.len();
        if *filled < len { None } else { open.remove(&index).map(|(whole, _)| whole) }
    }

    /// The memory of a box that is done with.
    fn give_back(&self, whole: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spare.push(whole);
    }

    /// Bytes that the boxes took, but for those that were told before.
    pub(super) fn take_bytes(&self) -> u64 {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes)
    }
}
