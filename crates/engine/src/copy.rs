use ndfolio_kernel::Casting;
use ndfolio_layout::{LayoutError, View};
use ndfolio_store::NewFile;

use crate::{
    EngineError, Plan, Run, Source,
    expr::{Emit, Expr, Job},
};

/// Copies the items of an array to the places of a view in a new file, with a cast where the dtypes differ: an
/// expression without an operation.
///
/// # Errors
/// Shapes that differ, a cast that `casting` forbids, and what the files report.
pub fn copy(
    source: &Source,
    new: &NewFile,
    target: &View,
    casting: Casting,
    run: &Run<'_>,
) -> Result<(), EngineError> {
    job(source, target, casting)?.emit(Emit::New(new, target), run).map(|_| ())
}

/// What [`copy`] would do.
///
/// # Errors
/// As [`copy`], but for what only reading finds.
pub fn plan_copy(
    source: &Source,
    target: &View,
    casting: Casting,
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    job(source, target, casting)?.plan(Some(target), run)
}

fn job(source: &Source, target: &View, casting: Casting) -> Result<Job, EngineError> {
    if source.view.shape() != target.shape() {
        let text = |shape: &[usize]| format!("{shape:?}");
        let (from, to) = (text(source.view.shape()), text(target.shape()));
        return Err(LayoutError::Broadcast { from, to }.into());
    }
    Job::new(&[Expr::from(source.clone()).cast(target.dtype(), casting)?])
}
