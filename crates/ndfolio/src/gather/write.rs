//! Items written to the places that indices pick: `put`, `x[idx] = y`, `x[mask] = y`.

use ndarray::{ArrayBase, Data, Dimension};
use ndfolio_engine::{EngineError, Given, Repeated, Run, scatter};
use ndfolio_kernel::{Caster, Casting, Element, swap_bytes};
use ndfolio_layout::{IndexMode, Order, Value, View};

use super::{Indices, Picks};
use crate::{Array, Error, Result, error::At};

/// Items of a shape that is broadcast to another.
struct Spread<'v> {
    items: &'v [u8],
    view: View,
}

impl Given for Spread<'_> {
    fn read(&self, from: usize, out: &mut [u8]) {
        let (shape, strides, size) = (self.view.shape(), self.view.strides(), self.view.itemsize());
        for (number, place) in (from..).zip(out.chunks_exact_mut(size)) {
            let (mut rest, mut at) = (number, 0);
            for axis in (0..shape.len()).rev() {
                at += rest % shape[axis] * strides[axis] as usize;
                rest /= shape[axis];
            }
            place.copy_from_slice(&self.items[at..at + size]);
        }
    }
}

impl Array {
    /// NumPy's `put`: writes items to the places of these indices among all items in C order. Items are repeated if
    /// there are fewer than indices; of a place that is named several times, the last item stays.
    ///
    /// # Errors
    /// As [`Picks::write`].
    pub fn put<'a, T: Element>(
        &'a self,
        indices: impl Into<Indices<'a>>,
        items: &[T],
        mode: IndexMode,
    ) -> Result<()> {
        let picks = self.take(indices, None)?.mode(mode);
        let mut bytes = vec![0; size_of_val(items)];
        T::store(items, &mut bytes);
        self.expect_kind::<T>()?;
        picks.swap(&mut bytes);
        if items.is_empty() {
            return Ok(());
        }
        picks.scatter(&Repeated { items: &bytes, itemsize: self.itemsize() }, &picks.run)
    }
}

