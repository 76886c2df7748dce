//! Checksums of a file that is written anew: they go on with the new one.

use std::{ops::Range, sync::Arc};

use ndfolio_engine::Run;
use ndfolio_format::BlockSums;
use ndfolio_store::{File, Mode};

use super::{head_sum, load, save, sums_path, take};
use crate::{Array, Error, Result, error::At, verify::verify_file};

/// What is to become of the checksums of a file that another one takes the place of.
pub(crate) enum MovedSums {
    /// There are none.
    None,
    /// What is behind the header stays where it is, and keeps its sums.
    Same(BlockSums),
    /// They are taken of the new file; how often they were taken before.
    Anew(u64),
}

impl MovedSums {
    /// Looks at the checksums of the array's file, before rows of it are copied to a new one; `items` is where the same
    /// items will lie in that, if they are the same. What was written and not flushed is flushed first.
    ///
    /// # Errors
    /// Damage, if the sums of the new file would hide it; what reading and flushing report; a cancelled run.
    pub(crate) fn of(array: &Array, items: Option<Range<u64>>, run: &Run<'_>) -> Result<MovedSums> {
        let path = array.file().absolute_path();
        if !sums_path(path).exists() {
            return Ok(MovedSums::None);
        }
        array.file().flush()?;
        array.origin.keeper.renew(path, run)?;
        let sums = match load(path, run) {
            Ok(Some(sums)) => sums,
            Ok(None) | Err(Error::Format { .. }) => return Ok(MovedSums::None),
            Err(error) => return Err(error),
        };
        let file = Arc::new(File::open(path, Mode::Read)?);
        let stays = items.is_some_and(|items| items == (sums.start()..sums.covered()));
        if stays && head_sum(&file, sums.start())? == sums.head {
            return Ok(MovedSums::Same(sums));
        }
        let found = verify_file(&file, Some(array.view()), run)?;
        if found.is_damaged() {
            let reason = "its checksums find damage, which those of a new file would hide; verify it, mend it or take \
                          the checksums again as it is, and then change its rows";
            return Err(Error::NoRows { path: array.place().to_owned(), reason: reason.to_owned() });
        }
        Ok(if found.is_outdated() { MovedSums::None } else { MovedSums::Anew(sums.generation) })
    }

    /// Puts them beside the new file, which nobody else writes to yet.
    ///
    /// # Errors
    /// What reading the file and writing them report; a cancelled run.
    pub(crate) fn save(self, new: &Array, run: &Run<'_>) -> Result<()> {
        let path = new.file().absolute_path();
        let open = || File::open(path, Mode::Read).map(Arc::new);
        let (mut sums, generation) = match self {
            MovedSums::None => return Ok(()),
            MovedSums::Same(mut sums) => {
                let file = open()?;
                (sums.head, sums.modified) = (head_sum(&file, sums.start())?, file.modified()?);
                let generation = sums.generation;
                (sums, generation)
            }
            MovedSums::Anew(generation) => {
                let file = open()?;
                let end = new.offset() + new.nbytes() as u64;
                (take(&file, BlockSums::new(new.origin.start, end).at(path)?, run)?, generation)
            }
        };
        sums.generation = generation.saturating_add(1);
        save(path, &sums)
    }
}
