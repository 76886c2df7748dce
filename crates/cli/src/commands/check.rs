use std::{io::Write, path::Path, process::ExitCode};

use ndfolio::{Array, Checkup, Repaired};
use serde_json::{Value as Json, json};

use super::verify::sums_json;
use crate::{
    args::CheckArgs,
    failure::Failure,
    output::{Output, bytes_text, dtype_text, tuple},
    profile,
    progress::Watch,
};

pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let location = args.input.location()?;
    let mut options = args.input.raw.options(&args.input.path)?;
    if let Some(member) = location.member() {
        options = options.member(member);
    }
    let repaired = if args.repair { Some(options.repair(location.path())?) } else { None };
    let found = options.check(location.path())?;
    let watch = Watch::new(found.array.as_ref().map_or(0, |array| array.nbytes() as u64), &args.run);
    let nan = match (&found.array, args.nan) {
        (Ok(array), true) => Some(array.stats(watch.run())?.nan_count),
        _ => None,
    };
    let seen = Seen { found: &found, repaired: repaired.as_ref(), nan };
    if args.json {
        Output::new().json(&seen.json(location.path()))?;
    } else {
        seen.text(location.path())?;
    }
    profile::tell(&args.run, None, watch);
    Ok(if seen.is_whole() { ExitCode::SUCCESS } else { Failure::FAILED.into() })
}

struct Seen<'a> {
    found: &'a Checkup,
    repaired: Option<&'a Repaired>,
    nan: Option<u64>,
}

impl Seen<'_> {
    /// Bytes that nobody counts and hidden files are no damage.
    fn is_whole(&self) -> bool {
        self.found.array.is_ok() && self.found.checksums.is_ok()
    }

    fn text(&self, path: &Path) -> Result<(), Failure> {
        let mut out = Output::new();
        let verdict = if self.is_whole() { "whole" } else { "not whole" };
        writeln!(out, "{}: {verdict}, {}", path.display(), bytes_text(self.found.file_size))?;
        match &self.found.array {
            Ok(array) => writeln!(out, "  array      {}", about(array))?,
            Err(error) => writeln!(out, "  array      none: {error}")?,
        }
        if self.found.trailing > 0 {
            let bytes = self.found.trailing;
            writeln!(
                out,
                "  trailing   {bytes} bytes behind the last item, which no header counts{}",
                self.way()
            )?;
        }
        for left in &self.found.leftovers {
            let (name, size) = (left.path.display(), bytes_text(left.len));
            let whose = if left.is_held { "a process works on it" } else { "a process left it" };
            writeln!(
                out,
                "  leftover   {name}, {size}: {whose}{}",
                if left.is_held { "" } else { self.way() }
            )?;
        }
        match &self.found.checksums {
            Ok(Some(sums)) => {
                let covered = bytes_text(sums.covered);
                writeln!(
                    out,
                    "  checksums  of {covered} in {} blocks; compare: ndfolio verify",
                    sums.blocks
                )?;
            }
            Ok(None) => writeln!(out, "  checksums  none")?,
            Err(error) => writeln!(out, "  checksums  {error}")?,
        }
        if let Some(nan) = self.nan {
            writeln!(out, "  nan        {nan}")?;
        }
        if let Some(repaired) = self.repaired {
            write!(out, "{}", repaired_text(repaired))?;
        }
        Ok(out.finish()?)
    }

    fn way(&self) -> &'static str {
        if self.repaired.is_some() { "" } else { " (--repair)" }
    }

    fn json(&self, path: &Path) -> Json {
        let found = self.found;
        let leftover = |left: &ndfolio::Leftover| json!({ "path": left.path.display().to_string(), "bytes": left.len, "held": left.is_held });
        json!({
            "path": path.display().to_string(),
            "whole": self.is_whole(),
            "file_size": found.file_size,
            "problem": found.array.as_ref().err().map(ToString::to_string),
            "trailing": found.trailing,
            "leftovers": found.leftovers.iter().map(leftover).collect::<Vec<_>>(),
            "checksums": found.checksums.as_ref().ok().and_then(Option::as_ref).map(sums_json),
            "checksums_problem": found.checksums.as_ref().err().map(ToString::to_string),
            "nan": self.nan,
            "repaired": self.repaired.map(|repaired| json!({
                "cut": repaired.cut,
                "left": repaired.left,
                "removed": repaired.swept.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            })),
        })
    }
}

fn about(array: &Array) -> String {
    format!("{}, shape {}", dtype_text(array.dtype()), tuple(array.shape()))
}

fn repaired_text(repaired: &Repaired) -> String {
    let mut text = String::new();
    if repaired.cut > 0 {
        text += &format!("  repaired   cut {} bytes behind the last item\n", repaired.cut);
    }
    for path in &repaired.swept {
        text += &format!("  repaired   removed {}\n", path.display());
    }
    match &repaired.left {
        Some(reason) => text += &format!("  left       the bytes behind the last item: {reason}\n"),
        None if text.is_empty() => text += "  repaired   nothing: there was nothing to mend\n",
        None => {}
    }
    text
}
