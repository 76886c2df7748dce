//! The loops over items. Those of a block are dealt out to lanes in turn, and what the lanes hold is put together
//! in one fixed order. Each loop is compiled as a whole for its instruction set: it loads rows of items into
//! registers, wherever they lie, and keeps its lanes in registers too.

use std::marker::PhantomData;

use ndfolio_store::{ROW, Room};

use super::{
    item::{Item, LANES, Real, Whole},
    stored::{Decode, Form, Half, Lines, Native, Stored, Swapped, SwappedHalf, Truth, by_form},
};
use crate::simd::{Baseline, Loop, Vectors, dispatch};

/// Items of one type.
#[derive(Clone, Copy)]
pub(super) struct Items<'a, T> {
    stored: Stored<'a>,
    item: PhantomData<T>,
}

impl<'a, T: Item> Items<'a, T> {
    pub(super) fn new(stored: Stored<'a>) -> Self {
        Items { stored, item: PhantomData }
    }

    pub(super) fn len(self) -> usize {
        self.stored.bytes.len() * self.stored.form.growth() / size_of::<T::Raw>()
    }

    /// Hands the items over in tiles; all but the last are of as many items as the lanes or a multiple of that.
    pub(super) fn each(self, mut each: impl FnMut(&[T::Raw])) {
        self.stored.each_while(|tile| {
            each(T::raw(tile));
            true
        });
    }

    /// Bytes of an item as it is stored.
    pub(super) fn size(self) -> usize {
        size_of::<T::Raw>() / self.stored.form.growth()
    }

    /// Parts of at most so many items.
    pub(super) fn parts(self, most: usize) -> impl Iterator<Item = Self> {
        let parts = self.stored.bytes.chunks(most * self.size());
        parts.map(move |bytes| Items::new(Stored { bytes, ..self.stored }))
    }
}

/// Puts lanes together, each with that half of them away.
#[inline(always)]
fn fold_lanes<T: Copy, const N: usize>(mut lanes: [T; N], of: impl Fn(T, T) -> T) -> T {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = of(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Adds lanes that are `apart` lanes from each other: 1 for real numbers, 2 for the parts of complex ones.
#[inline(always)]
pub(super) fn add_lanes(mut lanes: [f64; LANES], apart: usize) -> [f64; 2] {
    let mut half = LANES / 2;
    while half >= apart {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    [lanes[0], if apart == 2 { lanes[1] } else { 0.0 }]
}

/// A state that takes items row by row. `take` must be `#[inline(always)]`, and keep in variables of its own what
/// its loop changes: so the compiler finds the vectors.
pub(super) trait Fold<T: Item>: Copy {
    fn take<V: Vectors>(&mut self, vectors: V, items: &[T::Raw]);
}

/// Takes so many rows, from the byte `at` on.
#[inline(always)]
fn take_rows<V: Vectors, T: Item, F: Fold<T>>(
    (vectors, decode): (V, impl Decode),
    fold: &mut F,
    stored: &Stored<'_>,
    (at, rows): (usize, usize),
) {
    for row in 0..rows {
        let row = vectors.row(&stored.bytes, at + row * ROW);
        decode.row::<V, T, _>(vectors, row, |items| fold.take(vectors, items));
    }
}

/// All whole rows.
struct OverRows<'a, T: Item, F, D> {
    items: Items<'a, T>,
    decode: D,
    fold: F,
}

impl<T: Item, F: Fold<T>, D: Decode> Loop for OverRows<'_, T, F, D> {
    type Output = F;
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> F {
        let (mut fold, stored) = (self.fold, self.items.stored);
        let rows = (0, stored.bytes.len() / ROW);
        take_rows::<V, T, F>((vectors, self.decode), &mut fold, &stored, rows);
        fold
    }
}

/// Blocks of so many rows, each of which becomes a value by itself.
struct OverBlocks<'a, 'o, T: Item, F, O, G, D> {
    items: Items<'a, T>,
    decode: D,
    rows: usize,
    fold: F,
    done: G,
    out: &'o mut [O],
}

impl<T: Item, F: Fold<T>, O, G: Fn(F) -> O, D: Decode> Loop for OverBlocks<'_, '_, T, F, O, G, D> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) {
        let (stored, rows) = (self.items.stored, self.rows);
        for (block, out) in self.out.iter_mut().enumerate() {
            let mut fold = self.fold;
            take_rows::<V, T, F>((vectors, self.decode), &mut fold, &stored, (block * rows * ROW, rows));
            *out = (self.done)(fold);
        }
    }
}

