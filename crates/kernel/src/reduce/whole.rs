//! Blocks of integers and of times.

use super::{Key, NanPolicy, Partial, Reducer, Wanted, item::Whole, loops::Items};

pub(super) fn measure<T: Whole>(reducer: &Reducer, bytes: &[u8], first: u64) -> Partial {
    let items = Items::<T>::new(bytes);
    let (level, wanted, count) = (reducer.level, reducer.wanted, items.raw().len() as u64);
    let mut partial = Partial { count, ..Partial::EMPTY };
    if wanted.contains(Wanted::SUM) {
        partial.int = items.total(level);
    }
    if wanted.contains(Wanted::M2) {
        let mean = partial.int as f64 / count as f64;
        partial.m2 = items.distances(level, false, [mean, mean]);
    }
    if wanted.contains(Wanted::NONZERO) {
        partial.nonzero = items.count(level, |x| x != T::ZERO);
    }
    if wanted.contains(Wanted::SQUARES) {
        partial.squares = items.squares(level, false);
    }
    if wanted.contains(Wanted::PROD) {
        partial.int_prod = items.product(level);
    }
    if count > 0 && (wanted.contains(Wanted::EXTREMES) || reducer.is_time()) {
        let found = items.extremes(level);
        (partial.min, partial.max) = (found.min.key(), found.max.key());
        (partial.min_at, partial.max_at) = (first, first);
    }
    if reducer.is_time() && partial.min == T::LOWEST.key() {
        no_times(reducer, items, first, partial)
    } else {
        partial
    }
}

/// Takes out those that are not a time: their count is the least of all.
fn no_times<T: Whole>(reducer: &Reducer, items: Items<'_, T>, first: u64, partial: Partial) -> Partial {
    let first_nan = items.find(reducer.level, |x| x == T::LOWEST).map(|place| first + place as u64);
    if reducer.nan == NanPolicy::Propagate {
        return Partial { nan: 1, first_nan, ..partial };
    }
    let nan = items.count(reducer.level, |x| x == T::LOWEST);
    let int = partial.int - i128::from(T::LOWEST.key().int) * i128::from(nan);
    let rest = if nan == partial.count {
        Partial::EMPTY
    } else {
        Partial { min: items.least_time(reducer.level).key(), ..partial }
    };
    Partial { count: partial.count, nan, first_nan, int, nonzero: partial.nonzero, ..rest }
}

pub(super) fn find<T: Whole>(reducer: &Reducer, items: &[u8], key: Key) -> usize {
    let (items, item) = (Items::<T>::new(items), T::from_key(key));
    items.find(reducer.level, |x| x == item).unwrap_or(0)
}
