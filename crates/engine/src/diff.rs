use ndfolio_kernel::{Comparer, Difference, Tolerance};
use ndfolio_layout::{LayoutError, Order, View};
use ndfolio_store::Choice;

use crate::{
    EngineError, Plan, Run, Source,
    fetch::{Fetcher, OWN_MEMORY, way},
    meter::Serial,
    plan::Reading,
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
    let pair = Pair::new(a, b, run)?;
    let comparer = Comparer::new(a.view.dtype(), b.view.dtype(), tolerance)?;
    let mut pass = Serial::start(run, a.view.nbytes());
    let (mut fetch_a, mut fetch_b) = (Fetcher::default(), Fetcher::default());
    let (mut items_a, mut items_b) = (Vec::new(), Vec::new());
    let (mut found, mut done) = (Difference::default(), 0);
    for (x, y) in pair.left.panels(pair.left_bytes).zip(pair.right.panels(pair.right_bytes)) {
        run.go_on()?;
        items_a.resize(x.view.nbytes(), 0);
        items_b.resize(y.view.nbytes(), 0);
        pass.read(items_a.len(), || fetch_a.read(&a.file, &x.view, &mut items_a, run))?;
        pass.read(items_b.len(), || fetch_b.read(&b.file, &y.view, &mut items_b, run))?;
        let place = |i: usize| c_place(done + i, pair.left.shape(), &pair.axes, a.view.shape());
        comparer.update(&mut items_a, &mut items_b, &place, &mut found);
        done += x.view.size();
        run.done(x.view.nbytes());
    }
    let windows = fetch_a.buffer_bytes() + fetch_b.buffer_bytes();
    pass.finish(pair.ways(a, b).0, items_a.capacity() + items_b.capacity() + windows);
    Ok(ArrayDifference {
        differing: found.differing,
        first: found.first.map(|place| index_of(place, a.view.shape())),
        max_absolute: found.max_absolute,
        max_relative: found.max_relative,
    })
}

/// What [`diff`] would do.
///
/// # Errors
/// As [`diff`], but for what only reading finds.
pub fn plan_diff(a: &Source, b: &Source, tolerance: Tolerance, run: &Run<'_>) -> Result<Plan, EngineError> {
    let pair = Pair::new(a, b, run)?;
    Comparer::new(a.view.dtype(), b.view.dtype(), tolerance)?;
    let boxes = pair.left_bytes.min(a.view.nbytes()) + pair.right_bytes.min(b.view.nbytes());
    let windows = [&pair.left, &pair.right].into_iter().filter(|view| !view.is_contiguous(Order::C)).count();
    let (first, second) = pair.ways(a, b);
    Ok(Plan {
        readings: vec![Reading::of(a, first), Reading::of(b, second)],
        buffers: (boxes + windows * OWN_MEMORY) as u64,
        ..Plan::new(run)
    })
}

/// Both arrays with the axes of the first, slowest first, and the bytes of their boxes.
struct Pair {
    axes: Vec<usize>,
    left: View,
    right: View,
    left_bytes: usize,
    right_bytes: usize,
}

impl Pair {
    fn new(a: &Source, b: &Source, run: &Run<'_>) -> Result<Self, EngineError> {
        if a.view.shape() != b.view.shape() {
            let text = |shape: &[usize]| format!("{shape:?}");
            let (from, to) = (text(b.view.shape()), text(a.view.shape()));
            return Err(LayoutError::Broadcast { from, to }.into());
        }
        let axes = a.view.storage_axes();
        let order: Vec<isize> = axes.iter().map(|&axis| axis as isize).collect();
        let (left, right) = (a.view.transpose(Some(&order))?, b.view.transpose(Some(&order))?);
        let itemsize = left.itemsize().max(right.itemsize()).max(1);
        let share = run.share(2, OWN_MEMORY, itemsize)?;
        // Boxes of equally many items, whatever their bytes.
        let bytes = |view: &View| (share / itemsize * view.itemsize()).max(1);
        let (left_bytes, right_bytes) = (bytes(&left), bytes(&right));
        Ok(Pair { axes, left, right, left_bytes, right_bytes })
    }

    /// How both are read: as their first boxes.
    fn ways(&self, a: &Source, b: &Source) -> (Choice, Choice) {
        let first = |source: &Source, view: &View, bytes| {
            let first = view.panels(bytes).get(0).map(|tile| tile.view);
            way(&source.file, first.as_ref().unwrap_or(view))
        };
        (first(a, &self.left, self.left_bytes), first(b, &self.right, self.right_bytes))
    }
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
