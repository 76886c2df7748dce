use std::{io::Write, path::Path, process::ExitCode};

use ndfolio::{Array, ArrayDifference, Location, NanRule, Plan, Tolerance, diff, json, plan_diff};
use serde_json::{Value as Json, json};

use crate::{
    args::DiffArgs,
    failure::Failure,
    output::{Output, tuple},
    print::json_value,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let (a, b) = arrays(args)?;
    let prediction = match a.shape() == b.shape() {
        true => Prediction::if_wanted(&args.run, || plan(args))?,
        false => None,
    };
    let watch = Watch::new(a.nbytes() as u64, &args.run);
    let found = if a.shape() == b.shape() { Some(diff(&a, &b, tolerance(args), watch.run())?) } else { None };
    let equal = found.as_ref().is_some_and(|found| found.differing == 0);
    if args.json {
        Output::new().json(&as_json(&a, &b, found.as_ref(), equal)?)?;
    } else if !equal {
        as_text(args, &a, &b, found.as_ref())?;
    }
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(if equal { ExitCode::SUCCESS } else { Failure::FAILED.into() })
}

pub(crate) fn plan(args: &DiffArgs) -> Result<Plan, Failure> {
    let (a, b) = arrays(args)?;
    Ok(plan_diff(&a, &b, tolerance(args), &args.run.session())?)
}

fn arrays(args: &DiffArgs) -> Result<(Array, Array), Failure> {
    let open = |path: &Path| -> Result<Array, Failure> {
        Ok(Location::parse(path)?.open(&args.raw.options(path)?)?)
    };
    Ok((open(&args.a)?, open(&args.b)?))
}

fn tolerance(args: &DiffArgs) -> Tolerance {
    let nan = if args.equal_nan { NanRule::Equal } else { NanRule::Different };
    Tolerance { absolute: args.atol, relative: args.rtol, nan }
}

fn as_json(a: &Array, b: &Array, found: Option<&ArrayDifference>, equal: bool) -> Result<Json, Failure> {
    let first = found.and_then(|found| found.first.as_ref());
    let at = |array: &Array| -> Result<Json, Failure> {
        Ok(match first {
            Some(index) => json_value(&array.get(&signed(index))?),
            None => Json::Null,
        })
    };
    let float = |x: Option<f64>| x.map_or(Json::Null, |x| json_value(&x.into()));
    Ok(json!({
        "equal": equal,
        "shape_a": a.shape(),
        "shape_b": b.shape(),
        "dtype_a": json::from_dtype(a.dtype()),
        "dtype_b": json::from_dtype(b.dtype()),
        "size": a.size(),
        "differing": found.map(|found| found.differing),
        "first_index": first,
        "first_a": at(a)?,
        "first_b": at(b)?,
        "max_abs": float(found.and_then(|found| found.max_absolute)),
        "max_rel": float(found.and_then(|found| found.max_relative)),
    }))
}

fn as_text(args: &DiffArgs, a: &Array, b: &Array, found: Option<&ArrayDifference>) -> Result<(), Failure> {
    let mut out = Output::new();
    writeln!(out, "{} and {} differ", args.a.display(), args.b.display())?;
    match found {
        None => writeln!(out, "  shapes {} and {}", tuple(a.shape()), tuple(b.shape()))?,
        Some(found) => {
            writeln!(out, "  {} of {} items", found.differing, a.size())?;
            if let Some(index) = &found.first {
                let (x, y) = (a.get(&signed(index))?, b.get(&signed(index))?);
                writeln!(out, "  first at [{}]: {x} and {y}", join(index))?;
            }
            if let (Some(absolute), Some(relative)) = (found.max_absolute, found.max_relative) {
                writeln!(out, "  by at most {absolute:e}, relative {relative:e}")?;
            }
        }
    }
    Ok(out.finish()?)
}

fn signed(index: &[usize]) -> Vec<i64> {
    index.iter().map(|&i| i as i64).collect()
}

fn join(index: &[usize]) -> String {
    index.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
