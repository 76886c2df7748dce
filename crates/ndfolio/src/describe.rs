//! What there is to say of an array's items.

use ndfolio_engine::{Description, Plan, Report, Request, Run, plan_describe};
use ndfolio_kernel::histogram::Bins;

use crate::{Array, Error, Result, error::At};

/// A description that is being asked for: along which axes, with which quantiles, with which histogram.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ndfolio-describe-{}.npy", std::process::id()));
/// # ndfolio::save(&path, &ndarray::arr2(&[[1.0_f32, 2.0, 4.0], [3.0, f32::NAN, f32::INFINITY]]))?;
/// use ndfolio::Value;
/// let array = ndfolio::open(&path)?;
/// let all = array.describe().quantiles(&[0.25, 0.5]).histogram(2, Some((0.0, 4.0))).compute()?;
/// let all = all.first();
/// assert_eq!((all.summary.nan_count, all.summary.positive_infinities), (1, Some(1)));
/// assert_eq!(all.quantiles[1], Some(Value::Float64(3.0)));
/// assert_eq!(all.histogram.as_ref().unwrap().counts, [1, 3]);
/// // One for each row.
/// let rows = array.describe().axis(1).compute()?;
/// assert_eq!(rows.shape(), [2]);
/// assert_eq!(rows.descriptions()[0].summary.max, Some(Value::Float32(4.0)));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Describe<'a> {
    array: &'a Array,
    axes: Option<Vec<isize>>,
    request: Request,
    run: Run<'a>,
}

/// Descriptions of all items, or along axes.
#[derive(Clone, Debug)]
pub struct Described {
    shape: Vec<usize>,
    descriptions: Vec<Description>,
    report: Report,
}

impl Array {
    /// Asks for a description of this array: counts, NaN, infinities, zeros, extremes, moments; on request
    /// exact quantiles and a histogram. Of all items, unless axes are named.
    ///
    /// NaN and NaT are counted, and left out of everything else. Numbers have everything; truth values no
    /// quantiles; complex numbers neither quantiles nor histogram nor infinities; times no histogram, and
    /// points in time no sum. What there is not is `None`, and asking for it is an error.
    pub fn describe(&self) -> Describe<'_> {
        Describe { array: self, axes: None, request: Request::default(), run: Run::default() }
    }
}

impl<'a> Describe<'a> {
    /// Along one axis; negative ones count from the end.
    pub fn axis(self, axis: isize) -> Self {
        self.axes(&[axis])
    }

    /// Along several axes at once.
    pub fn axes(self, axes: &[isize]) -> Self {
        Describe { axes: Some(axes.to_vec()), ..self }
    }

    /// These quantiles, each from 0 to 1, as NumPy's `quantile` with the method `linear` gives them for a list:
    /// doubles, or times of the array's dtype. They are exact, not estimated.
    ///
    /// Quantiles of integers whose difference the dtype does not hold wrap around in NumPy, here they do not.
    pub fn quantiles(mut self, quantiles: &[f64]) -> Self {
        self.request.quantiles = quantiles.to_vec();
        self
    }

    /// A histogram, with NumPy's edges and counts: a number of bins, or the edges of the bins.
    ///
    /// `range` is what a number of bins covers; without one they go from the least to the greatest item, which
    /// takes a pass of its own to find. As in NumPy it makes no difference where the edges are given.
    pub fn histogram(mut self, bins: impl Into<Bins>, range: Option<(f64, f64)>) -> Self {
        self.request.histogram = Some((bins.into(), range));
        self
    }

    /// In what memory, with how many threads, which way, watched by whom.
    pub fn run(self, run: impl Into<Run<'a>>) -> Self {
        Describe { run: run.into(), ..self }
    }

    /// What [`Describe::compute`] would do, as far as it is known before items are read.
    ///
    /// # Errors
    /// As [`Describe::compute`], but for what only reading finds.
    pub fn plan(&self) -> Result<Plan> {
        plan_describe(&self.array.source, &self.all_axes(), &self.request, &self.run).at(self.array.place())
    }

    /// Describes the items.
    ///
    /// Cost: one pass over the file for all but quantiles and a histogram without a range. A histogram without
    /// one takes a second pass. Quantiles share passes with each other and with the rest, and need one if all
    /// items fit the memory, or rows along axes are short; else two or three as a rule, and never more than the
    /// memory needs to tell apart all values of the dtype. [`Report::passes`] says how many there were. Beside
    /// the results everything stays within the memory of the run.
    ///
    /// # Errors
    /// An axis that the array does not have, or twice; a dtype without arithmetic, or without what was asked
    /// for; quantiles outside of 0 to 1; bins that are none or decrease, a range that ends before it begins or
    /// is not finite; too little memory, with the number; what the file reports; a cancelled run.
    pub fn compute(&self) -> Result<Described> {
        let mut descriptions = Vec::new();
        let report = self.for_each(|one| descriptions.push(one))?;
        Ok(Described { shape: self.shape()?, descriptions, report })
    }

    /// As [`Describe::compute`], but each description is handed over in C order as it comes, so that they need
    /// not be in memory at once.
    ///
    /// # Errors
    /// As [`Describe::compute`].
    pub fn for_each(&self, each: impl FnMut(Description)) -> Result<Report> {
        let place = self.array.place();
        ndfolio_engine::describe(&self.array.source, &self.all_axes(), &self.request, &self.run, each)
            .at(place)
    }

    fn all_axes(&self) -> Vec<isize> {
        self.axes.clone().unwrap_or_else(|| (0..self.array.ndim() as isize).collect())
    }

    /// Items along each axis that stays.
    ///
    /// # Errors
    /// An axis that the array does not have.
    pub fn shape(&self) -> Result<Vec<usize>, Error> {
        let view = self.array.view();
        let mut shape: Vec<Option<usize>> = view.shape().iter().copied().map(Some).collect();
        for axis in self.all_axes() {
            shape[view.axis(axis).at(self.array.place())?] = None;
        }
        Ok(shape.into_iter().flatten().collect())
    }
}

impl Described {
    /// Items along each axis that stayed; none for a single description.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All of them in C order.
    #[must_use]
    pub fn descriptions(&self) -> &[Description] {
        &self.descriptions
    }

    /// The first: the only one, where no axes were named.
    ///
    /// # Panics
    /// If there is none, since an axis that stayed has no items.
    #[must_use]
    pub fn first(&self) -> &Description {
        &self.descriptions[0]
    }

    /// What the passes did.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }
}
