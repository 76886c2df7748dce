//! The reductions of `cargo xtask bench`, beside NumPy's on the same file in the same run.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    measure,
    shell::{output, program, target},
};

/// Runs of each figure, in turns; the median counts.
const RUNS: usize = 5;

/// What is measured: its name, the arguments of `ndfolio reduce`, and NumPy's call on the array `a`.
const CASES: [(&str, &[&str], &str); 9] = [
    ("sum", &["sum"], "a.sum(dtype='f8')"),
    ("mean", &["mean"], "a.mean(dtype='f8')"),
    ("min", &["min"], "a.min()"),
    ("argmax", &["argmax"], "a.argmax()"),
    ("var", &["var"], "a.var(dtype='f8')"),
    ("sum, axis 0", &["sum", "--axis", "0"], "a.sum(axis=0, dtype='f8')[:3]"),
    ("sum, axis 1", &["sum", "--axis", "1"], "a.sum(axis=1, dtype='f8')[:3]"),
    ("max, axis 0", &["max", "--axis", "0"], "a.max(axis=0)[:3]"),
    ("sum of every 7th column", &["sum"], "a[:, ::7].sum(dtype='f8')"),
];

/// The table, or none where the tests' Python is not there.
pub(crate) fn table(binary: &Path, file: &Path) -> Result<Option<String>> {
    let python = target()?.join("python-env/bin/python");
    if !python.exists() {
        println!("the reductions are left out; for NumPy beside them run: cargo xtask test python");
        return Ok(None);
    }
    std::io::copy(&mut std::fs::File::open(file)?, &mut std::io::sink())?;
    let mut table = format!(
        "\nThe same file, in the page cache. Medians of {RUNS} runs in turns. NumPy: the call alone on \
         `np.load(mmap_mode=\"r\")`, start-up and opening left out; ndfolio: the whole process.\n\n\
         | reduction | NumPy | ndfolio | ratio |\n| --- | ---: | ---: | ---: |\n"
    );
    for (name, arguments, call) in CASES {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (seconds, expected) = numpy(&python, file, call)?;
            theirs.push(seconds);
            let place = if call.contains("::7") {
                format!("{}[:, ::7]", file.display())
            } else {
                file.display().to_string()
            };
            let mut command = program(binary);
            command.args(["reduce", "--json"]).arg(place).args(arguments);
            let run = measure::measured(command)?;
            ours.push(run.seconds);
            check(name, &run.output, arguments[0], &expected)?;
        }
        let (theirs, ours) = (median(theirs), median(ours));
        table.push_str(&format!("| {name} | {theirs:.3} s | {ours:.3} s | {:.2} |\n", ours / theirs));
    }
    Ok(Some(table))
}

/// The time of a call in a fresh process, and its first values.
fn numpy(python: &Path, file: &Path, call: &str) -> Result<(f64, Vec<f64>)> {
    let code = format!(
        "import json, sys, time, numpy as np\na = np.load(sys.argv[1], mmap_mode='r')\nstart = time.perf_counter()\n\
         value = {call}\nseconds = time.perf_counter() - start\n\
         print(json.dumps([seconds, np.atleast_1d(value).astype('f8').tolist()]))"
    );
    let mut command = program(python);
    command.args(["-c", &code]).arg(file);
    let printed: (f64, Vec<f64>) =
        serde_json::from_str(&output(command)?).context("NumPy's answer is no JSON")?;
    Ok(printed)
}

/// The first values agree with NumPy's, sums as far as single precision tells them.
fn check(name: &str, printed: &str, key: &str, expected: &[f64]) -> Result<()> {
    let found: Value = serde_json::from_str(printed).context("reduce --json prints no JSON")?;
    let values = match &found[key] {
        Value::Array(values) => values.iter().take(expected.len()).filter_map(Value::as_f64).collect(),
        one => vec![one.as_f64().context("the result is no number")?],
    };
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
    let good = values.len() == expected.len() && values.iter().zip(expected).all(close);
    ensure!(good, "{name} is {values:?} and not {expected:?}");
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
