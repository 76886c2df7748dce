//! Boxes whose bytes come in several pieces.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ndfolio_store::Bytes;

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

impl Joints {
    /// Keeps a part of a box, from the byte `at` of the file on; gives the box if it was the last part of it.
    pub(super) fn put(&self, index: usize, own: &Range<u64>, at: u64, items: Bytes<'_>) -> Option<Vec<u8>> {
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
    pub(super) fn give_back(&self, whole: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spare.push(whole);
    }

    /// Bytes that the boxes took.
    pub(super) fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}
