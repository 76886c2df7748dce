//! Lazy arrays: what `ndfolio.Array` is made of.

use ndfolio::{
    Along, Array, Casting, Ellipsis, Index, Io, Lazy, Literal, Mode, NanPolicy, NewAxis, Op, Replacements,
    Selection, Ufunc, along, num_complex::Complex, slice as slice_of,
};
use pyo3::{
    buffer::PyBuffer,
    exceptions::{PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyBool, PyComplex, PyEllipsis, PyFloat, PyInt, PySlice, PyTuple},
};

use crate::{dtype, error::Raise, memory::Buffer, session::Task};

/// An array in a file, or an expression. Nothing is read by making one of others.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Node {
    pub(crate) body: Body,
    pub(crate) task: Task,
    /// Whether something must be whole before any item is known: a reduction or a running sum.
    has_barrier: bool,
}

#[derive(Clone)]
pub(crate) enum Body {
    /// An array in a file, or a view of one.
    File(Array),
    /// Anything else.
    Expression(Lazy),
}

impl Node {
    pub(crate) fn of_file(array: Array, io: Io) -> Self {
        let weight = array.nbytes() as u64;
        Node { body: Body::File(array), task: Task::new(weight, io), has_barrier: false }
    }

    /// An expression of others.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of_lazy(lazy: Lazy, args: &[&Node]) -> PyResult<Self> {
        let itemsize = lazy.dtype().raise()?.itemsize() as u64;
        let own = lazy.shape().raise()?.iter().fold(itemsize, |bytes, &n| bytes.saturating_mul(n as u64));
        let task = Task::new(own, Io::Auto);
        let task = args.iter().fold(task, |task, arg| task.and(arg.task));
        let has_barrier = args.iter().any(|arg| arg.has_barrier);
        Ok(Node { body: Body::Expression(lazy), task, has_barrier })
    }

    pub(crate) fn lazy(&self) -> Lazy {
        match &self.body {
            Body::File(array) => array.lazy(),
            Body::Expression(lazy) => lazy.clone(),
        }
    }

    /// The array in a file.
    ///
    /// # Errors
    /// `TypeError` for an expression.
    pub(crate) fn file(&self) -> PyResult<&Array> {
        match &self.body {
            Body::File(array) => Ok(array),
            Body::Expression(_) => Err(PyTypeError::new_err(
                "this is an expression and no array of a file; save it, and use what save returns",
            )),
        }
    }

    /// Bytes of all items.
    pub(crate) fn nbytes(&self) -> PyResult<u64> {
        match &self.body {
            Body::File(array) => Ok(array.nbytes() as u64),
            Body::Expression(lazy) => {
                let itemsize = lazy.dtype().raise()?.itemsize() as u64;
                Ok(lazy.shape().raise()?.iter().fold(itemsize, |bytes, &n| bytes.saturating_mul(n as u64)))
            }
        }
    }

    pub(crate) fn shape_of(&self) -> PyResult<&[usize]> {
        match &self.body {
            Body::File(array) => Ok(array.shape()),
            Body::Expression(lazy) => lazy.shape().raise(),
        }
    }

    /// A view of a file stays one, and anything else becomes an expression.
    fn view(
        &self,
        of_file: impl FnOnce(&Array) -> ndfolio::Result<Array>,
        of_lazy: impl FnOnce(&Lazy) -> Lazy,
    ) -> PyResult<Self> {
        match &self.body {
            Body::File(array) => Ok(Node::of_file(of_file(array).raise()?, self.task.io)),
            Body::Expression(lazy) => Node::of_lazy(of_lazy(lazy), &[self]),
        }
    }

    fn then(&self, lazy: Lazy) -> PyResult<Self> {
        Node::of_lazy(lazy, &[self])
    }

    fn after(&self, lazy: Lazy) -> PyResult<Self> {
        Ok(Node { has_barrier: true, ..self.then(lazy)? })
    }
}

/// An operand: a node, or a number of Python, whose type is weak.
enum Operand<'py> {
    Node(PyRef<'py, Node>),
    Literal(Literal),
}

impl<'py> Operand<'py> {
    fn of(given: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(node) = given.cast::<Node>() {
            return Ok(Operand::Node(node.borrow()));
        }
        let literal = if let Ok(truth) = given.cast_exact::<PyBool>() {
            Literal::Bool(truth.is_true())
        } else if given.is_exact_instance_of::<PyInt>() {
            Literal::Int(given.extract()?)
        } else if given.is_exact_instance_of::<PyFloat>() {
            Literal::Float(given.extract()?)
        } else if given.is_exact_instance_of::<PyComplex>() {
            Literal::Complex(complex(given)?)
        } else {
            return Err(PyTypeError::new_err(format!("{} is no operand", given.get_type().name()?)));
        };
        Ok(Operand::Literal(literal))
    }

