use std::{
    io::Write,
    path::{Path, PathBuf},
};

use ndfolio::{EngineError, Error, Limit, Limits, Session};
use serde_json::json;

use crate::{
    args::BenchArgs,
    failure::Failure,
    limits,
    output::{Output, bytes_text},
    progress::Watch,
};

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    // A target that is not there is not its folder.
    Limits::file_name(&args.target).map_err(|error| at(&args.target, error))?;
    let folder = if args.target.is_dir() {
        args.target.clone()
    } else {
        args.target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
            .to_owned()
    };
    let mut session = Session::new();
    if let Some(threads) = args.threads {
        session = session.threads(threads);
    }
    let bytes = args.size.bytes() as u64;
    let watch = Watch::silent(session).with_bar(if args.quiet { 0 } else { work(bytes) });
    let measured = Limits::measure(&folder, bytes, &watch.run()).map_err(|error| at(&folder, error))?;
    drop(watch);
    let file = limits::file(&folder);
    if let Some(file) = &file {
        measured.save(file).map_err(|error| at(file, error))?;
    }
    if args.json {
        let mut object = measured.to_json();
        object["kept_in"] = json!(file.map(|file| file.display().to_string()));
        return Ok(Output::new().json(&object)?);
    }
    table(&measured, &folder, file)
}

/// Bytes that are written and read: once from the device, three times for each way through the page cache.
fn work(bytes: u64) -> u64 {
    bytes.saturating_mul(15)
}

fn at(path: &Path, error: EngineError) -> Failure {
    Failure::Library(match error {
        EngineError::Store(source) => Error::Store(source),
        source => Error::Engine { path: path.to_owned(), source },
    })
}

fn table(measured: &Limits, folder: &Path, file: Option<PathBuf>) -> Result<(), Failure> {
    let mut out = Output::new();
    let unknown = || "unknown".to_owned();
    let speed = |limit| measured.get(limit).map_or_else(unknown, |x| format!("{:.2} GB/s", x / 1e9));
    let reads = measured.get(Limit::RandomReads).map_or_else(unknown, |x| format!("{x:.0} reads/s"));
    if !measured.processor.is_empty() {
        writeln!(out, "processor            {}", measured.processor)?;
    }
    let with = bytes_text(measured.file_bytes);
    writeln!(
        out,
        "disk                 {} ({}), measured with {with}",
        folder.display(),
        measured.file_system
    )?;
    writeln!(out, "\n{:<36}{:>14}{:>14}", "", "1 thread", format!("{} threads", measured.threads))?;
    let rows = [
        ("memory, read", speed(Limit::MemoryOne), speed(Limit::MemoryAll)),
        ("page cache, through a mapping", speed(Limit::MmapOne), speed(Limit::MmapAll)),
        ("page cache, by system calls", speed(Limit::PreadOne), speed(Limit::PreadAll)),
        ("disk, read 1 MiB after the other", speed(Limit::DirectRead), String::new()),
        ("disk, read 4 KiB here and there", reads, String::new()),
        ("disk, written", speed(Limit::Write), String::new()),
        ("SHA-256", speed(Limit::Digest), String::new()),
    ];
    for (name, one, all) in rows {
        writeln!(out, "{}", format!("{name:<36}{one:>14}{all:>14}").trim_end())?;
    }
    match file {
        Some(file) => writeln!(out, "\nkept in {}", file.display())?,
        None => writeln!(out, "\nkept nowhere: neither XDG_CACHE_HOME nor HOME names a folder")?,
    }
    Ok(out.finish()?)
}
