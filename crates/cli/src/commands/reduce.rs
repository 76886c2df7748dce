use std::{io::Write, time::Duration};

use ndfolio::{Array, Location, Mode, Op, OpenOptions, Reduced, Reduction, Report};

use crate::{
    args::{OpName, ReduceArgs},
    failure::Failure,
    output::{Output, bytes_text},
    print::{self, Options, json_value},
    progress::Watch,
};

pub(crate) fn run(args: &ReduceArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    let mut reduction = array.reduction().run(watch.run());
    if let Some(axes) = &args.axis {
        reduction = reduction.axes(axes);
    }
    if args.keepdims {
        reduction = reduction.keepdims();
    }
    if args.skip_nan {
        reduction = reduction.skip_nan();
    }
    let results = results(args, &array, &reduction)?;
    drop(watch);
    let mut out = Output::new();
    if args.json {
        as_json(&mut out, args, &results)?;
    } else {
        as_text(&mut out, args, &results)?;
    }
    out.finish()?;
    if let (true, Some(first)) = (args.profile, results.first()) {
        profile(first.report());
    }
    Ok(())
}

/// The results in the order in which they were asked for: all in one pass, but for averages with weights.
fn results(args: &ReduceArgs, array: &Array, reduction: &Reduction<'_>) -> Result<Vec<Reduced>, Failure> {
    let weighted = |name: &OpName| *name == OpName::Average && args.weights.is_some();
    let plain = args.operations.iter().filter(|name| !weighted(name));
    let ops: Vec<Op> = plain.map(|name| op(*name, args.ddof)).collect();
    let Some(place) = &args.weights else { return Ok(reduction.compute(&ops)?) };
    if !args.operations.contains(&OpName::Average) {
        return Err(Failure::about(array.path(), "--weights is for the operation average"));
    }
    let weights = Location::parse(place)?.open(&OpenOptions::new())?;
    let average = reduction.average(&weights)?.average;
    let mut others = if ops.is_empty() { Vec::new() } else { reduction.compute(&ops)? }.into_iter();
    let result = |name: &OpName| if weighted(name) { Some(average.clone()) } else { others.next() };
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

/// What a pass did, for people.
fn profile(report: &Report) {
    let per_second = |bytes: u64, time: Duration| bytes as f64 / time.as_secs_f64().max(1e-9) / 1e9;
    let io = &report.io;
    eprintln!("read by      {} ({})", report.engine, report.reason);
    eprintln!("threads      {}", report.threads);
    eprintln!("asked        {} in {} pieces", bytes_text(io.bytes_asked), io.pieces);
    eprintln!(
        "read         {} in {} reads, {} of them again",
        bytes_text(io.bytes_read),
        io.reads,
        io.retries
    );
    eprintln!("buffers      {}", bytes_text(io.buffer_bytes));
    eprintln!(
        "waiting      {:.3} s, computing {:.3} s (all threads)",
        io.wait.as_secs_f64(),
        report.computing.as_secs_f64()
    );
    eprintln!(
        "elapsed      {:.3} s, {:.2} GB/s",
        report.elapsed.as_secs_f64(),
        per_second(io.bytes_asked, report.elapsed)
    );
}
