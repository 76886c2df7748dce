//! `cargo xtask bench peers`: reductions beside a program in C and the Python libraries, as Markdown tables.

mod cases;
mod runs;

use anyhow::Result;

use self::cases::{CASES, Case, FILES, GROUP_CASES};
use super::{
    data::{self, Data, GROUP},
    options::Options,
    programs::{PYTHON, Program, Programs},
    state::{self, Group, Lock, Place},
    table,
    turns::{Outcome, in_turns},
};
use crate::machine;

pub(crate) fn peers(arguments: &[String]) -> Result<()> {
    let options = Options::new("peers", arguments)?;
    let programs = Programs::new(&options, &PYTHON)?;
    let data = Data::new(&options.folder, FILES, options.gib, &programs.python)?;
    let result = Bench { options: &options, programs: &programs, data: &data }.tables();
    if options.is_clean {
        data.remove();
    }
    println!("\n{}", result?.trim_end());
    Ok(())
}

/// What is measured, with what, on what.
struct Bench<'a> {
    options: &'a Options,
    programs: &'a Programs,
    data: &'a Data,
}

impl Bench<'_> {
    fn tables(&self) -> Result<String> {
        let mut report = machine::description(&self.options.folder);
        report.push_str(&format!("\n{}\n{}\n", self.programs.description(), self.data.description()));
        for place in &self.options.states {
            report.push_str(&match place {
                Place::Hot | Place::Cold => self.side_by_side(*place)?,
                Place::Group => self.in_a_group()?,
            });
        }
        self.programs.check_binary()?;
        Ok(report)
    }

    /// The cases of a table that were asked for.
    fn chosen(&self, all: &'static [Case], place: Place) -> Result<Vec<&'static Case>> {
        let all = all.iter().filter(|case| case.is_measured(place)).collect();
        self.options.chosen(all, |case| case.name)
    }

    /// All programs over files that are in memory, or over such that are not.
    fn side_by_side(&self, place: Place) -> Result<String> {
        let mut table = table::SideBySide::new(place, self.options.runs, &self.programs.all);
        let mut lock: Option<(&str, Lock)> = None;
        for case in self.chosen(CASES, place)? {
            let file = self.data.file(case.file)?;
            if place == Place::Hot && lock.as_ref().is_none_or(|(name, _)| *name != case.file.name) {
                // The last file lets go of its memory before the next one takes it.
                drop(lock.take());
                let new = state::heat(&self.programs.binary, &file.path)?;
                table.is_locked &= new.holds();
                lock = Some((case.file.name, new));
            }
            let series = in_turns(
                self.options.runs,
                (case.name, case.agreement),
                &self.programs.all,
                &mut None,
                |program| self.run(*program, case, place, None),
            )?;
            println!("{}", table.add(case.name, &series));
        }
        Ok(table.markdown())
    }

    /// Each program over a file that memory does not hold, beside itself without a limit.
    fn in_a_group(&self) -> Result<String> {
        let bytes = data::bytes(GROUP, self.options.gib);
        let group = Group::new(bytes / 8)?;
        let mut table = table::Limited::new(bytes, self.options.runs);
        for case in self.chosen(GROUP_CASES, Place::Group)? {
            let mut expected = None;
            for program in &self.programs.all {
                let lanes = [(*program, None), (*program, Some(&group))];
                let series = in_turns(
                    self.options.runs,
                    (case.name, case.agreement),
                    &lanes,
                    &mut expected,
                    |(program, group)| self.run(*program, case, Place::Cold, *group),
                )?;
                if let [Some(free), Some(limited)] = &series[..] {
                    println!("{}", table.add(case.name, *program, free, limited));
                }
            }
        }
        Ok(table.markdown())
    }

    /// One run; where the file is cold, what the program itself is read from is not.
    fn run(
        &self,
        program: Program,
        case: &Case,
        place: Place,
        group: Option<&Group>,
    ) -> Result<Option<Outcome>> {
        let file = self.data.file(case.file)?;
        if place == Place::Cold {
            let small = self.data.small(case.file)?;
            state::cool(&self.programs.binary, &file.path)?;
            runs::one(self.programs, program, case, &small, place, None)?;
        }
        runs::one(self.programs, program, case, &file, place, group)
    }
}
