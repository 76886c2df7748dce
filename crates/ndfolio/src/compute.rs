use ndfolio_engine::{ArrayDifference, Digest, Plan, Run};
use ndfolio_kernel::{Tolerance, summary::Summary};

use crate::{Array, Result, error::At};

impl Array {
    /// Count, minimum, maximum, mean, standard deviation, sum and zeros of all items, in one pass in the order
    /// of the file. NaN are counted and left out of the rest.
    ///
    /// # Errors
    /// A dtype without arithmetic; what the file reports.
    pub fn stats<'r>(&self, run: impl Into<Run<'r>>) -> Result<Summary> {
        Ok(ndfolio_engine::stats(&self.source, &run.into()).at(self.place())?.0)
    }

    /// [`Array::stats`] along some axes: one summary for each item of the array without them, given to `each`
    /// in C order.
    ///
    /// # Errors
    /// As [`Array::stats`]; an axis that the array does not have, or twice.
    pub fn stats_along<'r>(
        &self,
        axes: &[isize],
        run: impl Into<Run<'r>>,
        each: impl FnMut(Summary),
    ) -> Result<()> {
        ndfolio_engine::stats_along(&self.source, axes, &run.into(), each).at(self.place())
    }

    /// The SHA-256 of the items in C order, little-endian, records without padding: equal for equal items of a
    /// dtype, whatever the format, order and byte order on disk.
    ///
    /// # Errors
    /// What the file reports.
    pub fn digest<'r>(&self, run: impl Into<Run<'r>>) -> Result<Digest> {
        ndfolio_engine::digest(&self.source, &run.into()).at(self.place())
    }

    /// What [`Array::stats`], or with axes [`Array::stats_along`], would do: found out from what the page cache
    /// holds, without reading items.
    ///
    /// # Errors
    /// As those, but for what only reading finds.
    pub fn plan_stats<'r>(&self, axes: Option<&[isize]>, run: impl Into<Run<'r>>) -> Result<Plan> {
        ndfolio_engine::plan_stats(&self.source, axes, &run.into()).at(self.place())
    }

    /// What [`Array::digest`] would do.
    ///
    /// # Errors
    /// As that, but for what only reading finds.
    pub fn plan_digest<'r>(&self, run: impl Into<Run<'r>>) -> Result<Plan> {
        ndfolio_engine::plan_digest(&self.source, &run.into()).at(self.place())
    }
}

/// Compares two arrays of one shape item by item, in one pass over both.
///
/// # Errors
/// Shapes that differ; dtypes that cannot be compared; what the files report.
pub fn diff<'r>(
    a: &Array,
    b: &Array,
    tolerance: Tolerance,
    run: impl Into<Run<'r>>,
) -> Result<ArrayDifference> {
    ndfolio_engine::diff(&a.source, &b.source, tolerance, &run.into()).at(a.place())
}

/// What [`diff`] would do.
///
/// # Errors
/// As that, but for what only reading finds.
pub fn plan_diff<'r>(a: &Array, b: &Array, tolerance: Tolerance, run: impl Into<Run<'r>>) -> Result<Plan> {
    ndfolio_engine::plan_diff(&a.source, &b.source, tolerance, &run.into()).at(a.place())
}
