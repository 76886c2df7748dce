use ndfolio_layout::DType;

use crate::simd::{Level, Loop, Vectors, dispatch};

/// Reverses every `width` bytes of a slice in place: 2, 4, 8, 16; other widths are reversed too, slower.
/// Bytes behind the last whole group stay.
///
/// # Panics
/// If `width` is 0.
pub fn swap_bytes(bytes: &mut [u8], width: usize) {
    let level = Level::best();
    match width {
        1 => {}
        2 => dispatch(level, Groups::<2>(bytes)),
        4 => dispatch(level, Groups::<4>(bytes)),
        8 => dispatch(level, Groups::<8>(bytes)),
        16 => dispatch(level, Groups::<16>(bytes)),
        _ => bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse),
    }
}

/// Groups of bytes that are reversed.
struct Groups<'a, const N: usize>(&'a mut [u8]);

impl<const N: usize> Loop for Groups<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        self.0.as_chunks_mut::<N>().0.iter_mut().for_each(|group| group.reverse());
    }
}

/// Puts contiguous items of a dtype into this machine's byte order, in place.
pub fn to_native(bytes: &mut [u8], dtype: &DType) {
    if let Some(scalar) = dtype.as_scalar() {
        return swap_bytes(bytes, scalar.foreign_width());
    }
    let mut foreign = Vec::new();
    dtype.for_each_scalar(&mut |at, scalar| {
        if scalar.foreign_width() > 1 {
            foreign.push((at..at + scalar.itemsize(), scalar.foreign_width()));
        }
    });
    if foreign.is_empty() || dtype.itemsize() == 0 {
        return;
    }
    for item in bytes.chunks_exact_mut(dtype.itemsize()) {
        for (place, width) in &foreign {
            swap_bytes(&mut item[place.clone()], *width);
        }
    }
}
