//! The rows of an array in another order, in a new file.
//!
//! Where the page cache holds the array, rows that are not short are [copied](mapped) in their new order. Where it fits
//! the memory or has long rows, they are picked one by one ([`gather_to`]). Else they go through two passes that read
//! and write long runs alone. The places of the new file are cut into buckets that fit the memory. The
//! [first pass](deal) reads the array from front to back, and appends each row to its bucket, which lies where its rows
//! are going to lie: so the new file is all the space that is needed. The [second](settle) brings each bucket to memory,
//! puts its rows in order, and writes it back. Which row is where need not be kept: those of a bucket came in the order
//! of the array.

mod bucket;
mod buckets;
mod deal;
mod mapped;
mod numbers;
mod settle;
mod threads;

use std::path::Path;

use ndfolio_kernel::{Casting, Permutation};
use ndfolio_layout::{Order, Picking, View};
use ndfolio_store::{AccessPlan, Choice, IoEngine, Mapping, NewFile, Pattern, WriteEngine};

use crate::{
    EngineError, Gather, Indexed, Indices, Io, Plan, Report, Run, Source,
    expr::part,
    gather::{gather_to, plan_gather_unchecked},
    plan::Reading,
};
use buckets::Buckets;
use deal::Dealing;

/// An array whose rows, along its first axis, are put in another order.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle<'a> {
    /// The array.
    pub source: &'a Source,
    /// Which of its rows comes at each place: as many as there are.
    pub order: &'a Permutation,
}

/// Rows from this length on are read from a device as fast in any order as from front to back.
const LONG_ROW: usize = 256 << 10;
/// Shorter rows are sooner dealt to buckets than found one by one, in the page cache too.
const SHORT_ROW: usize = 128;
/// The share of an array from which on it counts as being in the page cache: of the few rows that are not, each is
/// waited for.
const HOT: f64 = 0.999;
/// Why one pass is enough then.
const IN_CACHE: &str = "the page cache holds the array, so its rows are copied in their new order";

/// How it is done.
enum Way {
    /// Rows are copied in their new order out of the page cache.
    Copy(Mapping),
    /// Rows are picked in their new order.
    Pick(String),
    /// They go to buckets first.
    Deal(Buckets, Choice),
}

/// Writes the rows in their new order to a new file, to the places of a view that is contiguous in C order.
///
/// # Errors
/// What the files report; a cancelled run.
///
/// # Panics
/// If the array has no axes or another number of rows than the order; if the view has another shape or dtype than the
/// array, or another order.
pub fn shuffle_to(
    shuffle: &Shuffle<'_>,
    (new, target): (&NewFile, &View),
    run: &Run<'_>,
) -> Result<Report, EngineError> {
    let view = &shuffle.source.view;
    assert!(
        target.shape() == view.shape() && target.itemsize() == view.itemsize(),
        "places of another array"
    );
    assert!(target.is_contiguous(Order::C), "places in another order");
    let run = &run.ample();
    match shuffle.way(target, run) {
        Way::Copy(mapping) => mapped::copy(shuffle, &mapping, (new, target), run),
        Way::Pick(reason) => {
            let mut report = shuffle.picked(|gather| gather_to(gather, (new, target), Casting::No, run))?;
            report.notes.push(reason);
            Ok(report)
        }
        Way::Deal(buckets, choice) => {
            run.expect(target.nbytes());
            let dealing = Dealing { shuffle, new, buckets: &buckets, run };
            let (mut report, written) = dealing.run(&choice)?;
            report.then(&settle::settle(&dealing, written)?);
            Ok(report)
        }
    }
}

/// What [`shuffle_to`] would do: found out from what the page cache holds, without reading items.
///
/// # Errors
/// As that, but for what only reading and writing find.
///
/// # Panics
/// As that.
pub fn plan_shuffle_to(
    shuffle: &Shuffle<'_>,
    (path, target): (&Path, &View),
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let run = &run.ample();
    match shuffle.way(target, run) {
        Way::Copy(_) => {
            let cut = mapped::Cut::new(target, run);
            Ok(Plan {
                readings: vec![Reading::new(shuffle.source, &IoEngine::Mmap.to_string(), IN_CACHE)],
                writes: target.nbytes() as u64,
                threads: cut.threads,
                buffers: cut.bytes() as u64,
                ..Plan::new(run)
            })
        }
        Way::Pick(reason) => {
            let dtype = shuffle.source.view.dtype();
            let mut plan =
                shuffle.picked(|gather| plan_gather_unchecked(gather, (dtype, Casting::No), run))?;
            plan.notes.push(reason);
            Ok(plan)
        }
        Way::Deal(buckets, choice) => {
            let reading = Reading::of(shuffle.source, choice);
            let written = WriteEngine::for_new_file(target.offset() + target.nbytes() as u64, buckets.block);
            let (engine, reason) = settle::way(written);
            let again = Reading::of_new(path, engine, target.nbytes() as u64, reason);
            Ok(Plan {
                passes: 2,
                readings: vec![reading, again],
                writes: 2 * target.nbytes() as u64,
                threads: buckets.threads,
                buffers: buckets.bytes() as u64,
                stages: buckets.stages(),
                ..Plan::new(run)
            })
        }
    }
}

