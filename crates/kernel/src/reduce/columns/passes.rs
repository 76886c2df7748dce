//! Passes over the rows of some columns. The inner loop runs along a row, so each column is a lane.

use crate::{
    reduce::{
        item::{Item, Whole},
        loops::is_nan,
    },
    simd::{Level, Loop, dispatch},
};

/// Columns that are worked on together: their running values stay in the L1 cache.
pub(super) const TILE: usize = 512;

/// Some neighbouring columns of a group of rows.
pub(super) struct Tile<'a, T: Item> {
    /// All rows.
    pub(super) raw: &'a [T::Raw],
    /// Items of a row.
    pub(super) width: usize,
    /// The first column.
    pub(super) from: usize,
    /// How many columns, at most [`TILE`].
    pub(super) len: usize,
}

impl<T: Item> Clone for Tile<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Item> Copy for Tile<'_, T> {}

impl<'a, T: Item> Tile<'a, T> {
    /// The columns' part of a list.
    pub(super) fn part<S>(self, list: &mut [S]) -> &mut [S] {
        &mut list[self.from..][..self.len]
    }

    #[inline(always)]
    fn cut(self, row: &'a [T::Raw]) -> &'a [T::Raw] {
        &row[self.from..][..self.len]
    }

    #[inline(always)]
    pub(super) fn rows(self) -> impl DoubleEndedIterator<Item = &'a [T::Raw]> + ExactSizeIterator {
        self.raw.chunks_exact(self.width).map(move |row| self.cut(row))
    }

    /// Four rows at a time, and the rows that are left.
    #[inline(always)]
    fn fours(self) -> (impl Iterator<Item = [&'a [T::Raw]; 4]>, impl Iterator<Item = &'a [T::Raw]>) {
        let fours = self.raw.chunks_exact(4 * self.width);
        let rest = Tile { raw: fours.remainder(), ..self };
        let row = move |four: &'a [T::Raw], i: usize| self.cut(&four[i * self.width..]);
        (fours.map(move |four| [row(four, 0), row(four, 1), row(four, 2), row(four, 3)]), rest.rows())
    }

    /// Puts a value of each item to that of its column, of four rows in pairs.
    #[inline(always)]
    fn gather<S: Copy>(self, all: &mut [S], of: impl Fn(usize, T) -> S, put: impl Fn(S, S) -> S) {
        let (all, len) = (&mut all[..self.len], self.len);
        let (fours, rest) = self.fours();
        for [a, b, c, d] in fours {
            let (a, b, c, d) = (&a[..len], &b[..len], &c[..len], &d[..len]);
            for i in 0..len {
                let value = |row: &[T::Raw]| of(i, T::read(row[i]));
                all[i] = put(all[i], put(put(value(a), value(b)), put(value(c), value(d))));
            }
        }
        for row in rest {
            let row = &row[..len];
            for i in 0..len {
                all[i] = put(all[i], of(i, T::read(row[i])));
            }
        }
    }
}

/// Adds up a function of the items, NaN left out if `SKIP`.
struct Sums<'a, T: Item, F, const SKIP: bool> {
    tile: Tile<'a, T>,
    of: F,
    sums: &'a mut [f64],
}

impl<T: Item, F: Fn(usize, f64) -> f64, const SKIP: bool> Loop for Sums<'_, T, F, SKIP> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let value = |i: usize, x: T| if SKIP && is_nan(x) { 0.0 } else { (self.of)(i, x.wide()) };
        self.tile.gather(self.sums, value, |a, b| a + b);
    }
}

/// Puts whole numbers together.
struct Wholes<'a, T: Item, S, F, P> {
    tile: Tile<'a, T>,
    of: F,
    put: P,
    all: &'a mut [S],
}

impl<T: Item, S: Copy, F: Fn(T) -> S, P: Fn(S, S) -> S> Loop for Wholes<'_, T, S, F, P> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.tile.gather(self.all, |_, x| (self.of)(x), self.put);
    }
}

/// The place of the first row that passes a test, in each column that has one.
struct Places<'a, T: Item, F> {
    tile: Tile<'a, T>,
    test: F,
    places: &'a mut [u32],
}

impl<T: Item, F: Fn(usize, T) -> bool> Loop for Places<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let places = &mut self.places[..self.tile.len];
        // From the last row on, so that the first stays.
        for (place, row) in self.tile.rows().enumerate().rev() {
            let row = &row[..places.len()];
            for i in 0..places.len() {
                places[i] = if (self.test)(i, T::read(row[i])) { place as u32 } else { places[i] };
            }
        }
    }
}

