//! Where indices come from: memory, a file, or a mask, whose places are found as they are asked for.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ndfolio_kernel::{Caster, Casting, to_native};
use ndfolio_layout::{DType, Kind, LayoutError, View};

use crate::{EngineError, Run, Source, fetch};

/// Indices, in C order, of an array that need not be in memory.
pub trait Indices: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Those from `from` on, as many as `out` has.
    ///
    /// # Errors
    /// What their file reports.
    fn read(&self, from: usize, out: &mut [i64]) -> Result<(), EngineError>;
}

impl Indices for &[i64] {
    fn count(&self) -> usize {
        self.len()
    }

    fn read(&self, from: usize, out: &mut [i64]) -> Result<(), EngineError> {
        out.copy_from_slice(&self[from..from + out.len()]);
        Ok(())
    }
}

/// The indices 0, 1, 2, …
#[derive(Clone, Copy, Debug)]
pub struct Counted(pub usize);

impl Indices for Counted {
    fn count(&self) -> usize {
        self.0
    }

    fn read(&self, from: usize, out: &mut [i64]) -> Result<(), EngineError> {
        out.iter_mut().zip(from as i64..).for_each(|(place, index)| *place = index);
        Ok(())
    }
}

/// Integers in a file.
#[derive(Debug)]
pub struct IndexFile {
    source: Source,
    /// The same items as one axis, where strides can say that.
    flat: Option<View>,
}

impl IndexFile {
    /// The integers of an array, whatever their dtype.
    ///
    /// # Errors
    /// [`LayoutError::IndexType`] for items that are no integers.
    pub fn new(source: Source) -> Result<Self, EngineError> {
        let dtype = source.view.dtype();
        let is_integer = dtype.kind().is_some_and(Kind::is_integer);
        if !is_integer {
            return Err(LayoutError::IndexType { dtype: dtype.to_string() }.into());
        }
        let flat = source.view.reshape(&[-1], ndfolio_layout::Order::C).ok();
        Ok(IndexFile { source, flat })
    }

    fn read_bytes(&self, range: Range<usize>, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let itemsize = self.source.view.itemsize();
        out.resize(range.len() * itemsize, 0);
        if let Some(flat) = &self.flat {
            let part = View::strided(
                flat.dtype(),
                &[range.len()],
                flat.strides(),
                flat.offset().wrapping_add_signed(range.start as i64 * flat.strides()[0] as i64),
            )?;
            return fetch::read(&self.source.file, &part, out);
        }
        let shape = self.source.view.shape();
        for (number, place) in range.zip(out.chunks_exact_mut(itemsize)) {
            let mut rest = number;
            let mut at = vec![0; shape.len()];
            for axis in (0..shape.len()).rev() {
                at[axis] = (rest % shape[axis]) as i64;
                rest /= shape[axis];
            }
            fetch::read_item(&self.source.file, self.source.view.position(&at)?, place)?;
        }
        Ok(())
    }
}

impl Indices for IndexFile {
    fn count(&self) -> usize {
        self.source.view.size()
    }

    fn read(&self, from: usize, out: &mut [i64]) -> Result<(), EngineError> {
        if out.is_empty() {
            return Ok(());
        }
        let dtype = self.source.view.dtype();
        let mut bytes = Vec::new();
        self.read_bytes(from..from + out.len(), &mut bytes)?;
        if dtype.kind() == Some(Kind::UInt64) {
            to_native(&mut bytes, dtype);
            for (place, item) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *place = index_of_u64(u64::from_ne_bytes(*item))?;
            }
            return Ok(());
        }
        let caster = Caster::new(dtype, &DType::native(Kind::Int64), Casting::Safe)?;
        let mut wide = vec![0; out.len() * 8];
        caster.apply(&mut bytes, &mut wide);
        for (place, item) in out.iter_mut().zip(wide.as_chunks::<8>().0) {
            *place = i64::from_ne_bytes(*item);
        }
        Ok(())
    }
}

/// An index that no axis has, if it is that large.
fn index_of_u64(index: u64) -> Result<i64, EngineError> {
    i64::try_from(index).map_err(|_| {
        let reason = "no axis has so many items".to_owned();
        LayoutError::Value { value: index.to_string(), dtype: "an index".to_owned(), reason }.into()
    })
}

