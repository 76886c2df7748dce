//! Items that arrays of indices pick from a file's array.

use std::path::PathBuf;

use ndfolio::{
    Array, Casting, CreateOptions, DType, Error, Existing, IndexMode, Indices, Lazy, Plan, Report,
};
use pyo3::{
    buffer::PyBuffer,
    exceptions::{PyIndexError, PyValueError},
    prelude::*,
    types::PyDict,
    types::PyTuple,
};

use crate::{
    dtype,
    error::Raise,
    lazy::{Node, casting_of},
    memory::Buffer,
    passes::{plan_text, reopened, report_of},
    session::{Session, Task},
};

/// Bytes that the system reads for a place of the file, however little is wanted of it.
const PAGE: u64 = 4096;

/// Items of a file's array that indices pick. Nothing is read by making one but masks in files, which are counted.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Picks {
    array: Array,
    way: Way,
    mode: IndexMode,
    shape: Vec<usize>,
    task: Task,
}

enum Way {
    Take(Held, Option<isize>),
    Compress(Held, Option<isize>),
    Gather(Vec<Option<Held>>),
    Along(Held, isize),
    Windows(Held, usize),
}

/// An array of indices or a mask, which nobody changes.
struct Held {
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    Indices(Vec<i64>),
    Mask(Vec<u8>),
    File(Array),
}

impl<'py> FromPyObject<'_, 'py> for Held {
    type Error = PyErr;

    /// A node of a file, or items along one axis with their shape: of 64 bits if they are indices, of 8 if they are a
    /// mask.
    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(node) = given.cast::<Node>() {
            let array = node.get().file()?.clone();
            return Ok(Held { shape: array.shape().to_vec(), values: Values::File(array) });
        }
        let (items, shape): (Bound<'py, PyAny>, Vec<usize>) = given.extract()?;
        let py = given.py();
        let values = match PyBuffer::<i64>::get(&items) {
            Ok(items) => Values::Indices(items.to_vec(py)?),
            Err(_) => Values::Mask(PyBuffer::<u8>::get(&items)?.to_vec(py)?),
        };
        let count = match &values {
            Values::Indices(items) => items.len(),
            Values::Mask(items) => items.len(),
            Values::File(array) => array.size(),
        };
        if count != shape.iter().product::<usize>() {
            return Err(PyValueError::new_err(format!("{count} indices of shape {shape:?}")));
        }
        Ok(Held { shape, values })
    }
}

impl Held {
    fn indices(&self) -> Indices<'_> {
        match &self.values {
            Values::Indices(values) => Indices::of_shape(&self.shape, values),
            Values::Mask(bytes) => Indices::mask_bytes(&self.shape, bytes),
            Values::File(array) => Indices::from(array),
        }
    }
}

fn mode_of(name: &str) -> PyResult<IndexMode> {
    match name {
        "raise" => Ok(IndexMode::Raise),
        "wrap" => Ok(IndexMode::Wrap),
        "clip" => Ok(IndexMode::Clip),
        _ => Err(PyValueError::new_err(format!(
            "clipmode must be one of 'clip', 'raise', or 'wrap' (got {name:?})"
        ))),
    }
}

fn picks<'a>(array: &'a Array, way: &'a Way, mode: IndexMode) -> ndfolio::Result<ndfolio::Picks<'a>> {
    let found = match way {
        Way::Take(held, axis) => array.take(held.indices(), *axis)?,
        Way::Compress(held, axis) => array.compress(held.indices(), *axis)?,
        Way::Gather(held) => array.gather(held.iter().map(|one| one.as_ref().map(Held::indices)))?,
        Way::Along(held, axis) => array.take_along_axis(held.indices(), *axis)?,
        Way::Windows(held, length) => array.windows(held.indices(), *length)?,
    };
    Ok(found.mode(mode))
}

