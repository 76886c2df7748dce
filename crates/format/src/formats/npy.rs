//! NumPy's `.npy`: a line of text that says what the array is, then its items.
//!
//! ```text
//! 0        6      7      8            10 (1.0) or 12 (2.0, 3.0)               a multiple of 64
//! ┌────────┬──────┬──────┬────────────┬────────────────────────────────────────┬─────────────
//! │\x93NUMPY│major │minor │ text length│ {'descr': …, 'fortran_order': …, …}   \n│ items
//! └────────┴──────┴──────┴────────────┴────────────────────────────────────────┴─────────────
//! ```
//!
//! The length is a little-endian `u16` in version 1.0 and a `u32` after; the text is Latin-1 in 1.0 and 2.0,
//! UTF-8 in 3.0. Readers ask neither for the alignment nor for the padding.

mod descr;
mod growable;
mod text;
mod write;

use std::ops::Range;

use ndfolio_layout::View;

use super::{Entry, Format, Read, command, sniff::Sniff};
use crate::{Contents, FormatError, Member, ReadOptions, source::Source};

pub use growable::{CountField, count_field, growable};
pub use write::header;

/// What a `.npy` file begins with.
pub const MAGIC: &[u8; 6] = b"\x93NUMPY";

pub(super) const ENTRY: Entry = Entry {
    format: Format::NPY,
    what: "a NumPy .npy file",
    extensions: &["npy"],
    sniff: Sniff::Magic(&[(0, MAGIC)]),
    read: Read::Arrays(read),
};

/// Magic and version; the length of the text follows.
const PREFIX: u64 = 8;

/// A header that has been read.
pub(super) struct Header {
    pub(super) version: (u8, u8),
    /// Where the array lies; or why it cannot be mapped.
    pub(super) array: Result<View, FormatError>,
    /// Whether Python 2 wrote it, with an `L` after its numbers.
    pub(super) python2: bool,
}

fn read(source: &Source<'_>, options: &ReadOptions) -> Result<Contents, FormatError> {
    let header = read_header(source, 0..source.len(), options)?;
    let mut contents = Contents::new(Format::NPY, vec![Member::new("", header.array)]);
    contents.version = Some(format!("{}.{}", header.version.0, header.version.1));
    if header.python2 {
        contents.notes.push("the header was written by Python 2, with an L after its numbers".to_owned());
    }
    Ok(contents)
}

/// Reads the header of the `.npy` file that lies at `within`, which is within the source. Its magic has been
/// seen.
pub(super) fn read_header(
    source: &Source<'_>,
    within: Range<u64>,
    options: &ReadOptions,
) -> Result<Header, FormatError> {
    let at = within.start;
    let cut = |offset, expected| {
        let found = within.end.saturating_sub(offset);
        FormatError::HeaderCut { what: "the .npy header", offset, expected, found }
    };
    let prefix = source.bytes_up_to(&within, 12, "the .npy header")?;
    let (&[major, minor], Some(lengths)) = (prefix.get(6..8).unwrap_or(&[]), prefix.get(8..)) else {
        return Err(cut(at, PREFIX));
    };
    let (length_bytes, len) = match ((major, minor), lengths) {
        ((1, 0), [a, b, ..]) => (2, u64::from(u16::from_le_bytes([*a, *b]))),
        ((2 | 3, 0), [a, b, c, d]) => (4, u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        ((1, 0), _) => return Err(cut(at + PREFIX, 2)),
        ((2 | 3, 0), _) => return Err(cut(at + PREFIX, 4)),
        _ => return Err(FormatError::Version { offset: at + 6, major, minor }),
    };
    let limit = u64::from(options.max_header);
    if len > limit {
        return Err(FormatError::HeaderTooLarge { offset: at, len, limit });
    }
    let start = at + PREFIX + length_bytes;
    if within.end.saturating_sub(start) < len {
        return Err(cut(start, len));
    }
    let bytes = source.bytes(start, len as usize, "the .npy header")?;
    let text = text::Text { bytes: &bytes, start, version: (major, minor) };
    let object = || command::fill(OBJECT_RUN, source.path(), &[]);
    let (array, python2) = text.array(within.end, &object)?;
    Ok(Header { version: (major, minor), array, python2 })
}

/// Turns an array of Python objects into one of values, as far as NumPy finds a dtype for them.
const OBJECT_RUN: &str = "python -c \"import sys, numpy; numpy.save(sys.argv[2], numpy.array(numpy.load(sys.argv[1], allow_pickle=True).tolist()))\" {in} {npy}";
