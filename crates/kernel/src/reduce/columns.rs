use std::marker::PhantomData;

use ndfolio_layout::Kind;

use super::{
    NanPolicy, Partial, Reducer, Scratch, Wanted,
    item::{Item, Swapped},
    partial::Key,
};
use crate::simd::{Loop, dispatch};

/// Columns that are worked on together: their running values stay in the L1 cache, and so does a row of them.
const SIDE_BY_SIDE: usize = 512;

/// Many reductions side by side: rows reduced into columns.
#[derive(Clone, Debug)]
pub struct Columns {
    reducer: Reducer,
    /// Sums, squared distances and extremes of real numbers.
    sums: Option<Sums>,
    /// What else is wanted, or everything for other dtypes.
    cells: Option<(Reducer, Vec<Partial>)>,
}

/// What is known of each column, a list for each value; real numbers of at most 53 bits are doubles here.
#[derive(Clone, Debug)]
struct Sums {
    rows: u64,
    sum: Vec<f64>,
    m2: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    /// How many are NaN.
    nan: Vec<f64>,
    /// How many are not zero; NaN is not.
    nonzero: Vec<f64>,
}

impl Sums {
    /// Lists of what is wanted are as long as there are columns, the others empty.
    fn new(columns: usize, wanted: Wanted, nan: NanPolicy) -> Self {
        let list = |is_wanted: bool, value: f64| vec![value; if is_wanted { columns } else { 0 }];
        let extremes = wanted.contains(Wanted::EXTREMES);
        Sums {
            rows: 0,
            sum: vec![0.0; columns],
            m2: list(wanted.contains(Wanted::M2), 0.0),
            min: list(extremes, f64::INFINITY),
            max: list(extremes, f64::NEG_INFINITY),
            // A sum that is not skipped shows a NaN by itself.
            nan: list(extremes || nan == NanPolicy::Skip, 0.0),
            nonzero: list(wanted.contains(Wanted::NONZERO), 0.0),
        }
    }

    fn counted(&self, column: usize, skip: bool) -> f64 {
        self.rows as f64 - if skip { self.nan[column] } else { 0.0 }
    }
}

/// What [`Sums`] knows.
const SUMMED: Wanted = Wanted::SUM.and(Wanted::M2).and(Wanted::EXTREMES).and(Wanted::NONZERO);

impl Columns {
    /// For rows of so many items each.
    #[must_use]
    pub fn new(reducer: &Reducer, columns: usize) -> Self {
        let doubles = match reducer.scalar.kind() {
            Kind::Int64 | Kind::UInt64 | Kind::Bool => false,
            kind => kind.is_float() || kind.is_integer(),
        };
        let wanted = reducer.wanted;
        let sums = (doubles && wanted.meets(SUMMED)).then(|| Sums::new(columns, wanted, reducer.nan));
        // Whether a value stands in the one or the other never depends on what else is wanted.
        let rest =
            if doubles { wanted.without(Wanted::SUM.and(Wanted::M2).and(Wanted::NONZERO)) } else { wanted };
        let more = if doubles { rest.without(SUMMED) != Wanted::default() } else { true };
        let other = Reducer { wanted: rest, ..reducer.clone() };
        let cells = (more || sums.is_none()).then(|| (other, vec![Partial::EMPTY; columns]));
        Columns { reducer: reducer.clone(), sums, cells }
    }

    /// Measures a group of rows, whatever was known before: contiguous rows of contiguous items in the
    /// dtype's byte order. `first_row` is the position of the first.
    ///
    /// # Panics
    /// If the last row is not whole.
    pub fn group(&mut self, rows: &[u8], first_row: u64, scratch: &mut Scratch) {
        if let Some((reducer, cells)) = &mut self.cells {
            let width = reducer.itemsize();
            cells.fill(Partial::EMPTY);
            for (r, row) in rows.chunks_exact(width * cells.len().max(1)).enumerate() {
                for (cell, item) in cells.iter_mut().zip(row.chunks_exact(width)) {
                    let item = reducer.block(item, first_row + r as u64, scratch);
                    *cell = reducer.merge(cell, &item);
                }
            }
        }
        if let Some(sums) = &mut self.sums {
            *sums = Sums::new(sums.sum.len(), self.reducer.wanted, self.reducer.nan);
            let rows = self.reducer.decode(rows, &mut scratch.native);
            sums.group(&self.reducer, rows);
        }
    }

    /// Adds the state of the rows that come after those of this one.
    ///
    /// # Panics
    /// If it has another number of columns.
    pub fn merge(&mut self, later: &Columns) {
        if let (Some((reducer, cells)), Some((_, later))) = (&mut self.cells, &later.cells) {
            assert_eq!(cells.len(), later.len(), "columns of different boxes");
            for (earlier, later) in cells.iter_mut().zip(later) {
                *earlier = reducer.merge(earlier, later);
            }
        }
        if let (Some(sums), Some(later)) = (&mut self.sums, &later.sums) {
            assert_eq!(sums.sum.len(), later.sum.len(), "columns of different boxes");
            sums.merge(later, self.reducer.nan == NanPolicy::Skip);
        }
    }

