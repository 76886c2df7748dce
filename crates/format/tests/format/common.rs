//! What several tests use.

use std::cell::RefCell;

use ndfolio_format::{Contents, FormatError, ReadAt, ReadOptions, read};
use ndfolio_layout::View;

/// Opens with the default limits.
pub(crate) fn open(file: &[u8]) -> Result<Contents, FormatError> {
    read(&file, "file", &ReadOptions::default())
}

/// The view of a file that is one array.
pub(crate) fn view(file: &[u8]) -> Result<View, FormatError> {
    open(file)?.only()?.view().cloned()
}

/// A `.npy` file with this text as its header, and `data` zero bytes.
pub(crate) fn npy(version: u8, text: &str, data: usize) -> Vec<u8> {
    let text: Vec<u8> = match version {
        3 => text.bytes().collect(),
        _ => text.chars().map(|c| u8::try_from(c).unwrap()).collect(),
    };
    let mut out = b"\x93NUMPY".to_vec();
    out.extend([version, 0]);
    match version {
        1 => out.extend((text.len() as u16).to_le_bytes()),
        _ => out.extend((text.len() as u32).to_le_bytes()),
    }
    out.extend(text);
    out.resize(out.len() + data, 0);
    out
}

/// A file that says how long it is and notes what is read of it.
pub(crate) struct Watched<'a> {
    pub(crate) bytes: &'a [u8],
    /// The length it claims to have; what lies behind its bytes is zeros.
    pub(crate) len: u64,
    pub(crate) reads: RefCell<Vec<(u64, usize)>>,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(bytes: &'a [u8], len: u64) -> Self {
        Watched { bytes, len, reads: RefCell::default() }
    }

    /// The most bytes that one read asked for.
    pub(crate) fn largest_read(&self) -> usize {
        self.reads.borrow().iter().map(|(_, len)| *len).max().unwrap_or(0)
    }
}

impl ReadAt for Watched<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        self.reads.borrow_mut().push((offset, buf.len()));
        let there = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        buf[..there].fill(0);
        let known = self.bytes.read_at(offset, &mut buf[..there])?;
        Ok(known.max(there))
    }
}
