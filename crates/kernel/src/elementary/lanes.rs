//! Loops over items that stand side by side.
//!
//! Functions are types here, not closures: what a loop calls is inlined in every copy of the loop, however long it is,
//! only where it is said so, and otherwise there are no vectors.

use std::marker::PhantomData;

use ndfolio_store::{Bytes, ROW, Room};

use crate::simd::{Level, Loop, Vectors, dispatch};

/// After how many items it is looked whether one of them was hard: few enough to be in the nearest cache still.
const BLOCK: usize = 128;

/// Room for a block, if it is not in private memory.
type Block = Room<{ 8 * BLOCK }>;

/// Items of a block.
#[inline(always)]
fn block<'t, const N: usize>(
    bytes: &'t Bytes<'_>,
    index: usize,
    count: usize,
    room: &'t mut Block,
) -> &'t [[u8; N]] {
    bytes.part(index * BLOCK * N, count * N, room).as_chunks().0
}

/// Places of items, as many as there are in so many bytes.
fn places<const N: usize>(out: &mut [u8], bytes: usize) -> &mut [[u8; N]] {
    let out = out.as_chunks_mut().0;
    let count = out.len().min(bytes / N);
    &mut out[..count]
}

/// A function of one item, whose methods are `#[inline(always)]`.
pub(super) trait Unary<const N: usize> {
    /// Whether what is hard is done again item by item. Otherwise it is the whole block, as vectors.
    const ITEM_BY_ITEM: bool = false;

    /// The function, of items that are not hard.
    fn of(item: [u8; N]) -> [u8; N];

    #[inline(always)]
    fn is_hard(_: [u8; N]) -> bool {
        false
    }

    /// The function, of all items; the same where `of` is right.
    #[inline(always)]
    fn of_any(item: [u8; N]) -> [u8; N] {
        Self::of(item)
    }
}

struct Each<'a, F, const N: usize> {
    items: Bytes<'a>,
    out: &'a mut [[u8; N]],
    function: PhantomData<F>,
}

impl<F: Unary<N>, const N: usize> Loop for Each<'_, F, N> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> bool {
        let (mut room, mut none) = (Block::new(), true);
        for (index, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let items = block(&self.items, index, out.len(), &mut room);
            let mut any = false;
            for (item, out) in items.iter().zip(&mut *out) {
                any |= F::is_hard(*item);
                *out = F::of(*item);
            }
            none &= !any;
            if any && F::ITEM_BY_ITEM {
                patch::<F, N>(items, out);
            } else if any {
                for (item, out) in items.iter().zip(out) {
                    *out = F::of_any(*item);
                }
            }
        }
        none
    }
}

/// Bytes of rows that are worked on without a look between them: some kilobytes, as they are done again where one
/// of their items is hard.
const ROWS: usize = 8 << 10;

/// How many bytes before they are needed items are asked for, beside what [`Bytes::look_ahead`] does.
const FURTHER: usize = 6 << 10;

/// Whole rows, which stay in registers from the mapping to the result.
struct InRegisters<'a, F, const N: usize> {
    items: Bytes<'a>,
    out: &'a mut [[u8; N]],
    function: PhantomData<F>,
}

impl<F: Unary<N>, const N: usize> Loop for InRegisters<'_, F, N> {
    /// Whether none was hard. If one was, the results mean nothing.
    type Output = bool;
    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> bool {
        let mut any = false;
        for (index, out) in self.out.chunks_exact_mut(ROW / N).enumerate() {
            self.items.look_ahead(index * ROW + FURTHER);
            let row = vectors.row(&self.items, index * ROW);
            for (item, out) in row.as_chunks().0.iter().zip(out) {
                any |= F::is_hard(*item);
                *out = F::of(*item);
            }
        }
        !any
    }
}

/// Does again what was hard, item by item.
#[cold]
#[inline(never)]
fn patch<F: Unary<N>, const N: usize>(items: &[[u8; N]], out: &mut [[u8; N]]) {
    for (item, out) in items.iter().zip(out) {
        if F::is_hard(*item) {
            *out = F::of_any(*item);
        }
    }
}

/// Puts a function of each item into `out`; as many as both have. Whether none was hard.
pub(super) fn each<F: Unary<N>, const N: usize>(level: Level, items: Bytes<'_>, out: &mut [u8]) -> bool {
    let (mut none, function) = (true, PhantomData::<F>);
    for (index, out) in places(out, items.len()).chunks_mut(ROWS / N).enumerate() {
        let (from, bytes) = (index * ROWS, out.len() * N);
        let items = items.slice(from..from + bytes);
        // Functions of singles are short enough for it, and the registers of AVX-512 many enough.
        let in_registers = N == 4 && level == Level::Avx512 && bytes.is_multiple_of(ROW);
        if in_registers && dispatch(level, InRegisters { items, out: &mut *out, function }) {
            continue;
        }
        none &= dispatch(level, Each { items, out, function });
    }
    none
}

/// As [`Unary`], of two items; what is hard is done again item by item.
pub(super) trait Binary<const N: usize> {
    fn of(a: [u8; N], b: [u8; N]) -> [u8; N];

    #[inline(always)]
    fn is_hard(_: [u8; N], _: [u8; N]) -> bool {
        false
    }

    #[inline(always)]
    fn of_any(a: [u8; N], b: [u8; N]) -> [u8; N] {
        Self::of(a, b)
    }
}

struct Zip<'a, F, const N: usize> {
    a: Bytes<'a>,
    b: Bytes<'a>,
    out: &'a mut [[u8; N]],
    function: PhantomData<F>,
}

impl<F: Binary<N>, const N: usize> Loop for Zip<'_, F, N> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        let (mut room, mut other) = (Block::new(), Block::new());
        for (index, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let a = block(&self.a, index, out.len(), &mut room);
            let b = block(&self.b, index, out.len(), &mut other);
            let mut any = false;
            for ((a, b), out) in a.iter().zip(b).zip(&mut *out) {
                any |= F::is_hard(*a, *b);
                *out = F::of(*a, *b);
            }
            if any {
                patch_two::<F, N>(a, b, out);
            }
        }
    }
}

/// Does again what was hard, item by item.
#[cold]
#[inline(never)]
fn patch_two<F: Binary<N>, const N: usize>(a: &[[u8; N]], b: &[[u8; N]], out: &mut [[u8; N]]) {
    for ((a, b), out) in a.iter().zip(b).zip(out) {
        if F::is_hard(*a, *b) {
            *out = F::of_any(*a, *b);
        }
    }
}

/// Puts a function of each two items into `out`; as many as all three have.
pub(super) fn zip<F: Binary<N>, const N: usize>(level: Level, a: Bytes<'_>, b: Bytes<'_>, out: &mut [u8]) {
    let out = places(out, a.len().min(b.len()));
    dispatch(level, Zip { a, b, out, function: PhantomData::<F> });
}