    /// The state of a column.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    pub fn get(&self, column: usize) -> Partial {
        let mut partial = self.cells.as_ref().map_or(Partial::EMPTY, |(_, cells)| cells[column]);
        let Some(sums) = &self.sums else { return partial };
        let whole = self.reducer.is_whole();
        let key = |x: f64, none: Key| match x.is_infinite() && whole {
            true => none,
            false if whole => Key::int(x as i64),
            false => Key::float(x, 0.0),
        };
        (partial.count, partial.nan) = (sums.rows, sums.nan.get(column).map_or(0, |nan| *nan as u64));
        if partial.nan > 0 {
            partial.nan_item = Key::float(f64::NAN, 0.0);
        }
        if whole {
            partial.int = sums.sum[column] as i128;
        } else {
            partial.sum = [sums.sum[column], 0.0];
        }
        partial.nonzero = sums.nonzero.get(column).map_or(0, |nonzero| *nonzero as u64);
        partial.m2 = sums.m2.get(column).copied().unwrap_or(0.0);
        if self.reducer.wanted.contains(Wanted::EXTREMES) {
            partial.min = key(sums.min[column], Key::ABOVE_ALL);
            partial.max = key(sums.max[column], Key::BELOW_ALL);
        }
        partial
    }
}

impl Sums {
    /// Rows of native or swapped items, halves as singles.
    fn group(&mut self, reducer: &Reducer, rows: &[u8]) {
        match (reducer.scalar.kind(), reducer.is_foreign()) {
            (Kind::Int8, _) => self.measure::<i8>(reducer, rows),
            (Kind::UInt8, _) => self.measure::<u8>(reducer, rows),
            (Kind::Int16, false) => self.measure::<i16>(reducer, rows),
            (Kind::Int16, true) => self.measure::<Swapped<i16>>(reducer, rows),
            (Kind::UInt16, false) => self.measure::<u16>(reducer, rows),
            (Kind::UInt16, true) => self.measure::<Swapped<u16>>(reducer, rows),
            (Kind::Int32, false) => self.measure::<i32>(reducer, rows),
            (Kind::Int32, true) => self.measure::<Swapped<i32>>(reducer, rows),
            (Kind::UInt32, false) => self.measure::<u32>(reducer, rows),
            (Kind::UInt32, true) => self.measure::<Swapped<u32>>(reducer, rows),
            (Kind::Float64, false) => self.measure::<f64>(reducer, rows),
            (Kind::Float64, true) => self.measure::<Swapped<f64>>(reducer, rows),
            (Kind::Float32, true) => self.measure::<Swapped<f32>>(reducer, rows),
            _ => self.measure::<f32>(reducer, rows),
        }
    }

    fn measure<T: Item>(&mut self, reducer: &Reducer, rows: &[u8]) {
        let columns = self.sum.len();
        if columns == 0 {
            return;
        }
        let items = T::raw(rows);
        self.rows = (items.len() / columns) as u64;
        let skip = reducer.nan == NanPolicy::Skip;
        for start in (0..columns).step_by(SIDE_BY_SIDE) {
            let part = start..(start + SIDE_BY_SIDE).min(columns);
            let rows = || items.chunks_exact(columns).map(|row| &row[part.clone()]);
            let (sums, extremes) =
                (reducer.wanted.contains(Wanted::SUM), reducer.wanted.contains(Wanted::EXTREMES));
            let sum = &mut self.sum[part.clone()];
            // NaN are counted once: with the sums that leave them out, else with the extremes.
            let counting = skip && (sums || !extremes);
            if counting {
                let nan = &mut self.nan[part.clone()];
                dispatch(reducer.level, Counting::<T, _> { rows: rows(), sum, nan, item: PhantomData });
            } else if sums {
                dispatch(reducer.level, Adding::<T, _> { rows: rows(), sum, item: PhantomData });
            }
            if reducer.wanted.contains(Wanted::NONZERO) {
                let nonzero = &mut self.nonzero[part.clone()];
                dispatch(reducer.level, Nonzero::<T, _> { rows: rows(), nonzero, item: PhantomData });
            }
            if extremes {
                let (min, max) = (&mut self.min[part.clone()], &mut self.max[part.clone()]);
                let nan = if counting { None } else { Some(&mut self.nan[part.clone()]) };
                dispatch(reducer.level, Extremes::<T, _> { rows: rows(), min, max, nan, item: PhantomData });
            }
            if reducer.wanted.contains(Wanted::M2) {
                let mut mean = [0.0; SIDE_BY_SIDE];
                for (mean, column) in mean.iter_mut().zip(part.clone()) {
                    *mean = self.sum[column] / self.counted(column, skip);
                }
                let m2 = &mut self.m2[part.clone()];
                dispatch(
                    reducer.level,
                    Distances::<T, _> { rows: rows(), m2, mean: &mean, skip, item: PhantomData },
                );
            }
        }
    }

