//! Memory that NumPy uses without a copy: results, and files that are mapped.

use std::ffi::c_int;

use ndfolio::Mapped;
use pyo3::{exceptions::PyBufferError, ffi, prelude::*};

use crate::error::Raise;

/// Bytes that are kept as long as somebody uses them, given out through Python's buffer protocol.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Buffer {
    start: *mut u8,
    len: usize,
    access: Access,
    owner: Owner,
}

/// What who has the buffer may do.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    Read,
    Write,
}

enum Owner {
    /// Never touched again but through `start`, until it is dropped.
    Memory {
        _bytes: Vec<u8>,
    },
    /// As that; goes back to the loader that it is of.
    Batch {
        _bytes: ndfolio::feed::Buffer,
    },
    File(Mapped),
}

// SAFETY: the bytes belong to the buffer, which only hands out their address. Who stores through it does so under the
// rules of Python's buffers, from whatever thread; the mapping itself may go from thread to thread.
unsafe impl Send for Buffer {}
// SAFETY: as above; no method here writes to the bytes.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Of a result, which becomes writable memory.
    pub(crate) fn of_memory(mut bytes: Vec<u8>) -> Self {
        let (start, len) = (bytes.as_mut_ptr(), bytes.len());
        Buffer { start, len, access: Access::Write, owner: Owner::Memory { _bytes: bytes } }
    }

    /// Of a batch, which becomes writable memory.
    pub(crate) fn of_batch(mut bytes: ndfolio::feed::Buffer) -> Self {
        let (start, len) = (bytes.as_mut_ptr(), bytes.len());
        Buffer { start, len, access: Access::Write, owner: Owner::Batch { _bytes: bytes } }
    }

    /// Of a mapped file: writable if the file is.
    pub(crate) fn of_file(mapped: Mapped) -> Self {
        let (start, access) = match mapped.as_mut_ptr() {
            Some(start) => (start, Access::Write),
            None => (mapped.as_ptr().cast_mut(), Access::Read),
        };
        Buffer { start, len: mapped.len(), access, owner: Owner::File(mapped) }
    }
}

#[pymethods]
impl Buffer {
    /// Whether every access to a mapped file met the file as it was; raises `OSError` otherwise.
    fn check(&self) -> PyResult<()> {
        match &self.owner {
            Owner::File(mapped) => mapped.check().raise(),
            Owner::Memory { .. } | Owner::Batch { .. } => Ok(()),
        }
    }

    fn __len__(&self) -> usize {
        self.len
    }

    /// # Safety
    /// `view` is a `Py_buffer` that the caller may fill, as the interpreter sees to.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let readonly = c_int::from(this.access == Access::Read);
        // SAFETY: the caller gave a view to fill. The bytes are there as long as this object is, which the view keeps
        // alive; they are only said to be writable if they are.
        let failed = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), this.start.cast(), this.len as isize, readonly, flags)
        };
        if failed == 0 {
            return Ok(());
        }
        Err(PyErr::take(slf.py()).unwrap_or_else(|| PyBufferError::new_err("no such buffer")))
    }
}

/// What an array of the Python half is made of, so that it has Python's buffer protocol: what it has for NumPy without
/// a copy, which its method `_shared` says.
#[pyclass(subclass, frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Base;

#[pymethods]
impl Base {
    #[new]
    fn new() -> Self {
        Base
    }

    /// # Safety
    /// As [`Buffer::__getbuffer__`].
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let py = slf.py();
        let shared = slf.call_method0(pyo3::intern!(py, "_shared"))?;
        if shared.is_none() {
            let message = "its items are not in memory as they are; numpy.asarray computes or converts them";
            return Err(PyBufferError::new_err(message));
        }
        // SAFETY: the caller gave a view to fill, and NumPy's array fills it and is kept alive by it.
        if unsafe { ffi::PyObject_GetBuffer(shared.as_ptr(), view, flags) } == 0 {
            return Ok(());
        }
        Err(PyErr::take(py).unwrap_or_else(|| PyBufferError::new_err("no such buffer")))
    }
}