/// Truth values, a byte each, in C order.
pub trait MaskBytes: Sync {
    /// Those from `from` on.
    ///
    /// # Errors
    /// What their file reports.
    fn read(&self, from: usize, out: &mut [u8]) -> Result<(), EngineError>;
}

impl MaskBytes for &[u8] {
    fn read(&self, from: usize, out: &mut [u8]) -> Result<(), EngineError> {
        out.copy_from_slice(&self[from..from + out.len()]);
        Ok(())
    }
}

/// A mask in a file, contiguous in C order.
#[derive(Debug)]
pub struct MaskFile(pub Source);

impl MaskBytes for MaskFile {
    fn read(&self, from: usize, out: &mut [u8]) -> Result<(), EngineError> {
        Ok(self.0.file.read_at(self.0.view.offset() + from as u64, out)?)
    }
}

/// The places at which a mask is true.
pub struct Mask<B> {
    bytes: B,
    len: usize,
    /// How many places are true before each block, and in the end in all.
    before: Vec<usize>,
    /// The block that was looked at last.
    last: Mutex<(usize, Vec<u8>)>,
}

impl<B: MaskBytes> Mask<B> {
    /// Truth values that are counted at once.
    const BLOCK: usize = 1 << 16;

    /// Counts the true ones of `len` values.
    ///
    /// # Errors
    /// What their file reports; a cancelled run.
    pub fn new(bytes: B, len: usize, run: &Run<'_>) -> Result<Self, EngineError> {
        let (mut before, mut block, mut count) = (vec![0], Vec::new(), 0);
        for from in (0..len).step_by(Self::BLOCK) {
            run.go_on()?;
            block.resize(Self::BLOCK.min(len - from), 0);
            bytes.read(from, &mut block)?;
            count += block.iter().filter(|&&value| value != 0).count();
            before.push(count);
        }
        Ok(Mask { bytes, len, before, last: Mutex::new((usize::MAX, Vec::new())) })
    }

    fn block(&self, number: usize) -> Result<MutexGuard<'_, (usize, Vec<u8>)>, EngineError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != number {
            let from = number * Self::BLOCK;
            last.0 = usize::MAX;
            last.1.resize(Self::BLOCK.min(self.len - from), 0);
            self.bytes.read(from, &mut last.1)?;
            last.0 = number;
        }
        Ok(last)
    }
}

impl<B: MaskBytes> Indices for Mask<B> {
    fn count(&self) -> usize {
        self.before.last().copied().unwrap_or(0)
    }

    fn read(&self, from: usize, mut out: &mut [i64]) -> Result<(), EngineError> {
        let mut at = from;
        while !out.is_empty() {
            let number = self.before.partition_point(|&before| before <= at) - 1;
            let block = self.block(number)?;
            let wanted = at - self.before[number];
            let found = block.1.iter().enumerate().filter(|(_, value)| **value != 0).skip(wanted);
            let mut taken = 0;
            for (place, (index, _)) in out.iter_mut().zip(found) {
                *place = (number * Self::BLOCK + index) as i64;
                taken += 1;
            }
            // A mask in a file that somebody changes meanwhile.
            if taken == 0 {
                return Err(LayoutError::IndexType { dtype: "a mask that changes".to_owned() }.into());
            }
            (at, out) = (at + taken, &mut out[taken..]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_mask() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|i| u8::from(i % 7 == 3 || i == 199_999)).collect();
        let mask = Mask::new(&bytes[..], bytes.len(), &Run::default()).unwrap();
        let wanted: Vec<i64> = (0..bytes.len()).filter(|&i| bytes[i] != 0).map(|i| i as i64).collect();
        assert_eq!(mask.count(), wanted.len());
        for (from, count) in [(0, 5), (9000, 9000), (0, wanted.len()), (wanted.len() - 1, 1)] {
            let mut found = vec![0; count];
            mask.read(from, &mut found).unwrap();
            assert_eq!(found, wanted[from..from + count]);
        }
    }
}
