//! Items that indices pick, from a file to memory or to a new file.
//!
//! A gather is planned as a whole. Its picks are sorted by their places in the file; neighbours, and those of the
//! same blocks, are read together, and where picks lie close, all that is between them is read too. What the page
//! cache does not hold comes from the device with many requests on their way; what it holds is copied by several
//! threads. Every thread has a part of the result to itself, and what is sorted at a time fits the memory.

mod boxes;
mod indices;
mod part;
mod plan;
mod scatter;
mod window;

use ndfolio_kernel::{Caster, Casting};
use ndfolio_layout::{DType, Order, Picking, View};
use ndfolio_store::NewFile;

use crate::{EngineError, Report, Run, Source, meter::Meter};

use boxes::{Boxes, Out};
pub use indices::{Counted, IndexFile, Indices, Mask, MaskBytes, MaskFile};
pub(crate) use plan::plan_gather_unchecked;
pub use plan::{plan_gather, plan_gather_to};
pub use scatter::{Around, Given, Repeated, scatter};
use window::part_reach;

/// How many places of the file picks are in, at most: parts of their cells that are read at once.
#[must_use]
pub fn count_places(picking: &Picking) -> usize {
    let cell = picking.cell();
    picking.count().saturating_mul(cell.tiles(part_reach(cell, 1 << 20)).count_tiles())
}

/// Indices and their shape.
#[derive(Clone, Copy)]
pub struct Indexed<'a> {
    /// The shape, with as many items as there are indices.
    pub shape: &'a [usize],
    /// The indices.
    pub values: &'a dyn Indices,
}

/// Which items of an array are picked.
#[derive(Clone, Copy)]
pub struct Gather<'a> {
    /// The array.
    pub source: &'a Source,
    /// What its indices mean.
    pub picking: &'a Picking,
    /// The indices: as many arrays as the picking was made for, of the shapes that it was made for.
    pub indices: &'a [Indexed<'a>],
}

impl Gather<'_> {
    /// How far the picks from `from` on move the cell.
    fn reaches(
        &self,
        from: usize,
        count: usize,
        indices: &mut Vec<i64>,
        reaches: &mut Vec<i64>,
    ) -> Result<(), EngineError> {
        reaches.clear();
        reaches.resize(count, 0);
        indices.resize(count, 0);
        for (array, one) in self.indices.iter().enumerate() {
            self.read_indices(one, from, indices)?;
            for (reach, &index) in reaches.iter_mut().zip(indices.iter()) {
                *reach += self.picking.reach(array, index)?;
            }
        }
        Ok(())
    }

    /// The indices of one array for the picks from `from` on, to whose shape it is broadcast.
    fn read_indices(&self, one: &Indexed<'_>, from: usize, out: &mut [i64]) -> Result<(), EngineError> {
        let shape = self.picking.shape();
        if one.values.count() == self.picking.count() {
            return one.values.read(from, out);
        }
        let behind = shape.len() - one.shape.len();
        for (number, place) in (from..).zip(out) {
            let (mut rest, mut at, mut step) = (number, 0, 1);
            for axis in (0..shape.len()).rev() {
                let i = rest % shape[axis];
                rest /= shape[axis];
                if axis >= behind && one.shape[axis - behind] > 1 {
                    at += i * step;
                    step *= one.shape[axis - behind];
                }
            }
            one.values.read(at, std::slice::from_mut(place))?;
        }
        Ok(())
    }

    /// Whether all indices lie within their axes.
    fn check(&self, run: &Run<'_>) -> Result<(), EngineError> {
        const CHECKED: usize = 1 << 14;
        let (mut indices, mut reaches) = (Vec::new(), Vec::new());
        for from in (0..self.picking.count()).step_by(CHECKED) {
            run.go_on()?;
            self.reaches(from, CHECKED.min(self.picking.count() - from), &mut indices, &mut reaches)?;
        }
        Ok(())
    }

    /// The result in memory, with the axes of the picks as one.
    fn result(&self, dtype: &DType) -> Result<View, EngineError> {
        Ok(View::contiguous(dtype, &self.picking.flat_shape(), Order::C, 0)?)
    }
}

