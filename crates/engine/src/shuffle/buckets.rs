//! How large buckets are, and in what memory they are filled and put in order.

use std::ops::Range;

use ndfolio_store::IoEngine;

use crate::{Run, parallel::threads};

use super::{deal::Open, numbers::BATCH};

/// Ranges of places of the new file.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    rows: u64,
    /// Bytes of a row.
    pub(super) row: usize,
    /// Where the first row lies in the new file.
    start: u64,
    /// Places of each bucket; the last may have fewer.
    pub(super) each: u64,
    pub(super) count: usize,
    pub(super) threads: usize,
    /// Bytes that a bucket gets at once.
    pub(super) block: usize,
    /// What the first pass has for bytes that come, and for those that go.
    pub(super) reading: usize,
    pub(super) writing: usize,
    /// Rows whose buckets are looked up at once.
    pub(super) batch: usize,
    /// The same of each thread of the second pass.
    pub(super) reading_back: usize,
    pub(super) writing_back: usize,
}

/// Memory with which a device is kept busy.
const MOST_READING: usize = 4 << 20;
pub(super) const MOST_WRITING: usize = 8 << 20;
/// Blocks of this length are written as fast as longer ones.
const MOST_BLOCK: usize = 1 << 20;
/// What the file system counts in.
const PAGE: usize = 4096;
/// Shorter blocks are not worth the call.
const LEAST_BLOCK: usize = 64;
/// Less memory than this is not worth a thread of its own.
const LEAST: usize = 1 << 20;
/// More rows take so long to be put in order that somebody who wants to stop would have to wait.
const MOST_ROWS: u64 = 1 << 21;
/// Bytes for each row of a bucket beside the row itself: its number and its place.
const BESIDE_A_ROW: usize = size_of::<u64>();

impl Buckets {
    /// For rows of so many bytes, if the memory has room for a block of each bucket.
    pub(super) fn new(rows: usize, row: usize, start: u64, run: &Run<'_>) -> Option<Self> {
        let (budget, rows) = (run.budget(), rows as u64);
        let threads = threads(run, (rows as usize).saturating_mul(row)).min(budget / LEAST).max(1);
        let each = budget / threads;
        let (reading_back, writing_back) = ((each / 8).min(MOST_READING), (each / 8).min(MOST_WRITING));
        let left = each - reading_back - writing_back;
        // The number of a row and its place in the bucket are one word.
        let bits = u64::BITS - rows.leading_zeros();
        let most = MOST_ROWS.min(1 << (u64::BITS - bits)).min(rows);
        let each = most.min((left / (row + BESIDE_A_ROW)) as u64);
        let count = usize::try_from(rows.checked_div(each)? + 1).ok()?;
        let each = rows.div_ceil(rows.div_ceil(each));
        let count = usize::try_from(rows.div_ceil(each)).ok().filter(|&all| all <= count)?;
        let batch = (budget / 64 / (threads + 2) / size_of::<u32>()).clamp(1, BATCH);
        let beside = batch * size_of::<u32>() * 3 * threads + count * size_of::<Open>();
        let (reading, writing) = ((budget / 8).min(MOST_READING), (budget / 8).min(MOST_WRITING));
        let block = budget.checked_sub(reading + writing + beside)? / count;
        let block = block.min(MOST_BLOCK).min(writing);
        let block = if block < PAGE { block } else { block / PAGE * PAGE };
        (block >= LEAST_BLOCK).then_some(Buckets {
            rows,
            row,
            start,
            each,
            count,
            threads,
            block,
            reading,
            writing,
            batch,
            reading_back,
            writing_back,
        })
    }

    /// The places of a bucket.
    pub(super) fn places(&self, bucket: usize) -> Range<u64> {
        let first = bucket as u64 * self.each;
        first..self.rows.min(first + self.each)
    }

    /// Where they lie in the new file.
    pub(super) fn bytes_of(&self, bucket: usize) -> Range<u64> {
        let places = self.places(bucket);
        self.start + places.start * self.row as u64..self.start + places.end * self.row as u64
    }

    /// Bytes of all rows.
    pub(super) fn total(&self) -> usize {
        self.rows as usize * self.row
    }

    /// Bytes of memory of the pass that takes more.
    pub(super) fn bytes(&self) -> usize {
        let beside = self.batch * size_of::<u32>() * 3 * self.threads + self.count * size_of::<Open>();
        let first = self.reading + self.writing + self.count * self.block + beside;
        let bucket = self.each as usize * (self.row + BESIDE_A_ROW);
        first.max((bucket + self.reading_back + self.writing_back) * self.threads)
    }

    /// The two passes, in words.
    pub(super) fn stages(&self) -> Vec<String> {
        let rows = if self.each == 1 { "row" } else { "rows" };
        vec![
            format!(
                "the array is read from front to back; each row goes to one of {} buckets of {} {rows} in the new file, \
                 {} bytes at a time",
                self.count, self.each, self.block
            ),
            "each bucket is read, put in order in memory, and written back".to_owned(),
        ]
    }

    /// Bytes of a piece in which a stream with so much memory reads.
    pub(super) fn piece(reading: usize) -> usize {
        IoEngine::Direct.piece_bytes().min(reading / 4).max(1)
    }
}
