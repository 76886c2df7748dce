//! Results of columns that are their lists, or nearly.

use ndfolio_layout::Kind;

use super::Columns;
use crate::reduce::{NanPolicy, Op};

impl Columns {
    /// Encodes the results as items of `kind`, where each is made of one value of a list and nothing else
    /// counts; whether that was so.
    pub(in crate::reduce) fn encode_plain(&self, op: Op, kind: Kind, out: &mut [u8]) -> bool {
        let reducer = &self.reducer;
        if self.rows == 0 || reducer.parts() > 1 || reducer.is_time() {
            return false;
        }
        let (cells, n) = (&self.cells, self.rows as f64);
        match op {
            // As the items are, but for halves, which are singles here.
            Op::Min if !cells.has_nan && cells.min.len() == out.len() => out.copy_from_slice(&cells.min),
            Op::Max if !cells.has_nan && cells.max.len() == out.len() => out.copy_from_slice(&cells.max),
            _ if reducer.nan == NanPolicy::Skip && cells.has_nan => return false,
            Op::Sum if reducer.is_whole() => {
                for (column, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                    *out = (cells.int(column) as i64).to_ne_bytes();
                }
            }
            Op::Mean if reducer.is_whole() => {
                return put(kind, (0..self.columns).map(|column| cells.int(column) as f64), out, |sum| {
                    sum / n
                });
            }
            Op::Sum => return put(kind, cells.sum.iter().copied(), out, |sum| sum),
            Op::Mean => return put(kind, cells.sum.iter().copied(), out, |sum| sum / n),
            Op::Norm => return put(kind, cells.squares.iter().copied(), out, f64::sqrt),
            Op::Var { ddof } if n > ddof => {
                return put(kind, cells.m2.iter().copied(), out, |m2| m2 / (n - ddof));
            }
            Op::Std { ddof } if n > ddof => {
                return put(kind, cells.m2.iter().copied(), out, |m2| (m2 / (n - ddof)).sqrt());
            }
            _ => return false,
        }
        true
    }
}

fn put(kind: Kind, list: impl Iterator<Item = f64>, out: &mut [u8], of: impl Fn(f64) -> f64) -> bool {
    match kind {
        Kind::Float64 => {
            for (x, out) in list.zip(out.as_chunks_mut().0) {
                *out = of(x).to_ne_bytes();
            }
        }
        Kind::Float32 => {
            for (x, out) in list.zip(out.as_chunks_mut().0) {
                *out = (of(x) as f32).to_ne_bytes();
            }
        }
        _ => return false,
    }
    true
}
