//! Blocks of truth values: everything follows from how many are true.

use super::{Key, Partial, Reducer, loops::Items, stored::Stored};

pub(super) fn measure(_: &Reducer, items: Stored<'_>, first: u64) -> Partial {
    let count = items.bytes.len() as u64;
    let nonzero = Items::<u8>::new(items).count(|x| x != 0);
    let mut partial = Partial { count, nonzero, int: i128::from(nonzero), ..Partial::EMPTY };
    if count > 0 {
        partial.m2 = nonzero as f64 * (count - nonzero) as f64 / count as f64;
        partial.squares = nonzero as f64;
        partial.int_prod = u64::from(nonzero == count);
        (partial.min, partial.max) =
            (Key::int(i64::from(nonzero == count)), Key::int(i64::from(nonzero > 0)));
        (partial.min_at, partial.max_at) = (first, first);
    }
    partial
}

pub(super) fn find(_: &Reducer, items: Stored<'_>, key: Key) -> usize {
    Items::<u8>::new(items).find(|x| i64::from(x != 0) == key.int).unwrap_or(0)
}
