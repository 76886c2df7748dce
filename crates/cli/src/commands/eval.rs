use std::io::Write;

use ndfolio::{
    Array, CreateOptions, Durability, Error, Lazy, Location, Mode, OpenOptions, Plan, Reduced, Run,
    eval::{Program, check_name},
};

use super::small_text;
use crate::{
    args::{self, EvalArgs},
    failure::Failure,
    output::Output,
    print::json_value,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let lazy = lazy(args)?;
    let plan = match args.run.profile {
        true => Some(plan_of(args, &lazy)?),
        // A bar needs no more than the number of bytes, and what is wrong comes out when it is computed.
        false if !args.run.quiet => plan_of(args, &lazy).ok(),
        false => None,
    };
    // Somebody who waits for another writer can interrupt it.
    let watch = Watch::new(0, &args.run);
    let target = args.into.as_ref().map(|_| target(args, Mode::ReadWrite, watch.run())).transpose()?;
    let bytes = plan.as_ref().map_or(0, |plan| plan.bytes() + plan.writes);
    let watch = watch.for_bytes(bytes, &args.run);
    let prediction = plan.filter(|_| args.run.profile).map(Prediction::new);
    match (&args.output, target) {
        (Some(path), _) => {
            let options = options(args, &lazy)?;
            options.save(&lazy, path, args.casting, watch.run())?;
        }
        (None, Some(target)) => {
            target.assign_lazy(&lazy, args.casting, watch.run())?;
            // Checksums beside the file are renewed once it is flushed.
            if args.sync || target.keeps_checksums()? {
                target.flush_run(watch.run())?;
            }
        }
        (None, None) => {
            print(args, &lazy.compute(watch.run())?)?;
        }
    }
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn plan(args: &EvalArgs) -> Result<Plan, Failure> {
    plan_of(args, &lazy(args)?)
}

fn plan_of(args: &EvalArgs, lazy: &Lazy) -> Result<Plan, Failure> {
    let session = args.run.session();
    Ok(match (&args.output, &args.into) {
        (Some(path), _) => options(args, lazy)?.plan_save(lazy, path, args.casting, &session)?,
        (None, Some(_)) => {
            target(args, Mode::Read, Run::default())?.plan_assign(lazy, args.casting, &session)?
        }
        (None, None) => lazy.plan(&session)?,
    })
}

/// The expression over the arrays that are named.
fn lazy(args: &EvalArgs) -> Result<Lazy, Failure> {
    let program = Program::parse(&args.expression).map_err(Error::from)?;
    let mut arrays = Vec::with_capacity(args.arrays.len());
    for given in &args.arrays {
        let usage = |reason: String| Failure::Usage(format!("{given}: {reason}"));
        let parts = given.split_once('=').filter(|(_, file)| !file.is_empty());
        let (name, file) = parts.ok_or_else(|| usage("expected NAME=FILE, such as x=run.npy".to_owned()))?;
        check_name(name).map_err(usage)?;
        if arrays.iter().any(|(known, _)| *known == name) {
            return Err(usage(format!("the name {name} is given twice")));
        }
        arrays.push((name, Lazy::from(Location::parse(file)?.open(&OpenOptions::new())?)));
    }
    let names: Vec<&str> = arrays.iter().map(|(name, _)| *name).collect();
    if let Some(name) = program.unused(&names).first() {
        return Err(Failure::Usage(format!("{name} is given, but the expression does not use it")));
    }
    let lazy = program.evaluate(&arrays).map_err(Error::from)?;
    match (&args.dtype, &args.output) {
        // A file is cast to its dtype as it is written.
        (Some(text), None) => {
            let dtype = args::dtype("result".as_ref(), text)?;
            Ok(lazy.astype(&dtype, args.casting))
        }
        _ => Ok(lazy),
    }
}

fn options(args: &EvalArgs, lazy: &Lazy) -> Result<CreateOptions, Failure> {
    let mut options = args.target.apply(CreateOptions::of(lazy)?);
    if let (Some(text), Some(path)) = (&args.dtype, &args.output) {
        options = options.dtype(args::dtype(path, text)?);
    }
    if let Some(order) = args.order {
        options = options.order(order);
    }
    if let Some(format) = args.format {
        options = options.kind(format.into());
    }
    Ok(options.durability(if args.sync { Durability::Name } else { Durability::Items }))
}

/// The array that is written in place.
fn target(args: &EvalArgs, mode: Mode, run: Run<'_>) -> Result<Array, Failure> {
    let place = args.into.as_deref().unwrap_or("".as_ref());
    let options = OpenOptions::new().mode(mode).lock(args.lock.lock()).wait(args.lock.wait);
    Ok(Location::parse(place)?.open_run(&options, run)?)
}

fn print(args: &EvalArgs, result: &Reduced) -> Result<(), Failure> {
    let mut out = Output::new();
    if args.json {
        super::nested(&mut out, &mut result.iter().map(|value| json_value(&value)), result.shape())?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", small_text(result))?;
    }
    Ok(out.finish()?)
}
