//! Complex numbers.

use ndfolio_store::Bytes;
use num_complex::Complex;

use super::{
    Ufunc,
    float::{self, elementary},
    items::{Classify, Float, Item},
    loops::{binary, each, each_pair, each_three, unary},
    run::{Inputs, NOTHING, Out},
};
use crate::{
    elementary::{self as functions, Function2},
    simd::Level,
};

pub(super) fn run<T: Float>(level: Level, ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>)
where
    Complex<T>: Classify,
{
    use Ufunc::*;
    let [x, y, _] = inputs;
    if let Some(function) = elementary(ufunc) {
        return each(x, out, |z: Complex<T>| narrow(functions::complex(function, wide(z))));
    }
    match ufunc {
        Add | Subtract | Multiply | Divide | Reciprocal | Square => {
            arithmetic::<T>(level, ufunc, inputs, out);
        }
        Equal | NotEqual | Less | LessEqual | LogicalNot | Isnan | Isinf | Isfinite => {
            ask::<T>(level, ufunc, inputs, out);
        }
        Minimum | Maximum | Fmin | Fmax | Clip => extremes::<T>(ufunc, inputs, out),
        Absolute => parts::<T>(level, Function2::Hypot, x, out),
        Angle => parts::<T>(level, Function2::Arctan2, x, out),
        Real => unary(level, x, out, |z: Complex<T>| z.re),
        Imag => unary(level, x, out, |z: Complex<T>| z.im),
        Conjugate => unary(level, x, out, |z: Complex<T>| Complex::new(z.re, -z.im)),
        Power | FloatPower => each_pair([x, y], out, power::<T>),
        Sqrt => each(x, out, |z: Complex<T>| narrow(functions::complex_sqrt(wide(z)))),
        Sign => each(x, out, sign::<T>),
        // By parts.
        _ => float::run::<T>(level, ufunc, inputs, out),
    }
}

fn arithmetic<T: Float>(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>)
where
    Complex<T>: Item,
{
    match ufunc {
        Ufunc::Add | Ufunc::Subtract => float::run::<T>(level, ufunc, [x, y, NOTHING], out),
        Ufunc::Multiply => binary(level, [x, y], out, |z: Complex<T>, w: Complex<T>| multiply(z, w)),
        Ufunc::Divide => each_pair([x, y], out, divide::<T>),
        Ufunc::Square => unary(level, x, out, |z: Complex<T>| multiply(z, z)),
        _ => each(x, out, reciprocal::<T>),
    }
}

/// With one rounding less, as NumPy has it on processors that can.
#[inline(always)]
fn multiply<T: Float>(z: Complex<T>, w: Complex<T>) -> Complex<T> {
    Complex::new(z.re.mul_add(w.re, -(z.im * w.im)), z.re.mul_add(w.im, z.im * w.re))
}

/// Smith's way, as NumPy has it.
#[inline(always)]
fn divide<T: Float>(z: Complex<T>, w: Complex<T>) -> Complex<T> {
    let (re, im) = (w.re.abs(), w.im.abs());
    if re.zero() & im.zero() {
        return Complex::new(z.re / re, z.im / re);
    }
    if re >= im {
        let ratio = w.im / w.re;
        let scale = T::ONE / (w.re + w.im * ratio);
        Complex::new((z.re + z.im * ratio) * scale, (z.im - z.re * ratio) * scale)
    } else {
        let ratio = w.re / w.im;
        let scale = T::ONE / (w.im + w.re * ratio);
        Complex::new((z.re * ratio + z.im) * scale, (z.im * ratio - z.re) * scale)
    }
}

#[inline(always)]
fn reciprocal<T: Float>(z: Complex<T>) -> Complex<T> {
    if z.im.abs() <= z.re.abs() {
        let ratio = z.im / z.re;
        let by = z.re + z.im * ratio;
        Complex::new(T::ONE / by, -ratio / by)
    } else {
        let ratio = z.re / z.im;
        let by = z.re * ratio + z.im;
        Complex::new(ratio / by, -T::ONE / by)
    }
}

fn power<T: Float>(z: Complex<T>, w: Complex<T>) -> Complex<T> {
    narrow(functions::complex_power(wide(z), wide(w)))
}

fn wide<T: Float>(z: Complex<T>) -> Complex<f64> {
    Complex::new(z.re.wide(), z.im.wide())
}

fn narrow<T: Float>(z: Complex<f64>) -> Complex<T> {
    Complex::new(T::of(z.re), T::of(z.im))
}

/// Whether one comes before the other, or is it: by the real parts, and by the imaginary ones where those are
/// equal.
#[inline(always)]
fn before<T: Float>(z: Complex<T>, w: Complex<T>) -> bool {
    (z.re < w.re) & !z.im.nan() & !w.im.nan() | (z.re == w.re) & (z.im < w.im)
}

