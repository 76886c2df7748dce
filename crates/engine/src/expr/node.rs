//! The nodes of an expression.

use std::sync::Arc;

use ndfolio_kernel::{
    Caster, Casting, Running,
    elementwise::{Literal, Loop, Operand, Ufunc},
    reduce::{NanPolicy, Op},
};
use ndfolio_layout::{ByteOrder, DType, LayoutError, Order, View};

use super::Memory;
use crate::{EngineError, Source};

/// An array that is computed when it is asked for.
///
/// Cloning is cheap. Making expressions of expressions reads nothing; dtypes and shapes follow NumPy's rules, and
/// what NumPy refuses is refused at once.
#[derive(Clone, Debug)]
pub struct Expr {
    pub(super) node: Arc<Node>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// An array in a file.
    File(Source),
    /// A small array in memory.
    Memory(Memory),
    /// A Python number, whose type is weak.
    Literal(Literal),
    /// A function of items; the arguments have the dtypes that its loop takes.
    Map {
        looped: Loop,
        args: Vec<Expr>,
    },
    /// Items of another dtype.
    Cast {
        caster: Caster,
        arg: Expr,
    },
    Reduce {
        reduction: Reduction,
        arg: Expr,
    },
    Scan {
        scan: Scan,
        arg: Expr,
    },
    /// A part of a reduction or a scan: a view of its items as if they lay in C order from 0 on.
    Part {
        view: View,
        arg: Expr,
    },
}

/// A reduction of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction {
    /// What is computed.
    pub op: Op,
    /// The axes that are reduced, ascending.
    pub(super) axes: Vec<usize>,
    /// What NaN means.
    pub nan: NanPolicy,
}

/// A running sum or product along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What is run.
    pub running: Running,
    /// The axis.
    pub axis: usize,
}

impl From<Source> for Expr {
    fn from(source: Source) -> Self {
        let (dtype, shape) = (source.view.dtype().clone(), source.view.shape().to_vec());
        Expr::new(dtype, shape, Body::File(source))
    }
}

impl From<Memory> for Expr {
    fn from(memory: Memory) -> Self {
        Expr::new(memory.dtype().clone(), memory.shape().to_vec(), Body::Memory(memory))
    }
}

impl From<Literal> for Expr {
    fn from(literal: Literal) -> Self {
        Expr::new(literal.dtype(), Vec::new(), Body::Literal(literal))
    }
}

impl Expr {
    pub(super) fn new(dtype: DType, shape: Vec<usize>, body: Body) -> Self {
        Expr { node: Arc::new(Node { dtype, shape, body }) }
    }

