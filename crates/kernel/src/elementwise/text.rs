//! Comparisons of text, which ends where only zeros follow.

use std::cmp::Ordering;

use ndfolio_layout::{ByteOrder, DType, Kind};

use super::{Body, Loop, Operand, Ufunc, resolve::no_signature, run::Inputs, types::is_comparison};
use crate::KernelError;

/// Bytes with bytes, code points with code points.
pub(super) fn resolve(ufunc: Ufunc, operands: &[Operand]) -> Result<Loop, KernelError> {
    let inputs: Vec<DType> =
        operands.iter().map(|operand| operand.dtype().with_byte_order(ByteOrder::NATIVE)).collect();
    match (is_comparison(ufunc), &inputs[..]) {
        (true, [a, b]) if same(a, b) => Ok(Loop::new(Body::Text(ufunc), inputs, DType::native(Kind::Bool))),
        _ => Err(no_signature(ufunc, operands)),
    }
}

fn same(a: &DType, b: &DType) -> bool {
    matches!(
        (a.kind(), b.kind()),
        (Some(Kind::Bytes(_)), Some(Kind::Bytes(_))) | (Some(Kind::Unicode(_)), Some(Kind::Unicode(_)))
    )
}

pub(super) fn run(ufunc: Ufunc, dtypes: [&DType; 2], [x, y, _]: Inputs<'_>, out: &mut [u8]) {
    let [a, b] = dtypes.map(DType::itemsize);
    let [mut room, mut other] = [Vec::new(), Vec::new()];
    let (x, y) = (x.private(&mut room), y.private(&mut other));
    let bytes = matches!(dtypes[0].kind(), Some(Kind::Bytes(_)));
    for (i, answer) in out.iter_mut().enumerate() {
        let (x, y) = (&x[i * a..(i + 1) * a], &y[i * b..(i + 1) * b]);
        let order =
            if bytes { compare(x, y, |[c]: [u8; 1]| c.into()) } else { compare(x, y, u32::from_ne_bytes) };
        *answer = u8::from(holds(ufunc, order));
    }
}

fn compare<const N: usize>(x: &[u8], y: &[u8], unit: impl Fn([u8; N]) -> u32) -> Ordering {
    let (x, y) = (x.as_chunks::<N>().0, y.as_chunks::<N>().0);
    let at = |text: &[[u8; N]], i: usize| text.get(i).map_or(0, |c| unit(*c));
    let orders = (0..x.len().max(y.len())).map(|i| at(x, i).cmp(&at(y, i)));
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn holds(ufunc: Ufunc, order: Ordering) -> bool {
    match ufunc {
        Ufunc::Equal => order.is_eq(),
        Ufunc::NotEqual => order.is_ne(),
        Ufunc::Less => order.is_lt(),
        Ufunc::LessEqual => order.is_le(),
        Ufunc::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}
