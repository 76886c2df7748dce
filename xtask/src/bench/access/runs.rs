//! One run of each program.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::cases::{Asked, Case, PICKS};
use crate::{
    bench::{
        data::File,
        programs::{Program, Programs, said},
        state::{Group, Place},
        turns::{Outcome, numbers, of_another},
    },
    shell::{cargo, program, run},
};

/// Memory of a shuffle in C, in bytes, of which it needs some more.
const SHUFFLE_MEMORY: u64 = 384 << 20;

/// The programs, and the one that uses the crate.
pub(super) struct Runner<'a> {
    pub(super) programs: &'a Programs,
    example: PathBuf,
}

/// The input of a case, the numbers of its rows, and where its result goes.
pub(super) struct Files {
    pub(super) input: File,
    pub(super) indices: PathBuf,
    pub(super) result: PathBuf,
}

impl<'a> Runner<'a> {
    pub(super) fn new(programs: &'a Programs, is_given: bool) -> Result<Runner<'a>> {
        if !is_given {
            run(cargo(["build", "--release", "--package", "ndfolio", "--example", "access"]))?;
        }
        let folder = programs.binary.parent().context("the command lies in no folder")?;
        let example = folder.join("examples/access");
        if !example.exists() {
            bail!("{} is missing: the example is measured beside the command", example.display());
        }
        Ok(Runner { programs, example })
    }

    /// Makes the numbers of rows that a case wants, if it does, where they are not there.
    pub(super) fn indices(&self, case: &Case, input: &File, to: PathBuf) -> Result<PathBuf> {
        let is_wanted = matches!(case.asked, Asked::Gather | Asked::Full | Asked::Shuffle);
        if is_wanted && !to.exists() {
            let rows = input.bytes / case.row;
            let count = if case.asked == Asked::Gather { PICKS.min(rows) } else { rows };
            let mut make = self.programs.script("access.py");
            make.arg("indices").arg(&to).args([count, rows].map(|number| number.to_string()));
            run(make)?;
        }
        Ok(to)
    }

    /// One run, or none where the program cannot do it.
    pub(super) fn one(
        &self,
        which: Program,
        case: &Case,
        files: &Files,
        place: Place,
        group: Option<&Group>,
    ) -> Result<Option<Outcome>> {
        if !case.is_for(which, place) {
            return Ok(None);
        }
        let command = match which {
            Program::Bound => self.bound(case, files, place),
            Program::Ndfolio => self.asked(case, files),
            Program::Python(name) => {
                let mut command = self.programs.script("access.py");
                command.args(["run", name, case.python()]);
                command.arg(&files.input.path).arg(&files.indices).arg(&files.result);
                command
            }
        };
        let command = match group {
            Some(group) => group.inside(&command),
            None => command,
        };
        let outcome = match which {
            Program::Ndfolio => ndfolio(command).map(Some)?,
            Program::Bound | Program::Python(_) => of_another(command, case.name, which),
        };
        if outcome.is_some() && case.asked == Asked::Shuffle {
            let mut check = self.programs.script("access.py");
            check.arg("check").arg(&files.input.path).arg(&files.result);
            said(check).with_context(|| format!("the file is wrong: {}", case.name))?;
        }
        Ok(outcome)
    }

    fn bound(&self, case: &Case, files: &Files, place: Place) -> Command {
        let (mut command, threads) = (self.programs.bound(), self.programs.threads.to_string());
        let (input, row) = (&files.input, case.row.to_string());
        let state = if place == Place::Hot { "hot" } else { "cold" };
        match case.asked {
            Asked::Gather => {
                command.args(["access", "gather", state, &threads]).arg(&input.path);
                command.arg(row).arg(&files.indices);
            }
            Asked::Full => {
                command.args(["access", "random", &threads]).arg(&input.path).arg(row).arg(&files.indices);
            }
            Asked::Shuffle => {
                command.args(["access", "shuffle", &threads]).arg(&input.path).arg(row).arg(&files.indices);
                command.arg(&files.result).arg(SHUFFLE_MEMORY.to_string());
            }
            Asked::Windows | Asked::Blocks => {
                command.arg("first-words").arg(&input.path).arg(input.offset.to_string());
                command.args([&row, state, &threads]);
            }
        }
        command
    }

    fn asked(&self, case: &Case, files: &Files) -> Command {
        let mut command = program(&self.example);
        command.arg(case.python()).arg(&files.input.path).arg(case.row.to_string());
        command.arg(&files.indices).arg(&files.result);
        command
    }
}

/// What the example prints: seconds, answer, private memory.
fn ndfolio(command: Command) -> Result<Outcome> {
    let (printed, _) = said(command)?;
    let printed: Value = serde_json::from_str(&printed).context("the example prints no JSON")?;
    let seconds = printed[0].as_f64().context("no time")?;
    Ok(Outcome { seconds, answer: numbers(&printed[1])?, private: printed[2].as_u64() })
}
