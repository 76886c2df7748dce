//! Items as they are stored, and as this machine calculates with them.

use ndfolio_store::{Bytes, ROW, Room, TILE};

use super::{half, item::Item, scratch::room};
use crate::simd::{Level, Loop, Vectors, dispatch};

/// What makes stored items such as the loops work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing.
    Native,
    /// Every so many bytes are in the other order.
    Swapped(usize),
    /// Halves become singles.
    Half { swapped: bool },
    /// Truth values of any bits become 0 and 1.
    Truth,
}

impl Form {
    /// Bytes of an item for the loops, for each that is stored.
    #[inline(always)]
    pub(super) fn growth(self) -> usize {
        if matches!(self, Form::Half { .. }) { 2 } else { 1 }
    }
}

/// How rows are decoded in a loop, known when it is compiled.
pub(super) trait Decode: Copy {
    /// Hands over a row of stored bytes as items for the loops.
    fn row<V: Vectors, T: Item, R>(self, vectors: V, row: [u8; ROW], then: impl FnOnce(&[T::Raw]) -> R) -> R;
}

/// [`Form::Native`].
#[derive(Clone, Copy)]
pub(super) struct Native;
/// [`Form::Swapped`], by as many bytes as an item has.
#[derive(Clone, Copy)]
pub(super) struct Swapped;
/// [`Form::Half`].
#[derive(Clone, Copy)]
pub(super) struct Half;
/// [`Form::Half`] in the other byte order.
#[derive(Clone, Copy)]
pub(super) struct SwappedHalf;
/// [`Form::Truth`].
#[derive(Clone, Copy)]
pub(super) struct Truth;

impl Decode for Native {
    #[inline(always)]
    fn row<V: Vectors, T: Item, R>(self, _: V, row: [u8; ROW], then: impl FnOnce(&[T::Raw]) -> R) -> R {
        then(T::raw(&row))
    }
}

impl Decode for Swapped {
    #[inline(always)]
    fn row<V: Vectors, T: Item, R>(self, _: V, row: [u8; ROW], then: impl FnOnce(&[T::Raw]) -> R) -> R {
        let mut native = [0; ROW];
        decode_here(Form::Swapped(size_of::<T::Raw>()), &row, &mut native);
        then(T::raw(&native))
    }
}

impl Decode for Half {
    #[inline(always)]
    fn row<V: Vectors, T: Item, R>(self, vectors: V, row: [u8; ROW], then: impl FnOnce(&[T::Raw]) -> R) -> R {
        then(T::raw(&vectors.singles(&row)))
    }
}

impl Decode for SwappedHalf {
    #[inline(always)]
    fn row<V: Vectors, T: Item, R>(self, vectors: V, row: [u8; ROW], then: impl FnOnce(&[T::Raw]) -> R) -> R {
        let mut native = [0; ROW];
        decode_here(Form::Swapped(2), &row, &mut native);
        then(T::raw(&vectors.singles(&native)))
    }
}

impl Decode for Truth {
    #[inline(always)]
    fn row<V: Vectors, T: Item, R>(self, _: V, row: [u8; ROW], then: impl FnOnce(&[T::Raw]) -> R) -> R {
        then(T::raw(&row.map(|x| u8::from(x != 0))))
    }
}

/// Calls something with what decodes a form, if items of type `$type` are stored like that.
macro_rules! by_form {
    ($form:expr, $type:ty, $decode:ident => $call:expr) => {
        match ($form, size_of::<<$type as Item>::Raw>(), <$type as Item>::IS_HALF) {
            (Form::Swapped(_), 2.., false) => {
                let $decode = Swapped;
                $call
            }
            (Form::Half { swapped: false }, _, true) => {
                let $decode = Half;
                $call
            }
            (Form::Half { swapped: true }, _, true) => {
                let $decode = SwappedHalf;
                $call
            }
            (Form::Truth, 1, _) => {
                let $decode = Truth;
                $call
            }
            _ => {
                let $decode = Native;
                $call
            }
        }
    };
}
pub(super) use by_form;

