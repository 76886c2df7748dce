//! What there is to say of an array's items: counts, extremes, moments, histograms, quantiles.
//!
//! The first pass finds the summary and, where it can, the histogram and the first step towards the quantiles.
//! Further passes are made where something was not known before: the range of a histogram, the whereabouts
//! of the items that quantiles lie between. Everything that is counted is whole numbers, so no order of
//! counting changes a result.

mod hunt;
mod step;
mod tally;
mod window;

use std::time::Instant;

use ndfolio_kernel::{
    histogram::Bins,
    rank::{Between, Ranking},
    summary::{Summarizer, Summary},
};
use ndfolio_layout::{Value, View};

use crate::{
    EngineError, Plan, Report, Run, Source,
    plan::Reading,
    plan_reduce,
    reduce::{Axes, Found, Place, Slots, Tap, look, reduce_tapped},
};
use hunt::Hunt;
use step::Step;
use tally::Tally;

/// What is asked for beside the summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Quantiles, each between 0 and 1.
    pub quantiles: Vec<f64>,
    /// The bins of a histogram, and the range that they cover; without one it is from the least to the greatest
    /// item. Edges need none.
    pub histogram: Option<(Bins, Option<(f64, f64)>)>,
}

/// What there is to say of some items. NaN and NaT are counted and left out of everything else.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// Counts, extremes and moments.
    pub summary: Summary,
    /// The quantiles that were asked for: doubles, or times of the dtype; none where there is no item.
    pub quantiles: Vec<Option<Value>>,
    /// The histogram, if it was asked for.
    pub histogram: Option<Counts>,
}

/// A histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// The edges of the bins, one more than bins.
    pub edges: Vec<f64>,
    /// How many items are in each bin.
    pub counts: Vec<u64>,
}

/// Rows whose summaries are held at once.
const MOST_ROWS: usize = 1 << 17;
/// Rows that are described at once whatever the memory, so that few passes are made over many short rows.
const LEAST_ROWS: usize = 64;

/// Describes the items along some axes: for each item of the array without them, given to `each` in C order.
///
/// How many passes over the file it took is in the report. Where the memory is too little for the counters of
/// all rows they are counted in parts; those have passes of their own, and count once.
///
/// # Errors
/// An axis that the array does not have, or twice; a dtype without arithmetic, or without what was asked for;
/// quantiles outside of 0 to 1; bins that make no sense; too little memory; what the file reports.
pub fn describe(
    source: &Source,
    axes: &[isize],
    request: &Request,
    run: &Run<'_>,
    mut each: impl FnMut(Description),
) -> Result<Report, EngineError> {
    let view = &source.view;
    let started = Instant::now();
    let describer = Describer::new(source, axes, request, run)?;
    let mut reduced = vec![false; view.ndim()];
    for &axis in axes {
        reduced[view.axis(axis)?] = true;
    }
    let mut told = Told::default();
    for view in groups(view, &reduced, MOST_ROWS) {
        describer.part(view, &reduced, &mut told, &mut each)?;
    }
    Ok(Report { elapsed: started.elapsed(), passes: told.passes, ..told.report })
}

/// What [`describe`] would do. Passes are counted as far as they are known before.
///
/// # Errors
/// As that, but for what only reading finds.
pub fn plan_describe(
    source: &Source,
    axes: &[isize],
    request: &Request,
    run: &Run<'_>,
) -> Result<Plan, EngineError> {
    let describer = Describer::new(source, axes, request, run)?;
    let mut reduced = vec![false; source.view.ndim()];
    for &axis in axes {
        reduced[source.view.axis(axis)?] = true;
    }
    let groups = groups(&source.view, &reduced, MOST_ROWS);
    let part = Source { file: source.file.clone(), view: groups[0].clone() };
    let reading = describer.reading();
    let reducers = std::slice::from_ref(describer.summarizer.reducer());
    let mut plan = plan_reduce(&part, axes, reducers, &reading, size_of::<Option<Summary>>())?;
    if groups.len() > 1 {
        // Each group is a pass of its own, and all are like the first.
        let first = plan.readings.first();
        let reading = first.map(|first| Reading::new(source, &first.engine, &first.reason));
        plan = Plan { passes: groups.len() as u64, readings: reading.into_iter().collect(), ..plan };
    }
    if matches!(request.histogram, Some((Bins::Count(_), None))) {
        plan.notes.push("the histogram takes a second pass, as its range is not given".to_owned());
    }
    if describer.ranking.is_some() {
        plan.notes.push(
            "quantiles take no more passes if the items fit the memory, else one or two as a rule".to_owned(),
        );
    }
    Ok(plan)
}

/// What the passes did, and how often the file was gone through.
#[derive(Default)]
struct Told {
    report: Report,
    passes: u64,
}

