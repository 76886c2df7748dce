//! One run of each program over one file.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::cases::Case;
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

/// One run, or none where the program cannot do it.
pub(super) fn one(
    programs: &Programs,
    program: Program,
    case: &Case,
    file: &File,
    place: Place,
    group: Option<&Group>,
) -> Result<Option<Outcome>> {
    let command = command(programs, program, case, file, place);
    let command = match group {
        Some(group) => group.inside(&command),
        None => command,
    };
    Ok(match program {
        Program::Ndfolio => Some(ndfolio(command, case.arguments[0])?),
        Program::Bound | Program::Python(_) => of_another(command, case.name, program),
    })
}

fn command(programs: &Programs, which: Program, case: &Case, file: &File, place: Place) -> Command {
    let threads = programs.threads.to_string();
    match which {
        Program::Bound => {
            let mut command = programs.bound();
            command.arg(case.bound).arg(&file.path).args([file.offset, file.row].map(|n| n.to_string()));
            command.args([if place == Place::Hot { "hot" } else { "cold" }, &threads]);
            command
        }
        Program::Ndfolio => {
            let mut command = program(&programs.binary);
            command.arg("reduce").arg(format!("{}{}", file.path.display(), case.selection));
            command.args(case.arguments).args(["--json", "--profile", "--quiet"]);
            command
        }
        Program::Python(name) => {
            let mut command = programs.script("peers.py");
            command.args([name, case.python]).arg(&file.path).arg(&threads);
            command
        }
    }
}
/// The pass's own time, private memory and result.
fn ndfolio(command: Command, key: &str) -> Result<Outcome> {
    let (printed, told) = said(command)?;
    let printed: Value = serde_json::from_str(&printed).context("reduce --json prints no JSON")?;
    let profile = profile::parse(&told)?;
    let answer = numbers(&printed[key])?;
    Ok(Outcome { seconds: profile.seconds, answer, private: Some(profile.private) })
}