#[inline(always)]
fn not_after<T: Float>(z: Complex<T>, w: Complex<T>) -> bool {
    (z.re < w.re) & !z.im.nan() & !w.im.nan() | (z.re == w.re) & (z.im <= w.im)
}

/// Whether a bound lies behind a number, whatever its imaginary part.
fn after<T: Float>(z: Complex<T>, w: Complex<T>) -> bool {
    if z.re == w.re { z.im > w.im } else { z.re > w.re }
}

fn ask<T: Float>(level: Level, ufunc: Ufunc, [x, y, _]: Inputs<'_>, out: &mut Out<'_>)
where
    Complex<T>: Classify,
{
    use Ufunc::*;
    match ufunc {
        Equal => binary(level, [x, y], out, |z: Complex<T>, w: Complex<T>| (z.re == w.re) & (z.im == w.im)),
        NotEqual => {
            binary(level, [x, y], out, |z: Complex<T>, w: Complex<T>| (z.re != w.re) | (z.im != w.im));
        }
        Less => each_pair([x, y], out, before::<T>),
        LessEqual => each_pair([x, y], out, not_after::<T>),
        LogicalNot => unary(level, x, out, |z: Complex<T>| z.zero()),
        Isnan => unary(level, x, out, |z: Complex<T>| z.nan()),
        Isinf => unary(level, x, out, |z: Complex<T>| z.infinite()),
        _ => unary(level, x, out, |z: Complex<T>| !(z.nan() | z.infinite())),
    }
}

fn extremes<T: Float>(ufunc: Ufunc, inputs: Inputs<'_>, out: &mut Out<'_>)
where
    Complex<T>: Classify,
{
    let [x, y, _] = inputs;
    match ufunc {
        Ufunc::Minimum => {
            each_pair(
                [x, y],
                out,
                |z: Complex<T>, w: Complex<T>| if z.nan() || not_after(z, w) { z } else { w },
            );
        }
        Ufunc::Maximum => {
            each_pair(
                [x, y],
                out,
                |z: Complex<T>, w: Complex<T>| if z.nan() || not_after(w, z) { z } else { w },
            );
        }
        Ufunc::Fmin => {
            each_pair(
                [x, y],
                out,
                |z: Complex<T>, w: Complex<T>| if w.nan() || not_after(z, w) { z } else { w },
            );
        }
        Ufunc::Fmax => {
            each_pair(
                [x, y],
                out,
                |z: Complex<T>, w: Complex<T>| if w.nan() || not_after(w, z) { z } else { w },
            );
        }
        _ => each_three(inputs, out, |z: Complex<T>, low: Complex<T>, high: Complex<T>| {
            let raised = if z.nan() || after(z, low) { z } else { low };
            if raised.nan() || after(high, raised) { raised } else { high }
        }),
    }
}

/// Numbers whose parts are taken apart together.
const BLOCK: usize = 256;

/// A real function of the two parts: the imaginary one first for an angle.
fn parts<T: Float>(level: Level, function: Function2, x: Bytes<'_>, out: &mut Out<'_>)
where
    Complex<T>: Item,
{
    let size = size_of::<T::Raw>();
    let (mut re, mut im) = ([0; 8 * BLOCK], [0; 8 * BLOCK]);
    for (x, places) in x.chunks(2 * size * BLOCK).zip(out.bytes.chunks_mut(size * BLOCK)) {
        unary(level, x, &mut Out::new(&mut re), |z: Complex<T>| z.re);
        unary(level, x, &mut Out::new(&mut im), |z: Complex<T>| z.im);
        let (re, im) = (Bytes::Private(&re[..places.len()]), Bytes::Private(&im[..places.len()]));
        let mut part = Out::new(places);
        match function {
            Function2::Arctan2 => T::zip(level, function, im, re, &mut part),
            _ => T::zip(level, function, re, im, &mut part),
        }
        out.is_finite &= part.is_finite;
    }
}

/// The number of size one in its direction, as far as NumPy tells those of infinite numbers apart.
fn sign<T: Float>(z: Complex<T>) -> Complex<T> {
    let size = T::hypot(z.re, z.im);
    let unit = |x: T| if x > T::ZERO { T::ONE } else { -T::ONE };
    match (z.re.infinite(), z.im.infinite()) {
        _ if size.nan() => Complex::new(T::NAN, T::NAN),
        _ if size.zero() => Complex::new(T::ZERO, T::ZERO),
        _ if !size.infinite() => Complex::new(z.re / size, z.im / size),
        (true, true) => Complex::new(T::NAN, T::NAN),
        (true, false) => Complex::new(unit(z.re), T::ZERO),
        (false, _) => Complex::new(T::ZERO, unit(z.im)),
    }
}
