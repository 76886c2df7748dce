//! Headers in which the number of rows can be changed in place.
//!
//! ```text
//! 'shape': (              42, 64), }
//!           └─── 16 bytes ──┘        at a multiple of 16: one aligned write that no reader sees half of
//! ```
//!
//! The window holds the extent of the axis that can grow without moving an item: the first in C order, the last in
//! Fortran order. Blanks are nothing to a reader of literals, so every reader of `.npy` files takes such a header.

use ndfolio_layout::{DType, Order, View};

use super::{
    MAGIC, text,
    write::{assemble, checked_descr, long, padded},
};
use crate::FormatError;

/// Bytes of the window, which begins at a multiple of them.
const WINDOW: usize = 16;

/// Where a header holds the number of rows, so that it can be changed by writing 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountField {
    /// Where the 16 bytes begin, in bytes from the start of the header: a multiple of 16.
    pub offset: u64,
    /// The axis that they count: the first in C order, the last in Fortran order.
    pub axis: usize,
    /// What they say.
    pub count: usize,
}

impl CountField {
    /// The largest number that fits into the field.
    pub const MAX: u64 = 9_999_999_999_999_999;

    /// The bytes of the field that say `count`.
    ///
    /// # Errors
    /// [`FormatError::CountTooLarge`] beyond [`CountField::MAX`].
    pub fn bytes(count: u64) -> Result<[u8; WINDOW], FormatError> {
        let text = format!("{count:WINDOW$}");
        text.as_bytes().try_into().map_err(|_| FormatError::CountTooLarge { count, limit: Self::MAX })
    }
}

/// As [`header`](super::header), with room for the number of rows to grow in its place; where the room is.
///
/// The order is taken as it is given, also where the array is contiguous in both: it says along which axis the
/// array grows. The header is at most 512 bytes long, as long as the dtype is no long record.
///
/// # Errors
/// As [`header`](super::header); [`FormatError::NoAxisToGrow`] for an array without axes;
/// [`FormatError::CountTooLarge`].
pub fn growable(dtype: &DType, shape: &[usize], order: Order) -> Result<(Vec<u8>, CountField), FormatError> {
    let view = View::contiguous(dtype, shape, order, 0)?;
    let (dtype, shape) = (view.dtype(), view.shape());
    let last = shape.len().checked_sub(1).ok_or(FormatError::NoAxisToGrow)?;
    let axis = if order == Order::C { 0 } else { last };
    let descr = checked_descr(dtype)?;
    let is_fortran = if order == Order::C { "False" } else { "True" };
    let slower: String = shape[..axis].iter().map(|n| format!("{n}, ")).collect();
    let faster: String = shape[axis + 1..].iter().map(|n| format!(", {n}")).collect();
    let before = format!("{{'descr': {descr}, 'fortran_order': {is_fortran}, 'shape': ({slower}");
    let after = format!("{faster}{}), }}", if last == 0 { "," } else { "" });
    let field = CountField::bytes(shape[axis] as u64)?;
    let parts = (&*before, &field[..], &*after);
    let (header, offset) = match latin1(&before) {
        Some(before) => short_or_long((before, parts.1, parts.2))?,
        None => aligned((3, 0), 4, (before.clone().into_bytes(), parts.1, parts.2))?,
    };
    Ok((header, CountField { offset: offset as u64, axis, count: shape[axis] }))
}

/// The text as Latin-1, if it is that; what follows the dtype is ASCII always.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

type Parts<'a> = (Vec<u8>, &'a [u8], &'a str);

/// Version 1.0, or 2.0 where that is too short.
fn short_or_long(parts: Parts<'_>) -> Result<(Vec<u8>, usize), FormatError> {
    let (before, field, after) = &parts;
    let most = before.len() + WINDOW + field.len() + after.len();
    match u16::try_from(padded(most, 2)) {
        Ok(_) => aligned((1, 0), 2, parts),
        Err(_) => aligned((2, 0), 4, parts),
    }
}

/// The header with blanks before the field, so that it begins at a multiple of its length; and where it begins.
fn aligned(
    version: (u8, u8),
    length_bytes: usize,
    (mut text, field, after): Parts<'_>,
) -> Result<(Vec<u8>, usize), FormatError> {
    let start = MAGIC.len() + 2 + length_bytes;
    let offset = (start + text.len()).next_multiple_of(WINDOW);
    text.resize(offset - start, b' ');
    text.extend_from_slice(field);
    text.extend_from_slice(after.as_bytes());
    let header = match length_bytes {
        2 => assemble(version, &(padded(text.len(), 2) as u16).to_le_bytes(), text),
        _ => assemble(version, &long(text.len())?, text),
    };
    Ok((header, offset))
}

/// Where a header has room for the number of rows; none if it is not one that [`growable`] writes.
///
/// `header` is all of it, from the magic to the byte before the items. It is compared with what [`growable`] would
/// write for the array that it describes, so no text in a dtype can be taken for a field.
#[must_use]
pub fn count_field(header: &[u8]) -> Option<CountField> {
    let major = *header.get(6)?;
    let start = MAGIC.len() + 2 + if major == 1 { 2 } else { 4 };
    let bytes = header.get(start..)?;
    let text = text::Text { bytes, start: start as u64, version: (major, 0) };
    let text::Described { dtype, shape, order, .. } = text.described().ok()?;
    let (again, field) = growable(&dtype.ok()?, &shape, order).ok()?;
    (again == header).then_some(field)
}
