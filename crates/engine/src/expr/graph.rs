//! An expression as a list: every different operation once, what it is made of before it.

use std::{collections::HashMap, sync::Arc};

use ndfolio_kernel::{Caster, elementwise::Loop};
use ndfolio_layout::{DType, LayoutError, Order, View};
use ndfolio_store::{File, Mode};

use super::{
    Memory, Reduction, Scan,
    node::{Body, Expr, Node, native, post_order},
};
use crate::{EngineError, Source};

/// The place of an operation in its [`Graph`].
pub(super) type Id = usize;

/// Operations of which no two are equal.
#[derive(Debug, Default)]
pub(super) struct Graph {
    items: Vec<Item>,
    /// Which items have a tag and these arguments.
    known: HashMap<(u8, Vec<Id>), Vec<Id>>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) what: What,
    pub(super) args: Vec<Id>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    File(Source),
    Memory(Memory),
    Map(Loop),
    Cast(Caster),
    Reduce(Reduction),
    Scan(Scan),
    Part(View),
}

impl Item {
    pub(super) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn nbytes(&self) -> usize {
        self.size() * self.dtype.itemsize()
    }

    /// Whether it is computed item by item.
    pub(super) fn is_elementwise(&self) -> bool {
        matches!(self.what, What::Map(_) | What::Cast(_))
    }
}

impl std::ops::Index<Id> for Graph {
    type Output = Item;

    fn index(&self, id: Id) -> &Item {
        &self.items[id]
    }
}

impl Graph {
    /// Takes in expressions; their places.
    pub(super) fn add(&mut self, roots: &[Expr]) -> Result<Vec<Id>, EngineError> {
        let mut places: HashMap<*const Node, Id> = HashMap::new();
        let place = |places: &HashMap<*const Node, Id>, expr: &Expr| places[&Arc::as_ptr(&expr.node)];
        for expr in post_order(roots, |_| true) {
            let node = &expr.node;
            let args = node.args().iter().map(|arg| place(&places, arg)).collect();
            let what = match &node.body {
                Body::File(source) => What::File(source.clone()),
                Body::Memory(memory) => What::Memory(memory.clone()),
                Body::Literal(literal) => {
                    What::Memory(Memory::new(&node.dtype, &[], literal.encode(&node.dtype)?)?)
                }
                Body::Map { looped, .. } => What::Map(looped.clone()),
                Body::Cast { caster, .. } => What::Cast(caster.clone()),
                Body::Reduce { reduction, .. } => What::Reduce(reduction.clone()),
                Body::Scan { scan, .. } => What::Scan(*scan),
                Body::Part { view, .. } => What::Part(view.clone()),
            };
            let (dtype, shape) = (node.dtype.clone(), node.shape.clone());
            let id = self.intern(Item { dtype, shape, what, args });
            places.insert(Arc::as_ptr(&expr.node), id);
        }
        Ok(roots.iter().map(|root| place(&places, root)).collect())
    }

    /// The dtype of an operation's items as a program has them.
    pub(super) fn plain(&self, id: Id) -> DType {
        native(&self[id].dtype)
    }

    /// An operation's items as if they lay in C order from 0 on.
    pub(super) fn c_view(&self, id: Id) -> Result<View, LayoutError> {
        View::contiguous(&self.plain(id), &self[id].shape, Order::C, 0)
    }

    /// What reductions that share a pass are, and their axes.
    pub(super) fn reductions(&self, ids: &[Id]) -> (Vec<&Reduction>, Vec<isize>) {
        let reductions: Vec<&Reduction> = ids
            .iter()
            .filter_map(
                |&id| if let What::Reduce(reduction) = &self[id].what { Some(reduction) } else { None },
            )
            .collect();
        let axes = reductions.first().map(|one| one.axes.iter().map(|&axis| axis as isize).collect());
        (reductions, axes.unwrap_or_default())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    fn intern(&mut self, item: Item) -> Id {
        let key = (tag(&item.what), item.args.clone());
        let same = self.known.entry(key).or_default();
        let items = &self.items;
        if let Some(&id) = same.iter().find(|&&id| is_equal(&items[id], &item)) {
            return id;
        }
        same.push(items.len());
        self.items.push(item);
        self.items.len() - 1
    }
}

fn tag(what: &What) -> u8 {
    match what {
        What::File(_) => 0,
        What::Memory(_) => 1,
        What::Map(_) => 2,
        What::Cast(_) => 3,
        What::Reduce(_) => 4,
        What::Scan(_) => 5,
        What::Part(_) => 6,
    }
}

/// Whether two items with the same arguments are the same.
fn is_equal(a: &Item, b: &Item) -> bool {
    let same = match (&a.what, &b.what) {
        (What::File(a), What::File(b)) => same_file(&a.file, &b.file) && a.view == b.view,
        (What::Memory(a), What::Memory(b)) => {
            // Numbers are written into an expression again and again.
            let same = || a.bytes.len() == b.bytes.len() && a.bytes.len() <= 64 && a.bytes == b.bytes;
            (Arc::ptr_eq(&a.bytes, &b.bytes) || same()) && a.view == b.view
        }
        (What::Map(a), What::Map(b)) => a == b,
        (What::Cast(_), What::Cast(_)) => true,
        (What::Reduce(a), What::Reduce(b)) => a == b,
        (What::Scan(a), What::Scan(b)) => a == b,
        (What::Part(a), What::Part(b)) => a == b,
        _ => false,
    };
    same && a.dtype == b.dtype && a.shape == b.shape
}

/// Whether both have the same bytes, now and later.
pub(super) fn same_file(a: &Arc<File>, b: &Arc<File>) -> bool {
    let private = |file: &File| file.mode() == Mode::CopyOnWrite;
    Arc::ptr_eq(a, b) || (a.id() == b.id() && !private(a) && !private(b))
}
