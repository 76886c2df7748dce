use std::{io, sync::Arc};

use ndfolio_layout::LayoutError;
use thiserror::Error;

use crate::Format;

/// Why the bytes of a file cannot be used as an array in place, although the file is what it should be.
///
/// Shown as one line of three parts: what it is; why that cannot be mapped; what to run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what}; {why}; run: {run}")]
#[non_exhaustive]
pub struct Unmappable {
    /// What it is.
    pub what: String,
    /// Why it cannot be mapped.
    pub why: String,
    /// A command that makes a file that can.
    pub run: String,
}

impl Unmappable {
    pub(crate) fn error(
        what: impl Into<String>,
        why: impl Into<String>,
        run: impl Into<String>,
    ) -> FormatError {
        FormatError::Unmappable(Unmappable { what: what.into(), why: why.into(), run: run.into() })
    }
}

/// Why the arrays of a file were not found. No variant names the file: who knows it adds it.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system could not read.
    #[error("cannot read {len} bytes at offset {offset}: {source}")]
    Io {
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// How many bytes were asked for.
        len: u64,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// A file without a byte.
    #[error("cannot mmap an empty file: it has 0 bytes")]
    Empty,
    /// Bytes of no format that this crate knows.
    #[error(
        "not a file of a known format: it begins with {start}{}; to use it as values without a header, say what they are: their dtype (such as '<f4') and their shape, and the offset where they begin",
        expected_magic(.expected)
    )]
    Unknown {
        /// The first bytes as hexadecimal digits.
        start: String,
        /// The format that the file's name promises, and the bytes that such files begin with.
        expected: Option<(Format, String)>,
    },
    /// A good file whose arrays cannot be used in place.
    #[error(transparent)]
    Unmappable(#[from] Unmappable),
    /// The file ends within a header.
    #[error("the file ends within {what}: expected {expected} bytes from offset {offset}, found {found}")]
    HeaderCut {
        /// Which part.
        what: &'static str,
        /// Where it begins, in bytes from the start of the file.
        offset: u64,
        /// How many bytes it has.
        expected: u64,
        /// How many of them are there.
        found: u64,
    },
    /// A header that promises more values than there are.
    #[error(
        "mmap length is greater than file size: the header promises {expected} bytes of values from offset {offset}, found {found} (file seems not fully written?); copy or write the file again, or take what is there as raw values"
    )]
    DataCut {
        /// Where the values begin, in bytes from the start of the file.
        offset: u64,
        /// How many bytes they have.
        expected: u64,
        /// How many of them are there.
        found: u64,
    },
    /// A header longer than the limit.
    #[error(
        "the header at offset {offset} is {len} bytes long, at most {limit} are allowed; raise the limit for headers only if you trust the file"
    )]
    HeaderTooLarge {
        /// Where it begins, in bytes from the start of the file.
        offset: u64,
        /// Its length.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// A version of the `.npy` format that does not exist.
    #[error(
        "format version {major}.{minor} at offset {offset}: there are only 1.0, 2.0 and 3.0; save the array again with a NumPy that writes one of them"
    )]
    Version {
        /// Where it stands, in bytes from the start of the file.
        offset: u64,
        /// The first number.
        major: u8,
        /// The second number.
        minor: u8,
    },
    /// A header that is not what it must be.
    #[error("bad header at offset {offset}: {reason}")]
    Header {
        /// The place of the fault, in bytes from the start of the file.
        offset: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// A header without the keys that it must have, or with more.
    #[error("bad header at offset {offset}: the keys must be 'descr', 'fortran_order' and 'shape'; {}", keys(.missing, .unexpected))]
    Keys {
        /// Where the header's text begins, in bytes from the start of the file.
        offset: u64,
        /// Keys that are not there.
        missing: Vec<String>,
        /// Keys that should not be there.
        unexpected: Vec<String>,
    },
    /// A header whose dtype or shape is none.
    #[error("bad header at offset {offset}: {source}")]
    Layout {
        /// Where the header's text begins, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        source: LayoutError,
    },
    /// A dtype or a shape for which there is no header, or no place in the address space.
    #[error(transparent)]
    Spec(#[from] LayoutError),
    /// A dtype whose header no `.npy` file can hold.
    #[error("a header of {len} bytes is too long for a .npy file")]
    HeaderOverflow {
        /// The header's length.
        len: usize,
    },
    /// An array of a single item was to grow.
    #[error("an array without axes cannot grow; expected a shape of one axis or more, such as (0,)")]
    NoAxisToGrow,
    /// More rows than the field of a header has digits for.
    #[error("{count} rows are too many: the header has room for {limit}")]
    CountTooLarge {
        /// How many.
        count: u64,
        /// How many there can be.
        limit: u64,
    },
    /// A raw shape that needs more bytes than the file has.
    #[error(
        "mmap length is greater than file size: shape {shape} of {itemsize}-byte items from offset {offset} needs a file of {expected} bytes, found {found}; give a smaller shape, or -1 for one extent to take what is there"
    )]
    RawTooLong {
        /// The shape as it was given.
        shape: String,
        /// Bytes of one item.
        itemsize: usize,
        /// Where the values begin, in bytes from the start of the file.
        offset: u64,
        /// How long the file would have to be.
        expected: u64,
        /// How long it is.
        found: u64,
    },
    /// A raw offset behind the end of the file.
    #[error(
        "mmap offset is greater than file size: offset {offset}, the file has {found} bytes; give an offset within it"
    )]
    RawOffset {
        /// The offset as it was given.
        offset: u64,
        /// How long the file is.
        found: u64,
    },
    /// A raw file whose size fits no number of items.
    #[error(
        "{source}; found {available} bytes from offset {offset}: check dtype, shape and offset, or give every extent of the shape to leave the rest out"
    )]
    RawSize {
        /// Where the values begin, in bytes from the start of the file.
        offset: u64,
        /// Bytes from there to the end of the file.
        available: u64,
        /// What is wrong.
        source: LayoutError,
    },
    /// A raw opening of a file that begins like a known format.
    #[error(
        "not raw values: the file begins like {what}; {advice}, or force the raw opening if its bytes are values after all"
    )]
    LooksLike {
        /// The format.
        format: Format,
        /// What such a file is called.
        what: &'static str,
        /// What to do.
        advice: String,
    },
    /// An archive whose directory is not what it must be.
    #[error("bad archive at offset {offset}: {reason}")]
    Archive {
        /// The place of the fault, in bytes from the start of the file.
        offset: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// More members than the limit, or a directory too long for them.
    #[error(
        "the archive has {found} {unit}, at most {limit} are allowed; raise the limit for members if you trust the file"
    )]
    TooManyMembers {
        /// How many there are.
        found: u64,
        /// What is counted.
        unit: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A member that the file does not have.
    #[error("{}; {names}", no_member(.name))]
    NoMember {
        /// The name as it was given; empty where any array would have done.
        name: String,
        /// A sentence with the names that there are, at most ten.
        names: String,
    },
    /// A file of several arrays where one was wanted.
    #[error("the file has {count} arrays, say which one; {names}")]
    SeveralMembers {
        /// How many there are.
        count: usize,
        /// A sentence with the names that there are, at most ten.
        names: String,
    },
    /// A member of an archive that is no array.
    #[error("{} ({bytes} bytes) is not a .npy member, so not an array", shortened(.name, 80))]
    NotAnArray {
        /// Its name.
        name: String,
        /// Its length.
        bytes: u64,
    },
    /// A sidecar file that is not what it must be.
    #[error(
        "bad sidecar: {reason}; expected {{\"dtype\": \"<f4\", \"shape\": [1000, 64], \"offset\": 0, \"order\": \"C\"}}, of which only \"dtype\" must be there"
    )]
    Sidecar {
        /// What was expected and what was found.
        reason: String,
    },
    /// JSON that is not a dtype.
    #[error(
        "not a dtype: {reason}; expected text such as \"<f4\" or a list of fields such as [[\"x\", \"<f8\"], [\"y\", \"<i4\", [3]]]"
    )]
    Json {
        /// What was expected and what was found.
        reason: String,
    },
    /// A file of checksums that is none, or was damaged itself.
    #[error(
        "not a file of checksums: {reason}; remove it, and take the checksums again from a file that is good"
    )]
    Sums {
        /// What was expected and what was found.
        reason: String,
    },
}

