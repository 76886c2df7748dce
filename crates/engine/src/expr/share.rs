//! Which reductions, and which results in memory, take the items of one pass: those of arrays of one shape that read
//! the same bytes of files.

use std::{collections::HashSet, ops::Range, sync::Arc};

use ndfolio_layout::{Order, View};
use ndfolio_store::File;

use super::{
    graph::{Graph, Id, What, same_file},
    reducing::{Reductions, dominant_order},
};

/// Who takes the items of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// Reductions of it along the same axes.
    Reduce(Vec<Id>),
    /// It is a result that is wanted in memory.
    Result(Id),
}

impl Share {
    /// The operation.
    pub(super) fn takes(&self, graph: &Graph) -> Id {
        match self {
            Share::Reduce(ids) => graph[ids[0]].args[0],
            Share::Result(id) => *id,
        }
    }
}

/// A share whose pass may be another one's too.
struct Candidate<'g> {
    share: Share,
    /// How many stages come before it at least.
    level: usize,
    /// Whether no other stage waits for it.
    is_last: bool,
    /// Extents of the pass, slowest axis first.
    shape: Vec<usize>,
    reads: Vec<Read<'g>>,
}

/// What a pass reads.
struct Read<'g> {
    what: Origin<'g>,
    len: usize,
}

/// Where it comes from.
enum Origin<'g> {
    File(&'g Arc<File>, Range<u64>),
    /// Something that was computed before.
    Kept(Id),
}

impl Read<'_> {
    /// Whether most of the fewer bytes are bytes of both.
    fn meets(&self, other: &Read<'_>) -> bool {
        match (&self.what, &other.what) {
            (Origin::File(file, own), Origin::File(other, theirs)) => {
                let both = own.end.min(theirs.end).saturating_sub(own.start.max(theirs.start));
                let fewer = (own.end - own.start).min(theirs.end - theirs.start);
                same_file(file, other) && both * 2 >= fewer
            }
            (Origin::Kept(own), Origin::Kept(other)) => own == other,
            _ => false,
        }
    }
}

/// Which share of what one of two passes reads the other must read too, at least.
const SHARED: usize = 4;

impl<'g> Candidate<'g> {
    fn new(graph: &'g Graph, share: &Share, level: usize, is_last: bool) -> Option<Self> {
        let shape = shape_of_pass(graph, share)?;
        let reads = reads(graph, share.takes(graph));
        Some(Candidate { share: share.clone(), level, is_last, shape, reads })
    }

