//! What `cargo xtask bench peers`, `bench expressions` and `bench access` are asked for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::state::Place;
use crate::{
    option,
    shell::{cargo, ndfolio, run, target},
};

const USAGE: &str = "it takes --state hot|cold|group, --case PATTERN, --peer PATTERN, --runs N, --size GIB, \
                     --dir FOLDER, --binary FILE and --clean";

pub(super) struct Options {
    pub(super) states: Vec<Place>,
    /// Patterns of names; all cases are meant where there are none.
    pub(super) cases: Vec<String>,
    pub(super) peers: Vec<String>,
    pub(super) runs: usize,
    pub(super) gib: u64,
    pub(super) folder: PathBuf,
    /// The command that is measured, where it is not a new release build.
    binary: Option<PathBuf>,
    /// The files go at the end.
    pub(super) is_clean: bool,
}

impl Options {
    /// Of `bench NAME`.
    pub(super) fn new(name: &str, arguments: &[String]) -> Result<Options> {
        let mut rest = arguments.to_vec();
        let mut states = Vec::new();
        for state in all(&mut rest, "--state")? {
            states.push(Place::new(&state)?);
        }
        if states.is_empty() {
            states.push(Place::Hot);
        }
        let is_clean = rest.iter().any(|word| word == "--clean");
        rest.retain(|word| word != "--clean");
        let folder = match option(&mut rest, "--dir")? {
            Some(folder) => std::path::absolute(folder)?,
            None => target()?.join(format!("bench-{name}")),
        };
        let options = Options {
            states,
            cases: all(&mut rest, "--case")?,
            peers: all(&mut rest, "--peer")?,
            runs: number(&mut rest, "--runs", 5)? as usize,
            gib: number(&mut rest, "--size", 2)?,
            folder,
            binary: option(&mut rest, "--binary")?.map(PathBuf::from),
            is_clean,
        };
        if let Some(unknown) = rest.first() {
            bail!("bench {name} does not know {unknown:?}; {USAGE}");
        }
        Ok(options)
    }

    /// The command that is measured, built where none was named.
    pub(super) fn command(&self) -> Result<PathBuf> {
        match &self.binary {
            Some(binary) => {
                binary.canonicalize().with_context(|| format!("cannot find {}", binary.display()))
            }
            None => {
                run(cargo(["build", "--release"]))?;
                ndfolio()
            }
        }
    }

    pub(super) fn is_given(&self) -> bool {
        self.binary.is_some()
    }

    /// Those of a table's cases that were asked for.
    pub(super) fn chosen<'c, C>(&self, all: Vec<&'c C>, name: impl Fn(&C) -> &str) -> Result<Vec<&'c C>> {
        let names: Vec<String> = all.iter().map(|case| name(case).to_owned()).collect();
        let few: Vec<&C> = all.into_iter().filter(|case| chosen(name(case), &self.cases)).collect();
        ensure!(!few.is_empty(), "no case is called so; there are:\n  {}", names.join("\n  "));
        Ok(few)
    }
}

/// Takes each `name VALUE` out of the arguments.
fn all(arguments: &mut Vec<String>, name: &str) -> Result<Vec<String>> {
    let mut values = Vec::new();
    while let Some(value) = option(arguments, name)? {
        values.push(value);
    }
    Ok(values)
}

fn number(arguments: &mut Vec<String>, name: &str, default: u64) -> Result<u64> {
    let Some(text) = option(arguments, name)? else { return Ok(default) };
    match text.parse() {
        // No file is a thousand GiB large, and a slip of the finger should not fill a disk.
        Ok(number @ 1..=1000) => Ok(number),
        _ => bail!("{name} wants a whole number from 1 to 1000, not {text:?}"),
    }
}

/// Whether a name is meant by one of the patterns, or there are none.
pub(super) fn chosen(name: &str, patterns: &[String]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
}

/// Whether a whole name fits a pattern, in which `*` stands for any text.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        Some((byte, rest)) => {
            name.split_first().is_some_and(|(first, name)| first == byte && matches(rest, name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<Options> {
        // With a folder, so that cargo is not asked for one.
        let words = ["--dir", "/x"].iter().chain(words);
        Options::new("peers", &words.map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_have_defaults_and_may_repeat() {
        let plain = options(&[]).unwrap();
        assert_eq!((plain.states, plain.runs, plain.gib, plain.is_clean), (vec![Place::Hot], 5, 2, false));
        let all = options(&[
            "--state", "cold", "--clean", "--state", "group", "--runs", "3", "--size", "1", "--case", "sum*",
            "--case", "min f4",
        ])
        .unwrap();
        assert_eq!((all.states, all.runs, all.gib), (vec![Place::Cold, Place::Group], 3, 1));
        assert_eq!((all.cases, all.is_clean), (vec!["sum*".to_owned(), "min f4".to_owned()], true));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for words in [&["--runs", "0"][..], &["--size", "x"], &["--state", "warm"], &["sum"], &["--case"]] {
            assert!(options(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn patterns_fit_whole_names() {
        let is_chosen = |name, pattern: &str| chosen(name, &[pattern.to_owned()]);
        assert!(is_chosen("sum f4", "sum f4") && is_chosen("sum f4, axis 0", "sum*") && is_chosen("x", "*"));
        assert!(is_chosen("sum f4, axis 0, C order", "*axis*C*") && is_chosen("", "*"));
        assert!(!is_chosen("sum f4, axis 0", "sum") && !is_chosen("sum f4", "*f8") && !is_chosen("", "x"));
        assert!(chosen("anything", &[]));
    }
}
