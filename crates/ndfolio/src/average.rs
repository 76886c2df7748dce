//! Averages with weights.

use ndarray::{ArrayBase, Data, Dimension};
use ndfolio_engine::{EngineError, Weights as EngineWeights};
use ndfolio_kernel::Element;
use ndfolio_layout::{DType, Value};

use crate::{Array, Error, Reduced, Reduction, Result, error::At};

/// What items are weighted with: an [`Array`] on disk, or a small array in memory.
///
/// They have the shape of the array, or that of the axes along which it is averaged, in the order in which
/// those are named.
#[derive(Clone, Debug)]
pub struct Weights(Source);

#[derive(Clone, Debug)]
enum Source {
    Disk(Array),
    Memory { dtype: DType, shape: Vec<usize>, bytes: Vec<u8> },
}

impl From<&Array> for Weights {
    fn from(array: &Array) -> Self {
        Weights(Source::Disk(array.clone()))
    }
}

impl From<&[f64]> for Weights {
    fn from(weights: &[f64]) -> Self {
        ndarray::ArrayView1::from(weights).into()
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<ArrayBase<S, D>> for Weights {
    fn from(weights: ArrayBase<S, D>) -> Self {
        let items: Vec<T> = weights.iter().copied().collect();
        let mut bytes = vec![0; size_of_val(&items[..])];
        T::store(&items, &mut bytes);
        Weights(Source::Memory { dtype: DType::native(T::KIND), shape: weights.shape().to_vec(), bytes })
    }
}

/// A weighted average, and what NumPy's `returned=True` gives with it.
#[derive(Clone, Debug)]
pub struct Average {
    /// The averages.
    pub average: Reduced,
    /// The sums of the weights, of the same dtype and shape.
    pub weights: Reduced,
}

impl Reduction<'_> {
    /// The average of the items with weights, as NumPy's `average`.
    ///
    /// The dtype is that of NumPy: of the result of items times weights, and at least `float64` for integers
    /// and truth values. Products are added in double precision and rounded once.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("ndfolio-average-{}.npy", std::process::id()));
    /// # ndfolio::save(&path, &ndarray::arr2(&[[1.0_f32, 2.0], [3.0, 6.0]]))?;
    /// let array = ndfolio::open(&path)?;
    /// let found = array.reduction().axis(0).average(&[3.0, 1.0][..])?;
    /// assert_eq!(found.average.to_array::<f64>()?.as_slice(), Some(&[1.5, 3.0][..]));
    /// // The weights may be as large as the array, on disk too.
    /// assert_eq!(array.reduction().average(&array)?.average.value().to_string(), "4.1666665");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Cost: one pass over the array, and over the weights beside it; weights along some axes only are held in
    /// memory, if they fit a quarter of it.
    ///
    /// # Errors
    /// Weights of another shape than the array and than the axes that are named, and without axes of another
    /// shape than the array; weights that sum to zero; a dtype that is no number; NaN that are to be left out;
    /// what the files report.
    pub fn average(&self, weights: impl Into<Weights>) -> Result<Average> {
        let array = self.array;
        let place = array.place();
        if self.skips_nan() {
            let reason = "an average with weights cannot leave NaN out; NumPy has none that does".to_owned();
            return Err(Error::Usage { path: place.to_owned(), reason });
        }
        let weights = match weights.into().0 {
            Source::Disk(array) => EngineWeights::File(array.source),
            Source::Memory { dtype, shape, bytes } => {
                EngineWeights::in_memory(&dtype, &shape, bytes).map_err(EngineError::from).at(place)?
            }
        };
        let axes = self.axes.as_deref();
        let found = ndfolio_engine::average(&array.source, weights, axes, &self.run).at(place)?;
        let shape = self.result_shape(&self.all_axes())?;
        let reduced = |values: &[Value]| -> Result<Reduced> {
            let mut bytes = vec![0; values.len() * found.dtype.itemsize()];
            for (value, item) in values.iter().zip(bytes.chunks_mut(found.dtype.itemsize())) {
                value.encode(&found.dtype, item).at(place)?;
            }
            Ok(Reduced::new(found.dtype.clone(), shape.clone(), bytes, found.report.clone()))
        };
        Ok(Average { average: reduced(&found.averages)?, weights: reduced(&found.weights)? })
    }
}
