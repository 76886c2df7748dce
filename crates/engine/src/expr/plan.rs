//! What a job would do.

use std::{collections::HashMap, sync::Arc};

use ndfolio_layout::View;
use ndfolio_store::{Choice, Evidence, File, IoEngine};

use super::{
    Job, Reduction,
    fused::{Base, Held},
    graph::{Graph, Id, What, same_file},
    job::{HELD, refuse_more},
    pass::Frame,
    place::each_once,
    reducing::{reducers, streamed, to_reduce},
    setup::{Cut, Setup},
    share::Share,
    stage::{Results, Stage, stages},
    target::{box_bytes, bytes_of_writer, is_whole},
    together::Together,
};
use crate::{
    EngineError, Plan, Run, Source,
    plan::Reading,
    reduce::{Axes, Frame as ReduceFrame, wants_positions},
};

impl Job {
    /// What computing it would do, for a view that is written or for results in memory: found out from what the page
    /// cache holds, without reading items.
    ///
    /// # Errors
    /// As computing it, but for what only reading and writing find.
    pub fn plan(&self, target: Option<&View>, run: &Run<'_>) -> Result<Plan, EngineError> {
        self.plan_for(target.map(|view| (view, false)), run)
    }

    /// What writing it to the places of a view in a file that exists would do, as [`Job::plan`].
    ///
    /// # Errors
    /// As that.
    pub fn plan_old(&self, file: &File, view: &View, run: &Run<'_>) -> Result<Plan, EngineError> {
        self.plan_for(Some((view, self.meets(file, view))), run)
    }

    /// For a view that is written, and whether what is there is read as well.
    fn plan_for(&self, target: Option<(&View, bool)>, run: &Run<'_>) -> Result<Plan, EngineError> {
        let evidence = Evidence::default();
        let mut run = run.roomy().evidence(&evidence);
        let mut plan = Plan { passes: 0, ..Plan::new(&run) };
        if target.is_none() {
            let needed: usize = self.roots.iter().map(|&root| self.graph[root].nbytes()).sum();
            refuse_more(needed, &run)?;
            plan.results = needed as u64;
            run = run.take(needed);
        }
        let (kept, small) = (HashMap::new(), Vec::new());
        let mut planned = Planned { graph: &self.graph, run: &run, kept, small, bytes: 0, states: 0 };
        let results = if target.is_none() { Results::InMemory } else { Results::Elsewhere };
        for stage in stages(&self.graph, &self.roots, run.budget() / HELD, results) {
            planned.stage(&stage, &mut plan)?;
        }
        if let Some((_, true)) = target {
            // As in NumPy, what is read is what was there before.
            planned.whole(self.roots[0], "the values, before any is written", &mut plan)?;
        }
        for &root in &self.roots {
            match target {
                Some((view, _)) => {
                    plan.writes += view.nbytes() as u64;
                    planned.pass(root, (view, Cut::Boxes), "the result, to a file", &mut plan)?;
                }
                None if planned.kept.contains_key(&root) => {}
                None => {
                    let view = self.graph.c_view(root)?;
                    planned.pass(root, (&view, Cut::Rows), "the result, in memory", &mut plan)?;
                }
            }
        }
        plan.states += planned.states;
        Ok(plan)
    }
}

/// A job while it is planned.
struct Planned<'p, 'r> {
    graph: &'p Graph,
    run: &'p Run<'r>,
    /// Bytes of what would have been computed before.
    kept: HashMap<Id, usize>,
    /// What would be read as a whole first.
    small: Vec<(Arc<File>, View)>,
    /// Bytes in memory of both.
    bytes: usize,
    /// The most bytes of running values that a pass has; what is kept from pass to pass is added to the plan.
    states: u64,
}

impl Held for Planned<'_, '_> {
    fn result(&self, id: Id) -> Option<Base> {
        self.kept.get(&id).map(|_| Base::Memory(None))
    }

    fn small(&mut self, file: &Arc<File>, view: &View) -> Result<Option<Option<Arc<Vec<u8>>>>, EngineError> {
        if view.nbytes() > self.run.budget() / HELD {
            return Ok(None);
        }
        if !self.small.iter().any(|(other, known)| same_file(other, file) && known == view) {
            self.small.push((Arc::clone(file), view.clone()));
            self.bytes += view.nbytes();
        }
        Ok(Some(None))
    }
}

