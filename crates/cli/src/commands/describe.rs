//! `describe`, and `stats`, which is `describe` without quantiles and histogram.

mod json;
mod text;

use std::io::Write;

use ndfolio::{Array, Bins, Describe, Description, Mean, Mode, Number, Plan, Report, Value};

use crate::{
    args::{BinsArg, DescribeArgs, RangeArg, StatsArgs},
    failure::Failure,
    output::Output,
    profile::{self, Prediction},
    progress::Watch,
};

/// The statistics in the order in which they are printed.
const KEYS: [&str; 10] =
    ["count", "nan_count", "pos_inf", "neg_inf", "zeros", "min", "max", "mean", "std", "sum"];

/// What is printed of a statistic or a quantile.
enum Cell<'a> {
    /// There is none.
    None,
    Count(u64),
    Number(Number),
    Value(&'a Value),
}

fn value(value: &Option<Value>) -> Cell<'_> {
    value.as_ref().map_or(Cell::None, Cell::Value)
}

fn mean(mean: &Mean) -> Cell<'_> {
    match mean {
        Mean::Number(number) => Cell::Number(*number),
        Mean::Time(time) => Cell::Value(time),
    }
}

/// The statistics, in the order of [`KEYS`], and the quantiles behind them.
fn cells(one: &Description) -> impl Iterator<Item = Cell<'_>> {
    let summary = &one.summary;
    let count = |count: Option<u64>| count.map_or(Cell::None, Cell::Count);
    let statistics = [
        Cell::Count(summary.count),
        Cell::Count(summary.nan_count),
        count(summary.positive_infinities),
        count(summary.negative_infinities),
        count(summary.zeros),
        value(&summary.min),
        value(&summary.max),
        summary.mean.as_ref().map_or(Cell::None, mean),
        summary.std.map_or(Cell::None, |std| Cell::Number(Number::Float(std))),
        summary.sum.map_or(Cell::None, Cell::Number),
    ];
    statistics.into_iter().chain(one.quantiles.iter().map(value))
}

/// Results of more cells than this do not fit the command's memory as JSON, which is by statistic, not by row.
const MOST_JSON_CELLS: usize = 2_000_000;

/// What is asked for beside the statistics.
#[derive(Default)]
struct Asked<'a> {
    quantiles: &'a [f64],
    histogram: Option<(&'a Bins, Option<(f64, f64)>)>,
}

impl<'a> Asked<'a> {
    fn of(args: &'a DescribeArgs) -> Self {
        let bins = args.bins.as_ref();
        let histogram = bins.map(|BinsArg(bins)| (bins, args.range.map(|RangeArg(range)| range)));
        Asked { quantiles: &args.quantiles, histogram }
    }

    fn about<'b>(&self, array: &'b Array) -> Describe<'b> {
        let describe = array.describe().quantiles(self.quantiles);
        match self.histogram {
            Some((bins, range)) => describe.histogram(bins.clone(), range),
            None => describe,
        }
    }
}

pub(crate) fn stats(args: &StatsArgs) -> Result<(), Failure> {
    print(args, &Asked::default())
}

pub(crate) fn describe(args: &DescribeArgs) -> Result<(), Failure> {
    print(&args.stats, &Asked::of(args))
}

pub(crate) fn plan_stats(args: &StatsArgs) -> Result<Plan, Failure> {
    plan(args, &Asked::default())
}

pub(crate) fn plan_describe(args: &DescribeArgs) -> Result<Plan, Failure> {
    plan(&args.stats, &Asked::of(args))
}

fn plan(args: &StatsArgs, asked: &Asked<'_>) -> Result<Plan, Failure> {
    let array = args.input.open(Mode::Read)?;
    let session = args.run.session();
    let mut describe = asked.about(&array).run(&session);
    if let Some(axes) = &args.axis {
        describe = describe.axes(axes);
    }
    Ok(describe.plan()?)
}

fn print(args: &StatsArgs, asked: &Asked<'_>) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(args, asked))?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    print_array(args, asked, &array, &watch)?;
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

fn print_array(args: &StatsArgs, asked: &Asked<'_>, array: &Array, watch: &Watch) -> Result<(), Failure> {
    let quantiles = asked.quantiles;
    let mut describe = asked.about(array).run(watch.run());
    let Some(axes) = &args.axis else {
        let described = describe.compute()?;
        let (mut out, one) = (Output::new(), described.first());
        if args.json {
            json::whole(&mut out, one, quantiles)?;
        } else {
            text::whole(&mut out, one, quantiles)?;
            passes(&mut out, described.report())?;
        }
        return Ok(out.finish()?);
    };
    describe = describe.axes(axes);
    let shape = describe.shape()?;
    let rows: usize = shape.iter().product();
    let bins = asked.histogram.map_or(0, |(bins, _)| bins.len());
    let cells = KEYS.len() + quantiles.len() + 2 * bins;
    let most = MOST_JSON_CELLS / cells;
    if args.json && rows > most {
        return Err(Failure::Usage(format!(
            "{}: the statistics of {rows} rows are too many for one JSON object, at most {most}; leave out --json, which prints a row a line, or select a part such as '[:{most}]'",
            array.path().display()
        )));
    }
    let mut out = Output::new();
    if args.json {
        json::rows(&mut out, &describe, &shape, quantiles)?;
    } else {
        let report = text::rows(&mut out, &describe, &shape, quantiles)?;
        passes(&mut out, &report)?;
    }
    Ok(out.finish()?)
}

/// Says how often the file was gone through, if more than once.
fn passes(out: &mut Output, report: &Report) -> Result<(), Failure> {
    if report.passes > 1 {
        writeln!(out, "{:<10} {}", "passes", report.passes)?;
    }
    Ok(())
}
