//! Items as they were read, from which batches are made.

use std::ops::Range;

use ndfolio_engine::{Run, can_hold, hold};
use ndfolio_kernel::to_native;
use ndfolio_store::Held;

use crate::{Array, Result, error::At};

/// Bytes of a piece that is read at once, at most, and of those that are worth being read to where they stay, on average.
const LONG: usize = 512 << 10;
const WORTH: usize = 64 << 10;

/// The items of a chunk, in this machine's byte order.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) items: usize,
    columns: Vec<Rows>,
    runs: Runs,
}

/// What was read of one array.
#[derive(Debug)]
pub(super) enum Rows {
    /// In the order of the batches.
    Gathered(Vec<u8>),
    /// In the order of the file.
    Held(Held),
}

/// Items that lie one after the other in the file, cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Rows.
    pieces: Vec<Range<u64>>,
    /// Where each item is: its piece, and its row there.
    places: Vec<(u32, u32)>,
    /// Items and their numbers.
    sorted: Vec<(i64, u32)>,
}

impl Runs {
    /// Finds the runs of some rows, in pieces of so many rows at most.
    fn find(&mut self, rows: &[i64], most: u64) {
        self.sorted.clear();
        self.sorted.extend(rows.iter().copied().zip(0..));
        self.sorted.sort_unstable();
        self.pieces.clear();
        self.places.clear();
        self.places.resize(rows.len(), (0, 0));
        for &(row, number) in &self.sorted {
            let row = row as u64;
            match self.pieces.last_mut() {
                Some(piece) if row < piece.end => {}
                Some(piece) if row == piece.end && row - piece.start < most => piece.end += 1,
                _ => self.pieces.push(row..row + 1),
            }
            let first = self.pieces[self.pieces.len() - 1].start;
            self.places[number as usize] = ((self.pieces.len() - 1) as u32, (row - first) as u32);
        }
    }

    /// Whether pieces of rows of `each` bytes are worth being read to where they stay: long, and of about the same length,
    /// as each takes the memory of the longest.
    fn is_worth(&self, each: usize) -> bool {
        let (total, longest) = self.pieces.iter().fold((0, 0), |(total, longest): (u64, u64), piece| {
            let rows = piece.end - piece.start;
            (total + rows, longest.max(rows))
        });
        let count = self.pieces.len() as u64;
        total * each as u64 >= count * WORTH as u64 && longest * count <= total + total / 8 + longest
    }
}

impl Raw {
    /// Begins with a chunk of these rows of arrays of rows of up to `longest` bytes.
    pub(super) fn begin(&mut self, rows: &[i64], longest: usize, columns: usize) {
        self.items = rows.len();
        self.runs.find(rows, (LONG / longest.max(1)).max(1) as u64);
        self.columns.resize_with(columns, || Rows::Gathered(Vec::new()));
    }

    /// Reads the rows of an array, of `each` bytes, to where they stay. `false` where that is not worth it, or cannot be.
    pub(super) fn hold(
        &mut self,
        column: usize,
        (array, each): (&Array, usize),
        run: &Run<'_>,
    ) -> Result<bool> {
        if !self.runs.is_worth(each) || !can_hold(array.view(), run) {
            return Ok(false);
        }
        let start = array.view().offset();
        let at = |row: u64| start + row * each as u64;
        let pieces: Vec<Range<u64>> =
            self.runs.pieces.iter().map(|piece| at(piece.start)..at(piece.end)).collect();
        let mut held = match std::mem::replace(&mut self.columns[column], Rows::Gathered(Vec::new())) {
            Rows::Held(held) => held,
            Rows::Gathered(_) => Held::default(),
        };
        if hold(array.file(), &pieces, &mut held, run).at(array.place())?.is_none() {
            return Ok(false);
        }
        (0..pieces.len()).for_each(|piece| to_native(held.piece(piece), array.dtype()));
        self.columns[column] = Rows::Held(held);
        Ok(true)
    }

    /// Memory for `len` bytes of a column, in the order of the batches.
    pub(super) fn room(&mut self, column: usize, len: usize) -> &mut [u8] {
        let rows = &mut self.columns[column];
        if let Rows::Held(_) = rows {
            *rows = Rows::Gathered(Vec::new());
        }
        let Rows::Gathered(bytes) = rows else { unreachable!("they are gathered") };
        if bytes.capacity() < len {
            // The old memory is gone before there is new, which is no longer than it must be.
            *bytes = Vec::new();
            bytes.reserve_exact(len);
        }
        bytes.resize(len, 0);
        bytes
    }

    /// Hands some items of a column, of `each` bytes, to `take`, with their numbers among them: those that lie together at
    /// once.
    pub(super) fn each(
        &mut self,
        (column, each): (usize, usize),
        items: Range<usize>,
        mut take: impl FnMut(Range<usize>, &mut [u8]),
    ) {
        match &mut self.columns[column] {
            Rows::Gathered(bytes) => {
                take(0..items.len(), &mut bytes[items.start * each..items.end * each]);
            }
            Rows::Held(held) => {
                for (number, &(piece, row)) in self.runs.places[items].iter().enumerate() {
                    let start = row as usize * each;
                    take(number..number + 1, &mut held.piece(piece as usize)[start..start + each]);
                }
            }
        }
    }
}
