//! Computes expressions: stage by stage, then what was asked for.

use std::{collections::HashMap, sync::Arc};

use ndfolio_kernel::Scanner;
use ndfolio_layout::View;
use ndfolio_store::{Evidence, File, Scratch};

use super::{
    Emit, Expr, Memory,
    fused::{Base, Held},
    graph::{Graph, Id, What, same_file},
    pass::{Consumer, Frame},
    reducing::{reducers, streamed, to_reduce},
    room::{Finishing, Kept, Room},
    scan::Scanned,
    setup::{Cut, Setup},
    share::Share,
    stage::{Results, Stage, stages},
    target::{Output, ToCallback, ToFile, ToMemory},
    together::Together,
};
use crate::{EngineError, Found, Report, Run, Source, fetch::Fetcher, reduce::reduce_computed};

/// Expressions that are computed together: what they have in common is computed once.
#[derive(Debug)]
pub struct Job {
    pub(super) graph: Graph,
    pub(super) roots: Vec<Id>,
}

/// Which share of the memory may be taken by what is held in memory while passes run.
pub(super) const HELD: usize = 8;

impl Job {
    /// Of some expressions.
    ///
    /// # Errors
    /// A number that no dtype holds.
    pub fn new(roots: &[Expr]) -> Result<Self, EngineError> {
        let mut graph = Graph::default();
        let roots = graph.add(roots)?;
        Ok(Job { graph, roots })
    }

    /// Computes all of them in memory.
    ///
    /// # Errors
    /// Results that do not fit into the memory that was given; what the files report; a cancelled run.
    pub fn compute(&self, run: &Run<'_>) -> Result<(Vec<Memory>, Report), EngineError> {
        let evidence = Evidence::default();
        let run = &run.roomy().evidence(&evidence);
        let needed: usize = self.roots.iter().map(|&root| self.graph[root].nbytes()).sum();
        refuse_more(needed, run)?;
        let run = run.take(needed);
        let mut work = Work::new(self, &run);
        work.stages(Results::InMemory)?;
        let mut results = Vec::with_capacity(self.roots.len());
        for &root in &self.roots {
            results.push(work.in_memory(root)?);
        }
        Ok((results, work.report))
    }

    /// Computes the first of them, and gives its items to somebody.
    ///
    /// # Errors
    /// A view of another shape or dtype; what the files report; a cancelled run; the first error of who takes
    /// the items.
    pub fn emit(&self, emit: Emit<'_>, run: &Run<'_>) -> Result<Report, EngineError> {
        let evidence = Evidence::default();
        let run = &run.roomy().evidence(&evidence);
        let mut work = Work::new(self, run);
        let root = self.roots[0];
        work.stages(Results::Elsewhere)?;
        match emit {
            Emit::New(file, view) => work.write(root, Output::New(file), view)?,
            Emit::Old(file, view) => {
                if self.meets(file, view) {
                    // As in NumPy, what is read is what was there before.
                    work.keep(root)?;
                }
                work.write(root, Output::Old(file), view)?;
            }
            Emit::Each(each) => {
                let target = self.graph.c_view(root)?;
                work.pass(root, (&target, Cut::Rows), |_| Ok(ToCallback::new(each)))?;
            }
        }
        Ok(work.report)
    }

    /// Whether an array that is read has bytes of a view that is written, but not item by item the same.
    pub(super) fn meets(&self, file: &File, view: &View) -> bool {
        self.graph.iter().any(|item| match &item.what {
            What::File(source) => {
                source.file.id() == file.id() && source.view != *view && source.view.overlaps(view)
            }
            _ => false,
        })
    }
}

/// A result larger than the memory is refused.
pub(super) fn refuse_more(needed: usize, run: &Run<'_>) -> Result<(), EngineError> {
    if needed <= run.budget() {
        return Ok(());
    }
    Err(EngineError::Budget {
        what: "the result in memory",
        needed: needed as u64,
        budget: run.budget() as u64,
        way: "save it to a file, reduce it, take a part of it, or give it more memory",
    })
}

/// A job while it is computed.
struct Work<'w> {
    job: &'w Job,
    run: &'w Run<'w>,
    kept: HashMap<Id, Kept>,
    small: Vec<(Arc<File>, View, Arc<Vec<u8>>)>,
    /// Bytes in memory of both.
    bytes: usize,
    report: Report,
}

