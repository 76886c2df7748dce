//! `cargo xtask test`: the steps, in the order in which they are cheap.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{
    python, readme,
    shell::{cargo, root, run},
};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", what: "the code is formatted", run: fmt },
    Step { name: "clippy", what: "no lint complains", run: clippy },
    Step { name: "doc", what: "the documentation builds", run: doc },
    Step { name: "rust", what: "unit, property, integration and documentation tests", run: rust },
    Step { name: "build", what: "the release build", run: build },
    Step { name: "python", what: "the Python environment of the tests", run: python_environment },
    Step { name: "pytest", what: "the command against NumPy", run: python::pytest },
    Step { name: "package", what: "the Python package, built and installed", run: python::package },
    Step { name: "package-tests", what: "the Python package against NumPy", run: python::package_tests },
    Step { name: "readme", what: "README's commands, as written", run: readme::readme },
    Step {
        name: "fuzz",
        what: "the fuzz targets compile, and find nothing in a few seconds",
        run: fuzz_targets,
    },
];

/// Runs the named steps, or all.
pub(crate) fn test(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| argument == "--list") {
        for step in STEPS {
            println!("{:13} {}", step.name, step.what);
        }
        return Ok(());
    }
    let names = || STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = arguments.iter().find(|&a| STEPS.iter().all(|step| step.name != a)) {
        bail!("there is no step {unknown:?}; the steps are {}", names());
    }
    let wanted: Vec<&Step> = STEPS
        .iter()
        .filter(|step| arguments.is_empty() || arguments.iter().any(|a| a == step.name))
        .collect();
    let start = Instant::now();
    let mut times = Vec::new();
    for (number, step) in wanted.iter().enumerate() {
        println!("\n==> {} ({} of {}): {}", step.name, number + 1, wanted.len(), step.what);
        let begin = Instant::now();
        (step.run)().with_context(|| format!("step {} (again: cargo xtask test {0})", step.name))?;
        times.push(format!("{} {:.1} s", step.name, begin.elapsed().as_secs_f64()));
        println!("<== {}", times[number]);
    }
    println!("\nAll good in {:.1} s: {}", start.elapsed().as_secs_f64(), times.join(", "));
    Ok(())
}

fn fmt() -> Result<()> {
    run(cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run(cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn doc() -> Result<()> {
    // The command's page would lie where the library's lies: both are called ndfolio.
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--exclude", "ndfolio-cli"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run(command)
}

fn rust() -> Result<()> {
    run(cargo(["test", "--workspace"]))
}

fn build() -> Result<()> {
    run(cargo(["build", "--release"]))
}

fn python_environment() -> Result<()> {
    python::environment().map(drop)
}

fn fuzz_targets() -> Result<()> {
    if !root().join("fuzz/Cargo.toml").exists() {
        println!("there is no fuzz folder");
        return Ok(());
    }
    let mut command = cargo(["check", "--manifest-path", "fuzz/Cargo.toml", "--all-targets"]);
    command.env("CARGO_TARGET_DIR", crate::shell::target()?.join("fuzz"));
    run(command)?;
    crate::fuzz::briefly()
}
