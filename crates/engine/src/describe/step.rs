//! One step of a hunt for items of given ranks: what is done with the items of one pass.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ndfolio_kernel::rank::{Found, Ranking, Search, select};

use super::{
    hunt::ranks,
    window::{Ledger, Window},
};
use crate::reduce::Place;

/// What a step looks for.
pub(super) enum Step<'a> {
    /// Rows that a box holds whole: their items are selected in memory.
    Select(Selecting<'a>),
    /// How many items each part of the buckets has.
    Count(Counting<'a>),
    /// The items in the buckets.
    Collect(Collecting<'a>),
}

pub(super) struct Selecting<'a> {
    pub(super) ranking: &'a Ranking,
    pub(super) quantiles: &'a [f64],
    pub(super) rows: Mutex<Vec<Selected>>,
}

/// What was selected of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    /// How many numbers it has.
    pub(super) numbers: u64,
    /// Codes with their ranks, which grow.
    pub(super) codes: Vec<(u64, u64)>,
}

pub(super) struct Counting<'a> {
    pub(super) ranking: &'a Ranking,
    pub(super) search: Search,
    pub(super) counts: Mutex<Vec<u64>>,
}

pub(super) struct Collecting<'a> {
    pub(super) ranking: &'a Ranking,
    pub(super) search: Search,
    /// The codes in each bucket.
    pub(super) found: Mutex<Vec<Vec<u64>>>,
}

/// Items that are looked through before what was found is put to what others found.
const ITEMS: usize = 4096;

pub(super) enum Worker<'a> {
    Select(Vec<u64>),
    Count(Window<'a, Counting<'a>>),
    Collect(Vec<Found>),
}

impl<'a> Step<'a> {
    pub(super) fn worker(&'a self) -> Worker<'a> {
        match self {
            Step::Select(_) => Worker::Select(Vec::new()),
            Step::Count(counting) => Worker::Count(Window::new(counting)),
            Step::Collect(_) => Worker::Collect(Vec::new()),
        }
    }

    pub(super) fn take(&self, worker: &mut Worker<'_>, place: &Place, items: &[u8]) {
        match (self, worker) {
            (Step::Select(step), Worker::Select(codes)) => step.take(codes, place.each(items)),
            (Step::Count(step), Worker::Count(window)) => step.take(window, place, items),
            (Step::Collect(step), Worker::Collect(found)) => step.take(found, place.each(items)),
            _ => {}
        }
    }
}

impl Selecting<'_> {
    fn take<'i>(&self, codes: &mut Vec<u64>, rows: impl Iterator<Item = (usize, &'i [u8])>) {
        for (row, items) in rows {
            self.ranking.numbers(items, codes);
            let wanted = ranks(self.quantiles, codes.len() as u64);
            let mut selected =
                Selected { numbers: codes.len() as u64, codes: Vec::with_capacity(wanted.len()) };
            select(codes, &wanted, |rank, code| selected.codes.push((rank, code)));
            selected.codes.reverse();
            self.rows.lock().unwrap_or_else(PoisonError::into_inner)[row] = selected;
        }
    }
}

impl Counting<'_> {
    fn take(&self, window: &mut Window<'_, Counting<'_>>, place: &Place, items: &[u8]) {
        let counters = window.at(&place.around, items.len());
        let first = self.search.buckets(place.around.clone()).start;
        for (row, items) in place.each(items) {
            let from = (self.search.buckets(row..row + 1).start - first) * self.search.parts();
            self.search.count(self.ranking, row, items, &mut counters[from..]);
        }
    }
}

impl Ledger for Counting<'_> {
    fn counters(&self, rows: &Range<usize>) -> usize {
        self.search.buckets(rows.clone()).len() * self.search.parts()
    }

    fn book(&self, rows: &Range<usize>, counters: &mut [u32]) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let from = self.search.buckets(rows.clone()).start * self.search.parts();
        for (count, counter) in counts[from..].iter_mut().zip(counters) {
            *count += u64::from(std::mem::take(counter));
        }
    }
}

impl Collecting<'_> {
    fn take<'i>(&self, found: &mut Vec<Found>, rows: impl Iterator<Item = (usize, &'i [u8])>) {
        for (row, items) in rows {
            for items in items.chunks(ITEMS * self.ranking.itemsize()) {
                self.search.collect(self.ranking, row, items, found);
                if !found.is_empty() {
                    let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.drain(..).for_each(|(bucket, code)| all[bucket as usize].push(code));
                }
            }
        }
    }
}
