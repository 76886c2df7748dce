use std::{io::Write, path::Path, time::Duration};

use ndfolio::{Array, Mode, OpenOptions, Residency, Session};
use serde_json::{Value as Json, json};

use crate::{
    args::{CacheArgs, CacheCommand},
    failure::Failure,
    output::{Output, bytes_text},
    progress::{Watch, interrupted},
};

/// Cells of the bar.
const CELLS: usize = 60;

pub(crate) fn run(command: &CacheCommand) -> Result<(), Failure> {
    match command {
        CacheCommand::Show(args) => show(args),
        CacheCommand::Touch(args) => {
            let (arrays, watch) = watched(args)?;
            for (_, array) in &arrays {
                array.prefetch_run(watch.run())?;
            }
            drop(watch);
            show(args)
        }
        CacheCommand::Evict(args) => {
            let (arrays, watch) = watched(args)?;
            for (_, array) in &arrays {
                array.evict_run(watch.run())?;
            }
            drop(watch);
            show(args)
        }
        CacheCommand::Lock(args) => lock(args),
    }
}

/// The arrays that the arguments name, and somebody who watches while they are moved.
fn watched(args: &CacheArgs) -> Result<(Vec<(String, Array)>, Watch), Failure> {
    let arrays = arrays(args)?;
    let bytes = arrays.iter().map(|(_, array)| array.nbytes() as u64).sum::<u64>();
    let bytes = if args.quiet { 0 } else { bytes };
    Ok((arrays, Watch::silent(Session::new()).with_bar(bytes)))
}

/// The array that the arguments name; all of a file that has several.
fn arrays(args: &CacheArgs) -> Result<Vec<(String, Array)>, Failure> {
    let location = args.input.location()?;
    let options: OpenOptions = args.input.raw.options(&args.input.path)?.mode(Mode::Read);
    let members = options.info(location.path())?.contents.members;
    if members.len() <= 1 || location.member().is_some() || !location.is_whole() {
        return Ok(vec![(args.input.path.display().to_string(), location.open(&options)?)]);
    }
    let usable = members.into_iter().filter(|member| member.array.is_ok());
    usable
        .map(|member| {
            let name = format!("{}::{}", location.path().display(), member.name);
            Ok((name, options.clone().member(member.name).open(location.path())?))
        })
        .collect()
}

fn show(args: &CacheArgs) -> Result<(), Failure> {
    let mut out = Output::new();
    let mut list = Vec::new();
    for (name, array) in arrays(args)? {
        let (residency, map) = (array.residency()?, array.resident_map(CELLS)?);
        if args.json {
            list.push(as_json(&name, &residency, &map));
        } else {
            as_text(&mut out, &name, &residency, &map)?;
        }
    }
    if args.json {
        let one = list.len() == 1;
        let path: &Path = &args.input.path;
        let object =
            if one { list.remove(0) } else { json!({ "path": path.display().to_string(), "members": list }) };
        return Ok(out.json(&object)?);
    }
    Ok(out.finish()?)
}

fn as_json(name: &str, residency: &Residency, map: &[Option<f32>]) -> Json {
    json!({
        "path": name,
        "page_size": residency.page_size,
        "pages": residency.pages,
        "resident_pages": residency.resident,
        "resident_bytes": residency.resident.map(|pages| pages * residency.page_size),
        "dirty_pages": residency.dirty,
        "share": residency.share(),
        "method": residency.method,
        "map": map,
    })
}

fn as_text(out: &mut Output, name: &str, residency: &Residency, map: &[Option<f32>]) -> Result<(), Failure> {
    let all = bytes_text(residency.pages * residency.page_size);
    match (residency.resident, residency.share()) {
        (Some(pages), Some(share)) => {
            let resident = bytes_text(pages * residency.page_size);
            writeln!(out, "{name}\n  {resident} of {all} in memory ({:.1} %)", share * 100.0)?;
            writeln!(out, "  [{}]", bar(map))?;
        }
        _ => writeln!(out, "{name}\n  unknown of {all} in memory: {}", residency.method)?,
    }
    if let Some(dirty) = residency.dirty.filter(|dirty| *dirty > 0) {
        writeln!(out, "  {} not yet on the device", bytes_text(dirty * residency.page_size))?;
    }
    Ok(())
}

/// A block for each cell, as high as its share.
fn bar(map: &[Option<f32>]) -> String {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block = |share: &Option<f32>| match share {
        None => '?',
        // Anything is more than nothing, and only all of it is full.
        Some(share) if *share > 0.0 => BLOCKS[((share * 8.0) as usize).clamp(1, 8)],
        Some(_) => ' ',
    };
    map.iter().map(block).collect()
}

fn lock(args: &CacheArgs) -> Result<(), Failure> {
    let (arrays, watch) = watched(args)?;
    let locks: Vec<_> =
        arrays.iter().map(|(_, array)| array.lock_run(watch.run())).collect::<Result<_, _>>()?;
    drop(watch);
    show(args)?;
    eprintln!("locked; Ctrl-C lets go");
    while !interrupted() {
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(locks);
    Ok(())
}
