//! Runs a loop over a tile.

use ndfolio_layout::Kind;
use num_complex::Complex;

use super::{
    Body, Conditions, Loop, Ufunc, boolean, complex, conditions::count, float, half, integer, select, text,
    times,
};
use crate::{KernelError, simd::Level};

/// The operands of a loop; empty where it has fewer.
pub(super) type Inputs<'a> = [&'a [u8]; 3];

impl Loop {
    /// Computes contiguous native items: of the dtypes of [`Loop::inputs`], each as many as `out` has of
    /// [`Loop::output`]'s. Adds to `conditions` what NumPy would have warned of.
    ///
    /// # Errors
    /// [`KernelError::NegativePower`] for integers to negative powers.
    ///
    /// # Panics
    /// If there are fewer operands than the function has.
    pub fn run(
        &self,
        inputs: &[&[u8]],
        out: &mut [u8],
        conditions: &mut Conditions,
    ) -> Result<(), KernelError> {
        let arity = self.inputs.len();
        let inputs: Inputs<'_> = std::array::from_fn(|i| if i < arity { inputs[self.uses[i]] } else { &[] });
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
            Body::Copy => out.copy_from_slice(inputs[0]),
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
    out: &mut [u8],
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
    inputs: [&[u8]; 2],
    out: &[u8],
    conditions: &mut Conditions,
) {
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
