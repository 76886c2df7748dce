//! The hunt for the items that quantiles lie between: which step comes next, and what follows from it.

use std::sync::{Mutex, PoisonError};

use ndfolio_kernel::rank::{Between, Ranking, Search, select};
use ndfolio_layout::Value;

use super::step::{Collecting, Counting, Selected, Selecting, Step};
use crate::{
    EngineError, Run,
    reduce::{Axes, box_bytes},
};

/// Bytes of a quantile in results and states: two ranks, codes and buckets.
pub(super) const BYTES_OF_QUANTILE: usize = 128;
/// Rows of at most so many items are selected in memory, box by box.
const SHORT: usize = 32 << 10;
/// A bucket is cut into 2^16 parts at most: their counters stay in the L2 cache.
const MOST_DIGIT: u32 = 16;
/// Less is not worth a pass.
const LEAST_DIGIT: u32 = 4;
/// Bytes of a counter that all threads share, and of a thread's own.
const SHARED: usize = size_of::<u64>();
const OWN: usize = size_of::<u32>();

/// The ranks of all items that quantiles of `count` items lie between, each once.
pub(super) fn ranks(quantiles: &[f64], count: u64) -> Vec<u64> {
    let between = quantiles.iter().filter_map(|q| Between::new(*q, count));
    let mut ranks: Vec<u64> = between.flat_map(|between| [between.low, between.high]).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

/// A range of codes that has items of wanted ranks.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// The least code.
    start: u64,
    /// Items with lesser codes.
    before: u64,
    /// Items in it; before anything was counted, the most that there can be.
    count: u64,
}

/// What is known of a row.
#[derive(Clone, Debug, Default)]
struct Row {
    /// How many numbers it has.
    numbers: u64,
    /// Wanted ranks, which grow.
    wanted: Vec<u64>,
    /// Those that were found, with their codes.
    codes: Vec<(u64, u64)>,
    /// Where the others are.
    buckets: Vec<Bucket>,
}

pub(super) struct Hunt<'a> {
    ranking: &'a Ranking,
    quantiles: &'a [f64],
    rows: Vec<Row>,
    /// A bucket is 2^`width` codes.
    width: u32,
    /// Whether nothing is known yet.
    unknown: bool,
    /// Whether each box holds whole rows, and short ones.
    short: bool,
    /// Rows whose counters a thread has at once.
    window: usize,
    memory: usize,
    threads: usize,
}

impl<'a> Hunt<'a> {
    /// A hunt in rows of an array; an error if the memory is too little for so many rows at once.
    pub(super) fn new(
        ranking: &'a Ranking,
        quantiles: &'a [f64],
        axes: &Axes,
        run: &Run<'_>,
    ) -> Result<Self, EngineError> {
        let rows = axes.outputs();
        let items = axes.view.size() / rows.max(1);
        let whole = Bucket { start: 0, before: 0, count: items as u64 };
        let row = Row { buckets: if items > 0 { vec![whole] } else { Vec::new() }, ..Row::default() };
        let hunt = Hunt {
            ranking,
            quantiles,
            rows: vec![row; rows],
            width: ranking.bits(),
            unknown: true,
            short: !axes.is_columns() && items <= SHORT,
            window: if axes.is_columns() {
                rows
            } else {
                (box_bytes(axes) / (items * ranking.itemsize()).max(1)).max(1)
            },
            memory: run.budget() * 3 / 8,
            threads: run.most_threads(),
        };
        if !hunt.short && !hunt.fits(rows * items) {
            // Later there may be two buckets for each quantile.
            hunt.digit(rows * 2 * quantiles.len(), hunt.window * 2 * quantiles.len())?;
        }
        Ok(hunt)
    }

    /// Whether so many codes can be collected.
    fn fits(&self, codes: usize) -> bool {
        codes <= self.memory / 2 / size_of::<u64>()
    }

    /// Into how many parts so many buckets can be cut, as a power of 2; a thread has `own` of them at once.
    fn digit(&self, buckets: usize, own: usize) -> Result<u32, EngineError> {
        let part = buckets.max(1) * SHARED + self.threads * own.max(1) * OWN;
        let digit = (self.memory / part).checked_ilog2().unwrap_or(0);
        if digit >= LEAST_DIGIT {
            return Ok(digit.min(MOST_DIGIT));
        }
        Err(EngineError::Budget {
            what: "the search for so many quantiles",
            needed: ((part << LEAST_DIGIT) * 8).div_ceil(3) as u64,
            budget: (self.memory * 8 / 3) as u64,
            way: "give it more memory or ask for fewer quantiles",
        })
    }

    /// Whether everything is found.
    pub(super) fn is_over(&self) -> bool {
        self.rows.iter().all(|row| row.buckets.is_empty())
    }

    fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.rows.iter().flat_map(|row| &row.buckets)
    }

    /// What the next pass looks for.
    pub(super) fn next(&mut self) -> Result<Step<'a>, EngineError> {
        let (ranking, quantiles) = (self.ranking, self.quantiles);
        if self.short {
            let rows = Mutex::new(vec![Selected::default(); self.rows.len()]);
            return Ok(Step::Select(Selecting { ranking, quantiles, rows }));
        }
        let items: u64 = self.buckets().map(|bucket| bucket.count).sum();
        if self.fits(items as usize) {
            let room = |bucket: &Bucket| Vec::with_capacity(bucket.count as usize);
            let found = Mutex::new(self.buckets().map(room).collect());
            return Ok(Step::Collect(Collecting { ranking, search: self.search(0), found }));
        }
        let count = self.buckets().count();
        let most = self.rows.iter().map(|row| row.buckets.len()).max().unwrap_or(0);
        let digit = self.digit(count, (self.window * most).min(count))?.min(self.width);
        let search = self.search(digit);
        let counts = Mutex::new(vec![0; count * search.parts()]);
        Ok(Step::Count(Counting { ranking, search, counts }))
    }

    fn search(&self, digit: u32) -> Search {
        if self.unknown {
            return Search::everywhere(self.rows.len(), self.width, digit);
        }
        let starts: Vec<Vec<u64>> =
            self.rows.iter().map(|row| row.buckets.iter().map(|bucket| bucket.start).collect()).collect();
        Search::new(starts.iter().map(Vec::as_slice), self.width, digit)
    }

    /// Takes in what a pass found.
    pub(super) fn learn(&mut self, step: Step<'_>) {
        match step {
            Step::Select(step) => {
                let rows = step.rows.into_inner().unwrap_or_else(PoisonError::into_inner);
                for (row, selected) in self.rows.iter_mut().zip(rows) {
                    *row = Row { numbers: selected.numbers, codes: selected.codes, ..Row::default() };
                }
            }
            Step::Count(step) => {
                let counts = step.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
                self.narrow(&counts, step.search.parts());
            }
            Step::Collect(step) => {
                self.pick(step.found.into_inner().unwrap_or_else(PoisonError::into_inner));
            }
        }
        self.unknown = false;
    }

    /// The first time that all items of a row were counted or collected, their number says which ranks are
    /// wanted.
    fn know(row: &mut Row, quantiles: &[f64], numbers: u64) {
        row.numbers = numbers;
        row.wanted = ranks(quantiles, numbers);
        row.buckets.iter_mut().for_each(|bucket| bucket.count = numbers);
    }

    /// Replaces buckets by those of their parts that have wanted items.
    fn narrow(&mut self, counts: &[u64], parts: usize) {
        let width = self.width - parts.ilog2();
        let mut all = counts.chunks(parts);
        for row in &mut self.rows {
            let own: Vec<&[u64]> = all.by_ref().take(row.buckets.len()).collect();
            if self.unknown && !own.is_empty() {
                Self::know(row, self.quantiles, own[0].iter().sum());
            }
            let mut narrow = Vec::new();
            for (bucket, counts) in std::mem::take(&mut row.buckets).into_iter().zip(own) {
                let mut before = bucket.before;
                for (part, &count) in (0..).zip(counts) {
                    if has_any(&row.wanted, before, count) {
                        narrow.push(Bucket { start: bucket.start + (part << width), before, count });
                    }
                    before += count;
                }
            }
            row.buckets = narrow;
            if width == 0 {
                // A bucket of one code: every item in it is known.
                for bucket in row.buckets.drain(..) {
                    let ranks = row.wanted.iter().filter(|rank| bucket.has(**rank));
                    row.codes.extend(ranks.map(|rank| (*rank, bucket.start)));
                }
            }
        }
        self.width = width;
    }

    /// Selects the wanted items among those that were collected.
    fn pick(&mut self, found: Vec<Vec<u64>>) {
        let mut found = found.into_iter();
        for row in &mut self.rows {
            let count = row.buckets.len();
            for (i, mut codes) in found.by_ref().take(count).enumerate() {
                if self.unknown {
                    Self::know(row, self.quantiles, codes.len() as u64);
                }
                let bucket = row.buckets[i];
                let wanted = row.wanted.iter().filter(|rank| bucket.has(**rank));
                let inside: Vec<u64> = wanted.map(|rank| rank - bucket.before).collect();
                let from = row.codes.len();
                select(&mut codes, &inside, |rank, code| row.codes.push((bucket.before + rank, code)));
                row.codes[from..].reverse();
            }
            row.buckets.clear();
        }
    }

    /// The quantiles of a row.
    pub(super) fn quantiles(&self, row: usize) -> Vec<Option<Value>> {
        let row = &self.rows[row];
        let code = |rank: u64| {
            let at = row.codes.binary_search_by_key(&rank, |(rank, _)| *rank).ok()?;
            Some(row.codes[at].1)
        };
        let quantile = |q: &f64| {
            let between = Between::new(*q, row.numbers)?;
            Some(between.value(self.ranking, code(between.low)?, code(between.high)?))
        };
        self.quantiles.iter().map(quantile).collect()
    }
}

impl Bucket {
    fn has(&self, rank: u64) -> bool {
        (self.before..self.before + self.count).contains(&rank)
    }
}

/// Whether any of some growing ranks is one of `count` from `first`.
fn has_any(ranks: &[u64], first: u64, count: u64) -> bool {
    let at = ranks.partition_point(|rank| *rank < first);
    ranks.get(at).is_some_and(|rank| *rank < first + count)
}
