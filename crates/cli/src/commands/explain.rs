use std::{ffi::OsString, io::Write};

use ndfolio::Plan;

use super::{convert, describe, diff, digest, eval, pick, reduce, shuffle, verify};
use crate::{
    args::{Cli, Command, ExplainArgs},
    failure::Failure,
    output::Output,
    profile::Prediction,
    words,
};

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let command = parsed(words(&args.call)?)?;
    let prediction = Prediction::new(plan(&command)?);
    let mut out = Output::new();
    if args.json {
        return Ok(out.json(&prediction.json())?);
    }
    write!(out, "{}", prediction.text())?;
    Ok(out.finish()?)
}

/// The words of the call: one argument is a whole command line.
fn words(call: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let mut words = match call {
        [one] => {
            let text = one.to_str().ok_or_else(|| {
                usage("the call is not UTF-8; give its words one by one behind --".to_owned())
            })?;
            words::split(text).map_err(usage)?.into_iter().map(OsString::from).collect()
        }
        words => words.to_vec(),
    };
    if words.first().is_some_and(|word| word == "ndfolio") {
        words.remove(0);
    }
    Ok(words)
}

fn usage(reason: String) -> Failure {
    Failure::Usage(format!("explain: {reason}"))
}

fn parsed(words: Vec<OsString>) -> Result<Command, Failure> {
    let line = std::iter::once(OsString::from("ndfolio")).chain(words);
    let cli = Cli::read(line).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        usage(first.trim_start_matches("error: ").to_owned())
    })?;
    Ok(cli.command)
}

fn plan(command: &Command) -> Result<Plan, Failure> {
    match command {
        Command::Stats(args) => describe::plan_stats(args),
        Command::Describe(args) => describe::plan_describe(args),
        Command::Reduce(args) => reduce::plan(args),
        Command::Convert(args) => convert::plan(args),
        Command::Take(args) => pick::plan_take(args),
        Command::Sample(args) => pick::plan_sample(args),
        Command::Shuffle(args) => shuffle::plan(args),
        Command::Eval(args) => eval::plan(args),
        Command::Digest(args) => digest::plan(args),
        Command::Diff(args) => diff::plan(args),
        Command::Checksum(args) => verify::plan(&args.input, &args.run.session()),
        Command::Verify(args) => verify::plan(&args.input, &args.run.session()),
        Command::Batches(_) => Err(usage(
            "batches says by itself what it would do: call it without --dry-run, and nothing is read".to_owned(),
        )),
        _ => Err(usage(
            "nothing is planned for this command; expected a call of stats, describe, reduce, convert, take, sample, shuffle, eval, digest, diff, checksum or verify"
                .to_owned(),
        )),
    }
}
