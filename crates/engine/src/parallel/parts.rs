//! Passes that take the same items: each has boxes of its own, and the items are brought once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ndfolio_layout::Tiles;
use ndfolio_store::Bytes;

use super::{Joints, Pass};

/// A pass among several that take the same items.
pub(crate) trait Part: Sync {
    /// Takes items that follow each other from number `first` on, in its own order of all of them; each item is brought
    /// once, from any thread.
    fn take(&self, first: usize, items: Bytes<'_>);

    /// Bytes that boxes took which were joined of parts, but for those that were told before.
    fn take_bytes(&self) -> u64;
}

/// A pass, its boxes, and who collects what they give.
pub(crate) struct PassPart<'p, P: Pass, C> {
    /// They follow each other.
    tiles: &'p Tiles<'p>,
    pass: &'p P,
    collect: Mutex<C>,
    joints: Joints,
    /// Those that no thread has now.
    workers: Mutex<Vec<P::Worker>>,
}

impl<'p, P: Pass, C: FnMut(usize, P::Given) + Send> PassPart<'p, P, C> {
    /// A pass over boxes that follow each other.
    pub(crate) fn new(tiles: &'p Tiles<'p>, pass: &'p P, collect: C) -> Self {
        let (collect, joints, workers) = (Mutex::new(collect), Joints::default(), Mutex::default());
        PassPart { tiles, pass, collect, joints, workers }
    }
}

impl<P: Pass, C: FnMut(usize, P::Given) + Send> Part for PassPart<'_, P, C> {
    fn take(&self, first: usize, items: Bytes<'_>) {
        let worker = lock(&self.workers).pop();
        let mut worker = worker.unwrap_or_else(|| self.pass.worker());
        let start = (first * self.tiles.view().itemsize()) as u64;
        self.joints.join(self.tiles, start, items, &mut |index, tile, items| {
            self.pass.work(&mut worker, tile, items, &mut |given| lock(&self.collect)(index, given));
        });
        lock(&self.workers).push(worker);
    }

    fn take_bytes(&self) -> u64 {
        self.joints.take_bytes()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
