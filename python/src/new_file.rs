//! Files that appear whole under their name, for what is saved from Python.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ndfolio::{Durability, Existing, Reserve};
use pyo3::{buffer::PyUntypedBuffer, exceptions::PyValueError, prelude::*};

use crate::{error::Raise, mapping::interruptibly};

/// A file in the making: written to at any place, and there under its name once `commit` is called. Nothing is left of
/// one that was not.
#[pyclass(frozen, name = "NewFile", module = "ndfolio._ndfolio")]
pub(crate) struct NewFile(Mutex<Option<ndfolio::NewFile>>);

#[pymethods]
impl NewFile {
    /// Begins a file that will be named `path`, in the place of one that is there.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let mut new = py.detach(|| ndfolio::NewFile::create(path, Existing::Replace)).raise()?;
        new.set_durability(Durability::Items);
        Ok(NewFile(Mutex::new(Some(new))))
    }

    /// Makes the file so long, and takes the space for it.
    fn reserve(&self, py: Python<'_>, len: u64) -> PyResult<()> {
        interruptibly(py, |stop| match &mut *self.lock() {
            Some(new) => new.reserve_until(len, Reserve::Space, stop).map(|()| true),
            None => Ok(false),
        })?
        .then_some(())
        .ok_or_else(gone)
    }

    /// Writes the bytes of any contiguous buffer at a place.
    fn write_at(&self, py: Python<'_>, place: u64, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let data = PyUntypedBuffer::get(data)?;
        if !data.is_c_contiguous() {
            return Err(PyValueError::new_err("only contiguous bytes can be written"));
        }
        let (address, len) = (data.buf_ptr().expose_provenance(), data.len_bytes());
        py.detach(|| {
            let bytes = std::ptr::with_exposed_provenance::<u8>(address);
            // SAFETY: the buffer is held during the call. The bytes go to a system call as they are, and nothing
            // here depends on what they are.
            let bytes = unsafe { std::slice::from_raw_parts(bytes, len) };
            let new = self.lock();
            open(&new)?.write_at(place, bytes).raise()
        })?;
        Ok(len)
    }

    /// Gives the file its name, when its bytes are on the disk.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.lock().take().map_or(Err(gone()), |new| new.commit().raise()))
    }

    /// Leaves nothing of the file.
    fn abort(&self, py: Python<'_>) {
        py.detach(|| drop(self.lock().take()));
    }
}

impl NewFile {
    fn lock(&self) -> MutexGuard<'_, Option<ndfolio::NewFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(new: &Option<ndfolio::NewFile>) -> PyResult<&ndfolio::NewFile> {
    new.as_ref().ok_or_else(gone)
}

fn gone() -> PyErr {
    PyValueError::new_err("the file is committed or given up already")
}
