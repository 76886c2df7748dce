use ndfolio_store::{File, NewFile, StoreError};

/// A file that takes bytes at any place.
pub trait Sink {
    /// Writes all of `bytes` at `offset` bytes from the start of the file.
    ///
    /// # Errors
    /// As the file reports it.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;
}

impl Sink for File {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        File::write_at(self, offset, bytes)
    }
}

impl Sink for NewFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        NewFile::write_at(self, offset, bytes)
    }
}
