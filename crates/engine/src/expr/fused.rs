//! One program for everything between two barriers, and the arrays that it loads.

use std::{collections::HashMap, sync::Arc};

use ndfolio_layout::{Kind, LayoutError, View};
use ndfolio_store::File;

use super::{
    graph::{Graph, Id, What},
    leaf::{Order, fill},
    place::each_once,
    program::{Program, Use, Value},
};
use crate::EngineError;

/// Bytes of an array, whatever they are.
#[derive(Clone, Debug)]
pub(super) enum Base {
    File(Arc<File>),
    /// None where nothing is computed, but only planned.
    Memory(Option<Arc<Vec<u8>>>),
}

/// An array that a pass loads.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) base: Base,
    /// Where its items lie: axes and shape are those of the pass.
    pub(super) view: View,
    pub(super) order: Order,
    /// Bytes that are reversed together once they are loaded; 1 if none are.
    pub(super) swap: usize,
    /// Whether any byte that is not 0 means true.
    pub(super) truth: bool,
    /// Whether a device brings all of it to the page cache before the pass, which reads it from there.
    pub(super) brought: bool,
}

impl Leaf {
    /// Whether its items are what they are once they are loaded.
    pub(super) fn is_plain(&self) -> bool {
        self.swap <= 1 && !self.truth
    }
}

/// Arrays that were computed, or read as a whole, before a pass.
pub(super) trait Held {
    /// The bytes of an operation's result in C order, if it was computed.
    fn result(&self, id: Id) -> Option<Base>;

    /// The items of an array that a pass would read again and again, in C order; none if it is to read them.
    fn small(&mut self, file: &Arc<File>, view: &View) -> Result<Option<Option<Arc<Vec<u8>>>>, EngineError>;
}

/// A program and what it loads.
#[derive(Debug)]
pub(super) struct Fused {
    pub(super) leaves: Vec<Leaf>,
    pub(super) program: Program,
    /// For each result of the program: which leaf it is, if it is one.
    lying: Vec<Option<usize>>,
    /// Extents of the pass, slowest axis first.
    pub(super) shape: Vec<usize>,
    /// How many functions and casts it computes.
    pub(super) functions: usize,
}

/// A short row that comes again and again is written down until it has so many items.
const REPEATED: usize = 4096;

impl Fused {
    /// The program of an operation, over an array of `shape` whose axes are walked in this order, slowest first.
    pub(super) fn new(
        graph: &Graph,
        root: Id,
        (shape, axes): (&[usize], &[usize]),
        held: &mut dyn Held,
    ) -> Result<Self, EngineError> {
        Fused::of_several(graph, &[Root { id: root, shape: shape.to_vec(), axes: axes.to_vec() }], held)
    }

    /// The program of several operations, which are its results in this order: all of them as long along each axis of
    /// the pass.
    pub(super) fn of_several(
        graph: &Graph,
        roots: &[Root],
        held: &mut dyn Held,
    ) -> Result<Self, EngineError> {
        let results = roots.iter().map(|root| graph[root.id].dtype.itemsize()).collect();
        let shape = roots[0].axes.iter().map(|&axis| roots[0].shape[axis]).collect();
        let (leaves, lying) = (Vec::new(), vec![None; roots.len()]);
        let mut fused = Fused { leaves, program: Program::new(results), lying, shape, functions: 0 };
        let is_first = |&index: &usize| roots[..index].iter().all(|other| !other.is_walked_as(&roots[index]));
        for first in (0..roots.len()).filter(is_first) {
            let own = roots.iter().enumerate().filter(|(_, root)| root.is_walked_as(&roots[first]));
            let own = own.map(|(result, root)| (same_bytes(graph, root.id, held), result)).collect();
            fused = Lowering::new(graph, &roots[first], own, fused, held).run(held)?;
        }
        Ok(fused)
    }

    /// Walks everything as one axis, if all arrays in files lie so; the others have their own order anyway. Whether
    /// it does.
    pub(super) fn flatten(&mut self) -> bool {
        let size = self.shape.iter().product();
        let mut flat = Vec::new();
        for leaf in self.leaves.iter().filter(|leaf| matches!(leaf.base, Base::File(_))) {
            let view = &leaf.view;
            let together = view.is_contiguous(ndfolio_layout::Order::C);
            let one = View::contiguous(view.dtype(), &[size], ndfolio_layout::Order::C, view.offset());
            let Some(one) = one.ok().filter(|_| together) else { return false };
            flat.push(one);
        }
        let files = self.leaves.iter_mut().filter(|leaf| matches!(leaf.base, Base::File(_)));
        for (leaf, view) in files.zip(flat) {
            leaf.order = Order::new(&view);
            leaf.view = view;
        }
        self.shape = vec![size];
        true
    }

