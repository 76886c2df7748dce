use std::sync::Arc;

use ndfolio_layout::{DType, LayoutError, Order, View};

/// A small array in memory: items in this machine's byte order, in C order.
#[derive(Clone, Debug)]
pub struct Memory {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) view: View,
}

impl Memory {
    /// Of contiguous native items in C order.
    ///
    /// # Errors
    /// More bytes than an array can have.
    ///
    /// # Panics
    /// If there are other bytes than the shape has items.
    pub fn new(dtype: &DType, shape: &[usize], bytes: Vec<u8>) -> Result<Self, LayoutError> {
        let view = View::contiguous(dtype, shape, Order::C, 0)?;
        assert!(bytes.len() == view.nbytes(), "bytes of another shape");
        Ok(Memory { bytes: Arc::new(bytes), view })
    }

    /// The type of the items.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        self.view.dtype()
    }

    /// Items along each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.view.shape()
    }

    /// The items in C order.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The items, without a copy if nobody else has them.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        Arc::try_unwrap(self.bytes).unwrap_or_else(|shared| shared.to_vec())
    }

    pub(super) fn with(&self, view: View) -> Self {
        Memory { bytes: Arc::clone(&self.bytes), view }
    }
}
