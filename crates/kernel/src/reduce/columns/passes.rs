//! Passes over the rows of some columns. The inner loop runs along a row, so each column is a lane.

use std::marker::PhantomData;

use ndfolio_store::{ROW, Room};

use crate::{
    reduce::{
        item::{Item, Whole},
        loops::is_nan,
        stored::{Decode, Form, Half, Lines, Native, Stored, Swapped, SwappedHalf, Truth, by_form},
    },
    simd::{Level, Loop, Vectors, dispatch},
};

/// Columns that are worked on together: their running values stay in the L2 cache, and rows are so long that the
/// processor fetches them ahead.
pub(super) const MOST_COLUMNS: usize = 8192;

/// Room for the part of a row that fills no registers, and for its items decoded.
struct Strip {
    stored: Room<ROW>,
    native: Lines<{ 2 * ROW }>,
}

impl Strip {
    fn new() -> Self {
        Strip { stored: Room::new(), native: Lines([0; 2 * ROW]) }
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

    /// Columns of a strip: as many as have [`ROW`] bytes in a row.
    #[inline(always)]
    fn strip_len(self) -> usize {
        ROW / self.itemsize()
    }

    /// Where a strip of a row begins.
    #[inline(always)]
    fn at(self, row: usize, column: usize) -> usize {
        (row * self.width + self.from + column) * self.itemsize()
    }

    /// The items of a row from a column on that are no whole strip.
    #[inline(always)]
    fn rest<'t>(&'t self, row: usize, column: usize, room: &'t mut Strip) -> &'t [T::Raw] {
        let bytes = (self.len - column) * self.itemsize();
        T::raw(self.rows.part(self.at(row, column), bytes, &mut room.stored, &mut room.native.0))
    }

    /// Hands over each strip of each row, with its first column.
    #[inline(always)]
    pub(super) fn each_strip(self, mut each: impl FnMut(usize, &[T::Raw])) {
        let mut room = Strip::new();
        for row in 0..self.count_rows() {
            for column in (0..self.len).step_by(self.strip_len()) {
                let size = self.itemsize();
                let bytes = self.strip_len().min(self.len - column) * size;
                let Strip { stored, native } = &mut room;
                each(column, T::raw(self.rows.part(self.at(row, column), bytes, stored, &mut native.0)));
            }
        }
    }

    /// Hands over strips of four rows together, then those of the rows that are left one by one; and whether
    /// nothing was handed over of these columns before.
    #[inline(always)]
    fn fours<V: Vectors, C>(
        self,
        (vectors, decode): (V, impl Decode),
        mut state: C,
        mut four: impl FnMut(&mut C, usize, [&[T::Raw]; 4], bool),
        mut one: impl FnMut(&mut C, usize, &[T::Raw], bool),
    ) {
        let (count, mut room) = (self.count_rows(), [(); 4].map(|()| Strip::new()));
        let (strip, whole) = (self.strip_len(), self.len / self.strip_len() * self.strip_len());
        let load = |row: usize, column: usize| {
            let at = self.at(row, column);
            self.rows.bytes.look_ahead(at);
            vectors.row(&self.rows.bytes, at)
        };
        for row in (0..count / 4 * 4).step_by(4) {
            for column in (0..whole).step_by(strip) {
                decode.row::<V, T, _>(vectors, load(row, column), |a| {
                    decode.row::<V, T, _>(vectors, load(row + 1, column), |b| {
                        decode.row::<V, T, _>(vectors, load(row + 2, column), |c| {
                            decode.row::<V, T, _>(vectors, load(row + 3, column), |d| {
                                four(&mut state, column, [a, b, c, d], row == 0);
                            });
                        });
                    });
                });
            }
            if whole < self.len {
                let [a, b, c, d] = &mut room;
                let rest = |i: usize, room| self.rest(row + i, whole, room);
                four(&mut state, whole, [rest(0, a), rest(1, b), rest(2, c), rest(3, d)], row == 0);
            }
        }
        for row in count / 4 * 4..count {
            for column in (0..whole).step_by(strip) {
                decode.row::<V, T, _>(vectors, load(row, column), |items| {
                    one(&mut state, column, items, row == 0);
                });
            }
            if whole < self.len {
                one(&mut state, whole, self.rest(row, whole, &mut room[0]), row == 0);
            }
        }
    }

    /// Puts values of the items of each column together, of four rows in pairs; what was there before does not
    /// count.
    #[inline(always)]
    fn gather<S: Copy>(
        self,
        how: (impl Vectors, impl Decode),
        all: &mut [S],
        of: impl Fn(usize, T) -> S,
        put: impl Fn(S, S) -> S,
    ) {
        let four = |all: &mut &mut [S], column: usize, [a, b, c, d]: [&[T::Raw]; 4], first: bool| {
            let all = &mut all[column..][..a.len()];
            let (b, c, d) = (&b[..a.len()], &c[..a.len()], &d[..a.len()]);
            let four = |i: usize| {
                let value = |row: &[T::Raw]| of(column + i, T::read(row[i]));
                put(put(value(a), value(b)), put(value(c), value(d)))
            };
            if first {
                all.iter_mut().enumerate().for_each(|(i, all)| *all = four(i));
            } else {
                all.iter_mut().enumerate().for_each(|(i, all)| *all = put(*all, four(i)));
            }
        };
        let one = |all: &mut &mut [S], column: usize, row: &[T::Raw], first: bool| {
            for (i, (all, x)) in all[column..].iter_mut().zip(row).enumerate() {
                let value = of(column + i, T::read(*x));
                *all = if first { value } else { put(*all, value) };
            }
        };
        self.fours(how, all, four, one);
    }
}

/// Adds up a function of the items, NaN left out if `SKIP`.
struct Sums<'a, T: Item, F, D, const SKIP: bool> {
    tile: Tile<'a, T>,
    decode: D,
    of: F,
    sums: &'a mut [f64],
}

