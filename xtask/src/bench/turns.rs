//! Runs in turns, whose answers are checked.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::programs::{Program, said};

/// How answers agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Agreement {
    Exact,
    /// As numbers of single precision, which may be written with so many digits only.
    ExactF4,
    /// So far from each other at most, as a share.
    Close(f64),
}

/// What one run took, and what it found.
#[derive(Clone)]
pub(super) struct Outcome {
    pub(super) seconds: f64,
    pub(super) answer: Vec<f64>,
    /// The most private memory, in bytes, where the program says it.
    pub(super) private: Option<u64>,
}

/// The runs of one program.
#[derive(Default)]
pub(super) struct Series {
    pub(super) seconds: Vec<f64>,
    pub(super) private: Option<u64>,
    /// An answer was not what the others found.
    pub(super) is_wrong: bool,
}

impl Series {
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
    }

    pub(super) fn fastest(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// What is run in a turn: a program, and perhaps more.
pub(super) trait Lane {
    fn program(&self) -> Program;
}

impl Lane for Program {
    fn program(&self) -> Program {
        *self
    }
}

impl<T> Lane for (Program, T) {
    fn program(&self) -> Program {
        self.0
    }
}

/// Each lane once, and that so many times: what disturbs the machine for a while disturbs all of them. A lane that
/// cannot do it has no series. The first answer of a case is what the others are compared with.
pub(super) fn in_turns<L: Lane>(
    runs: usize,
    (name, agreement): (&str, Agreement),
    lanes: &[L],
    expected: &mut Option<Vec<f64>>,
    mut once: impl FnMut(&L) -> Result<Option<Outcome>>,
) -> Result<Vec<Option<Series>>> {
    let mut all: Vec<Option<Series>> = lanes.iter().map(|_| Some(Series::default())).collect();
    for _ in 0..runs {
        for (lane, place) in lanes.iter().zip(&mut all) {
            let Some(series) = place else { continue };
            let outcome = once(lane).with_context(|| format!("{name}, {}", lane.program().name()))?;
            let Some(outcome) = outcome else {
                *place = None;
                continue;
            };
            let expected = expected.get_or_insert_with(|| outcome.answer.clone());
            if let Some(problem) = disagreement(&outcome.answer, expected, agreement) {
                let problem = format!("{name}: {} {problem}", lane.program().name());
                ensure!(!lane.program().must_be_right(), "{problem}");
                if !series.is_wrong {
                    println!("{problem}");
                }
                series.is_wrong = true;
            }
            series.seconds.push(outcome.seconds);
            series.private = series.private.max(outcome.private);
        }
    }
    Ok(all)
}

/// What the program in C or a library prints; none where it cannot do it, or fails, which is no reason to end.
pub(super) fn of_another(command: Command, case: &str, program: Program) -> Option<Outcome> {
    let outcome = said(command).and_then(|said| parse(&said.0));
    outcome.unwrap_or_else(|error| {
        println!("{case}: {} fails: {error:#}", program.name());
        None
    })
}

/// What is wrong with an answer.
fn disagreement(found: &[f64], expected: &[f64], agreement: Agreement) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("finds {} values, and not {}", found.len(), expected.len()));
    }
    let is_good = |found: f64, expected: f64| match agreement {
        Agreement::Exact => found == expected,
        Agreement::ExactF4 => found as f32 == expected as f32,
        Agreement::Close(share) => (found - expected).abs() <= share * expected.abs(),
    };
    let bad = found.iter().zip(expected).position(|(found, expected)| !is_good(*found, *expected))?;
    Some(format!("finds {} (value {bad} of {}), and not {}", found[bad], found.len(), expected[bad]))
}

/// `[seconds, answer]` as C and Python print it; none where they print `null`.
pub(super) fn parse(printed: &str) -> Result<Option<Outcome>> {
    let printed: Value = serde_json::from_str(printed).with_context(|| format!("no JSON: {printed:.100}"))?;
    if printed.is_null() {
        return Ok(None);
    }
    let seconds = printed[0].as_f64().context("no time")?;
    Ok(Some(Outcome { seconds, answer: numbers(&printed[1])?, private: None }))
}

