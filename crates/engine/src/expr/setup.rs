//! A pass that computes an operation for the places of a view: its program, its boxes. The same for a plan and for
//! the pass itself.

use std::sync::Arc;

use ndfolio_layout::{Order, Tiles, View};
use ndfolio_store::{File, IoEngine, MachineMemory};

use super::{
    Scan,
    feeds::plan_of,
    fused::{Fused, Held},
    graph::{Graph, Id, What},
    place::part,
    scan::carry_bytes,
    target::PIECES,
};
use crate::{
    EngineError, Io, Run,
    blocks::{box_of_rows, transfer_block},
    fetch::OWN_MEMORY,
    parallel::threads,
};

pub(super) struct Setup {
    pub(super) fused: Fused,
    /// The places, with the axes of the pass: in the order of the file, slowest first.
    pub(super) target: View,
    /// The items as the pass numbers them.
    pub(super) items: View,
    pub(super) block: Vec<usize>,
    /// Items of the first box, where it is another than the others.
    first: Option<usize>,
    /// What is run along an axis of the pass, if anything is.
    pub(super) scan: Option<Scan>,
}

/// In which boxes a pass may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Any.
    Boxes,
    /// Rows, so that the items of a box lie together and follow those of the box before.
    Rows,
}

impl Setup {
    /// For an operation of a graph; what it needs is held.
    pub(super) fn new(
        graph: &Graph,
        id: Id,
        (view, cut): (&View, Cut),
        held: &mut dyn Held,
        run: &Run<'_>,
    ) -> Result<Self, EngineError> {
        let axes = view.storage_axes();
        let scan = match &graph[id].what {
            What::Scan(scan) if held.result(id).is_none() => {
                let axis = axes.iter().position(|&axis| axis == scan.axis).unwrap_or(0);
                Some(Scan { axis, ..*scan })
            }
            _ => None,
        };
        let root = if scan.is_some() { graph[id].args[0] } else { id };
        let mut fused = Fused::new(graph, root, (&graph[id].shape, &axes), held)?;
        let signed: Vec<isize> = axes.iter().map(|&axis| axis as isize).collect();
        let mut target = view.transpose(Some(&signed))?;
        let together = target.is_contiguous(Order::C) && !target.is_empty();
        if scan.is_none() && cut == Cut::Boxes && together && fused.flatten() {
            target = View::contiguous(target.dtype(), &[target.size()], Order::C, target.offset())?;
        }
        let items = View::contiguous(&graph.plain(id), target.shape(), Order::C, 0)?;
        let cut = if scan.is_some() { Cut::Rows } else { cut };
        let block = block(&mut fused, &target, cut, run);
        let first =
            if scan.is_none() && cut == Cut::Boxes { first_of_pages(&fused, &target, &block) } else { None };
        Ok(Setup { fused, target, items, block, first, scan })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.target.is_empty()
    }

    /// The boxes of the items.
    pub(super) fn tiles(&self) -> Tiles<'_> {
        let tiles = self.items.blocks(&self.block, &self.order());
        match self.first {
            Some(first) => tiles.beginning_with(first),
            None => tiles,
        }
    }

    fn order(&self) -> Vec<usize> {
        (0..self.target.ndim()).collect()
    }

    /// Bytes of last results that are kept from box to box.
    pub(super) fn carry(&self, run: &Run<'_>) -> Result<usize, EngineError> {
        let carry = self.scan.map_or(0, |scan| carry_bytes(&self.items, &self.block, scan.axis));
        if carry <= run.budget() / 2 {
            return Ok(carry);
        }
        Err(EngineError::Budget {
            what: "a running sum along an axis with so many items beside it",
            needed: 2 * carry as u64,
            budget: run.budget() as u64,
            way: "give it more memory",
        })
    }
}

/// Bytes of a box of each array and of the result, where they are in memory: boxes of the result go through the
/// processor's cache.
const BOX: usize = 1 << 20;
/// The same where a device brings them.
const BOX_OF_DEVICE: usize = 2 << 20;
/// Items of shorter boxes are a multiple of so many.
const EVEN: usize = 16 << 10;

