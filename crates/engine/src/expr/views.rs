//! Views of expressions: those of what they are made of.

use std::{collections::HashMap, sync::Arc};

use ndfolio_layout::{LayoutError, Order, Selection, View};

use super::node::{Body, Expr, Node, post_order};
use crate::{EngineError, Source};

/// What is done to the views of all arrays of an expression, once they have its shape.
type Change<'c> = dyn Fn(&View) -> Result<View, LayoutError> + 'c;

impl Expr {
    /// NumPy's basic indexing. Reads nothing.
    ///
    /// # Errors
    /// An index outside of its axis, too many indices, a step of 0.
    pub fn select(&self, selection: &Selection) -> Result<Self, EngineError> {
        self.changed(&|view| view.select(selection))
    }

    /// A field of a record.
    ///
    /// # Errors
    /// A name that the dtype does not have.
    pub fn field(&self, name: &str) -> Result<Self, EngineError> {
        // Only arrays have records: no function makes any.
        let field = self.dtype().field(name)?.dtype().clone();
        let changed = self.changed(&|view| view.field(name))?;
        debug_assert!(changed.dtype().itemsize() == field.split().0.itemsize());
        Ok(changed)
    }

    /// The axes in another order; reversed if `axes` is none.
    ///
    /// # Errors
    /// Axes that are not a permutation of the array's.
    pub fn transpose(&self, axes: Option<&[isize]>) -> Result<Self, EngineError> {
        self.changed(&|view| view.transpose(axes))
    }

    /// The same items in a new shape, in which one extent may be −1.
    ///
    /// # Errors
    /// Another number of items; a shape that no strides over the items of one of the arrays can express.
    pub fn reshape(&self, shape: &[i64]) -> Result<Self, EngineError> {
        self.changed(&|view| view.reshape(shape, Order::C))
    }

    /// The same items repeated along new axes and axes of one.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self, EngineError> {
        self.changed(&|view| view.broadcast_to(shape))
    }

    /// New axes of one item: those of these numbers in the result, ascending.
    pub(super) fn expand(&self, axes: &[usize]) -> Result<Self, EngineError> {
        self.changed(&|view| {
            let (mut shape, mut strides) = (view.shape().to_vec(), view.strides().to_vec());
            for &axis in axes {
                shape.insert(axis, 1);
                strides.insert(axis, 0);
            }
            View::strided(view.dtype(), &shape, &strides, view.offset())
        })
    }

    /// The expression with other views of its arrays.
    fn changed(&self, change: &Change<'_>) -> Result<Self, EngineError> {
        let shape = self.shape();
        let mut known: HashMap<*const Node, Expr> = HashMap::new();
        let roots = std::slice::from_ref(self);
        for expr in post_order(roots, |node| matches!(node.body, Body::Map { .. } | Body::Cast { .. })) {
            let changed = changed_node(expr, shape, change, &known)?;
            known.insert(Arc::as_ptr(&expr.node), changed);
        }
        known.remove(&Arc::as_ptr(&self.node)).ok_or_else(|| unreachable_root(self))
    }
}

fn unreachable_root(expr: &Expr) -> EngineError {
    LayoutError::Broadcast { from: format!("{:?}", expr.shape()), to: format!("{:?}", expr.shape()) }.into()
}

fn changed_node(
    expr: &Expr,
    shape: &[usize],
    change: &Change<'_>,
    known: &HashMap<*const Node, Expr>,
) -> Result<Expr, EngineError> {
    let node = &expr.node;
    let arg = |arg: &Expr| known.get(&Arc::as_ptr(&arg.node)).cloned().unwrap_or_else(|| arg.clone());
    Ok(match &node.body {
        Body::File(source) => {
            let view = change(&source.view.broadcast_to(shape)?)?;
            Source { file: Arc::clone(&source.file), view }.into()
        }
        Body::Memory(memory) => memory.with(change(&memory.view.broadcast_to(shape)?)?).into(),
        Body::Literal(_) => {
            // It has no axes of its own and fits every shape; alone it is an array of none.
            let settled = expr.clone().settled()?;
            match &settled.node.body {
                Body::Memory(memory) => memory.with(change(&memory.view.broadcast_to(shape)?)?).into(),
                _ => settled,
            }
        }
        Body::Map { looped, args } => {
            let args: Vec<Expr> = args.iter().map(arg).collect();
            let shape = super::node::broadcast(args.iter().map(Expr::shape))?;
            Expr::new(node.dtype.clone(), shape, Body::Map { looped: looped.clone(), args })
        }
        Body::Cast { caster, arg: inner } => {
            let inner = arg(inner);
            let shape = inner.shape().to_vec();
            Expr::new(node.dtype.clone(), shape, Body::Cast { caster: caster.clone(), arg: inner })
        }
        Body::Reduce { .. } | Body::Scan { .. } => {
            let whole = View::contiguous(&node.dtype, &node.shape, Order::C, 0)?;
            part(expr, change(&whole.broadcast_to(shape)?)?)
        }
        Body::Part { view, arg } => part(arg, change(&view.broadcast_to(shape)?)?),
    })
}

fn part(of: &Expr, view: View) -> Expr {
    let (dtype, shape) = (view.dtype().clone(), view.shape().to_vec());
    Expr::new(dtype, shape, Body::Part { view, arg: of.clone() })
}
