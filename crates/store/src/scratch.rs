//! A file without a name: for what does not fit into memory, and to measure a disk with.

use std::fs;
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use crate::handle::Handle;
use crate::later::Later;
use crate::syscalls::SYSTEM;
use crate::temporary::{self, Temporary};
use crate::{File, Mode, Reserve, Result, StoreError};

/// What the name begins with as long as there is one.
const STEM: &str = "ndfolio-scratch";

/// Shorter writes would go to the device page by page.
const LEAST: usize = 64 << 10;

/// A file that is written and then read, and that nobody finds: it has no name, so it is gone when this value is,
/// however the process ends.
pub struct Scratch {
    handle: Handle,
    file: Arc<File>,
    /// Last, so that it frees the file after all.
    later: Later,
}

impl Scratch {
    /// A file of `len` bytes of space in a folder; its bytes are to be written. `stop` is asked as in
    /// [`NewFile::reserve_until`](crate::NewFile::reserve_until).
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] and [`StoreError::PermissionDenied`] for the folder, [`StoreError::NoSpace`],
    /// [`StoreError::Io`].
    pub fn create(folder: impl AsRef<Path>, len: u64, stop: &dyn Fn() -> bool) -> Result<Scratch> {
        let path = folder.as_ref();
        let failed = |source| StoreError::from_io(path, "create a file in the folder", source);
        let folder = fs::File::open(path).map_err(failed)?;
        temporary::sweep(folder.as_fd(), STEM.as_ref());
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let (mut name, file) = Temporary::create(folder.as_fd(), STEM.as_ref(), mode).map_err(failed)?;
        let handle = Handle::new(file, path.join(name.name()), &SYSTEM);
        handle.reserve(len, Reserve::Space, stop)?;
        let file = Arc::new(File::open(&handle.path, Mode::Read)?);
        name.remove();
        Ok(Scratch { handle, file, later: Later::default() })
    }

    /// Writes `data` at `offset`, and has the device begin to write it if it is long enough for that.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`], [`StoreError::NoSpace`], [`StoreError::Io`].
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        let range = offset..offset.saturating_add(data.len() as u64);
        self.file.expect_within(offset, data.len() as u64)?;
        self.handle.write_all(offset, data)?;
        if data.len() >= LEAST {
            self.handle.begin_write_back(&range);
        }
        Ok(())
    }

    /// Waits until the device has what was written to `range`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`], [`StoreError::Io`].
    pub fn wait(&self, range: Range<u64>) -> Result<()> {
        self.handle.write_back(&range)
    }

    /// The file, for whoever reads it longer than this value lives.
    #[must_use]
    pub fn shared(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The file, for reading.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.later = Later::free(&self.handle.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_read_and_has_no_name() {
        let folder = std::env::temp_dir().join(format!("ndfolio-scratch-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let scratch = Scratch::create(&folder, 10_000, &|| false).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        scratch.write_at(5000, b"here").unwrap();
        scratch.wait(0..10_000).unwrap();
        let mut found = [0; 4];
        scratch.file().read_at(5000, &mut found).unwrap();
        assert_eq!(&found, b"here");
        assert!(matches!(scratch.write_at(9999, b"here"), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(
            Scratch::create(folder.join("none"), 1, &|| false),
            Err(StoreError::NotFound { .. })
        ));
        drop(scratch);
        fs::remove_dir(&folder).unwrap();
    }
}