/// Adds up a function of the items, NaN left out if `SKIP`.
#[derive(Clone, Copy)]
struct Sums<F, const SKIP: bool> {
    lanes: [f64; LANES],
    of: F,
}

impl<T: Item, F: Fn(usize, f64) -> f64 + Copy, const SKIP: bool> Fold<T> for Sums<F, SKIP> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let of = &self.of;
        let value = |i: usize, x: T::Raw| {
            let x = T::read(x);
            if SKIP && is_nan(x) { 0.0 } else { of(i, x.wide()) }
        };
        let (rows, rest) = tile.as_chunks::<LANES>();
        let mut lanes = self.lanes;
        for row in rows {
            for i in 0..LANES {
                lanes[i] += value(i, row[i]);
            }
        }
        self.lanes = lanes;
        for (i, x) in rest.iter().enumerate() {
            self.lanes[i] += value(i, *x);
        }
    }
}

/// Adds up halves, NaN left out if `SKIP`: in fours before they are widened.
#[derive(Clone, Copy)]
struct HalfSums<const SKIP: bool>([f64; LANES]);

impl<T: Real, const SKIP: bool> Fold<T> for HalfSums<SKIP> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let read = |x: T::Raw| {
            let x = T::read(x);
            if SKIP && is_nan(x) { T::ZERO } else { x }
        };
        let (fours, rest) = tile.as_chunks::<{ 4 * LANES }>();
        let mut lanes = self.0;
        for four in fours {
            for i in 0..LANES {
                let item = |k: usize| read(four[k * LANES + i]);
                lanes[i] += T::sum_of_four([item(0), item(1), item(2), item(3)]);
            }
        }
        self.0 = lanes;
        for (i, x) in rest.iter().enumerate() {
            self.0[i % LANES] += read(*x).wide();
        }
    }
}

/// Adds up items, and squares of their distances from one number.
#[derive(Clone, Copy)]
struct Spread {
    sums: [f64; LANES],
    squares: [f64; LANES],
    origin: f64,
}

impl<T: Real> Fold<T> for Spread {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let origin = self.origin;
        let add = |x: f64, squares: f64| squares + (x - origin) * (x - origin);
        add_powers::<T>(tile, (&mut self.sums, &mut self.squares), add);
    }
}

/// Adds up items, and something made of them.
#[inline(always)]
fn add_powers<T: Real>(
    tile: &[T::Raw],
    (all_sums, all_squares): (&mut [f64; LANES], &mut [f64; LANES]),
    add: impl Fn(f64, f64) -> f64,
) {
    let (mut sums, mut squares) = (*all_sums, *all_squares);
    let (rows, rest) = tile.as_chunks::<LANES>();
    for row in rows {
        for i in 0..LANES {
            let x = T::read(row[i]).wide();
            sums[i] += x;
            squares[i] = add(x, squares[i]);
        }
    }
    (*all_sums, *all_squares) = (sums, squares);
    for (i, x) in rest.iter().enumerate() {
        let x = T::read(*x).wide();
        all_sums[i] += x;
        all_squares[i] = add(x, all_squares[i]);
    }
}

impl Spread {
    fn sums(self) -> [f64; 2] {
        [add_lanes(self.sums, 1)[0], add_lanes(self.squares, 1)[0]]
    }
}

/// Adds up singles and their squares.
#[derive(Clone, Copy)]
struct Powers {
    sums: [f64; LANES],
    squares: [f64; LANES],
}

impl Powers {
    #[inline(always)]
    fn sums(self) -> [f64; 2] {
        [add_lanes(self.sums, 1)[0], add_lanes(self.squares, 1)[0]]
    }
}

impl<T: Real> Fold<T> for Powers {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, vectors: V, tile: &[T::Raw]) {
        let add = |x: f64, squares: f64| vectors.add_exact_square(x, squares);
        add_powers::<T>(tile, (&mut self.sums, &mut self.squares), add);
    }
}

/// Parts of whole numbers that are added up in one loop, so that no lane overflows.
const PARTS: usize = 16;

/// The exact sum of whole numbers.
#[derive(Clone, Copy)]
struct WholeSum<T: Whole>(T::Sums);

impl<T: Whole> Fold<T> for WholeSum<T> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        self.0 = T::add(self.0, tile, T::read);
    }
}