impl Picks {
    fn new(py: Python<'_>, node: &Node, way: Way, mode: &str) -> PyResult<Self> {
        let (array, mode) = (node.file()?.clone(), mode_of(mode)?);
        let found = || {
            let picks = picks(&array, &way, mode)?;
            Ok::<_, Error>((picks.shape(), picks.nbytes() as u64, picks.places() as u64))
        };
        let (shape, nbytes, places) = py.detach(found).raise()?;
        // Each place can be in a page of its own.
        let weight = nbytes.max(places.saturating_mul(PAGE).min(array.nbytes() as u64));
        let task = Task { results: nbytes, ..Task::new(weight, node.task.io) };
        Ok(Picks { array, way, mode, shape, task })
    }

    fn picks(&self) -> ndfolio::Result<ndfolio::Picks<'_>> {
        picks(&self.array, &self.way, self.mode)
    }

    /// The items, cast to a dtype for which the caller has asked NumPy whether that may be.
    fn items(&self, py: Python<'_>, dtype: &DType, session: &Session) -> PyResult<(Vec<u8>, Report)> {
        let (found, report) =
            self.run(py, session, self.task, |picks, _| picks.compute_as(dtype, Casting::Unsafe))?;
        Ok((found.into_bytes(), report))
    }

    /// Runs something with the picks.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        session: &Session,
        task: Task,
        work: impl FnOnce(&ndfolio::Picks<'_>, &ndfolio::Session) -> Result<T, Error> + Send,
    ) -> PyResult<(T, Report)> {
        let plan = |session: &ndfolio::Session| self.picks().ok()?.run(session).plan().ok();
        session.run_reported(py, task, plan, |session| work(&self.picks()?.run(session), session))
    }
}

#[pymethods]
impl Picks {
    #[staticmethod]
    fn take(py: Python<'_>, node: &Node, indices: Held, axis: Option<isize>, mode: &str) -> PyResult<Self> {
        Picks::new(py, node, Way::Take(indices, axis), mode)
    }

    #[staticmethod]
    fn compress(py: Python<'_>, node: &Node, mask: Held, axis: Option<isize>) -> PyResult<Self> {
        Picks::new(py, node, Way::Compress(mask, axis), "raise")
    }

    /// NumPy's indexing with arrays and masks; `None` for an axis that stays.
    #[staticmethod]
    fn gather(py: Python<'_>, node: &Node, indices: Vec<Option<Held>>) -> PyResult<Self> {
        Picks::new(py, node, Way::Gather(indices), "raise")
    }

    /// Rows, by indices that are looked at now.
    #[staticmethod]
    fn rows(py: Python<'_>, node: &Node, indices: Held) -> PyResult<Self> {
        let size = node.file()?.shape().first().map_or(0, |&rows| rows as i64);
        if let Values::Indices(values) = &indices.values
            && let Some(bad) = values.iter().find(|&&index| index < -size || index >= size)
        {
            let message = format!("index {bad} is out of bounds for axis 0 with size {size}");
            return Err(PyIndexError::new_err(message));
        }
        Picks::new(py, node, Way::Gather(vec![Some(indices)]), "raise")
    }

    #[staticmethod]
    fn along(py: Python<'_>, node: &Node, indices: Held, axis: isize) -> PyResult<Self> {
        Picks::new(py, node, Way::Along(indices, axis), "raise")
    }

    #[staticmethod]
    fn windows(py: Python<'_>, node: &Node, starts: Held, length: usize) -> PyResult<Self> {
        Picks::new(py, node, Way::Windows(starts, length), "raise")
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    /// The items in memory as items of `dtype`, and what the pass did.
    fn compute<'py>(
        &self,
        py: Python<'py>,
        dtype: &Bound<'py, PyAny>,
        session: &Session,
    ) -> PyResult<(Buffer, Bound<'py, PyDict>)> {
        let (found, report) = self.items(py, &dtype::from_python(dtype)?, session)?;
        Ok((Buffer::of_memory(found), report_of(py, &report)?))
    }

