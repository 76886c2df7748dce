//! Descriptions as one JSON object.

use std::io::Write;

use ndfolio::{Counts, Describe, Description};

use super::{Cell, KEYS, cells};
use crate::{
    commands::nested,
    failure::Failure,
    output::{Output, float_token, number_token},
    print::json_value,
};

fn token(cell: Cell<'_>) -> String {
    match cell {
        Cell::None => "null".to_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Number(number) => number_token(number),
        Cell::Value(value) => json_value(value).to_string(),
    }
}

/// Everything as JSON tokens.
fn tokens(one: &Description) -> impl Iterator<Item = String> {
    cells(one).map(token).chain(one.histogram.iter().flat_map(lists))
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
    let all: Vec<String> = tokens(one).collect();
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
        columns.iter_mut().zip(tokens(&one)).for_each(|(column, token)| column.push(token));
    })?;
    let histogram = columns.last().is_some_and(|counts| !counts.is_empty());
    object(out, quantiles, histogram, |out, i| nested(out, &mut columns[i].iter(), shape))
}