impl<T: Item, F: Fn(usize, f64) -> f64, D: Decode, const SKIP: bool> Loop for Sums<'_, T, F, D, SKIP> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) {
        let value = |i: usize, x: T| if SKIP && is_nan(x) { 0.0 } else { (self.of)(i, x.wide()) };
        self.tile.gather((vectors, self.decode), self.sums, value, |a, b| a + b);
    }
}

/// Puts whole numbers together.
struct Wholes<'a, T: Item, S, F, P, D> {
    tile: Tile<'a, T>,
    decode: D,
    of: F,
    put: P,
    all: &'a mut [S],
}

impl<T: Item, S: Copy, F: Fn(T) -> S, P: Fn(S, S) -> S, D: Decode> Loop for Wholes<'_, T, S, F, P, D> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) {
        self.tile.gather((vectors, self.decode), self.all, |_, x| (self.of)(x), self.put);
    }
}

/// The place of the first row that passes a test, in each column that has one.
struct Places<'a, T: Item, F, D> {
    tile: Tile<'a, T>,
    decode: D,
    test: F,
    places: &'a mut [u32],
}

impl<T: Item, F: Fn(usize, T) -> bool, D: Decode> Loop for Places<'_, T, F, D> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) {
        let (tile, mut room) = (self.tile, Strip::new());
        let (strip, whole) = (tile.strip_len(), tile.len / tile.strip_len() * tile.strip_len());
        let mut take = |place: usize, column: usize, items: &[T::Raw]| {
            let places = &mut self.places[column..][..items.len()];
            for i in 0..items.len() {
                let passes = (self.test)(column + i, T::read(items[i]));
                places[i] = if passes { place as u32 } else { places[i] };
            }
        };
        // From the last row on, so that the first stays.
        for place in (0..tile.count_rows()).rev() {
            for column in (0..whole).step_by(strip) {
                let row = vectors.row(&tile.rows.bytes, tile.at(place, column));
                self.decode.row::<V, T, _>(vectors, row, |items| take(place, column, items));
            }
            if whole < tile.len {
                take(place, whole, tile.rest(place, whole, &mut room));
            }
        }
    }
}

