use std::ops::Range;

use crate::reduce::{Key, NanPolicy, Partial, Reducer, Scaled, Wanted, item::Item};

/// The states of columns: each value of all of them in a list of its own, which is empty if it is not wanted.
/// The two parts of complex numbers are neighbours.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    pub(super) sum: Vec<f64>,
    pub(super) m2: Vec<f64>,
    pub(super) squares: Vec<f64>,
    /// Sums of whole numbers: these, and 2^32 times the upper ones.
    pub(super) low: Vec<i64>,
    pub(super) high: Vec<i64>,
    pub(super) nonzero: Vec<u64>,
    /// +∞ and −∞.
    pub(super) infinite: [Vec<u64>; 2],
    pub(super) prod: Vec<Scaled>,
    pub(super) int_prod: Vec<u64>,
    /// As the items are stored, halves as singles. Of no items it is the highest and the lowest value.
    pub(super) min: Vec<u8>,
    pub(super) max: Vec<u8>,
    /// `u64::MAX` for no place.
    pub(super) min_at: Vec<u64>,
    pub(super) max_at: Vec<u64>,
    /// Whether any column has a NaN; without, the lists about them are empty or say so.
    pub(super) has_nan: bool,
    pub(super) nan: Vec<u64>,
    pub(super) first_nan: Vec<u64>,
    /// Of complex numbers: other NaN are all alike.
    pub(super) nan_item: Vec<Key>,
}

impl Cells {
    pub(super) fn new(reducer: &Reducer, columns: usize) -> Self {
        let (whole, parts) = (reducer.is_whole(), columns * reducer.parts());
        let wants = |value: Wanted, len: usize| if reducer.wanted().contains(value) { len } else { 0 };
        let (wholes, floats) = if whole { (columns, 0) } else { (0, columns) };
        let infinities = if reducer.parts() == 1 { floats } else { 0 };
        let extremes = wants(Wanted::EXTREMES, columns * reducer.native_size());
        Cells {
            sum: vec![0.0; if whole { 0 } else { wants(Wanted::SUM, parts) }],
            m2: vec![0.0; wants(Wanted::M2, parts)],
            squares: vec![0.0; wants(Wanted::SQUARES, parts)],
            low: vec![0; wants(Wanted::SUM, wholes)],
            high: vec![0; wants(Wanted::SUM, wholes)],
            nonzero: vec![0; wants(Wanted::NONZERO, columns)],
            infinite: [0, 1].map(|_| vec![0; wants(Wanted::INFINITE, infinities)]),
            prod: vec![Scaled::ONE; wants(Wanted::PROD, floats)],
            int_prod: vec![1; wants(Wanted::PROD, wholes)],
            min: vec![0; extremes],
            max: vec![0; extremes],
            min_at: vec![u64::MAX; wants(Wanted::POSITIONS, columns)],
            max_at: vec![u64::MAX; wants(Wanted::POSITIONS, columns)],
            ..Cells::default()
        }
    }

    /// Makes the lists about NaN, if they are not there yet: most states never need them.
    pub(super) fn expect_nan(&mut self, columns: usize, complex: bool) {
        self.nan.resize(columns, 0);
        self.first_nan.resize(columns, u64::MAX);
        self.nan_item.resize(if complex { columns } else { 0 }, Key::int(0));
    }

    /// Bytes of the state of one column, with the lists about NaN where there can be one.
    pub(super) fn bytes_of_column(reducer: &Reducer) -> usize {
        fn bytes<T>(list: &[T]) -> usize {
            size_of_val(list)
        }
        let mut cells = Cells::new(reducer, 1);
        if reducer.is_time() || !reducer.is_whole() {
            cells.expect_nan(1, reducer.scalar.kind().is_complex());
        }
        let Cells { sum, m2, squares, low, high, nonzero, infinite: [above, below], .. } = &cells;
        let Cells { prod, int_prod, min, max, min_at, max_at, nan, first_nan, nan_item, .. } = &cells;
        let floats = [sum, m2, squares].map(|list| bytes(list)).iter().sum::<usize>();
        let words = [nonzero, above, below, int_prod, min_at, max_at, nan, first_nan];
        floats
            + words.map(|list| bytes(list)).iter().sum::<usize>()
            + bytes(low)
            + bytes(high)
            + bytes(prod)
            + bytes(min)
            + bytes(max)
            + bytes(nan_item)
    }

    /// Makes some columns what is known of no rows, as far as their values are not found anew in any case.
    pub(super) fn clear(&mut self, columns: &Range<usize>) {
        fill(&mut self.prod, columns, Scaled::ONE);
        for counts in &mut self.infinite {
            fill(counts, columns, 0);
        }
        for places in [&mut self.min_at, &mut self.max_at] {
            fill(places, columns, u64::MAX);
        }
    }

    /// Back to no NaN.
    pub(super) fn clear_nan(&mut self) {
        if std::mem::take(&mut self.has_nan) {
            self.nan.fill(0);
            self.first_nan.fill(u64::MAX);
        }
    }

    /// How many of `rows` items of a column count.
    pub(super) fn numbers(&self, nan: NanPolicy, rows: u64, column: usize) -> u64 {
        match nan {
            NanPolicy::Propagate => rows,
            NanPolicy::Skip => rows - self.nan.get(column).copied().unwrap_or(0),
        }
    }

    /// The sum of whole numbers.
    pub(super) fn int(&self, column: usize) -> i128 {
        match (self.low.get(column), self.high.get(column)) {
            (Some(low), Some(high)) => (i128::from(*high) << 32) + i128::from(*low),
            _ => 0,
        }
    }

