use half::f16;
use ndfolio_layout::{ByteOrder, DType, Kind, Scalar, Value, f16_from_f64};
use num_complex::Complex;

use super::{BLOCK, direct::cast_direct};
use crate::{Element, simd::Level};

/// Numbers on their way from one kind to another, in a form that loses nothing.
trait Wide: Copy + Default {
    fn put(items: &[Self], to: Kind, out: &mut [u8]);
}

macro_rules! put {
    ($items:expr, $out:expr, $type:ty, |$x:ident| $cast:expr) => {{
        let chunks = $out.as_chunks_mut::<{ size_of::<$type>() }>().0;
        for (item, place) in $items.iter().zip(chunks) {
            let $x = *item;
            let cast: $type = $cast;
            *place = cast.to_ne_bytes();
        }
    }};
}

macro_rules! put_complex {
    ($items:expr, $out:expr, $part:ty, |$x:ident| $re:expr, $im:expr) => {{
        let chunks = $out.as_chunks_mut::<{ size_of::<$part>() }>().0;
        for (item, [re, im]) in $items.iter().zip(chunks.as_chunks_mut::<2>().0) {
            let $x = *item;
            (*re, *im) = (<$part>::to_ne_bytes($re), <$part>::to_ne_bytes($im));
        }
    }};
}

macro_rules! wide_integer {
    ($($wide:ty),*) => {$(
        impl Wide for $wide {
            fn put(items: &[Self], to: Kind, out: &mut [u8]) {
                match to {
                    Kind::Bool => put!(items, out, u8, |x| u8::from(x != 0)),
                    Kind::Int8 => put!(items, out, i8, |x| x as i8),
                    Kind::Int16 => put!(items, out, i16, |x| x as i16),
                    Kind::Int32 => put!(items, out, i32, |x| x as i32),
                    Kind::Int64 => put!(items, out, i64, |x| x as i64),
                    Kind::UInt8 => put!(items, out, u8, |x| x as u8),
                    Kind::UInt16 => put!(items, out, u16, |x| x as u16),
                    Kind::UInt32 => put!(items, out, u32, |x| x as u32),
                    Kind::UInt64 => put!(items, out, u64, |x| x as u64),
                    Kind::Float16 => put!(items, out, f16, |x| f16::from_f32(x as f32)),
                    Kind::Float32 => put!(items, out, f32, |x| x as f32),
                    Kind::Complex64 => put_complex!(items, out, f32, |x| x as f32, 0.0),
                    Kind::Complex128 => put_complex!(items, out, f64, |x| x as f64, 0.0),
                    _ => put!(items, out, f64, |x| x as f64),
                }
            }
        }
    )*};
}

wide_integer!(i64, u64);

/// Towards zero; what has no such integer wraps as if it had more bits, and what is beyond those becomes the
/// smallest one, as on x86-64 (in C, and so in NumPy, the result is not defined).
#[inline(always)]
pub(crate) fn to_i64(x: f64) -> i64 {
    if x >= -(2_f64.powi(63)) && x < 2_f64.powi(63) { x as i64 } else { i64::MIN }
}

#[inline(always)]
pub(crate) fn to_u64(x: f64) -> u64 {
    if x >= 2_f64.powi(63) { x as u64 } else { to_i64(x) as u64 }
}

impl Wide for f64 {
    fn put(items: &[Self], to: Kind, out: &mut [u8]) {
        match to {
            Kind::Bool => put!(items, out, u8, |x| u8::from(x != 0.0)),
            Kind::Int8 => put!(items, out, i8, |x| to_i64(x) as i8),
            Kind::Int16 => put!(items, out, i16, |x| to_i64(x) as i16),
            Kind::Int32 => put!(items, out, i32, |x| to_i64(x) as i32),
            Kind::Int64 => put!(items, out, i64, |x| to_i64(x)),
            Kind::UInt8 => put!(items, out, u8, |x| to_i64(x) as u8),
            Kind::UInt16 => put!(items, out, u16, |x| to_i64(x) as u16),
            Kind::UInt32 => put!(items, out, u32, |x| to_i64(x) as u32),
            Kind::UInt64 => put!(items, out, u64, |x| to_u64(x)),
            Kind::Float16 => put!(items, out, f16, |x| f16_from_f64(x)),
            Kind::Float32 => put!(items, out, f32, |x| x as f32),
            Kind::Complex64 => put_complex!(items, out, f32, |x| x as f32, 0.0),
            Kind::Complex128 => put_complex!(items, out, f64, |x| x, 0.0),
            _ => put!(items, out, f64, |x| x),
        }
    }
}