/// Extents of boxes in which a target is written, whose axes are those of the pass.
fn block(fused: &mut Fused, target: &View, cut: Cut, run: &Run<'_>) -> Vec<usize> {
    let sizes: Vec<usize> = fused.files().map(|(leaf, _)| fused.leaves[leaf].view.itemsize()).collect();
    let widest = sizes.iter().copied().chain([target.itemsize()]).max().unwrap_or(1).max(1);
    let each: usize = sizes.iter().sum::<usize>() + target.itemsize();
    let memory = run.memory_for_boxes() / threads(run, target.nbytes());
    let crossing = {
        let mut views = fused.files().map(|(leaf, _)| &fused.leaves[leaf].view);
        views.find(|view| !is_in_order(view)).cloned()
    };
    match &crossing {
        Some(view) if cut == Cut::Boxes => {
            // Rows of the result, if their items lie in the file in runs of some length; else boxes in whose middle
            // both sides meet.
            let gathered: usize = sizes.iter().sum();
            // Each that is gathered comes through a window of its own.
            let boxes = memory.saturating_sub(sizes.len() * OWN_MEMORY).max(memory / 4);
            // Beside them are stacks, and what threads have left behind that brought the file to memory.
            let most = boxes / 4 * 3 / (gathered + 2 * target.itemsize()).max(1);
            let rows = box_of_rows(target.shape(), most.max(1));
            if run_of(view, &rows) >= RUN {
                bring(fused, run);
                if !comes_from_device(fused, run) {
                    return rows;
                }
            }
            let share = (memory / 2 / each.max(1) * widest).max(widest);
            transfer_block(target.shape(), (&fastest_first(view), &fastest_first(target)), widest, share)
        }
        Some(_) => box_of_rows(target.shape(), (memory / 4 / each.max(1)).max(1)),
        None => {
            // Four of each are on their way at once, with what alignment adds to them.
            let most = (memory / PIECES).saturating_sub((sizes.len() + 2) * 2 * PAGE as usize) / each.max(1);
            // Whole pages of items of any size.
            let most = if most > EVEN { most - most % EVEN } else { most };
            let wanted = if comes_from_device(fused, run) { BOX_OF_DEVICE } else { BOX };
            box_of_rows(target.shape(), (wanted / widest).min(most).max(1))
        }
    }
}

/// Marks the arrays that lie in another order than the result and that are not in memory, if all of them have room
/// in the half of what is free: read once from the first byte to the last they are there sooner than by their runs.
fn bring(fused: &mut Fused, run: &Run<'_>) {
    let is_one = |(leaf, file): &(usize, &Arc<File>)| {
        let view = &fused.leaves[*leaf].view;
        let extent = view.extent();
        let is_dense = extent.end - extent.start <= view.nbytes() as u64 / 4 * 5;
        is_dense && !is_in_order(view) && is_from_device(file, view, run)
    };
    let found: Vec<usize> = fused.files().filter(is_one).map(|(leaf, _)| leaf).collect();
    let bytes: usize = found.iter().map(|&leaf| fused.leaves[leaf].view.nbytes()).sum();
    let has_room = || MachineMemory::look().free().is_some_and(|free| bytes as u64 <= free / 2);
    if run.way() == Io::Auto && bytes > 0 && has_room() {
        found.into_iter().for_each(|leaf| fused.leaves[leaf].brought = true);
    }
}

/// Bytes of the shortest runs of a file in which an array is turned.
const RUN: u64 = 128;

/// Bytes that lie together in a file of a box of its array.
fn run_of(view: &View, block: &[usize]) -> u64 {
    let bounds: Vec<std::ops::Range<usize>> =
        block.iter().zip(view.shape()).map(|(&b, &n)| 0..b.min(n)).collect();
    part(view, &bounds).and_then(|part| part.spans().next()).map_or(0, |span| span.len)
}

/// Whether a device brings one of the arrays.
fn comes_from_device(fused: &Fused, run: &Run<'_>) -> bool {
    fused.files().any(|(leaf, file)| {
        let leaf = &fused.leaves[leaf];
        !leaf.brought && is_from_device(file, &leaf.view, run)
    })
}

fn is_from_device(file: &File, view: &View, run: &Run<'_>) -> bool {
    let plan = plan_of(view);
    plan.pieces > 1 && run.choose(file, &plan).engine == IoEngine::Direct
}

/// Items of a first box after which all others begin where pages of the first file do, in one axis.
fn first_of_pages(fused: &Fused, target: &View, block: &[usize]) -> Option<usize> {
    let &[block] = block else { return None };
    let leaf = fused.files().next().map(|(leaf, _)| &fused.leaves[leaf].view);
    let view = leaf.unwrap_or(target);
    let (size, before) = (view.itemsize() as u64, PAGE - view.offset() % PAGE);
    let first = (before / size.max(1)) as usize;
    (before % size.max(1) == 0 && 0 < first && first < block).then_some(first)
}

/// Devices read and write whole pages.
const PAGE: u64 = 4096;

fn fastest_first(view: &View) -> Vec<usize> {
    let mut axes = view.storage_axes();
    axes.reverse();
    axes
}

/// Whether the axes of a view lie in the file in the order of the pass.
fn is_in_order(view: &View) -> bool {
    let steps = view.shape().iter().zip(view.strides()).filter(|(n, stride)| **n > 1 && **stride != 0);
    let steps: Vec<usize> = steps.map(|(_, stride)| stride.unsigned_abs()).collect();
    steps.is_sorted_by(|a, b| a >= b)
}
