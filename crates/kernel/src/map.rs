//! A function of every item, as a vector loop.

use crate::simd::{Level, Loop, Vectors, dispatch};

struct Map<'a, T, F, const N: usize> {
    items: &'a [[u8; N]],
    out: &'a mut [T],
    of: F,
}

impl<T, F: Fn([u8; N]) -> T, const N: usize> Loop for Map<'_, T, F, N> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        for (item, out) in self.items.iter().zip(self.out) {
            *out = (self.of)(*item);
        }
    }
}

/// Puts a function of each item into `out`; as many as both have.
pub(crate) fn map<T, const N: usize>(level: Level, items: &[u8], out: &mut [T], of: impl Fn([u8; N]) -> T) {
    dispatch(level, Map { items: items.as_chunks().0, out, of });
}
