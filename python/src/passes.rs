//! What reads and writes: opening, creating, computing, saving, assigning, and what a pass would do.

use std::path::{Path, PathBuf};

use ndfolio::{
    Array, CreateOptions, Error, Existing, FileId, Format, Lazy, Mode, OpenOptions, Order, Plan, Report,
    Value, View,
};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PySlice, PyTuple},
};

use crate::{
    dtype,
    error::{Failure, Raise, of_layout},
    lazy::{Body, Node, casting_of},
    memory::Buffer,
    session::{Session, Task, way},
};

fn mode_of(name: &str) -> PyResult<Mode> {
    match name {
        "r" | "readonly" => Ok(Mode::Read),
        "r+" | "readwrite" => Ok(Mode::ReadWrite),
        "c" | "copyonwrite" => Ok(Mode::CopyOnWrite),
        "w+" | "write" => Err(PyValueError::new_err(
            "mode 'w+' makes a new file, which ndfolio.create(path, shape, dtype) does; open takes 'r', 'r+' or 'c'",
        )),
        _ => Err(PyValueError::new_err(format!("mode must be 'r', 'r+' or 'c', got {name:?}"))),
    }
}

fn order_of(name: &str) -> PyResult<Order> {
    name.parse().map_err(|error: ndfolio::LayoutError| of_layout(&error, error.to_string()))
}

/// What is said of a raw file.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Raw<'py> {
    dtype: Bound<'py, PyAny>,
    shape: Option<Vec<i64>>,
    offset: u64,
    order: String,
}

/// Opens an array of a file.
#[pyfunction]
#[pyo3(signature = (path, mode, key, raw, io))]
pub(crate) fn open(
    py: Python<'_>,
    path: PathBuf,
    mode: &str,
    key: Option<String>,
    raw: Option<Raw<'_>>,
    io: &str,
) -> PyResult<Node> {
    let io = way(io)?;
    let mut options = OpenOptions::new().mode(mode_of(mode)?);
    if let Some(key) = key {
        options = options.member(key);
    }
    if let Some(raw) = raw {
        options = options.offset(raw.offset).order(order_of(&raw.order)?);
        if !raw.dtype.is_none() {
            options = options.dtype(dtype::from_python(&raw.dtype)?);
        }
        if let Some(shape) = raw.shape {
            options = options.shape(&shape);
        }
    }
    Ok(Node::of_file(py.detach(|| options.open(path)).raise()?, io))
}

/// Opens a view of a file again that is known from before.
#[pyfunction]
pub(crate) fn open_view(
    py: Python<'_>,
    path: PathBuf,
    mode: &str,
    id: (u64, u64),
    dtype: &Bound<'_, PyAny>,
    place: (Vec<usize>, Vec<isize>, u64),
) -> PyResult<Node> {
    let (shape, strides, offset) = place;
    let view = View::strided(&dtype::from_python(dtype)?, &shape, &strides, offset);
    let view = view.map_err(|error| of_layout(&error, error.to_string()))?;
    let options = OpenOptions::new().mode(mode_of(mode)?);
    let id = FileId { dev: id.0, ino: id.1 };
    Ok(Node::of_file(py.detach(|| options.open_view(path, view, id)).raise()?, ndfolio::Io::Auto))
}

/// Makes a new file of zeros, or of an item that is given as its bytes.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are Python's, and named there")]
pub(crate) fn create(
    py: Python<'_>,
    path: PathBuf,
    shape: Vec<usize>,
    dtype: &Bound<'_, PyAny>,
    order: &str,
    item: Option<Vec<u8>>,
    growable: bool,
    overwrite: bool,
    session: &Session,
) -> PyResult<Node> {
    let dtype = dtype::from_python(dtype)?;
    // Without an item nothing is written.
    let itemsize = if item.is_some() { dtype.itemsize() } else { 0 };
    let weight = shape.iter().fold(itemsize as u64, |bytes, &n| bytes.saturating_mul(n as u64));
    let mut options = CreateOptions::new(dtype.clone(), &shape).order(order_of(order)?);
    if let Some(item) = item {
        options = options.fill(Value::decode(&dtype, &item));
    }
    if overwrite {
        options = options.existing(Existing::Replace);
    }
    if growable {
        options = options.growable();
    }
    let task = Task::new(weight, ndfolio::Io::Auto);
    Ok(Node::of_file(session.run(py, task, |session| options.create_run(path, session))?, ndfolio::Io::Auto))
}

