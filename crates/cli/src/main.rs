//! The `ndfolio` command: a thin face of the library.
//!
//! Results go to standard output, progress and errors to standard error. What the exit codes mean is in
//! [`failure`].

#![forbid(unsafe_code)]

mod args;
mod commands;
mod failure;
mod limits;
mod output;
mod print;
mod profile;
mod progress;
mod words;

use std::process::ExitCode;

use crate::{args::Cli, failure::Failure};

fn main() -> ExitCode {
    ndfolio::ignore_size_limit_signal();
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe is none either.
            let _ = error.print();
            return if error.use_stderr() { Failure::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
