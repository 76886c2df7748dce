//! Passes over the rows of some columns. The inner loop runs along a row, so each column is a lane.

use std::marker::PhantomData;

use ndfolio_store::Room;

use crate::{
    reduce::{
        item::{Item, Whole},
        loops::is_nan,
        stored::{Lines, Stored},
    },
    simd::{Level, Loop, dispatch},
};

/// Columns that are worked on together: their running values stay in the L2 cache, and rows are so long that the
/// processor fetches them ahead.
pub(super) const MOST_COLUMNS: usize = 8192;

/// Bytes of a row that are worked on at once: of four rows together no more than the processor copies ahead.
const STRIP: usize = 256;

/// Room for a strip of mapped items, and for them decoded.
struct Strip {
    stored: Room<STRIP>,
    native: Lines<STRIP>,
}

impl Strip {
    fn new() -> Self {
        Strip { stored: Room::new(), native: Lines([0; STRIP]) }
    }
}

/// Some neighbouring columns of a group of rows.
pub(super) struct Tile<'a, T: Item> {
    /// All rows.
    rows: Stored<'a>,
    /// Items of a row.
    width: usize,
    /// The first column.
    pub(super) from: usize,
    /// How many columns, at most [`MOST_COLUMNS`].
    pub(super) len: usize,
    item: PhantomData<T>,
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

    /// All columns of rows of `width` items, in tiles.
    pub(super) fn of(rows: Stored<'a>, width: usize) -> impl Iterator<Item = Self> {
        let tile =
            move |from| Tile { rows, width, from, len: MOST_COLUMNS.min(width - from), item: PhantomData };
        (0..width).step_by(MOST_COLUMNS).map(tile)
    }

    #[inline(always)]
    fn count_rows(self) -> usize {
        self.rows.bytes.len() / (self.width * self.itemsize())
    }

    /// Bytes of an item as it is stored.
    #[inline(always)]
    fn itemsize(self) -> usize {
        size_of::<T::Raw>() / self.rows.form.growth()
    }

    /// Strips of the columns: the first of each, and how many.
    #[inline(always)]
    fn strips(self) -> impl Iterator<Item = (usize, usize)> {
        let most = const { STRIP / size_of::<T::Raw>() };
        (0..self.len).step_by(most).map(move |column| (column, most.min(self.len - column)))
    }

    #[inline(always)]
    fn strip<'t>(&'t self, row: usize, (column, len): (usize, usize), room: &'t mut Strip) -> &'t [T::Raw] {
        let size = self.itemsize();
        let at = (row * self.width + self.from + column) * size;
        &T::raw(self.rows.part(at, len * size, &mut room.stored, &mut room.native.0))[..len]
    }

    /// Hands over each strip of each row, with its first column.
    #[inline(always)]
    pub(super) fn each_strip(self, mut each: impl FnMut(usize, &[T::Raw])) {
        let mut room = Strip::new();
        for row in 0..self.count_rows() {
            for strip in self.strips() {
                each(strip.0, self.strip(row, strip, &mut room));
            }
        }
    }

    /// Hands over strips of four rows together, then those of the rows that are left with `rest`.
    #[inline(always)]
    fn fours<C>(
        self,
        mut state: C,
        mut four: impl FnMut(&mut C, usize, [&[T::Raw]; 4]),
        mut one: impl FnMut(&mut C, usize, &[T::Raw]),
    ) {
        let (count, mut room) = (self.count_rows(), [(); 4].map(|()| Strip::new()));
        for row in (0..count / 4 * 4).step_by(4) {
            for strip in self.strips() {
                let [a, b, c, d] = &mut room;
                let rows = [
                    self.strip(row, strip, a),
                    self.strip(row + 1, strip, b),
                    self.strip(row + 2, strip, c),
                    self.strip(row + 3, strip, d),
                ];
                four(&mut state, strip.0, rows);
            }
        }
        for row in count / 4 * 4..count {
            for strip in self.strips() {
                one(&mut state, strip.0, self.strip(row, strip, &mut room[0]));
            }
        }
    }

    /// Puts a value of each item to that of its column, of four rows in pairs.
    #[inline(always)]
    fn gather<S: Copy>(self, all: &mut [S], of: impl Fn(usize, T) -> S, put: impl Fn(S, S) -> S) {
        let four = |all: &mut &mut [S], column: usize, [a, b, c, d]: [&[T::Raw]; 4]| {
            let all = &mut all[column..][..a.len()];
            let (b, c, d) = (&b[..a.len()], &c[..a.len()], &d[..a.len()]);
            for i in 0..a.len() {
                let value = |row: &[T::Raw]| of(column + i, T::read(row[i]));
                all[i] = put(all[i], put(put(value(a), value(b)), put(value(c), value(d))));
            }
        };
        let one = |all: &mut &mut [S], column: usize, row: &[T::Raw]| {
            for (i, (all, x)) in all[column..].iter_mut().zip(row).enumerate() {
                *all = put(*all, of(column + i, T::read(*x)));
            }
        };
        self.fours(all, four, one);
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
        let mut room = Strip::new();
        // From the last row on, so that the first stays.
        for place in (0..self.tile.count_rows()).rev() {
            for strip in self.tile.strips() {
                let row = self.tile.strip(place, strip, &mut room);
                let places = &mut self.places[strip.0..][..row.len()];
                for i in 0..row.len() {
                    let passes = (self.test)(strip.0 + i, T::read(row[i]));
                    places[i] = if passes { place as u32 } else { places[i] };
                }
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
        let lesser = |a: T, b: T| if (b < a) & !(TIME && b == T::LOWEST) { b } else { a };
        let greater = |a: T, b: T| if b > a { b } else { a };
        let four = |all: &mut Self, column: usize, [a, b, c, d]: [&[T::Raw]; 4]| {
            let len = a.len();
            let (b, c, d) = (&b[..len], &c[..len], &d[..len]);
            let (min, max) = (&mut all.min[column..][..len], &mut all.max[column..][..len]);
            let trace = &mut all.trace[column..][..len];
            for i in 0..len {
                let (a, b, c, d) = (T::read(a[i]), T::read(b[i]), T::read(c[i]), T::read(d[i]));
                min[i] = lesser(lesser(lesser(lesser(T::read(min[i]), a), b), c), d).write();
                max[i] = greater(greater(greater(greater(T::read(max[i]), a), b), c), d).write();
                trace[i] = d.trace(c.trace(b.trace(a.trace(trace[i]))));
            }
        };
        let one = |all: &mut Self, column: usize, row: &[T::Raw]| {
            for (i, x) in row.iter().enumerate() {
                let (i, x) = (column + i, T::read(*x));
                all.min[i] = lesser(T::read(all.min[i]), x).write();
                all.max[i] = greater(T::read(all.max[i]), x).write();
                all.trace[i] = x.trace(all.trace[i]);
            }
        };
        self.tile.fours(self, four, one);
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
        let mut found = [u32::MAX; MOST_COLUMNS];
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
        let mut trace = [T::ZERO; MOST_COLUMNS];
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
