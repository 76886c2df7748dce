//! Arithmetic on arrays of any size: nothing is computed until somebody wants the values.

mod along;
mod functions;
mod operators;
pub(crate) mod sinks;

use std::{fmt, sync::Arc};

use ndarray::{ArrayBase, Data, Dimension};
use ndfolio_engine::{
    EngineError,
    expr::{Expr, Memory, Scan},
};
use ndfolio_kernel::{
    Casting, Element, Running,
    elementwise::{Literal, Ufunc},
    reduce::{NanPolicy, Op},
};
use ndfolio_layout::{DType, LayoutError, Order, Selection, View};
use num_complex::Complex;

use crate::{Array, Error, Reduced, Result};

pub use along::{Along, along};
pub use functions::{maximum, minimum, where_};
pub use sinks::{compute, plan_compute};

/// An array that is computed when its values are wanted: an array on disk, a small one in memory, a number, or an
/// operation on such.
///
/// Operators and methods follow NumPy: broadcasting, promotion (NEP 50: Rust numbers are weak, as Python's are),
/// casts, integers that wrap around. They read nothing and cannot fail: the first error is kept, and comes out
/// where dtype, shape or values are asked for.
///
/// Values are computed in one pass over the arrays, tile by tile in the processor's cache, without temporaries; a
/// reduction that the rest needs ([`mean`](Lazy::mean) in `x - x.mean(0)`) costs one pass more.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ndfolio-lazy-{}.npy", std::process::id()));
/// # let out = std::env::temp_dir().join(format!("ndfolio-lazy-{}-z.npy", std::process::id()));
/// # ndfolio::save(&path, &ndarray::arr2(&[[1.0_f32, 2.0], [3.0, 6.0]]))?;
/// use ndfolio::{Lazy, Session};
/// let x = Lazy::from(ndfolio::open(&path)?);
/// let z = (&x - x.mean(0)) / x.std(0);
/// // To a new file, in the memory of the session.
/// z.save(&out, &Session::new())?;
/// // Or, where they are few, in memory.
/// let squares = (&x * &x).sum(1).compute(&Session::new())?;
/// assert_eq!(squares.to_array::<f32>()?.as_slice(), Some(&[5.0, 45.0][..]));
/// # std::fs::remove_file(&path)?;
/// # std::fs::remove_file(&out)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is computed until the values are asked for"]
pub struct Lazy {
    expr: std::result::Result<Expr, Arc<EngineError>>,
}

impl From<Array> for Lazy {
    fn from(array: Array) -> Self {
        Lazy::of(array.source.into())
    }
}

impl From<&Array> for Lazy {
    fn from(array: &Array) -> Self {
        array.clone().into()
    }
}

impl From<&Lazy> for Lazy {
    fn from(lazy: &Lazy) -> Self {
        lazy.clone()
    }
}