impl Shuffle<'_> {
    fn rows(&self) -> usize {
        self.source.view.shape()[0]
    }

    /// Bytes of a row in the new file.
    fn row_bytes(&self) -> usize {
        self.source.view.shape()[1..].iter().product::<usize>() * self.source.view.itemsize()
    }

    /// Some rows.
    fn part(&self, rows: std::ops::Range<usize>) -> Option<View> {
        let shape = self.source.view.shape();
        let bounds = std::iter::once(rows).chain(shape[1..].iter().map(|&n| 0..n));
        part(&self.source.view, &bounds.collect::<Vec<_>>())
    }

    fn way(&self, target: &View, run: &Run<'_>) -> Way {
        let (view, row) = (&self.source.view, self.row_bytes());
        if view.is_empty() {
            return Way::Pick("there are no items".to_owned());
        }
        let together = self.part(0..1).is_some_and(|row| row.is_contiguous(Order::C));
        if together
            && row >= SHORT_ROW
            && let Some(mapping) = self.mapping(run)
        {
            return Way::Copy(mapping);
        }
        if run.way() == Io::Auto && view.nbytes() <= run.budget() / 2 {
            return Way::Pick(format!("all {} bytes of the rows fit the memory", view.nbytes()));
        }
        if together && row >= LONG_ROW {
            return Way::Pick(format!(
                "rows of {row} bytes are read as fast in any order, so one pass is enough"
            ));
        }
        match Buckets::new(self.rows(), row, target.offset(), run) {
            Some(buckets) => Way::Deal(buckets, self.choose(run)),
            None => Way::Pick(format!(
                "{} bytes of memory hold no row for each bucket of a second pass, so the rows are picked one by one; \
                 give it more memory",
                run.budget()
            )),
        }
    }

    fn choose(&self, run: &Run<'_>) -> Choice {
        let view = &self.source.view;
        let plan = AccessPlan {
            range: view.extent(),
            bytes: view.nbytes() as u64,
            pieces: view.nbytes().div_ceil(IoEngine::Direct.piece_bytes()),
            pattern: Pattern::Sequential,
        };
        run.choose(&self.source.file, &plan)
    }

    /// The array where the page cache has it, if it has all of it or that was asked for.
    fn mapping(&self, run: &Run<'_>) -> Option<Mapping> {
        let (file, range) = (&self.source.file, self.source.view.extent());
        let is_wanted = match run.way() {
            Io::Force(engine) => engine == IoEngine::Mmap,
            Io::Auto => {
                let range = range.start.min(file.len())..range.end.min(file.len());
                let share = file.residency(range).ok().and_then(|found| found.share());
                share.is_some_and(|share| share >= HOT) && !file.file_system().network
            }
        };
        is_wanted.then(|| file.map(range).ok()).flatten()
    }

    fn picked<T>(&self, call: impl FnOnce(&Gather<'_>) -> Result<T, EngineError>) -> Result<T, EngineError> {
        let shape = [self.rows()];
        let picking = Picking::take(&self.source.view, Some(0), &shape)?;
        let indices = [Indexed { shape: &shape, values: &InOrder(self.order) }];
        call(&Gather { source: self.source, picking: &picking, indices: &indices })
    }
}

/// The numbers of a permutation, in its order.
struct InOrder<'p>(&'p Permutation);

impl Indices for InOrder<'_> {
    fn count(&self) -> usize {
        self.0.len() as usize
    }

    fn read(&self, from: usize, out: &mut [i64]) -> Result<(), EngineError> {
        for (place, number) in out.iter_mut().zip(from as u64..) {
            *place = self.0.at(number) as i64;
        }
        Ok(())
    }
}
