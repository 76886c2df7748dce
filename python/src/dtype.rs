//! NumPy's dtypes and the library's, exchanged as text: `dtype.str`, or the `descr` list of records.

use ndfolio::{DType, LayoutError};
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyString, PyType},
};

use crate::error::of_layout;

/// The library's dtype of anything that `numpy.dtype` takes.
///
/// # Errors
/// What NumPy does not take; Python objects and strings of variable length.
pub(crate) fn from_python(given: &Bound<'_, PyAny>) -> PyResult<DType> {
    let dtype = numpy_dtype(given.py())?.call1((given,))?;
    from_text(&text_of(&dtype)?)
}

/// A dtype from NumPy's text.
pub(crate) fn from_text(text: &str) -> PyResult<DType> {
    text.parse().map_err(|error: LayoutError| of_layout(&error, error.to_string()))
}

/// The text that both sides read.
fn text_of(dtype: &Bound<'_, PyAny>) -> PyResult<String> {
    if dtype.getattr("hasobject")?.is_truthy()? {
        let text = dtype.str()?.to_string();
        let error = LayoutError::Object { text };
        return Err(of_layout(&error, error.to_string()));
    }
    let subdtype = dtype.getattr("subdtype")?;
    if !subdtype.is_none() {
        let (base, shape): (Bound<'_, PyAny>, Bound<'_, PyAny>) = subdtype.extract()?;
        let base = text_of(&base)?;
        // A text within a text has quotes; a list of fields has none.
        let base = if base.starts_with('[') { base } else { format!("'{base}'") };
        return Ok(format!("({base}, {})", shape.repr()?));
    }
    if dtype.getattr("names")?.is_none() {
        return dtype.getattr("str")?.extract();
    }
    Ok(dtype.getattr("descr")?.repr()?.to_string())
}

/// NumPy's dtype of one of the library's.
///
/// # Errors
/// Fields that overlap, which NumPy has no text for.
pub(crate) fn to_python<'py>(py: Python<'py>, dtype: &DType) -> PyResult<Bound<'py, PyAny>> {
    let text = dtype.to_string();
    match dtype {
        DType::Scalar(_) => numpy_dtype(py)?.call1((text,)),
        _ => {
            let descr = py.import("ast")?.call_method1("literal_eval", (PyString::new(py, &text),))?;
            py.import("numpy.lib.format")?.call_method1("descr_to_dtype", (descr,))
        }
    }
}

fn numpy_dtype(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "numpy", "dtype")
}
