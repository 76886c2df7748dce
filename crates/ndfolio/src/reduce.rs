//! Reductions with NumPy's names and results.

use ndarray::ArrayD;
use ndfolio_engine::{Found, Plan, Report, Run, plan_reduce, reduce_along};
use ndfolio_kernel::{
    Element, KernelError,
    reduce::{Finish, NanPolicy, Op, Reducer, Wanted},
};
use ndfolio_layout::{DType, Order, Value, View};

use crate::{Array, Error, Result, error::At};

/// A reduction that is being described: over which axes, with what shape, what NaN means, how it is run.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ndfolio-reduction-{}.npy", std::process::id()));
/// # ndfolio::save(&path, &ndarray::arr2(&[[1.0_f32, 2.0], [3.0, f32::NAN]]))?;
/// use ndfolio::Op;
/// let array = ndfolio::open(&path)?;
/// let sums = array.reduction().axis(0).skip_nan().sum()?;
/// assert_eq!(sums.to_array::<f32>()?.as_slice(), Some(&[4.0, 2.0][..]));
/// // Several in one pass over the file.
/// let both = array.reduction().compute(&[Op::Max, Op::ArgMax])?;
/// assert_eq!(both[1].value().to_string(), "3");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Reduction<'a> {
    pub(crate) array: &'a Array,
    pub(crate) axes: Option<Vec<isize>>,
    keep: bool,
    nan: NanPolicy,
    pub(crate) run: Run<'a>,
}

/// What a reduction gives: a small array in memory.
#[derive(Clone, Debug)]
pub struct Reduced {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
    report: Report,
}

impl Array {
    /// Describes a reduction of this array: over all items, unless axes are named.
    pub fn reduction(&self) -> Reduction<'_> {
        Reduction { array: self, axes: None, keep: false, nan: NanPolicy::Propagate, run: Run::default() }
    }
}

macro_rules! whole_array {
    ($($name:ident, $op:expr, $doc:literal;)*) => {
        impl Array {$(
            #[doc = concat!($doc, " of all items, as NumPy's; [`Array::reduction`] has axes and everything else.")]
            ///
            /// # Errors
            /// A dtype that does not have it, no items where there is no result without, and what the file
            /// reports.
            pub fn $name(&self) -> Result<Value> {
                Ok(self.reduction().one($op)?.value())
            }
        )*}

        impl Reduction<'_> {$(
            #[doc = concat!($doc, ", in one pass.")]
            ///
            /// # Errors
            /// As [`Reduction::compute`].
            pub fn $name(&self) -> Result<Reduced> {
                self.one($op)
            }
        )*}
    };
}

whole_array! {
    sum, Op::Sum, "The sum";
    prod, Op::Prod, "The product";
    mean, Op::Mean, "The mean";
    var, Op::Var { ddof: 0.0 }, "The variance (ddof 0)";
    std, Op::Std { ddof: 0.0 }, "The standard deviation (ddof 0)";
    min, Op::Min, "The minimum";
    max, Op::Max, "The maximum";
    ptp, Op::Ptp, "The range, maximum minus minimum,";
    argmin, Op::ArgMin, "The place of the first minimum";
    argmax, Op::ArgMax, "The place of the first maximum";
    any, Op::Any, "Whether any is true";
    all, Op::All, "Whether all are true";
    count_nonzero, Op::CountNonzero, "The number of those that are not zero";
    norm, Op::Norm, "The 2-norm";
}

impl<'a> Reduction<'a> {
    /// Along one axis; negative ones count from the end.
    pub fn axis(self, axis: isize) -> Self {
        self.axes(&[axis])
    }

    /// Along several axes at once.
    pub fn axes(self, axes: &[isize]) -> Self {
        Reduction { axes: Some(axes.to_vec()), ..self }
    }

    /// The result keeps the reduced axes, with one item each.
    pub fn keepdims(self) -> Self {
        Reduction { keep: true, ..self }
    }

    /// NaN (and NaT) are left out, as NumPy's `nansum`, `nanmax`, … do.
    pub fn skip_nan(self) -> Self {
        Reduction { nan: NanPolicy::Skip, ..self }
    }

    /// In what memory, with how many threads, which way, watched by whom: a [`Run`] or a
    /// [`Session`](crate::Session).
    pub fn run(self, run: impl Into<Run<'a>>) -> Self {
        Reduction { run: run.into(), ..self }
    }

    /// The variance with `ddof` taken from the number of items.
    ///
    /// # Errors
    /// As [`Reduction::compute`].
    pub fn var_ddof(&self, ddof: f64) -> Result<Reduced> {
        self.one(Op::Var { ddof })
    }

    /// The standard deviation with `ddof` taken from the number of items.
    ///
    /// # Errors
    /// As [`Reduction::compute`].
    pub fn std_ddof(&self, ddof: f64) -> Result<Reduced> {
        self.one(Op::Std { ddof })
    }

    fn one(&self, op: Op) -> Result<Reduced> {
        Ok(self.compute(&[op])?.remove(0))
    }

