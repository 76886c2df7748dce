//! A bucket in memory, whose rows are put in order.

use std::ops::Range;

use ndfolio_kernel::Permutation;
use ndfolio_store::large_pages;

use super::buckets::Buckets;
use crate::EngineError;

/// Rows whose numbers are computed before somebody is asked whether to go on.
const NUMBERED: usize = 1 << 16;

pub(super) struct Bucket {
    /// Bytes of a row.
    row: usize,
    /// The numbers of the rows in the array, from the least, and in the lower bits their places in the bucket.
    rows: Vec<u64>,
    bits: u32,
    items: Vec<u8>,
}

impl Bucket {
    /// Room for any of the buckets.
    pub(super) fn new(buckets: &Buckets) -> Self {
        let mut items = vec![0; buckets.each as usize * buckets.row];
        large_pages(&mut items);
        let rows = Vec::with_capacity(buckets.each as usize);
        Bucket { row: buckets.row, rows, bits: u64::BITS - (buckets.each - 1).leading_zeros(), items }
    }

    /// Finds out which row came when: in the order of the array.
    pub(super) fn number(
        &mut self,
        order: &Permutation,
        places: Range<u64>,
        go_on: &dyn Fn() -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.rows.clear();
        for first in places.clone().step_by(NUMBERED) {
            go_on()?;
            let some = first..places.end.min(first + NUMBERED as u64);
            self.rows.extend(some.map(|place| order.at(place) << self.bits | (place - places.start)));
        }
        self.rows.sort_unstable();
        Ok(())
    }

    /// Puts bytes that came `at` bytes behind the first of the bucket to their places.
    pub(super) fn put(&mut self, bytes: &[u8], at: usize) {
        match self.row {
            1 => self.put_short::<1>(bytes, at),
            2 => self.put_short::<2>(bytes, at),
            4 => self.put_short::<4>(bytes, at),
            8 => self.put_short::<8>(bytes, at),
            16 => self.put_short::<16>(bytes, at),
            _ => self.put_any(bytes, at),
        }
    }

    fn put_any(&mut self, mut bytes: &[u8], at: usize) {
        let (mut number, mut before) = (at / self.row, at % self.row);
        while !bytes.is_empty() {
            let to = self.place(number) * self.row + before;
            let (now, later) = bytes.split_at(bytes.len().min(self.row - before));
            self.items[to..to + now.len()].copy_from_slice(now);
            (number, before, bytes) = (number + 1, 0, later);
        }
    }

    /// The same for rows that are as short as a word.
    fn put_short<const ROW: usize>(&mut self, bytes: &[u8], at: usize) {
        let (first, bytes) = bytes.split_at(bytes.len().min(at.wrapping_neg() % ROW));
        self.put_any(first, at);
        let number = (at + first.len()) / ROW;
        let (whole, last) = bytes.as_chunks::<ROW>();
        let mask = self.mask();
        let places = self.items.as_chunks_mut::<ROW>().0;
        for (row, word) in whole.iter().zip(&self.rows[number..]) {
            places[(word & mask) as usize] = *row;
        }
        self.put_any(last, at + first.len() + whole.len() * ROW);
    }

    fn mask(&self) -> u64 {
        (1 << self.bits) - 1
    }

    /// Where the row that came as this one goes.
    fn place(&self, number: usize) -> usize {
        (self.rows[number] & self.mask()) as usize
    }

    /// The rows in order.
    pub(super) fn items(&self) -> &[u8] {
        &self.items
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.items.capacity() + self.rows.capacity() * size_of::<u64>()
    }
}
