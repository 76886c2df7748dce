//! Batches, and the memory that they are in.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use ndarray::{ArrayD, IxDyn};
use ndfolio_kernel::Element;
use ndfolio_layout::DType;

use crate::Result;

/// Where the memory of batches comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Buffers {
    /// From batches that were dropped, where there are some: memory that the process has already is faster than new.
    #[default]
    Reused,
    /// New for each batch, and given back to the system with it.
    Fresh,
}

/// The items of one step.
#[derive(Debug)]
pub struct Batch {
    pub(super) epoch: u64,
    pub(super) step: u64,
    pub(super) arrays: Vec<BatchArray>,
}

impl Batch {
    /// The epoch that it is of.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Which of the epoch's batches it is, those of all workers counted.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Its arrays: one for each array of rows; the windows, and behind them those of the targets.
    #[must_use]
    pub fn arrays(&self) -> &[BatchArray] {
        &self.arrays
    }

    /// The same arrays, to keep.
    #[must_use]
    pub fn into_arrays(self) -> Vec<BatchArray> {
        self.arrays
    }

    /// How many rows or windows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrays.first().map_or(0, |array| array.shape[0])
    }

    /// Whether it has none. Loaders give no such batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One array of a batch: items in C order.
#[derive(Debug)]
pub struct BatchArray {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) buffer: Buffer,
}

impl BatchArray {
    /// The type of its items.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Its shape: rows or windows first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The bytes of its items.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// The memory, for who has arrays of his own.
    #[must_use]
    pub fn into_buffer(self) -> Buffer {
        self.buffer
    }

    /// A copy of the items.
    ///
    /// # Errors
    /// [`Error::DType`](crate::Error::DType) if they are not of type `T`.
    pub fn read<T: Element>(&self) -> Result<ArrayD<T>> {
        if self.dtype.kind() != Some(T::KIND) {
            let (expected, found) = (DType::native(T::KIND), self.dtype.clone());
            return Err(crate::Error::DType { path: "a batch".into(), expected, found });
        }
        let mut items = vec![T::default(); self.shape.iter().product()];
        T::load(&self.buffer, &mut items);
        let shape = IxDyn(&self.shape);
        Ok(ArrayD::from_shape_vec(shape.clone(), items).unwrap_or_else(|_| ArrayD::default(shape)))
    }
}

/// Bytes that begin at a multiple of [`Buffer::ALIGNMENT`]. Dropped, they can be used for another batch.
pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
    pool: Option<Arc<Pool>>,
}

impl Buffer {
    /// What the address is a multiple of: enough for items of every type, and for vector registers.
    pub const ALIGNMENT: usize = 64;

    fn new(memory: Vec<u8>, len: usize, pool: Option<Arc<Pool>>) -> Self {
        let start = memory.as_ptr().addr().wrapping_neg() % Self::ALIGNMENT;
        Buffer { memory, start, len, pool }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.put(std::mem::take(&mut self.memory));
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Memory of batches that were dropped.
#[derive(Debug, Default)]
pub(super) struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
    /// How many are kept.
    most: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Pool { free: Mutex::default(), most })
    }

    /// Memory of so many bytes, which hold anything.
    pub(super) fn take(self: &Arc<Self>, len: usize, buffers: Buffers) -> Buffer {
        let needed = len + Buffer::ALIGNMENT - 1;
        if buffers == Buffers::Fresh {
            return Buffer::new(new_memory(needed), len, None);
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // One of a small last batch does not take that of a whole one.
        let fits = |memory: &Vec<u8>| memory.len() >= needed && memory.len() <= needed.saturating_mul(2);
        let memory = free.iter().rposition(fits).map(|at| free.swap_remove(at));
        drop(free);
        Buffer::new(memory.unwrap_or_else(|| new_memory(needed)), len, Some(Arc::clone(self)))
    }

    fn put(&self, memory: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() == self.most && self.most > 0 {
            free.remove(0);
        }
        if free.len() < self.most {
            free.push(memory);
        }
    }
}

fn new_memory(len: usize) -> Vec<u8> {
    let mut memory = vec![0; len];
    ndfolio_store::large_pages(&mut memory);
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_comes_again() {
        let pool = Pool::new(1);
        let first = pool.take(1000, Buffers::Reused);
        let address = first.as_ptr().addr();
        assert_eq!((address % Buffer::ALIGNMENT, first.len()), (0, 1000));
        let other = pool.take(1000, Buffers::Reused);
        assert_ne!(other.as_ptr().addr(), address);
        drop(first);
        assert_eq!(pool.take(900, Buffers::Reused).as_ptr().addr(), address);
        assert_eq!(pool.take(10, Buffers::Reused).len(), 10);
        drop(other);
        assert!(pool.free.lock().unwrap().len() <= 1);
        drop(pool.take(1000, Buffers::Fresh));
        assert_eq!(pool.free.lock().unwrap().len(), 1);
    }
}