impl<'r> Planned<'_, 'r> {
    fn stage(&mut self, stage: &Stage, plan: &mut Plan) -> Result<(), EngineError> {
        match stage {
            Stage::Pass(shares) => self.together(shares, plan),
            Stage::Scan(id) => self.whole(*id, "a running sum or product", plan),
            Stage::Hold(id) => self.whole(*id, "a small part", plan),
        }
    }

    /// The run with the memory that is left.
    fn left(&self) -> Run<'r> {
        self.run.take(self.bytes)
    }

    /// Bytes in memory of results, of which those that take more go to files.
    fn held(&self, ids: &[Id]) -> Result<usize, EngineError> {
        let mut held = 0;
        for &id in ids {
            let bytes = self.graph.c_view(id)?.nbytes();
            held += if bytes <= self.run.budget() / HELD { bytes } else { 0 };
        }
        Ok(held)
    }

    /// An operation that is computed as a whole, unless it was before.
    fn whole(&mut self, id: Id, what: &str, plan: &mut Plan) -> Result<(), EngineError> {
        if self.kept.contains_key(&id) {
            return Ok(());
        }
        let (view, held) = (self.graph.c_view(id)?, self.held(&[id])?);
        let cut = if view.nbytes() == held { Cut::Rows } else { Cut::Boxes };
        self.bytes += held;
        self.pass(id, (&view, cut), what, plan)?;
        self.keep(id, plan)
    }

    fn keep(&mut self, id: Id, plan: &mut Plan) -> Result<(), EngineError> {
        let bytes = self.graph.c_view(id)?.nbytes();
        if bytes > self.run.budget() / HELD {
            plan.writes += bytes as u64;
            let folder = self.run.scratch_folder().display();
            plan.notes
                .push(format!("{bytes} bytes that are needed again go to a file without a name in {folder}"));
        } else {
            plan.states += bytes as u64;
        }
        self.kept.insert(id, bytes);
        Ok(())
    }

    fn pass(&mut self, id: Id, place: (&View, Cut), what: &str, plan: &mut Plan) -> Result<(), EngineError> {
        let (known, before) = (self.small.len(), self.left());
        let setup = Setup::new(self.graph, id, place, self, &before)?;
        self.read_small(known, plan);
        if setup.is_empty() {
            return Ok(());
        }
        let left = self.left();
        let carry = setup.carry(&left)?;
        let tiles = setup.tiles();
        let own = if place.1 == Cut::Rows { 0 } else { bytes_of_writer(box_bytes(&tiles), is_whole(&setup)) };
        self.states = self.states.max(carry as u64);
        let frame = Frame::new(&setup.fused, tiles, own, &left.take(carry));
        self.add(&frame, (what, own), plan);
        Ok(())
    }

    fn reduce(&mut self, ids: &[Id], plan: &mut Plan) -> Result<(), EngineError> {
        let graph = self.graph;
        let arg = graph[ids[0]].args[0];
        let (reductions, axes) = graph.reductions(ids);
        let names = names_of(&reductions);
        let held = self.held(ids)?;
        self.bytes += held;
        match &graph[arg].what {
            What::File(source) => {
                let reducers = reducers(source.view.dtype(), &reductions)?;
                let one = crate::plan_reduce(source, &axes, &reducers, &self.left(), 0)?;
                self.states = self.states.max(one.states);
                let one = Plan { states: 0, ..one };
                plan.stages.push(format!("{names} of {}", source.file.path().display()));
                plan.add(one);
            }
            _ => {
                let reducers = reducers(&graph.plain(arg), &reductions)?;
                let known = self.small.len();
                let (fused, items) = to_reduce(graph, arg, (&axes, &reducers), self)?;
                self.read_small(known, plan);
                let Some(run) = streamed(&fused, &items, &axes, &reducers, &self.left())? else {
                    self.bytes -= held;
                    self.whole(arg, "the values, before they are reduced", plan)?;
                    return self.reduce(ids, plan);
                };
                let axes = Axes::new(&items, &axes, wants_positions(&reducers))?;
                if !axes.is_empty() {
                    let reduced = ReduceFrame::new(&axes, &reducers, 0, &run);
                    let own = box_bytes(&reduced.tiles);
                    self.states = self.states.max(reduced.states as u64);
                    let frame = Frame::new(&fused, reduced.tiles.clone(), own, &reduced.run);
                    self.add(&frame, (&names, own), plan);
                }
            }
        }
        ids.iter().try_for_each(|&id| self.keep(id, plan))
    }

    fn together(&mut self, shares: &[Share], plan: &mut Plan) -> Result<(), EngineError> {
        match shares {
            [Share::Reduce(ids)] => return self.reduce(ids, plan),
            [Share::Result(_)] => return Ok(()),
            _ => {}
        }
        let (graph, left, known) = (self.graph, self.left(), self.small.len());
        let together = Together::new(graph, shares, self, &left)?;
        self.read_small(known, plan);
        let Some(together) = together else {
            let (some, others) = shares.split_at(shares.len() / 2);
            self.together(some, plan)?;
            return self.together(others, plan);
        };
        self.states = self.states.max(together.states as u64);
        let (members, results) = (&together.members, &together.results);
        let of_each = members.iter().map(|member| names_of(&graph.reductions(&member.ids).0));
        let in_memory = results.iter().map(|_| "a result in memory".to_owned());
        let what: Vec<String> = of_each.chain(in_memory).collect();
        let ids: Vec<Id> = members.iter().flat_map(|member| member.ids.iter().copied()).collect();
        self.bytes += self.held(&ids)?;
        self.add(&together.frame(&self.left()), (&what.join(" and "), together.own()), plan);
        // What is wanted in memory has its place there.
        self.kept.extend(results.iter().map(|&(_, id)| (id, 0)));
        ids.into_iter().try_for_each(|id| self.keep(id, plan))
    }

    /// What is read as a whole before a pass.
    fn read_small(&self, known: usize, plan: &mut Plan) {
        for (file, view) in &self.small[known..] {
            let source = Source { file: Arc::clone(file), view: view.clone() };
            let reason = "it is small and used again and again, so it is held in memory";
            plan.readings.push(Reading::new(&source, &IoEngine::Pread.to_string(), reason));
            plan.states += view.nbytes() as u64;
        }
    }

    /// Adds a pass.
    fn add(&self, frame: &Frame<'_>, (what, own): (&str, usize), plan: &mut Plan) {
        let report = frame.report();
        let readings = frame.readings();
        plan.passes += u64::from(!readings.is_empty());
        let files: Vec<String> =
            readings.iter().map(|(source, _)| source.file.path().display().to_string()).collect();
        let functions = match frame.fused.functions {
            0 => String::new(),
            1 => "1 function".to_owned(),
            count => format!("{count} functions, fused"),
        };
        let of = if files.is_empty() { String::new() } else { format!("of {}", files.join(", ")) };
        let parts: Vec<&str> = [what, &functions, &of].into_iter().filter(|part| !part.is_empty()).collect();
        plan.stages.push(parts.join(": ").replacen(": of", " of", 1));
        plan.threads = plan.threads.max(frame.threads);
        plan.buffers = plan.buffers.max(report.io.buffer_bytes + (frame.threads * own) as u64);
        for (source, choice) in readings {
            plan.readings.push(Reading::of(&source, choice));
        }
    }
}

/// The names of reductions.
fn names_of(reductions: &[&Reduction]) -> String {
    reductions.iter().map(|one| one.op.name(one.nan)).collect::<Vec<_>>().join(", ")
}

impl Frame<'_> {
    /// What is read of which file, and how.
    fn readings(&self) -> Vec<(Source, Choice)> {
        let leaf = |index: usize| {
            let leaf = &self.fused.leaves[index];
            let Base::File(file) = &leaf.base else { return None };
            Some(Source { file: Arc::clone(file), view: each_once(&leaf.view)? })
        };
        let fed = self.feeds.feeds.iter().filter_map(|feed| {
            // Arrays that are read together are told of once.
            Some((leaf(*feed.leaves.first()?)?, feed.choice.clone()))
        });
        let gathered =
            self.feeds.gathered.iter().filter_map(|one| Some((leaf(one.leaf)?, one.choice.clone())));
        fed.chain(gathered).collect()
    }
}