/// Bytes in whole cache lines.
#[repr(align(64))]
pub(super) struct Lines<const N: usize>(pub(super) [u8; N]);

/// Stored items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'a> {
    pub(super) bytes: Bytes<'a>,
    pub(super) form: Form,
    pub(super) level: Level,
}

impl<'a> Stored<'a> {
    /// Hands over the items for the loops, in tiles of a multiple of 256 bytes but for the last, while `each`
    /// says so.
    pub(super) fn each_while(self, mut each: impl FnMut(&[u8]) -> bool) {
        if self.form != Form::Native {
            return self.each_decoded(each);
        }
        let (mut room, mut at) = (Room::new(), 0);
        while at < self.bytes.len() {
            let tile = self.bytes.tile(at, &mut room);
            at += tile.len();
            if !each(tile) {
                break;
            }
        }
    }

    fn each_decoded(self, mut each: impl FnMut(&[u8]) -> bool) {
        let Stored { bytes, form, level } = self;
        let (mut room, mut native) = (Room::<TILE>::new(), Lines([0; 2 * TILE]));
        for at in (0..bytes.len()).step_by(TILE) {
            let tile = bytes.part(at, TILE.min(bytes.len() - at), &mut room);
            let native = &mut native.0[..tile.len() * form.growth()];
            decode(level, form, tile, native);
            if !each(native) {
                break;
            }
        }
    }

    /// All items for the loops: themselves if they are private, else a copy in `own`.
    pub(super) fn private(self, own: &'a mut Vec<u8>) -> &'a [u8] {
        if let (Form::Native, Bytes::Private(bytes)) = (self.form, self.bytes) {
            return bytes;
        }
        let own = room(own, self.bytes.len() * self.form.growth());
        let mut at = 0;
        self.each_while(|tile| {
            own[at..at + tile.len()].copy_from_slice(tile);
            at += tile.len();
            true
        });
        own
    }

    /// The `len` bytes at `at` as items for the loops; `room` and `native` have place for them. For what fills no
    /// row: compiled once, beside the loops.
    #[inline(never)]
    pub(super) fn part<'t, const N: usize>(
        &'t self,
        at: usize,
        len: usize,
        room: &'t mut Room<N>,
        native: &'t mut [u8],
    ) -> &'t [u8] {
        let part = self.bytes.part(at, len, room);
        if self.form == Form::Native {
            return part;
        }
        let native = &mut native[..len * self.form.growth()];
        decode_here(self.form, part, native);
        native
    }
}

/// Makes stored items such as the loops work on.
fn decode(level: Level, form: Form, stored: &[u8], native: &mut [u8]) {
    match form {
        Form::Half { swapped } => half::decode(level, stored, swapped, native),
        _ => dispatch(level, DecodeAll { form, stored, native }),
    }
}

struct DecodeAll<'a> {
    form: Form,
    stored: &'a [u8],
    native: &'a mut [u8],
}

impl Loop for DecodeAll<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        decode_here(self.form, self.stored, self.native);
    }
}

#[inline(always)]
fn decode_here(form: Form, stored: &[u8], native: &mut [u8]) {
    match form {
        Form::Native => native.copy_from_slice(stored),
        Form::Swapped(2) => {
            for (x, out) in stored.as_chunks().0.iter().zip(native.as_chunks_mut().0) {
                *out = u16::from_ne_bytes(*x).swap_bytes().to_ne_bytes();
            }
        }
        Form::Swapped(4) => {
            for (x, out) in stored.as_chunks().0.iter().zip(native.as_chunks_mut().0) {
                *out = u32::from_ne_bytes(*x).swap_bytes().to_ne_bytes();
            }
        }
        // No item has parts of another width.
        Form::Swapped(_) => {
            for (x, out) in stored.as_chunks().0.iter().zip(native.as_chunks_mut().0) {
                *out = u64::from_ne_bytes(*x).swap_bytes().to_ne_bytes();
            }
        }
        Form::Half { swapped } => half::decode_here(stored, swapped, native),
        Form::Truth => native.iter_mut().zip(stored).for_each(|(out, x)| *out = u8::from(*x != 0)),
    }
}
