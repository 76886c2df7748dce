//! One run of each program, and the check of the file that it made.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::cases::{Asked, Case, NAMES};
use crate::{
    bench::{
        data::File,
        profile,
        programs::{Program, Programs, said},
        state::{Group, Place},
        turns::{Outcome, numbers, of_another},
    },
    shell::program,
};

/// The inputs of a case, and where its result goes.
pub(super) struct Files {
    pub(super) inputs: Vec<File>,
    pub(super) result: PathBuf,
}

impl Files {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.inputs.iter().map(|file| file.path.as_path())
    }
}

/// One run, or none where the program cannot do it. A new file is checked where `is_checked`.
pub(super) fn one(
    programs: &Programs,
    which: Program,
    case: &Case,
    files: &Files,
    (place, group): (Place, Option<&Group>),
) -> Result<Option<Outcome>> {
    let Some(command) = command(programs, which, case, files, place) else { return Ok(None) };
    let command = match group {
        Some(group) => group.inside(&command),
        None => command,
    };
    let outcome = match which {
        Program::Ndfolio => ndfolio(command, case).map(Some)?,
        Program::Bound | Program::Python(_) => of_another(command, case.name, which),
    };
    if outcome.is_some() && !matches!(case.asked, Asked::Number(_)) {
        check(programs, which, case, files).with_context(|| format!("the file is wrong: {}", case.name))?;
    }
    Ok(outcome)
}

/// Ends where the new file is not what NumPy makes of the same items.
fn check(programs: &Programs, which: Program, case: &Case, files: &Files) -> Result<()> {
    let is_exact = case.is_exact && (which == Program::Ndfolio || matches!(case.asked, Asked::Convert(_)));
    let mut command = programs.script("expressions.py");
    command.args(["check", case.python, if is_exact { "exact" } else { "close" }]);
    command.arg(&files.result).args(files.paths());
    said(command).map(drop)
}

fn command(programs: &Programs, which: Program, case: &Case, files: &Files, place: Place) -> Option<Command> {
    match which {
        Program::Bound => bound(programs, case, files, place),
        Program::Ndfolio => Some(asked(programs, case, files)),
        // The whole of their results does not fit in a group, and would be waited for.
        Program::Python("numpy" | "numexpr" | "blosc2") if place == Place::Group => None,
        Program::Python(name) => {
            let mut command = programs.script("expressions.py");
            command.args(["run", name, case.python]).arg(&files.result).args(files.paths());
            Some(command)
        }
    }
}

fn bound(programs: &Programs, case: &Case, files: &Files, place: Place) -> Option<Command> {
    let (operation, threads) = (case.bound?, programs.threads.to_string());
    let state = if place == Place::Hot { "hot" } else { "cold" };
    let (mut command, first) = (programs.bound(), &files.inputs[0]);
    if let Asked::Number(_) = case.asked {
        command.arg(operation).arg(&first.path).args([first.offset, first.row].map(|n| n.to_string()));
        command.args([state, &threads]);
        return Some(command);
    }
    let items = first.shape[0] * first.shape[1];
    let columns = first.row / (first.bytes / items);
    command.args(["new", operation, state, &threads]);
    command.args([items / columns, columns].map(|n| n.to_string())).arg(&files.result).args(files.paths());
    Some(command)
}

fn asked(programs: &Programs, case: &Case, files: &Files) -> Command {
    let mut command = program(&programs.binary);
    let named = || NAMES.iter().zip(files.paths()).map(|(name, path)| format!("{name}={}", path.display()));
    match case.asked {
        Asked::Eval(text) => {
            command.args(["eval", text]).args(named()).arg("-o").arg(&files.result).arg("--sync");
        }
        Asked::Number(text) => {
            command.args(["eval", text, "--json"]).args(named());
        }
        Asked::Convert(arguments) => {
            command.arg("convert").args(files.paths()).arg(&files.result).args(arguments);
        }
    }
    command.args(["--profile", "--quiet"]);
    command
}

/// The time of the whole process, of a number that of the pass alone as of the others' calls; and its private memory.
fn ndfolio(command: Command, case: &Case) -> Result<Outcome> {
    let start = Instant::now();
    let (printed, told) = said(command)?;
    let seconds = start.elapsed().as_secs_f64();
    let answer = match case.asked {
        Asked::Number(_) => {
            let printed: Value = serde_json::from_str(&printed).context("eval --json prints no JSON")?;
            numbers(&printed)?
        }
        Asked::Eval(_) | Asked::Convert(_) => Vec::new(),
    };
    let profile = profile::parse(&told)?;
    let seconds = if let Asked::Number(_) = case.asked { profile.seconds } else { seconds };
    Ok(Outcome { seconds, answer, private: Some(profile.private) })
}
