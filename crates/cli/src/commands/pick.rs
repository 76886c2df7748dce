use std::{
    hash::{BuildHasher, RandomState},
    io::Write,
    path::Path,
};

use ndfolio::{Array, CreateOptions, DType, Indices, Location, Mode, OpenOptions, Picks, Plan};

use super::{nested, small_text};
use crate::{
    args::{self, PickedArgs, PutArgs, SampleArgs, TakeArgs, WhichArgs},
    failure::Failure,
    output::Output,
    print::json_value,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn take(args: &TakeArgs) -> Result<(), Failure> {
    let (array, rows) = opened(args)?;
    give(taken(&args.which, &array, &rows)?, &args.picked)
}

pub(crate) fn plan_take(args: &TakeArgs) -> Result<Plan, Failure> {
    let (array, rows) = opened(args)?;
    plan(taken(&args.which, &array, &rows)?, &args.picked)
}

pub(crate) fn sample(args: &SampleArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    give(array.sample(args.number, seed(args))?, &args.picked)
}

pub(crate) fn plan_sample(args: &SampleArgs) -> Result<Plan, Failure> {
    let array = args.input.open(Mode::Read)?;
    plan(array.sample(args.number, seed(args))?, &args.picked)
}

/// The array, and that of the indices.
fn opened(args: &TakeArgs) -> Result<(Array, Array), Failure> {
    let rows = located(&args.which.rows)?;
    Ok((args.input.open(Mode::Read)?, rows))
}

fn located(path: &Path) -> Result<Array, Failure> {
    Ok(Location::parse(path)?.open(&OpenOptions::new())?)
}

/// Writes to what indices pick.
pub(crate) fn put(args: &PutArgs) -> Result<(), Failure> {
    // Somebody who waits for another writer can interrupt it.
    let watch = Watch::new(0, &args.run);
    let (rows, values) = (located(&args.which.rows)?, located(&args.values)?);
    let array = args.input.open_to_write(&args.lock, &watch)?;
    let picks = taken(&args.which, &array, &rows)?;
    let watch = watch.for_bytes(picks.nbytes() as u64, &args.run);
    let budget = args.run.session().budget();
    picks.run(watch.run()).write_array(&values, args.casting, budget)?;
    array.flush_run(watch.run())?;
    array.close()?;
    profile::tell(&args.run, None, watch);
    Ok(())
}

fn taken<'a>(args: &WhichArgs, array: &'a Array, rows: &'a Array) -> Result<Picks<'a>, Failure> {
    let axis = (!args.flat).then_some(args.axis);
    let rows = Indices::from(rows);
    let picks = if rows.is_mask() { array.compress(rows, axis)? } else { array.take(rows, axis)? };
    Ok(picks.mode(args.mode))
}

fn seed(args: &SampleArgs) -> u64 {
    // The keys of a new map are the system's random numbers.
    args.seed.unwrap_or_else(|| RandomState::new().hash_one(0))
}

fn give(picks: Picks<'_>, args: &PickedArgs) -> Result<(), Failure> {
    let options = options(&picks, args)?;
    let watch = Watch::new(picks.nbytes() as u64, &args.run);
    let session = args.run.session();
    let picks = picks.run(&session);
    let prediction = Prediction::if_wanted(&args.run, || plan_of(&picks, &options, args))?;
    let picks = picks.run(watch.run());
    match &args.output {
        Some(path) => {
            picks.save(&options, path, args.casting)?;
        }
        None => {
            let dtype = dtype(&picks, args)?;
            let result = picks.compute_as(&dtype, args.casting)?;
            let mut out = Output::new();
            if args.json {
                nested(&mut out, &mut result.iter().map(|value| json_value(&value)), result.shape())?;
                writeln!(out)?;
            } else {
                writeln!(out, "{}", small_text(&result))?;
            }
            out.finish()?;
        }
    }
    drop(picks);
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

fn plan(picks: Picks<'_>, args: &PickedArgs) -> Result<Plan, Failure> {
    let options = options(&picks, args)?;
    let session = args.run.session();
    plan_of(&picks.run(&session), &options, args)
}

fn plan_of(picks: &Picks<'_>, options: &CreateOptions, args: &PickedArgs) -> Result<Plan, Failure> {
    Ok(match &args.output {
        Some(path) => picks.plan_save(options, path, args.casting)?,
        None => picks.plan_as(&dtype(picks, args)?, args.casting)?,
    })
}

fn dtype(picks: &Picks<'_>, args: &PickedArgs) -> Result<DType, Failure> {
    let path = args.output.as_deref().unwrap_or(Path::new("result"));
    args.to_dtype.as_ref().map_or(Ok(picks.dtype().clone()), |text| args::dtype(path, text))
}

fn options(picks: &Picks<'_>, args: &PickedArgs) -> Result<CreateOptions, Failure> {
    Ok(args.target.apply(picks.options().dtype(dtype(picks, args)?)))
}
