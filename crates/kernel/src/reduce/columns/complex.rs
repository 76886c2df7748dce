use super::{Columns, cells::is_less, passes::Tile};
use crate::reduce::{
    Key, NanPolicy, Scaled, Wanted,
    complex::{native, poison},
    item::Real,
    loops::{Items, is_nan},
    stored::Stored,
};

impl Columns {
    /// Sums are those of columns of parts; what needs both parts goes item by item.
    pub(super) fn complex<T: Real>(
        &mut self,
        rows: Stored<'_>,
        first: u64,
        own: &mut Vec<u8>,
        spare: &mut Vec<u8>,
    ) {
        self.cells.clear(&(0..self.columns));
        self.cells.nonzero.fill(0);
        let rows = rows.private(own);
        let nan = Items::<T>::new(native(&self.reducer, rows)).any(is_nan);
        let skip = nan && self.reducer.nan == NanPolicy::Skip;
        let by_pair = Wanted::EXTREMES | Wanted::NONZERO | Wanted::PROD;
        if nan || self.reducer.wanted.meets(by_pair) {
            self.pairs::<T>(rows, first, skip);
        }
        let rows = if skip { poison::<T>(rows, spare) } else { rows };
        for tile in Tile::<T>::of(native(&self.reducer, rows), self.columns * 2) {
            if !self.cells.sum.is_empty() {
                tile.sums(self.reducer.level, skip, |_, x| x, &mut self.cells.sum);
            }
            self.rounded(tile, skip);
        }
    }

    fn pairs<T: Real>(&mut self, rows: &[u8], first: u64, skip: bool) {
        T::raw_mut(&mut self.cells.min).fill(T::HIGHEST.write());
        T::raw_mut(&mut self.cells.max).fill(T::LOWEST.write());
        for (place, row) in (first..).zip(T::raw(rows).as_chunks::<2>().0.chunks_exact(self.columns)) {
            for (column, z) in row.iter().enumerate() {
                self.pair::<T>(column, *z, place, skip);
            }
        }
    }

    fn pair<T: Real>(&mut self, column: usize, raw: [T::Raw; 2], place: u64, skip: bool) {
        let (z, cells) = (raw.map(T::read), &mut self.cells);
        let nan = is_nan(z[0]) || is_nan(z[1]);
        if let Some(nonzero) = cells.nonzero.get_mut(column) {
            *nonzero += u64::from(z != [T::ZERO; 2]);
        }
        if let Some(product) = cells.prod.get_mut(column)
            && !(nan && skip)
        {
            *product = product.times_complex(Scaled::new(z.map(T::wide), 0));
        }
        if nan {
            cells.has_nan = true;
            cells.expect_nan(self.columns, true);
            if cells.first_nan[column] == u64::MAX {
                cells.first_nan[column] = place;
                cells.nan_item[column] = Key::float(z[0].wide(), z[1].wide());
            }
            cells.nan[column] += 1;
        } else if self.reducer.wanted.contains(Wanted::EXTREMES) {
            let before = |best: &[T::Raw; 2]| is_less(&z, &best.map(T::read));
            let after = |best: &[T::Raw; 2]| is_less(&best.map(T::read), &z);
            take::<T>(&mut cells.min, &mut cells.min_at, column, raw, place, before);
            take::<T>(&mut cells.max, &mut cells.max_at, column, raw, place, after);
        }
    }
}

/// Makes a number the extreme of a column if it is `better`, or the first of all.
fn take<T: Real>(
    best: &mut [u8],
    places: &mut [u64],
    column: usize,
    raw: [T::Raw; 2],
    place: u64,
    better: impl Fn(&[T::Raw; 2]) -> bool,
) {
    let best = &mut T::raw_mut(best).as_chunks_mut::<2>().0[column];
    let is_better = better(best);
    if is_better {
        *best = raw;
    }
    if let Some(at) = places.get_mut(column)
        && (is_better || *at == u64::MAX)
    {
        *at = place;
    }
}
