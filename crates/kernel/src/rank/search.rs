use std::ops::Range;

use super::Ranking;

/// Codes that are worked on together; they stay in the L1 cache.
const CHUNK: usize = 512;

/// The buckets in which wanted items lie, of each of some rows: ranges of codes, all of them of one width.
#[derive(Clone, Debug)]
pub struct Search {
    /// Where the buckets of each row begin, and where the last ones end.
    rows: Vec<u32>,
    /// The least code of each bucket, ascending in each row.
    starts: Vec<u64>,
    /// A bucket is 2^`width` codes.
    width: u32,
    /// A bucket is counted in 2^`digit` parts.
    digit: u32,
    /// A bit for the lowest bits of the numbers of all buckets; none where there is only one for each row.
    likely: Vec<u64>,
}

/// An item in a bucket: the number of the bucket, and the item's code.
pub type Found = (u32, u64);

/// Bits of a bucket's number that say whether it is likely to be wanted.
const LIKELY: u64 = (1 << 14) - 1;

impl Search {
    /// Of rows that are wholly unknown: one bucket of all codes for each.
    #[must_use]
    pub fn everywhere(rows: usize, bits: u32, digit: u32) -> Self {
        let likely = Vec::new();
        Search { rows: (0..=rows as u32).collect(), starts: vec![0; rows], width: bits, digit, likely }
    }

    /// Of buckets of 2^`width` codes, given the least code of each, ascending in each row.
    #[must_use]
    pub fn new<'a>(rows: impl Iterator<Item = &'a [u64]>, width: u32, digit: u32) -> Self {
        let mut search = Search {
            rows: vec![0],
            starts: Vec::new(),
            width,
            digit,
            likely: vec![0; (LIKELY as usize + 1) / 64],
        };
        for starts in rows {
            for start in starts {
                let number = (start >> width) & LIKELY;
                search.likely[number as usize / 64] |= 1 << (number % 64);
            }
            search.starts.extend(starts);
            search.rows.push(search.starts.len() as u32);
        }
        search
    }

    /// The numbers of the buckets of some rows.
    #[must_use]
    pub fn buckets(&self, rows: Range<usize>) -> Range<usize> {
        self.rows[rows.start] as usize..self.rows[rows.end] as usize
    }

    /// The most buckets that so many rows have, one after the other.
    #[must_use]
    pub fn most_buckets(&self, rows: usize) -> usize {
        let last = self.rows.len() - 1;
        let rows = rows.min(last);
        (0..=last - rows).map(|first| self.buckets(first..first + rows).len()).max().unwrap_or(0)
    }

    /// Into how many parts a bucket is cut.
    #[must_use]
    pub fn parts(&self) -> usize {
        1 << self.digit
    }

    /// Counts the items of a row, or of a part of it, in the parts of the row's buckets.
    ///
    /// # Panics
    /// If there are not as many counters as the row's buckets have parts.
    pub fn count(&self, ranking: &Ranking, row: usize, items: &[u8], counts: &mut [u32]) {
        let mut buffer = [0; CHUNK];
        let buckets = self.buckets(row..row + 1);
        let counts = &mut counts[..buckets.len() << self.digit];
        for items in items.chunks(CHUNK * ranking.itemsize()) {
            let codes = &mut buffer[..items.len() / ranking.itemsize()];
            ranking.codes(items, codes);
            if self.likely.is_empty() {
                let shift = self.width - self.digit;
                for code in codes.iter().filter(|code| ranking.is_number(**code)) {
                    counts[(code >> shift) as usize] += 1;
                }
                continue;
            }
            for &code in &*codes {
                if let Some(bucket) = self.find(ranking, buckets.clone(), code) {
                    counts[((bucket - buckets.start) << self.digit) + self.part(bucket, code)] += 1;
                }
            }
        }
    }

    /// Adds what of a row's items is in its buckets to `found`.
    pub fn collect(&self, ranking: &Ranking, row: usize, items: &[u8], found: &mut Vec<Found>) {
        let mut buffer = [0; CHUNK];
        let buckets = self.buckets(row..row + 1);
        for items in items.chunks(CHUNK * ranking.itemsize()) {
            let codes = &mut buffer[..items.len() / ranking.itemsize()];
            ranking.codes(items, codes);
            let find = |&code: &u64| self.find(ranking, buckets.clone(), code).map(|at| (at as u32, code));
            found.extend(codes.iter().filter_map(find));
        }
    }

    /// The bucket among some that a code lies in, if it is a number's.
    #[inline(always)]
    fn find(&self, ranking: &Ranking, buckets: Range<usize>, code: u64) -> Option<usize> {
        if !ranking.is_number(code) {
            return None;
        }
        if self.likely.is_empty() {
            return Some(buckets.start);
        }
        let number = code >> self.width;
        if self.likely[(number & LIKELY) as usize / 64] >> (number % 64) & 1 == 0 {
            return None;
        }
        let at = self.starts[buckets.clone()].binary_search(&(number << self.width)).ok()?;
        Some(buckets.start + at)
    }

    /// The part of a bucket that a code lies in.
    #[inline(always)]
    fn part(&self, bucket: usize, code: u64) -> usize {
        ((code - self.starts[bucket]) >> (self.width - self.digit)) as usize
    }
}
