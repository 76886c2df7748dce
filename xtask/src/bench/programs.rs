//! The programs that are measured: how they are got, and one run of each.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::SystemTime,
};

use anyhow::{Context, Result, bail, ensure};

use super::options::{Options, chosen};
use crate::{
    python,
    shell::{output, program, root, run, succeeds, target},
};

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Program {
    /// The program in C.
    Bound,
    Ndfolio,
    /// A name that peers.py knows.
    Python(&'static str),
}

/// NumPy as it is called first, and as somebody writes it who knows that the files are large.
pub(super) const NUMPY: [Program; 2] = [Program::Python("numpy"), Program::Python("numpy-chunks")];

/// Our own package.
pub(super) const OURS: Program = Program::Python("ndfolio-python");

pub(super) const DASK: Program = Program::Python("dask");
pub(super) const NUMEXPR: Program = Program::Python("numexpr");
pub(super) const BLOSC2: Program = Program::Python("blosc2");

pub(super) const PYTHON: [Program; 7] =
    [OURS, NUMPY[0], NUMPY[1], DASK, NUMEXPR, BLOSC2, Program::Python("numba")];

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Program::Bound => "C",
            Program::Ndfolio => "ndfolio",
            Program::Python(name) => name,
        }
    }

    /// Whether a wrong answer ends everything, since it is our own.
    pub(super) fn must_be_right(self) -> bool {
        self == OURS || !matches!(self, Program::Python(_))
    }
}

/// All that are here and were asked for.
pub(super) struct Programs {
    /// ndfolio.
    pub(super) binary: PathBuf,
    /// The Python that the libraries are installed for.
    pub(super) python: PathBuf,
    /// The program in C first and ndfolio second: the order of the table.
    pub(super) all: Vec<Program>,
    /// When the binary was built, so that it is seen if another one takes its place.
    built: SystemTime,
    bound: PathBuf,
    pub(super) threads: usize,
    /// What was left out and why, and the versions of what was not.
    said: Vec<String>,
}

impl Programs {
    /// Compiles and installs what was asked for; ndfolio is always measured.
    pub(super) fn new(options: &Options, peers: &[Program]) -> Result<Programs> {
        let (binary, patterns) = (options.command()?, &options.peers);
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let folder = target()?.join("bench-env");
        let python = folder.join("bin/python");
        let mut pip = program(&python);
        pip.args(["-m", "pip", "--version"]);
        if !succeeds(pip) {
            python::new_environment(&folder)?;
        }
        let bound = target()?.join("bound");
        let mut programs = Programs {
            built: built(&binary)?,
            binary,
            python,
            all: vec![Program::Ndfolio],
            bound,
            threads,
            said: Vec::new(),
        };
        if options.is_given() {
            programs.said.push("ndfolio is what --binary names, and not built of this commit".to_owned());
        }
        programs.install("numpy").context("the files are made with NumPy")?;
        if chosen(Program::Bound.name(), patterns) {
            match compile(&programs.bound) {
                Ok(compiler) => {
                    programs.all.insert(0, Program::Bound);
                    programs.said.push(format!("C by {compiler}"));
                }
                Err(error) => programs.leave_out(Program::Bound, &error),
            }
        }
        for peer in peers.iter().filter(|peer| chosen(peer.name(), patterns)) {
            programs.add(*peer);
        }
        Ok(programs)
    }

    fn add(&mut self, peer: Program) {
        let package = peer.name().trim_end_matches("-chunks");
        let installed = if peer == OURS { self.install_ours() } else { self.install(package) };
        match installed {
            Ok(version) => {
                self.all.push(peer);
                let said = format!("{package} {version}");
                if !self.said.contains(&said) {
                    self.said.push(said);
                }
            }
            Err(error) => self.leave_out(peer, &error),
        }
    }

    /// The whole reason is told now, and the beginning of it with the table.
    fn leave_out(&mut self, peer: Program, error: &anyhow::Error) {
        println!("{} is left out: {error:#}", peer.name());
        self.said.push(format!("{} is left out: {error}", peer.name()));
    }

