//! An array's bytes in memory, for those who bring their own idea of a type.

use std::fmt;

use ndfolio_store::{Mapping, Mode};

use crate::{Array, Result};

/// The part of a file that holds an array, mapped into memory, without a type: for other languages' arrays, which know
/// any dtype, byte order and place.
///
/// It gives addresses and no references. [`Memmap`](crate::Memmap) has those for Rust's types.
pub struct Mapped {
    array: Array,
    mapping: Mapping,
}

impl Array {
    /// Maps the bytes from the array's first item in the file to its last. In mode `c` they are those that
    /// [`Array::write`] writes to.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn map(&self) -> Result<Mapped> {
        let extent = self.view().extent();
        if self.mode() == Mode::ReadWrite {
            // What is stored through addresses is not seen, so the checksums beside the file are told before.
            self.origin.keeper.exposed(self.file(), &extent)?;
        }
        Ok(Mapped { array: self.clone(), mapping: self.file().map(extent)? })
    }
}

impl Mapped {
    /// The array whose bytes they are.
    #[must_use]
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// Where the first byte is. Dangling if there are none.
    ///
    /// The bytes may be read as long as this value lives. Others can change them at any time.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.mapping.as_ptr()
    }

    /// Where the first byte is, for writing; none if the array is open for reading only, or has no bytes.
    ///
    /// In mode `c` what is stored is this process's alone.
    #[must_use]
    pub fn as_mut_ptr(&self) -> Option<*mut u8> {
        self.mapping.as_mut_ptr()
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mapping.is_empty()
    }

    /// How many bytes lie before item `[0, 0, …]`: more than none where the array runs backwards.
    #[must_use]
    pub fn first(&self) -> usize {
        (self.array.offset() - self.mapping.file_offset()) as usize
    }

    /// Whether every access so far met the file as it was.
    ///
    /// # Errors
    /// The file was cut short, or could not be read, while it was mapped: there were zeros in place of what is gone.
    pub fn check(&self) -> Result<()> {
        Ok(self.mapping.check()?)
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("array", &self.array).field("len", &self.len()).finish()
    }
}
