//! `cargo xtask bench`: what ndfolio costs, as Markdown tables. Every answer is checked: a wrong one ends the run.

mod access;
mod data;
mod expressions;
mod options;
mod peers;
mod profile;
mod programs;
mod reductions;
mod state;
mod table;
mod turns;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    machine, measure, option,
    shell::{cargo, ndfolio, program, root, run, target},
};

/// Runs of each start-up figure.
const STARTS: usize = 200;
/// Runs of each figure over the large file; the fastest counts.
const RUNS: usize = 3;
/// Items of a row of the large file.
const COLUMNS: u64 = 16_384;
/// What the large file is filled with; the first and the last item differ from it.
const FILL: f64 = 1.5;
const FIRST: f64 = -7.0;
const LAST: f64 = 9.0;

/// Where the files lie, and which command is measured.
struct Bench {
    binary: PathBuf,
    folder: PathBuf,
    rows: u64,
}

pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("peers", rest)) => return peers::peers(rest),
        Some(("expressions", rest)) => return expressions::expressions(rest),
        Some(("access", rest)) => return access::access(rest),
        _ => {}
    }
    let mut arguments = arguments.to_vec();
    let gib: u64 = match option(&mut arguments, "--size")? {
        Some(text) => text.parse().with_context(|| format!("--size wants whole GiB, not {text:?}"))?,
        None => 2,
    };
    let folder = match option(&mut arguments, "--dir")? {
        Some(folder) => PathBuf::from(folder),
        None => target()?.join("bench"),
    };
    if let Some(unknown) = arguments.first() {
        bail!(
            "bench does not know {unknown:?}; it takes peers, expressions or access, or --size GIB and --dir FOLDER"
        );
    }
    run(cargo(["build", "--release"]))?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let bench = Bench { binary: ndfolio()?, folder, rows: (gib << 30) / (COLUMNS * 4) };
    let result = bench.all();
    bench.remove_files();
    result
}