/// What happens to items on their way.
enum Conversion {
    None,
    /// Bytes are reversed in groups of so many.
    Swap(usize),
    Cast(Caster),
}

impl Conversion {
    fn new(from: &DType, to: &DType, casting: Casting) -> Result<Self, EngineError> {
        let caster = Caster::new(from, to, casting)?;
        if caster.is_copy() {
            return Ok(Conversion::None);
        }
        let scalars = from.as_scalar().zip(to.as_scalar());
        match scalars.filter(|_| from.kind() == to.kind() && from.itemsize() == to.itemsize()) {
            Some((from, to)) if from.foreign_width() != to.foreign_width() && can_swap(from.kind()) => {
                Ok(Conversion::Swap(from.foreign_width().max(to.foreign_width())))
            }
            _ => Ok(Conversion::Cast(caster)),
        }
    }
}

/// Whether a change of byte order is all that there can be between two dtypes of this kind.
fn can_swap(kind: ndfolio_layout::Kind) -> bool {
    kind.is_integer() || kind.is_float() || kind.is_complex()
}

/// Reads what is picked into `out`: in C order, as items of `dtype`.
///
/// Cost: one read for picks that lie together, or so close that a sweep is cheaper. The memory of `out` is a part of
/// what the run is given.
///
/// # Errors
/// An index outside of its axis; a cast that `casting` forbids; a result larger than the memory; what the file
/// reports; a cancelled run.
///
/// # Panics
/// If `out` has not the bytes of the result.
pub fn gather(
    gather: &Gather<'_>,
    out: &mut [u8],
    (dtype, casting): (&DType, Casting),
    run: &Run<'_>,
) -> Result<Report, EngineError> {
    let result = gather.result(dtype)?;
    assert_eq!(out.len(), result.nbytes(), "room for another result");
    let conversion = Conversion::new(gather.source.view.dtype(), dtype, casting)?;
    expect_room(out.len(), run)?;
    pass(gather, &result, &conversion, Out::Memory(out), run)
}

/// Refuses a result in memory that is larger than what the run is given: a caller asks before he has the memory.
///
/// # Errors
/// [`EngineError::Budget`].
pub fn expect_room(bytes: usize, run: &Run<'_>) -> Result<(), EngineError> {
    if bytes <= run.budget() {
        return Ok(());
    }
    Err(EngineError::Budget {
        what: "the result in memory",
        needed: bytes as u64,
        budget: run.budget() as u64,
        way: "save it to a file, pick less, or give it more memory",
    })
}

/// Writes what is picked to a new file, to the places of a view that is contiguous in C order.
///
/// # Errors
/// As [`gather`], but for the result, which may be larger than the memory; what the new file reports.
///
/// # Panics
/// If the view has another shape than the result, or another order.
pub fn gather_to(
    gather: &Gather<'_>,
    (new, target): (&NewFile, &View),
    casting: Casting,
    run: &Run<'_>,
) -> Result<Report, EngineError> {
    assert!(
        target.shape() == gather.picking.result_shape() && target.is_contiguous(Order::C),
        "places of another result"
    );
    let conversion = Conversion::new(gather.source.view.dtype(), target.dtype(), casting)?;
    let result = View::contiguous(target.dtype(), &gather.picking.flat_shape(), Order::C, target.offset())?;
    pass(gather, &result, &conversion, Out::File(new), run)
}

fn pass(
    gather: &Gather<'_>,
    result: &View,
    conversion: &Conversion,
    out: Out<'_>,
    run: &Run<'_>,
) -> Result<Report, EngineError> {
    let meter = Meter::start(run, result.nbytes());
    if result.is_empty() {
        // NumPy looks at indices of nothing too.
        gather.check(run)?;
        let reason = "there are no items".to_owned();
        return Ok(meter.finish(Report { reason, ..Report::default() }));
    }
    let in_memory = matches!(out, Out::Memory(_));
    let boxes = Boxes::new(gather, result, conversion, in_memory, run)?;
    let report = boxes.run(out, &meter)?;
    Ok(meter.finish(report))
}