    /// The type of the items: that of the file, or in this machine's byte order.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.node.dtype
    }

    /// Items along each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.node.shape
    }

    /// The number of items.
    #[must_use]
    pub fn size(&self) -> usize {
        self.node.shape.iter().product()
    }

    /// Bytes of all items.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.size() * self.dtype().itemsize()
    }

    /// The order in which its items are written to a new file: F if all its arrays of its own size lie in that
    /// order and not in C order, as in NumPy.
    #[must_use]
    pub fn order(&self) -> Order {
        let mut orders = post_order(std::slice::from_ref(self), Node::is_elementwise)
            .into_iter()
            .filter(|expr| expr.shape() == self.shape())
            .filter_map(|expr| match &expr.node.body {
                Body::File(source) => Some(source.view.order()),
                Body::Memory(memory) => Some(memory.view.order()),
                _ => None,
            })
            .peekable();
        if orders.peek().is_some() && orders.all(|order| order == Some(Order::F)) {
            Order::F
        } else {
            Order::C
        }
    }

    /// The Python number, if it is one.
    #[must_use]
    pub fn as_literal(&self) -> Option<Literal> {
        match self.node.body {
            Body::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    fn operand(&self) -> Operand {
        match self.node.body {
            Body::Literal(literal) => Operand::Literal(literal),
            _ => Operand::Array(self.dtype().clone()),
        }
    }

    /// A function of items, with NumPy's broadcasting and promotion.
    ///
    /// # Errors
    /// Shapes that do not broadcast, dtypes that NumPy has no loop for.
    pub fn map(ufunc: Ufunc, args: &[Expr]) -> Result<Self, EngineError> {
        let operands: Vec<Operand> = args.iter().map(Expr::operand).collect();
        let looped = ufunc.resolve(&operands)?;
        let shape = broadcast(args.iter().map(Expr::shape))?;
        let args: Result<Vec<Expr>, EngineError> =
            args.iter().zip(looped.inputs()).map(|(arg, dtype)| arg.as_input(dtype)).collect();
        let (dtype, args) = (looped.output().clone(), args?);
        Ok(Expr::new(dtype, shape, Body::Map { looped, args }))
    }

    /// The same items as a loop takes them.
    fn as_input(&self, dtype: &DType) -> Result<Self, EngineError> {
        match self.node.body {
            Body::Literal(literal) => Ok(Memory::new(dtype, &[], literal.encode(dtype)?)?.into()),
            _ => self.cast(dtype, Casting::Unsafe),
        }
    }

    /// NumPy's `astype`.
    ///
    /// # Errors
    /// A cast that `casting` forbids or that there is not.
    pub fn cast(&self, dtype: &DType, casting: Casting) -> Result<Self, EngineError> {
        if self.dtype() == dtype && !matches!(self.node.body, Body::Literal(_)) {
            return Ok(self.clone());
        }
        Caster::new(self.dtype(), dtype, casting)?;
        let caster = Caster::new(&native(self.dtype()), &native(dtype), Casting::Unsafe)?;
        Ok(Expr::new(dtype.clone(), self.shape().to_vec(), Body::Cast { caster, arg: self.clone() }))
    }

    /// A reduction along some axes; along all, if none are named. The result keeps reduced axes with one item if
    /// that is asked for.
    ///
    /// # Errors
    /// An axis that the array does not have, or twice; a dtype without the operation.
    pub fn reduce(
        &self,
        op: Op,
        axes: Option<&[isize]>,
        nan: NanPolicy,
        keep: Keep,
    ) -> Result<Self, EngineError> {
        let dtype = op.result_dtype(self.dtype())?;
        let axes = self.reduced_axes(axes)?;
        let kept = |axis: usize| !axes.contains(&axis);
        let shape: Vec<usize> =
            (0..self.shape().len()).filter(|&axis| kept(axis)).map(|axis| self.shape()[axis]).collect();
        let place = matches!(op, Op::Min | Op::Max | Op::Ptp | Op::ArgMin | Op::ArgMax);
        if place && axes.iter().any(|&axis| self.shape()[axis] == 0) && !shape.contains(&0) {
            // NumPy's own words come from the operation itself.
            let reducer = ndfolio_kernel::reduce::Reducer::new(&native(self.dtype()), op.wanted(), nan)?;
            op.result(&reducer, &reducer.empty())?;
        }
        let arg = self.clone().settled()?;
        let reduced = Expr::new(
            dtype,
            shape,
            Body::Reduce { reduction: Reduction { op, axes: axes.clone(), nan }, arg },
        );
        match keep {
            Keep::No => Ok(reduced),
            Keep::Axes => reduced.expand(&axes),
        }
    }

    /// A literal alone is an array without axes.
    pub(super) fn settled(self) -> Result<Self, EngineError> {
        match self.node.body {
            Body::Literal(literal) => {
                let dtype = literal.dtype();
                Ok(Memory::new(&dtype, &[], literal.encode(&dtype)?)?.into())
            }
            _ => Ok(self),
        }
    }

    fn reduced_axes(&self, axes: Option<&[isize]>) -> Result<Vec<usize>, EngineError> {
        let ndim = self.shape().len();
        let Some(axes) = axes else { return Ok((0..ndim).collect()) };
        let mut found = Vec::with_capacity(axes.len());
        for &axis in axes {
            let axis_found = self.axis(axis)?;
            if found.contains(&axis_found) {
                return Err(LayoutError::Axes { axes: axes.to_vec(), ndim }.into());
            }
            found.push(axis_found);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The number of an axis, which may be counted from the end.
    ///
    /// # Errors
    /// An axis that the array does not have.
    pub fn axis(&self, axis: isize) -> Result<usize, LayoutError> {
        ndfolio_layout::axis(axis, self.shape().len())
    }

    /// A running sum or product along an axis, one after the other in the result's dtype, as NumPy's.
    ///
    /// # Errors
    /// A dtype without the operation.
    pub fn scan(&self, scan: Scan) -> Result<Self, EngineError> {
        let op = match scan.running {
            Running::Sum => Op::Sum,
            Running::Product => Op::Prod,
        };
        let dtype = op.result_dtype(self.dtype())?;
        let arg = self.clone().settled()?.cast(&dtype, Casting::Unsafe)?;
        let shape = self.shape().to_vec();
        Ok(Expr::new(dtype, shape, Body::Scan { scan, arg }))
    }
}

/// Whether a reduction keeps its axes, with one item each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// They are gone.
    #[default]
    No,
    /// They stay.
    Axes,
}

/// The dtype that items have between loading and storing: scalars in this machine's byte order, records as they are.
pub(super) fn native(dtype: &DType) -> DType {
    if dtype.as_scalar().is_some() { dtype.with_byte_order(ByteOrder::NATIVE) } else { dtype.clone() }
}

/// The shape that these broadcast to.
pub(super) fn broadcast<'s>(
    shapes: impl Iterator<Item = &'s [usize]> + Clone,
) -> Result<Vec<usize>, LayoutError> {
    let ndim = shapes.clone().map(<[usize]>::len).max().unwrap_or(0);
    let mut out = vec![1; ndim];
    for shape in shapes.clone() {
        for (extent, &n) in out[ndim - shape.len()..].iter_mut().zip(shape) {
            if *extent != n && n != 1 {
                if *extent != 1 {
                    let shapes: Vec<Vec<usize>> = shapes.map(<[usize]>::to_vec).collect();
                    return Err(LayoutError::operands(&shapes));
                }
                *extent = n;
            }
        }
    }
    Ok(out)
}

impl Drop for Node {
    /// Chains of operations can be long: they are let go one by one, not in each other.
    fn drop(&mut self) {
        let mut rest = take_args(&mut self.body);
        while let Some(expr) = rest.pop() {
            if let Some(mut node) = Arc::into_inner(expr.node) {
                rest.append(&mut take_args(&mut node.body));
            }
        }
    }
}

/// Takes what a node is made of.
fn take_args(body: &mut Body) -> Vec<Expr> {
    match body {
        Body::File(_) | Body::Memory(_) | Body::Literal(_) => Vec::new(),
        Body::Map { args, .. } => std::mem::take(args),
        Body::Cast { .. } | Body::Reduce { .. } | Body::Scan { .. } | Body::Part { .. } => {
            match std::mem::replace(body, Body::Literal(Literal::Bool(false))) {
                Body::Cast { arg, .. }
                | Body::Reduce { arg, .. }
                | Body::Scan { arg, .. }
                | Body::Part { arg, .. } => vec![arg],
                _ => Vec::new(),
            }
        }
    }
}

impl Node {
    fn is_elementwise(&self) -> bool {
        matches!(self.body, Body::Map { .. } | Body::Cast { .. })
    }

    /// What it is made of.
    pub(super) fn args(&self) -> &[Expr] {
        match &self.body {
            Body::File(_) | Body::Memory(_) | Body::Literal(_) => &[],
            Body::Map { args, .. } => args,
            Body::Cast { arg, .. }
            | Body::Reduce { arg, .. }
            | Body::Scan { arg, .. }
            | Body::Part { arg, .. } => std::slice::from_ref(arg),
        }
    }
}

/// The nodes below some roots, each once, what a node is made of before it. What lies below a node for which
/// `goes_on` is false is not looked at.
pub(super) fn post_order(roots: &[Expr], goes_on: impl Fn(&Node) -> bool) -> Vec<&Expr> {
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    let mut stack: Vec<(&Expr, bool)> = roots.iter().rev().map(|root| (root, false)).collect();
    while let Some((expr, done)) = stack.pop() {
        if done {
            found.push(expr);
        } else if seen.insert(Arc::as_ptr(&expr.node)) {
            stack.push((expr, true));
            if goes_on(&expr.node) {
                stack.extend(expr.node.args().iter().rev().map(|arg| (arg, false)));
            }
        }
    }
    found
}
