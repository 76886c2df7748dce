//! Blocks of complex numbers: for most purposes they are their parts, one after the other.

use super::{
    Key, NanPolicy, Partial, Reducer, Wanted,
    item::{LANES, Real},
    loops::{Fold, Items, is_nan},
    product::complex_product,
    scratch::room,
    stored::{Form, Stored},
};
use crate::simd::Vectors;

pub(super) fn measure<T: Real>(
    reducer: &Reducer,
    stored: Stored<'_>,
    first: u64,
    own: &mut Vec<u8>,
    spare: &mut Vec<u8>,
) -> Partial {
    let mut partial = numbers(reducer, Items::<T>::new(stored), first, 0);
    if partial.nan == 0 {
        return partial;
    }
    let bytes = stored.private(own);
    let pairs: &[[T::Raw; 2]] = T::raw(bytes).as_chunks().0;
    let place = pairs.iter().position(|z| is_nan_pair::<T>(*z)).unwrap_or(0);
    if reducer.nan == NanPolicy::Skip {
        let nan = pairs.iter().filter(|z| is_nan_pair::<T>(**z)).count() as u64;
        partial = numbers(reducer, Items::<T>::new(native(reducer, poison::<T>(bytes, spare))), first, nan);
    }
    partial.first_nan = Some(first + place as u64);
    partial.nan_item = key::<T>(pairs[place].map(T::read));
    partial
}

/// Items that are such as the loops work on.
pub(super) fn native<'a>(reducer: &Reducer, bytes: &'a [u8]) -> Stored<'a> {
    Stored { bytes: bytes.into(), form: Form::Native, level: reducer.level }
}

/// Copies numbers so that both parts are NaN where one is.
pub(super) fn poison<'a, T: Real>(bytes: &[u8], spare: &'a mut Vec<u8>) -> &'a [u8] {
    let size = size_of::<[T::Raw; 2]>();
    let spare = room(spare, bytes.len());
    spare.copy_from_slice(bytes);
    for (z, out) in T::raw(bytes).as_chunks::<2>().0.iter().zip(spare.chunks_exact_mut(size)) {
        let (re, im) = out.split_at_mut(size / 2);
        if is_nan(T::read(z[0])) {
            im.copy_from_slice(re);
        } else if is_nan(T::read(z[1])) {
            re.copy_from_slice(im);
        }
    }
    spare
}

#[inline(always)]
fn is_nan_pair<T: Real>(z: [T::Raw; 2]) -> bool {
    is_nan(T::read(z[0])) | is_nan(T::read(z[1]))
}

fn key<T: Real>(z: [T; 2]) -> Key {
    Key::float(z[0].wide(), z[1].wide())
}

/// What is known of the items of which `nan` are known to be NaN and left out. If that is 0, it is 1
/// afterwards if there is any.
fn numbers<T: Real>(reducer: &Reducer, items: Items<'_, T>, first: u64, nan: u64) -> Partial {
    let (wanted, skip, count) = (reducer.wanted, nan > 0, items.len() as u64 / 2);
    let mut partial = Partial { count, nan, ..Partial::EMPTY };
    // Infinities add up to NaN too, so in that case the items are looked at.
    let mut suspect = true;
    if wanted.contains(Wanted::EXTREMES) && count > nan {
        let (min, max) = extremes(items);
        (partial.min, partial.max, partial.min_at, partial.max_at) = (key(min), key(max), first, first);
    }
    if wanted.contains(Wanted::SUM) {
        partial.sum = items.sum(skip, 2);
        suspect &= partial.sum.iter().any(|sum| sum.is_nan());
    }
    if wanted.contains(Wanted::M2) {
        let mean = partial.sum.map(|sum| sum / (count - nan) as f64);
        partial.m2 = items.distances(skip, mean);
    }
    if wanted.contains(Wanted::NONZERO) {
        partial.nonzero = items.fold(Nonzero(0)).0;
    }
    if wanted.contains(Wanted::SQUARES) {
        partial.squares = items.squares(skip);
        suspect &= partial.squares.is_nan();
    }
    if suspect && !skip {
        partial.nan = u64::from(items.any(is_nan));
    }
    if wanted.contains(Wanted::PROD) {
        partial.prod = complex_product(skip, items);
    }
    partial
}

