//! Where values go: a new file, an array on disk, memory, somebody who takes them block by block.

use std::path::Path;

use ndfolio_engine::{
    EngineError, Run,
    expr::{Block, Emit, Expr, Job},
};
use ndfolio_kernel::Casting;
use ndfolio_layout::{Order, View};

use super::Lazy;
use crate::{Array, CreateOptions, Error, Plan, Reduced, Report, Result};

impl Lazy {
    /// Computes the values in memory: for small results.
    ///
    /// # Errors
    /// What is wrong with the expression; a result larger than the memory of the run, with its size and the ways
    /// out; what the files report; a cancelled run.
    pub fn compute<'r>(&self, run: impl Into<Run<'r>>) -> Result<Reduced> {
        Ok(compute(std::slice::from_ref(self), run)?.remove(0))
    }

    /// Computes the values and writes them to a new `.npy` file (or a raw one, by its name), which is opened.
    ///
    /// The file is in the order of the arrays (F if all of them are), its space is reserved, and it appears under its
    /// name whole or not at all; an existing one is replaced, also if the expression reads it.
    ///
    /// # Errors
    /// As [`Lazy::compute`], but a result may have any size; a full disk. Nothing is left behind then.
    pub fn save<'r>(&self, path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Array> {
        let options = CreateOptions::of(self)?.existing(crate::Existing::Replace);
        Ok(options.save(self, path, Casting::SameKind, run)?.0)
    }

    /// Hands the values to somebody block by block, in C order, in this machine's byte order.
    ///
    /// Blocks are computed on several threads and handed over one after the other.
    ///
    /// # Errors
    /// As [`Lazy::compute`], but a result may have any size; the first error of `each`, at which it stops.
    pub fn for_each_block<'r, E>(
        &self,
        run: impl Into<Run<'r>>,
        mut each: impl FnMut(Block<'_>) -> Result<(), E> + Send,
    ) -> Result<Report, E>
    where
        E: From<Error> + Send,
    {
        let expr = self.expr()?;
        let job = Job::new(std::slice::from_ref(expr)).map_err(of_expression)?;
        let mut failed = None;
        let mut take = |block: Block<'_>| {
            each(block).map_err(|error| {
                failed = Some(error);
                EngineError::Cancelled
            })
        };
        let result = job.emit(Emit::Each(&mut take), &run.into());
        match failed {
            Some(error) => Err(error),
            None => Ok(result.map_err(of_expression)?),
        }
    }

    /// What computing the values in memory would do.
    ///
    /// # Errors
    /// As [`Lazy::compute`], but for what only reading finds.
    pub fn plan<'r>(&self, run: impl Into<Run<'r>>) -> Result<Plan> {
        plan_compute(std::slice::from_ref(self), run)
    }

    /// The order in which a new file of it is written: F if all arrays lie in that order.
    pub(crate) fn order(&self) -> Result<Order> {
        Ok(self.expr()?.order())
    }
}

/// Computes several expressions in memory at once: what they have in common is computed once, and arrays of one shape
/// that are made of the same files are computed, and reduced along any axes, in one pass over those. Where the memory
/// is too little for all at once they have passes of their own; the results are the same to the bit.
///
/// # Errors
/// As [`Lazy::compute`].
pub fn compute<'r>(lazies: &[Lazy], run: impl Into<Run<'r>>) -> Result<Vec<Reduced>> {
    let job = job_of_all(lazies)?;
    let (results, report) = job.compute(&run.into()).map_err(of_expression)?;
    Ok(results
        .into_iter()
        .map(|memory| {
            let (dtype, shape) = (memory.dtype().clone(), memory.shape().to_vec());
            Reduced::new(dtype, shape, memory.into_bytes(), report.clone())
        })
        .collect())
}

/// What [`compute`] would do: found out from what the page cache holds, without reading items.
///
/// # Errors
/// As that, but for what only reading finds.
pub fn plan_compute<'r>(lazies: &[Lazy], run: impl Into<Run<'r>>) -> Result<Plan> {
    job_of_all(lazies)?.plan(None, &run.into()).map_err(of_expression)
}

fn job_of_all(lazies: &[Lazy]) -> Result<Job> {
    let exprs: Vec<Expr> = lazies.iter().map(|lazy| lazy.expr().cloned()).collect::<Result<_>>()?;
    Job::new(&exprs).map_err(of_expression)
}

