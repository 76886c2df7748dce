use std::{borrow::Cow, io, ops::Range, sync::Arc};

use crate::FormatError;

/// The bytes of a file, at any place.
pub trait ReadAt {
    /// How long the file is, in bytes.
    fn len(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on and returns how many there were: fewer than asked for only
    /// at the end of the file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or(&[]);
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(self.as_slice())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, buf)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buf)
    }
}

/// How much of a file's beginning is read to find out what it is. An `.npy` header of ordinary size lies
/// within it.
const START: usize = 4096;

/// A file some of whose bytes have been read, once for all who look at them.
pub(crate) struct Source<'a> {
    file: &'a dyn ReadAt,
    len: u64,
    path: &'a str,
    known_at: u64,
    known: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Reads the first bytes of a file: 4 KiB, or all there are.
    pub(crate) fn new(file: &'a dyn ReadAt, path: &'a str) -> Result<Self, FormatError> {
        let source = Source { file, len: file.len(), path, known_at: 0, known: Vec::new() };
        source.at(0..source.len, START, "the first bytes")
    }

    /// The same file with the bytes at the beginning of `within` read, `len` or as many as it has.
    pub(crate) fn at(&self, within: Range<u64>, len: usize, what: &'static str) -> Result<Self, FormatError> {
        let known = self.bytes_up_to(&within, len, what)?.into_owned();
        Ok(Source { known_at: within.start, known, ..*self })
    }

    /// How long the file was when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes that have been read.
    pub(crate) fn known(&self) -> &[u8] {
        &self.known
    }

    /// The file's name as the user wrote it, for the commands that errors propose.
    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    /// The `len` bytes from `offset` on. The caller has checked `len` against a limit.
    pub(crate) fn bytes(
        &self,
        offset: u64,
        len: usize,
        what: &'static str,
    ) -> Result<Cow<'_, [u8]>, FormatError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            let found = self.len.saturating_sub(offset);
            return Err(FormatError::HeaderCut { what, offset, expected: len as u64, found });
        }
        let from = offset.checked_sub(self.known_at).and_then(|from| usize::try_from(from).ok());
        match from.and_then(|from| self.known.get(from..from.checked_add(len)?)) {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => self.fetch(offset, len, what).map(Cow::Owned),
        }
    }

    /// The first `len` bytes of `within`, or as many as it has.
    pub(crate) fn bytes_up_to(
        &self,
        within: &Range<u64>,
        len: usize,
        what: &'static str,
    ) -> Result<Cow<'_, [u8]>, FormatError> {
        let there = within.end.saturating_sub(within.start).min(len as u64);
        self.bytes(within.start, there as usize, what)
    }

    fn fetch(&self, offset: u64, len: usize, what: &'static str) -> Result<Vec<u8>, FormatError> {
        let mut bytes = vec![0; len];
        let found = self.file.read_at(offset, &mut bytes).map_err(|source| FormatError::Io {
            offset,
            len: len as u64,
            source: Arc::new(source),
        })?;
        if found < len {
            // The file is shorter than its length of a moment ago.
            return Err(FormatError::HeaderCut { what, offset, expected: len as u64, found: found as u64 });
        }
        Ok(bytes)
    }
}
