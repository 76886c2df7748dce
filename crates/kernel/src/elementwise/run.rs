//! Runs a loop over a tile.

use std::ops::{Deref, DerefMut};

use ndfolio_layout::Kind;
use ndfolio_store::Bytes;
use num_complex::Complex;

use super::{
    Body, Conditions, Loop, Ufunc, boolean, complex, conditions::count, float, half, integer, select, text,
    times,
};
use crate::{KernelError, simd::Level};

/// The operands of a loop; empty where it has fewer.
pub(super) type Inputs<'a> = [Bytes<'a>; 3];

/// Where the results of a loop go.
pub(super) struct Out<'a> {
    pub(super) bytes: &'a mut [u8],
    /// Whether all that loops have put here so far was neither infinite nor NaN, or is known to be so only where an
    /// operand was.
    pub(super) is_finite: bool,
}

impl<'a> Out<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Out { bytes, is_finite: true }
    }
}

impl Deref for Out<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl DerefMut for Out<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}

/// What a loop without such an operand gets.
pub(super) const NOTHING: Bytes<'static> = Bytes::Private(&[]);

impl Loop {
    /// Computes contiguous native items: of the dtypes of [`Loop::inputs`], each as many as `out` has of
    /// [`Loop::output`]'s. Adds to `conditions` what NumPy would have warned of.
    ///
    /// Mapped operands are read in place, in parts of a kilobyte or two that the processor loads while it computes;
    /// where others change them meanwhile, a result is that of the old items or the new ones.
    ///
    /// # Errors
    /// [`KernelError::NegativePower`] for integers to negative powers.
    ///
    /// # Panics
    /// If there are fewer operands than the function has.
    pub fn run(
        &self,
        inputs: &[Bytes<'_>],
        out: &mut [u8],
        conditions: &mut Conditions,
    ) -> Result<(), KernelError> {
        let arity = self.inputs.len();
        let inputs: Inputs<'_> =
            std::array::from_fn(|i| if i < arity { inputs[self.uses[i]] } else { NOTHING });
        let out = &mut Out::new(out);
        match self.body {
            Body::Number(ufunc, kind) => {
                return run_numbers(self.level, ufunc, kind, inputs, out, conditions);
            }
            Body::Mixed(ufunc) => integer::mixed(self.level, ufunc, self.inputs[0].kind(), inputs, out),
            Body::Ldexp(kind, exponent) => {
                float::ldexp(kind, exponent, inputs, out);
                count_any(self.level, Ufunc::Ldexp, kind, [inputs[0]; 2], out, conditions);
            }
            Body::Time(ufunc, other) => times::run(self.level, ufunc, other, inputs, out, conditions),
            Body::Text(ufunc) => {
                text::run(ufunc, [&self.inputs[self.uses[0]], &self.inputs[self.uses[1]]], inputs, out);
            }
            Body::Select => select::run(self.level, self.output.itemsize(), inputs, out),
            Body::Always(answer) => out.fill(u8::from(answer)),
            Body::Copy => inputs[0].copy_to(out),
            Body::Zero => out.fill(0),
        }
        Ok(())
    }
}

fn run_numbers(
    level: Level,
    ufunc: Ufunc,
    kind: Kind,
    inputs: Inputs<'_>,
    out: &mut Out<'_>,
    conditions: &mut Conditions,
) -> Result<(), KernelError> {
    match kind {
        Kind::Bool => boolean::run(level, ufunc, inputs, out),
        _ if kind.is_integer() => integer::run(level, ufunc, kind, inputs, out, conditions)?,
        Kind::Float16 => half::run(level, ufunc, inputs, out),
        Kind::Float32 => float::run::<f32>(level, ufunc, inputs, out),
        Kind::Complex64 => complex::run::<f32>(level, ufunc, inputs, out),
        Kind::Complex128 => complex::run::<f64>(level, ufunc, inputs, out),
        _ => float::run::<f64>(level, ufunc, inputs, out),
    }
    if super::types::output(ufunc, kind) != Kind::Bool {
        let second = if ufunc.arity() > 1 { inputs[1] } else { inputs[0] };
        count_any(level, ufunc, kind, [inputs[0], second], out, conditions);
    }
    Ok(())
}

/// Counts the conditions of results that are no integers.
fn count_any(
    level: Level,
    ufunc: Ufunc,
    kind: Kind,
    inputs: [Bytes<'_>; 2],
    out: &Out<'_>,
    conditions: &mut Conditions,
) {
    if out.is_finite {
        return;
    }
    let part = matches!(ufunc, Ufunc::Absolute | Ufunc::Angle);
    match kind {
        Kind::Float16 => count::<::half::f16, ::half::f16>(level, ufunc, inputs, out, conditions),
        Kind::Float32 => count::<f32, f32>(level, ufunc, inputs, out, conditions),
        Kind::Float64 => count::<f64, f64>(level, ufunc, inputs, out, conditions),
        Kind::Complex64 if part => count::<Complex<f32>, f32>(level, ufunc, inputs, out, conditions),
        Kind::Complex128 if part => count::<Complex<f64>, f64>(level, ufunc, inputs, out, conditions),
        Kind::Complex64 => count::<Complex<f32>, Complex<f32>>(level, ufunc, inputs, out, conditions),
        Kind::Complex128 => count::<Complex<f64>, Complex<f64>>(level, ufunc, inputs, out, conditions),
        _ => {}
    }
}
