use ndfolio_kernel::KernelError;
use ndfolio_layout::LayoutError;
use ndfolio_store::StoreError;
use thiserror::Error;

/// Why a pass did not come to its end. Nothing partial was returned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Bytes could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Shapes or dtypes that do not fit.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Something that the dtype cannot do.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Weights whose shape does not fit the array.
    #[error("{problem}; the array has shape {array:?}, the weights {weights:?}")]
    Weights {
        /// What is wrong.
        problem: &'static str,
        /// The array's shape.
        array: Vec<usize>,
        /// The weights' shape.
        weights: Vec<usize>,
    },
    /// The pass cannot be done in the memory that it was given.
    #[error("{what} needs {needed} bytes of memory and was given {budget}; {way}")]
    Budget {
        /// What needs it.
        what: &'static str,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that it was given.
        budget: u64,
        /// The way out.
        way: &'static str,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}