    /// Installs a package where it is not there; its version.
    fn install(&self, package: &str) -> Result<String> {
        let wanted = std::fs::read_to_string(root().join("xtask/bound/requirements.txt"))?;
        let version = |package| version(&wanted, package).with_context(|| format!("no version of {package}"));
        let (wanted, numpy) = (version(package)?, version("numpy")?);
        let code = "import importlib, importlib.metadata as m, sys\nimportlib.import_module(sys.argv[1])\n\
                    sys.exit(m.version(sys.argv[1]) != sys.argv[2])";
        let is_there = || {
            let mut command = program(&self.python);
            command.args(["-c", code, package, wanted]);
            succeeds(command)
        };
        if !is_there() {
            let mut pip = python::pip_install(&self.python);
            pip.arg(format!("{package}=={wanted}"));
            if package != "numpy" {
                // Which no other package is to change.
                pip.arg(format!("numpy=={numpy}"));
            }
            run(pip).with_context(|| format!("pip cannot install {package} {wanted}"))?;
            ensure!(is_there(), "{package} {wanted} cannot be imported");
        }
        Ok(wanted.to_owned())
    }

    /// Builds and installs our own package, of this commit.
    fn install_ours(&self) -> Result<String> {
        let mut pip = python::pip_install(&self.python);
        pip.args(["--no-deps", "--force-reinstall", "./python"]);
        run(pip).context("pip cannot build the Python package")?;
        Ok(env!("CARGO_PKG_VERSION").to_owned())
    }

    /// One line for the head of a table.
    pub(super) fn description(&self) -> String {
        format!("At most {} threads each. {}.", self.threads, self.said.join("; "))
    }

    /// Ends where ndfolio was built anew since: the runs are of two programs then.
    pub(super) fn check_binary(&self) -> Result<()> {
        let name = self.binary.display();
        ensure!(built(&self.binary)? == self.built, "{name} was built anew meanwhile; measure a copy of it");
        Ok(())
    }

    /// The program in C.
    pub(super) fn bound(&self) -> Command {
        program(&self.bound)
    }

    /// A script of `xtask/bound` for the libraries, which use as many threads as the others.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = program(&self.python);
        command.arg(root().join("xtask/bound").join(name));
        for pool in ["OMP", "OPENBLAS", "NUMEXPR", "NUMBA"] {
            command.env(format!("{pool}_NUM_THREADS"), self.threads.to_string());
        }
        command
    }
}

fn built(binary: &Path) -> Result<SystemTime> {
    let about = std::fs::metadata(binary).and_then(|about| about.modified());
    about.with_context(|| format!("cannot look at {}", binary.display()))
}

/// The version of a package in a list of requirements.
fn version<'a>(requirements: &'a str, package: &str) -> Option<&'a str> {
    requirements.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("==")).map(str::trim)
}

/// Compiles the program in C for this machine; the name of the compiler.
fn compile(to: &Path) -> Result<String> {
    let mut about = program("gcc");
    about.arg("--version");
    let about =
        output(about).context("there is no gcc; on Debian and Ubuntu run: apt-get install gcc libc6-dev")?;
    let mut gcc = program("gcc");
    gcc.args(["-std=gnu11", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-Wall", "-Wextra"]);
    gcc.arg(root().join("xtask/bound/bound.c")).arg("-o").arg(to).arg("-lm");
    run(gcc).context("gcc cannot compile it")?;
    Ok(about.lines().next().unwrap_or("gcc").to_owned())
}

/// What a program prints, on standard output and on standard error.
pub(super) fn said(mut command: Command) -> Result<(String, String)> {
    let done = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    if !done.status.success() {
        // The last line says it, where a program tells how it came there.
        bail!("{}: {}", done.status, told.lines().last().unwrap_or("it says nothing"));
    }
    Ok((String::from_utf8_lossy(&done.stdout).into_owned(), told))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_library_has_a_version() {
        let wanted = fs::read_to_string(root().join("xtask/bound/requirements.txt")).unwrap();
        for peer in PYTHON.into_iter().filter(|peer| *peer != OURS) {
            assert!(version(&wanted, peer.name().trim_end_matches("-chunks")).is_some(), "{}", peer.name());
        }
        assert_eq!(version("numpy-x==1\nnumpy==2.4\n", "numpy"), Some("2.4"));
        assert_eq!(version("numpy>=2\n", "numpy"), None);
    }

    #[test]
    fn peers_py_knows_every_library() {
        let script = fs::read_to_string(root().join("xtask/bound/peers.py")).unwrap();
        for peer in PYTHON {
            assert!(script.contains(&format!("    \"{}\": ", peer.name())), "{}", peer.name());
        }
    }

    #[test]
    fn what_fails_is_told_by_its_last_line() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo first >&2; echo last >&2; exit 3"]);
        let error = said(shell).unwrap_err().to_string();
        assert!(error.contains("last") && !error.contains("first"), "{error}");
    }
}