    fn merge(&mut self, later: &Sums, skip: bool) {
        for column in 0..self.m2.len() {
            let (n, m) = (self.counted(column, skip), later.counted(column, skip));
            self.m2[column] = match (n == 0.0, m == 0.0) {
                (true, _) => later.m2[column],
                (_, true) => self.m2[column],
                // Chan, Golub, LeVeque, as in `Reducer::merge`.
                _ => {
                    let distance = later.sum[column] / m - self.sum[column] / n;
                    self.m2[column] + later.m2[column] + distance * distance * (n * m / (n + m))
                }
            };
        }
        let each = |own: &mut [f64], later: &[f64], f: fn(f64, f64) -> f64| {
            own.iter_mut().zip(later).for_each(|(own, later)| *own = f(*own, *later));
        };
        each(&mut self.sum, &later.sum, |a, b| a + b);
        each(&mut self.nan, &later.nan, |a, b| a + b);
        each(&mut self.nonzero, &later.nonzero, |a, b| a + b);
        each(&mut self.min, &later.min, |a, b| if b < a { b } else { a });
        each(&mut self.max, &later.max, |a, b| if b > a { b } else { a });
        self.rows += later.rows;
    }
}

/// Adds rows to the sums.
struct Adding<'a, T, R> {
    rows: R,
    sum: &'a mut [f64],
    item: PhantomData<T>,
}

impl<'r, T: Item, R: Iterator<Item = &'r [T::Raw]>> Loop for Adding<'_, T, R>
where
    T::Raw: 'r,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows {
            self.sum.iter_mut().zip(row).for_each(|(sum, raw)| *sum += T::read(*raw).wide());
        }
    }
}

/// Adds rows to the sums without what is NaN, and counts that.
struct Counting<'a, T, R> {
    rows: R,
    sum: &'a mut [f64],
    nan: &'a mut [f64],
    item: PhantomData<T>,
}

impl<'r, T: Item, R: Iterator<Item = &'r [T::Raw]>> Loop for Counting<'_, T, R>
where
    T::Raw: 'r,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows {
            for ((sum, nan), raw) in self.sum.iter_mut().zip(&mut *self.nan).zip(row) {
                let x = T::read(*raw).wide();
                *nan += if x.is_nan() { 1.0 } else { 0.0 };
                *sum += if x.is_nan() { 0.0 } else { x };
            }
        }
    }
}

/// Counts what is not zero.
struct Nonzero<'a, T, R> {
    rows: R,
    nonzero: &'a mut [f64],
    item: PhantomData<T>,
}

impl<'r, T: Item, R: Iterator<Item = &'r [T::Raw]>> Loop for Nonzero<'_, T, R>
where
    T::Raw: 'r,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows {
            let pairs = self.nonzero.iter_mut().zip(row);
            pairs.for_each(|(count, raw)| *count += if T::read(*raw).wide() == 0.0 { 0.0 } else { 1.0 });
        }
    }
}

/// Finds the extremes; NaN is neither, and is counted where a list for that is given.
struct Extremes<'a, T, R> {
    rows: R,
    min: &'a mut [f64],
    max: &'a mut [f64],
    nan: Option<&'a mut [f64]>,
    item: PhantomData<T>,
}

impl<'r, T: Item, R: Iterator<Item = &'r [T::Raw]>> Loop for Extremes<'_, T, R>
where
    T::Raw: 'r,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut nan = self.nan;
        for row in self.rows {
            for ((min, max), raw) in self.min.iter_mut().zip(&mut *self.max).zip(row) {
                let x = T::read(*raw).wide();
                *min = if x < *min { x } else { *min };
                *max = if x > *max { x } else { *max };
            }
            if let Some(nan) = &mut nan {
                let pairs = nan.iter_mut().zip(row);
                pairs.for_each(|(nan, raw)| *nan += if T::read(*raw).wide().is_nan() { 1.0 } else { 0.0 });
            }
        }
    }
}

/// Adds squared distances from the means.
struct Distances<'a, T, R> {
    rows: R,
    m2: &'a mut [f64],
    mean: &'a [f64; SIDE_BY_SIDE],
    skip: bool,
    item: PhantomData<T>,
}

impl<'r, T: Item, R: Iterator<Item = &'r [T::Raw]>> Loop for Distances<'_, T, R>
where
    T::Raw: 'r,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows {
            for ((m2, mean), raw) in self.m2.iter_mut().zip(self.mean).zip(row) {
                let x = T::read(*raw).wide();
                let distance = x - mean;
                *m2 += if self.skip && x.is_nan() { 0.0 } else { distance * distance };
            }
        }
    }
}
