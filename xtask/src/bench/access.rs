//! `cargo xtask bench access`: random rows, batches and shuffles, beside a program in C and NumPy, as Markdown tables.

mod cases;
mod runs;

use anyhow::Result;

use self::{
    cases::{CASES, Case, FILES},
    runs::{Files, Runner},
};
use super::{
    data::{self, Data, ROWS},
    options::Options,
    programs::{NUMPY, OURS, Programs},
    state::{self, Group, Lock, Place},
    table,
    turns::{Agreement, in_turns},
};
use crate::machine;

pub(crate) fn access(arguments: &[String]) -> Result<()> {
    let options = Options::new("access", arguments)?;
    let programs = Programs::new(&options, &[OURS, NUMPY[0], NUMPY[1]])?;
    let data = Data::new(&options.folder, FILES, options.gib, &programs.python)?;
    let runner = Runner::new(&programs, options.is_given())?;
    let bench = Bench { options: &options, runner, data: &data };
    let result = bench.tables();
    let cleared = state::clear(&data.path("result"));
    if options.is_clean {
        for case in CASES {
            state::clear(&bench.indices(case, ""))?;
            state::clear(&bench.indices(case, "-small"))?;
        }
        data.remove();
    }
    println!("\n{}", result?.trim_end());
    cleared
}

/// What is measured, with what, on what.
struct Bench<'a> {
    options: &'a Options,
    runner: Runner<'a>,
    data: &'a Data,
}

impl Bench<'_> {
    fn tables(&self) -> Result<String> {
        let programs = self.runner.programs;
        let mut report = machine::description(&self.options.folder);
        report.push_str(&format!("\n{}\n{}\n", programs.description(), self.data.description()));
        for place in &self.options.states {
            report.push_str(&self.table(*place)?);
        }
        programs.check_binary()?;
        Ok(report)
    }

    fn table(&self, place: Place) -> Result<String> {
        let (programs, limit) = (&self.runner.programs.all, data::bytes(ROWS, self.data.gib) / 8);
        let group = if place == Place::Group { Some(Group::new(limit)?) } else { None };
        let mut table = table::SideBySide::new(place, self.options.runs, programs).beside_numpy(limit);
        let mut lock: Option<(&str, Lock)> = None;
        let all = CASES.iter().filter(|case| case.is_measured(place)).collect();
        for case in self.options.chosen(all, |case| case.name)? {
            let files = self.files(case)?;
            let small = if place == Place::Hot { None } else { Some(self.small(case)?) };
            if place == Place::Hot && lock.as_ref().is_none_or(|(name, _)| *name != case.file.name) {
                // The last file lets go of its memory before the next one takes it.
                drop(lock.take());
                let new = state::heat(&self.runner.programs.binary, &files.input.path)?;
                table.is_locked &= new.holds();
                lock = Some((case.file.name, new));
            }
            let checked = (case.name, Agreement::Exact);
            let series = in_turns(self.options.runs, checked, programs, &mut None, |which| {
                state::clear(&files.result)?;
                if let Some(small) = &small {
                    // Where the file is cold, what the program itself is read from is not.
                    state::cool(&self.runner.programs.binary, &files.input.path)?;
                    self.runner.one(*which, case, small, place, None)?;
                    state::clear(&small.result)?;
                }
                self.runner.one(*which, case, &files, place, group.as_ref())
            })?;
            println!("{}", table.add(case.name, &series));
        }
        Ok(table.markdown())
    }

    /// Where the numbers of rows of a case lie.
    fn indices(&self, case: &Case, suffix: &str) -> std::path::PathBuf {
        self.data.path(&format!("{}-{}{suffix}-indices", case.file.name, case.python()))
    }

    fn files(&self, case: &Case) -> Result<Files> {
        let input = self.data.file(case.file)?;
        let indices = self.runner.indices(case, &input, self.indices(case, ""))?;
        Ok(Files { input, indices, result: self.data.path("result") })
    }

    fn small(&self, case: &Case) -> Result<Files> {
        let input = self.data.small(case.file)?;
        let indices = self.runner.indices(case, &input, self.indices(case, "-small"))?;
        Ok(Files { input, indices, result: self.data.path("result-small") })
    }
}
