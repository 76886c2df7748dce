use ndfolio_layout::{DType, LayoutError, Order, View, literal::Literal};

use super::{MAGIC, descr};
use crate::FormatError;

/// Values begin at a multiple of this.
const ALIGN: usize = 64;
/// NumPy leaves room for an extent of this many digits on the axis that can grow.
const GROWTH_DIGITS: usize = 21;

/// The header of a `.npy` file, byte for byte as `numpy.save` writes it; the items follow it.
///
/// The version is the lowest that can hold it: 1.0; 2.0 from 65 536 bytes on; 3.0 where a field's name is
/// not Latin-1. NumPy leaves room behind the text so that the extent of the slowest axis can grow: for all
/// extents the header has one length, and can be written again in its place. A sub-array dtype adds its axes
/// to the shape, as it does in NumPy's arrays.
///
/// The order is the caller's. NumPy writes `Order::C` wherever the array is contiguous in both orders (no or
/// one axis, axes of one item, no items), and `Order::F` only where it is not C-contiguous:
/// [`View::order`] gives just that.
///
/// # Errors
/// A shape that has no place in the address space; fields that overlap, are out of order or have no name; a
/// header over 4 GiB.
pub fn header(dtype: &DType, shape: &[usize], order: Order) -> Result<Vec<u8>, FormatError> {
    let view = View::contiguous(dtype, shape, order, 0)?;
    let text = text(view.dtype(), view.shape(), order)?;
    if let Some(latin1) = text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>() {
        let length = padded(latin1.len(), 2);
        if let Ok(length) = u16::try_from(length) {
            return Ok(assemble((1, 0), &length.to_le_bytes(), latin1));
        }
        return Ok(assemble((2, 0), &long(latin1.len())?, latin1));
    }
    Ok(assemble((3, 0), &long(text.len())?, text.into_bytes()))
}

fn text(dtype: &DType, shape: &[usize], order: Order) -> Result<String, FormatError> {
    let (order, growing) = match order {
        Order::C => ("False", shape.first()),
        Order::F => ("True", shape.last()),
    };
    let descr = checked_descr(dtype)?;
    let extents: Vec<_> = shape.iter().map(usize::to_string).collect();
    let comma = if extents.len() == 1 { "," } else { "" };
    let shape = format!("({}{comma})", extents.join(", "));
    let room = growing.map_or(0, |extent| GROWTH_DIGITS - extent.to_string().len());
    let room = " ".repeat(room);
    Ok(format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}{room}"))
}

/// The dtype as a header says it.
pub(super) fn checked_descr(dtype: &DType) -> Result<Literal, FormatError> {
    let descr = dtype.descr()?;
    if let Err(part) = descr::check(&descr) {
        let reason = "a header cannot say it: without a name a field is padding";
        return Err(LayoutError::DType { text: part.to_string(), reason: reason.to_owned() }.into());
    }
    Ok(descr)
}

/// The length of the text with its padding, which is never empty and ends in a line break.
pub(super) fn padded(text: usize, length_bytes: usize) -> usize {
    let len = text + 1;
    len + ALIGN - (MAGIC.len() + 2 + length_bytes + len) % ALIGN
}

pub(super) fn long(text: usize) -> Result<[u8; 4], FormatError> {
    let len = padded(text, 4);
    u32::try_from(len).map(u32::to_le_bytes).map_err(|_| FormatError::HeaderOverflow { len })
}

pub(super) fn assemble(version: (u8, u8), length: &[u8], text: Vec<u8>) -> Vec<u8> {
    let len = padded(text.len(), length.len());
    let mut out = Vec::with_capacity(MAGIC.len() + 2 + length.len() + len);
    out.extend_from_slice(MAGIC);
    out.extend([version.0, version.1]);
    out.extend_from_slice(length);
    let end = out.len() + len;
    out.extend(text);
    out.resize(end - 1, b' ');
    out.push(b'\n');
    out
}