impl Held for Work<'_> {
    fn result(&self, id: Id) -> Option<Base> {
        Some(match self.kept.get(&id)? {
            Kept::Memory(bytes) => Base::Memory(Some(Arc::clone(bytes))),
            Kept::Scratch(scratch) => Base::File(scratch.shared()),
        })
    }

    fn small(&mut self, file: &Arc<File>, view: &View) -> Result<Option<Option<Arc<Vec<u8>>>>, EngineError> {
        if view.nbytes() > self.run.budget() / HELD {
            return Ok(None);
        }
        let known = self.small.iter().find(|(other, known, _)| same_file(other, file) && known == view);
        if let Some((_, _, bytes)) = known {
            return Ok(Some(Some(Arc::clone(bytes))));
        }
        let mut bytes = vec![0; view.nbytes()];
        Fetcher::default().read(file, view, &mut bytes, self.run)?;
        self.bytes += bytes.len();
        let bytes = Arc::new(bytes);
        self.small.push((Arc::clone(file), view.clone(), Arc::clone(&bytes)));
        Ok(Some(Some(bytes)))
    }
}

impl<'w> Work<'w> {
    fn new(job: &'w Job, run: &'w Run<'w>) -> Self {
        let (kept, small) = (HashMap::new(), Vec::new());
        Work { job, run, kept, small, bytes: 0, report: Report::default() }
    }