/// The least and the greatest of each column, and a trace of NaN. The lowest value of all is no time.
struct Extremes<'a, T: Item, D, const TIME: bool> {
    tile: Tile<'a, T>,
    decode: D,
    min: &'a mut [T::Raw],
    max: &'a mut [T::Raw],
    trace: &'a mut [T],
}

impl<T: Item, D: Decode, const TIME: bool> Loop for Extremes<'_, T, D, TIME> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) {
        let lesser = |a: T, b: T| if (b < a) & !(TIME && b == T::LOWEST) { b } else { a };
        let greater = |a: T, b: T| if b > a { b } else { a };
        let four = |all: &mut Self, column: usize, [a, b, c, d]: [&[T::Raw]; 4], _| {
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
        let one = |all: &mut Self, column: usize, row: &[T::Raw], _| {
            for (i, x) in row.iter().enumerate() {
                let (i, x) = (column + i, T::read(*x));
                all.min[i] = lesser(T::read(all.min[i]), x).write();
                all.max[i] = greater(T::read(all.max[i]), x).write();
                all.trace[i] = x.trace(all.trace[i]);
            }
        };
        self.tile.fours((vectors, self.decode), self, four, one);
    }
}

/// Whether anything passes a test. All are looked at, which is faster than to stop at the first.
pub(super) fn any<S: Copy>(list: &[S], test: impl Fn(S) -> bool) -> bool {
    list.iter().fold(false, |any, x| any | test(*x))
}

impl<T: Item> Tile<'_, T> {
    /// Adds up a function of the items; all lists here are those of all columns.
    pub(super) fn sums(self, level: Level, skip: bool, of: impl Fn(usize, f64) -> f64, sums: &mut [f64]) {
        let sums = self.part(sums);
        if skip {
            by_form!(self.rows.form, T, decode => dispatch(level, Sums::<_, _, _, true> { tile: self, decode, of, sums }));
        } else {
            by_form!(self.rows.form, T, decode => dispatch(level, Sums::<_, _, _, false> { tile: self, decode, of, sums }));
        }
    }

    fn wholes<S: Copy>(self, level: Level, of: impl Fn(T) -> S, put: impl Fn(S, S) -> S, all: &mut [S]) {
        let all = self.part(all);
        by_form!(self.rows.form, T, decode => dispatch(level, Wholes { tile: self, decode, of, put, all }));
    }

    /// Counts items that pass a test.
    pub(super) fn count(self, level: Level, test: impl Fn(T) -> bool, counts: &mut [u64]) {
        let of = |x: T| u64::from(test(x));
        self.wholes(level, of, u64::wrapping_add, counts);
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
        by_form!(self.rows.form, T, decode => {
            dispatch(level, Places { tile: self, decode, test, places: &mut found });
        });
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
            by_form!(self.rows.form, T, decode => {
                dispatch(level, Extremes::<_, _, true> { tile: self, decode, min, max, trace: &mut trace });
            });
        } else {
            by_form!(self.rows.form, T, decode => {
                dispatch(level, Extremes::<_, _, false> { tile: self, decode, min, max, trace: &mut trace });
            });
        }
        any(&trace, |trace| is_nan(trace))
    }
}

impl<T: Whole> Tile<'_, T> {
    /// The sums of the items, or of their lower and upper halves.
    pub(super) fn whole_sums(self, level: Level, low: &mut [i64], high: &mut [i64]) {
        let put = i64::wrapping_add;
        self.wholes(level, |x: T| x.halves().0, put, low);
        if size_of::<T::Raw>() == 8 {
            self.wholes(level, |x: T| x.halves().1, put, high);
        }
    }

    /// The products modulo 2^64.
    pub(super) fn products(self, level: Level, products: &mut [u64]) {
        let put = u64::wrapping_mul;
        self.wholes(level, T::wrapped, put, products);
    }
}
