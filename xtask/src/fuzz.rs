//! `cargo xtask fuzz`: runs the fuzz targets, each for a while.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::{
    option,
    shell::{cargo, root, run, succeeds},
};

/// Seconds for each target if nobody says.
const USUAL: u32 = 60;
/// What a parser may take: memory of the whole process and of one allocation in MiB, and seconds for one input. The
/// sanitizer takes most of the first.
const BOUNDS: [&str; 3] = ["-rss_limit_mb=1024", "-malloc_limit_mb=16", "-timeout=5"];

pub(crate) fn fuzz(arguments: &[String]) -> Result<()> {
    let mut arguments = arguments.to_vec();
    let number = |name: &str, arguments: &mut Vec<String>| -> Result<Option<u32>> {
        let text = option(arguments, name)?;
        let parsed = text
            .map(|text| text.parse().with_context(|| format!("{name} wants a whole number, not {text:?}")));
        parsed.transpose()
    };
    let seconds = match (number("--seconds", &mut arguments)?, number("--minutes", &mut arguments)?) {
        (Some(_), Some(_)) => bail!("--seconds and --minutes both say how long; give one of them"),
        (Some(seconds), None) => seconds,
        (None, Some(minutes)) => minutes.saturating_mul(60),
        (None, None) => USUAL,
    };
    let all = targets()?;
    if let Some(unknown) = arguments.iter().find(|&name| !all.contains(name)) {
        bail!("there is no fuzz target {unknown:?}; the targets are {}", all.join(", "));
    }
    if !is_installed() {
        bail!("cargo-fuzz is not installed; run: cargo install cargo-fuzz --locked");
    }
    run_each(if arguments.is_empty() { &all } else { &arguments }, seconds)
}

/// A few seconds of every target, where cargo-fuzz is there.
pub(crate) fn briefly() -> Result<()> {
    const SECONDS: u32 = 3;
    if !is_installed() {
        println!("not run: cargo-fuzz is not installed (cargo install cargo-fuzz --locked)");
        return Ok(());
    }
    run_each(&targets()?, SECONDS)
}

fn is_installed() -> bool {
    succeeds(cargo(["fuzz", "--version"]))
}

fn run_each(names: &[String], seconds: u32) -> Result<()> {
    for name in names {
        println!("\n==> {name}, {seconds} s");
        // What is found stays in the first folder; the seeds are read beside it.
        let (found, seeds) = (root().join("fuzz/corpus").join(name), root().join("fuzz/seeds").join(name));
        fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
        let mut command = cargo(["fuzz", "run", name]);
        command.args([&found, &seeds]).arg("--").arg(format!("-max_total_time={seconds}")).args(BOUNDS);
        if name == "operations" {
            // What makes calls fail lives as long as the process, for files keep it.
            command.env("ASAN_OPTIONS", "detect_leaks=0");
        }
        // The sanitizers are a nightly feature; this lets the pinned compiler have them.
        command.env("RUSTC_BOOTSTRAP", "1");
        run(command)?;
    }
    Ok(())
}

/// The names of the files in fuzz/fuzz_targets.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}
