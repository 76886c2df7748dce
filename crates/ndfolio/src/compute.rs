use ndfolio_engine::{ArrayDifference, Digest, Run};
use ndfolio_kernel::{Tolerance, summary::Summary};

use crate::{Array, Result, error::At};

impl Array {
    /// Count, minimum, maximum, mean, standard deviation, sum, zeros and infinities of all items, in one pass in
    /// the order of the file. NaN are counted and left out of the rest. [`Array::describe`] has quantiles and
    /// histograms too.
    ///
    /// # Errors
    /// A dtype without arithmetic; what the file reports.
    pub fn stats(&self, run: &Run<'_>) -> Result<Summary> {
        Ok(self.describe().run(*run).compute()?.first().summary.clone())
    }

    /// [`Array::stats`] along some axes: one summary for each item of the array without them, given to `each`
    /// in C order.
    ///
    /// # Errors
    /// As [`Array::stats`]; an axis that the array does not have, or twice.
    pub fn stats_along(&self, axes: &[isize], run: &Run<'_>, mut each: impl FnMut(Summary)) -> Result<()> {
        self.describe().axes(axes).run(*run).for_each(|one| each(one.summary))?;
        Ok(())
    }

    /// The SHA-256 of the items in C order, little-endian, records without padding: equal for equal items of a
    /// dtype, whatever the format, order and byte order on disk.
    ///
    /// # Errors
    /// What the file reports.
    pub fn digest(&self, run: &Run<'_>) -> Result<Digest> {
        ndfolio_engine::digest(&self.source, run).at(self.place())
    }
}

/// Compares two arrays of one shape item by item, in one pass over both.
///
/// # Errors
/// Shapes that differ; dtypes that cannot be compared; what the files report.
pub fn diff(a: &Array, b: &Array, tolerance: Tolerance, run: &Run<'_>) -> Result<ArrayDifference> {
    ndfolio_engine::diff(&a.source, &b.source, tolerance, run).at(a.place())
}
