//! The loops over the items of a block. Each is one pass over bytes that the L1 cache holds; items are dealt
//! out to lanes in turn, and what the lanes hold is put together in one fixed order.

use std::marker::PhantomData;

use super::item::{Item, LANES, Real, Whole};
use crate::simd::{Level, Loop, dispatch};

/// Items of one type, as bytes.
#[derive(Clone, Copy)]
pub(super) struct Items<'a, T> {
    bytes: &'a [u8],
    item: PhantomData<T>,
}

impl<'a, T: Item> Items<'a, T> {
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Items { bytes, item: PhantomData }
    }

    #[inline(always)]
    pub(super) fn raw(self) -> &'a [T::Raw] {
        T::raw(self.bytes)
    }

    #[inline(always)]
    fn rows(self) -> (&'a [[T::Raw; LANES]], &'a [T::Raw]) {
        self.raw().as_chunks()
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

/// The sums of a function of the items, NaN left out if `SKIP`.
#[inline(always)]
fn sums_of<T: Item, const SKIP: bool>(items: Items<'_, T>, of: impl Fn(usize, f64) -> f64) -> [f64; LANES] {
    let (rows, rest) = items.rows();
    let value = |i: usize, x: T::Raw| {
        let x = T::read(x);
        if SKIP && is_nan(x) { 0.0 } else { of(i, x.wide()) }
    };
    let mut lanes = [0.0; LANES];
    for row in rows {
        for i in 0..LANES {
            lanes[i] += value(i, row[i]);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        lanes[i] += value(i, *x);
    }
    lanes
}

/// The sum of floating-point numbers.
struct Sum<'a, T, const SKIP: bool>(Items<'a, T>);

impl<T: Item, const SKIP: bool> Loop for Sum<'_, T, SKIP> {
    type Output = [f64; LANES];
    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        sums_of::<T, SKIP>(self.0, |_, x| x)
    }
}

/// The sum of squared distances from a mean, which is another for the parts of complex numbers.
struct Distances<'a, T, const SKIP: bool>(Items<'a, T>, [f64; LANES]);

impl<T: Item, const SKIP: bool> Loop for Distances<'_, T, SKIP> {
    type Output = [f64; LANES];
    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        sums_of::<T, SKIP>(self.0, |i, x| {
            let distance = x - self.1[i];
            distance * distance
        })
    }
}

/// The sum of squares.
struct Squares<'a, T, const SKIP: bool>(Items<'a, T>);

impl<T: Item, const SKIP: bool> Loop for Squares<'_, T, SKIP> {
    type Output = [f64; LANES];
    #[inline(always)]
    fn run(self) -> [f64; LANES] {
        sums_of::<T, SKIP>(self.0, |_, x| x * x)
    }
}

/// The exact sum of whole numbers.
struct WholeSum<'a, T>(Items<'a, T>);

impl<T: Whole> Loop for WholeSum<'_, T> {
    type Output = T::Sums;
    #[inline(always)]
    fn run(self) -> T::Sums {
        T::sums(self.0.raw(), T::read)
    }
}

/// The product of whole numbers modulo 2^64.
struct WholeProduct<'a, T>(Items<'a, T>);

impl<T: Whole> Loop for WholeProduct<'_, T> {
    type Output = u64;
    #[inline(always)]
    fn run(self) -> u64 {
        self.0.raw().iter().fold(1, |product: u64, x| product.wrapping_mul(T::read(*x).wrapped()))
    }
}

/// The least of each lane, but for the lowest value of all, which is none.
struct LeastTime<'a, T>(Items<'a, T>);

impl<T: Whole> Loop for LeastTime<'_, T> {
    type Output = [T; LANES];
    #[inline(always)]
    fn run(self) -> [T; LANES] {
        let (rows, rest) = self.0.rows();
        let mut least = [T::HIGHEST; LANES];
        let lesser = |least: T, x: T| if (x < least) & (x != T::LOWEST) { x } else { least };
        for row in rows {
            for i in 0..LANES {
                least[i] = lesser(least[i], T::read(row[i]));
            }
        }
        for (i, x) in rest.iter().enumerate() {
            least[i] = lesser(least[i], T::read(*x));
        }
        least
    }
}

/// The least and the greatest of each lane, NaN left out, and a trace of NaN.
struct Extremes<'a, T, const N: usize>(Items<'a, T>);

/// What [`Extremes`] finds.
struct Lanes<T, const N: usize> {
    min: [T; N],
    max: [T; N],
    trace: [T; N],
}

impl<T: Item, const N: usize> Lanes<T, N> {
    #[inline(always)]
    fn take(&mut self, i: usize, x: T) {
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

impl<T: Item, const N: usize> Loop for Extremes<'_, T, N> {
    type Output = Lanes<T, N>;
    #[inline(always)]
    fn run(self) -> Lanes<T, N> {
        let (rows, rest) = self.0.raw().as_chunks::<N>();
        let mut lanes = Lanes { min: [T::HIGHEST; N], max: [T::LOWEST; N], trace: [T::ZERO; N] };
        for row in rows {
            row.iter().enumerate().for_each(|(i, x)| lanes.take(i, T::read(*x)));
        }
        for (i, x) in rest.iter().enumerate() {
            lanes.take(i, T::read(*x));
        }
        lanes
    }
}

/// Whether it differs from itself.
#[inline(always)]
#[allow(clippy::eq_op, reason = "only a NaN does")]
pub(super) fn is_nan<T: Item>(x: T) -> bool {
    x != x
}

/// How many items pass a test.
struct Count<'a, T, F> {
    items: Items<'a, T>,
    test: F,
}

