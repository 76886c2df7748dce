//! Cuts an expression into stages: what must be whole before what needs it can begin.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    graph::{Graph, Id, What},
    share::{Share, grouped},
};

/// What is computed as a whole and then kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Reductions, and results in memory, that share a pass.
    Pass(Vec<Share>),
    /// A running sum or product.
    Scan(Id),
    /// A part of an expression that is much smaller than what it is used in, so that it is not computed again and
    /// again.
    Hold(Id),
}

/// Where the items of what is asked for go in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Results {
    InMemory,
    Elsewhere,
}

/// The stages that roots need, in an order in which each finds what it needs. What takes more than `most_held` bytes
/// is not held but computed again. Results in memory that share a pass with others are among the stages.
pub(super) fn stages(graph: &Graph, roots: &[Id], most_held: usize, results: Results) -> Vec<Stage> {
    let mut found = Found { graph, most_held, needs: HashMap::new(), queue: Vec::new() };
    let mut of_roots: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for &root in roots {
        of_roots.insert(root, found.region(root));
    }
    while let Some(barrier) = found.queue.pop() {
        let below = match graph[barrier].what {
            What::Reduce(_) | What::Scan(_) => graph[barrier].args[0],
            _ => barrier,
        };
        let needs = found.region(below);
        found.needs.insert(barrier, needs);
    }
    let levels = levels(&found.needs);
    let (mut stages, mut shares) = apart(graph, &levels);
    // Roots that are stages themselves are found as such.
    of_roots.retain(|root, _| !found.needs.contains_key(root));
    let needed: HashSet<Id> = found.needs.values().chain(of_roots.values()).flatten().copied().collect();
    let after = |needs: &[Id]| needs.iter().map(|need| levels[need] + 1).max().unwrap_or(0);
    if results == Results::InMemory {
        shares.extend(of_roots.iter().map(|(&root, needs)| (Share::Result(root), after(needs))));
    }
    let groups = grouped(graph, shares, &needed).into_iter();
    stages.extend(groups.map(|(shares, level)| (Stage::Pass(shares), level)));
    stages.sort_by_key(|(_, level)| *level);
    stages.into_iter().map(|(stage, _)| stage).collect()
}

/// With how many stages come before each at least.
type Levelled<T> = Vec<(T, usize)>;

/// What has a stage of its own, and what may share one.
fn apart(graph: &Graph, levels: &HashMap<Id, usize>) -> (Levelled<Stage>, Levelled<Share>) {
    let mut ids: Vec<(usize, Id)> = levels.iter().map(|(&id, &level)| (level, id)).collect();
    ids.sort_unstable();
    let (mut alone, mut shares): (Levelled<Stage>, Levelled<Share>) = (Vec::new(), Vec::new());
    for (level, id) in ids {
        match &graph[id].what {
            What::Reduce(_) => {
                let alike = shares.iter_mut().find_map(|(share, other)| match share {
                    Share::Reduce(ids) if *other == level && are_alike(graph, ids[0], id) => Some(ids),
                    _ => None,
                });
                match alike {
                    Some(ids) => ids.push(id),
                    None => shares.push((Share::Reduce(vec![id]), level)),
                }
            }
            What::Scan(_) => alone.push((Stage::Scan(id), level)),
            _ => alone.push((Stage::Hold(id), level)),
        }
    }
    (alone, shares)
}

/// Whether both are reductions of one array along the same axes.
fn are_alike(graph: &Graph, a: Id, b: Id) -> bool {
    let axes = |id: Id| match &graph[id].what {
        What::Reduce(reduction) => Some(&reduction.axes),
        _ => None,
    };
    graph[a].args == graph[b].args && axes(a) == axes(b)
}

struct Found<'g> {
    graph: &'g Graph,
    most_held: usize,
    /// Which others each needs.
    needs: HashMap<Id, Vec<Id>>,
    queue: Vec<Id>,
}

impl Found<'_> {
    /// Finds what the region below an operation needs.
    fn region(&mut self, root: Id) -> Vec<Id> {
        let size = self.graph[root].size();
        let (mut needs, mut stack, mut seen) = (Vec::new(), vec![root], HashSet::new());
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            let item = &self.graph[id];
            match item.what {
                What::File(_) | What::Memory(_) => {}
                What::Reduce(_) | What::Scan(_) => needs.push(id),
                What::Part(_) => stack.push(item.args[0]),
                What::Map(_) | What::Cast(_) if id != root && self.is_small(id, size) => needs.push(id),
                What::Map(_) | What::Cast(_) => stack.extend(&item.args),
            }
        }
        needs.iter().for_each(|&id| self.need(id));
        needs
    }

    fn is_small(&self, id: Id, size: usize) -> bool {
        let item = &self.graph[id];
        item.size() * 2 <= size && item.nbytes() <= self.most_held && matches!(item.what, What::Map(_))
    }

    fn need(&mut self, id: Id) {
        self.needs.entry(id).or_insert_with(|| {
            self.queue.push(id);
            Vec::new()
        });
    }
}

/// How many stages come before each.
fn levels(needs: &HashMap<Id, Vec<Id>>) -> HashMap<Id, usize> {
    let mut levels: HashMap<Id, usize> = HashMap::new();
    let mut stack: Vec<Id> = needs.keys().copied().collect();
    while let Some(&id) = stack.last() {
        let open: Vec<Id> = needs[&id].iter().copied().filter(|need| !levels.contains_key(need)).collect();
        if open.is_empty() {
            let level = needs[&id].iter().map(|need| levels[need] + 1).max().unwrap_or(0);
            levels.insert(id, level);
            stack.pop();
        } else {
            stack.extend(open);
        }
    }
    levels
}