/// The most names that an error lists.
const MAX_NAMES: usize = 10;

pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let shown: Vec<_> = names.iter().take(MAX_NAMES).map(|name| shortened(name, 80)).collect();
    match (names.len(), names.len().saturating_sub(MAX_NAMES)) {
        (0, _) => "it has no arrays".to_owned(),
        (_, 0) => format!("there are {}", shown.join(", ")),
        (_, more) => format!("there are {} and {more} more", shown.join(", ")),
    }
}

/// Text from a file, cut and escaped for a message.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let cut: String = text.chars().take(limit).collect();
    let dots = if cut.len() < text.len() { "..." } else { "" };
    format!("'{}{dots}'", cut.escape_debug())
}

fn no_member(name: &str) -> String {
    if name.is_empty() {
        "no array in the file".to_owned()
    } else {
        format!("no array {} in the file", shortened(name, 80))
    }
}

fn keys(missing: &[String], unexpected: &[String]) -> String {
    let part = |what: &str, keys: &[String]| {
        let list: Vec<_> = keys.iter().take(MAX_NAMES).map(|key| shortened(key, 40)).collect();
        if keys.is_empty() { None } else { Some(format!("{what} {}", list.join(", "))) }
    };
    let parts = [part("missing", missing), part("unexpected", unexpected)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn expected_magic(expected: &Option<(Format, String)>) -> String {
    match expected {
        Some((format, magic)) => format!(", and a {format} file begins with {magic}"),
        None => String::new(),
    }
}
