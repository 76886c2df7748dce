//! The exception that a NumPy user expects, for each error of the library, with the library's words.

use ndfolio::{EngineError, Error, FormatError, KernelError, LayoutError, StoreError};
use pyo3::{
    exceptions::{
        PyIndexError, PyKeyboardInterrupt, PyMemoryError, PyOSError, PyOverflowError, PyRuntimeError,
        PyTypeError, PyValueError, PyZeroDivisionError,
    },
    prelude::*,
    sync::PyOnceLock,
    types::PyType,
};
use std::{io, path::Path};

/// Raises what a call of the library reports.
pub(crate) trait Raise<T> {
    /// The value, or the exception.
    fn raise(self) -> PyResult<T>;
}

impl<T, E: Into<Failure>> Raise<T> for Result<T, E> {
    fn raise(self) -> PyResult<T> {
        self.map_err(|error| match error.into() {
            Failure::Library(error) => exception(&error),
            Failure::Python(error) => error,
        })
    }
}

/// What can go wrong in a call of the library that calls Python meanwhile.
pub(crate) enum Failure {
    /// In the library.
    Library(Error),
    /// In Python.
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Library(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Library(error.into())
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Failure::Python(error)
    }
}

/// The exception of an error.
pub(crate) fn exception(error: &Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Store(error) => of_store(error, message),
        Error::Format { source, path } => of_format(source, path, message),
        Error::Layout { source, .. } => of_layout(source, message),
        Error::Kernel { source, .. } => of_kernel(source, message),
        Error::Engine { source, .. } => of_engine(source, message),
        Error::Expression(source) => of_engine(source, message),
        Error::DType { .. } => PyTypeError::new_err(message),
        Error::ChangedUnderLoader { path, .. } => os_error(Errno::Name("ESTALE"), path, message),
        Error::NoSums { sums, .. } => os_error(Errno::Name("ENOENT"), sums, message),
        _ => PyValueError::new_err(message),
    }
}

/// The exception of an error with a dtype, a shape or an index that belongs to no file.
pub(crate) fn of_layout(error: &LayoutError, message: String) -> PyErr {
    match error {
        LayoutError::DType { .. } => PyTypeError::new_err(message),
        LayoutError::Axis { .. } => axis_error(message),
        LayoutError::IndexOutOfBounds { .. }
        | LayoutError::IndexType { .. }
        | LayoutError::Indices { .. }
        | LayoutError::Mask { .. }
        | LayoutError::TooManyIndices { .. }
        | LayoutError::Window { .. }
        | LayoutError::TwoEllipses => PyIndexError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

fn of_engine(error: &EngineError, message: String) -> PyErr {
    match error {
        EngineError::Store(error) => of_store(error, message),
        EngineError::Layout(error) => of_layout(error, message),
        EngineError::Kernel(error) => of_kernel(error, message),
        EngineError::Budget { .. } => PyMemoryError::new_err(message),
        EngineError::Cancelled => PyKeyboardInterrupt::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

fn of_kernel(error: &KernelError, message: String) -> PyErr {
    match error {
        KernelError::Cast { .. }
        | KernelError::NoCast { .. }
        | KernelError::NoOperation { .. }
        | KernelError::NoSignature { .. }
        | KernelError::NoLiteral { .. }
        | KernelError::OperandCount { .. } => PyTypeError::new_err(message),
        KernelError::PythonInteger { .. } => PyOverflowError::new_err(message),
        KernelError::ZeroWeights => PyZeroDivisionError::new_err(message),
        KernelError::NoIdentity { .. }
        | KernelError::EmptySequence { .. }
        | KernelError::Quantile { .. }
        | KernelError::NoBins
        | KernelError::BinOrder { .. }
        | KernelError::BinRange { .. }
        | KernelError::BinsNotFinite { .. }
        | KernelError::TooManyBins { .. }
        | KernelError::NegativePower
        | KernelError::AllNan => PyValueError::new_err(message),
        // What remains is about the types of operands.
        _ => PyTypeError::new_err(message),
    }
}

fn of_format(error: &FormatError, path: &Path, message: String) -> PyErr {
    match error {
        FormatError::Io { source, .. } => os_error(Errno::of(source), path, message),
        FormatError::Layout { source, .. } | FormatError::Spec(source) => match source {
            LayoutError::DType { .. } => PyTypeError::new_err(message),
            _ => PyValueError::new_err(message),
        },
        _ => PyValueError::new_err(message),
    }
}

fn of_store(error: &StoreError, message: String) -> PyErr {
    let errno = match error {
        StoreError::NotFound { .. } => Errno::Name("ENOENT"),
        StoreError::PermissionDenied { source, .. }
        | StoreError::Unsupported { source, .. }
        | StoreError::NoLocks { source, .. }
        | StoreError::Io { source, .. } => Errno::of(source),
        StoreError::NotRegular { kind: "directory", .. } => Errno::Name("EISDIR"),
        StoreError::NotRegular { .. } => Errno::Name("EINVAL"),
        StoreError::AlreadyExists { .. } => Errno::Name("EEXIST"),
        StoreError::Replaced { .. } => Errno::Name("ESTALE"),
        StoreError::NoSpace { .. } => Errno::Name("ENOSPC"),
        StoreError::TooLarge { .. } => Errno::Name("EFBIG"),
        StoreError::TooManyMappings { .. } | StoreError::LockLimit { .. } => Errno::Name("ENOMEM"),
        StoreError::Locked { .. } => Errno::Name("EAGAIN"),
        StoreError::Truncated { .. } | StoreError::Poisoned { .. } => Errno::Name("EIO"),
        StoreError::CopyBudget { .. } | StoreError::Budget { .. } => return PyMemoryError::new_err(message),
        StoreError::Forked { .. } => return PyRuntimeError::new_err(message),
        _ => return PyValueError::new_err(message),
    };
    os_error(errno, error.path(), message)
}

/// A number of the operating system.
enum Errno {
    Number(i32),
    Name(&'static str),
}

impl Errno {
    fn of(error: &io::Error) -> Self {
        error.raw_os_error().map_or(Errno::Name("EIO"), Errno::Number)
    }

    fn number(&self, py: Python<'_>) -> PyResult<i32> {
        match self {
            Errno::Number(number) => Ok(*number),
            Errno::Name(name) => py.import("errno")?.getattr(*name)?.extract(),
        }
    }
}

/// `OSError(errno, message, filename)`, which Python makes a `FileNotFoundError` or the like. It shows the file name
/// itself, so the message begins behind it.
fn os_error(errno: Errno, path: &Path, message: String) -> PyErr {
    Python::attach(|py| {
        let name = path.to_string_lossy();
        let text = message.strip_prefix(&*name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message);
        match errno.number(py) {
            Ok(number) => PyOSError::new_err((number, text.to_owned(), path.as_os_str().to_owned())),
            Err(error) => error,
        }
    })
}

/// NumPy's own exception for axes, which is a `ValueError` and an `IndexError`.
fn axis_error(message: String) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    Python::attach(|py| match CLASS.import(py, "numpy.exceptions", "AxisError") {
        Ok(class) => PyErr::from_type(class.clone(), message),
        Err(error) => error,
    })
}
