use std::io::Write;

use ndfolio::{Array, Location, Mode, Op, OpenOptions, Plan, Reduced, Reduction};

use super::small_text;
use crate::{
    args::{OpName, ReduceArgs},
    failure::Failure,
    output::Output,
    print::json_value,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &ReduceArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(args))?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    let results = results(args, &array, &reduction(args, &array).run(watch.run()))?;
    let mut out = Output::new();
    if args.json {
        as_json(&mut out, args, &results)?;
    } else {
        as_text(&mut out, args, &results)?;
    }
    out.finish()?;
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn plan(args: &ReduceArgs) -> Result<Plan, Failure> {
    let array = args.input.open(Mode::Read)?;
    let session = args.run.session();
    let mut plan = reduction(args, &array).run(&session).plan(&plain_ops(args))?;
    if args.weights.is_some() {
        plan.notes
            .push("the average with weights has a pass of its own, which is not in this plan".to_owned());
    }
    Ok(plan)
}

fn reduction<'a>(args: &ReduceArgs, array: &'a Array) -> Reduction<'a> {
    let mut reduction = array.reduction();
    if let Some(axes) = &args.axis {
        reduction = reduction.axes(axes);
    }
    if args.keepdims {
        reduction = reduction.keepdims();
    }
    if args.skip_nan {
        reduction = reduction.skip_nan();
    }
    reduction
}

fn is_weighted(args: &ReduceArgs, name: OpName) -> bool {
    name == OpName::Average && args.weights.is_some()
}

/// The operations of the pass that they share.
fn plain_ops(args: &ReduceArgs) -> Vec<Op> {
    let plain = args.operations.iter().filter(|name| !is_weighted(args, **name));
    plain.map(|name| op(*name, args.ddof)).collect()
}

/// The results in the order in which they were asked for: all in one pass, but for averages with weights.
fn results(args: &ReduceArgs, array: &Array, reduction: &Reduction<'_>) -> Result<Vec<Reduced>, Failure> {
    let ops = plain_ops(args);
    let Some(place) = &args.weights else { return Ok(reduction.compute(&ops)?) };
    if !args.operations.contains(&OpName::Average) {
        return Err(Failure::about(array.path(), "--weights is for the operation average"));
    }
    let weights = Location::parse(place)?.open(&OpenOptions::new())?;
    let average = reduction.average(&weights)?.average;
    let mut others = if ops.is_empty() { Vec::new() } else { reduction.compute(&ops)? }.into_iter();
    let result = |name: &OpName| if is_weighted(args, *name) { Some(average.clone()) } else { others.next() };
    Ok(args.operations.iter().filter_map(result).collect())
}

fn op(name: OpName, ddof: f64) -> Op {
    match name {
        OpName::Sum => Op::Sum,
        OpName::Prod => Op::Prod,
        OpName::Mean | OpName::Average => Op::Mean,
        OpName::Var => Op::Var { ddof },
        OpName::Std => Op::Std { ddof },
        OpName::Min => Op::Min,
        OpName::Max => Op::Max,
        OpName::Ptp => Op::Ptp,
        OpName::Argmin => Op::ArgMin,
        OpName::Argmax => Op::ArgMax,
        OpName::Any => Op::Any,
        OpName::All => Op::All,
        OpName::CountNonzero => Op::CountNonzero,
        OpName::Norm => Op::Norm,
    }
}

/// The operation's name, as it is typed.
fn name(op: OpName) -> String {
    clap::ValueEnum::to_possible_value(&op).map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One result alone as NumPy prints it; several with their names before them.
fn as_text(out: &mut Output, args: &ReduceArgs, results: &[Reduced]) -> Result<(), Failure> {
    for (op, result) in args.operations.iter().zip(results) {
        let text = small_text(result);
        if results.len() == 1 {
            writeln!(out, "{text}")?;
        } else if text.contains('\n') {
            writeln!(out, "{}\n{text}", name(*op))?;
        } else {
            writeln!(out, "{:<13} {text}", name(*op))?;
        }
    }
    Ok(())
}

fn as_json(out: &mut Output, args: &ReduceArgs, results: &[Reduced]) -> Result<(), Failure> {
    write!(out, "{{")?;
    for (i, (op, result)) in args.operations.iter().zip(results).enumerate() {
        write!(out, "{}\"{}\": ", if i > 0 { ", " } else { "" }, name(*op))?;
        super::nested(out, &mut result.iter().map(|value| json_value(&value)), result.shape())?;
    }
    writeln!(out, "}}")?;
    Ok(())
}
