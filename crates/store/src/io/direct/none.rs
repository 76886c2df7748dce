//! No reads past the page cache: for systems on which they were never tried.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::writer::WriteCounters;
use super::{Dispenser, IoCounters, IoEngine, PieceStream, Pieces};
use crate::handle::Handle;
use crate::{File, FileId, NewFile, Result, StoreError};

/// A descriptor that cannot be had.
pub(crate) enum Descriptor {}

impl Descriptor {
    pub(crate) fn open(_: &Arc<Handle>, _: &Path, _: FileId) -> Result<Self, i32> {
        Err(libc::EOPNOTSUPP)
    }

    pub(crate) fn open_to_write(_: &Handle) -> Result<Self, i32> {
        Err(libc::EOPNOTSUPP)
    }
}

/// A stream that cannot be had.
pub(super) enum Stream {}

/// Nothing, which passes leave to each other.
#[derive(Default)]
pub struct Spare(());

impl Stream {
    pub(super) fn new(file: &File, _: &Dispenser<'_>, _: usize, _: Option<&Spare>) -> Result<Self> {
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

/// Pieces that cannot be had.
#[derive(Default)]
pub(super) struct Landing(());

impl Landing {
    pub(super) fn read(
        &mut self,
        file: &File,
        _: (&dyn Pieces, usize),
        _: &dyn Fn() -> bool,
    ) -> Result<IoCounters> {
        probe(file).map(|()| IoCounters::default())
    }

    pub(super) fn piece(&mut self, _: usize) -> &mut [u8] {
        &mut []
    }

    pub(super) fn bytes(&self) -> usize {
        0
    }
}

/// Bytes of buffers that there are not.
pub(super) fn buffer_bytes(_: usize, _: usize) -> usize {
    0
}

/// As many as that.
pub(super) fn write_buffer_bytes(_: usize, _: usize) -> usize {
    0
}

/// Whether the file can be read that way, and if not, why.
pub(super) fn probe(file: &File) -> Result<()> {
    Stream::new(file, &Dispenser::new(&Vec::new()), 0, None).map(|_| ())
}

/// Writes that cannot be had.
pub(super) enum Writes<'a> {
    _Never(std::convert::Infallible, &'a NewFile),
}

impl<'a> Writes<'a> {
    pub(super) fn new(file: &'a NewFile, _: usize, _: usize) -> Result<Self> {
        let source = io::Error::from_raw_os_error(libc::EOPNOTSUPP);
        let (path, operation) = (file.path().to_path_buf(), "write past the page cache");
        Err(StoreError::Unsupported { path, operation, source })
    }

    fn never(&self) -> ! {
        let Writes::_Never(never, _) = self;
        match *never {}
    }

    pub(super) fn is_ours(&self) -> bool {
        self.never()
    }

    pub(super) fn refusal(&self) -> Option<&StoreError> {
        self.never()
    }

    pub(super) fn add_to(&self, _: WriteCounters) -> WriteCounters {
        self.never()
    }

    pub(super) fn room(&mut self, _: u64, _: usize) -> Result<&mut [u8]> {
        self.never()
    }

    pub(super) fn write(&mut self) -> Result<Option<usize>> {
        self.never()
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.never()
    }
}
