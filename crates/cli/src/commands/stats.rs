use std::io::Write;

use ndfolio::{Array, Mean, Mode, Plan, Summary, Value};

use crate::{
    args::StatsArgs,
    failure::Failure,
    output::{Output, float_token, mean_token, number_token},
    print::{csv_field, json_value},
    profile::{self, Prediction},
    progress::Watch,
};

/// The statistics in the order in which they are printed.
const KEYS: [&str; 8] = ["count", "nan_count", "zeros", "min", "max", "mean", "std", "sum"];

/// Results of more rows than this do not fit the command's memory as JSON, which is by statistic, not by row.
const MAX_JSON_ROWS: usize = 200_000;

pub(crate) fn run(args: &StatsArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(args))?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    match &args.axis {
        None => {
            let summary = array.stats(watch.run())?;
            if args.json { whole_json(&summary) } else { whole_text(&summary) }
        }
        Some(axes) => {
            let kept = kept_shape(&array, axes)?;
            let rows = if args.json { rows_json } else { rows_text };
            rows(&array, axes, &kept, &watch)
        }
    }?;
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn plan(args: &StatsArgs) -> Result<Plan, Failure> {
    let array = args.input.open(Mode::Read)?;
    Ok(array.plan_stats(args.axis.as_deref(), &args.run.session())?)
}

/// The shape without some axes.
fn kept_shape(array: &Array, axes: &[isize]) -> Result<Vec<usize>, Failure> {
    let ndim = array.ndim() as isize;
    let reduced = |axis: usize| axes.iter().any(|&a| (if a < 0 { a + ndim } else { a }) == axis as isize);
    Ok(array.shape().iter().enumerate().filter(|(axis, _)| !reduced(*axis)).map(|(_, &n)| n).collect())
}

/// A summary as JSON tokens, in the order of [`KEYS`].
fn tokens(summary: &Summary) -> [String; 8] {
    let null = || "null".to_owned();
    let value = |value: &Option<Value>| value.as_ref().map_or_else(null, |v| json_value(v).to_string());
    [
        summary.count.to_string(),
        summary.nan_count.to_string(),
        summary.zeros.map_or_else(null, |n| n.to_string()),
        value(&summary.min),
        value(&summary.max),
        summary.mean.as_ref().map_or_else(null, mean_token),
        summary.std.map_or_else(null, float_token),
        summary.sum.map_or_else(null, number_token),
    ]
}

/// A summary for people, in the order of [`KEYS`].
fn texts(summary: &Summary) -> [String; 8] {
    let none = || "-".to_owned();
    let value = |value: &Option<Value>| value.as_ref().map_or_else(none, csv_field);
    let plain = |token: String| token.trim_matches('"').to_owned();
    let mean = |mean: &Mean| match mean {
        Mean::Number(number) => plain(number_token(*number)),
        Mean::Time(time) => csv_field(time),
    };
    [
        summary.count.to_string(),
        summary.nan_count.to_string(),
        summary.zeros.map_or_else(none, |n| n.to_string()),
        value(&summary.min),
        value(&summary.max),
        summary.mean.as_ref().map_or_else(none, mean),
        summary.std.map_or_else(none, |std| plain(float_token(std))),
        summary.sum.map_or_else(none, |sum| plain(number_token(sum))),
    ]
}

fn whole_json(summary: &Summary) -> Result<(), Failure> {
    let mut out = Output::new();
    let fields: Vec<_> =
        KEYS.iter().zip(tokens(summary)).map(|(key, token)| format!("\"{key}\": {token}")).collect();
    writeln!(out, "{{{}}}", fields.join(", "))?;
    Ok(out.finish()?)
}

fn whole_text(summary: &Summary) -> Result<(), Failure> {
    let mut out = Output::new();
    for (key, text) in KEYS.iter().zip(texts(summary)) {
        writeln!(out, "{key:<10} {text}")?;
    }
    Ok(out.finish()?)
}

/// One object of nested lists; the rows come in C order, so each list is written as it grows.
fn rows_json(array: &Array, axes: &[isize], kept: &[usize], watch: &Watch) -> Result<(), Failure> {
    let rows: usize = kept.iter().product();
    if rows > MAX_JSON_ROWS {
        return Err(Failure::Usage(format!(
            "{}: the statistics of {rows} rows are too many for one JSON object, at most {MAX_JSON_ROWS}; leave out --json, which prints a row a line, or select a part such as '[:{MAX_JSON_ROWS}]'",
            array.path().display()
        )));
    }
    let mut lists: [Vec<String>; 8] = Default::default();
    array.stats_along(axes, watch.run(), |summary| {
        lists.iter_mut().zip(tokens(&summary)).for_each(|(list, token)| list.push(token));
    })?;
    let mut out = Output::new();
    write!(out, "{{")?;
    for (i, (key, list)) in KEYS.iter().zip(&lists).enumerate() {
        write!(out, "{}\"{key}\": ", if i > 0 { ", " } else { "" })?;
        super::nested(&mut out, list, kept)?;
    }
    writeln!(out, "}}")?;
    Ok(out.finish()?)
}

/// A table, a row a line, as they come.
fn rows_text(array: &Array, axes: &[isize], kept: &[usize], watch: &Watch) -> Result<(), Failure> {
    let mut out = Output::new();
    let index = |name: &str| format!("{name:<12}");
    let line = |out: &mut Output, first: &str, cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        writeln!(out, "{} {}", index(first), cells.join(" "))
    };
    // Nothing is printed if nothing is found out.
    let mut header = false;
    let mut at = vec![0_usize; kept.len()];
    let mut written = Ok(());
    array.stats_along(axes, watch.run(), |summary| {
        let name = at.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        if !std::mem::replace(&mut header, true) {
            written = line(&mut out, "index", &KEYS.map(str::to_owned));
        }
        if written.is_ok() {
            written = line(&mut out, &name, &texts(&summary));
        }
        for axis in (0..at.len()).rev() {
            at[axis] += 1;
            if at[axis] < kept[axis] {
                break;
            }
            at[axis] = 0;
        }
    })?;
    written?;
    if !header {
        line(&mut out, "index", &KEYS.map(str::to_owned))?;
    }
    Ok(out.finish()?)
}
