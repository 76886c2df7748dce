//! To which bucket each row goes, looked up ahead by other threads.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use ndfolio_kernel::Permutation;

use super::buckets::Buckets;

/// Rows that are looked up at once, at most.
pub(super) const BATCH: usize = 1 << 14;

/// The buckets of all rows, one after the other.
pub(super) struct Numbers<'a> {
    order: &'a Permutation,
    buckets: &'a Buckets,
    /// One for each thread that looks up every so manieth batch; without them it is done here.
    helpers: Vec<Receiver<Vec<u32>>>,
    batch: Vec<u32>,
    /// What of the batch was given out.
    given: usize,
    /// Which batch comes next.
    next: u64,
}

impl<'a> Numbers<'a> {
    pub(super) fn new<'s>(
        scope: &'s Scope<'s, 'a>,
        order: &'a Permutation,
        buckets: &'a Buckets,
        helpers: usize,
    ) -> Self {
        let start = |first: usize| {
            let (sender, receiver) = sync_channel(1);
            scope.spawn(move || {
                // Who gave up does not take the next one.
                let mut batches =
                    (first as u64..).step_by(helpers).map(|number| look_up(order, buckets, number));
                while let Some(batch) = batches.next()
                    && !batch.is_empty()
                    && sender.send(batch).is_ok()
                {}
            });
            receiver
        };
        let helpers = (0..helpers).map(start).collect();
        Numbers { order, buckets, helpers, batch: Vec::new(), given: 0, next: 0 }
    }

    /// The buckets of some rows, `most` of them or fewer; none behind the last row.
    pub(super) fn some(&mut self, most: usize) -> &[u32] {
        if self.given == self.batch.len() {
            let helper = self.helpers.get(self.next as usize % self.helpers.len().max(1));
            let given = helper.and_then(|helper| helper.recv().ok());
            self.batch = given.unwrap_or_else(|| look_up(self.order, self.buckets, self.next));
            (self.given, self.next) = (0, self.next + 1);
        }
        let from = self.given;
        self.given = self.batch.len().min(from + most);
        &self.batch[from..self.given]
    }
}

fn look_up(order: &Permutation, buckets: &Buckets, number: u64) -> Vec<u32> {
    let first = number.saturating_mul(buckets.batch as u64).min(order.len());
    let rows = first..order.len().min(first + buckets.batch as u64);
    rows.map(|row| (order.place(row) / buckets.each) as u32).collect()
}
