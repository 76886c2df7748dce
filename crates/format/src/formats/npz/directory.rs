//! The directory of a zip archive, and the header that each member has once more.

use std::{collections::HashSet, ops::Range};

use super::{
    end::Directory,
    name,
    number::{u16, u32, u64},
};
use crate::{FormatError, ReadOptions, error::shortened, source::Source};

const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// How much of a member is read at once: its header, and as a rule that of the array.
const HEAD: usize = 1024;
/// Bytes of directory for each member that is allowed, on average.
const DIRECTORY_SHARE: u64 = 256;
/// "The number stands in the zip64 field."
const SEE_ZIP64: u64 = 0xffff_ffff;

const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const SIZES_FOLLOW: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

/// What the directory says about one member.
pub(super) struct Record {
    /// Its number in the directory.
    pub(super) place: usize,
    pub(super) name: String,
    /// Where its header lies, in bytes from the start of the file.
    pub(super) offset: u64,
    /// Bytes without compression.
    pub(super) size: u64,
    raw_name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    stored: u64,
}

impl Record {
    /// Whether its bytes are neither compressed nor encrypted.
    pub(super) fn is_plain(&self) -> bool {
        self.method == 0 && !self.is_encrypted()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0 || self.method == 99
    }

    pub(super) fn method_name(&self) -> String {
        let name = match self.method {
            8 => "deflate",
            9 => "deflate64",
            12 => "bzip2",
            14 => "LZMA",
            93 => "zstd",
            95 => "xz",
            other => return format!("method {other}"),
        };
        name.to_owned()
    }
}

/// Reads the directory.
pub(super) fn read(
    source: &Source<'_>,
    directory: &Directory,
    options: &ReadOptions,
) -> Result<Vec<Record>, FormatError> {
    let limit = u64::from(options.max_members);
    let too_many = |found, unit, limit| Err(FormatError::TooManyMembers { found, unit, limit });
    if directory.count > limit {
        return too_many(directory.count, "members", limit);
    }
    if directory.len > limit * DIRECTORY_SHARE {
        return too_many(directory.len, "bytes of directory", limit * DIRECTORY_SHARE);
    }
    let bytes = source.bytes(directory.at, directory.len as usize, "the archive's directory")?;
    let (mut records, mut names, mut at) = (Vec::new(), HashSet::new(), 0);
    while at < bytes.len() {
        let offset = directory.at + at as u64;
        let record = central(&bytes[at..], records.len(), offset)?;
        at += record.1;
        if !names.insert(record.0.name.clone()) {
            let reason = format!("two members are called {}", shortened(&record.0.name, 80));
            return Err(FormatError::Archive { offset, reason });
        }
        records.push(record.0);
    }
    if records.len() as u64 != directory.count {
        let reason =
            format!("the end record says {} members, the directory has {}", directory.count, records.len());
        return Err(FormatError::Archive { offset: directory.at, reason });
    }
    Ok(records)
}

/// One entry of the directory, and its length.
fn central(bytes: &[u8], place: usize, offset: u64) -> Result<(Record, usize), FormatError> {
    let bad = |reason: &str| FormatError::Archive { offset, reason: reason.to_owned() };
    if bytes.len() < CENTRAL || !bytes.starts_with(b"PK\x01\x02") {
        return Err(bad("expected an entry of the directory"));
    }
    let lengths = [28, 30, 32].map(|at| usize::from(u16(bytes, at)));
    let len = CENTRAL + lengths.iter().sum::<usize>();
    let (Some(rest), [name_len, extra_len, _]) = (bytes.get(CENTRAL..len), lengths) else {
        return Err(bad("an entry of the directory ends behind it"));
    };
    let flags = u16(bytes, 8);
    let raw_name = rest[..name_len].to_vec();
    let name = name::decode(&raw_name, flags & UTF8 != 0)
        .ok_or_else(|| bad("a member's name is empty, has a zero byte, or is not the UTF-8 that it says"))?;
    let short = [24, 20, 42].map(|at| u64::from(u32(bytes, at)));
    let extra = &rest[name_len..name_len + extra_len];
    let [size, stored, local] = zip64(extra, short).ok_or_else(|| bad("a bad zip64 field"))?;
    if u16(bytes, 34) != 0 {
        return Err(bad("an archive of several files"));
    }
    let record = Record {
        place,
        name,
        offset: local,
        size,
        raw_name,
        flags,
        method: u16(bytes, 10),
        crc: u32(bytes, 16),
        stored,
    };
    Ok((record, len))
}

