mod cells;
mod complex;
mod narrow;
mod passes;
mod plain;

use ndfolio_layout::Kind;
use ndfolio_store::Bytes;

use super::{
    Key, NanPolicy, Partial, Reducer, Scaled, Scratch, Wanted,
    item::{FromHalf, Item, Real, Whole},
    loops::is_nan,
    stored::Stored,
};
use cells::Cells;
pub use narrow::narrow;
use passes::{MOST_COLUMNS, Tile, any};

/// Many reductions side by side: rows reduced into columns.
///
/// The rows of a group are added four at a time from its first. So which rows are a group, and in what order
/// groups are merged, must follow from the array alone.
#[derive(Clone, Debug)]
pub struct Columns {
    reducer: Reducer,
    columns: usize,
    rows: u64,
    cells: Cells,
}

/// Calls one of three methods with the type of a dtype's items.
macro_rules! by_type {
    ($self:ident, $whole:ident($($a:expr),*), $real:ident($($b:expr),*), $complex:ident($($c:expr),*)) => {
        match $self.reducer.scalar.kind() {
            // Truth values are made 0 and 1.
            Kind::Bool | Kind::UInt8 => $self.$whole::<u8>($($a),*),
            Kind::Int8 => $self.$whole::<i8>($($a),*),
            Kind::Int16 => $self.$whole::<i16>($($a),*),
            Kind::Int32 => $self.$whole::<i32>($($a),*),
            Kind::UInt16 => $self.$whole::<u16>($($a),*),
            Kind::UInt32 => $self.$whole::<u32>($($a),*),
            Kind::UInt64 => $self.$whole::<u64>($($a),*),
            Kind::Float16 => $self.$real::<FromHalf>($($b),*),
            Kind::Float32 => $self.$real::<f32>($($b),*),
            Kind::Float64 => $self.$real::<f64>($($b),*),
            Kind::Complex64 => $self.$complex::<f32>($($c),*),
            Kind::Complex128 => $self.$complex::<f64>($($c),*),
            // Times count like these; `Reducer::new` refuses all others.
            _ => $self.$whole::<i64>($($a),*),
        }
    };
}

impl Columns {
    /// For rows of so many items each.
    #[must_use]
    pub fn new(reducer: &Reducer, columns: usize) -> Self {
        Columns { reducer: reducer.clone(), columns, rows: 0, cells: Cells::new(reducer, columns) }
    }

    /// Bytes of the state of one column at most.
    #[must_use]
    pub fn bytes_of_column(reducer: &Reducer) -> usize {
        Cells::bytes_of_column(reducer)
    }

