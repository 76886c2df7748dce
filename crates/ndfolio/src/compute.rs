use ndfolio_engine::{ArrayDifference, Digest, Plan, Run};
use ndfolio_kernel::{Tolerance, summary::Summary};

use crate::{Array, Result, error::At};

impl Array {
    /// Count, minimum, maximum, mean, standard deviation, sum, zeros and infinities of all items, in one pass in
    /// the order of the file. NaN are counted and left out of the rest. [`Array::describe`] has quantiles and
    /// histograms too.
    ///
    /// # Errors
    /// A dtype without arithmetic; what the file reports.
    pub fn stats<'r>(&self, run: impl Into<Run<'r>>) -> Result<Summary> {
        let run: Run<'_> = run.into();
        Ok(self.describe().run(run).compute()?.first().summary.clone())
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
        mut each: impl FnMut(Summary),
    ) -> Result<()> {
        let run: Run<'_> = run.into();
        self.describe().axes(axes).run(run).for_each(|one| each(one.summary))?;
        Ok(())
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
        let run: Run<'_> = run.into();
        let describe = self.describe().run(run);
        axes.map_or(describe.clone(), |axes| describe.axes(axes)).plan()
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