impl Bench {
    fn all(&self) -> Result<()> {
        let mut report = format!("{}\n", machine::description(&self.folder));
        report.push_str(&self.start_up()?);
        report.push_str(&self.passes()?);
        println!("\n{report}");
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn remove_files(&self) {
        for name in ["small.npy", "sparse.npy", "big.npy", "fortran.npy", "double.npy"] {
            // What is not there need not go.
            let _ = fs::remove_file(self.file(name));
        }
    }

    fn command(&self, arguments: &[&str], file: &Path) -> Command {
        let mut command = program(&self.binary);
        command.args(arguments).arg(file);
        command
    }

    fn create(&self, file: &Path, shape: &str, options: &[&str]) -> Result<()> {
        let mut command = self.command(&["create", "--force", "--dtype", "<f4", "--shape", shape], file);
        command.args(options);
        run(command)
    }

    /// The start of a process that opens a small file, and one of 100 GB.
    fn start_up(&self) -> Result<String> {
        let (small, sparse) = (self.file("small.npy"), self.file("sparse.npy"));
        self.create(&small, "250000", &["--fill", "1"])?;
        self.create(&sparse, "25000000000", &["--sparse"])?;
        let about = measure::measured(self.command(&["info", "--json"], &sparse))?;
        let about: Value = serde_json::from_str(&about.output).context("info --json prints no JSON")?;
        ensure!(about["nbytes"] == 100_000_000_000_u64, "info says {} bytes and not 100 GB", about["nbytes"]);
        let mut rows = String::new();
        for (name, command) in [
            ("`/bin/true`, which does nothing", program("/bin/true")),
            ("`ndfolio info`, 1 MB", self.command(&["info"], &small)),
            ("`ndfolio info`, 100 GB (sparse)", self.command(&["info"], &sparse)),
        ] {
            let times = measure::starts(command, STARTS)?;
            rows.push_str(&format!("| {name} | {:.2} ms | {:.2} ms |\n", times[times.len() / 2], times[0]));
        }
        Ok(format!("\n| start to end, {STARTS} runs | median | least |\n| --- | ---: | ---: |\n{rows}"))
    }

    /// Whole passes over a large file.
    fn passes(&self) -> Result<String> {
        let (big, fortran, double) =
            (self.file("big.npy"), self.file("fortran.npy"), self.file("double.npy"));
        self.create(&big, &format!("{},{COLUMNS}", self.rows), &["--fill", &FILL.to_string()])?;
        self.set(&big, "[0, 0]", FIRST)?;
        self.set(&big, "[-1, -1]", LAST)?;
        let (fortran_name, double_name) = (text(&fortran)?, text(&double)?);
        let mut table = self.head();
        let stats = self.fastest(&["stats", "--json"], &big, &[])?;
        self.check_stats(&stats.output)?;
        table.push_str(&self.row("`stats`, all eight figures", &stats));
        let digest = self.fastest(&["digest"], &big, &[])?;
        table.push_str(&self.row("`digest`, SHA-256", &digest));
        let double = self.fastest(&["convert", "--force"], &big, &[double_name, "--to-dtype", "<f8"])?;
        table.push_str(&self.row("`convert` to f8", &double));
        self.check_stats(
            &measure::measured(self.command(&["stats", "--json"], &self.file("double.npy")))?.output,
        )?;
        fs::remove_file(self.file("double.npy"))?;
        let order = self.fastest(&["convert", "--force"], &big, &[fortran_name, "--to-order", "F"])?;
        table.push_str(&self.row("`convert` to F order", &order));
        let other = measure::measured(self.command(&["digest"], &fortran))?;
        ensure!(
            first_word(&digest.output) == first_word(&other.output),
            "the copy in F order has another digest: {} and {}",
            digest.output,
            other.output
        );
        table.push_str(&self.row("`digest` of the copy in F order", &other));
        if let Some(numpy) = self.numpy(&big)? {
            table
                .push_str(&self.row("NumPy: min, max, mean, std, sum of `np.load(mmap_mode=\"r\")`", &numpy));
        }
        if let Some(reductions) = reductions::table(&self.binary, &big)? {
            table.push_str(&reductions);
        }
        Ok(table)
    }

    fn head(&self) -> String {
        let gib = (self.rows * COLUMNS * 4) as f64 / f64::from(1 << 30);
        format!(
            "\nAn f4 file of {gib} GiB, {} x {COLUMNS}, in C order; read once before, so that as much of it as memory holds \
             is in the page cache. The fastest of {RUNS} runs; GB/s count the file's bytes once.\n\n\
             | pass | time | speed | private memory, peak | with the file's pages |\n\
             | --- | ---: | ---: | ---: | ---: |\n",
            self.rows
        )
    }

    fn row(&self, name: &str, run: &measure::Run) -> String {
        let bytes = (self.rows * COLUMNS * 4) as f64;
        format!(
            "| {name} | {:.2} s | {:.2} GB/s | {:.1} MiB | {:.0} MiB |\n",
            run.seconds,
            bytes / run.seconds / 1e9,
            run.private as f64 / f64::from(1 << 20),
            run.resident as f64 / f64::from(1 << 20)
        )
    }

    fn set(&self, file: &Path, selection: &str, value: f64) -> Result<()> {
        let mut command = program(&self.binary);
        command.arg("set").arg(format!("{}{selection}", file.display())).args(["--", &value.to_string()]);
        run(command)
    }

    /// The fastest of several runs over the file, which is in the page cache as far as it fits.
    fn fastest(&self, arguments: &[&str], file: &Path, more: &[&str]) -> Result<measure::Run> {
        println!("$ ndfolio {} {} {}", arguments.join(" "), file.display(), more.join(" "));
        std::io::copy(&mut fs::File::open(file)?, &mut std::io::sink())?;
        let mut best: Option<measure::Run> = None;
        for _ in 0..RUNS {
            let mut command = self.command(arguments, file);
            command.args(more);
            let run = measure::measured(command)?;
            best = Some(match best {
                // The fastest time, and the most memory of all runs.
                Some(best) => measure::Run {
                    seconds: best.seconds.min(run.seconds),
                    private: best.private.max(run.private),
                    resident: best.resident.max(run.resident),
                    output: run.output,
                },
                None => run,
            });
        }
        best.context("no runs")
    }

    fn check_stats(&self, printed: &str) -> Result<()> {
        let found: Value = serde_json::from_str(printed).context("stats --json prints no JSON")?;
        let count = self.rows * COLUMNS;
        let sum = FILL * (count - 2) as f64 + FIRST + LAST;
        ensure!(found["count"] == count, "count is {} and not {count}", found["count"]);
        for (key, expected) in [("min", FIRST), ("max", LAST), ("sum", sum), ("mean", sum / count as f64)] {
            let value = found[key].as_f64().with_context(|| format!("{key} is no number: {}", found[key]))?;
            ensure!(
                (value - expected).abs() <= expected.abs() * 1e-14,
                "{key} is {value} and not {expected}"
            );
        }
        Ok(())
    }

    /// The same figures by NumPy, where the tests' Python is there.
    fn numpy(&self, file: &Path) -> Result<Option<measure::Run>> {
        let python = target()?.join("python-env/bin/python");
        if !python.exists() {
            println!("NumPy is left out; for its row run: cargo xtask test python");
            return Ok(None);
        }
        let code = "import sys, numpy as np; a = np.load(sys.argv[1], mmap_mode='r'); \
                    print(a.min(), a.max(), a.mean(), a.std(), a.sum())";
        let mut command = Command::new(python);
        command.current_dir(root()).args(["-c", code]).arg(file);
        measure::measured(command).map(Some)
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or("")
}
