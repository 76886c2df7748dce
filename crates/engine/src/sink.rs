use std::ops::Range;

use ndfolio_store::{File, NewFile, StoreError};

/// A file that takes bytes at any place.
pub trait Sink {
    /// Writes all of `bytes` at `offset` bytes from the start of the file.
    ///
    /// # Errors
    /// As the file reports it.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;

    /// Writes runs of `bytes`, which lie at `offset` bytes from the start of the file, and nothing between them.
    ///
    /// # Errors
    /// As the file reports it.
    fn write_runs(
        &self,
        offset: u64,
        bytes: &[u8],
        runs: &mut dyn Iterator<Item = Range<usize>>,
    ) -> Result<(), StoreError> {
        for run in runs {
            self.write_at(offset + run.start as u64, &bytes[run])?;
        }
        Ok(())
    }
}

impl Sink for File {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        File::write_at(self, offset, bytes)
    }

    fn write_runs(
        &self,
        offset: u64,
        bytes: &[u8],
        runs: &mut dyn Iterator<Item = Range<usize>>,
    ) -> Result<(), StoreError> {
        File::write_runs(self, offset, bytes, runs)
    }
}

impl Sink for NewFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        NewFile::write_at(self, offset, bytes)
    }
}