    fn lazy(&self) -> Lazy {
        match self {
            Operand::Node(node) => node.lazy(),
            Operand::Literal(literal) => (*literal).into(),
        }
    }

    fn node(&self) -> Option<&Node> {
        match self {
            Operand::Node(node) => Some(node),
            Operand::Literal(_) => None,
        }
    }
}

#[pymethods]
impl Node {
    /// Items in memory: contiguous, in C order and this machine's byte order.
    #[staticmethod]
    fn of_memory(
        py: Python<'_>,
        items: PyBuffer<u8>,
        dtype: &Bound<'_, PyAny>,
        shape: Vec<usize>,
    ) -> PyResult<Self> {
        let items = items.to_vec(py)?;
        Node::of_lazy(Lazy::from_bytes(&dtype::from_python(dtype)?, &shape, items), &[])
    }

    /// A function of items, by NumPy's name.
    #[staticmethod]
    fn map(name: &str, args: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let ufunc = Ufunc::from_name(name)
            .ok_or_else(|| PyTypeError::new_err(format!("there is no function {name:?} of items here")))?;
        Node::apply(ufunc, &args)
    }

    fn round(&self, decimals: i32) -> PyResult<Self> {
        self.then(self.lazy().round(decimals))
    }

    #[pyo3(signature = (nan, posinf, neginf))]
    fn nan_to_num(&self, nan: f64, posinf: Option<f64>, neginf: Option<f64>) -> PyResult<Self> {
        self.then(self.lazy().nan_to_num(Replacements::new(nan, posinf, neginf)))
    }

    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.body {
            Body::File(array) => dtype::to_python(py, array.dtype()),
            Body::Expression(lazy) => dtype::to_python(py, lazy.dtype().raise()?),
        }
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.shape_of()?)
    }

    /// Bytes of all arrays that are read, at most.
    #[getter]
    fn weight(&self) -> u64 {
        self.task.weight
    }

    #[getter]
    fn has_barrier(&self) -> bool {
        self.has_barrier
    }

    #[getter]
    fn is_file(&self) -> bool {
        matches!(self.body, Body::File(_))
    }

    /// NumPy's basic indexing, from a tuple of integers, slices, `None` and `...`.
    fn slice(&self, parts: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let parts = parts.iter().map(|part| index(&part)).collect::<PyResult<Vec<Index>>>()?;
        let selection = Selection::from(parts);
        self.view(|array| array.slice(selection.clone()), |lazy| lazy.slice(selection.clone()))
    }

    fn field(&self, name: &str) -> PyResult<Self> {
        self.view(|array| array.field(name), |lazy| lazy.field(name))
    }

    #[pyo3(signature = (axes=None))]
    fn transpose(&self, axes: Option<Vec<isize>>) -> PyResult<Self> {
        self.view(|array| array.transpose(axes.as_deref()), |lazy| lazy.transpose(axes.as_deref()))
    }

    fn reshape(&self, shape: Vec<i64>) -> PyResult<Self> {
        self.view(|array| array.reshape(&shape), |lazy| lazy.reshape(&shape))
    }

    fn broadcast_to(&self, shape: Vec<usize>) -> PyResult<Self> {
        self.view(|array| array.broadcast_to(&shape), |lazy| lazy.broadcast_to(&shape))
    }

    fn astype(&self, dtype: &Bound<'_, PyAny>, casting: &str) -> PyResult<Self> {
        let dtype = dtype::from_python(dtype)?;
        self.then(self.lazy().astype(&dtype, casting_of(casting)?))
    }

    /// A reduction by its name; `nan…` leaves out NaN.
    #[pyo3(signature = (name, axes, keepdims, ddof=0.0))]
    fn reduce(&self, name: &str, axes: Option<Vec<isize>>, keepdims: bool, ddof: f64) -> PyResult<Self> {
        let (op, nan) = reduction(name, ddof)
            .ok_or_else(|| PyTypeError::new_err(format!("there is no reduction {name:?} here")))?;
        let axes = axes.map_or_else(Along::default, along);
        let axes = if keepdims { axes.keepdims() } else { axes };
        self.after(self.lazy().reduce(op, axes, nan))
    }

    fn cumsum(&self, axis: isize) -> PyResult<Self> {
        self.after(self.lazy().cumsum(axis))
    }

    fn cumprod(&self, axis: isize) -> PyResult<Self> {
        self.after(self.lazy().cumprod(axis))
    }

    fn diff(&self, n: usize, axis: isize) -> PyResult<Self> {
        self.then(self.lazy().diff(n, axis))
    }

    /// The file's bytes from the first item to the last, mapped: a buffer, and where item `[0, 0, …]` is in it. `None`
    /// for what is no array of a file.
    fn map_file(&self, py: Python<'_>) -> PyResult<Option<(Buffer, usize)>> {
        let Body::File(array) = &self.body else { return Ok(None) };
        let mapped = py.detach(|| array.map()).raise()?;
        let first = mapped.first();
        Ok(Some((Buffer::of_file(mapped), first)))
    }

    /// Bytes from one item to the next along each axis, for an array of a file.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.file()?.strides())
    }

    #[getter]
    fn path(&self) -> PyResult<std::path::PathBuf> {
        Ok(self.file()?.path().to_owned())
    }

    #[getter]
    fn member(&self) -> PyResult<Option<String>> {
        Ok(self.file()?.member().map(str::to_owned))
    }

    #[getter]
    fn mode(&self) -> PyResult<&'static str> {
        Ok(self.file()?.mode().numpy_name())
    }

    #[getter]
    fn offset(&self) -> PyResult<u64> {
        Ok(self.file()?.offset())
    }

    #[getter]
    fn is_writable(&self) -> bool {
        matches!(&self.body, Body::File(array) if array.mode() != Mode::Read)
    }

    /// Which file it is: what a name leads to can change.
    #[getter]
    fn file_id(&self) -> PyResult<(u64, u64)> {
        let id = self.file()?.file_id();
        Ok((id.dev, id.ino))
    }
}