/// The product of whole numbers modulo 2^64.
#[derive(Clone, Copy)]
struct WholeProduct(u64);

impl<T: Whole> Fold<T> for WholeProduct {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        self.0 = tile.iter().fold(self.0, |product, x| product.wrapping_mul(T::read(*x).wrapped()));
    }
}

/// The least of each lane, but for the lowest value of all, which is none.
#[derive(Clone, Copy)]
struct LeastTime<T>([T; LANES]);

impl<T: Whole> Fold<T> for LeastTime<T> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let lesser = |least: T, x: T| if (x < least) & (x != T::LOWEST) { x } else { least };
        let (rows, rest) = tile.as_chunks::<LANES>();
        let mut least = self.0;
        for row in rows {
            for i in 0..LANES {
                least[i] = lesser(least[i], T::read(row[i]));
            }
        }
        self.0 = least;
        for (i, x) in rest.iter().enumerate() {
            self.0[i] = lesser(self.0[i], T::read(*x));
        }
    }
}

/// The least and the greatest of each lane, NaN left out, and a trace of NaN.
#[derive(Clone, Copy)]
struct Extremes<T, const N: usize> {
    min: [T; N],
    max: [T; N],
    trace: [T; N],
}

impl<T: Item, const N: usize> Extremes<T, N> {
    const NONE: Self = Extremes { min: [T::HIGHEST; N], max: [T::LOWEST; N], trace: [T::ZERO; N] };

    #[inline(always)]
    fn take_one(&mut self, i: usize, x: T) {
        self.min[i] = if x < self.min[i] { x } else { self.min[i] };
        self.max[i] = if x > self.max[i] { x } else { self.max[i] };
        self.trace[i] = x.trace(self.trace[i]);
    }

    /// The extremes, and whether there may be a NaN.
    fn fold(self) -> (T, T, bool) {
        let min = fold_lanes(self.min, |a, b| if b < a { b } else { a });
        let max = fold_lanes(self.max, |a, b| if b > a { b } else { a });
        (min, max, self.trace.into_iter().fold(false, |any, x| any | is_nan(x)))
    }
}

impl<T: Item, const N: usize> Fold<T> for Extremes<T, N> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let (rows, rest) = tile.as_chunks::<N>();
        let mut lanes = *self;
        for row in rows {
            for (i, x) in row.iter().enumerate() {
                lanes.take_one(i, T::read(*x));
            }
        }
        *self = lanes;
        for (i, x) in rest.iter().enumerate() {
            self.take_one(i, T::read(*x));
        }
    }
}

/// Whether it differs from itself.
#[inline(always)]
#[allow(clippy::eq_op, reason = "only a NaN does")]
pub(super) fn is_nan<T: Item>(x: T) -> bool {
    x != x
}

/// How many items pass a test.
#[derive(Clone, Copy)]
struct Count<T: Item, F, const N: usize> {
    lanes: [T::Tally; N],
    test: F,
}

impl<T: Item, F: Fn(T) -> bool + Copy, const N: usize> Fold<T> for Count<T, F, N> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let (rows, rest) = tile.as_chunks::<N>();
        let mut lanes = self.lanes;
        for row in rows {
            for i in 0..N {
                lanes[i] = T::tally(lanes[i], (self.test)(T::read(row[i])));
            }
        }
        self.lanes = lanes;
        for (i, x) in rest.iter().enumerate() {
            self.lanes[i] = T::tally(self.lanes[i], (self.test)(T::read(*x)));
        }
    }
}

/// Whether any item passes a test.
#[derive(Clone, Copy)]
struct Any<F> {
    any: bool,
    test: F,
}

impl<T: Item, F: Fn(T) -> bool + Copy> Fold<T> for Any<F> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        self.any |= tile.iter().fold(false, |any, x| any | (self.test)(T::read(*x)));
    }
}

/// The first row of which an item passes a test.
struct Find<'a, T: Item, F, D> {
    items: Items<'a, T>,
    decode: D,
    test: F,
}

impl<T: Item, F: Fn(T) -> bool, D: Decode> Loop for Find<'_, T, F, D> {
    type Output = Option<usize>;
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> Option<usize> {
        let stored = self.items.stored;
        (0..stored.bytes.len() / ROW).find(|row| {
            let any = |items: &[T::Raw]| items.iter().fold(false, |any, x| any | (self.test)(T::read(*x)));
            self.decode.row::<V, T, _>(vectors, vectors.row(&stored.bytes, row * ROW), any)
        })
    }
}