/// The view in parts of at most `most` rows, cut along the axes that stay, in C order of those.
fn groups(view: &View, reduced: &[bool], most: usize) -> Vec<View> {
    let shape = view.shape();
    let kept: Vec<usize> = (0..shape.len()).filter(|&axis| !reduced[axis]).collect();
    if view.is_empty() || kept.iter().map(|&axis| shape[axis]).product::<usize>() <= most {
        return vec![view.clone()];
    }
    let (mut block, mut rows) = (shape.to_vec(), 1);
    for &axis in kept.iter().rev() {
        block[axis] = (most / rows).clamp(1, shape[axis]);
        rows *= block[axis];
    }
    view.blocks(&block, &kept).map(|tile| tile.view).collect()
}

/// What all parts of an array share.
struct Describer<'a> {
    source: &'a Source,
    axes: &'a [isize],
    request: &'a Request,
    run: &'a Run<'a>,
    summarizer: Summarizer,
    ranking: Option<Ranking>,
}

impl<'a> Describer<'a> {
    fn new(
        source: &'a Source,
        axes: &'a [isize],
        request: &'a Request,
        run: &'a Run<'a>,
    ) -> Result<Self, EngineError> {
        let dtype = source.view.dtype();
        Between::check(&request.quantiles)?;
        let ranking = if request.quantiles.is_empty() { None } else { Some(Ranking::new(dtype)?) };
        let describer =
            Describer { source, axes, request, run, summarizer: Summarizer::new(dtype)?, ranking };
        if let Some((bins, range)) = &request.histogram {
            tally::check(dtype, bins, *range, run)?;
        }
        Ok(describer)
    }

    /// Rows whose results and states may be there at once.
    fn most_rows(&self) -> usize {
        let bins = self.request.histogram.as_ref().map_or(0, |(bins, _)| bins.len());
        let quantiles = self.request.quantiles.len();
        let row = bins * tally::BYTES_OF_BIN + quantiles * hunt::BYTES_OF_QUANTILE;
        (self.run.budget() / 8 / row.max(1)).clamp(LEAST_ROWS, MOST_ROWS)
    }

    /// A pass in the part of the memory that is for reading: counters and candidates have the rest.
    fn reading(&self) -> Run<'a> {
        let alone = self.ranking.is_none() && self.request.histogram.is_none();
        self.run.take(if alone { 0 } else { self.run.budget() / 2 })
    }

    /// Describes a part of the array whose summaries are found in one pass: which rows those are follows from
    /// the shape alone, since sums are added up in an order that does.
    fn part(
        &self,
        view: View,
        reduced: &[bool],
        told: &mut Told,
        each: &mut impl FnMut(Description),
    ) -> Result<(), EngineError> {
        let mut part = Part::new(self, view)?;
        let most = self.most_rows();
        if part.axes.outputs() > most || part.start_hunt().is_err() && part.axes.outputs() > 1 {
            let mut summaries = part.summaries(told)?.into_iter();
            let most = most.min(part.axes.outputs().div_ceil(2));
            return groups(&part.source.view, reduced, most)
                .into_iter()
                .try_for_each(|view| self.details(view, reduced, &mut summaries, told, each));
        }
        part.start_hunt()?;
        part.start_tally()?;
        let summaries = part.summaries(told)?;
        part.further(&summaries, 1, told)?;
        part.results(summaries).into_iter().for_each(each);
        Ok(())
    }

    /// Describes rows whose summaries are known, in smaller parts if they do not fit the memory.
    fn details(
        &self,
        view: View,
        reduced: &[bool],
        summaries: &mut impl Iterator<Item = Summary>,
        told: &mut Told,
        each: &mut impl FnMut(Description),
    ) -> Result<(), EngineError> {
        let mut part = Part::new(self, view)?;
        let rows = part.axes.outputs();
        if part.start_hunt().is_err() && rows > 1 {
            return groups(&part.source.view, reduced, rows.div_ceil(2))
                .into_iter()
                .try_for_each(|view| self.details(view, reduced, summaries, told, each));
        }
        part.start_hunt()?;
        part.start_tally()?;
        let summaries: Vec<Summary> = summaries.by_ref().take(rows).collect();
        part.further(&summaries, 1, told)?;
        part.results(summaries).into_iter().for_each(each);
        Ok(())
    }
}

/// A part of an array that is described in passes of its own.
struct Part<'a> {
    describer: &'a Describer<'a>,
    source: Source,
    axes: Axes,
    hunt: Option<Hunt<'a>>,
    tally: Option<Tally>,
    /// Whether the histogram is there.
    tallied: bool,
}

impl<'a> Part<'a> {
    fn new(describer: &'a Describer<'a>, view: View) -> Result<Self, EngineError> {
        let axes = Axes::new(&view, describer.axes, false)?;
        let source = Source { file: describer.source.file.clone(), view };
        Ok(Part { describer, source, axes, hunt: None, tally: None, tallied: false })
    }

