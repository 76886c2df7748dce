//! Items and blocks, in and out.

use std::io;

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};
use ndfolio_engine::{Run, assign, fill, read, read_item, settle, write};
use ndfolio_format::npy;
use ndfolio_kernel::{Caster, Casting, Element, swap_bytes, to_native};
use ndfolio_layout::{DType, LayoutError, Order, Selection, Value};
use ndfolio_store::Mode;

use crate::{Array, Error, Result, error::At, sums::Writing};

impl Array {
    /// One item. Negative indices count from the end.
    ///
    /// Cost: one read of its bytes.
    ///
    /// # Errors
    /// An index outside of its axis, or another number of them than axes; what the file reports.
    pub fn get(&self, indices: &[i64]) -> Result<Value> {
        let offset = self.source.view.position(indices).at(self.place())?;
        let mut item = vec![0; self.itemsize()];
        read_item(self.file(), offset, &mut item).at(self.place())?;
        Ok(Value::decode(self.dtype(), &item))
    }

    /// Writes one item to the file (in mode `c`: to this process's copy of it).
    ///
    /// # Errors
    /// As [`Array::get`]; a value that the dtype cannot hold; an array that is open for reading only.
    pub fn set(&self, indices: &[i64], value: impl Into<Value>) -> Result<()> {
        let offset = self.source.view.position(indices).at(self.place())?;
        let item = self.encode(&value.into())?;
        let place = offset..offset + item.len() as u64;
        let _writing = self.origin.keeper.before(&self.source.file, [place].into_iter(), &Run::default())?;
        Ok(self.file().write_at(offset, &item)?)
    }

    fn encode(&self, value: &Value) -> Result<Vec<u8>> {
        let mut item = vec![0; self.itemsize()];
        value.encode(self.dtype(), &mut item).at(self.place())?;
        Ok(item)
    }

    /// Reads a selection into memory: unaligned and foreign-endian items come out right.
    ///
    /// Cost: the memory of the result, and one read for each contiguous run of the selection (runs less than a
    /// page apart are one).
    ///
    /// # Errors
    /// [`Error::DType`] if the items are not of type `T`; a selection that the array does not have; what the
    /// file reports.
    pub fn read<T: Element>(&self, selection: impl Into<Selection>) -> Result<ArrayD<T>> {
        let part = self.slice(selection)?;
        part.expect_kind::<T>()?;
        let mut bytes = part.bytes()?;
        to_native(&mut bytes, part.dtype());
        Ok(part.to_ndarray(&bytes))
    }

    /// Reads a selection and casts its items, as NumPy's `astype`.
    ///
    /// # Errors
    /// As [`Array::read`]; a cast that `casting` forbids.
    pub fn read_as<T: Element>(
        &self,
        selection: impl Into<Selection>,
        casting: Casting,
    ) -> Result<ArrayD<T>> {
        let part = self.slice(selection)?;
        let caster = Caster::new(part.dtype(), &DType::native(T::KIND), casting).at(self.place())?;
        let mut bytes = part.bytes()?;
        let mut cast = vec![0; part.size() * T::KIND.itemsize()];
        caster.apply(&mut bytes, &mut cast);
        Ok(part.to_ndarray(&cast))
    }

    /// Reads a selection as values, whatever the dtype: its shape, and its items in C order.
    ///
    /// # Errors
    /// A selection that the array does not have; what the file reports.
    pub fn read_values(&self, selection: impl Into<Selection>) -> Result<(Vec<usize>, Vec<Value>)> {
        let part = self.slice(selection)?;
        let bytes = part.bytes()?;
        let values = if part.itemsize() == 0 {
            vec![Value::decode(part.dtype(), &[]); part.size()]
        } else {
            bytes.chunks_exact(part.itemsize()).map(|item| Value::decode(part.dtype(), item)).collect()
        };
        Ok((part.shape().to_vec(), values))
    }

