//! Cuts an expression into stages: what must be whole before what needs it can begin.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::graph::{Graph, Id, What};

/// What is computed as a whole and then kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Reductions of one array along the same axes: they share a pass.
    Reduce(Vec<Id>),
    /// A running sum or product.
    Scan(Id),
    /// A part of an expression that is much smaller than what it is used in, so that it is not computed again and
    /// again.
    Hold(Id),
}

/// The stages that roots need, in an order in which each finds what it needs. What takes more than `most_held` bytes
/// is not held but computed again.
pub(super) fn stages(graph: &Graph, roots: &[Id], most_held: usize) -> Vec<Stage> {
    let mut found = Found { graph, most_held, needs: HashMap::new(), queue: Vec::new() };
    for &root in roots {
        found.region(root, None);
    }
    while let Some(barrier) = found.queue.pop() {
        match graph[barrier].what {
            What::Reduce(_) | What::Scan(_) => found.region(graph[barrier].args[0], Some(barrier)),
            _ => found.region(barrier, Some(barrier)),
        }
    }
    let levels = levels(&found.needs);
    let mut by_level: BTreeMap<usize, Vec<Id>> = BTreeMap::new();
    for (&id, &level) in &levels {
        by_level.entry(level).or_default().push(id);
    }
    let mut stages = Vec::new();
    for mut ids in by_level.into_values() {
        ids.sort_unstable();
        in_stages(graph, &ids, &mut stages);
    }
    stages
}

fn in_stages(graph: &Graph, ids: &[Id], stages: &mut Vec<Stage>) {
    let first = stages.len();
    for &id in ids {
        let stage = match &graph[id].what {
            What::Reduce(reduction) => {
                let together = stages[first..].iter_mut().find_map(|stage| match stage {
                    Stage::Reduce(ids) => Some(ids).filter(|ids| {
                        let other = &graph[ids[0]];
                        let axes = matches!(&other.what, What::Reduce(other) if other.axes == reduction.axes);
                        axes && other.args == graph[id].args
                    }),
                    _ => None,
                });
                match together {
                    Some(ids) => {
                        ids.push(id);
                        continue;
                    }
                    None => Stage::Reduce(vec![id]),
                }
            }
            What::Scan(_) => Stage::Scan(id),
            _ => Stage::Hold(id),
        };
        stages.push(stage);
    }
}

struct Found<'g> {
    graph: &'g Graph,
    most_held: usize,
    /// Which others each needs.
    needs: HashMap<Id, Vec<Id>>,
    queue: Vec<Id>,
}

impl Found<'_> {
    /// Finds what the region below a root needs; it belongs to a barrier, if it is not what is asked for in the end.
    fn region(&mut self, root: Id, owner: Option<Id>) {
        let size = self.graph[root].size();
        let (mut stack, mut seen) = (vec![root], HashSet::new());
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            let item = &self.graph[id];
            match item.what {
                What::File(_) | What::Memory(_) => {}
                What::Reduce(_) | What::Scan(_) => self.need(owner, id),
                What::Part(_) => stack.push(item.args[0]),
                What::Map(_) | What::Cast(_) if id != root && self.is_small(id, size) => self.need(owner, id),
                What::Map(_) | What::Cast(_) => stack.extend(&item.args),
            }
        }
    }

    fn is_small(&self, id: Id, size: usize) -> bool {
        let item = &self.graph[id];
        item.size() * 2 <= size && item.nbytes() <= self.most_held && matches!(item.what, What::Map(_))
    }

    fn need(&mut self, owner: Option<Id>, id: Id) {
        self.needs.entry(id).or_insert_with(|| {
            self.queue.push(id);
            Vec::new()
        });
        if let Some(owner) = owner {
            self.needs.entry(owner).or_default().push(id);
        }
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
