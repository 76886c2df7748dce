//! The formats: one table, one file for each that is read.

mod command;
pub mod npy;
mod npz;
pub(crate) mod raw;
mod refused;
mod sniff;

use std::fmt;

use crate::{Contents, FormatError, ReadAt, ReadOptions, error::Unmappable, source::Source};
use sniff::Sniff;

pub use raw::read_raw;

/// A file format, known by its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format(&'static str);

impl Format {
    /// NumPy's file of one array.
    pub const NPY: Format = Format("npy");
    /// NumPy's archive of arrays.
    pub const NPZ: Format = Format("npz");
    /// Values without a header.
    pub const RAW: Format = Format("raw");

    /// Its short name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The formats that can be told by their first bytes, those whose arrays this crate finds first.
    pub fn all() -> impl Iterator<Item = Format> {
        table().map(|entry| entry.format)
    }

    /// How names of such files end, without the dot.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        self.entry().map_or(&["raw", "bin", "dat"], |entry| entry.extensions)
    }

    /// Whether this crate finds arrays in such files.
    #[must_use]
    pub fn is_read(self) -> bool {
        self.entry().is_none_or(|entry| matches!(entry.read, Read::Arrays(_)))
    }

    fn entry(self) -> Option<&'static Entry> {
        table().find(|entry| entry.format == self)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Format({})", self.0)
    }
}

/// What is known about a format.
struct Entry {
    format: Format,
    /// What such a file is called in a sentence.
    what: &'static str,
    extensions: &'static [&'static str],
    sniff: Sniff,
    read: Read,
}

/// What is done with a file of a format.
enum Read {
    /// Its arrays are found.
    Arrays(fn(&Source<'_>, &ReadOptions) -> Result<Contents, FormatError>),
    /// It is refused.
    Refuse {
        bytes: Bytes,
        /// Why its arrays cannot be mapped.
        why: &'static str,
        /// The command that helps, see [`command::fill`].
        run: &'static str,
    },
}

/// What the bytes behind a header are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bytes {
    /// Values may lie among them as they are.
    Values,
    /// No value can be found without decoding those before it.
    Packed,
}

impl Read {
    fn bytes(&self) -> Bytes {
        match self {
            Read::Arrays(_) => Bytes::Values,
            Read::Refuse { bytes, .. } => *bytes,
        }
    }
}

/// The formats that are read.
static READ: [Entry; 2] = [npy::ENTRY, npz::ENTRY];

/// All formats, in the order in which a file is compared with them.
fn table() -> impl Iterator<Item = &'static Entry> {
    READ.iter().chain(&refused::ENTRIES)
}

fn entry_of(source: &Source<'_>) -> Option<&'static Entry> {
    table().find(|entry| entry.sniff.matches(source))
}

/// The format of a file by its first bytes, which are all that is read.
///
/// # Errors
/// What the operating system says.
pub fn sniff(file: &dyn ReadAt) -> Result<Option<Format>, FormatError> {
    let source = Source::new(file, "")?;
    Ok(entry_of(&source).map(|entry| entry.format))
}

/// Finds the arrays of a file that has a header. Reads the header only.
///
/// `path` is the file's name as the user wrote it: errors propose commands with it, and say when its ending
/// promises another format. It is never opened.
///
/// # Errors
/// [`FormatError::Unmappable`] for a known format without arrays that can be used in place;
/// [`FormatError::Unknown`] for a file that needs a [`RawSpec`](crate::RawSpec); what is wrong with a
/// header. A fault in one member of an archive is in that member, see [`Member::array`](crate::Member).
pub fn read(file: &dyn ReadAt, path: &str, options: &ReadOptions) -> Result<Contents, FormatError> {
    let source = Source::new(file, path)?;
    if source.len() == 0 {
        return Err(FormatError::Empty);
    }
    let Some(entry) = entry_of(&source) else { return Err(unknown(&source)) };
    match entry.read {
        Read::Arrays(read) => read(&source, options),
        Read::Refuse { why, run, .. } => {
            Err(Unmappable::error(entry.what, why, command::fill(run, path, entry.extensions)))
        }
    }
}

fn unknown(source: &Source<'_>) -> FormatError {
    let ending = source.path().rsplit_once('.').map_or("", |(_, ending)| ending);
    let mut promised =
        table().filter(|entry| entry.extensions.iter().any(|e| e.eq_ignore_ascii_case(ending)));
    let promised = promised.next().filter(|_| promised.next().is_none());
    FormatError::Unknown {
        start: hexadecimal(source.known()),
        expected: promised.and_then(|entry| Some((entry.format, entry.sniff.first_magic()?))),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
