//! What a command is going to do, and what it did: the same lines for both.

use std::path::Path;

use ndfolio::{Conditions, Limits, Plan, Reading, Report, usage};
use serde_json::{Value as Json, json};

use crate::{args::RunArgs, failure::Failure, limits, output::bytes_text, progress::Watch};

/// What is not known.
const UNKNOWN: &str = "unknown";

/// A plan with the limits of the machine, if they were measured.
pub(crate) struct Prediction {
    plan: Plan,
    limits: Option<Limits>,
}

/// A line: what it is about, what was predicted, what happened.
struct Line(&'static str, Option<String>, Option<String>);

impl Prediction {
    pub(crate) fn new(plan: Plan) -> Self {
        let limits = plan.readings.first().and_then(|reading| limits::known(&reading.path));
        Prediction { plan, limits }
    }

    /// The prediction that `--profile` compares with; none without it.
    pub(crate) fn if_wanted(
        args: &RunArgs,
        plan: impl FnOnce() -> Result<Plan, Failure>,
    ) -> Result<Option<Self>, Failure> {
        args.profile.then(|| plan().map(Prediction::new)).transpose()
    }

    fn seconds(&self) -> Option<f64> {
        let time = self.limits.as_ref().and_then(|limits| self.plan.time(limits))?;
        Some(time.as_secs_f64())
    }

    /// Why the time is not known, and what to do.
    fn time(&self) -> String {
        if let Some(seconds) = self.seconds() {
            return format!("{} at the measured limits", seconds_text(seconds));
        }
        let folder = self.plan.readings.first().map(|reading| folder(&reading.path));
        match (&self.limits, folder) {
            (Some(_), _) => {
                format!(
                    "{UNKNOWN}: it depends on what the page cache holds, or on a limit that could not be measured"
                )
            }
            (None, Some(folder)) => {
                format!(
                    "{UNKNOWN}: this machine was not measured yet; run: ndfolio bench {}",
                    folder.display()
                )
            }
            (None, None) => UNKNOWN.to_owned(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let lines = lines(Some(self), None);
        let mut out: String = lines
            .iter()
            .filter_map(|Line(name, predicted, _)| Some(format!("{name:<16} {}\n", predicted.as_ref()?)))
            .collect();
        for note in &self.plan.notes {
            out += &format!("note             {note}\n");
        }
        out
    }

    pub(crate) fn json(&self) -> Json {
        let plan = &self.plan;
        json!({
            "passes": plan.passes,
            "stages": plan.stages,
            "files": plan.readings.iter().map(reading_json).collect::<Vec<_>>(),
            "bytes": plan.bytes(),
            "device_bytes": plan.device_bytes(),
            "bytes_written": plan.writes,
            "threads": plan.threads,
            "budget": plan.budget,
            "buffer_bytes": plan.buffers,
            "state_bytes": plan.states,
            "result_bytes": plan.results,
            "seconds": self.seconds(),
            "is_measured": self.limits.is_some(),
            "notes": plan.notes,
        })
    }
}

fn reading_json(reading: &Reading) -> Json {
    json!({
        "path": reading.path.display().to_string(),
        "engine": reading.engine,
        "reason": reading.reason,
        "bytes": reading.bytes,
        "page_bytes": reading.page_bytes,
        "resident": reading.resident,
        "device_bytes": reading.device_bytes(),
        "requests": reading.requests,
    })
}

/// The folder of a file, as `bench` takes it.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Says on standard error what happened, if `--profile` was given.
pub(crate) fn tell(args: &RunArgs, predicted: Option<&Prediction>, watch: Watch) {
    let report = watch.report();
    // The bar goes before anything is printed.
    drop(watch);
    if !args.profile {
        return;
    }
    let lines = lines(predicted, Some(&report));
    let width = lines.iter().filter_map(|line| Some(line.1.as_ref()?.chars().count())).filter(|n| *n <= 40);
    let width = width.max().unwrap_or(0).max("predicted".len());
    eprintln!("{:<16} {:<width$}  happened", "", "predicted");
    for Line(name, before, after) in &lines {
        let (before, after) = (before.as_deref().unwrap_or("-"), after.as_deref().unwrap_or("-"));
        // A long reason is read once.
        let after = if before == after && before.chars().count() > width { "the same" } else { after };
        if before.chars().count() <= width {
            eprintln!("{name:<16} {before:<width$}  {after}");
        } else {
            eprintln!("{name:<16} {before}\n{:<16} {:<width$}  {after}", "", "");
        }
    }
    for note in &report.notes {
        eprintln!("note             {note}");
    }
}

fn lines(predicted: Option<&Prediction>, report: Option<&Report>) -> Vec<Line> {
    let plan = predicted.map(|predicted| &predicted.plan);
    let mut lines = vec![Line(
        "passes",
        plan.map(|plan| plan.passes.to_string()),
        report.map(|report| report.passes.to_string()),
    )];
    for (number, stage) in plan.map(|plan| &plan.stages[..]).unwrap_or_default().iter().enumerate() {
        lines.push(Line(
            if number == 0 { "stages" } else { "" },
            Some(format!("{}. {stage}", number + 1)),
            None,
        ));
    }
    lines.extend(reading_lines(plan, report));
    lines.extend(memory_lines(plan, report));
    lines.extend(report.and_then(|report| conditions_line(&report.conditions)));
    lines.extend(time_lines(predicted, report));
    lines
}

fn reading_lines(plan: Option<&Plan>, report: Option<&Report>) -> Vec<Line> {
    let each = |text: &dyn Fn(&Reading) -> String| {
        plan.filter(|plan| !plan.readings.is_empty())
            .map(|plan| plan.readings.iter().map(text).collect::<Vec<_>>().join(" and "))
    };
    let known = |bytes: Option<u64>| bytes.map_or(UNKNOWN.to_owned(), bytes_text);
    let did = report.filter(|report| !report.engine.is_empty());
    let mut lines = vec![
        Line("read by", each(&|r| r.engine.clone()), did.map(|report| report.engine.clone())),
        Line("because", each(&|r| r.reason.clone()), did.map(|report| report.reason.clone())),
        Line("threads", plan.map(|p| p.threads.to_string()), report.map(|r| r.threads.to_string())),
        Line(
            "bytes of items",
            plan.map(|plan| bytes_text(plan.bytes())),
            report.map(|r| format!("{} in {} pieces", bytes_text(r.io.bytes_asked), r.io.pieces)),
        ),
        Line(
            "in memory before",
            each(&|r| r.resident.map_or(UNKNOWN.to_owned(), |share| format!("{:.1} %", share * 100.0))),
            None,
        ),
        Line(
            "from the device",
            plan.map(|plan| known(plan.device_bytes())),
            report.map(|report| known(report.device_bytes)),
        ),
    ];
    let (writes, written) = (plan.map(|plan| plan.writes), report.map(|report| report.bytes_written));
    if writes.unwrap_or(0) + written.unwrap_or(0) > 0 {
        lines.push(Line("written", writes.map(bytes_text), written.map(bytes_text)));
    }
    lines
}

/// What NumPy would have warned of.
fn conditions_line(conditions: &Conditions) -> Option<Line> {
    let counts = [
        (conditions.divide, "divide by zero"),
        (conditions.overflow, "overflow"),
        (conditions.invalid, "invalid value"),
    ];
    let found: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} in {count} item{}", if count == 1 { "" } else { "s" }))
        .collect();
    (!found.is_empty()).then(|| Line("warnings", None, Some(found.join(", "))))
}

fn memory_lines(plan: Option<&Plan>, report: Option<&Report>) -> Vec<Line> {
    let known = |bytes: Option<u64>| bytes.map_or(UNKNOWN.to_owned(), bytes_text);
    let mut lines = vec![
        Line("budget", plan.map(|p| bytes_text(p.budget)), report.map(|r| bytes_text(r.budget))),
        Line("buffers", plan.map(|p| bytes_text(p.buffers)), report.map(|r| bytes_text(r.io.buffer_bytes))),
    ];
    if let Some(plan) = plan.filter(|plan| plan.states > 0) {
        lines.push(Line("running values", Some(bytes_text(plan.states)), None));
    }
    if let Some(plan) = plan.filter(|plan| plan.results > 0) {
        lines.push(Line("results", Some(bytes_text(plan.results)), None));
    }
    if let Some(report) = report {
        let faults = report
            .faults
            .map_or(UNKNOWN.to_owned(), |faults| format!("{} minor, {} major", faults.minor, faults.major));
        lines.push(Line("private memory", None, Some(format!("{} at most", known(report.private_peak)))));
        let peak = format!("{} at most", known(usage::resident_peak()));
        lines.push(Line("with file pages", None, Some(peak)));
        lines.push(Line("page faults", None, Some(faults)));
    }
    lines
}

fn time_lines(predicted: Option<&Prediction>, report: Option<&Report>) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(report) = report {
        let (wait, work) = (report.io.wait.as_secs_f64(), report.computing.as_secs_f64());
        let text = format!("{} and {} (all threads)", seconds_text(wait), seconds_text(work));
        lines.push(Line("I/O, arithmetic", None, Some(text)));
    }
    let elapsed = report.map(|report| report.elapsed.as_secs_f64());
    lines.push(Line("time", predicted.map(Prediction::time), elapsed.map(seconds_text)));
    let seconds = predicted.and_then(Prediction::seconds);
    let speed = |bytes: u64, seconds: f64| format!("{:.2} GB/s", bytes as f64 / seconds.max(1e-9) / 1e9);
    lines.push(Line(
        "speed",
        predicted.zip(seconds).filter(|(_, seconds)| *seconds > 0.0).map(|(p, s)| speed(p.plan.bytes(), s)),
        report.map(|report| speed(report.io.bytes_asked, report.elapsed.as_secs_f64())),
    ));
    if let Some((seconds, elapsed)) = seconds.zip(elapsed) {
        let share = format!("{:.0} %", 100.0 * seconds / elapsed.max(1e-9));
        lines.push(Line("of the limit", None, Some(share)));
    }
    lines
}

fn seconds_text(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.2} ms", seconds * 1e3) } else { format!("{seconds:.3} s") }
}