impl<T: Item, F: Fn(T) -> bool> Loop for Count<'_, T, F> {
    type Output = [T::Tally; 64];
    #[inline(always)]
    fn run(self) -> [T::Tally; 64] {
        let (rows, rest) = self.items.raw().as_chunks::<64>();
        let mut lanes = [T::NO_TALLY; 64];
        for row in rows {
            for i in 0..64 {
                lanes[i] = T::tally(lanes[i], (self.test)(T::read(row[i])));
            }
        }
        for (i, x) in rest.iter().enumerate() {
            lanes[i] = T::tally(lanes[i], (self.test)(T::read(*x)));
        }
        lanes
    }
}

/// Whether any item passes a test.
struct Any<'a, T, F> {
    items: Items<'a, T>,
    test: F,
}

impl<T: Item, F: Fn(T) -> bool> Loop for Any<'_, T, F> {
    type Output = bool;
    #[inline(always)]
    fn run(self) -> bool {
        self.items.raw().iter().fold(false, |any, x| any | (self.test)(T::read(*x)))
    }
}

/// The place of the first item that passes a test.
struct Find<'a, T, F> {
    items: Items<'a, T>,
    test: F,
}

impl<T: Item, F: Fn(T) -> bool> Loop for Find<'_, T, F> {
    type Output = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let (rows, _) = self.items.rows();
        let passes = |x: &T::Raw| (self.test)(T::read(*x));
        let row = rows.iter().position(|row| row.iter().fold(false, |any, x| any | passes(x)));
        let from = row.unwrap_or(rows.len()) * LANES;
        self.items.raw()[from..].iter().position(passes).map(|place| from + place)
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
    /// The sum of squared distances from a mean.
    pub(super) fn distances(self, level: Level, skip: bool, mean: [f64; 2]) -> f64 {
        let mut means = [mean[0]; LANES];
        means.iter_mut().skip(1).step_by(2).for_each(|lane| *lane = mean[1]);
        let lanes = if skip {
            dispatch(level, Distances::<T, true>(self, means))
        } else {
            dispatch(level, Distances::<T, false>(self, means))
        };
        add_lanes(lanes, 1)[0]
    }

    /// The sum of squares.
    pub(super) fn squares(self, level: Level, skip: bool) -> f64 {
        let lanes = if skip {
            dispatch(level, Squares::<T, true>(self))
        } else {
            dispatch(level, Squares::<T, false>(self))
        };
        add_lanes(lanes, 1)[0]
    }

    pub(super) fn extremes(self, level: Level) -> Found<T> {
        // Three times 32 doubles are more than the registers of AVX2 hold. Integers have no trace.
        let (min, max, suspect) = match (size_of::<T::Raw>(), T::HIGHEST.wide().is_infinite()) {
            (8, true) => dispatch(level, Extremes::<T, { LANES / 2 }>(self)).fold(),
            _ => dispatch(level, Extremes::<T, LANES>(self)).fold(),
        };
        Found { min, max, nan: suspect && self.any(level, is_nan) }
    }

    /// How many pass a test.
    pub(super) fn count(self, level: Level, test: impl Fn(T) -> bool + Copy) -> u64 {
        let pieces = self.bytes.chunks(T::TALLY_MOST * size_of::<T::Raw>());
        let tallies = pieces.map(|piece| dispatch(level, Count { items: Items::new(piece), test }));
        tallies.map(|lanes| lanes.into_iter().map(Into::into).sum::<u64>()).sum()
    }

    pub(super) fn any(self, level: Level, test: impl Fn(T) -> bool) -> bool {
        dispatch(level, Any { items: self, test })
    }

    /// The place of the first that passes a test.
    pub(super) fn find(self, level: Level, test: impl Fn(T) -> bool) -> Option<usize> {
        dispatch(level, Find { items: self, test })
    }
}

impl<T: Real> Items<'_, T> {
    /// The sum; `apart` is 2 for complex numbers, whose parts are added apart.
    pub(super) fn sum(self, level: Level, skip: bool, apart: usize) -> [f64; 2] {
        let lanes =
            if skip { dispatch(level, Sum::<T, true>(self)) } else { dispatch(level, Sum::<T, false>(self)) };
        add_lanes(lanes, apart)
    }
}

impl<T: Whole> Items<'_, T> {
    /// The exact sum.
    pub(super) fn total(self, level: Level) -> i128 {
        let size = size_of::<T::Raw>();
        let pieces = self.bytes.chunks(T::MOST * size);
        let sums = |piece| dispatch(level, WholeSum(Items::<T>::new(piece)));
        pieces.map(|piece| T::total(&sums(piece), piece.len() / size)).sum()
    }

    /// The least but for the lowest value of all, of items that are not all that.
    pub(super) fn least_time(self, level: Level) -> T {
        let least = dispatch(level, LeastTime(self));
        fold_lanes(least, |a, b| if b < a { b } else { a })
    }

    /// The product modulo 2^64.
    pub(super) fn product(self, level: Level) -> u64 {
        dispatch(level, WholeProduct(self))
    }
}