    /// Reads all items one after the other in C order, in pieces of about a megabyte.
    ///
    /// # Errors
    /// What the file reports, a cancelled run, and the first error of `each`, at which it stops.
    pub fn for_each<'r, E: From<Error>>(
        &self,
        run: impl Into<Run<'r>>,
        mut each: impl FnMut(Value) -> Result<(), E>,
    ) -> Result<(), E> {
        let itemsize = self.itemsize();
        if itemsize == 0 {
            return (0..self.size()).try_for_each(|_| each(Value::decode(self.dtype(), &[])));
        }
        self.for_each_piece(&run.into(), |bytes| {
            bytes.chunks_exact(itemsize).try_for_each(|item| each(Value::decode(self.dtype(), item)))
        })
    }

    /// Writes all items to a stream in C order, as their bytes are in the file.
    ///
    /// # Errors
    /// What the file reports, a cancelled run, and what the stream reports.
    pub fn write_raw<'r, E: From<Error> + From<io::Error>>(
        &self,
        out: &mut impl io::Write,
        run: impl Into<Run<'r>>,
    ) -> Result<(), E> {
        self.for_each_piece(&run.into(), |bytes| Ok(out.write_all(bytes)?))
    }

    /// Writes the array to a stream as a `.npy` file in C order.
    ///
    /// # Errors
    /// As [`Array::write_raw`]; a dtype that no `.npy` file can have.
    pub fn write_npy<'r, E: From<Error> + From<io::Error>>(
        &self,
        out: &mut impl io::Write,
        run: impl Into<Run<'r>>,
    ) -> Result<(), E> {
        let header = npy::header(self.dtype(), self.shape(), Order::C).at(self.place())?;
        out.write_all(&header)?;
        self.write_raw(out, run)
    }

    fn for_each_piece<E: From<Error>>(
        &self,
        run: &Run<'_>,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        const PIECE: usize = 1 << 20;
        let mut bytes = Vec::new();
        for tile in self.source.view.panels(PIECE) {
            run.go_on().at(self.place())?;
            bytes.resize(tile.view.nbytes(), 0);
            read(self.file(), &tile.view, &mut bytes).at(self.place())?;
            each(&bytes)?;
            run.done(bytes.len());
        }
        Ok(())
    }

    /// Reads the items' bytes as they are in the file, in C order.
    ///
    /// # Errors
    /// What the file reports.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.nbytes()];
        read(self.file(), &self.source.view, &mut bytes).at(self.place())?;
        Ok(bytes)
    }

    fn to_ndarray<T: Element>(&self, bytes: &[u8]) -> ArrayD<T> {
        let mut items = vec![T::default(); self.size()];
        T::load(bytes, &mut items);
        let shape = IxDyn(self.shape());
        ArrayD::from_shape_vec(shape.clone(), items).unwrap_or_else(|_| ArrayD::default(shape))
    }

    pub(crate) fn expect_kind<T: Element>(&self) -> Result<()> {
        if self.dtype().kind() == Some(T::KIND) {
            return Ok(());
        }
        let (expected, found) = (DType::native(T::KIND), self.dtype().clone());
        Err(Error::DType { path: self.place().to_owned(), expected, found })
    }

    /// Writes items to a selection, broadcast to its shape, in the file's byte order.
    ///
    /// Only the items' own bytes are written. Not atomic: who reads meanwhile sees some of the new items, and
    /// a failure in the middle leaves those that were written.
    ///
    /// # Errors
    /// [`Error::DType`] if the array's items are not of type `T`; shapes that do not broadcast; an array that
    /// is open for reading only; what the file reports.
    pub fn write<T, S, D>(&self, selection: impl Into<Selection>, items: &ArrayBase<S, D>) -> Result<()>
    where
        T: Element,
        S: Data<Elem = T>,
        D: Dimension,
    {
        let part = self.slice(selection)?;
        part.expect_kind::<T>()?;
        let mut bytes = vec![0; items.len() * T::KIND.itemsize()];
        match items.as_slice() {
            Some(contiguous) => T::store(contiguous, &mut bytes),
            None => {
                let places = bytes.chunks_exact_mut(T::KIND.itemsize());
                items.iter().zip(places).for_each(|(item, place)| T::store(&[*item], place));
            }
        }
        if let Some(scalar) = part.dtype().as_scalar() {
            swap_bytes(&mut bytes, scalar.foreign_width());
        }
        part.assign_bytes(&bytes, items.shape(), &Run::default())
    }

    /// Writes values of a shape, in C order, to the whole array, broadcast to its shape.
    ///
    /// # Errors
    /// A value that the dtype cannot hold; values that do not fit their shape, or shapes that do not
    /// broadcast; an array that is open for reading only; what the file reports.
    pub fn assign<'r>(&self, shape: &[usize], values: &[Value], run: impl Into<Run<'r>>) -> Result<()> {
        if shape.iter().try_fold(1_usize, |n, &extent| n.checked_mul(extent)) != Some(values.len()) {
            let size_error = LayoutError::ReshapeSize { size: values.len(), shape: format!("{shape:?}") };
            return Err(size_error).at(self.place());
        }
        let mut bytes = Vec::with_capacity(values.len() * self.itemsize());
        for value in values {
            bytes.extend(self.encode(value)?);
        }
        self.assign_bytes(&bytes, shape, &run.into())
    }

    fn assign_bytes(&self, bytes: &[u8], shape: &[usize], run: &Run<'_>) -> Result<()> {
        self.check_writable()?;
        let _writing = self.before_writing(run)?;
        if shape == self.shape() {
            return write(self.file(), &self.source.view, bytes).at(self.place());
        }
        assign(self.file(), &self.source.view, (bytes, shape), run).at(self.place())
    }

    /// An array whose items repeat has fewer places than items, and one that is read-only none at all; both
    /// are found before anything is written.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.file().write_at(0, &[])?;
        let view = &self.source.view;
        match view.shape().iter().zip(view.strides()).position(|(n, stride)| *n > 1 && *stride == 0) {
            None => Ok(()),
            Some(axis) => {
                let reason = format!(
                    "its items repeat along axis {axis}, where it was broadcast; write to the array that was broadcast"
                );
                Err(Error::Usage { path: self.place().to_owned(), reason })
            }
        }
    }

    /// Writes one value to every item.
    ///
    /// # Errors
    /// A value that the dtype cannot hold; an array that is open for reading only; what the file reports.
    pub fn fill(&self, value: impl Into<Value>) -> Result<()> {
        self.fill_run(value, Run::default())
    }

    /// [`Array::fill`] that can be watched and cancelled.
    ///
    /// # Errors
    /// As [`Array::fill`]; what was filled before it was cancelled stays.
    pub fn fill_run<'r>(&self, value: impl Into<Value>, run: impl Into<Run<'r>>) -> Result<()> {
        let item = self.encode(&value.into())?;
        let run = run.into();
        self.check_writable()?;
        let _writing = self.before_writing(&run)?;
        fill(self.file(), &self.source.view, &item, &run).at(self.place())
    }

    /// Has the checksums beside the file, if there are any, know what will be written.
    pub(crate) fn before_writing(&self, run: &Run<'_>) -> Result<Writing<'_>> {
        let spans = self.source.view.spans().map(|span| span.offset..span.offset + span.len);
        self.origin.keeper.before(&self.source.file, spans, run)
    }

    /// Waits until everything that was written to the file is on stable storage. Then the checksums beside it, if
    /// there are any, are those of what was written.
    ///
    /// The first failure is final for this open file: the operating system tells of lost data once. Nothing
    /// to do in modes `r` and `c`.
    ///
    /// # Errors
    /// What the operating system reports; a file that was removed or replaced since it was opened.
    pub fn flush(&self) -> Result<()> {
        self.file().flush()?;
        self.origin.keeper.renew(self.path(), &Run::default())
    }

    /// [`Array::flush`] that can be watched and cancelled: what was written may or may not be on stable storage
    /// then.
    ///
    /// # Errors
    /// As [`Array::flush`]; a cancelled run.
    pub fn flush_run<'r>(&self, run: impl Into<Run<'r>>) -> Result<()> {
        let run = run.into();
        if self.mode() == Mode::ReadWrite {
            settle(self.file(), self.source.view.extent(), &run).at(self.place())?;
        }
        self.file().flush()?;
        self.origin.keeper.renew(self.path(), &run)
    }

    /// [`Array::flush`] for the bytes of this array alone: those between its first and its last.
    ///
    /// # Errors
    /// As [`Array::flush`].
    pub fn flush_range(&self) -> Result<()> {
        self.file().flush_range(self.source.view.extent())?;
        self.origin.keeper.renew(self.path(), &Run::default())
    }

    /// Flushes, and gives the file back; it is closed once no other array of it is left.
    ///
    /// # Errors
    /// As [`Array::flush`].
    pub fn close(self) -> Result<()> {
        let (origin, path) = (self.origin, self.source.file.path().to_owned());
        match std::sync::Arc::try_unwrap(self.source.file) {
            Ok(file) => file.close()?,
            Err(shared) => shared.flush()?,
        }
        origin.keeper.renew(&path, &Run::default())
    }
}
