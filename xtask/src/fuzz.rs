//! `cargo xtask fuzz`: runs the fuzz targets, each for a while.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::{
    option,
    shell::{cargo, root, run, succeeds},
};

pub(crate) fn fuzz(arguments: &[String]) -> Result<()> {
    let mut arguments = arguments.to_vec();
    let seconds: u32 = match option(&mut arguments, "--seconds")? {
        Some(text) => {
            text.parse().with_context(|| format!("--seconds wants a whole number, not {text:?}"))?
        }
        None => 60,
    };
    let all = targets()?;
    if let Some(unknown) = arguments.iter().find(|&name| !all.contains(name)) {
        bail!("there is no fuzz target {unknown:?}; the targets are {}", all.join(", "));
    }
    if !succeeds(cargo(["fuzz", "--version"])) {
        bail!("cargo-fuzz is not installed; run: cargo install cargo-fuzz");
    }
    let wanted = if arguments.is_empty() { &all } else { &arguments };
    for name in wanted {
        println!("\n==> {name}, {seconds} s");
        let mut command = cargo(["fuzz", "run", name, "--", &format!("-max_total_time={seconds}")]);
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
