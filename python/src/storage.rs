//! Files that grow, and whether they are whole.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ndfolio::{
    AppendOptions, Checksums, Description, Io, Mean, Number, OpenOptions, Synced, Value, Verification,
    num_complex::Complex,
};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyComplex, PyDict},
};

use crate::{
    error::Raise,
    lazy::Node,
    passes::{changed, report_of},
    session::{Session, Task},
};

fn options(durability: &str, casting: &str, wait: f64) -> PyResult<AppendOptions> {
    let synced = match durability {
        "none" => Synced::None,
        "data" => Synced::Data,
        "commit" => Synced::Commit,
        _ => {
            let message = format!("durability must be 'none', 'data' or 'commit', got {durability:?}");
            return Err(PyValueError::new_err(message));
        }
    };
    let wait = Duration::try_from_secs_f64(wait)
        .map_err(|_| PyValueError::new_err("wait must be a number of seconds, 0 or more"))?;
    Ok(AppendOptions::new().durability(synced).casting(crate::lazy::casting_of(casting)?).wait(wait))
}

/// Appends rows to a file's array as one batch, and gives the array that has them.
#[pyfunction]
pub(crate) fn append(py: Python<'_>, node: &Node, rows: &Node, session: &Session) -> PyResult<Node> {
    let (task, rows) = (rows.task, rows.lazy());
    // A file of NumPy's is copied first.
    Ok(changed(py, (node, whole_file(node)?.and(task)), session, |array, session| {
        array.append_lazy(rows, session)
    })?
    .0)
}

/// The array with the rows that the file has now.
#[pyfunction]
pub(crate) fn refresh(py: Python<'_>, node: &Node, session: &Session) -> PyResult<Node> {
    Ok(changed(py, (node, node.task), session, |array, _| array.refresh())?.0)
}

/// The array with another number of rows.
#[pyfunction]
pub(crate) fn resize(py: Python<'_>, node: &Node, rows: usize, session: &Session) -> PyResult<Node> {
    let row: u64 = array_row(node)?;
    let task = Task { weight: node.task.weight.saturating_add(row.saturating_mul(rows as u64)), ..node.task };
    Ok(changed(py, (node, task), session, |array, session| array.resize(rows, session))?.0)
}

/// Bytes of a row.
fn array_row(node: &Node) -> PyResult<u64> {
    let array = node.file()?;
    let inner = array.shape().iter().skip(1);
    Ok(inner.fold(array.itemsize() as u64, |bytes, &n| bytes.saturating_mul(n as u64)))
}

/// A pass over all of the file, whatever part of it the array is.
fn whole_file(node: &Node) -> PyResult<Task> {
    Ok(Task { weight: node.file()?.file_size(), ..node.task })
}

/// Who appends to a file.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Appender {
    inner: Mutex<Option<ndfolio::Appender>>,
}

#[pymethods]
impl Appender {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, durability: &str, casting: &str, wait: f64) -> PyResult<Self> {
        let options = options(durability, casting, wait)?;
        let inner = py.detach(|| options.open(path)).raise()?;
        Ok(Appender { inner: Mutex::new(Some(inner)) })
    }

    fn append(&self, py: Python<'_>, rows: &Node, session: &Session) -> PyResult<()> {
        let lazy = rows.lazy();
        self.with(py, session, rows, |appender, session| appender.append_lazy(lazy, session))
    }

    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.open(ndfolio::Appender::commit))
    }

    fn rollback(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.open(ndfolio::Appender::rollback))
    }

    /// Commits and lets others append; nothing if that was done.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        inner.map_or(Ok(()), |appender| py.detach(|| appender.close()).raise())
    }

    #[getter]
    fn rows(&self, py: Python<'_>) -> PyResult<usize> {
        py.detach(|| self.open(|appender| Ok(appender.rows())))
    }

    #[getter]
    fn pending(&self, py: Python<'_>) -> PyResult<usize> {
        py.detach(|| self.open(|appender| Ok(appender.pending())))
    }
}

impl Appender {
    fn open<T>(&self, act: impl FnOnce(&mut ndfolio::Appender) -> ndfolio::Result<T>) -> PyResult<T> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.as_mut() {
            Some(appender) => act(appender).raise(),
            None => Err(PyValueError::new_err("the appender was closed; make another one")),
        }
    }

    fn with(
        &self,
        py: Python<'_>,
        session: &Session,
        rows: &Node,
        act: impl FnOnce(&mut ndfolio::Appender, &ndfolio::Session) -> ndfolio::Result<()> + Send,
    ) -> PyResult<()> {
        session.run(py, rows.task, |session| -> Result<(), PyErr> {
            self.open(|appender| act(appender, session))
        })
    }
}

/// Whether a file is whole.
#[pyfunction]
pub(crate) fn check(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let found = py.detach(|| ndfolio::check(path)).raise()?;
    let out = PyDict::new(py);
    out.set_item("file_size", found.file_size)?;
    out.set_item("problem", found.array.as_ref().err().map(ToString::to_string))?;
    out.set_item("trailing", found.trailing)?;
    let leftovers = found.leftovers.iter().filter(|one| !one.is_held).map(|one| one.path.clone());
    out.set_item("leftovers", leftovers.collect::<Vec<_>>())?;
    out.set_item("has_checksums", found.checksums.as_ref().is_ok_and(Option::is_some))?;
    out.set_item("checksums_problem", found.checksums.as_ref().err().map(ToString::to_string))?;
    Ok(out)
}

/// Mends what can be mended without losing anything.
#[pyfunction]
pub(crate) fn repair(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let done = py.detach(|| OpenOptions::new().repair(path)).raise()?;
    let out = PyDict::new(py);
    out.set_item("cut", done.cut)?;
    out.set_item("left", done.left)?;
    out.set_item("swept", done.swept)?;
    Ok(out)
}

