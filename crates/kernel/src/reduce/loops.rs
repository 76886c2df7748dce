//! The loops over the items of a block. Each is one pass over bytes that the L1 cache holds; items are dealt
//! out to lanes in turn, and what the lanes hold is put together in one fixed order.

use std::marker::PhantomData;

use super::{
    item::{Item, LANES, Real, Whole},
    stored::Stored,
};
use crate::simd::{Loop, dispatch};

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

    /// Hands the items over in tiles; all but the last are of as many items as 64 lanes or a multiple of that.
    pub(super) fn each(self, mut each: impl FnMut(&[T::Raw])) {
        self.stored.each_while(|tile| {
            each(T::raw(tile));
            true
        });
    }

    /// Parts of at most so many items.
    fn parts(self, most: usize) -> impl Iterator<Item = Self> {
        let bytes = most * size_of::<T::Raw>() / self.stored.form.growth();
        self.stored.bytes.chunks(bytes).map(move |bytes| Items::new(Stored { bytes, ..self.stored }))
    }
}

/// Puts lanes together, each with that half of them away.
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

/// A state that takes items tile by tile. `take` must be `#[inline(always)]`, and keep in variables of its own
/// what its loop changes: so the compiler finds the vectors.
pub(super) trait Fold<T: Item> {
    fn take(&mut self, tile: &[T::Raw]);
}

struct OnTile<'a, T: Item, F>(&'a mut F, &'a [T::Raw]);

impl<T: Item, F: Fold<T>> Loop for OnTile<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.0.take(self.1);
    }
}

/// Adds up a function of the items, NaN left out if `SKIP`.
struct Sums<F, const SKIP: bool> {
    lanes: [f64; LANES],
    of: F,
}

impl<T: Item, F: Fn(usize, f64) -> f64, const SKIP: bool> Fold<T> for Sums<F, SKIP> {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
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

/// Adds up items, and squares of their distances from one number.
struct Spread {
    sums: [f64; LANES],
    squares: [f64; LANES],
    origin: f64,
}

impl<T: Real> Fold<T> for Spread {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
        let (mut sums, mut squares, origin) = (self.sums, self.squares, self.origin);
        let (rows, rest) = tile.as_chunks::<LANES>();
        for row in rows {
            for i in 0..LANES {
                let x = T::read(row[i]).wide();
                sums[i] += x;
                squares[i] += (x - origin) * (x - origin);
            }
        }
        (self.sums, self.squares) = (sums, squares);
        for (i, x) in rest.iter().enumerate() {
            let x = T::read(*x).wide();
            self.sums[i] += x;
            self.squares[i] += (x - origin) * (x - origin);
        }
    }
}

/// The exact sum of whole numbers.
struct WholeSum<T: Whole>(T::Sums);

impl<T: Whole> Fold<T> for WholeSum<T> {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
        self.0 = T::add(self.0, tile, T::read);
    }
}

/// The product of whole numbers modulo 2^64.
struct WholeProduct(u64);

impl<T: Whole> Fold<T> for WholeProduct {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
        self.0 = tile.iter().fold(self.0, |product, x| product.wrapping_mul(T::read(*x).wrapped()));
    }
}

/// The least of each lane, but for the lowest value of all, which is none.
struct LeastTime<T>([T; LANES]);

impl<T: Whole> Fold<T> for LeastTime<T> {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
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
    fn take(&mut self, tile: &[T::Raw]) {
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
struct Count<T: Item, F> {
    lanes: [T::Tally; 64],
    test: F,
}

impl<T: Item, F: Fn(T) -> bool> Fold<T> for Count<T, F> {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
        let (rows, rest) = tile.as_chunks::<64>();
        let mut lanes = self.lanes;
        for row in rows {
            for i in 0..64 {
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
struct Any<F> {
    any: bool,
    test: F,
}

impl<T: Item, F: Fn(T) -> bool> Fold<T> for Any<F> {
    #[inline(always)]
    fn take(&mut self, tile: &[T::Raw]) {
        self.any |= tile.iter().fold(false, |any, x| any | (self.test)(T::read(*x)));
    }
}

/// The place of the first item that passes a test.
struct Find<'a, T: Item, F> {
    tile: &'a [T::Raw],
    test: &'a F,
}

impl<T: Item, F: Fn(T) -> bool> Loop for Find<'_, T, F> {
    type Output = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let passes = |x: &T::Raw| (self.test)(T::read(*x));
        let (rows, _) = self.tile.as_chunks::<LANES>();
        let row = rows.iter().position(|row| row.iter().fold(false, |any, x| any | passes(x)));
        let from = row.unwrap_or(rows.len()) * LANES;
        self.tile[from..].iter().position(passes).map(|place| from + place)
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
    pub(super) fn fold<F: Fold<T>>(self, mut state: F) -> F {
        self.each(|tile| dispatch(self.stored.level, OnTile(&mut state, tile)));
        state
    }

    fn sums_of(self, skip: bool, of: impl Fn(usize, f64) -> f64) -> [f64; LANES] {
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
        let none = || Count { lanes: [T::NO_TALLY; 64], test };
        let tallies = self.parts(T::TALLY_MOST).map(|part| part.fold(none()).lanes);
        tallies.map(|lanes| lanes.into_iter().map(Into::into).sum::<u64>()).sum()
    }

    pub(super) fn any(self, test: impl Fn(T) -> bool) -> bool {
        self.fold(Any { any: false, test }).any
    }

    /// The place of the first that passes a test.
    pub(super) fn find(self, test: impl Fn(T) -> bool) -> Option<usize> {
        let (mut found, mut before) = (None, 0);
        self.stored.each_while(|tile| {
            let tile = T::raw(tile);
            let place = dispatch(self.stored.level, Find::<T, _> { tile, test: &test });
            found = place.map(|place| before + place);
            before += tile.len();
            found.is_none()
        });
        found
    }
}

impl<T: Real> Items<'_, T> {
    /// The sum; `apart` is 2 for complex numbers, whose parts are added apart.
    pub(super) fn sum(self, skip: bool, apart: usize) -> [f64; 2] {
        add_lanes(self.sums_of(skip, |_, x| x), apart)
    }

    /// The sum, and that of squared distances from `origin`, in one pass.
    pub(super) fn spread(self, origin: f64) -> (f64, f64) {
        let none = [0.0; LANES];
        let Spread { sums, squares, .. } = self.fold(Spread { sums: none, squares: none, origin });
        (add_lanes(sums, 1)[0], add_lanes(squares, 1)[0])
    }

    /// The first item, 0 if there is none.
    pub(super) fn first(self) -> T {
        let mut first = T::ZERO;
        self.stored.each_while(|tile| {
            first = T::raw(tile).first().map_or(first, |x| T::read(*x));
            false
        });
        first
    }
}

impl<T: Whole> Items<'_, T> {
    /// The exact sum.
    pub(super) fn total(self) -> i128 {
        let sums = |part: Self| T::total(&part.fold(WholeSum::<T>(T::NO_SUMS)).0, part.len());
        self.parts(T::MOST).map(sums).sum()
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
