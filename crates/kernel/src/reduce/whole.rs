//! Blocks of integers and of times.

use super::{Key, NanPolicy, Partial, Reducer, Wanted, item::Whole, loops::Items, stored::Stored};

pub(super) fn measure<T: Whole>(reducer: &Reducer, stored: Stored<'_>, first: u64) -> Partial {
    let items = Items::<T>::new(stored);
    let (wanted, count) = (reducer.wanted, items.len() as u64);
    let mut partial = Partial { count, ..Partial::EMPTY };
    if wanted.contains(Wanted::SUM) {
        partial.int = items.total();
    }
    if wanted.contains(Wanted::M2) {
        let mean = partial.int as f64 / count as f64;
        partial.m2 = items.distances(false, [mean, mean]);
    }
    if wanted.contains(Wanted::NONZERO) {
        partial.nonzero = items.count(|x| x != T::ZERO);
    }
    if wanted.contains(Wanted::SQUARES) {
        partial.squares = items.squares(false);
    }
    if wanted.contains(Wanted::PROD) {
        partial.int_prod = items.product();
    }
    if count > 0 && (wanted.contains(Wanted::EXTREMES) || reducer.is_time()) {
        let found = items.extremes();
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
    let first_nan = items.find(|x| x == T::LOWEST).map(|place| first + place as u64);
    if reducer.nan == NanPolicy::Propagate {
        return Partial { nan: 1, first_nan, ..partial };
    }
    let nan = items.count(|x| x == T::LOWEST);
    let int = partial.int - i128::from(T::LOWEST.key().int) * i128::from(nan);
    let rest = if nan == partial.count {
        Partial::EMPTY
    } else {
        Partial { min: items.least_time().key(), ..partial }
    };
    Partial { count: partial.count, nan, first_nan, int, nonzero: partial.nonzero, ..rest }
}

pub(super) fn find<T: Whole>(_: &Reducer, items: Stored<'_>, key: Key) -> usize {
    let (items, item) = (Items::<T>::new(items), T::from_key(key));
    items.find(|x| x == item).unwrap_or(0)
}
