//! Loops over one, two or three operands.

use super::items::Item;
use crate::simd::{self, Level, Vectors, dispatch};

struct Unary<'a, T: Item, O: Item, F> {
    x: &'a [T::Raw],
    out: &'a mut [O::Raw],
    of: F,
}

impl<T: Item, O: Item, F: Fn(T) -> O> simd::Loop for Unary<'_, T, O, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        for (x, out) in self.x.iter().zip(self.out) {
            *out = (self.of)(T::read(*x)).write();
        }
    }
}

struct Binary<'a, A: Item, B: Item, O: Item, F> {
    a: &'a [A::Raw],
    b: &'a [B::Raw],
    out: &'a mut [O::Raw],
    of: F,
}

impl<A: Item, B: Item, O: Item, F: Fn(A, B) -> O> simd::Loop for Binary<'_, A, B, O, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        for ((a, b), out) in self.a.iter().zip(self.b).zip(self.out) {
            *out = (self.of)(A::read(*a), B::read(*b)).write();
        }
    }
}

struct Ternary<'a, A: Item, T: Item, F> {
    a: &'a [A::Raw],
    b: &'a [T::Raw],
    c: &'a [T::Raw],
    out: &'a mut [T::Raw],
    of: F,
}

impl<A: Item, T: Item, F: Fn(A, T, T) -> T> simd::Loop for Ternary<'_, A, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        for (((a, b), c), out) in self.a.iter().zip(self.b).zip(self.c).zip(self.out) {
            *out = (self.of)(A::read(*a), T::read(*b), T::read(*c)).write();
        }
    }
}

/// A function of each item, as a vector loop.
pub(super) fn unary<T: Item, O: Item>(level: Level, x: &[u8], out: &mut [u8], of: impl Fn(T) -> O) {
    dispatch(level, Unary { x: T::raws(x), out: O::places(out), of });
}

/// A function of each pair of items, as a vector loop.
pub(super) fn binary<A: Item, B: Item, O: Item>(
    level: Level,
    [a, b]: [&[u8]; 2],
    out: &mut [u8],
    of: impl Fn(A, B) -> O,
) {
    dispatch(level, Binary { a: A::raws(a), b: B::raws(b), out: O::places(out), of });
}

/// A function of an item and two more of another type, as a vector loop.
pub(super) fn ternary<A: Item, T: Item>(
    level: Level,
    [a, b, c]: [&[u8]; 3],
    out: &mut [u8],
    of: impl Fn(A, T, T) -> T,
) {
    dispatch(level, Ternary { a: A::raws(a), b: T::raws(b), c: T::raws(c), out: T::places(out), of });
}

/// A function of each item that has no vector instructions.
pub(super) fn each<T: Item, O: Item>(x: &[u8], out: &mut [u8], mut of: impl FnMut(T) -> O) {
    for (x, out) in T::raws(x).iter().zip(O::places(out)) {
        *out = of(T::read(*x)).write();
    }
}

/// A function of each pair of items that has no vector instructions.
pub(super) fn each_pair<A: Item, B: Item, O: Item>(
    [a, b]: [&[u8]; 2],
    out: &mut [u8],
    mut of: impl FnMut(A, B) -> O,
) {
    for ((a, b), out) in A::raws(a).iter().zip(B::raws(b)).zip(O::places(out)) {
        *out = of(A::read(*a), B::read(*b)).write();
    }
}

/// A function of three items that has no vector instructions.
pub(super) fn each_three<T: Item>([a, b, c]: [&[u8]; 3], out: &mut [u8], of: impl Fn(T, T, T) -> T) {
    let items = T::raws(a).iter().zip(T::raws(b)).zip(T::raws(c));
    for (((a, b), c), out) in items.zip(T::places(out)) {
        *out = of(T::read(*a), T::read(*b), T::read(*c)).write();
    }
}