/// The least and the greatest of each column, and a trace of NaN. The lowest value of all is no time.
struct Extremes<'a, T: Item, const TIME: bool> {
    tile: Tile<'a, T>,
    min: &'a mut [T::Raw],
    max: &'a mut [T::Raw],
    trace: &'a mut [T],
}

impl<T: Item, const TIME: bool> Loop for Extremes<'_, T, TIME> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let len = self.tile.len;
        let (min, max, trace) = (&mut self.min[..len], &mut self.max[..len], &mut self.trace[..len]);
        let lesser = |a: T, b: T| if (b < a) & !(TIME && b == T::LOWEST) { b } else { a };
        let greater = |a: T, b: T| if b > a { b } else { a };
        let (fours, rest) = self.tile.fours();
        for [a, b, c, d] in fours {
            let (a, b, c, d) = (&a[..len], &b[..len], &c[..len], &d[..len]);
            for i in 0..len {
                let [a, b, c, d] = [a[i], b[i], c[i], d[i]].map(T::read);
                min[i] = lesser(lesser(lesser(lesser(T::read(min[i]), a), b), c), d).write();
                max[i] = greater(greater(greater(greater(T::read(max[i]), a), b), c), d).write();
                trace[i] = d.trace(c.trace(b.trace(a.trace(trace[i]))));
            }
        }
        for row in rest {
            let row = &row[..len];
            for i in 0..len {
                let x = T::read(row[i]);
                min[i] = lesser(T::read(min[i]), x).write();
                max[i] = greater(T::read(max[i]), x).write();
                trace[i] = x.trace(trace[i]);
            }
        }
    }
}

impl<T: Item> Tile<'_, T> {
    /// Adds up a function of the items; all lists here are those of all columns.
    pub(super) fn sums(self, level: Level, skip: bool, of: impl Fn(usize, f64) -> f64, sums: &mut [f64]) {
        let sums = self.part(sums);
        if skip {
            dispatch(level, Sums::<_, _, true> { tile: self, of, sums });
        } else {
            dispatch(level, Sums::<_, _, false> { tile: self, of, sums });
        }
    }

    /// Counts items that pass a test.
    pub(super) fn count(self, level: Level, test: impl Fn(T) -> bool, counts: &mut [u64]) {
        let of = |x: T| u64::from(test(x));
        dispatch(level, Wholes { tile: self, of, put: u64::wrapping_add, all: self.part(counts) });
    }

    /// The positions of the first items that pass a test, if that of the first row is `first`.
    pub(super) fn places(
        self,
        level: Level,
        first: u64,
        test: impl Fn(usize, T) -> bool,
        places: &mut [u64],
    ) {
        let mut found = [u32::MAX; TILE];
        dispatch(level, Places { tile: self, test, places: &mut found });
        for (place, found) in self.part(places).iter_mut().zip(found) {
            if found != u32::MAX {
                *place = first + u64::from(found);
            }
        }
    }

    /// Finds the extremes; whether there may be a NaN.
    pub(super) fn extremes(self, level: Level, time: bool, min: &mut [u8], max: &mut [u8]) -> bool {
        let (min, max) = (self.part(T::raw_mut(min)), self.part(T::raw_mut(max)));
        min.fill(T::HIGHEST.write());
        max.fill(T::LOWEST.write());
        let mut trace = [T::ZERO; TILE];
        if time {
            dispatch(level, Extremes::<_, true> { tile: self, min, max, trace: &mut trace });
        } else {
            dispatch(level, Extremes::<_, false> { tile: self, min, max, trace: &mut trace });
        }
        trace.iter().any(|trace| is_nan(*trace))
    }
}

impl<T: Whole> Tile<'_, T> {
    /// The sums of the items, or of their lower and upper halves.
    pub(super) fn whole_sums(self, level: Level, low: &mut [i64], high: &mut [i64]) {
        let put = i64::wrapping_add;
        dispatch(level, Wholes { tile: self, of: |x: T| x.halves().0, put, all: self.part(low) });
        if size_of::<T::Raw>() == 8 {
            dispatch(level, Wholes { tile: self, of: |x: T| x.halves().1, put, all: self.part(high) });
        }
    }

    /// The products modulo 2^64.
    pub(super) fn products(self, level: Level, products: &mut [u64]) {
        let put = u64::wrapping_mul;
        dispatch(level, Wholes { tile: self, of: T::wrapped, put, all: self.part(products) });
    }
}
