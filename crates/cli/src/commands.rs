//! One file for each command.

mod append;
mod batches;
mod bench;
mod cache;
mod check;
mod convert;
mod create;
mod describe;
mod diff;
mod digest;
mod eval;
mod explain;
mod info;
mod pick;
mod reduce;
mod set;
mod show;
mod shuffle;
mod verify;

use std::{io::Write, path::Path, process::ExitCode};

use clap::CommandFactory;
use ndfolio::{Array, DType, Mode, Reduced, Value};

use crate::{
    args::{Cli, Command, Input, LockArgs},
    failure::Failure,
    output::Output,
    print::{self, Options},
    progress::Watch,
};

pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Info(args) => info::run(&args)?,
        Command::Show(args) => show::run(&args)?,
        Command::Create(args) => create::run(&args)?,
        Command::Set(args) => set::set(&args)?,
        Command::Fill(args) => set::fill(&args)?,
        Command::Append(args) => append::append(&args)?,
        Command::Resize(args) => append::resize(&args)?,
        Command::Compact(args) => append::compact(&args)?,
        Command::Stats(args) => describe::stats(&args)?,
        Command::Describe(args) => describe::describe(&args)?,
        Command::Reduce(args) => reduce::run(&args)?,
        Command::Convert(args) => convert::run(&args)?,
        Command::Take(args) => pick::take(&args)?,
        Command::Sample(args) => pick::sample(&args)?,
        Command::Shuffle(args) => shuffle::run(&args)?,
        Command::Batches(args) => batches::run(&args)?,
        Command::Eval(args) => eval::run(&args)?,
        Command::Digest(args) => digest::run(&args)?,
        Command::Diff(args) => return diff::run(&args),
        Command::Checksum(args) => verify::checksum(&args)?,
        Command::Verify(args) => return verify::run(&args),
        Command::Check(args) => return check::run(&args),
        Command::Cache { command } => cache::run(&command)?,
        Command::Explain(args) => explain::run(&args)?,
        Command::Bench(args) => bench::run(&args)?,
        Command::Completions { shell } => {
            let mut out = Output::new();
            clap_complete::generate(shell, &mut Cli::command(), "ndfolio", &mut out);
            out.finish()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Input {
    /// Opens what the arguments name.
    fn open(&self, mode: Mode) -> Result<Array, Failure> {
        Ok(self.location()?.open(&self.raw.options(&self.path)?.mode(mode))?)
    }

    /// Opens what the arguments name for writing.
    fn open_to_write(&self, lock: &LockArgs, watch: &Watch) -> Result<Array, Failure> {
        let options = self.raw.options(&self.path)?.mode(Mode::ReadWrite);
        Ok(self.location()?.open_run(&options.lock(lock.lock()).wait(lock.wait), watch.run())?)
    }
}

/// Tokens in C order as nested lists of a shape.
fn nested<T: std::fmt::Display>(
    out: &mut Output,
    tokens: &mut impl Iterator<Item = T>,
    shape: &[usize],
) -> Result<(), Failure> {
    let Some((&n, rest)) = shape.split_first() else {
        if let Some(token) = tokens.next() {
            write!(out, "{token}")?;
        }
        return Ok(());
    };
    write!(out, "[")?;
    for i in 0..n {
        write!(out, "{}", if i > 0 { ", " } else { "" })?;
        nested(out, tokens, rest)?;
    }
    write!(out, "]")?;
    Ok(())
}

/// A small array as NumPy prints it.
fn small_text(result: &Reduced) -> String {
    let options = Options::default();
    let corners = print::corners(result.shape(), &options);
    let mut items = Vec::new();
    print::for_each_corner(&corners, |index| {
        let place = index.iter().zip(result.shape()).fold(0, |place, (i, n)| place * n + i);
        items.extend(result.item(place));
    });
    print::array_to_string(result.dtype(), result.shape(), &items, &options)
}

/// One value of a dtype from the command line.
fn value(path: &Path, text: &str, dtype: &DType) -> Result<Value, Failure> {
    Value::parse(text, dtype).map_err(|error| Failure::about(path, error))
}
