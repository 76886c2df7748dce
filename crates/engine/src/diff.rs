use ndfolio_kernel::{Comparer, Difference, Tolerance};
use ndfolio_layout::LayoutError;

use crate::{
    EngineError, Run, Source,
    fetch::{Fetcher, OWN_MEMORY},
};

/// How two arrays of one shape differ.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayDifference {
    /// How many items differ.
    pub differing: u64,
    /// The index of the first that does, in C order.
    pub first: Option<Vec<usize>>,
    /// The largest `|a − b|`; none for dtypes that are not numbers, and without items.
    pub max_absolute: Option<f64>,
    /// The largest `|a − b| / |b|`.
    pub max_relative: Option<f64>,
}

/// Compares two arrays of one shape item by item, in one pass over both.
///
/// # Errors
/// Shapes that differ, dtypes that cannot be compared, and what the files report.
pub fn diff(
    a: &Source,
    b: &Source,
    tolerance: Tolerance,
    run: &Run<'_>,
) -> Result<ArrayDifference, EngineError> {
    if a.view.shape() != b.view.shape() {
        let text = |shape: &[usize]| format!("{shape:?}");
        return Err(LayoutError::Broadcast { from: text(b.view.shape()), to: text(a.view.shape()) }.into());
    }
    let comparer = Comparer::new(a.view.dtype(), b.view.dtype(), tolerance)?;
    let axes = a.view.storage_axes();
    let order: Vec<isize> = axes.iter().map(|&axis| axis as isize).collect();
    let (left, right) = (a.view.transpose(Some(&order))?, b.view.transpose(Some(&order))?);
    let itemsize = left.itemsize().max(right.itemsize()).max(1);
    let share = run.share(2, OWN_MEMORY, itemsize)?;
    // Boxes of equally many items, whatever their bytes.
    let (m, n) = (share / itemsize * left.itemsize(), share / itemsize * right.itemsize());
    let (mut fetch_a, mut fetch_b) = (Fetcher::default(), Fetcher::default());
    let (mut items_a, mut items_b) = (Vec::new(), Vec::new());
    let (mut found, mut done) = (Difference::default(), 0);
    for (x, y) in left.panels(m.max(1)).zip(right.panels(n.max(1))) {
        run.go_on()?;
        items_a.resize(x.view.nbytes(), 0);
        items_b.resize(y.view.nbytes(), 0);
        fetch_a.read(&a.file, &x.view, &mut items_a)?;
        fetch_b.read(&b.file, &y.view, &mut items_b)?;
        let place = |i: usize| c_place(done + i, left.shape(), &axes, a.view.shape());
        comparer.update(&mut items_a, &mut items_b, &place, &mut found);
        done += x.view.size();
        run.done(x.view.nbytes());
    }
    Ok(ArrayDifference {
        differing: found.differing,
        first: found.first.map(|place| index_of(place, a.view.shape())),
        max_absolute: found.max_absolute,
        max_relative: found.max_relative,
    })
}

/// The place in C order of an item whose place with the axes transposed is known.
fn c_place(place: usize, transposed: &[usize], axes: &[usize], shape: &[usize]) -> usize {
    let index = index_of(place, transposed);
    let mut out = 0;
    for (axis, &extent) in shape.iter().enumerate() {
        let at = axes.iter().position(|&a| a == axis).map_or(0, |i| index[i]);
        out = out * extent + at;
    }
    out
}

/// The index of a place in C order.
fn index_of(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (at, &extent) in index.iter_mut().zip(shape).rev() {
        *at = place % extent;
        place /= extent;
    }
    index
}
