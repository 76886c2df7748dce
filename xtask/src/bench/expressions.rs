//! `cargo xtask bench expressions`: new files and numbers from expressions of files, beside a program in C, NumPy and
//! other libraries, as Markdown tables.

mod cases;
mod runs;

use anyhow::{Context, Result};

use self::{
    cases::{CASES, Case, FILES},
    runs::Files,
};
use super::{
    data::{self, Data, F4},
    options::Options,
    programs::{BLOSC2, DASK, NUMEXPR, NUMPY, OURS, Program, Programs},
    state::{self, Group, Lock, Place},
    table,
    turns::{Agreement, Outcome, in_turns},
};
use crate::machine;

/// Sums of functions in single precision, whose errors are of some units.
const SUMS: Agreement = Agreement::Close(1e-4);

pub(crate) fn expressions(arguments: &[String]) -> Result<()> {
    let options = Options::new("expressions", arguments)?;
    let programs = Programs::new(&options, &[OURS, NUMPY[0], NUMPY[1], DASK, NUMEXPR, BLOSC2])?;
    let data = Data::new(&options.folder, FILES, options.gib, &programs.python)?;
    let bench = Bench { options: &options, programs: &programs, data: &data };
    let result = bench.tables();
    // A result is of no use to anybody, whatever happened.
    let cleared = state::clear(&data.path("result"));
    if options.is_clean {
        data.remove();
    }
    println!("\n{}", result?.trim_end());
    cleared
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
            report.push_str(&self.table(*place)?);
        }
        self.programs.check_binary()?;
        Ok(report)
    }

    fn table(&self, place: Place) -> Result<String> {
        let limit = data::bytes(F4, self.data.gib) / 2;
        let group = if place == Place::Group { Some(Group::new(limit)?) } else { None };
        let mut table =
            table::SideBySide::new(place, self.options.runs, &self.programs.all).beside_numpy(limit);
        let mut locks: Vec<(&str, Lock)> = Vec::new();
        let all = CASES.iter().filter(|case| case.is_measured(place)).collect();
        for case in self.options.chosen(all, |case| case.name)? {
            let files = self.files(case)?;
            if place == Place::Hot {
                table.is_locked &= self.heat(case, &files, &mut locks)?;
            }
            let series =
                in_turns(self.options.runs, (case.name, SUMS), &self.programs.all, &mut None, |which| {
                    self.run(*which, case, &files, place, group.as_ref())
                })?;
            println!("{}", table.add(case.name, &series));
        }
        Ok(table.markdown())
    }

    fn files(&self, case: &Case) -> Result<Files> {
        let inputs = case.files.iter().map(|kind| self.data.file(*kind)).collect::<Result<_>>()?;
        Ok(Files { inputs, result: self.data.path("result") })
    }

    /// Holds the files of a case in memory, and none but them; whether it does.
    fn heat(&self, case: &Case, files: &Files, locks: &mut Vec<(&str, Lock)>) -> Result<bool> {
        locks.retain(|(name, _)| case.files.iter().any(|kind| kind.name == *name));
        for (kind, file) in case.files.iter().zip(&files.inputs) {
            if !locks.iter().any(|(name, _)| *name == kind.name) {
                locks.push((kind.name, state::heat(&self.programs.binary, &file.path)?));
            }
        }
        Ok(locks.iter().all(|(_, lock)| lock.holds()))
    }

    /// One run; where the files are cold, what the program itself is read from is not.
    fn run(
        &self,
        which: Program,
        case: &Case,
        files: &Files,
        place: Place,
        group: Option<&Group>,
    ) -> Result<Option<Outcome>> {
        state::clear(&files.result)?;
        if place != Place::Hot {
            let inputs = case.files.iter().map(|kind| self.data.small(*kind)).collect::<Result<_>>()?;
            let small = Files { inputs, result: self.data.path("result-small") };
            for file in &files.inputs {
                state::cool(&self.programs.binary, &file.path)?;
            }
            state::clear(&small.result)?;
            runs::one(self.programs, which, case, &small, (place, None)).context("with a small file")?;
            state::clear(&small.result)?;
        }
        runs::one(self.programs, which, case, files, (place, group))
    }
}