    fn graph(&self) -> &'w Graph {
        &self.job.graph
    }

    fn stages(&mut self, results: Results) -> Result<(), EngineError> {
        for stage in stages(self.graph(), &self.job.roots, self.run.budget() / HELD, results) {
            match stage {
                Stage::Pass(shares) => self.together(&shares)?,
                Stage::Scan(id) | Stage::Hold(id) => self.keep(id)?,
            }
        }
        Ok(())
    }

    /// Computes an operation as a whole, unless it was before, and keeps it.
    fn keep(&mut self, id: Id) -> Result<(), EngineError> {
        if !self.kept.contains_key(&id) {
            let kept = self.whole(id)?;
            self.kept.insert(id, kept);
        }
        Ok(())
    }

    /// The run with the memory that is left.
    fn left(&self) -> Run<'w> {
        self.run.take(self.bytes)
    }

    /// An operation as a whole: in memory, or in a file without a name.
    fn whole(&mut self, id: Id) -> Result<Kept, EngineError> {
        let target = self.graph().c_view(id)?;
        if target.nbytes() <= self.run.budget() / HELD {
            self.bytes += target.nbytes();
            return Ok(Kept::Memory(Arc::new(self.items(id, &target)?)));
        }
        let scratch = self.scratch(target.nbytes() as u64)?;
        let left = self.left();
        self.pass(id, (&target, Cut::Boxes), |setup| {
            Ok(ToFile::new(Output::Scratch(&scratch), setup, &left))
        })?;
        Ok(Kept::Scratch(Arc::new(scratch)))
    }

    fn scratch(&self, bytes: u64) -> Result<Scratch, EngineError> {
        let run = self.run;
        Ok(Scratch::create(run.scratch_folder(), bytes, &|| run.go_on().is_err())?)
    }

    /// An operation's items in memory.
    fn in_memory(&mut self, id: Id) -> Result<Memory, EngineError> {
        let (dtype, shape) = (self.graph().plain(id), self.graph()[id].shape.clone());
        if let Some(Kept::Memory(bytes)) = self.kept.get(&id) {
            return Ok(Memory { bytes: Arc::clone(bytes), view: self.graph().c_view(id)? });
        }
        let items = self.items(id, &self.graph().c_view(id)?)?;
        Ok(Memory::new(&dtype, &shape, items)?)
    }

    /// The items of an operation, one behind the other as a view has them.
    fn items(&mut self, id: Id, target: &View) -> Result<Vec<u8>, EngineError> {
        let mut items = vec![0; target.nbytes()];
        self.pass(id, (target, Cut::Rows), |setup| {
            Ok(ToMemory::new(&setup.tiles(), setup.items.itemsize(), &mut items))
        })?;
        Ok(items)
    }

    /// Writes an operation's items to the places of a view.
    fn write(&mut self, id: Id, output: Output<'_>, view: &View) -> Result<(), EngineError> {
        let left = self.left();
        self.pass(id, (view, Cut::Boxes), |setup| Ok(ToFile::new(output, setup, &left)))
    }

    /// One pass that computes an operation for the places of a view, in the view's order.
    fn pass<C: Consumer>(
        &mut self,
        id: Id,
        (view, cut): (&View, Cut),
        consumer: impl FnOnce(&Setup) -> Result<C, EngineError>,
    ) -> Result<(), EngineError> {
        let before = self.left();
        let setup = Setup::new(self.graph(), id, (view, cut), self, &before)?;
        if setup.is_empty() {
            return Ok(());
        }
        let left = self.left();
        let consumer = consumer(&setup)?;
        let report = match setup.scan {
            None => run_frame(&setup, &left, &consumer)?,
            Some(scan) => {
                let left = left.take(setup.carry(&left)?);
                let scanner = Scanner::new(setup.items.dtype(), scan.running)?;
                let consumer = Scanned::new(consumer, scanner, scan.axis, &setup.items, &setup.block);
                run_frame(&setup, &left, &consumer)?
            }
        };
        self.report.then(&report);
        Ok(())
    }

    /// Reductions of one array along the same axes.
    fn reduce(&mut self, ids: &[Id]) -> Result<(), EngineError> {
        let graph = self.graph();
        let arg = graph[ids[0]].args[0];
        let (reductions, axes) = graph.reductions(ids);
        let source = match (&graph[arg].what, self.kept.get(&arg)) {
            (_, Some(Kept::Scratch(scratch))) => {
                Some(Source { file: scratch.shared(), view: self.graph().c_view(arg)? })
            }
            (What::File(source), None) => Some(source.clone()),
            _ => None,
        };
        let dtype = source.as_ref().map_or_else(|| graph.plain(arg), |source| source.view.dtype().clone());
        let reducers = reducers(&dtype, &reductions)?;
        let before = self.bytes;
        let mut results = Finishing::new(&reductions, &reducers, self.rooms(ids)?)?;
        let rooms = self.bytes - before;
        let mut put = |first: usize, found: Found<'_>| results.put(first, found);
        let left = self.left();
        let report = match &source {
            Some(source) => crate::reduce_along(source, &axes, &reducers, &left, &mut put)?,
            None => {
                let (fused, items) = to_reduce(graph, arg, (&axes, &reducers), self)?;
                let Some(streamed) = streamed(&fused, &items, &axes, &reducers, &self.left())? else {
                    // Boxes of a reduction would be gathered from all over the file.
                    self.bytes -= rooms;
                    self.keep(arg)?;
                    return self.reduce(ids);
                };
                reduce_computed((&fused, &items), &axes, &reducers, &streamed, &mut put)?
            }
        };
        self.report.then(&report);
        self.kept.extend(ids.iter().copied().zip(results.finish()?));
        Ok(())
    }

    /// What takes the items of one pass: reductions are kept, and results too.
    fn together(&mut self, shares: &[Share]) -> Result<(), EngineError> {
        match shares {
            [Share::Reduce(ids)] => return self.reduce(ids),
            // It is computed with the other results.
            [Share::Result(_)] => return Ok(()),
            _ => {}
        }
        let (graph, left) = (self.graph(), self.left());
        let Some(together) = Together::new(graph, shares, self, &left)? else {
            let (some, others) = shares.split_at(shares.len() / 2);
            self.together(some)?;
            return self.together(others);
        };
        let mut found = Vec::with_capacity(together.members.len());
        for member in &together.members {
            let (reductions, _) = graph.reductions(&member.ids);
            found.push(Finishing::new(&reductions, &member.reducers, self.rooms(&member.ids)?)?);
        }
        let mut items = Vec::with_capacity(together.results.len());
        for &(_, id) in &together.results {
            items.push(vec![0; graph.c_view(id)?.nbytes()]);
        }
        let report = together.run(&mut found, &mut items, &self.left())?;
        self.report.then(&report);
        for (member, found) in together.members.iter().zip(found) {
            self.kept.extend(member.ids.iter().copied().zip(found.finish()?));
        }
        let items = items.into_iter().map(|items| Kept::Memory(Arc::new(items)));
        self.kept.extend(together.results.iter().map(|&(_, id)| id).zip(items));
        Ok(())
    }

    /// Room for the results of reductions.
    fn rooms(&mut self, ids: &[Id]) -> Result<Vec<Room>, EngineError> {
        let mut rooms = Vec::with_capacity(ids.len());
        for &id in ids {
            rooms.push(self.room(self.graph().c_view(id)?.nbytes())?);
        }
        Ok(rooms)
    }

    fn room(&mut self, bytes: usize) -> Result<Room, EngineError> {
        if bytes <= self.run.budget() / HELD {
            self.bytes += bytes;
            return Ok(Room::Memory(vec![0; bytes]));
        }
        Ok(Room::Scratch(Arc::new(self.scratch(bytes as u64)?), Vec::new()))
    }
}

/// Gives all boxes of a pass to somebody.
fn run_frame<C: Consumer>(setup: &Setup, run: &Run<'_>, consumer: &C) -> Result<Report, EngineError> {
    Frame::new(&setup.fused, setup.tiles(), consumer.bytes_of_worker(), run).run(run, consumer)
}
