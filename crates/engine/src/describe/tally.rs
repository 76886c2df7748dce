//! Histograms of rows.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ndfolio_kernel::{
    histogram::{self, Bins, Histogram, counters},
    summary::Summary,
};
use ndfolio_layout::DType;

use super::{
    Counts,
    window::{Ledger, Window},
};
use crate::{EngineError, Run, reduce::Place};

/// Bytes of a bin while it is counted and in the result: edges and counts, each twice, and threads' counters.
pub(super) const BYTES_OF_BIN: usize = 64;

/// Checks what was asked for, and that the memory holds it.
pub(super) fn check(
    dtype: &DType,
    bins: &Bins,
    range: Option<(f64, f64)>,
    run: &Run<'_>,
) -> Result<(), EngineError> {
    histogram::check(bins, range)?;
    let needed = 8 * bins.len() as u64 * BYTES_OF_BIN as u64;
    if needed > run.budget() as u64 {
        return Err(EngineError::Budget {
            what: "a histogram of so many bins",
            needed,
            budget: run.budget() as u64,
            way: "give it more memory or ask for fewer bins",
        });
    }
    Histogram::new(dtype, &Bins::Count(1), (0.0, 1.0))?;
    Ok(())
}

/// The histograms of some rows, in the order in which they are walked.
pub(super) struct Tally {
    /// One for each row, or one that is every row's.
    histograms: Vec<Histogram>,
    bins: usize,
    counts: Mutex<Vec<u64>>,
}

pub(super) type Worker<'a> = Window<'a, Tally>;

impl Tally {
    /// The same bins for every row.
    pub(super) fn given(
        dtype: &DType,
        bins: &Bins,
        range: (f64, f64),
        rows: usize,
    ) -> Result<Self, EngineError> {
        Ok(Tally::new(vec![Histogram::new(dtype, bins, range)?], rows))
    }

    /// Bins from the least to the greatest item of each row.
    pub(super) fn over<'a>(
        dtype: &DType,
        bins: usize,
        rows: impl Iterator<Item = &'a Summary>,
    ) -> Result<Self, EngineError> {
        let histogram = |row: &Summary| Histogram::over(dtype, bins, row.min.as_ref().zip(row.max.as_ref()));
        let histograms = rows.map(histogram).collect::<Result<Vec<_>, _>>()?;
        let rows = histograms.len();
        Ok(Tally::new(histograms, rows))
    }

    fn new(histograms: Vec<Histogram>, rows: usize) -> Self {
        let bins = histograms.first().map_or(0, Histogram::bins);
        Tally { histograms, bins, counts: Mutex::new(vec![0; bins * rows]) }
    }

    fn histogram(&self, row: usize) -> &Histogram {
        self.histograms.get(row).unwrap_or(&self.histograms[0])
    }

    pub(super) fn worker(&self) -> Worker<'_> {
        Window::new(self)
    }

    pub(super) fn take(&self, worker: &mut Worker<'_>, place: &Place, items: &[u8]) {
        let size = counters(self.bins);
        for (place, items) in place.batches(items, size) {
            let before = (place.rows.start - place.around.start) * size;
            let counters = &mut worker.at(&place.around, items.len())[before..];
            for ((row, items), counters) in place.each(items).zip(counters.chunks_mut(size)) {
                self.histogram(row).count(items, counters);
            }
        }
    }

    /// The histogram of a row.
    pub(super) fn counts(&mut self, row: usize) -> Counts {
        let counts = self.counts.get_mut().unwrap_or_else(PoisonError::into_inner);
        let counts = counts[row * self.bins..][..self.bins].to_vec();
        Counts { edges: self.histogram(row).edges().to_vec(), counts }
    }
}

impl Ledger for Tally {
    fn counters(&self, rows: &Range<usize>) -> usize {
        rows.len() * counters(self.bins)
    }

    fn book(&self, rows: &Range<usize>, all: &mut [u32]) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts[rows.start * self.bins..].chunks_mut(self.bins.max(1));
        for ((row, all), counts) in rows.clone().zip(all.chunks_mut(counters(self.bins))).zip(counts) {
            self.histogram(row).add_up(all, counts);
        }
    }
}
