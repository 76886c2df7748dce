//! What a loader reads: whether it is still the same, and how it is known again elsewhere.

use std::fmt::Write;

use ndfolio_format::{FeedArray, json};
use ndfolio_kernel::sum;
use ndfolio_store::Bytes;

use crate::{Array, Error, Mode, Result};

/// A file as it was when the loader was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    len: u64,
    /// Not of a file that this process may change itself.
    modified: Option<(i64, u32)>,
}

impl Witness {
    pub(super) fn of(array: &Array) -> Result<Self> {
        let file = array.file();
        let modified = if file.mode() == Mode::Read { Some(file.modified()?) } else { None };
        Ok(Witness { len: file.current_len()?, modified })
    }

    /// Whether the file is what it was.
    pub(super) fn check(&self, array: &Array) -> Result<()> {
        let now = Witness::of(array)?;
        let change = if array.file().check_name().is_err() {
            "it was replaced or removed".to_owned()
        } else if now.len != self.len {
            format!("it had {} bytes, and has {} now", self.len, now.len)
        } else if now != *self {
            "something was written to it".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::ChangedUnderLoader { path: array.place().to_owned(), change })
    }
}

/// Places of an array that are looked at to know it again, and bytes at each.
const PLACES: u64 = 16;
const LOOKED_AT: u64 = 4096;

/// What of an array is kept in a state.
pub(super) fn identity(array: &Array) -> Result<FeedArray> {
    let extent = array.view().extent();
    let len = extent.end - extent.start;
    let each = LOOKED_AT.min(len);
    let mut bytes = vec![0; (PLACES * each) as usize];
    for (place, part) in (0..PLACES).zip(bytes.chunks_exact_mut(each.max(1) as usize)) {
        // The first begins where the array does, the last ends where it ends.
        let at = u128::from(len - each) * u128::from(place) / u128::from(PLACES - 1);
        array.file().read_at(extent.start + at as u64, part)?;
    }
    let mut text = String::new();
    for byte in sum(Bytes::Private(&bytes)) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(FeedArray {
        dtype: json::from_dtype(array.dtype()),
        shape: array.shape().iter().map(|&extent| extent as u64).collect(),
        sum: text,
    })
}