/// The least and the greatest, NaN left out, and whether there is a NaN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<T> {
    pub(super) min: T,
    pub(super) max: T,
    pub(super) nan: bool,
}

impl<T: Item> Items<'_, T> {
    /// The state after all items.
    pub(super) fn fold<F: Fold<T>>(self, mut fold: F) -> F {
        let Stored { bytes, form, level } = self.stored;
        if bytes.len() >= ROW {
            fold = by_form!(form, T, decode => dispatch(level, OverRows { items: self, decode, fold }));
        }
        let (from, mut room, mut native) = (bytes.len() / ROW * ROW, Room::<ROW>::new(), Lines([0; 2 * ROW]));
        if from < bytes.len() {
            let rest = self.stored.part(from, bytes.len() - from, &mut room, &mut native.0);
            fold.take(Baseline, T::raw(rest));
        }
        fold
    }

    /// What each block of `most` items becomes: as many as `out` has room for.
    ///
    /// # Panics
    /// If a block is not of whole rows, or there are fewer.
    fn fold_blocks<F: Fold<T>, O>(self, most: usize, fold: F, done: impl Fn(F) -> O, out: &mut [O]) {
        let bytes = most * self.size();
        assert!(
            bytes.is_multiple_of(ROW) && out.len() * bytes <= self.stored.bytes.len(),
            "blocks of no rows"
        );
        let (items, level, rows) = (self, self.stored.level, bytes / ROW);
        by_form!(self.stored.form, T, decode => {
            dispatch(level, OverBlocks { items, decode, rows, fold, done, out });
        });
    }

    fn sums_of(self, skip: bool, of: impl Fn(usize, f64) -> f64 + Copy) -> [f64; LANES] {
        let lanes = [0.0; LANES];
        if skip {
            self.fold(Sums::<_, true> { lanes, of }).lanes
        } else {
            self.fold(Sums::<_, false> { lanes, of }).lanes
        }
    }

    /// The sum of squared distances from a mean, which is another for the parts of complex numbers.
    pub(super) fn distances(self, skip: bool, mean: [f64; 2]) -> f64 {
        let mut means = [mean[0]; LANES];
        means.iter_mut().skip(1).step_by(2).for_each(|lane| *lane = mean[1]);
        let means = &means;
        add_lanes(self.sums_of(skip, |i, x| (x - means[i]) * (x - means[i])), 1)[0]
    }

    /// The sum of squares.
    pub(super) fn squares(self, skip: bool) -> f64 {
        add_lanes(self.sums_of(skip, |_, x| x * x), 1)[0]
    }

    pub(super) fn extremes(self) -> Found<T> {
        // Three times 32 doubles are more than the registers of AVX2 hold. Integers have no trace.
        let (min, max, suspect) = match (size_of::<T::Raw>(), T::HIGHEST.wide().is_infinite()) {
            (8, true) => self.fold(Extremes::<T, { LANES / 2 }>::NONE).fold(),
            _ => self.fold(Extremes::<T, LANES>::NONE).fold(),
        };
        Found { min, max, nan: suspect && self.any(is_nan) }
    }

    /// How many pass a test.
    pub(super) fn count(self, test: impl Fn(T) -> bool + Copy) -> u64 {
        // Rows have as many items as there are lanes, or more.
        if size_of::<T::Raw>() == 8 { self.count_in::<32>(test) } else { self.count_in::<64>(test) }
    }

    fn count_in<const N: usize>(self, test: impl Fn(T) -> bool + Copy) -> u64 {
        let none = || Count { lanes: [T::NO_TALLY; N], test };
        let tallies = self.parts(T::TALLY_MOST / 64 * N).map(|part| part.fold(none()).lanes);
        tallies.map(|lanes| lanes.into_iter().map(Into::into).sum::<u64>()).sum()
    }

    pub(super) fn any(self, test: impl Fn(T) -> bool + Copy) -> bool {
        self.fold(Any { any: false, test }).any
    }

    /// The place of the first that passes a test.
    pub(super) fn find(self, test: impl Fn(T) -> bool) -> Option<usize> {
        self.find_item(test).map(|(place, _)| place)
    }

    /// The first that passes a test, and its place.
    pub(super) fn find_item(self, test: impl Fn(T) -> bool) -> Option<(usize, T)> {
        let bytes = self.stored.bytes;
        let (level, items, test) = (self.stored.level, self, &test);
        let row = by_form!(self.stored.form, T, decode => dispatch(level, Find { items, decode, test }));
        let from = row.unwrap_or(bytes.len() / ROW) * ROW;
        let (mut room, mut native) = (Room::<ROW>::new(), Lines([0; 2 * ROW]));
        let part = self.stored.part(from, ROW.min(bytes.len() - from), &mut room, &mut native.0);
        let mut items = T::raw(part).iter().map(|x| T::read(*x)).enumerate();
        let (place, item) = items.find(|(_, x)| test(*x))?;
        Some((from / self.size() + place, item))
    }
}

