//! No reads past the page cache: for systems on which they were never tried.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Dispenser, IoCounters, IoEngine, PieceStream};
use crate::handle::Handle;
use crate::{File, FileId, Result};

/// A descriptor that cannot be had.
pub(crate) enum Descriptor {}

impl Descriptor {
    pub(crate) fn open(_: &Arc<Handle>, _: &Path, _: FileId) -> Result<Self, i32> {
        Err(libc::EOPNOTSUPP)
    }
}

/// A stream that cannot be had.
pub(super) enum Stream {}

impl Stream {
    pub(super) fn new(file: &File, _: &Dispenser<'_>, _: usize) -> Result<Self> {
        let refused = |code| file.unsupported("read past the page cache", io::Error::from_raw_os_error(code));
        match *file.direct().map_err(refused)? {}
    }
}

impl PieceStream for Stream {
    fn next(&mut self) -> Result<Option<(usize, &mut [u8])>> {
        match *self {}
    }

    fn engine(&self) -> IoEngine {
        match *self {}
    }

    fn counters(&self) -> IoCounters {
        match *self {}
    }
}

/// Bytes of buffers that there are not.
pub(super) fn buffer_bytes(_: usize, _: usize) -> usize {
    0
}

/// Whether the file can be read that way, and if not, why.
pub(super) fn probe(file: &File) -> Result<()> {
    Stream::new(file, &Dispenser::new(&Vec::new()), 0).map(|_| ())
}
