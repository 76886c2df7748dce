//! The project's own commands: `cargo xtask test`, and what takes longer.

mod bench;
mod files;
mod fuzz;
mod machine;
mod measure;
mod python;
mod readme;
mod shell;
mod steps;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
The project's own commands.

  cargo xtask test                 everything that CI checks, up to the first failure
  cargo xtask test STEP…           these steps only
  cargo xtask test --list          the steps
  cargo xtask fuzz [TARGET]        fuzzes one target, or each in turn; --seconds N or --minutes N for
                                   each (60 seconds)
  cargo xtask bench                start-up, memory and speed, as a table for docs/performance.md;
                                   --size GIB of the files (2), --dir FOLDER where they lie (target/bench)
  cargo xtask bench peers          reductions beside a program in C and the Python libraries, as tables too;
                                   --state hot|cold|group, --case PATTERN and --peer PATTERN which may repeat,
                                   --runs N (5), --size GIB (2), --dir FOLDER (target/bench-peers), where the
                                   files stay unless --clean is given, --binary FILE for another ndfolio
  cargo xtask bench expressions    new files and numbers from expressions beside a program in C and NumPy, with the
                                   same options (target/bench-expressions)
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("--help", &[][..]),
    };
    match command {
        "test" => steps::test(rest),
        "fuzz" => fuzz::fuzz(rest),
        "bench" => bench::bench(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command {other:?}\n\n{HELP}"),
    }
}

/// Takes `name VALUE` out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else { return Ok(None) };
    if at + 1 == arguments.len() {
        bail!("{name} needs a value");
    }
    let value = arguments.remove(at + 1);
    arguments.remove(at);
    Ok(Some(value))
}