pub(super) fn find<T: Real>(_: &Reducer, items: Stored<'_>, key: Key) -> usize {
    let equal = |z: &[T::Raw; 2]| T::read(z[0]).wide() == key.re && T::read(z[1]).wide() == key.im;
    let (mut found, mut before) = (None, 0);
    Items::<T>::new(items).each(|tile| {
        if found.is_none() {
            let pairs = tile.as_chunks().0;
            found = pairs.iter().position(equal).map(|place| before + place);
            before += pairs.len();
        }
    });
    found.unwrap_or(0)
}

/// Counts numbers of which a part is not zero.
#[derive(Clone, Copy)]
struct Nonzero(u64);

impl<T: Real> Fold<T> for Nonzero {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let nonzero = |z: &[T::Raw; 2]| (T::read(z[0]) != T::ZERO) | (T::read(z[1]) != T::ZERO);
        self.0 += tile.as_chunks().0.iter().map(|z| u64::from(nonzero(z))).sum::<u64>();
    }
}

/// The least and the greatest by real, then by imaginary part. Numbers of which a part is NaN are left out.
#[derive(Clone, Copy)]
struct Extremes<T> {
    min: [[T; PAIRS]; 2],
    max: [[T; PAIRS]; 2],
}

/// Complex numbers side by side, their parts apart.
const PAIRS: usize = LANES / 2;

#[inline(always)]
fn less<T: Real>(a: [T; 2], b: [T; 2]) -> bool {
    (a[0] < b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))
}

#[inline(always)]
fn lesser<T: Real>(a: [T; 2], b: [T; 2]) -> [T; 2] {
    let b_first = less(b, a) & !is_nan(b[1]);
    [if b_first { b[0] } else { a[0] }, if b_first { b[1] } else { a[1] }]
}

#[inline(always)]
fn greater<T: Real>(a: [T; 2], b: [T; 2]) -> [T; 2] {
    let b_last = less(a, b) & !is_nan(b[1]);
    [if b_last { b[0] } else { a[0] }, if b_last { b[1] } else { a[1] }]
}

impl<T: Real> Fold<T> for Extremes<T> {
    #[inline(always)]
    fn take<V: Vectors>(&mut self, _: V, tile: &[T::Raw]) {
        let Extremes { mut min, mut max } = *self;
        let mut take = |i: usize, z: [T::Raw; 2]| {
            let z = z.map(T::read);
            [min[0][i], min[1][i]] = lesser([min[0][i], min[1][i]], z);
            [max[0][i], max[1][i]] = greater([max[0][i], max[1][i]], z);
        };
        let (rows, rest) = tile.as_chunks::<2>().0.as_chunks::<PAIRS>();
        for row in rows {
            row.iter().enumerate().for_each(|(i, z)| take(i, *z));
        }
        for (i, z) in rest.iter().enumerate() {
            take(i, *z);
        }
        *self = Extremes { min, max };
    }
}

/// The least and the greatest of numbers that are not all NaN.
fn extremes<T: Real>(items: Items<'_, T>) -> ([T; 2], [T; 2]) {
    let none = Extremes { min: [[T::HIGHEST; PAIRS]; 2], max: [[T::LOWEST; PAIRS]; 2] };
    let Extremes { min, max } = items.fold(none);
    let pick = |lanes: &[[T; PAIRS]; 2], i: usize| [lanes[0][i], lanes[1][i]];
    (
        (1..PAIRS).fold(pick(&min, 0), |all, i| lesser(all, pick(&min, i))),
        (1..PAIRS).fold(pick(&max, 0), |all, i| greater(all, pick(&max, i))),
    )
}
