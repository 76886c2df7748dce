use std::ops::Range;

/// Counts of rows that all threads add to.
pub(super) trait Ledger: Sync {
    /// How many counters a thread needs for some rows.
    fn counters(&self, rows: &Range<usize>) -> usize;

    /// Adds a thread's counters of some rows to the counts.
    fn book(&self, rows: &Range<usize>, counters: &mut [u32]);
}

/// A thread's own counters of the rows that it is at. They are booked when it comes to other rows, before one
/// of them may overflow, and in the end.
pub(super) struct Window<'a, L: Ledger> {
    ledger: &'a L,
    rows: Range<usize>,
    counters: Vec<u32>,
    items: usize,
}

/// Items that are counted before they are booked.
const MOST_ITEMS: usize = 1 << 31;

impl<'a, L: Ledger> Window<'a, L> {
    pub(super) fn new(ledger: &'a L) -> Self {
        Window { ledger, rows: 0..0, counters: Vec::new(), items: 0 }
    }

    /// The counters of some rows, for so many more items.
    pub(super) fn at(&mut self, rows: &Range<usize>, items: usize) -> &mut [u32] {
        if self.rows != *rows || self.items + items > MOST_ITEMS {
            self.book();
            self.rows = rows.clone();
            self.counters.clear();
            self.counters.resize(self.ledger.counters(rows), 0);
        }
        self.items += items;
        &mut self.counters
    }

    fn book(&mut self) {
        if self.items > 0 {
            self.ledger.book(&self.rows, &mut self.counters);
            self.items = 0;
        }
    }
}

impl<L: Ledger> Drop for Window<'_, L> {
    fn drop(&mut self) {
        self.book();
    }
}
