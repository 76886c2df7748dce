//! NumPy's `.npz`: a zip archive of `.npy` files. Those that are stored, not compressed, can be mapped.

mod directory;
mod end;
mod name;
mod number;

use std::ops::Range;

use super::{Entry, Format, Read, command, npy, refused, sniff::Sniff};
use crate::{
    Contents, FormatError, Member, ReadOptions, error::Unmappable, error::shortened, source::Source,
};
use directory::Record;

pub(super) const ENTRY: Entry = Entry {
    format: Format::NPZ,
    what: "a zip archive",
    extensions: &["npz"],
    sniff: Sniff::Magic(&[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")]),
    read: Read::Arrays(read),
};

fn read(source: &Source<'_>, options: &ReadOptions) -> Result<Contents, FormatError> {
    let (directory, tail) = end::find(source)?;
    let mut records = directory::read(&tail, &directory, options)?;
    let mut members = vec![None; records.len()];
    let mut end = 0;
    // In the order of the file, so that members that overlap are neighbours.
    records.sort_by_key(|record| record.offset);
    for record in &records {
        if record.offset < end {
            let reason = format!("the member {} overlaps another", shortened(&record.name, 80));
            return Err(FormatError::Archive { offset: record.offset, reason });
        }
        let (source, data) = directory::locate(source, record, directory.at)?;
        end = data.end;
        members[record.place] =
            Some(Member::new(record.name.clone(), array(&source, record, data, options)?));
    }
    let mut contents = Contents::new(Format::NPZ, members.into_iter().flatten().collect());
    if !contents.members.is_empty() && !contents.members.iter().any(Member::is_array) {
        return Err(not_npz(source, &contents.members));
    }
    shorten_names(&mut contents.members);
    Ok(contents)
}

type Array = Result<ndfolio_layout::View, FormatError>;

/// Where the array of a member lies. A fault in its header is the member's; one in reading the archive's.
fn array(
    source: &Source<'_>,
    record: &Record,
    data: Range<u64>,
    options: &ReadOptions,
) -> Result<Array, FormatError> {
    let not_an_array = || FormatError::NotAnArray { name: record.name.clone(), bytes: record.size };
    let header = if record.is_plain() {
        if *source.bytes_up_to(&data, npy::MAGIC.len(), "a member")? != npy::MAGIC[..] {
            return Ok(Err(not_an_array()));
        }
        npy::read_header(source, data, options)
    } else if record.name.ends_with(".npy") {
        Err(packed(source, record))
    } else {
        Err(not_an_array())
    };
    match header {
        Ok(header) => Ok(header.array),
        Err(error @ FormatError::Io { .. }) => Err(error),
        Err(error) => Ok(Err(error)),
    }
}

fn packed(source: &Source<'_>, record: &Record) -> FormatError {
    let name = shortened(&record.name, 80);
    let run = |command| command::fill(command, source.path(), ENTRY.extensions);
    if record.is_encrypted() {
        let why = "no value can be found without the password";
        return Unmappable::error(format!("{name} is encrypted"), why, run("7z x -o{bare} {in}"));
    }
    Unmappable::error(
        format!("{name} is compressed ({})", record.method_name()),
        refused::STREAM,
        run(
            "python -c \"import sys, numpy; numpy.savez(sys.argv[2], **numpy.load(sys.argv[1]))\" {in} {npz}",
        ),
    )
}

/// A zip archive of something else.
fn not_npz(source: &Source<'_>, members: &[Member]) -> FormatError {
    let fill = |command, extensions: &[&str]| command::fill(command, source.path(), extensions);
    if members.iter().any(|member| member.name.ends_with("/data.pkl")) {
        let why = "its tensors are found through a pickle, which this version does not read";
        return Unmappable::error("a PyTorch checkpoint", why, fill(refused::TORCH_RUN, &["pt", "pth"]));
    }
    let first = members.first().map_or("", |member| &member.name);
    Unmappable::error(
        format!("a zip archive without arrays (its first member is {})", shortened(first, 80)),
        "none of its members is a .npy file",
        fill("unzip -d {bare} {in}", &["zip"]),
    )
}

/// Takes `.npy` off the names, as NumPy does, except where two would become alike.
fn shorten_names(members: &mut [Member]) {
    let names: std::collections::HashSet<String> = members.iter().map(|member| member.name.clone()).collect();
    for member in members {
        if let Some(short) = member.name.strip_suffix(".npy")
            && !names.contains(short)
        {
            member.name = short.to_owned();
        }
    }
}