impl Wide for Complex<f64> {
    fn put(items: &[Self], to: Kind, out: &mut [u8]) {
        match to {
            Kind::Complex64 => put_complex!(items, out, f32, |x| x.re as f32, x.im as f32),
            Kind::Complex128 => put_complex!(items, out, f64, |x| x.re, x.im),
            Kind::Bool => put!(items, out, u8, |x| u8::from(x.re != 0.0 || x.im != 0.0)),
            _ => {
                // The imaginary part is dropped, as in NumPy.
                let mut real = [0.0; BLOCK];
                let real = &mut real[..items.len()];
                real.iter_mut().zip(items).for_each(|(re, z)| *re = z.re);
                f64::put(real, to, out);
            }
        }
    }
}

/// Casts contiguous native numbers.
pub(super) fn cast_numbers(from: Kind, items: &[u8], to: Kind, out: &mut [u8]) {
    if cast_direct(Level::best(), from, items, to, out) {
        return;
    }
    match from {
        Kind::Bool => through::<bool, u64>(items, to, out, |x| u64::from(*x)),
        Kind::Int8 => through::<i8, i64>(items, to, out, |x| i64::from(*x)),
        Kind::Int16 => through::<i16, i64>(items, to, out, |x| i64::from(*x)),
        Kind::Int32 => through::<i32, i64>(items, to, out, |x| i64::from(*x)),
        Kind::Int64 => through::<i64, i64>(items, to, out, |x| *x),
        Kind::UInt8 => through::<u8, u64>(items, to, out, |x| u64::from(*x)),
        Kind::UInt16 => through::<u16, u64>(items, to, out, |x| u64::from(*x)),
        Kind::UInt32 => through::<u32, u64>(items, to, out, |x| u64::from(*x)),
        Kind::UInt64 => through::<u64, u64>(items, to, out, |x| *x),
        Kind::Float16 => through::<f16, f64>(items, to, out, |x| f64::from(*x)),
        Kind::Float32 => through::<f32, f64>(items, to, out, |x| f64::from(*x)),
        Kind::Complex64 => {
            through::<Complex<f32>, Complex<f64>>(items, to, out, |z| Complex::new(z.re.into(), z.im.into()));
        }
        Kind::Complex128 => through::<Complex<f64>, Complex<f64>>(items, to, out, |z| *z),
        Kind::LongDouble => long_doubles(items, to, out),
        _ => through::<f64, f64>(items, to, out, |x| *x),
    }
}

fn through<S: Element, W: Wide>(items: &[u8], to: Kind, out: &mut [u8], widen: impl Fn(&S) -> W) {
    let (width, new_width) = (S::KIND.itemsize(), to.itemsize());
    let (mut narrow, mut wide) = ([S::default(); BLOCK], [W::default(); BLOCK]);
    for (items, out) in items.chunks(BLOCK * width).zip(out.chunks_mut(BLOCK * new_width)) {
        let narrow = &mut narrow[..items.len() / width];
        S::load(items, narrow);
        let wide = &mut wide[..narrow.len()];
        wide.iter_mut().zip(&*narrow).for_each(|(wide, narrow)| *wide = widen(narrow));
        W::put(wide, to, out);
    }
}

fn long_doubles(items: &[u8], to: Kind, out: &mut [u8]) {
    let dtype = DType::Scalar(Scalar::new(Kind::LongDouble, ByteOrder::NATIVE));
    for (item, place) in items.chunks_exact(16).zip(out.chunks_exact_mut(to.itemsize())) {
        f64::put(&[Value::decode(&dtype, item).as_f64().unwrap_or(f64::NAN)], to, place);
    }
}
