//! The Python package's native half: `ndfolio._ndfolio`, a face of the `ndfolio` crate.

mod dtype;
mod error;
mod mapping;
mod new_file;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _ndfolio(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<mapping::Mapping>()?;
    module.add_class::<new_file::NewFile>()
}
