//! `cargo xtask bench peers`: reductions beside a program in C and the Python libraries, as Markdown tables.

mod cases;
mod data;
mod options;
mod profile;
mod programs;
mod state;
mod table;
mod turns;

use std::thread;

use anyhow::{Context, Result, ensure};

use self::{
    cases::{CASES, Case, GROUP_CASES},
    data::{Data, GROUP},
    options::{Options, chosen},
    programs::{Program, Programs},
    state::{Group, Lock, Place},
    turns::in_turns,
};
use crate::{
    machine,
    shell::{cargo, ndfolio, run},
};

pub(crate) fn peers(arguments: &[String]) -> Result<()> {
    let options = Options::new(arguments)?;
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("cannot find {}", binary.display()))?,
        None => {
            run(cargo(["build", "--release"]))?;
            ndfolio()?
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let programs = Programs::new(binary, threads, &options.peers)?;
    let data = Data::new(&options.folder, options.gib, &programs.python)?;
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
        Ok(report)
    }

    /// The cases of a table that were asked for.
    fn chosen(&self, all: &'static [Case], place: Place) -> Result<Vec<&'static Case>> {
        let all: Vec<&Case> = all.iter().filter(|case| case.is_measured(place)).collect();
        let names: Vec<&str> = all.iter().map(|case| case.name).collect();
        let few: Vec<&Case> = all.into_iter().filter(|case| chosen(case.name, &self.options.cases)).collect();
        ensure!(!few.is_empty(), "no case is called so; there are:\n  {}", names.join("\n  "));
        Ok(few)
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
            let series = in_turns(self.options.runs, case, &self.programs.all, &mut None, |program| {
                self.run(*program, case, place, None)
            })?;
            println!("{}", table.add(case, &series));
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
                let series = in_turns(self.options.runs, case, &lanes, &mut expected, |(program, group)| {
                    self.run(*program, case, Place::Cold, *group)
                })?;
                if let [Some(free), Some(limited)] = &series[..] {
                    println!("{}", table.add(case, *program, free, limited));
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
    ) -> Result<Option<turns::Outcome>> {
        let file = self.data.file(case.file)?;
        if place == Place::Cold {
            let small = self.data.small(case.file)?;
            state::cool(&self.programs.binary, &file.path)?;
            self.programs.run(program, case, &small, place, None)?;
        }
        self.programs.run(program, case, &file, place, group)
    }
}