    /// The leaf that a result of the program is, if its items can be used where they lie.
    pub(super) fn lying(&self, result: usize) -> Option<usize> {
        self.lying[result].filter(|&leaf| self.leaves[leaf].is_plain())
    }

    /// The leaves that lie in files.
    pub(super) fn files(&self) -> impl Iterator<Item = (usize, &Arc<File>)> {
        self.leaves.iter().enumerate().filter_map(|(index, leaf)| match &leaf.base {
            Base::File(file) => Some((index, file)),
            Base::Memory(_) => None,
        })
    }
}

/// An operation that is computed by a pass.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) id: Id,
    /// The array over which it is computed.
    pub(super) shape: Vec<usize>,
    /// Its axes in the order in which they are walked, slowest first.
    pub(super) axes: Vec<usize>,
}

impl Root {
    /// Whether equal indices of both are met at the same time.
    fn is_walked_as(&self, other: &Root) -> bool {
        self.shape == other.shape && self.axes == other.axes
    }
}

/// What an operation is that only tells another byte order: loading deals with that.
fn same_bytes(graph: &Graph, mut root: Id, held: &dyn Held) -> Id {
    while let What::Cast(caster) = &graph[root].what
        && caster.is_copy()
        && held.result(root).is_none()
    {
        root = graph[root].args[0];
    }
    root
}

/// The operations from some down to the next barriers, arguments first.
fn region(graph: &Graph, roots: &[(Id, usize)], held: &dyn Held) -> Vec<Id> {
    let (mut found, mut seen) = (Vec::new(), std::collections::HashSet::new());
    let mut stack: Vec<(Id, bool)> = roots.iter().rev().map(|&(root, _)| (root, false)).collect();
    while let Some((id, done)) = stack.pop() {
        if done {
            found.push(id);
        } else if seen.insert(id) {
            stack.push((id, true));
            if graph[id].is_elementwise() && held.result(id).is_none() {
                stack.extend(graph[id].args.iter().rev().map(|&arg| (arg, false)));
            }
        }
    }
    found
}

struct Lowering<'a> {
    graph: &'a Graph,
    shape: &'a [usize],
    axes: Vec<isize>,
    /// What is computed, arguments first.
    order: Vec<Id>,
    uses: HashMap<Id, usize>,
    /// Which operations are which results.
    results: Vec<(Id, usize)>,
    values: HashMap<Id, Value>,
    fused: Fused,
}

impl<'a> Lowering<'a> {
    /// For operations that are walked as the first of them, with the numbers of their results.
    fn new(
        graph: &'a Graph,
        first: &'a Root,
        results: Vec<(Id, usize)>,
        fused: Fused,
        held: &dyn Held,
    ) -> Self {
        let order = region(graph, &results, held);
        let mut uses: HashMap<Id, usize> = HashMap::new();
        for &id in &order {
            if held.result(id).is_none() && graph[id].is_elementwise() {
                graph[id].args.iter().for_each(|&arg| *uses.entry(arg).or_default() += 1);
            }
        }
        let axes = first.axes.iter().map(|&axis| axis as isize).collect();
        Lowering { graph, shape: &first.shape, axes, order, uses, results, values: HashMap::new(), fused }
    }

    fn run(mut self, held: &mut dyn Held) -> Result<Fused, EngineError> {
        for id in std::mem::take(&mut self.order) {
            let own: Vec<usize> =
                self.results.iter().filter(|(root, _)| *root == id).map(|(_, result)| *result).collect();
            let uses = match (self.uses.get(&id), &own[..]) {
                (None, &[result]) => Use::Result(result),
                (steps, _) => Use::Steps(steps.unwrap_or(&0) + own.len()),
            };
            let leaf = self.fused.leaves.len();
            self.add(id, uses, held)?;
            if self.fused.leaves.len() > leaf {
                own.iter().for_each(|&result| self.fused.lying[result] = Some(leaf));
            }
            if let Use::Steps(_) = uses {
                own.iter().for_each(|&result| self.fused.program.copy(self.values[&id], result));
            }
        }
        Ok(self.fused)
    }