    /// Readies the hunt for quantiles; an error if the memory is too little for all rows at once.
    fn start_hunt(&mut self) -> Result<(), EngineError> {
        let Describer { ranking, request, run, .. } = self.describer;
        self.hunt = match ranking {
            Some(ranking) => Some(Hunt::new(ranking, &request.quantiles, &self.axes, run)?),
            None => None,
        };
        Ok(())
    }

    /// Readies the histogram, if its range is known before anything is read.
    fn start_tally(&mut self) -> Result<(), EngineError> {
        self.tally = match &self.describer.request.histogram {
            Some((bins, range)) if range.is_some() || matches!(bins, Bins::Edges(_)) => {
                let (dtype, range) = (self.describer.source.view.dtype(), range.unwrap_or((0.0, 1.0)));
                Some(Tally::given(dtype, bins, range, self.axes.outputs())?)
            }
            _ => None,
        };
        Ok(())
    }

    /// The pass that finds the summaries, in C order, and what else is ready to be looked for.
    fn summaries(&mut self, told: &mut Told) -> Result<Vec<Summary>, EngineError> {
        let Describer { summarizer, axes, .. } = self.describer;
        let run = self.describer.reading();
        let reducers = std::slice::from_ref(summarizer.reducer());
        let mut summaries = Slots::new(self.axes.outputs());
        let mut put = |row: usize, found: Found<'_>| {
            found.each(row, |row, partials| summaries.put(row, summarizer.finish(&partials[0])));
        };
        let step = self.hunt.as_mut().map(Hunt::next).transpose()?;
        let looks = Looks { tally: self.tally.as_ref(), step: step.as_ref() };
        let one = match (looks.tally, looks.step) {
            (None, None) => reduce_tapped(&self.source, axes, reducers, &run, &mut put, &())?,
            _ => reduce_tapped(&self.source, axes, reducers, &run, &mut put, &looks)?,
        };
        told.report.then(&one);
        told.passes = told.passes.max(1);
        if let (Some(hunt), Some(step)) = (&mut self.hunt, step) {
            hunt.learn(step);
        }
        self.tallied = self.tally.is_some();
        Ok(summaries.finish())
    }

    /// The passes behind that, of which there were `passes`.
    fn further(&mut self, summaries: &[Summary], passes: u64, told: &mut Told) -> Result<(), EngineError> {
        let describer: &'a Describer<'a> = self.describer;
        if let (None, Some((bins, _))) = (&self.tally, &describer.request.histogram) {
            let (dtype, order) = (describer.source.view.dtype(), self.axes.walked());
            let rows = order.iter().map(|row| &summaries[*row]);
            self.tally = Some(Tally::over(dtype, bins.len(), rows)?);
        }
        let mut passes = passes;
        while !self.axes.is_empty() && !self.is_over() {
            let step = match &mut self.hunt {
                Some(hunt) if !hunt.is_over() => Some(hunt.next()?),
                _ => None,
            };
            let tally = self.tally.as_ref().filter(|_| !self.tallied);
            let looks = Looks { tally, step: step.as_ref() };
            describer.run.expect(self.source.view.nbytes());
            told.report.then(&look(&self.source, &self.axes, &describer.reading(), &looks)?);
            if let (Some(hunt), Some(step)) = (&mut self.hunt, step) {
                hunt.learn(step);
            }
            self.tallied = true;
            passes += 1;
        }
        told.passes = told.passes.max(passes);
        Ok(())
    }

    fn is_over(&self) -> bool {
        (self.tally.is_none() || self.tallied) && self.hunt.as_ref().is_none_or(Hunt::is_over)
    }

    /// Everything that was found, in C order of the rows.
    fn results(&mut self, summaries: Vec<Summary>) -> Vec<Description> {
        let none = || vec![None; self.describer.request.quantiles.len()];
        let mut out: Vec<Description> = summaries
            .into_iter()
            .map(|summary| Description { summary, quantiles: none(), histogram: None })
            .collect();
        for (row, output) in self.axes.walked().into_iter().enumerate().take(out.len()) {
            if let Some(hunt) = &self.hunt {
                out[output].quantiles = hunt.quantiles(row);
            }
            out[output].histogram = self.tally.as_mut().map(|tally| tally.counts(row));
        }
        out
    }
}

/// What looks at the items of a pass.
struct Looks<'a> {
    tally: Option<&'a Tally>,
    step: Option<&'a Step<'a>>,
}

impl<'a> Tap for Looks<'a> {
    type Worker = (Option<tally::Worker<'a>>, Option<step::Worker<'a>>);

    fn worker(&self) -> Self::Worker {
        (self.tally.map(Tally::worker), self.step.map(Step::worker))
    }

    fn take(&self, (tally, step): &mut Self::Worker, place: &Place, items: &[u8]) {
        if let (Some(tally), Some(worker)) = (self.tally, tally) {
            tally.take(worker, place, items);
        }
        if let (Some(step), Some(worker)) = (self.step, step) {
            step.take(worker, place, items);
        }
    }
}
