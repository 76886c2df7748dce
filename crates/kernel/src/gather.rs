use ndfolio_store::{Bytes, Room, TILE};

/// Items closer than this are copied together with what lies between them.
const CLOSE: usize = 256;

/// Copies items of `itemsize` bytes from strided places to contiguous ones in C order.
///
/// Item `[i, j, …]` is at `start + i·strides[0] + …`, in bytes. Cost: each tile of the bytes is copied once if
/// they are mapped, and one move an item.
///
/// # Panics
/// If an item lies outside of the bytes, `out` has another length than the items, or the strides have another
/// number than the extents.
pub fn gather(
    (from, start, strides): (Bytes<'_>, usize, &[isize]),
    out: &mut [u8],
    shape: &[usize],
    itemsize: usize,
) {
    assert!(shape.len() == strides.len(), "a stride for each axis");
    assert!(out.len() == shape.iter().product::<usize>() * itemsize, "room for other items");
    if out.is_empty() {
        return;
    }
    let (mut axes, mut run) = (shape.len(), itemsize);
    while axes > 0 && (shape[axes - 1] == 1 || strides[axes - 1] == run as isize) {
        run *= shape[axes - 1];
        axes -= 1;
    }
    walk(from, start as isize, &shape[..axes], &strides[..axes], run, out);
}

/// Copies runs of `run` bytes.
fn walk(from: Bytes<'_>, at: isize, shape: &[usize], strides: &[isize], run: usize, out: &mut [u8]) {
    match (shape, strides) {
        ([_], [stride]) => row(from, at, *stride, run, out),
        ([n, shape @ ..], [stride, strides @ ..]) => {
            for (i, out) in out.chunks_exact_mut(out.len() / n).enumerate() {
                walk(from, at + i as isize * stride, shape, strides, run, out);
            }
        }
        _ => from.slice(at as usize..at as usize + run).copy_to(out),
    }
}

fn row(from: Bytes<'_>, at: isize, stride: isize, run: usize, out: &mut [u8]) {
    match run {
        1 => items::<1>(from, at, stride, out),
        2 => items::<2>(from, at, stride, out),
        4 => items::<4>(from, at, stride, out),
        8 => items::<8>(from, at, stride, out),
        16 => items::<16>(from, at, stride, out),
        _ => {
            for (i, out) in out.chunks_exact_mut(run).enumerate() {
                let at = (at + i as isize * stride) as usize;
                from.slice(at..at + run).copy_to(out);
            }
        }
    }
}

fn items<const N: usize>(from: Bytes<'_>, at: isize, stride: isize, out: &mut [u8]) {
    let out = out.as_chunks_mut::<N>().0;
    let step = stride.unsigned_abs();
    let mut room = Room::<TILE>::new();
    if step < N || step > CLOSE {
        for (i, out) in out.iter_mut().enumerate() {
            out.copy_from_slice(from.part((at + i as isize * stride) as usize, N, &mut room));
        }
        return;
    }
    let together = (TILE - N) / step + 1;
    let mut at = at;
    for out in out.chunks_mut(together) {
        let last = (out.len() - 1) * step;
        if stride > 0 {
            pick(from.part(at as usize, last + N, &mut room), step, out.iter_mut());
        } else {
            pick(from.part(at as usize - last, last + N, &mut room), step, out.iter_mut().rev());
        }
        at += out.len() as isize * stride;
    }
}

/// The items at the beginnings of steps, the last of which ends with its item.
fn pick<'a, const N: usize>(tile: &[u8], step: usize, mut out: impl Iterator<Item = &'a mut [u8; N]>) {
    // Whole steps have a length that the loop need not look at.
    let steps = tile.chunks_exact(step);
    let last = steps.remainder();
    for (part, out) in steps.zip(&mut out) {
        if let Some(item) = part.first_chunk() {
            *out = *item;
        }
    }
    if let (Some(item), Some(out)) = (last.first_chunk(), out.next()) {
        *out = *item;
    }
}

#[cfg(test)]
mod tests {
    use ndfolio_layout::{DType, Kind, Order, View, slice};
    use proptest::prelude::*;

    use super::*;
    use crate::copy_strided;

    proptest! {
        #[test]
        fn as_a_strided_copy(
            axes in prop::collection::vec((1_usize..40, 0_i64..3, prop_oneof![-70_i64..0, 1_i64..70]), 1..4),
            kind in prop::sample::select(vec![Kind::Int8, Kind::Float16, Kind::Int32, Kind::Float64, Kind::Void(3), Kind::Complex128]),
            turn in 0_usize..3,
        ) {
            let shape: Vec<_> = axes.iter().map(|a| a.0).collect();
            let base = View::contiguous(&DType::native(kind), &shape, Order::C, 5).unwrap();
            let bytes: Vec<u8> = (0..base.extent().end).map(|i| (i * 7 % 251) as u8).collect();
            let parts: Vec<_> = axes.iter().map(|a| slice(None, None, a.2).into()).collect();
            let part = base.select(&parts.into()).unwrap();
            let mut order: Vec<isize> = (0..shape.len() as isize).collect();
            order.rotate_left(turn % shape.len());
            let view = part.transpose(Some(&order)).unwrap();
            let target = View::contiguous(view.dtype(), view.shape(), Order::C, 0).unwrap();
            let (mut got, mut want) = (vec![0; target.nbytes()], vec![0; target.nbytes()]);
            let start = view.offset() as usize;
            copy_strided((&bytes, start, view.strides()), (&mut want, 0, target.strides()), view.shape(), view.itemsize());
            gather((Bytes::Private(&bytes), start, view.strides()), &mut got, view.shape(), view.itemsize());
            prop_assert_eq!(got, want);
        }
    }
}