/// Puts checksums beside an array's file.
#[pyfunction]
pub(crate) fn checksum<'py>(py: Python<'py>, node: &Node, session: &Session) -> PyResult<Bound<'py, PyDict>> {
    let array = node.file()?;
    let sums = session.run(py, whole_file(node)?, |session| array.checksum(session))?;
    sums_of(py, &sums)
}

/// Puts checksums beside the file of a name.
#[pyfunction]
pub(crate) fn checksum_path<'py>(
    py: Python<'py>,
    path: PathBuf,
    session: &Session,
) -> PyResult<Bound<'py, PyDict>> {
    let sums = session.run(py, file_of(&path), |session| ndfolio::checksum(&path, session))?;
    sums_of(py, &sums)
}

/// Compares an array's file with the checksums beside it.
#[pyfunction]
pub(crate) fn verify<'py>(py: Python<'py>, node: &Node, session: &Session) -> PyResult<Bound<'py, PyDict>> {
    let array = node.file()?;
    let found = session.run(py, whole_file(node)?, |session| array.verify(session))?;
    verification_of(py, &found)
}

/// Compares the file of a name with the checksums beside it; its header need not be readable.
#[pyfunction]
pub(crate) fn verify_path<'py>(
    py: Python<'py>,
    path: PathBuf,
    session: &Session,
) -> PyResult<Bound<'py, PyDict>> {
    let found = session.run(py, file_of(&path), |session| ndfolio::verify(&path, session))?;
    verification_of(py, &found)
}

/// A pass over a file that is not open; what is wrong with it comes out when it is opened.
fn file_of(path: &Path) -> Task {
    Task::new(std::fs::metadata(path).map_or(0, |metadata| metadata.len()), Io::Auto)
}

fn sums_of<'py>(py: Python<'py>, sums: &Checksums) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("path", &sums.path)?;
    out.set_item("blocks", sums.blocks)?;
    out.set_item("block_bytes", sums.block_bytes)?;
    out.set_item("covered", sums.covered)?;
    Ok(out)
}

fn verification_of<'py>(py: Python<'py>, found: &Verification) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("is_damaged", found.is_damaged())?;
    out.set_item("is_outdated", found.is_outdated())?;
    out.set_item("header_differs", found.header_differs)?;
    out.set_item("was_modified", found.was_modified)?;
    out.set_item("uncovered", found.uncovered)?;
    out.set_item("missing", found.missing)?;
    let damage = found.differing.iter().map(|one| {
        let rows = one.rows.as_ref().map(|(axis, rows)| (*axis, rows.start, rows.end));
        (one.bytes.start, one.bytes.end, rows)
    });
    out.set_item("damage", damage.collect::<Vec<_>>())?;
    Ok(out)
}

/// Counts, extremes, moments and, on request, exact quantiles and a histogram of a file's array, in few passes.
#[pyfunction]
pub(crate) fn describe<'py>(
    py: Python<'py>,
    node: &Node,
    quantiles: Vec<f64>,
    bins: Option<usize>,
    range: Option<(f64, f64)>,
    session: &Session,
) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let array = node.file()?;
    let described = session.run(py, node.task, |session| {
        let request = array.describe().quantiles(&quantiles).run(session);
        match bins {
            Some(bins) => request.histogram(bins, range).compute(),
            None => request.compute(),
        }
    })?;
    Ok((description(py, described.first())?, report_of(py, described.report())?))
}

fn description<'py>(py: Python<'py>, found: &Description) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let summary = &found.summary;
    out.set_item("count", summary.count)?;
    out.set_item("nan", summary.nan_count)?;
    out.set_item("positive_infinities", summary.positive_infinities)?;
    out.set_item("negative_infinities", summary.negative_infinities)?;
    out.set_item("zeros", summary.zeros)?;
    let value = |value: &Option<Value>| value.as_ref().map(|value| of_value(py, value)).transpose();
    out.set_item("min", value(&summary.min)?)?;
    out.set_item("max", value(&summary.max)?)?;
    let mean = summary.mean.as_ref().map(|mean| match mean {
        Mean::Number(number) => of_number(py, number),
        Mean::Time(time) => of_value(py, time),
    });
    out.set_item("mean", mean.transpose()?)?;
    out.set_item("std", summary.std)?;
    out.set_item("sum", summary.sum.as_ref().map(|number| of_number(py, number)).transpose()?)?;
    let quantiles = found.quantiles.iter().map(value).collect::<PyResult<Vec<_>>>()?;
    out.set_item("quantiles", quantiles)?;
    let histogram = found.histogram.as_ref().map(|counts| (counts.counts.clone(), counts.edges.clone()));
    out.set_item("histogram", histogram)?;
    Ok(out)
}

fn of_complex(py: Python<'_>, value: Complex<f64>) -> Py<PyAny> {
    PyComplex::from_doubles(py, value.re, value.im).into_any().unbind()
}

/// A value as Python has it; dates as text.
fn of_value(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Bool(truth) => truth.into_pyobject(py)?.to_owned().into_any().unbind(),
        Value::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::UInt(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::Complex64(number) => of_complex(py, Complex::new(number.re.into(), number.im.into())),
        Value::Complex128(number) => of_complex(py, *number),
        value => match value.as_f64() {
            Some(number) => number.into_pyobject(py)?.into_any().unbind(),
            None => value.to_string().into_pyobject(py)?.into_any().unbind(),
        },
    })
}

fn of_number(py: Python<'_>, number: &Number) -> PyResult<Py<PyAny>> {
    Ok(match number {
        Number::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
        Number::Float(number) => number.into_pyobject(py)?.into_any().unbind(),
        Number::Complex(number) => of_complex(py, *number),
    })
}