/// What a pass did, for Python.
pub(crate) fn report_of<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("passes", report.passes)?;
    out.set_item("engine", &report.engine)?;
    out.set_item("reason", &report.reason)?;
    out.set_item("threads", report.threads)?;
    out.set_item("bytes", report.io.bytes_asked)?;
    out.set_item("bytes_read", report.io.bytes_read)?;
    out.set_item("bytes_written", report.bytes_written)?;
    out.set_item("device_bytes", report.device_bytes)?;
    out.set_item("computing", report.computing.as_secs_f64())?;
    out.set_item("elapsed", report.elapsed.as_secs_f64())?;
    out.set_item("bytes_per_second", report.bytes_per_second())?;
    out.set_item("budget", report.budget)?;
    out.set_item("buffer_bytes", report.io.buffer_bytes)?;
    out.set_item("private_peak", report.private_peak)?;
    let conditions = report.conditions;
    out.set_item("conditions", (conditions.divide, conditions.overflow, conditions.invalid))?;
    out.set_item("notes", report.notes.clone())?;
    Ok(out)
}

/// A plan as lines of text.
pub(crate) fn plan_text(plan: &Plan) -> String {
    let size = crate::session::size_text;
    let mut lines = vec![format!("passes   {}", plan.passes)];
    lines.extend(plan.stages.iter().enumerate().map(|(i, stage)| format!("stage {}  {stage}", i + 1)));
    for reading in &plan.readings {
        let resident =
            reading.resident.map_or("an unknown part".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let path = reading.path.display();
        lines.push(format!(
            "reads    {path}: {} by {} ({}); {resident} of it in the page cache",
            size(reading.bytes as usize),
            reading.engine,
            reading.reason
        ));
    }
    if plan.writes > 0 {
        lines.push(format!("writes   {}", size(plan.writes as usize)));
    }
    lines.push(format!(
        "memory   {} of buffers, {} of running values, {} of results; given {}",
        size(plan.buffers as usize),
        size(plan.states as usize),
        size(plan.results as usize),
        size(plan.budget as usize)
    ));
    lines.push(format!("threads  {}", plan.threads));
    lines.extend(plan.notes.iter().map(|note| format!("note     {note}")));
    lines.join("\n")
}

/// What those passes are about that compute several arrays.
fn all<'n>(nodes: impl Iterator<Item = &'n Node>) -> Task {
    let none = Task::new(0, ndfolio::Io::Auto);
    nodes.fold(none, |task, node| task.and(node.task))
}

/// A result: its bytes, its dtype and its shape.
type Result3<'py> = (Buffer, Bound<'py, PyAny>, Bound<'py, PyTuple>);

/// Computes several arrays in memory at once, and says what the pass did.
#[pyfunction]
pub(crate) fn compute<'py>(
    py: Python<'py>,
    nodes: Vec<PyRef<'py, Node>>,
    session: &Session,
) -> PyResult<(Vec<Result3<'py>>, Bound<'py, PyDict>)> {
    let lazies: Vec<Lazy> = nodes.iter().map(|node| node.lazy()).collect();
    let mut task = all(nodes.iter().map(|node| &**node));
    for node in &nodes {
        task.results = task.results.saturating_add(node.nbytes()?);
    }
    let plan = |session: &ndfolio::Session| ndfolio::plan_compute(&lazies, session).ok();
    let results = session.run_planned(py, task, plan, |session| ndfolio::compute(&lazies, session))?;
    let report = match results.first() {
        Some(result) => report_of(py, result.report())?,
        None => report_of(py, &Report::default())?,
    };
    let mut out = Vec::with_capacity(results.len());
    for result in results {
        let dtype = dtype::to_python(py, result.dtype())?;
        let shape = PyTuple::new(py, result.shape())?;
        out.push((Buffer::of_memory(result.into_bytes()), dtype, shape));
    }
    Ok((out, report))
}