    /// The items as an array in memory that others can be made of; `dtype` is one of this machine's byte order.
    fn node<'py>(
        &self,
        py: Python<'py>,
        dtype: &Bound<'py, PyAny>,
        session: &Session,
    ) -> PyResult<(Node, Bound<'py, PyDict>)> {
        let dtype = dtype::from_python(dtype)?;
        let (found, report) = self.items(py, &dtype, session)?;
        let lazy = Lazy::from_bytes(&dtype, &self.shape, found);
        Ok((Node::of_lazy(lazy, &[])?, report_of(py, &report)?))
    }

    /// Writes the items to a new file, whatever their size, and opens that.
    #[pyo3(signature = (path, dtype, casting, overwrite, session))]
    fn save<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        dtype: Option<&Bound<'py, PyAny>>,
        casting: &str,
        overwrite: bool,
        session: &Session,
    ) -> PyResult<(Node, Bound<'py, PyDict>)> {
        let dtype = dtype.map_or_else(|| Ok(self.array.dtype().clone()), dtype::from_python)?;
        let mut options = CreateOptions::new(dtype, &self.shape);
        if overwrite {
            options = options.existing(Existing::Replace);
        }
        let casting = casting_of(casting)?;
        // The result is not in memory.
        let task = Task { results: 0, ..self.task };
        let (array, report) =
            self.run(py, session, task, |picks, _| reopened(picks.save(&options, &path, casting)?, &path))?;
        Ok((Node::of_file(array, ndfolio::Io::Auto), report_of(py, &report)?))
    }

    /// Writes items of this shape, whose bytes are those of the file's dtype, to the places.
    fn write<'py>(
        &self,
        py: Python<'py>,
        items: PyBuffer<u8>,
        shape: Vec<usize>,
        session: &Session,
    ) -> PyResult<Bound<'py, PyDict>> {
        let items = items.to_vec(py)?;
        let ((), report) = self.run(py, session, self.task, |picks, _| picks.write_bytes(&shape, &items))?;
        report_of(py, &report)
    }

    /// What reading the items into memory would do, as text.
    fn explain(&self, py: Python<'_>, session: &Session) -> PyResult<String> {
        let quick = Task { weight: 0, ..self.task };
        let (plan, _): (Plan, _) = self.run(py, session, quick, |picks, _| picks.plan())?;
        Ok(plan_text(&plan))
    }
}

/// `count` different numbers below `size` in random order, as bytes of 64-bit integers.
#[pyfunction]
pub(crate) fn sample_indices(py: Python<'_>, count: usize, size: usize, seed: u64) -> PyResult<Buffer> {
    if count > size {
        return Err(PyValueError::new_err(format!("{count} different numbers below {size}")));
    }
    let numbers = py.detach(|| ndfolio::sample_indices(count, size, seed));
    Ok(Buffer::of_memory(numbers.into_iter().flat_map(i64::to_ne_bytes).collect()))
}

/// Writes the rows in random order to a new file, and opens that.
#[pyfunction]
pub(crate) fn shuffle<'py>(
    py: Python<'py>,
    node: &Node,
    path: PathBuf,
    seed: u64,
    overwrite: bool,
    session: &Session,
) -> PyResult<(Node, Bound<'py, PyDict>)> {
    let array = node.file()?;
    let plan = |session: &ndfolio::Session| {
        let rows = array.shuffle(seed).ok()?.run(session);
        rows.plan_save(&rows.options().existing(Existing::Replace), &path).ok()
    };
    let (new, report) = session.run_reported(py, node.task, plan, |session| {
        let rows = array.shuffle(seed)?.run(session);
        let options = rows.options();
        let options = if overwrite { options.existing(Existing::Replace) } else { options };
        reopened(rows.save(&options, &path)?, &path)
    })?;
    Ok((Node::of_file(new, ndfolio::Io::Auto), report_of(py, &report)?))
}
