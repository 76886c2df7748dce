//! Descriptions for people.

use std::io::Write;

use ndfolio::{Counts, Describe, Description, Report};

use super::{Cell, KEYS, cells};
use crate::{
    failure::Failure,
    output::{Output, float_token, number_token},
    print::csv_field,
};

/// The longest bar of a histogram, in characters.
const WIDEST_BAR: usize = 40;

fn plain(token: &str) -> String {
    token.trim_matches('"').to_owned()
}

fn text(cell: Cell<'_>) -> String {
    match cell {
        Cell::None => "-".to_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Number(number) => plain(&number_token(number)),
        Cell::Value(value) => csv_field(value),
    }
}

/// The names of the statistics and of the quantiles.
fn names(quantiles: &[f64]) -> Vec<String> {
    KEYS.iter().map(ToString::to_string).chain(quantiles.iter().map(|q| format!("q {q}"))).collect()
}

/// A line for each statistic, quantile and bin.
pub(super) fn whole(out: &mut Output, one: &Description, quantiles: &[f64]) -> Result<(), Failure> {
    for (name, cell) in names(quantiles).iter().zip(cells(one)) {
        writeln!(out, "{name:<10} {}", text(cell))?;
    }
    if let Some(histogram) = &one.histogram {
        bars(out, histogram)?;
        let numbers = one.summary.count - one.summary.nan_count;
        let outside = numbers - histogram.counts.iter().sum::<u64>();
        if outside > 0 {
            writeln!(out, "{:<10} {outside}", "outside")?;
        }
    }
    Ok(())
}

/// A line for each bin: its edges, its count, and a bar as long as the count.
fn bars(out: &mut Output, histogram: &Counts) -> Result<(), Failure> {
    let edges = short(&histogram.edges);
    let counts: Vec<String> = histogram.counts.iter().map(u64::to_string).collect();
    let width = |texts: &[String]| texts.iter().map(String::len).max().unwrap_or(0);
    let (wide, long) = (width(&edges), width(&counts));
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    writeln!(out, "histogram")?;
    for (bin, count) in counts.iter().enumerate() {
        let close = if bin + 1 == counts.len() { ']' } else { ')' };
        let bar = bar(histogram.counts[bin] as f64 / most as f64);
        let line = format!("[{:>wide$}, {:>wide$}{close} {count:>long$} {bar}", edges[bin], edges[bin + 1]);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Edges with as few digits as tell them apart, and a few more than one.
fn short(edges: &[f64]) -> Vec<String> {
    let gaps = edges.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0 && gap.is_finite());
    let gap = gaps.fold(f64::INFINITY, f64::min);
    let size =
        edges.iter().copied().filter(|edge| edge.is_finite()).fold(0.0, |size: f64, x| size.max(x.abs()));
    // Three digits of the narrowest bin.
    let digits = 2.0 - gap.log10().floor();
    let text = |edge: &f64| match digits as usize {
        _ if !gap.is_finite() || !(1e-4..1e9).contains(&size) || digits > 12.0 => plain(&float_token(*edge)),
        digits => {
            let text = format!("{edge:.digits$}");
            let short =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            if short == "-0" { "0".to_owned() } else { short.to_owned() }
        }
    };
    edges.iter().map(text).collect()
}

/// A bar of a part of the greatest length, in eighths of a character.
fn bar(part: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part * (8 * WIDEST_BAR) as f64).ceil() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A histogram in one word: the height of each bin.
fn heights(histogram: &Counts) -> String {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| HEIGHTS[(*count as f64 / most as f64 * 8.0).ceil() as usize];
    histogram.counts.iter().map(height).collect()
}

/// A table, a row a line, as they come.
pub(super) fn rows(
    out: &mut Output,
    describe: &Describe<'_>,
    shape: &[usize],
    quantiles: &[f64],
) -> Result<Report, Failure> {
    let line = |out: &mut Output, first: &str, cells: &[String], last: &str| {
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        let line = format!("{first:<12} {} {last}", cells.join(" "));
        writeln!(out, "{}", line.trim_end())
    };
    let names = names(quantiles);
    let mut at = vec![0_usize; shape.len()];
    let mut written = Ok(());
    let mut titled = false;
    let report = describe.for_each(|one| {
        let name = at.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let cells: Vec<String> = cells(&one).map(text).collect();
        let heights = one.histogram.as_ref().map_or_else(String::new, heights);
        if written.is_ok() && !std::mem::replace(&mut titled, true) {
            let last = if one.histogram.is_some() { "histogram" } else { "" };
            written = line(out, "index", &names, last);
        }
        if written.is_ok() {
            written = line(out, &name, &cells, &heights);
        }
        for axis in (0..at.len()).rev() {
            at[axis] += 1;
            if at[axis] < shape[axis] {
                break;
            }
            at[axis] = 0;
        }
    })?;
    written?;
    Ok(report)
}