/// Hands the values to `each(index, items, shape)` block by block; `items` is bytes in C order that are there during
/// the call.
#[pyfunction]
pub(crate) fn blocks<'py>(
    py: Python<'py>,
    node: &Node,
    each: &Bound<'py, PyAny>,
    session: &Session,
) -> PyResult<Bound<'py, PyDict>> {
    let (lazy, each) = (node.lazy(), each.clone().unbind());
    let plan = |session: &ndfolio::Session| lazy.plan(session).ok();
    let report = session.run_planned(py, node.task, plan, |session| {
        lazy.for_each_block(session, |block| -> Result<(), Failure> {
            Python::attach(|py| {
                let ends = block.start.iter().zip(block.shape);
                let places =
                    ends.map(|(&start, &n)| PySlice::new(py, start as isize, (start + n) as isize, 1));
                let place = PyTuple::new(py, places)?;
                let items = pyo3::types::PyBytes::new(py, block.bytes);
                each.call1(py, (place, items, PyTuple::new(py, block.shape)?))?;
                Ok(())
            })
        })
    })?;
    report_of(py, &report)
}

/// Saves values as a new file, and opens that for reading: who saves is not to keep others from writing.
#[pyfunction]
#[pyo3(signature = (node, path, dtype, order, casting, overwrite, session))]
#[expect(clippy::too_many_arguments, reason = "they are Python's, and named there")]
pub(crate) fn save<'py>(
    py: Python<'py>,
    node: &Node,
    path: PathBuf,
    dtype: Option<&Bound<'py, PyAny>>,
    order: Option<&str>,
    casting: &str,
    overwrite: bool,
    session: &Session,
) -> PyResult<(Node, Bound<'py, PyDict>)> {
    let lazy = node.lazy();
    let mut options = CreateOptions::of(&lazy).raise()?;
    if let Some(dtype) = dtype {
        options = options.dtype(dtype::from_python(dtype)?);
    }
    if let Some(order) = order {
        options = options.order(order_of(order)?);
    }
    if overwrite {
        options = options.existing(Existing::Replace);
    }
    let casting = casting_of(casting)?;
    let plan = |session: &ndfolio::Session| options.plan_save(&lazy, &path, casting, session).ok();
    let (array, report) = session.run_planned(py, node.task, plan, |session| {
        let (new, report) = options.save(&lazy, &path, casting, session)?;
        Ok::<_, Error>((reopened(new, &path)?, report))
    })?;
    Ok((Node::of_file(array, ndfolio::Io::Auto), report_of(py, &report)?))
}

/// A new file's array, for reading only.
pub(crate) fn reopened(new: Array, path: &Path) -> Result<Array, Error> {
    let (view, id, format) = (new.view().clone(), new.file_id(), new.format());
    drop(new);
    let reader = OpenOptions::new();
    if format == Format::NPY { reader.open(path) } else { reader.open_view(path, view, id) }
}

/// Writes values to an array of a file, in place.
#[pyfunction]
pub(crate) fn assign<'py>(
    py: Python<'py>,
    target: &Node,
    values: &Node,
    casting: &str,
    session: &Session,
) -> PyResult<Bound<'py, PyDict>> {
    let (array, lazy, casting) = (target.file()?, values.lazy(), casting_of(casting)?);
    let task = all([target, values].into_iter());
    let plan = |session: &ndfolio::Session| array.plan_assign(&lazy, casting, session).ok();
    let report = session.run_planned(py, task, plan, |session| array.assign_lazy(&lazy, casting, session))?;
    report_of(py, &report)
}

/// What computing arrays in memory at once would do, as text.
#[pyfunction]
pub(crate) fn explain(py: Python<'_>, nodes: Vec<PyRef<'_, Node>>, session: &Session) -> PyResult<String> {
    let lazies: Vec<Lazy> = nodes.iter().map(|node| node.lazy()).collect();
    let quick = Task { weight: 0, ..all(nodes.iter().map(|node| &**node)) };
    let plan = session.run(py, quick, |session| ndfolio::plan_compute(&lazies, session))?;
    Ok(plan_text(&plan))
}

/// Waits until what was written is on stable storage.
#[pyfunction]
pub(crate) fn flush(py: Python<'_>, node: &Node, session: &Session) -> PyResult<()> {
    match &node.body {
        Body::File(array) => session.run(py, node.task, |session| array.flush_run(session)),
        Body::Expression(_) => Ok(()),
    }
}

/// Runs something with an array of a file that may become another one: more rows, or those of now.
pub(crate) fn changed<T: Send>(
    py: Python<'_>,
    (node, task): (&Node, Task),
    session: &Session,
    change: impl FnOnce(&mut Array, &ndfolio::Session) -> Result<T, Error> + Send,
) -> PyResult<(Node, T)> {
    let mut array = node.file()?.clone();
    let value = session.run(py, task, |session| change(&mut array, session))?;
    Ok((Node::of_file(array, node.task.io), value))
}
