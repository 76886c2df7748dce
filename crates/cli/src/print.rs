//! Arrays and values as text: NumPy's `str(a)`, fields of CSV, values of JSON.
//!
//! The rules are those of `numpy/_core/arrayprint.py` in NumPy 2.4 with its default print options. One thing
//! differs: a `long double` is rounded to a double first, so it shows the digits of the double.

mod csv;
mod digits;
mod float;
mod format;
mod json;
mod layout;
mod scalar;
#[cfg(test)]
mod tests;

use ndfolio::{DType, Value};

pub(crate) use csv::csv_field;
pub(crate) use json::json_value;
pub(crate) use layout::Writer;

/// NumPy's print options, as far as they can be set here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Arrays of more items are summarized.
    pub(crate) threshold: usize,
    /// How many items a summary shows at each end of an axis; at least one.
    pub(crate) edgeitems: usize,
    /// The most digits after the point.
    pub(crate) precision: usize,
    /// Columns of a line.
    pub(crate) linewidth: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { threshold: 1000, edgeitems: 3, precision: 8, linewidth: 75 }
    }
}

impl Options {
    /// The same options for an array that is to be shown to its last item.
    #[must_use]
    pub(crate) fn without_summary(self) -> Self {
        Options { threshold: usize::MAX, ..self }
    }

    /// How many items an axis shows at each end, or none where it shows all of them.
    fn edge(&self, shape: &[usize], axis: usize) -> Option<usize> {
        // With an axis of no items there are none at all, however large the others are.
        let size =
            if shape.contains(&0) { 0 } else { shape.iter().fold(1_usize, |n, &m| n.saturating_mul(m)) };
        let edge = self.edgeitems.max(1);
        (size > self.threshold && shape[axis] > edge.saturating_mul(2)).then_some(edge)
    }
}

/// For each axis the indices that are shown: the ends of a long axis of an array over the threshold, else
/// all of them. NumPy: `_leading_trailing`.
#[must_use]
pub(crate) fn corners(shape: &[usize], options: &Options) -> Vec<Vec<usize>> {
    let indices = |(axis, &n): (usize, &usize)| match options.edge(shape, axis) {
        Some(edge) => (0..edge).chain(n - edge..n).collect(),
        None => (0..n).collect(),
    };
    shape.iter().enumerate().map(indices).collect()
}

/// Calls `visit` with the index of each item at the corners, in C order.
pub(crate) fn for_each_corner(corners: &[Vec<usize>], mut visit: impl FnMut(&[usize])) {
    if corners.iter().any(Vec::is_empty) {
        return;
    }
    let mut at = vec![0_usize; corners.len()];
    loop {
        let index: Vec<usize> = corners.iter().zip(&at).map(|(shown, &i)| shown[i]).collect();
        visit(&index);
        let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] + 1 < corners[axis].len()) else { return };
        at[axis] += 1;
        at[axis + 1..].fill(0);
    }
}

/// `str(a)` of an array, from the items at its [`corners`] in C order.
#[must_use]
pub(crate) fn array_to_string(dtype: &DType, shape: &[usize], items: &[Value], options: &Options) -> String {
    let mut writer = Writer::new(dtype, shape, options);
    items.iter().for_each(|item| writer.observe(item));
    let mut rows = writer.write_to(Vec::new());
    let bytes = items.iter().try_for_each(|item| rows.push(item)).and_then(|()| rows.finish());
    String::from_utf8_lossy(&bytes.expect("memory takes every byte")).into_owned()
}
