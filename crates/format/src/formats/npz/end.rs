//! The end of a zip archive, which says where its directory lies.
//!
//! ```text
//! … members │ directory │ zip64 record (56+) │ zip64 locator (20) │ end record (22) │ comment │
//!                          └────────── only in large archives ─────┘
//! ```
//!
//! Strict where readers differ: the parts touch each other, the comment ends with the file, and the zip64
//! record repeats what the end record says unless that says "see there".

use super::number::{u16, u32, u64};
use crate::{FormatError, source::Source};

const RECORD: usize = 22;
const LOCATOR: usize = 20;
const RECORD64: usize = 56;
const MAX_COMMENT: usize = 0xffff;
/// Enough for an archive without a comment.
const SHORT: usize = 4096;

/// Where the directory of an archive lies.
pub(super) struct Directory {
    pub(super) at: u64,
    pub(super) len: u64,
    pub(super) count: u64,
}

/// Finds the directory. Gives the file with its last bytes read too, among which a small directory is.
pub(super) fn find<'a>(source: &Source<'a>) -> Result<(Directory, Source<'a>), FormatError> {
    let len = source.len();
    for reach in [SHORT, RECORD + MAX_COMMENT] {
        let at = len.saturating_sub(reach as u64);
        let source = source.at(at..len, reach, "the end of the archive")?;
        let tail = source.known();
        let ends: Vec<usize> = (0..tail.len()).filter(|&i| ends_file(&tail[i..])).collect();
        match ends.as_slice() {
            [] => {}
            [place] => {
                let directory = directory(&source, &tail[*place..], at + *place as u64)?;
                return Ok((directory, source));
            }
            [_, second, ..] => {
                return Err(bad(at + *second as u64, "a second end of the archive in its comment"));
            }
        }
    }
    Err(bad(len, "no end record: the archive is cut off, or other bytes follow it"))
}

/// Whether an end record begins here whose comment ends with the file.
fn ends_file(tail: &[u8]) -> bool {
    tail.starts_with(b"PK\x05\x06")
        && tail.len() >= RECORD
        && usize::from(u16(tail, 20)) == tail.len() - RECORD
}

fn directory(source: &Source<'_>, record: &[u8], record_at: u64) -> Result<Directory, FormatError> {
    let short = [
        u64::from(u16(record, 4)),
        u64::from(u16(record, 6)),
        u64::from(u16(record, 8)),
        u64::from(u16(record, 10)),
        u64::from(u32(record, 12)),
        u64::from(u32(record, 16)),
    ];
    let (fields, end) = match locator(source, record_at)? {
        Some(locator_at) => {
            let (long, at) = record64(source, locator_at)?;
            let agrees = |(i, (short, long)): (usize, (&u64, &u64))| {
                let see_there = if i < 4 { 0xffff } else { 0xffff_ffff };
                short == long || *short == see_there
            };
            if !short.iter().zip(&long).enumerate().all(agrees) {
                return Err(bad(at, "the zip64 record and the end record contradict each other"));
            }
            (long, at)
        }
        None if short[4..].contains(&0xffff_ffff) => {
            return Err(bad(record_at, "a zip64 record is announced and missing"));
        }
        None => (short, record_at),
    };
    let [disk, directory_disk, here, count, len, at] = fields;
    if disk != 0 || directory_disk != 0 || here != count {
        return Err(bad(record_at, "an archive of several files"));
    }
    if at.checked_add(len) != Some(end) {
        let reason = format!(
            "the directory of {len} bytes from offset {at} must end where the end record begins, at {end}"
        );
        return Err(FormatError::Archive { offset: record_at, reason });
    }
    Ok(Directory { at, len, count })
}

/// Where the zip64 locator lies, if there is one.
fn locator(source: &Source<'_>, record_at: u64) -> Result<Option<u64>, FormatError> {
    let Some(at) = record_at.checked_sub(LOCATOR as u64) else { return Ok(None) };
    let found = *source.bytes(at, 4, "the zip64 locator")? == *b"PK\x06\x07";
    Ok(found.then_some(at))
}

/// The fields of the zip64 record in the order of the end record, and where it lies.
fn record64(source: &Source<'_>, locator_at: u64) -> Result<([u64; 6], u64), FormatError> {
    let locator = source.bytes(locator_at, LOCATOR, "the zip64 locator")?;
    let at = u64(&locator, 8);
    if u32(&locator, 4) != 0 || u32(&locator, 16) > 1 {
        return Err(bad(locator_at, "an archive of several files"));
    }
    let record = source.bytes(at, RECORD64, "the zip64 record")?;
    let end = at.checked_add(12).and_then(|end| end.checked_add(u64(&record, 4)));
    if !record.starts_with(b"PK\x06\x06") || u64(&record, 4) < RECORD64 as u64 - 12 || end != Some(locator_at)
    {
        return Err(bad(at, "no zip64 record that ends where its locator begins"));
    }
    let fields = [
        u64::from(u32(&record, 16)),
        u64::from(u32(&record, 20)),
        u64(&record, 24),
        u64(&record, 32),
        u64(&record, 40),
        u64(&record, 48),
    ];
    Ok((fields, at))
}

fn bad(offset: u64, reason: &str) -> FormatError {
    FormatError::Archive { offset, reason: reason.to_owned() }
}
