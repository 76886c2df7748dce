//! `where`: items of one of two arrays.

use ndfolio_layout::{DType, Kind};
use ndfolio_store::Bytes;
use num_complex::Complex;

use super::{Body, Loop, Operand, loops::ternary, promote::result_type, run::Out};
use crate::{Caster, Casting, KernelError, simd::Level};

/// The condition becomes bool, the others their common dtype.
pub(super) fn resolve(operands: &[Operand]) -> Result<Loop, KernelError> {
    let condition = operands[0].dtype();
    let bool_type = DType::native(Kind::Bool);
    Caster::new(&condition, &bool_type, Casting::Unsafe)?;
    let common = result_type(&operands[1..])?;
    let inputs = vec![bool_type, common.clone(), common.clone()];
    Ok(Loop::new(Body::Select, inputs, common))
}

/// Items of `itemsize` bytes.
pub(super) fn run(level: Level, itemsize: usize, inputs: [Bytes<'_>; 3], out: &mut Out<'_>) {
    match itemsize {
        1 => ternary(level, inputs, out, |c: bool, a: u8, b| if c { a } else { b }),
        2 => ternary(level, inputs, out, |c: bool, a: u16, b| if c { a } else { b }),
        4 => ternary(level, inputs, out, |c: bool, a: u32, b| if c { a } else { b }),
        8 => ternary(level, inputs, out, |c: bool, a: u64, b| if c { a } else { b }),
        16 => ternary(level, inputs, out, |c: bool, a: Complex<f64>, b| if c { a } else { b }),
        0 => {}
        _ => wide(itemsize, inputs, out),
    }
}

fn wide(itemsize: usize, [condition, a, b]: [Bytes<'_>; 3], out: &mut Out<'_>) {
    let items = a.chunks(itemsize).zip(b.chunks(itemsize));
    for ((c, (a, b)), out) in condition.chunks(1).zip(items).zip(out.chunks_exact_mut(itemsize)) {
        let mut truth = [0];
        c.copy_to(&mut truth);
        if truth == [0] { b } else { a }.copy_to(out);
    }
}