    fn add(&mut self, id: Id, uses: Use, held: &mut dyn Held) -> Result<(), EngineError> {
        let item = &self.graph[id];
        let value = match (&item.what, held.result(id)) {
            (_, Some(base)) => self.leaf(base, &self.graph.c_view(id)?, uses)?,
            (What::Map(looped), None) => {
                let args: Vec<Value> = item.args.iter().map(|arg| self.values[arg]).collect();
                self.fused.functions += 1;
                self.fused.program.map(looped, &args, uses)
            }
            (What::Cast(caster), None) => {
                let arg = self.values[&item.args[0]];
                if let (true, Use::Steps(uses)) = (caster.is_copy(), uses) {
                    // The other byte order, which loading has dealt with: the same value, used in its place.
                    self.fused.program.same(arg, uses)
                } else {
                    self.fused.functions += 1;
                    self.fused.program.cast(caster, arg, item.dtype.itemsize(), uses)
                }
            }
            (What::File(source), None) => self.file(&source.file, &source.view, uses, held)?,
            (What::Memory(memory), None) => {
                let base = Base::Memory(Some(Arc::clone(&memory.bytes)));
                self.leaf(base, &memory.view, uses)?
            }
            (What::Part(view), None) => {
                let base = held.result(item.args[0]).ok_or_else(|| missing(view))?;
                self.leaf(base, view, uses)?
            }
            (What::Reduce(_) | What::Scan(_), None) => return Err(missing(&self.graph.c_view(id)?)),
        };
        self.values.insert(id, value);
        Ok(())
    }

    /// A file's array; one that would be read again and again is held in memory, if it is small.
    fn file(
        &mut self,
        file: &Arc<File>,
        view: &View,
        uses: Use,
        held: &mut dyn Held,
    ) -> Result<Value, EngineError> {
        let wide = view.broadcast_to(self.shape)?.transpose(Some(&self.axes))?;
        let again = wide.shape().iter().zip(wide.strides()).any(|(&n, &stride)| n > 1 && stride == 0);
        if again
            && let Some(once) = each_once(&wide)
            && let Some(bytes) = held.small(file, &once)?
        {
            let strides = compact_strides(&wide, &once);
            let compact = View::strided(wide.dtype(), wide.shape(), &strides, 0)?;
            return self.settled(Base::Memory(bytes), compact, uses);
        }
        self.settled(Base::File(Arc::clone(file)), wide, uses)
    }

    fn leaf(&mut self, base: Base, view: &View, uses: Use) -> Result<Value, EngineError> {
        let wide = view.broadcast_to(self.shape)?.transpose(Some(&self.axes))?;
        self.settled(base, wide, uses)
    }

    /// A leaf whose axes are those of the pass.
    fn settled(&mut self, mut base: Base, view: View, uses: Use) -> Result<Value, EngineError> {
        let mut order = Order::new(&view);
        let size = view.itemsize();
        let swap = view.dtype().as_scalar().map_or(1, |scalar| scalar.foreign_width());
        let truth = view.dtype().kind() == Some(Kind::Bool);
        if let Base::Memory(bytes) = &base
            && !view.is_empty()
        {
            if let (true, Use::Steps(uses)) = (order.is_constant(), uses) {
                let at = view.offset() as usize;
                let item =
                    bytes.as_ref().map_or_else(|| vec![0; size], |bytes| bytes[at..at + size].to_vec());
                return Ok(self.fused.program.constant(in_order(item, swap), uses));
            }
            if let (Some(bytes), Some(period)) =
                (bytes, order.period().filter(|&period| period < REPEATED / 8))
            {
                let at = view.offset() as usize;
                let items = REPEATED / period * period;
                let mut written = vec![0; items * size];
                written.chunks_exact_mut(period * size).for_each(|row| {
                    row.copy_from_slice(&bytes[at..at + period * size]);
                });
                order = order.repeated(items);
                base = Base::Memory(Some(Arc::new(written)));
            }
        }
        self.fused.leaves.push(Leaf { base, view, order, swap, truth, brought: false });
        Ok(self.fused.program.load(self.fused.leaves.len() - 1, size, uses))
    }
}

fn in_order(mut item: Vec<u8>, swap: usize) -> Vec<u8> {
    ndfolio_kernel::swap_bytes(&mut item, swap);
    item
}

fn missing(view: &View) -> EngineError {
    // A plan orders passes by what they need, so that this cannot be seen.
    LayoutError::Broadcast { from: format!("{:?}", view.shape()), to: "what was not computed yet".into() }
        .into()
}

/// The strides of `wide` over the items of `once` in C order.
fn compact_strides(wide: &View, once: &View) -> Vec<isize> {
    let mut step = once.itemsize() as isize;
    let mut strides = vec![0; wide.ndim()];
    for axis in (0..wide.ndim()).rev() {
        if wide.strides()[axis] != 0 {
            strides[axis] = step;
        }
        step *= once.shape()[axis] as isize;
    }
    strides
}

/// Memory with one item again and again.
pub(super) fn tile_of(item: &[u8], items: usize) -> Vec<u8> {
    let mut tile = vec![0; item.len() * items];
    if !item.is_empty() {
        fill(item, &mut tile);
    }
    tile
}