impl Node {
    fn apply(ufunc: Ufunc, args: &[Bound<'_, PyAny>]) -> PyResult<Self> {
        if args.len() != ufunc.arity() {
            let message = format!("{ufunc}() takes {} operands, got {}", ufunc.arity(), args.len());
            return Err(PyTypeError::new_err(message));
        }
        let args = args.iter().map(Operand::of).collect::<PyResult<Vec<_>>>()?;
        let lazies: Vec<Lazy> = args.iter().map(Operand::lazy).collect();
        let nodes: Vec<&Node> = args.iter().filter_map(Operand::node).collect();
        Node::of_lazy(Lazy::map(ufunc, &lazies), &nodes)
    }
}

fn complex(given: &Bound<'_, PyAny>) -> PyResult<Complex<f64>> {
    let py = given.py();
    Ok(Complex::new(
        given.getattr(intern!(py, "real"))?.extract()?,
        given.getattr(intern!(py, "imag"))?.extract()?,
    ))
}

/// A casting rule of a name.
pub(crate) fn casting_of(name: &str) -> PyResult<Casting> {
    name.parse().map_err(|_| {
        PyValueError::new_err(format!(
            "casting must be one of 'no', 'equiv', 'safe', 'same_kind', or 'unsafe' (got '{name}')"
        ))
    })
}

fn reduction(name: &str, ddof: f64) -> Option<(Op, NanPolicy)> {
    let (name, nan) = match name.strip_prefix("nan") {
        Some(name) => (name, NanPolicy::Skip),
        None => (name, NanPolicy::Propagate),
    };
    let op = match name {
        "sum" => Op::Sum,
        "prod" => Op::Prod,
        "mean" => Op::Mean,
        "var" => Op::Var { ddof },
        "std" => Op::Std { ddof },
        "min" => Op::Min,
        "max" => Op::Max,
        "ptp" => Op::Ptp,
        "argmin" => Op::ArgMin,
        "argmax" => Op::ArgMax,
        "any" => Op::Any,
        "all" => Op::All,
        "count_nonzero" => Op::CountNonzero,
        "norm" => Op::Norm,
        _ => return None,
    };
    Some((op, nan))
}

/// One part of an index.
fn index(part: &Bound<'_, PyAny>) -> PyResult<Index> {
    if part.is_none() {
        return Ok(NewAxis.into());
    }
    if part.is_instance_of::<PyEllipsis>() {
        return Ok(Ellipsis.into());
    }
    let Ok(slice) = part.cast::<PySlice>() else { return Ok(Index::At(whole(part)?)) };
    let py = part.py();
    let bound = |name| {
        let bound = slice.getattr(name)?;
        if bound.is_none() { Ok(None) } else { whole(&bound).map(Some) }
    };
    let (start, stop) = (bound(intern!(py, "start"))?, bound(intern!(py, "stop"))?);
    let step = bound(intern!(py, "step"))?.unwrap_or(1);
    Ok(slice_of(start, stop, step).into())
}

/// A whole number; those beyond any array are cut to the ends of 64 bits.
fn whole(part: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = part.call_method0(intern!(part.py(), "__index__")).map_err(|_| {
        let message = "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean \
            arrays are valid indices";
        pyo3::exceptions::PyIndexError::new_err(message)
    })?;
    number.extract().or_else(|_| Ok(if number.lt(0)? { i64::MIN } else { i64::MAX }))
}