/// A number, or a list of them.
pub(super) fn numbers(value: &Value) -> Result<Vec<f64>> {
    let number = |value: &Value| value.as_f64().with_context(|| format!("{value} is no number"));
    match value {
        Value::Array(values) => values.iter().map(number).collect(),
        one => Ok(vec![number(one)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::programs::NUMPY, *};

    const CASE: (&str, Agreement) = ("sum f4", Agreement::Close(1e-4));

    fn outcome(seconds: f64, answer: f64) -> Outcome {
        Outcome { seconds, answer: vec![answer], private: Some(seconds as u64) }
    }

    #[test]
    fn medians_are_of_the_middle() {
        let series = |seconds: &[f64]| Series { seconds: seconds.to_vec(), ..Series::default() };
        assert_eq!(series(&[3.0, 1.0, 9.0]).median(), 3.0);
        assert_eq!(series(&[4.0, 1.0, 9.0, 2.0]).median(), 3.0);
        assert_eq!(series(&[4.0, 1.0, 9.0]).fastest(), 1.0);
    }

    #[test]
    fn lanes_take_turns_and_those_that_cannot_are_left_out() {
        let (mut order, mut seconds) = (Vec::new(), 0.0);
        let lanes = [Program::Ndfolio, NUMPY[0], NUMPY[1]];
        let all = in_turns(2, CASE, &lanes, &mut None, |program| {
            order.push(program.name());
            seconds += 1.0;
            Ok((*program != NUMPY[0]).then(|| outcome(seconds, 5.0)))
        })
        .unwrap();
        assert_eq!(order, ["ndfolio", "numpy", "numpy-chunks", "ndfolio", "numpy-chunks"]);
        assert!(all[1].is_none());
        let last = all[2].as_ref().unwrap();
        assert_eq!((&last.seconds[..], last.private, last.is_wrong), (&[3.0, 5.0][..], Some(5), false));
    }

    #[test]
    fn a_wrong_answer_is_seen() {
        let answers = |wrong: Program| {
            in_turns(1, CASE, &[Program::Bound, Program::Ndfolio, NUMPY[0]], &mut None, |program| {
                Ok(Some(outcome(1.0, if *program == wrong { 5.1 } else { 5.0 })))
            })
        };
        assert!(answers(NUMPY[0]).unwrap()[2].as_ref().unwrap().is_wrong);
        assert!(answers(Program::Ndfolio).is_err());
        assert!(!answers(NUMPY[1]).unwrap()[2].as_ref().unwrap().is_wrong);
    }

    #[test]
    fn answers_agree_exactly_or_closely() {
        const CLOSE: Agreement = Agreement::Close(1e-4);
        let differ = |a: &[f64], b: &[f64], agreement| disagreement(a, b, agreement).is_some();
        assert!(!differ(&[1.0, 2.0], &[1.0, 2.0], Agreement::Exact));
        assert!(differ(&[1.0, 2.000001], &[1.0, 2.0], Agreement::Exact));
        assert!(!differ(&[-4.6459246], &[-4.645_924_568_176_27], Agreement::ExactF4));
        assert!(differ(&[-4.645_925], &[-4.645_924_568_176_27], Agreement::ExactF4));
        assert!(!differ(&[1.0, 2.000001], &[1.0, 2.0], CLOSE));
        assert!(differ(&[1.0, 2.001], &[1.0, 2.0], CLOSE));
        assert!(differ(&[1.0], &[1.0, 2.0], CLOSE));
        assert!(differ(&[f64::NAN], &[1.0], CLOSE));
    }

    #[test]
    fn printed_lines_are_read() {
        let read = parse("[0.5, [1, 2.5]]\n").unwrap().unwrap();
        assert_eq!((read.seconds, &read.answer[..]), (0.5, &[1.0, 2.5][..]));
        assert_eq!(parse("[0.5, 7]").unwrap().unwrap().answer, [7.0]);
        assert!(parse("null").unwrap().is_none());
        assert!(parse("").is_err() && parse("[0.5]").is_err());
    }
}