    /// Whether one pass for both saves reading.
    fn suits(&self, other: &Candidate<'_>) -> bool {
        let len = |reads: &[Read<'_>]| reads.iter().map(|read| read.len).sum::<usize>();
        let shared = self.reads.iter().filter(|own| other.reads.iter().any(|read| own.meets(read)));
        let shared: usize = shared.map(|read| read.len).sum();
        self.shape == other.shape
            && shared > 0
            && shared >= len(&self.reads).min(len(&other.reads)).div_ceil(SHARED)
    }
}

/// Puts together what can share a pass, of shares and how many stages come before each at least: groups and how many
/// come before those. What no other stage waits for can be computed later than it could be.
pub(super) fn grouped(
    graph: &Graph,
    shares: Vec<(Share, usize)>,
    needed: &HashSet<Id>,
) -> Vec<(Vec<Share>, usize)> {
    let (mut candidates, mut groups) = (Vec::new(), Vec::new());
    for (share, level) in shares {
        let is_last = match &share {
            Share::Reduce(ids) => ids.iter().all(|id| !needed.contains(id)),
            Share::Result(_) => true,
        };
        match Candidate::new(graph, &share, level, is_last) {
            Some(candidate) => candidates.push(candidate),
            None => groups.push((vec![share], level)),
        }
    }
    postpone(&mut candidates);
    for together in joined(candidates) {
        let level = together[0].level;
        let mut shares: Vec<Share> = together.into_iter().map(|one| one.share).collect();
        // Where a part of them has a pass, those of the same array do.
        shares.sort_by_key(|share| share.takes(graph));
        groups.push((shares, level));
    }
    groups
}

/// Moves what nobody waits for to the first pass that suits it and cannot be moved itself.
fn postpone(candidates: &mut [Candidate<'_>]) {
    candidates.sort_by_key(|one| one.level);
    for index in (0..candidates.len()).rev() {
        let one = &candidates[index];
        let partner = |other: &&Candidate<'_>| !other.is_last && other.level == one.level && one.suits(other);
        if !one.is_last || candidates.iter().any(|other| partner(&other)) {
            continue;
        }
        let later =
            candidates[index + 1..].iter().filter(|other| other.level > one.level && one.suits(other));
        if let Some(level) = later.map(|other| other.level).min() {
            candidates[index].level = level;
        }
    }
}

/// Candidates by the pass that they share.
fn joined(candidates: Vec<Candidate<'_>>) -> Vec<Vec<Candidate<'_>>> {
    let mut groups: Vec<Vec<Candidate<'_>>> = Vec::new();
    for one in candidates {
        // Groups that it joins become one.
        let joins = |group: &Vec<Candidate<'_>>| {
            group.iter().any(|other| one.level == other.level && one.suits(other))
        };
        let (own, others) = groups.into_iter().partition::<Vec<_>, _>(joins);
        groups = others;
        let mut group: Vec<_> = own.into_iter().flatten().collect();
        group.push(one);
        groups.push(group);
    }
    groups
}

/// The extents of a pass that could take the items of an operation in the order in which its largest array lies, and
/// give them to others too; none if it goes about it in another way when it is alone: no bit must depend on that.
fn shape_of_pass(graph: &Graph, share: &Share) -> Option<Vec<usize>> {
    let id = share.takes(graph);
    let item = &graph[id];
    if item.nbytes() == 0 || matches!(item.what, What::Memory(_) | What::Part(_)) {
        return None;
    }
    let order = dominant_order(graph, id);
    let suits = match share {
        Share::Result(_) => order.is_sorted() && !matches!(item.what, What::Reduce(_) | What::Scan(_)),
        Share::Reduce(ids) => is_in_one_go(graph, ids, &order)?,
    };
    suits.then(|| order.iter().map(|&axis| item.shape[axis]).collect())
}

/// Whether reductions take items one after the other in an order of axes, as they do if they are alone.
fn is_in_one_go(graph: &Graph, ids: &[Id], order: &[usize]) -> Option<bool> {
    let reductions = Reductions::new(graph, ids, order).ok()?;
    let own = reductions.walk(&reductions.view).ok()?;
    let as_stored = |view: &View| {
        let is_forward = view.shape().iter().zip(view.strides()).all(|(&n, &stride)| n == 1 || stride > 0);
        Some(is_forward && reductions.walk(view).ok()?.walks_as(&own))
    };
    let suits = match &graph[graph[ids[0]].args[0]].what {
        What::File(source) => as_stored(&source.view)?,
        _ => true,
    };
    Some(suits && own.view.is_contiguous(Order::C))
}

/// What a pass reads that computes an operation.
fn reads(graph: &Graph, id: Id) -> Vec<Read<'_>> {
    let (mut found, mut seen, mut stack) = (Vec::new(), HashSet::new(), vec![id]);
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        let item = &graph[id];
        match &item.what {
            What::File(source) => {
                let what = Origin::File(&source.file, source.view.extent());
                found.push(Read { what, len: source.view.nbytes() });
            }
            What::Reduce(_) | What::Scan(_) => {
                found.push(Read { what: Origin::Kept(id), len: item.nbytes() });
            }
            What::Memory(_) => {}
            What::Map(_) | What::Cast(_) | What::Part(_) => stack.extend(&item.args),
        }
    }
    found
}
