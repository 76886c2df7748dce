use std::io::Write;

use ndfolio::{Array, Mode, Op, Plan, Reduced, Reduction};

use crate::{
    args::{OpName, ReduceArgs},
    failure::Failure,
    output::Output,
    print::{self, Options, json_value},
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &ReduceArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(args))?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    let results = reduction(args, &array).run(watch.run()).compute(&ops(args))?;
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
    Ok(reduction(args, &array).run(&session).plan(&ops(args))?)
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

fn ops(args: &ReduceArgs) -> Vec<Op> {
    args.operations.iter().map(|name| op(*name, args.ddof)).collect()
}

fn op(name: OpName, ddof: f64) -> Op {
    match name {
        OpName::Sum => Op::Sum,
        OpName::Prod => Op::Prod,
        OpName::Mean => Op::Mean,
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
        let text = text(result);
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

fn text(result: &Reduced) -> String {
    let options = Options::default();
    let corners = print::corners(result.shape(), &options);
    let values = result.values();
    let mut items = Vec::new();
    print::for_each_corner(&corners, |index| {
        let place = index.iter().zip(result.shape()).fold(0, |place, (i, n)| place * n + i);
        items.extend(values.get(place).cloned());
    });
    print::array_to_string(result.dtype(), result.shape(), &items, &options)
}

fn as_json(out: &mut Output, args: &ReduceArgs, results: &[Reduced]) -> Result<(), Failure> {
    write!(out, "{{")?;
    for (i, (op, result)) in args.operations.iter().zip(results).enumerate() {
        let tokens: Vec<String> = result.values().iter().map(|value| json_value(value).to_string()).collect();
        write!(out, "{}\"{}\": ", if i > 0 { ", " } else { "" }, name(*op))?;
        super::nested(out, &tokens, result.shape())?;
    }
    writeln!(out, "}}")?;
    Ok(())
}
