//! Blocks of real floating-point numbers.

use super::{
    Key, NanPolicy, Partial, Reducer, Wanted,
    item::Real,
    loops::{Items, is_nan},
    moments,
    product::product,
    stored::Stored,
};

pub(super) fn measure<T: Real>(reducer: &Reducer, stored: Stored<'_>, first: u64) -> Partial {
    let items = Items::<T>::new(stored);
    let mut partial = numbers(reducer, items, first, 0);
    if partial.nan == 0 {
        return partial;
    }
    if reducer.nan == NanPolicy::Skip {
        let nan = items.count(is_nan);
        partial = numbers(reducer, items, first, nan);
    }
    partial.first_nan = items.find(is_nan).map(|place| first + place as u64);
    partial.nan_item = Key::float(f64::NAN, 0.0);
    partial
}

/// What is known of the items of which `nan` are known to be NaN and left out. If that is 0, it is 1
/// afterwards if there is any.
fn numbers<T: Real>(reducer: &Reducer, items: Items<'_, T>, first: u64, nan: u64) -> Partial {
    let (wanted, skip, count) = (reducer.wanted, nan > 0, items.len() as u64);
    let mut partial = Partial { count, nan, ..Partial::EMPTY };
    // Infinities add up to NaN too, so in that case the items are looked at.
    let mut suspect = !wanted.contains(Wanted::EXTREMES);
    if wanted.contains(Wanted::EXTREMES) && count > nan {
        let found = items.extremes();
        (partial.min, partial.max) = (zero(items, found.min).key(), zero(items, found.max).key());
        (partial.min_at, partial.max_at) = (first, first);
        partial.nan = nan.max(u64::from(found.nan));
        if wanted.contains(Wanted::INFINITE) {
            // Their values are the extremes, so where those are finite nothing is looked at again.
            let count = |extreme: T, of: T| if extreme == of { items.count(|x| x == of) } else { 0 };
            partial.infinite = [count(found.max, T::HIGHEST), count(found.min, T::LOWEST)];
        }
    }
    if wanted.contains(Wanted::M2) {
        [partial.sum[0], partial.m2] = spread(items, skip, count - nan);
    } else if wanted.contains(Wanted::SUM) {
        partial.sum = items.sum(skip, 1);
    }
    suspect &= !wanted.contains(Wanted::SUM) || partial.sum[0].is_nan();
    if wanted.contains(Wanted::NONZERO) {
        partial.nonzero = items.count(|x| x != T::ZERO);
    }
    if wanted.contains(Wanted::SQUARES) {
        partial.squares = items.squares(skip);
        suspect &= partial.squares.is_nan();
    }
    if suspect && !skip {
        partial.nan = u64::from(items.any(is_nan));
    }
    if wanted.contains(Wanted::PROD) {
        partial.prod = product(skip, items);
    }
    partial
}

/// The sum of `numbers` items, and that of their squared distances from the mean.
fn spread<T: Real>(items: Items<'_, T>, skip: bool, numbers: u64) -> [f64; 2] {
    if size_of::<T::Raw>() == 4 && !skip {
        return moments::spread(items, None);
    }
    let sum = items.sum(skip, 1)[0];
    [sum, items.distances(skip, [sum / numbers as f64; 2])]
}

/// An extreme that is zero is the first zero: they have signs, and which of them a loop finds is chance.
fn zero<T: Real>(items: Items<'_, T>, extreme: T) -> T {
    if extreme != T::ZERO {
        return extreme;
    }
    items.find_item(|x| x == T::ZERO).map_or(extreme, |(_, zero)| zero)
}

pub(super) fn find<T: Real>(_: &Reducer, items: Stored<'_>, key: Key) -> usize {
    let (items, item) = (Items::<T>::new(items), T::from_key(key));
    items.find(|x| x == item).unwrap_or(0)
}