    /// Several reductions in one pass over the file, in the order in which they were asked for.
    ///
    /// The result dtypes and the rules for NaN, NaT and empty arrays are NumPy's. Sums of `float32` are taken in
    /// double precision and rounded once; those of `float16` too, but in fours in single precision first, which
    /// has 13 bits more than they have. So both are never less exact than NumPy's.
    /// Threads, memory, the way of reading and instruction sets change no bit.
    ///
    /// # Errors
    /// An axis that the array does not have, or twice; a dtype without the operation; a minimum, maximum or
    /// place of no items; what the file reports; a cancelled run. Nothing partial is returned.
    pub fn compute(&self, ops: &[Op]) -> Result<Vec<Reduced>> {
        let place = self.array.place();
        let view = self.array.view();
        let wanted = ops.iter().fold(Wanted::default(), |wanted, op| wanted | op.wanted());
        for op in ops {
            // Says which operation it is that the dtype does not have.
            op.result_dtype(view.dtype()).at(place)?;
        }
        let reducer = Reducer::new(view.dtype(), wanted, self.nan).at(place)?;
        let finishes: Vec<Finish<'_>> =
            ops.iter().map(|op| op.finish(&reducer)).collect::<Result<_, _>>().at(place)?;
        let axes = self.all_axes();
        let shape = self.result_shape(&axes)?;
        let outputs: usize = shape.iter().product();
        let new = |finish: &Finish<'_>| {
            let bytes = vec![0; outputs * finish.dtype().itemsize()];
            Reduced::new(finish.dtype().clone(), shape.clone(), bytes, Report::default())
        };
        let mut out: Vec<Reduced> = finishes.iter().map(new).collect();
        let mut failed = None;
        let mut put = |first: usize, found: Found<'_>| {
            for (finish, reduced) in finishes.iter().zip(&mut out) {
                if let Err(error) = reduced.put(first, finish, found) {
                    failed.get_or_insert(error);
                }
            }
        };
        let reducers = std::slice::from_ref(&reducer);
        let report = reduce_along(&self.array.source, &axes, reducers, &self.run, &mut put).at(place)?;
        failed.map_or(Ok(()), Err).at(place)?;
        out.iter_mut().for_each(|reduced| reduced.report = report.clone());
        Ok(out)
    }

    /// What [`Reduction::compute`] would do: found out from what the page cache holds, without reading items.
    ///
    /// # Errors
    /// As [`Reduction::compute`], but for what only reading finds.
    pub fn plan(&self, ops: &[Op]) -> Result<Plan> {
        let place = self.array.place();
        let dtype = self.array.dtype();
        let mut bytes = 0;
        for op in ops {
            bytes += op.result_dtype(dtype).at(place)?.itemsize();
        }
        let wanted = ops.iter().fold(Wanted::default(), |wanted, op| wanted | op.wanted());
        let reducer = Reducer::new(dtype, wanted, self.nan).at(place)?;
        let reducers = std::slice::from_ref(&reducer);
        plan_reduce(&self.array.source, &self.all_axes(), reducers, &self.run, bytes).at(place)
    }

    pub(crate) fn skips_nan(&self) -> bool {
        self.nan == NanPolicy::Skip
    }

    /// The axes that are reduced: all, unless some were named.
    pub(crate) fn all_axes(&self) -> Vec<isize> {
        self.axes.clone().unwrap_or_else(|| (0..self.array.ndim() as isize).collect())
    }

    pub(crate) fn result_shape(&self, axes: &[isize]) -> Result<Vec<usize>> {
        let view = self.array.view();
        let mut shape: Vec<Option<usize>> = view.shape().iter().copied().map(Some).collect();
        for &axis in axes {
            shape[view.axis(axis).at(self.array.place())?] = if self.keep { Some(1) } else { None };
        }
        Ok(shape.into_iter().flatten().collect())
    }
}

impl Reduced {
    pub(crate) fn new(dtype: DType, shape: Vec<usize>, bytes: Vec<u8>, report: Report) -> Self {
        Reduced { dtype, shape, bytes, report }
    }

    /// Puts results in their places, from the `first` on.
    fn put(&mut self, first: usize, finish: &Finish<'_>, found: Found<'_>) -> Result<(), KernelError> {
        let size = self.dtype.itemsize();
        let out = &mut self.bytes[first * size..];
        match found {
            Found::One(partials) => finish.encode(&partials[0], &mut out[..size]),
            Found::Columns(columns) => {
                finish.encode_columns(&columns[0], &mut out[..columns[0].columns() * size])
            }
        }
    }

    /// NumPy's dtype of the result.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Items along each axis that is left; none for a single value.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The items in C order, in this machine's byte order.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The items without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the pass did.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The first value: the only one, where all axes were reduced.
    ///
    /// # Panics
    /// If the result has no items.
    #[must_use]
    pub fn value(&self) -> Value {
        Value::decode(&self.dtype, &self.bytes)
    }

    /// The value at a place in C order; none where there are fewer.
    #[must_use]
    pub fn item(&self, place: usize) -> Option<Value> {
        self.bytes.chunks_exact(self.dtype.itemsize()).nth(place).map(|item| Value::decode(&self.dtype, item))
    }

    /// The values in C order.
    pub fn iter(&self) -> impl Iterator<Item = Value> {
        self.bytes.chunks_exact(self.dtype.itemsize()).map(|item| Value::decode(&self.dtype, item))
    }

    /// All values in C order.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        self.iter().collect()
    }

    /// The result as an array of its own type.
    ///
    /// # Errors
    /// [`Error::DType`] if the result is of another type.
    pub fn to_array<T: Element>(&self) -> Result<ArrayD<T>> {
        if self.dtype.kind() != Some(T::KIND) {
            let (expected, found) = (DType::native(T::KIND), self.dtype.clone());
            return Err(Error::DType { path: "result".into(), expected, found });
        }
        let mut bytes = self.bytes.clone();
        ndfolio_kernel::to_native(&mut bytes, &self.dtype);
        let count = View::contiguous(&self.dtype, &self.shape, Order::C, 0).map_or(0, |view| view.size());
        let mut items = vec![T::default(); count];
        T::load(&bytes, &mut items);
        let shape = ndarray::IxDyn(&self.shape);
        Ok(ArrayD::from_shape_vec(shape.clone(), items).unwrap_or_else(|_| ArrayD::default(shape)))
    }
}