/// The numbers of an entry, where they say so those of its zip64 field. None if that is missing, occurs
/// twice or is too short.
fn zip64<const N: usize>(mut extra: &[u8], short: [u64; N]) -> Option<[u64; N]> {
    let mut field: Option<&[u8]> = None;
    while extra.len() >= 4 {
        let (id, len) = (u16(extra, 0), usize::from(u16(extra, 2)));
        let data = extra.get(4..4 + len)?;
        if id == 1 && field.replace(data).is_some() {
            return None;
        }
        extra = &extra[4 + len..];
    }
    let mut field = field.unwrap_or(&[]);
    let mut out = short;
    for number in out.iter_mut().filter(|number| **number == SEE_ZIP64) {
        let (long, rest) = field.split_first_chunk::<8>()?;
        *number = u64(long, 0);
        field = rest;
    }
    Some(out)
}

/// Reads the header that lies before a member's bytes. Gives the file with the member's first bytes read, and
/// where the member's bytes lie; all of it lies before `end`.
pub(super) fn locate<'a>(
    source: &Source<'a>,
    record: &Record,
    end: u64,
) -> Result<(Source<'a>, Range<u64>), FormatError> {
    let offset = record.offset;
    let bad = |reason: &str| FormatError::Archive {
        offset,
        reason: format!("{reason} (member {})", shortened(&record.name, 80)),
    };
    if offset.checked_add(LOCAL as u64).is_none_or(|header| header > end) {
        return Err(bad("a member begins behind the members"));
    }
    let source = source.at(offset..end, HEAD, "a member")?;
    let local = source.bytes(offset, LOCAL, "a member")?;
    if !local.starts_with(b"PK\x03\x04") {
        return Err(bad("expected a member's header"));
    }
    let (name_len, extra_len) = (usize::from(u16(&local, 26)), usize::from(u16(&local, 28)));
    let start = offset.saturating_add((LOCAL + name_len + extra_len) as u64);
    let data = start..start.saturating_add(record.stored);
    if data.end > end {
        return Err(bad("a member ends behind the members"));
    }
    let rest = source.bytes(offset + LOCAL as u64, name_len + extra_len, "a member")?;
    if rest[..name_len] != record.raw_name {
        return Err(bad("the member's name in its header is another than in the directory"));
    }
    if !agrees(&local, &rest[name_len..], record) {
        return Err(bad("the member's header contradicts the directory"));
    }
    if record.is_plain() && record.stored != record.size {
        return Err(bad("a stored member has two lengths"));
    }
    drop((local, rest));
    Ok((source, data))
}

/// Whether a member's header says what the directory says. Its sizes and its checksum may follow its bytes,
/// then they are not compared.
fn agrees(local: &[u8], extra: &[u8], record: &Record) -> bool {
    let flags = u16(local, 6);
    let compared = ENCRYPTED | SIZES_FOLLOW | UTF8;
    if (flags ^ record.flags) & compared != 0 || u16(local, 8) != record.method {
        return false;
    }
    let sizes = zip64(extra, [22, 18].map(|at| u64::from(u32(local, at))));
    flags & SIZES_FOLLOW != 0 || (sizes == Some([record.size, record.stored]) && u32(local, 14) == record.crc)
}
