//! The Python package's native half: `ndfolio._ndfolio`, a face of the `ndfolio` crate.

mod dtype;
mod error;
mod gather;
mod lazy;
mod loader;
mod mapping;
mod memory;
mod new_file;
mod passes;
mod session;
mod storage;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _ndfolio(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<mapping::Mapping>()?;
    module.add_class::<new_file::NewFile>()?;
    add_lazy_face(module)
}

fn add_lazy_face(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<gather::Picks>()?;
    module.add_class::<lazy::Node>()?;
    module.add_class::<loader::Loader>()?;
    module.add_class::<memory::Base>()?;
    module.add_class::<memory::Buffer>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<storage::Appender>()?;
    module.add_function(wrap_pyfunction!(gather::sample_indices, module)?)?;
    module.add_function(wrap_pyfunction!(gather::shuffle, module)?)?;
    module.add_function(wrap_pyfunction!(session::size_text, module)?)?;
    module.add_function(wrap_pyfunction!(passes::open, module)?)?;
    module.add_function(wrap_pyfunction!(passes::open_view, module)?)?;
    module.add_function(wrap_pyfunction!(passes::create, module)?)?;
    module.add_function(wrap_pyfunction!(passes::compute, module)?)?;
    module.add_function(wrap_pyfunction!(passes::blocks, module)?)?;
    module.add_function(wrap_pyfunction!(passes::save, module)?)?;
    module.add_function(wrap_pyfunction!(passes::assign, module)?)?;
    module.add_function(wrap_pyfunction!(passes::explain, module)?)?;
    module.add_function(wrap_pyfunction!(passes::flush, module)?)?;
    module.add_function(wrap_pyfunction!(storage::append, module)?)?;
    module.add_function(wrap_pyfunction!(storage::refresh, module)?)?;
    module.add_function(wrap_pyfunction!(storage::resize, module)?)?;
    module.add_function(wrap_pyfunction!(storage::check, module)?)?;
    module.add_function(wrap_pyfunction!(storage::repair, module)?)?;
    module.add_function(wrap_pyfunction!(storage::checksum, module)?)?;
    module.add_function(wrap_pyfunction!(storage::checksum_path, module)?)?;
    module.add_function(wrap_pyfunction!(storage::verify, module)?)?;
    module.add_function(wrap_pyfunction!(storage::verify_path, module)?)?;
    module.add_function(wrap_pyfunction!(storage::describe, module)?)
}
