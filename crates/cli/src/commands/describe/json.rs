//! Descriptions as one JSON object.

use std::io::Write;

use ndfolio::{Counts, Describe, Description, Summary, Value};

use super::KEYS;
use crate::{
    commands::nested,
    failure::Failure,
    output::{Output, float_token, mean_token, number_token},
    print::json_value,
};

/// The statistics as JSON tokens, in the order of [`KEYS`], and the quantiles behind them.
fn tokens(one: &Description) -> Vec<String> {
    let null = || "null".to_owned();
    let count = |count: Option<u64>| count.map_or_else(null, |n| n.to_string());
    let value = |value: &Option<Value>| value.as_ref().map_or_else(null, |v| json_value(v).to_string());
    let summary: &Summary = &one.summary;
    let statistics = [
        summary.count.to_string(),
        summary.nan_count.to_string(),
        count(summary.positive_infinities),
        count(summary.negative_infinities),
        count(summary.zeros),
        value(&summary.min),
        value(&summary.max),
        summary.mean.as_ref().map_or_else(null, mean_token),
        summary.std.map_or_else(null, float_token),
        summary.sum.map_or_else(null, number_token),
    ];
    statistics.into_iter().chain(one.quantiles.iter().map(value)).collect()
}

/// Edges and counts as lists.
fn lists(histogram: &Counts) -> [String; 2] {
    let list = |tokens: Vec<String>| format!("[{}]", tokens.join(", "));
    [
        list(histogram.edges.iter().map(|edge| float_token(*edge)).collect()),
        list(histogram.counts.iter().map(u64::to_string).collect()),
    ]
}

/// An object whose values are written by `value`, given a number: those of the statistics, of the quantiles,
/// and of the edges and the counts of a histogram.
fn object(
    out: &mut Output,
    quantiles: &[f64],
    histogram: bool,
    mut value: impl FnMut(&mut Output, usize) -> Result<(), Failure>,
) -> Result<(), Failure> {
    write!(out, "{{")?;
    for (i, key) in KEYS.iter().enumerate() {
        write!(out, "{}\"{key}\": ", if i > 0 { ", " } else { "" })?;
        value(out, i)?;
    }
    let mut names = quantiles.iter().map(|q| format!("\"{q}\"")).enumerate();
    if let Some((_, first)) = names.next() {
        write!(out, ", \"quantiles\": {{{first}: ")?;
        value(out, KEYS.len())?;
        for (i, name) in names {
            write!(out, ", {name}: ")?;
            value(out, KEYS.len() + i)?;
        }
        write!(out, "}}")?;
    }
    if histogram {
        write!(out, ", \"histogram\": {{\"edges\": ")?;
        value(out, KEYS.len() + quantiles.len())?;
        write!(out, ", \"counts\": ")?;
        value(out, KEYS.len() + quantiles.len() + 1)?;
        write!(out, "}}")?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

pub(super) fn whole(out: &mut Output, one: &Description, quantiles: &[f64]) -> Result<(), Failure> {
    let mut all = tokens(one);
    all.extend(one.histogram.iter().flat_map(lists));
    object(out, quantiles, one.histogram.is_some(), |out, i| Ok(write!(out, "{}", all[i])?))
}

/// Every value is a nested list of the shape that stays.
pub(super) fn rows(
    out: &mut Output,
    describe: &Describe<'_>,
    shape: &[usize],
    quantiles: &[f64],
) -> Result<(), Failure> {
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); KEYS.len() + quantiles.len() + 2];
    describe.for_each(|one| {
        let tokens = tokens(&one).into_iter().chain(one.histogram.iter().flat_map(lists));
        columns.iter_mut().zip(tokens).for_each(|(column, token)| column.push(token));
    })?;
    let histogram = columns.last().is_some_and(|counts| !counts.is_empty());
    object(out, quantiles, histogram, |out, i| nested(out, &columns[i], shape))
}