/// An error about an expression, which knows its files itself if it is about one.
pub(crate) fn of_expression(error: EngineError) -> Error {
    match error {
        EngineError::Store(error) => Error::Store(error),
        error => Error::Expression(std::sync::Arc::new(error)),
    }
}

impl CreateOptions {
    /// A new array of the dtype, the shape and the order of an expression.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn of(lazy: &Lazy) -> Result<Self> {
        Ok(CreateOptions::new(lazy.dtype()?.clone(), lazy.shape()?).order(lazy.order()?))
    }

    /// Makes the file and writes the values of an expression to it, cast to its dtype.
    ///
    /// It may read the file that this one replaces: it does so until the new one is whole.
    ///
    /// # Errors
    /// As [`CreateOptions::create`] and [`Lazy::save`]; another shape than the expression's; a cast that `casting`
    /// forbids.
    pub fn save<'r>(
        &self,
        lazy: &Lazy,
        path: impl AsRef<Path>,
        casting: Casting,
        run: impl Into<Run<'r>>,
    ) -> Result<(Array, Report)> {
        let (path, run) = (path.as_ref(), &run.into());
        let (job, view) = self.prepare(lazy, path, casting)?;
        let mut report = Report::default();
        let array = self.write_new(path, run, |new| {
            report = job.emit(Emit::New(new, &view), run).map_err(of_expression)?;
            Ok(())
        })?;
        Ok((array, report))
    }

    /// What [`CreateOptions::save`] would do: found out from what the page cache holds, without reading items or
    /// making a file.
    ///
    /// # Errors
    /// As that, but for what only reading and writing find.
    pub fn plan_save<'r>(
        &self,
        lazy: &Lazy,
        path: impl AsRef<Path>,
        casting: Casting,
        run: impl Into<Run<'r>>,
    ) -> Result<Plan> {
        let (job, view) = self.prepare(lazy, path.as_ref(), casting)?;
        job.plan(Some(&view), &run.into()).map_err(of_expression)
    }

    fn prepare(&self, lazy: &Lazy, path: &Path, casting: Casting) -> Result<(Job, View)> {
        let view = self.view_of(path)?;
        Ok((job_for(lazy, &view, casting)?, view))
    }
}

/// A job whose items go to the places of a view.
pub(crate) fn job_for(lazy: &Lazy, view: &View, casting: Casting) -> Result<Job> {
    let expr = lazy.expr()?;
    let cast = expr.cast(view.dtype(), casting).and_then(|expr| {
        if expr.shape() == view.shape() { Ok(expr) } else { expr.broadcast_to(view.shape()) }
    });
    Job::new(&[cast.map_err(of_expression)?]).map_err(of_expression)
}

impl Array {
    /// Computes an expression and writes its values to this array, in place, cast to its dtype: NumPy's
    /// `array[...] = expression`. It may read this array: what is read is what was there before.
    ///
    /// # Errors
    /// An array that is open for reading only, or whose items repeat; a shape that does not broadcast to this one; a cast that `casting`
    /// forbids; what the files report; a cancelled run. An error in the middle leaves a part written.
    pub fn assign_lazy<'r>(
        &self,
        lazy: impl Into<Lazy>,
        casting: Casting,
        run: impl Into<Run<'r>>,
    ) -> Result<Report> {
        let (job, run) = (self.job_for_assignment(&lazy.into(), casting)?, run.into());
        let _writing = self.before_writing(&run)?;
        job.emit(Emit::Old(self.file(), self.view()), &run).map_err(of_expression)
    }

    /// What [`Array::assign_lazy`] would do.
    ///
    /// # Errors
    /// As that, but for what only reading and writing find.
    pub fn plan_assign<'r>(
        &self,
        lazy: impl Into<Lazy>,
        casting: Casting,
        run: impl Into<Run<'r>>,
    ) -> Result<Plan> {
        let job = self.job_for_assignment(&lazy.into(), casting)?;
        job.plan_old(self.file(), self.view(), &run.into()).map_err(of_expression)
    }

    /// What can be found before anything is computed is found here.
    fn job_for_assignment(&self, lazy: &Lazy, casting: Casting) -> Result<Job> {
        let job = job_for(lazy, self.view(), casting)?;
        self.check_writable()?;
        Ok(job)
    }
}
