use std::{io::Write, process::ExitCode};

use ndfolio::{Array, Checksums, Damage, Mode, Plan, Verification, verify};
use serde_json::{Value as Json, json};

use crate::{
    args::{Input, PassArgs},
    failure::Failure,
    output::{Output, bytes_text},
    profile::{self, Prediction},
    progress::Watch,
};

/// Damaged blocks that are listed in text.
const LISTED: usize = 20;

pub(crate) fn checksum(args: &PassArgs) -> Result<(), Failure> {
    let location = args.input.location()?;
    if location.member().is_some() || !location.is_whole() {
        let reason = "checksums are those of a whole file; leave the member and the brackets out";
        return Err(Failure::about(&args.input.path, reason));
    }
    let options = args.input.raw.options(&args.input.path)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(&args.input, &args.run.session()))?;
    let watch = Watch::new(options.info(location.path())?.file_size, &args.run);
    let sums = options.checksum(location.path(), watch.run())?;
    let mut out = Output::new();
    if args.json {
        out.json(&sums_json(&sums))?;
    } else {
        writeln!(out, "{}: {} of {}", sums.path.display(), blocks(&sums), bytes_text(sums.covered))?;
        out.finish()?;
    }
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn run(args: &PassArgs) -> Result<ExitCode, Failure> {
    // What is damaged may have no header that can be read.
    let array = array(&args.input).ok();
    let prediction = match &array {
        Some(_) => Prediction::if_wanted(&args.run, || plan(&args.input, &args.run.session()))?,
        None => None,
    };
    let watch = Watch::new(array.as_ref().map_or(0, Array::file_size), &args.run);
    let found = match &array {
        Some(array) => array.verify(watch.run())?,
        None => verify(args.input.location()?.path(), watch.run())?,
    };
    if args.json {
        Output::new().json(&found_json(&found))?;
    } else {
        text(args, &found)?;
    }
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(if found.is_damaged() { Failure::FAILED.into() } else { ExitCode::SUCCESS })
}

pub(crate) fn plan(input: &Input, session: &ndfolio::Session) -> Result<Plan, Failure> {
    Ok(array(input)?.plan_verify(session)?)
}

fn array(input: &Input) -> Result<Array, Failure> {
    input.open(Mode::Read)
}

/// One word for what was found.
fn verdict(found: &Verification) -> &'static str {
    match (found.is_damaged(), found.is_outdated()) {
        (true, _) => "damaged",
        (_, true) => "not covered",
        _ => "good",
    }
}

fn text(args: &PassArgs, found: &Verification) -> Result<(), Failure> {
    let (mut out, path) = (Output::new(), args.input.path.display());
    writeln!(
        out,
        "{path}: {}, {} of {}",
        verdict(found),
        blocks(&found.sums),
        bytes_text(found.sums.covered)
    )?;
    if found.count_differs && !found.is_damaged() {
        writeln!(
            out,
            "  it has another number of rows than when the checksums were taken: somebody appends to it, or did not come to the end; if nobody does and it is as it should be, run: ndfolio checksum {path}"
        )?;
        return Ok(out.finish()?);
    }
    if found.is_outdated() {
        writeln!(
            out,
            "  its header and its length are others than when the checksums were taken: somebody wrote it anew, or appended to it with another program; if it is as it should be, run: ndfolio checksum {path}"
        )?;
        return Ok(out.finish()?);
    }
    if found.header_differs && !found.count_differs {
        writeln!(out, "  header differs")?;
    }
    for one in found.differing.iter().take(LISTED) {
        writeln!(out, "  damaged  {}", damage_text(one))?;
    }
    if found.differing.len() > LISTED {
        writeln!(out, "  and {} more; --json lists all", found.differing.len() - LISTED)?;
    }
    if found.missing > 0 {
        writeln!(
            out,
            "  missing  {} bytes: the file has {}, {} are covered",
            found.missing, found.file_size, found.sums.covered
        )?;
    }
    if found.uncovered > 0 {
        writeln!(out, "  not covered: {} bytes behind those that have checksums", found.uncovered)?;
    }
    if found.is_damaged() && found.was_modified {
        writeln!(
            out,
            "  the file was written to after its checksums were taken, by another program or by one that did not come to its end"
        )?;
    }
    Ok(out.finish()?)
}

fn blocks(sums: &Checksums) -> String {
    format!("{} blocks of {}", sums.blocks, bytes_text(sums.block_bytes.into()))
}

/// `bytes 1048576..2097152, block 1, rows 1048..2098`.
fn damage_text(one: &Damage) -> String {
    let blocks = match one.blocks.len() {
        1 => format!("block {}", one.blocks.start),
        _ => format!("blocks {}..{}", one.blocks.start, one.blocks.end),
    };
    let rows = match &one.rows {
        Some((0, rows)) => format!(", rows {}..{}", rows.start, rows.end),
        Some((axis, rows)) => format!(", indices {}..{} of axis {axis}", rows.start, rows.end),
        None => String::new(),
    };
    format!("bytes {}..{}, {blocks}{rows}", one.bytes.start, one.bytes.end)
}

pub(crate) fn sums_json(sums: &Checksums) -> Json {
    json!({
        "path": sums.path.display().to_string(),
        "blocks": sums.blocks,
        "block_bytes": sums.block_bytes,
        "covered": sums.covered,
        "generation": sums.generation,
    })
}

fn found_json(found: &Verification) -> Json {
    let damage = |one: &Damage| {
        let rows = one.rows.as_ref();
        json!({
            "blocks": [one.blocks.start, one.blocks.end],
            "bytes": [one.bytes.start, one.bytes.end],
            "axis": rows.map(|(axis, _)| axis),
            "rows": rows.map(|(_, rows)| [rows.start, rows.end]),
        })
    };
    json!({
        "verdict": verdict(found),
        "checksums": sums_json(&found.sums),
        "file_size": found.file_size,
        "header_differs": found.header_differs,
        "count_differs": found.count_differs,
        "differing": found.differing.iter().map(damage).collect::<Vec<_>>(),
        "missing": found.missing,
        "not_covered": found.uncovered,
        "modified_since": found.was_modified,
    })
}
