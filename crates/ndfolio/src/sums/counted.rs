//! Checksums of a file whose rows are counted: they follow when there are more rows, or fewer.

use std::{ops::Range, path::Path, sync::Arc};

use ndfolio_engine::{Run, sum_blocks};
use ndfolio_format::{BlockSums, npy::CountField};
use ndfolio_kernel::sum;
use ndfolio_store::{Bytes, File, Mode, Turn};

use super::{head_sum, load, renew_blocks, save, sums_path};
use crate::{Error, Result, error::At};

/// How a file's rows are counted.
pub(crate) struct Counted {
    /// Bytes of its header.
    pub(crate) start: u64,
    /// Where in the header the rows are counted.
    pub(crate) field: u64,
    /// Bytes of a row.
    pub(crate) row: u64,
}

impl Counted {
    /// The bytes of the count that say that items end at an offset.
    fn bytes(&self, end: u64) -> Option<[u8; 16]> {
        let rows = end.checked_sub(self.start)?.checked_div(self.row)?;
        CountField::bytes(rows).ok().filter(|_| self.start + rows * self.row == end)
    }
}

/// Lets the checksums beside a file, if there are any, cover its items up to `end`: those that are there are on stable
/// storage. Where the header, or the block in which the items ended, is not as its sum says, nothing more is covered, so that
/// no damage is hidden.
pub(crate) fn follow(path: &Path, counted: &Counted, end: u64, run: &Run<'_>) -> Result<()> {
    if !sums_path(path).exists() {
        return Ok(());
    }
    let turn = Turn::take(&sums_path(path), &|| run.go_on().is_err());
    run.go_on().at(path)?;
    let _turn = turn?;
    let found = match load(path, run) {
        Ok(Some(found)) => found,
        Ok(None) | Err(Error::Format { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let file = Arc::new(File::open(path, Mode::Read)?);
    let mut sums = BlockSums::new(counted.start, end).at(path)?;
    let is_same_cut = found.start() == sums.start() && found.block_bytes() == sums.block_bytes();
    if found.covered() == end || !is_same_cut || !is_header_as_summed(&file, &found, counted)? {
        return Ok(());
    }
    // The blocks that are whole, before and after.
    let kept = whole_blocks(&found).min(whole_blocks(&sums));
    if kept < found.sums.len() && !is_as_summed(&file, &found, kept, run)? {
        // What is damaged stays to be found, and what follows is not covered.
        return Ok(());
    }
    sums.sums[..kept].copy_from_slice(&found.sums[..kept]);
    let new = kept..sums.sums.len();
    renew_blocks(&file, &mut sums, new, run)?;
    (sums.head, sums.generation) = (head_sum(&file, sums.start())?, found.generation + 1);
    sums.modified = file.modified()?;
    save(path, &sums)
}

/// Has the checksums cover no more than what is counted, before anything is written behind that: whoever counted fewer
/// rows last may not have come to the end.
pub(crate) fn cover_no_more(path: &Path, counted: &Counted, end: u64, run: &Run<'_>) -> Result<()> {
    match load(path, run) {
        Ok(Some(found)) if found.covered() > end => follow(path, counted, end, run),
        Ok(_) | Err(Error::Format { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Blocks that more bytes behind them do not change.
fn whole_blocks(sums: &BlockSums) -> usize {
    let block = u64::from(sums.block_bytes());
    sums.sums.len() - usize::from(!sums.covered().is_multiple_of(block) && !sums.sums.is_empty())
}

/// Whether the header is the one whose sum was taken, but for the number of rows.
pub(crate) fn is_header_as_summed(file: &File, sums: &BlockSums, counted: &Counted) -> Result<bool> {
    let Some(bytes) = counted.bytes(sums.covered()) else { return Ok(false) };
    let mut head = vec![0; sums.start() as usize];
    file.read_at(0, &mut head)?;
    let field: Range<usize> = counted.field as usize..counted.field as usize + bytes.len();
    let Some(place) = head.get_mut(field) else { return Ok(false) };
    place.copy_from_slice(&bytes);
    Ok(sum(Bytes::Private(&head)) == sums.head)
}

/// Whether a block is as its sum says. One that the file has no longer is not.
fn is_as_summed(file: &Arc<File>, sums: &BlockSums, block: usize, run: &Run<'_>) -> Result<bool> {
    let range = sums.range(block);
    if range.end > file.len() {
        return Ok(false);
    }
    let (mut is_same, expected) = (true, sums.sums[block]);
    let each = |_, sum| is_same &= sum == expected;
    sum_blocks(file, range, sums.block_bytes() as usize, run, each).at(file.path())?;
    Ok(is_same)
}
