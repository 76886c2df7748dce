use ndfolio_layout::DType;

/// Reverses every `width` bytes of a slice in place: 2, 4, 8, 16; other widths are reversed too, slower.
/// Bytes behind the last whole group stay.
///
/// # Panics
/// If `width` is 0.
pub fn swap_bytes(bytes: &mut [u8], width: usize) {
    fn groups<const N: usize>(bytes: &mut [u8]) {
        bytes.as_chunks_mut::<N>().0.iter_mut().for_each(|group| group.reverse());
    }
    match width {
        1 => {}
        2 => groups::<2>(bytes),
        4 => groups::<4>(bytes),
        8 => groups::<8>(bytes),
        16 => groups::<16>(bytes),
        _ => bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse),
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