    /// The state of a column of `rows` rows, but for the extremes.
    pub(super) fn get(&self, parts: usize, rows: u64, column: usize) -> Partial {
        let part = |list: &[f64], i: usize| match i < parts {
            true => list.get(column * parts + i).copied().unwrap_or(0.0),
            false => 0.0,
        };
        let both = |list: &[f64]| [part(list, 0), part(list, 1)];
        let word = |list: &[u64], none: u64| list.get(column).copied().unwrap_or(none);
        let first_nan = Some(word(&self.first_nan, u64::MAX)).filter(|place| *place != u64::MAX);
        let nan_item = self.nan_item.get(column).filter(|_| first_nan.is_some());
        Partial {
            count: rows,
            nan: word(&self.nan, 0),
            first_nan,
            nan_item: nan_item.copied().unwrap_or(Key::int(0)),
            nonzero: word(&self.nonzero, 0),
            infinite: [0, 1].map(|i| word(&self.infinite[i], 0)),
            sum: both(&self.sum),
            int: self.int(column),
            m2: both(&self.m2).iter().sum(),
            squares: both(&self.squares).iter().sum(),
            prod: self.prod.get(column).copied().unwrap_or(Scaled::ONE),
            int_prod: word(&self.int_prod, 1),
            min_at: word(&self.min_at, u64::MAX),
            max_at: word(&self.max_at, u64::MAX),
            ..Partial::EMPTY
        }
    }

    /// Adds later rows, but for the squared distances, which must have been merged before, and the extremes.
    pub(super) fn merge(&mut self, complex: bool, later: &Cells) {
        merge(&mut self.sum, &later.sum, |a, b| a + b);
        merge(&mut self.squares, &later.squares, |a, b| a + b);
        merge(&mut self.nonzero, &later.nonzero, |a, b| a + b);
        for (own, later) in self.infinite.iter_mut().zip(&later.infinite) {
            merge(own, later, |a, b| a + b);
        }
        merge(&mut self.int_prod, &later.int_prod, u64::wrapping_mul);
        merge(&mut self.prod, &later.prod, if complex { Scaled::times_complex } else { Scaled::times });
        merge(&mut self.low, &later.low, |a, b| a + b);
        merge(&mut self.high, &later.high, |a, b| a + b);
        // What the lower sums have grown beyond 32 bits goes up, so that they never overflow.
        for (low, high) in self.low.iter_mut().zip(&mut self.high) {
            *high += *low >> 32;
            *low &= 0xffff_ffff;
        }
        if !later.has_nan {
            return;
        }
        self.has_nan = true;
        self.expect_nan(later.nan.len(), complex);
        for ((own, first), later) in self.nan_item.iter_mut().zip(&self.first_nan).zip(&later.nan_item) {
            *own = if *first == u64::MAX { *later } else { *own };
        }
        merge(&mut self.nan, &later.nan, |a, b| a + b);
        merge(&mut self.first_nan, &later.first_nan, u64::min);
    }

    /// Merges extremes and their places; `parts` items make one.
    pub(super) fn merge_extremes<T: Item>(&mut self, parts: usize, later: &Cells) {
        let greater = |a: &[T], b: &[T]| is_less(b, a);
        extremes(parts, (&mut self.min, &mut self.min_at), (&later.min, &later.min_at), is_less::<T>);
        extremes(parts, (&mut self.max, &mut self.max_at), (&later.max, &later.max_at), greater);
    }
}

/// The order of numbers; of complex ones that of their real, then of their imaginary parts.
#[inline(always)]
pub(super) fn is_less<T: Item>(a: &[T], b: &[T]) -> bool {
    a[0] < b[0] || a.len() > 1 && a[0] == b[0] && a[1] < b[1]
}

/// Fills the part of a list that it has.
fn fill<T: Copy>(list: &mut [T], range: &Range<usize>, value: T) {
    let end = range.end.min(list.len());
    list[range.start.min(end)..end].fill(value);
}

fn merge<T: Copy>(earlier: &mut [T], later: &[T], of: impl Fn(T, T) -> T) {
    earlier.iter_mut().zip(later).for_each(|(earlier, later)| *earlier = of(*earlier, *later));
}

/// Takes each extreme of `later` that comes `before` the earlier one.
fn extremes<T: Item>(
    parts: usize,
    earlier: (&mut [u8], &mut [u64]),
    later: (&[u8], &[u64]),
    before: impl Fn(&[T], &[T]) -> bool,
) {
    let (own, new) = (T::raw_mut(earlier.0), T::raw(later.0));
    if parts == 1 && later.1.is_empty() {
        for (own, new) in own.iter_mut().zip(new) {
            *own = if before(&[T::read(*new)], &[T::read(*own)]) { *new } else { *own };
        }
        return;
    }
    for (i, (own, new)) in own.chunks_exact_mut(parts).zip(new.chunks_exact(parts)).enumerate() {
        let pair = |raw: &[T::Raw]| [T::read(raw[0]), T::read(raw[parts - 1])];
        let (a, b) = (pair(own), pair(new));
        if before(&b[..parts], &a[..parts]) {
            own.copy_from_slice(new);
            if let Some(place) = earlier.1.get_mut(i) {
                *place = later.1[i];
            }
        } else if let Some(place) = earlier.1.get_mut(i)
            && a == b
        {
            // Where none of the earlier rows counts there is no earlier place.
            *place = (*place).min(later.1[i]);
        }
    }
}
