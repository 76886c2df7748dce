//! Loops over one, two or three operands. Mapped ones come in parts so small that the processor loads the next one while
//! it computes this one.

use std::marker::PhantomData;

use ndfolio_store::{Bytes, Room, TILE};

use super::{items::Item, run::Out};
use crate::simd::{self, Level, Vectors, dispatch};

/// Items of a part.
#[inline(always)]
pub(super) const fn items_of_part<T: Item>() -> usize {
    TILE / size_of::<T::Raw>()
}

/// The same for items of two types.
const fn items_of_both<A: Item, B: Item>() -> usize {
    let (a, b) = (items_of_part::<A>(), items_of_part::<B>());
    if a < b { a } else { b }
}

/// Some items in private memory: themselves, or a copy.
#[inline(always)]
pub(super) fn part<'t, T: Item>(
    bytes: &'t Bytes<'_>,
    first: usize,
    count: usize,
    room: &'t mut Room,
) -> &'t [T::Raw] {
    let size = size_of::<T::Raw>();
    T::raws(bytes.part(first * size, count * size, room))
}

/// As many places as there are items.
fn places<'o, T: Item, O: Item>(items: &Bytes<'_>, out: &'o mut [u8]) -> &'o mut [O::Raw] {
    let out = O::places(out);
    let count = out.len().min(items.len() / size_of::<T::Raw>());
    &mut out[..count]
}

struct Unary<'a, T: Item, O: Item, F> {
    x: Bytes<'a>,
    out: &'a mut [O::Raw],
    of: F,
    item: PhantomData<T>,
}

impl<T: Item, O: Item, F: Fn(T) -> O> simd::Loop for Unary<'_, T, O, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let mut marks = O::Mark::default();
        let (mut room, items) = (Room::new(), items_of_part::<T>());
        for (index, out) in self.out.chunks_mut(items).enumerate() {
            let x = part::<T>(&self.x, index * items, out.len(), &mut room);
            for (x, out) in x.iter().zip(out) {
                let result = (self.of)(T::read(*x));
                marks |= result.mark();
                *out = result.write();
            }
        }
        O::all(marks)
    }
}

struct Binary<'a, A: Item, B: Item, O: Item, F> {
    a: Bytes<'a>,
    b: Bytes<'a>,
    out: &'a mut [O::Raw],
    of: F,
    items: PhantomData<(A, B)>,
}

impl<A: Item, B: Item, O: Item, F: Fn(A, B) -> O> simd::Loop for Binary<'_, A, B, O, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let mut marks = O::Mark::default();
        let (mut rooms, items) = ([Room::new(), Room::new()], items_of_both::<A, B>());
        let [room, other] = &mut rooms;
        for (index, out) in self.out.chunks_mut(items).enumerate() {
            let a = part::<A>(&self.a, index * items, out.len(), room);
            let b = part::<B>(&self.b, index * items, out.len(), other);
            for ((a, b), out) in a.iter().zip(b).zip(out) {
                let result = (self.of)(A::read(*a), B::read(*b));
                marks |= result.mark();
                *out = result.write();
            }
        }
        O::all(marks)
    }
}

struct Ternary<'a, A: Item, T: Item, F> {
    a: Bytes<'a>,
    b: Bytes<'a>,
    c: Bytes<'a>,
    out: &'a mut [T::Raw],
    of: F,
    item: PhantomData<A>,
}

impl<A: Item, T: Item, F: Fn(A, T, T) -> T> simd::Loop for Ternary<'_, A, T, F> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let mut marks = T::Mark::default();
        let (mut rooms, items) = ([Room::new(), Room::new(), Room::new()], items_of_both::<A, T>());
        let [room, second, third] = &mut rooms;
        for (index, out) in self.out.chunks_mut(items).enumerate() {
            let a = part::<A>(&self.a, index * items, out.len(), room);
            let b = part::<T>(&self.b, index * items, out.len(), second);
            let c = part::<T>(&self.c, index * items, out.len(), third);
            for (((a, b), c), out) in a.iter().zip(b).zip(c).zip(out) {
                let result = (self.of)(A::read(*a), T::read(*b), T::read(*c));
                marks |= result.mark();
                *out = result.write();
            }
        }
        T::all(marks)
    }
}

/// A function of each item, as a vector loop; as many as both have.
pub(super) fn unary<T: Item, O: Item>(level: Level, x: Bytes<'_>, out: &mut Out<'_>, of: impl Fn(T) -> O) {
    let places = places::<T, O>(&x, out.bytes);
    out.is_finite &= dispatch(level, Unary { x, out: places, of, item: PhantomData });
}

/// A function of each pair of items, as a vector loop.
pub(super) fn binary<A: Item, B: Item, O: Item>(
    level: Level,
    [a, b]: [Bytes<'_>; 2],
    out: &mut Out<'_>,
    of: impl Fn(A, B) -> O,
) {
    out.is_finite &= dispatch(level, Binary { a, b, out: O::places(out.bytes), of, items: PhantomData });
}

/// A function of an item and two more of another type, as a vector loop.
pub(super) fn ternary<A: Item, T: Item>(
    level: Level,
    [a, b, c]: [Bytes<'_>; 3],
    out: &mut Out<'_>,
    of: impl Fn(A, T, T) -> T,
) {
    out.is_finite &= dispatch(level, Ternary { a, b, c, out: T::places(out.bytes), of, item: PhantomData });
}

/// A function of each item that has no vector instructions.
pub(super) fn each<T: Item, O: Item>(x: Bytes<'_>, out: &mut Out<'_>, mut of: impl FnMut(T) -> O) {
    let (mut room, items) = (Room::new(), items_of_part::<T>());
    for (index, places) in O::places(out.bytes).chunks_mut(items).enumerate() {
        for (x, place) in part::<T>(&x, index * items, places.len(), &mut room).iter().zip(places) {
            let result = of(T::read(*x));
            out.is_finite &= result.is_finite();
            *place = result.write();
        }
    }
}

/// A function of each pair of items that has no vector instructions.
pub(super) fn each_pair<A: Item, B: Item, O: Item>(
    [a, b]: [Bytes<'_>; 2],
    out: &mut Out<'_>,
    mut of: impl FnMut(A, B) -> O,
) {
    let (mut rooms, items) = ([Room::new(), Room::new()], items_of_both::<A, B>());
    let [room, other] = &mut rooms;
    for (index, places) in O::places(out.bytes).chunks_mut(items).enumerate() {
        let a = part::<A>(&a, index * items, places.len(), room);
        let b = part::<B>(&b, index * items, places.len(), other);
        for ((a, b), place) in a.iter().zip(b).zip(places) {
            let result = of(A::read(*a), B::read(*b));
            out.is_finite &= result.is_finite();
            *place = result.write();
        }
    }
}

/// A function of three items that has no vector instructions.
pub(super) fn each_three<T: Item>([a, b, c]: [Bytes<'_>; 3], out: &mut Out<'_>, of: impl Fn(T, T, T) -> T) {
    let (mut rooms, items) = ([Room::new(), Room::new(), Room::new()], items_of_part::<T>());
    let [room, second, third] = &mut rooms;
    for (index, places) in T::places(out.bytes).chunks_mut(items).enumerate() {
        let a = part::<T>(&a, index * items, places.len(), room);
        let b = part::<T>(&b, index * items, places.len(), second);
        let c = part::<T>(&c, index * items, places.len(), third);
        for (((a, b), c), place) in a.iter().zip(b).zip(c).zip(places) {
            let result = of(T::read(*a), T::read(*b), T::read(*c));
            out.is_finite &= result.is_finite();
            *place = result.write();
        }
    }
}
