//! Whether a file is whole, and what can be mended of it without losing anything.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ndfolio_engine::Run;
use ndfolio_format::Format;
use ndfolio_store::{APPENDING, File, Leftover, Lock, Locking, Mode, StoreError, leftovers, sweep};

use crate::{Array, Checksums, Error, OpenOptions, Result, sums::load};

/// What is known of a file without reading its items.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checkup {
    /// The file's bytes.
    pub file_size: u64,
    /// The array, or why there is none: a header that is damaged, or promises more than the file has.
    pub array: Result<Array>,
    /// Bytes behind the last item. They belong to nobody: an append that did not come to its end leaves them.
    pub trailing: u64,
    /// Hidden files of those who were making the file, or are.
    pub leftovers: Vec<Leftover>,
    /// The checksums beside it, if there are any, or what is wrong with them.
    pub checksums: Result<Option<Checksums>>,
}

/// What was mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// Bytes that were cut behind the last item.
    pub cut: u64,
    /// Why bytes behind the last item were left, if they were.
    pub left: Option<String>,
    /// Hidden files that were removed.
    pub swept: Vec<PathBuf>,
}

/// Looks whether a file is whole.
///
/// # Errors
/// A file that cannot be opened at all; what looking at its folder reports.
pub fn check(path: impl AsRef<Path>) -> Result<Checkup> {
    OpenOptions::new().check(path)
}

impl OpenOptions {
    /// [`check`] for files that need options: the array that they choose.
    ///
    /// # Errors
    /// As [`check`].
    pub fn check(&self, path: impl AsRef<Path>) -> Result<Checkup> {
        let path = path.as_ref();
        let file_size = File::open(path, Mode::Read)?.len();
        let array = self.clone().mode(Mode::Read).open(path);
        let sums = load(path, &Run::default());
        Ok(Checkup {
            file_size,
            trailing: array.as_ref().map_or(Ok(0), trailing)?,
            array,
            leftovers: leftovers(path)?,
            checksums: sums.map(|sums| sums.map(|sums| Checksums::of(&sums, path))),
        })
    }

    /// Mends what can be mended without losing anything: cuts what lies behind the last item of a `.npy` file, and
    /// removes hidden files that killed processes left. Who appends or writes meanwhile keeps it from cutting.
    ///
    /// # Errors
    /// As [`check`]; somebody who has the file locked; what cutting reports.
    pub fn repair(&self, path: impl AsRef<Path>) -> Result<Repaired> {
        let path = path.as_ref();
        let swept = sweep(path)?.into_iter().map(|left| left.path).collect();
        let mut done = Repaired { swept, ..Repaired::default() };
        let before = self.check(path)?;
        let Ok(array) = before.array else { return Ok(done) };
        if trailing(&array)? == 0 {
            return Ok(done);
        }
        done.left = reason_to_leave(&array, &before.checksums);
        if done.left.is_none() {
            done.cut = self.cut_trailing(path)?;
        }
        Ok(done)
    }

    /// Cuts what no header counts, while nobody else may write.
    fn cut_trailing(&self, path: &Path) -> Result<u64> {
        let file = Arc::new(File::open(path, Mode::ReadWrite)?);
        let locking = Locking { lock: Lock::Require, ..Locking::default() };
        let _alone = file.lock_range(APPENDING, locking)?;
        // The header that counts is the one that nobody changes any more.
        let array = self.clone().mode(Mode::Read).open(path)?;
        let bytes = trailing(&array)?;
        if array.file_id() != file.id() || array.file().current_len()? != file.len() {
            return Err(StoreError::Replaced { path: path.to_owned() }.into());
        }
        file.cut(file.len() - bytes)?;
        Ok(bytes)
    }
}

/// Bytes behind the last item, of a file that has one array alone.
fn trailing(array: &Array) -> Result<u64> {
    match array.format() {
        // An array that can grow knows its file up to its last row only.
        Format::NPY => Ok(array.file().current_len()?.saturating_sub(array.offset() + array.nbytes() as u64)),
        // What lies behind the items of a raw file is somebody's; an archive has its directory there.
        _ => Ok(0),
    }
}

fn reason_to_leave(array: &Array, sums: &Result<Option<Checksums>>) -> Option<String> {
    let end = array.offset() + array.nbytes() as u64;
    match sums {
        Ok(Some(sums)) if sums.covered > end => Some(format!(
            "they are covered by the checksums; remove {} to have them cut",
            sums.path.display()
        )),
        Err(Error::Store(error)) => Some(format!("the checksums cannot be read: {error}")),
        _ => None,
    }
}