impl From<Literal> for Lazy {
    fn from(literal: Literal) -> Self {
        Lazy::of(literal.into())
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<ArrayBase<S, D>> for Lazy {
    fn from(items: ArrayBase<S, D>) -> Self {
        let all: Vec<T> = items.iter().copied().collect();
        let mut bytes = vec![0; size_of_val(&all[..])];
        T::store(&all, &mut bytes);
        let memory = Memory::new(&DType::native(T::KIND), items.shape(), bytes);
        Lazy::found(memory.map(Expr::from).map_err(EngineError::from))
    }
}

impl From<&Reduced> for Lazy {
    fn from(reduced: &Reduced) -> Self {
        let bytes = reduced.bytes().to_vec();
        let memory = Memory::new(reduced.dtype(), reduced.shape(), bytes);
        Lazy::found(memory.map(Expr::from).map_err(EngineError::from))
    }
}

macro_rules! weak {
    ($($type:ty => |$x:ident| $literal:expr;)*) => {$(
        impl From<$type> for Lazy {
            fn from($x: $type) -> Self {
                $literal.into()
            }
        }
    )*};
}

weak! {
    bool => |x| Literal::Bool(x);
    i32 => |x| Literal::Int(x.into());
    i64 => |x| Literal::Int(x.into());
    u64 => |x| Literal::Int(x.into());
    f64 => |x| Literal::Float(x);
    Complex<f64> => |x| Literal::Complex(x);
}

impl Array {
    /// The array in an expression; see [`Lazy`].
    pub fn lazy(&self) -> Lazy {
        self.into()
    }
}

impl Lazy {
    fn of(expr: Expr) -> Self {
        Lazy { expr: Ok(expr) }
    }

    /// A single native item of a dtype.
    pub(crate) fn from_item(dtype: &DType, bytes: Vec<u8>) -> Self {
        Lazy::found(Memory::new(dtype, &[], bytes).map(Expr::from).map_err(EngineError::from))
    }

    /// A small array in memory: items in C order, in this machine's byte order.
    ///
    /// # Errors
    /// None at once, as with all that makes expressions: other bytes than the shape has items are found where dtype,
    /// shape or values are asked for.
    pub fn from_bytes(dtype: &DType, shape: &[usize], bytes: Vec<u8>) -> Self {
        let expected = View::contiguous(dtype, shape, Order::C, 0).map(|view| view.nbytes());
        Lazy::found(
            expected
                .and_then(|expected| {
                    if expected != bytes.len() {
                        let found =
                            LayoutError::ReshapeSize { size: bytes.len(), shape: format!("{shape:?}") };
                        return Err(found);
                    }
                    Memory::new(dtype, shape, bytes).map(Expr::from)
                })
                .map_err(EngineError::from),
        )
    }

    fn found(expr: std::result::Result<Expr, EngineError>) -> Self {
        Lazy { expr: expr.map_err(Arc::new) }
    }

    pub(crate) fn expr(&self) -> Result<&Expr> {
        self.expr.as_ref().map_err(|error| Error::Expression(Arc::clone(error)))
    }

    /// Goes on with an expression that is right so far.
    fn then(&self, next: impl FnOnce(&Expr) -> std::result::Result<Expr, EngineError>) -> Self {
        match &self.expr {
            Ok(expr) => Lazy::found(next(expr)),
            Err(_) => self.clone(),
        }
    }

    /// The type of the items.
    ///
    /// # Errors
    /// [`Error::Expression`]: the first thing that was wrong with the expression.
    pub fn dtype(&self) -> Result<&DType> {
        Ok(self.expr()?.dtype())
    }

    /// Items along each axis.
    ///
    /// # Errors
    /// As [`Lazy::dtype`].
    pub fn shape(&self) -> Result<&[usize]> {
        Ok(self.expr()?.shape())
    }

    /// The number, if it is one that was written into the expression: its type is weak.
    #[must_use]
    pub fn as_literal(&self) -> Option<Literal> {
        self.expr.as_ref().ok().and_then(Expr::as_literal)
    }

    /// One of NumPy's functions of items, with broadcasting and promotion.
    pub fn map(ufunc: Ufunc, args: &[Lazy]) -> Self {
        let exprs: std::result::Result<Vec<Expr>, _> = args.iter().map(|arg| arg.expr.clone()).collect();
        match exprs {
            Ok(exprs) => Lazy::found(Expr::map(ufunc, &exprs)),
            Err(error) => Lazy { expr: Err(error) },
        }
    }

    /// NumPy's `astype`.
    pub fn astype(&self, dtype: &DType, casting: Casting) -> Self {
        self.then(|expr| expr.cast(dtype, casting))
    }

    /// NumPy's basic indexing; see [`Array::slice`].
    pub fn slice(&self, selection: impl Into<Selection>) -> Self {
        self.then(|expr| expr.select(&selection.into()))
    }

    /// A field of a record.
    pub fn field(&self, name: &str) -> Self {
        self.then(|expr| expr.field(name))
    }

    /// The axes in another order; reversed if `axes` is none.
    pub fn transpose(&self, axes: Option<&[isize]>) -> Self {
        self.then(|expr| expr.transpose(axes))
    }

    /// The same items in a new shape, in which one extent may be −1. Never copies: a shape that no strides can
    /// express is an error.
    pub fn reshape(&self, shape: &[i64]) -> Self {
        self.then(|expr| expr.reshape(shape))
    }

    /// The same items repeated along new axes and axes of one.
    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        self.then(|expr| expr.broadcast_to(shape))
    }

    /// A reduction along some axes, with NumPy's results: `x.reduce(Op::Sum, 0, NanPolicy::Skip)` is `nansum`.
    pub fn reduce(&self, op: Op, along: impl Into<Along>, nan: NanPolicy) -> Self {
        let along = along.into();
        self.then(|expr| expr.reduce(op, along.axes.as_deref(), nan, along.keep))
    }

    /// NumPy's `cumsum` along an axis: items are added one after the other, so this is one pass whose threads take
    /// turns.
    pub fn cumsum(&self, axis: isize) -> Self {
        self.scan(Running::Sum, axis)
    }

    /// NumPy's `cumprod` along an axis.
    pub fn cumprod(&self, axis: isize) -> Self {
        self.scan(Running::Product, axis)
    }

    fn scan(&self, running: Running, axis: isize) -> Self {
        self.then(|expr| expr.scan(Scan { running, axis: expr.axis(axis)? }))
    }

    /// NumPy's `diff`: each item less the one before it along an axis, `n` times. The array is read once for all of
    /// them.
    pub fn diff(&self, n: usize, axis: isize) -> Self {
        if n == 0 {
            return self.clone();
        }
        self.then(|expr| difference(expr, n, axis))
    }
}

/// Differences of differences: of n + 1 parts of the array, each one item behind the one before, as many fewer with
/// each step.
fn difference(expr: &Expr, n: usize, axis: isize) -> std::result::Result<Expr, EngineError> {
    let axis = expr.axis(axis)?;
    let len = expr.shape()[axis];
    // Of fewer items nothing is left.
    let n = n.min(len);
    let part = |start: usize| {
        let mut parts = vec![crate::slice(None, None, 1).into(); axis];
        parts.push(crate::slice(start as i64, (start + len - n) as i64, 1).into());
        expr.select(&parts.into())
    };
    let truth = expr.dtype().kind() == Some(crate::Kind::Bool);
    let ufunc = if truth { Ufunc::NotEqual } else { Ufunc::Subtract };
    let mut parts = (0..=n).map(part).collect::<std::result::Result<Vec<_>, _>>()?;
    while parts.len() > 1 {
        let pairs = parts.windows(2).map(|pair| Expr::map(ufunc, &[pair[1].clone(), pair[0].clone()]));
        parts = pairs.collect::<std::result::Result<_, _>>()?;
    }
    Ok(parts.remove(0))
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expr {
            Ok(expr) => f
                .debug_struct("Lazy")
                .field("dtype", &format_args!("{}", expr.dtype()))
                .field("shape", &expr.shape())
                .finish(),
            Err(error) => f.debug_struct("Lazy").field("error", error).finish(),
        }
    }
}