impl Picks<'_> {
    /// Writes items to the places that are picked, broadcast to their shape: NumPy's `x[idx] = items`.
    ///
    /// Writes are in the order of the file, whatever that of the indices; of a place that is picked several times, the
    /// last item stays. All indices are looked at before anything is written. Checksums beside the file follow, as
    /// with [`Array::write`]. Not atomic: a failure in the middle leaves what was written.
    ///
    /// # Errors
    /// An index outside of its axis, with both; [`Error::DType`] if the array's items are not of type `T`; shapes that
    /// do not broadcast; windows, which may overlap; an array that is open for reading only; what the file reports; a
    /// cancelled run.
    pub fn write<T: Element, S: Data<Elem = T>, D: Dimension>(&self, items: &ArrayBase<S, D>) -> Result<()> {
        self.array.expect_kind::<T>()?;
        let values: Vec<T> = items.iter().copied().collect();
        let mut bytes = vec![0; size_of_val(&values[..])];
        T::store(&values, &mut bytes);
        self.swap(&mut bytes);
        self.write_bytes(items.shape(), &bytes)
    }

    /// Writes the items of another array, broadcast to the shape of the picks and cast to this array's dtype. They are
    /// read to memory first, so they may be this file's own.
    ///
    /// # Errors
    /// As [`write`](Self::write); a cast that `casting` forbids; items that need more than half of `budget` bytes of
    /// memory, with the way out.
    pub fn write_array(&self, items: &Array, casting: Casting, budget: usize) -> Result<()> {
        let (from, to) = (items.dtype(), self.array.dtype());
        let caster = Caster::new(from, to, casting).at(self.array.place())?;
        let needed = items.size().saturating_mul(from.itemsize() + to.itemsize());
        if needed > budget / 2 {
            let error = EngineError::Budget {
                what: "the items that are written, with their cast and as much again for the pass,",
                needed: 2 * needed as u64,
                budget: budget as u64,
                way: "write fewer rows at a time, or give it more memory",
            };
            return Err(error).at(items.place());
        }
        let mut bytes = items.bytes()?;
        let mut cast = vec![0; items.size() * to.itemsize()];
        caster.apply(&mut bytes, &mut cast);
        drop(bytes);
        self.write_within(items.shape(), &cast, &self.run.memory(budget - cast.len()))
    }

    /// Writes one value to all places that are picked: `x[mask] = 0`.
    ///
    /// # Errors
    /// As [`write`](Self::write); a value that the dtype cannot hold.
    pub fn fill(&self, value: impl Into<Value>) -> Result<()> {
        let mut item = vec![0; self.array.itemsize()];
        value.into().encode(self.array.dtype(), &mut item).at(self.array.place())?;
        self.scatter(&Repeated { items: &item, itemsize: item.len() }, &self.run)
    }

    /// [`write`](Self::write) of items of this shape whose bytes, in C order, are those of the file's dtype.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # Panics
    /// If there are more or fewer bytes than the shape says.
    pub fn write_bytes(&self, shape: &[usize], bytes: &[u8]) -> Result<()> {
        self.write_within(shape, bytes, &self.run)
    }

    fn write_within(&self, shape: &[usize], bytes: &[u8], run: &Run<'_>) -> Result<()> {
        let place = self.array.place();
        let memory = View::contiguous(self.array.dtype(), shape, Order::C, 0).at(place)?;
        assert_eq!(memory.nbytes(), bytes.len(), "items of another shape");
        // As in NumPy, axes of one before the others are no axes.
        let spare = shape.len().saturating_sub(self.shape().len());
        let leading = shape[..spare].iter().all(|&n| n == 1);
        let memory = if leading {
            View::contiguous(self.array.dtype(), &shape[spare..], Order::C, 0).at(place)?
        } else {
            memory
        };
        let view = memory.broadcast_to(&self.shape()).at(place)?;
        // Items that are repeated as a whole need no search for each.
        let own = view.ndim() - memory.ndim()..view.ndim();
        let inner = own.clone().find(|&axis| view.strides()[axis] != 0 || view.shape()[axis] == 1);
        let inner = inner.unwrap_or(own.end);
        let is_whole = view.strides()[inner..] == memory.strides()[memory.ndim() - (view.ndim() - inner)..]
            && view.shape()[inner..] == memory.shape()[memory.ndim() - (view.ndim() - inner)..];
        if is_whole {
            return self.scatter(&Repeated { items: bytes, itemsize: self.array.itemsize() }, run);
        }
        self.scatter(&Spread { items: bytes, view }, run)
    }

    /// Items of this machine's byte order become those of the file.
    fn swap(&self, bytes: &mut [u8]) {
        if let Some(scalar) = self.array.dtype().as_scalar() {
            swap_bytes(bytes, scalar.foreign_width());
        }
    }

    fn scatter(&self, given: &dyn Given, run: &Run<'_>) -> Result<()> {
        let array = self.array;
        array.check_writable()?;
        if self.overlaps {
            let reason =
                "windows may overlap, so nothing says which of two items stays; write them one by one";
            return Err(Error::Usage { path: array.place().to_owned(), reason: reason.to_owned() });
        }
        let mut failed = None;
        let mut around = |bytes: &[std::ops::Range<u64>],
                          write: &mut dyn FnMut() -> Result<(), EngineError>| {
            match array.origin.keeper.before(&array.source.file, bytes.iter().cloned(), run) {
                Ok(_writing) => write(),
                Err(error) => {
                    failed = Some(error);
                    Err(EngineError::Cancelled)
                }
            }
        };
        let result =
            self.with(|what| Ok(scatter(what, array.file(), given, &mut around, run).at(array.place())));
        match failed {
            Some(error) => Err(error),
            None => result?.map(|_| ()),
        }
    }
}