impl<T: Real> Items<'_, T> {
    /// The sum; `apart` is 2 for complex numbers, whose parts are added apart.
    pub(super) fn sum(self, skip: bool, apart: usize) -> [f64; 2] {
        let none = [0.0; LANES];
        let lanes = match (T::IS_HALF, skip) {
            (true, true) => self.fold(HalfSums::<true>(none)).0,
            (true, false) => self.fold(HalfSums::<false>(none)).0,
            (false, _) => self.sums_of(skip, |_, x| x),
        };
        add_lanes(lanes, apart)
    }

    /// The sums of so many blocks of `most` items.
    pub(super) fn block_sums(self, most: usize, sums: &mut [[f64; 2]]) {
        let lanes = [0.0; LANES];
        if T::IS_HALF {
            self.fold_blocks(most, HalfSums::<false>(lanes), |fold| add_lanes(fold.0, 1), sums);
        } else {
            let fold = Sums::<_, false> { lanes, of: |_, x| x };
            self.fold_blocks(most, fold, |fold| add_lanes(fold.lanes, 1), sums);
        }
    }

    /// The sum, and that of squared distances from `origin`, in one pass. Halves are added one by one.
    pub(super) fn spread(self, origin: f64) -> [f64; 2] {
        let none = [0.0; LANES];
        self.fold(Spread { sums: none, squares: none, origin }).sums()
    }

    /// The sum of singles, and that of their squares, which double precision holds exactly. Halves are added one
    /// by one.
    pub(super) fn powers(self) -> [f64; 2] {
        let none = [0.0; LANES];
        self.fold(Powers { sums: none, squares: none }).sums()
    }

    /// [`powers`](Self::powers) of so many blocks of `most` items.
    pub(super) fn block_powers(self, most: usize, powers: &mut [[f64; 2]]) {
        let fold = Powers { sums: [0.0; LANES], squares: [0.0; LANES] };
        self.fold_blocks(most, fold, |fold| fold.sums(), powers);
    }

    /// The first of at most so many items and rows.
    pub(super) fn sample(self, most: usize, then: impl FnOnce(&[T::Raw])) {
        let bytes = (most * self.size()).min(ROW).min(self.stored.bytes.len());
        let (mut room, mut native) = (Room::<ROW>::new(), Lines([0; 2 * ROW]));
        then(T::raw(self.stored.part(0, bytes, &mut room, &mut native.0)));
    }
}

impl<T: Whole> Items<'_, T> {
    /// The exact sum.
    pub(super) fn total(self) -> i128 {
        let none = WholeSum::<T>(T::NO_SUMS);
        let mut sum = 0;
        for items in self.parts(T::MOST * PARTS) {
            let whole = items.len() / T::MOST;
            let mut sums = [0; PARTS];
            if whole > 0 {
                let done = |fold: WholeSum<T>| T::total(&fold.0, T::MOST);
                items.fold_blocks(T::MOST, none, done, &mut sums[..whole]);
            }
            let rest = items.stored.bytes.slice(whole * T::MOST * items.size()..items.stored.bytes.len());
            let rest = Items::<T>::new(Stored { bytes: rest, ..items.stored });
            sum += sums.iter().sum::<i128>() + T::total(&rest.fold(none).0, rest.len());
        }
        sum
    }

    /// The least but for the lowest value of all, of items that are not all that.
    pub(super) fn least_time(self) -> T {
        let least = self.fold(LeastTime([T::HIGHEST; LANES])).0;
        fold_lanes(least, |a, b| if b < a { b } else { a })
    }

    /// The product modulo 2^64.
    pub(super) fn product(self) -> u64 {
        self.fold(WholeProduct(1)).0
    }
}