    /// How many there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Measures a group of rows, whatever was known before: contiguous rows of contiguous items in the
    /// dtype's byte order. `first_row` is the position of the first.
    ///
    /// # Panics
    /// If the last row is not whole, or there are 2^32 rows or more.
    pub fn group<'b>(&mut self, rows: impl Into<Bytes<'b>>, first_row: u64, scratch: &mut Scratch) {
        let rows = rows.into();
        let size = self.reducer.itemsize() * self.columns;
        let count = rows.len().checked_div(size).unwrap_or(0);
        assert!(rows.len() == count * size && u32::try_from(count).is_ok(), "rows of another box");
        self.rows = count as u64;
        self.cells.clear_nan();
        if count == 0 {
            return;
        }
        let Scratch { own, kept } = scratch;
        let rows = self.reducer.stored(rows);
        by_type!(self, whole(rows, first_row), real(rows, first_row), complex(rows, first_row, own, kept));
    }

    /// Adds the state of the rows that come after those of this one.
    ///
    /// # Panics
    /// If it has another number of columns.
    pub fn merge(&mut self, later: &Columns) {
        assert_eq!(self.columns, later.columns, "columns of different boxes");
        match (self.rows, later.rows) {
            (_, 0) => return,
            (0, _) => return self.clone_from(later),
            _ => {}
        }
        for part in 0..self.cells.m2.len() {
            self.cells.m2[part] = self.merged_m2(later, part);
        }
        self.cells.merge(self.reducer.scalar.kind().is_complex(), &later.cells);
        if self.reducer.wanted.contains(Wanted::EXTREMES) {
            let cells = &later.cells;
            by_type!(self, merge_extremes(1, cells), merge_extremes(1, cells), merge_extremes(2, cells));
        }
        self.rows += later.rows;
    }

    fn merge_extremes<T: Item>(&mut self, parts: usize, later: &Cells) {
        self.cells.merge_extremes::<T>(parts, later);
    }

    /// As [`Reducer::merge`], for one part of complex numbers.
    fn merged_m2(&self, later: &Columns, part: usize) -> f64 {
        let (n, m) = (self.numbers(part), later.numbers(part));
        let (a, b) = (self.cells.m2[part], later.cells.m2[part]);
        if n == 0.0 || m == 0.0 {
            return if n == 0.0 { b } else { a };
        }
        let delta = later.sum(part) / m - self.sum(part) / n;
        a + b + delta * delta * (n * m / (n + m))
    }

    /// How many items of a column count, given one of its parts.
    fn numbers(&self, part: usize) -> f64 {
        self.cells.numbers(self.reducer.nan, self.rows, part / self.reducer.parts()) as f64
    }

    fn sum(&self, part: usize) -> f64 {
        if self.reducer.is_whole() { self.cells.int(part) as f64 } else { self.cells.sum[part] }
    }

    /// The state of a column.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    pub fn get(&self, column: usize) -> Partial {
        assert!(column < self.columns, "no such column");
        let mut partial = self.cells.get(self.reducer.parts(), self.rows, column);
        if self.reducer.nan == NanPolicy::Propagate {
            partial.nan = partial.nan.min(1);
        }
        if partial.first_nan.is_some() && !self.reducer.is_whole() && self.reducer.parts() == 1 {
            partial.nan_item = Key::float(f64::NAN, 0.0);
        }
        if self.reducer.numbers(&partial) == 0 {
            (partial.min_at, partial.max_at) = (u64::MAX, u64::MAX);
        } else if self.reducer.wanted.contains(Wanted::EXTREMES) {
            (partial.min, partial.max) = by_type!(self, real_keys(column), real_keys(column), keys(column));
        }
        partial
    }

    fn real_keys<T: Item>(&self, column: usize) -> (Key, Key) {
        let key = |extremes: &[u8]| T::read(T::raw(extremes)[column]).key();
        (key(&self.cells.min), key(&self.cells.max))
    }

    fn keys<T: Real>(&self, column: usize) -> (Key, Key) {
        let part = |extremes: &[u8], i: usize| T::read(T::raw(extremes)[2 * column + i]).wide();
        let key = |extremes: &[u8]| Key::float(part(extremes, 0), part(extremes, 1));
        (key(&self.cells.min), key(&self.cells.max))
    }

    /// Works on tiles whose states were just cleared, as far as that is needed.
    fn tiles<'a, T: Item>(&mut self, rows: Stored<'a>, each: impl Fn(&mut Self, Tile<'a, T>)) {
        for tile in Tile::of(rows, self.columns) {
            self.cells.clear(&(tile.from..tile.from + tile.len));
            each(self, tile);
        }
    }

    fn whole<T: Whole>(&mut self, rows: Stored<'_>, first: u64) {
        self.tiles::<T>(rows, |columns, tile| columns.whole_tile(tile, first));
    }

    fn whole_tile<T: Whole>(&mut self, tile: Tile<'_, T>, first: u64) {
        let (level, time, cells) = (self.reducer.level, self.reducer.is_time(), &mut self.cells);
        if time {
            cells.expect_nan(self.columns, false);
            tile.count(level, |x| x == T::LOWEST, &mut cells.nan);
            cells.has_nan |= any(tile.part(&mut cells.nan), |nan| nan > 0);
            tile.places(level, first, |_, x| x == T::LOWEST, &mut cells.first_nan);
        }
        if !cells.low.is_empty() {
            tile.whole_sums(level, &mut cells.low, &mut cells.high);
        }
        if time && self.reducer.nan == NanPolicy::Skip && !cells.high.is_empty() {
            // Each was added as the lowest value, which is -2^63.
            let nan = tile.part(&mut cells.nan);
            tile.part(&mut cells.high).iter_mut().zip(nan).for_each(|(sum, nan)| *sum += (*nan as i64) << 31);
        }
        if !cells.nonzero.is_empty() {
            tile.count(level, |x| x != T::ZERO, &mut cells.nonzero);
        }
        if !cells.int_prod.is_empty() {
            tile.products(level, &mut cells.int_prod);
        }
        if !cells.min.is_empty() {
            tile.extremes(level, time, &mut cells.min, &mut cells.max);
        }
        self.rounded(tile, false);
        self.place(tile, first);
    }

    /// Squares, and squared distances from the mean.
    fn rounded<T: Item>(&mut self, tile: Tile<'_, T>, skip: bool) {
        let level = self.reducer.level;
        if !self.cells.squares.is_empty() {
            tile.sums(level, skip, |_, x| x * x, &mut self.cells.squares);
        }
        if !self.cells.m2.is_empty() {
            let mut means = [0.0; MOST_COLUMNS];
            for (i, mean) in means[..tile.len].iter_mut().enumerate() {
                *mean = self.sum(tile.from + i) / self.numbers(tile.from + i);
            }
            let square = |i: usize, x: f64| (x - means[i]) * (x - means[i]);
            tile.sums(level, skip, square, &mut self.cells.m2);
        }
    }

    /// Finds the places of the extremes.
    fn place<T: Item>(&mut self, tile: Tile<'_, T>, first: u64) {
        let Cells { min, max, min_at, max_at, .. } = &mut self.cells;
        if min_at.is_empty() {
            return;
        }
        let (min, max) = (tile.part(T::raw_mut(min)), tile.part(T::raw_mut(max)));
        tile.places(self.reducer.level, first, |i, x| x == T::read(min[i]), min_at);
        tile.places(self.reducer.level, first, |i, x| x == T::read(max[i]), max_at);
    }

    fn real<T: Real>(&mut self, rows: Stored<'_>, first: u64) {
        self.tiles::<T>(rows, |columns, tile| columns.real_tile(tile, first));
    }

    fn real_tile<T: Real>(&mut self, tile: Tile<'_, T>, first: u64) {
        let (level, cells) = (self.reducer.level, &mut self.cells);
        // Infinities leave the same traces as NaN, so where there are any the items are looked at.
        let mut suspect = true;
        if !cells.sum.is_empty() {
            tile.sums(level, false, |_, x| x, &mut cells.sum);
            suspect &= any(tile.part(&mut cells.sum), f64::is_nan);
        }
        if !cells.min.is_empty() {
            suspect &= tile.extremes(level, false, &mut cells.min, &mut cells.max);
        }
        let skip = suspect && self.look_for_nan(tile, first) && self.reducer.nan == NanPolicy::Skip;
        if skip && !self.cells.sum.is_empty() {
            tile.sums(level, true, |_, x| x, &mut self.cells.sum);
        }
        self.rounded(tile, skip);
        let cells = &mut self.cells;
        if !cells.nonzero.is_empty() {
            tile.count(level, |x| x != T::ZERO, &mut cells.nonzero);
        }
        if !cells.prod.is_empty() {
            multiply(tile, skip, tile.part(&mut cells.prod));
        }
        self.count_infinities(tile);
        self.place(tile, first);
    }

    /// Counts infinities, where an extreme is one.
    fn count_infinities<T: Real>(&mut self, tile: Tile<'_, T>) {
        let Cells { infinite: [above, below], min, max, .. } = &mut self.cells;
        if above.is_empty() {
            return;
        }
        for (counts, extremes, infinity) in [(above, max, T::HIGHEST), (below, min, T::LOWEST)] {
            if any(tile.part(T::raw_mut(extremes)), |x| T::read(x) == infinity) {
                tile.count(self.reducer.level, |x| x == infinity, counts);
            }
        }
    }

    /// Counts NaN and finds the first; whether there is any.
    fn look_for_nan<T: Real>(&mut self, tile: Tile<'_, T>, first: u64) -> bool {
        let (level, cells) = (self.reducer.level, &mut self.cells);
        cells.expect_nan(self.columns, false);
        tile.count(level, is_nan, &mut cells.nan);
        let nan = any(tile.part(&mut cells.nan), |nan| nan > 0);
        if nan {
            cells.has_nan = true;
            tile.places(level, first, |_, x| is_nan(x), &mut cells.first_nan);
        }
        nan
    }
}

/// Multiplies the items of each column, NaN left out if `skip`.
fn multiply<T: Real>(tile: Tile<'_, T>, skip: bool, products: &mut [Scaled]) {
    tile.each_strip(|column, strip| {
        for (product, x) in products[column..].iter_mut().zip(strip) {
            let x = T::read(*x);
            if !(skip && is_nan(x)) {
                *product = product.times(Scaled::new([x.wide(), 0.0], 0));
            }
        }
    });
}
