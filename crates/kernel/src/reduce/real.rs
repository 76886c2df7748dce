//! Blocks of real floating-point numbers.

use super::{
    Key, NanPolicy, Partial, Reducer, Wanted,
    item::Real,
    loops::{Items, is_nan},
    product::product,
};

pub(super) fn measure<T: Real>(reducer: &Reducer, bytes: &[u8], first: u64) -> Partial {
    let items = Items::<T>::new(bytes);
    let mut partial = numbers(reducer, items, first, 0);
    if partial.nan == 0 {
        return partial;
    }
    if reducer.nan == NanPolicy::Skip {
        let nan = items.count(reducer.level, is_nan);
        partial = numbers(reducer, items, first, nan);
    }
    partial.first_nan = items.find(reducer.level, is_nan).map(|place| first + place as u64);
    partial.nan_item = Key::float(f64::NAN, 0.0);
    partial
}

/// What is known of the items of which `nan` are known to be NaN and left out. If that is 0, it is 1
/// afterwards if there is any.
fn numbers<T: Real>(reducer: &Reducer, items: Items<'_, T>, first: u64, nan: u64) -> Partial {
    let (level, wanted, skip, count) = (reducer.level, reducer.wanted, nan > 0, items.raw().len() as u64);
    let mut partial = Partial { count, nan, ..Partial::EMPTY };
    // Infinities add up to NaN too, so in that case the items are looked at.
    let mut suspect = !wanted.contains(Wanted::EXTREMES);
    if wanted.contains(Wanted::EXTREMES) && count > nan {
        let found = items.extremes(level);
        (partial.min, partial.max) = (found.min.key(), found.max.key());
        (partial.min_at, partial.max_at) = (first, first);
        partial.nan = nan.max(u64::from(found.nan));
        if wanted.contains(Wanted::INFINITE) {
            // Their values are the extremes, so where those are finite nothing is looked at again.
            let count = |extreme: T, of: T| if extreme == of { items.count(level, |x| x == of) } else { 0 };
            partial.infinite = [count(found.max, T::HIGHEST), count(found.min, T::LOWEST)];
        }
    }
    if wanted.contains(Wanted::SUM) {
        partial.sum = items.sum(level, skip, 1);
        suspect &= partial.sum[0].is_nan();
    }
    if wanted.contains(Wanted::M2) {
        let mean = partial.sum[0] / (count - nan) as f64;
        partial.m2 = items.distances(level, skip, [mean, mean]);
    }
    if wanted.contains(Wanted::NONZERO) {
        partial.nonzero = items.count(level, |x| x != T::ZERO);
    }
    if wanted.contains(Wanted::SQUARES) {
        partial.squares = items.squares(level, skip);
        suspect &= partial.squares.is_nan();
    }
    if suspect && !skip {
        partial.nan = u64::from(items.any(level, is_nan));
    }
    if wanted.contains(Wanted::PROD) {
        partial.prod = product(level, skip, items);
    }
    partial
}

pub(super) fn find<T: Real>(reducer: &Reducer, items: &[u8], key: Key) -> usize {
    let (items, item) = (Items::<T>::new(items), T::from_key(key));
    items.find(reducer.level, |x| x == item).unwrap_or(0)
}
