//! Checksums beside a file, and what they find.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use ndfolio_engine::{Run, plan_sum_blocks, sum_blocks};
use ndfolio_format::{BlockSums, Format};
use ndfolio_layout::View;
use ndfolio_store::{File, Mode, StoreError};

use crate::{
    Array, Error, OpenOptions, Plan, Result,
    error::At,
    sums::{Counted, head_sum, is_header_as_summed, load, save, sums_path, take},
    table::{Table, count_field},
};

/// The checksums beside a file: `FILE.ndsum`, an XXH3-128 sum of each megabyte. The file is complete without them.
///
/// They find what a device, a copy or another program changed by accident, and what a power loss tore in an array that
/// was being written in place. They do not mend it, and do not protect from who means to go unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checksums {
    /// Where they are.
    pub path: PathBuf,
    /// How many blocks have one.
    pub blocks: usize,
    /// Bytes of a block; the first and the last may have fewer.
    pub block_bytes: u32,
    /// The file's bytes that are covered, from its start.
    pub covered: u64,
    /// How often they were taken or renewed.
    pub generation: u64,
}

/// Neighbouring blocks whose bytes are not those that their sums were taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The numbers of the blocks.
    pub blocks: Range<usize>,
    /// The file's bytes.
    pub bytes: Range<u64>,
    /// The axis that is slowest in the file, and the indices along it that have items in these bytes: rows, for an array
    /// in C order. None without an array, or if none of its items lie there.
    pub rows: Option<(usize, Range<usize>)>,
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// What the file was compared with.
    pub sums: Checksums,
    /// The file's bytes now.
    pub file_size: u64,
    /// Whether the header is another than the one whose sum was taken.
    pub header_differs: bool,
    /// Whether nothing of it is another but the number of rows: who changed that is not done yet, or did not come to the
    /// end.
    pub count_differs: bool,
    /// Blocks that differ, in the order of the file.
    pub differing: Vec<Damage>,
    /// Bytes behind the covered ones, which nothing is known of.
    pub uncovered: u64,
    /// Covered bytes that the file does not have any more.
    pub missing: u64,
    /// Whether the file's time is another than when the sums were taken: somebody wrote to it otherwise than through
    /// us, or did not come to the end.
    pub was_modified: bool,
}

impl Verification {
    /// Whether the sums are of another state of the file: its header is another, and so is its length or nothing but the
    /// number of rows. Somebody wrote it anew or appended to it otherwise than through us, or did not come to the end.
    /// Of what was written anew, blocks that differ are not covered, rather than damaged.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.header_differs
            && match self.count_differs {
                true => self.missing == 0 && self.differing.is_empty(),
                false => self.uncovered > 0 || self.missing > 0,
            }
    }

    /// Whether covered bytes are others, or gone.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        !self.is_outdated() && (self.header_differs || self.missing > 0 || !self.differing.is_empty())
    }
}

/// Puts checksums beside a file; those that are there are replaced. They are worth what the file is worth at that
/// moment.
///
/// From then on, writing to the file through this library renews those of the blocks that were touched, when the file
/// is flushed or closed. One process at a time should write. Replacing the file by another one removes them.
///
/// # Errors
/// A file that holds no array; what reading it and writing beside it report; a cancelled run.
pub fn checksum<'r>(path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Checksums> {
    OpenOptions::new().checksum(path, run)
}

/// Compares a file with the checksums beside it. The array's header need not be readable.
///
/// # Errors
/// [`Error::NoSums`]; checksums that are damaged themselves; what reading reports; a cancelled run.
pub fn verify<'r>(path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Verification> {
    let file = Arc::new(File::open(path, Mode::Read)?);
    verify_file(&file, None, &run.into())
}

impl OpenOptions {
    /// [`checksum`] for files that need options.
    ///
    /// # Errors
    /// As [`checksum`].
    pub fn checksum<'r>(&self, path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Checksums> {
        let file = Arc::new(File::open(path, Mode::Read)?);
        let contents = self.steady(&file)?;
        let start = match contents.format {
            Format::NPZ => 0,
            _ => contents.only().and_then(|member| member.view()).at(file.path())?.offset(),
        };
        checksum_file(&file, start, &run.into())
    }
}

impl Array {
    /// [`checksum`] of the array's file, all of it.
    ///
    /// # Errors
    /// As [`checksum`]; a file that was replaced since it was opened.
    pub fn checksum<'r>(&self, run: impl Into<Run<'r>>) -> Result<Checksums> {
        let sums = checksum_file(&self.file_now()?, self.origin.start, &run.into());
        match &sums {
            Ok(_) => self.origin.keeper.forget(),
            // They may be there all the same.
            Err(_) => self.origin.keeper.look_for_new(),
        }
        sums
    }

    /// [`verify`] for the array's file, all of it; [`Damage::rows`] are those of this array.
    ///
    /// # Errors
    /// As [`verify`]; a file that was replaced since it was opened.
    pub fn verify<'r>(&self, run: impl Into<Run<'r>>) -> Result<Verification> {
        verify_file(&self.file_now()?, Some(self.view()), &run.into())
    }

    /// What [`Array::checksum`] and [`Array::verify`] would do.
    ///
    /// # Errors
    /// As those, but for what only reading finds.
    pub fn plan_verify<'r>(&self, run: impl Into<Run<'r>>) -> Result<Plan> {
        let file = self.file_now()?;
        let sums = BlockSums::new(self.origin.start, file.len()).at(self.path())?;
        let range = sums.start()..sums.covered();
        plan_sum_blocks(&file, range, sums.block_bytes() as usize, &run.into()).at(self.path())
    }

    /// The checksums beside the array's file, if there are any.
    ///
    /// # Errors
    /// Checksums that are damaged themselves; what reading them reports.
    pub fn checksums(&self) -> Result<Option<Checksums>> {
        let sums = load(self.path(), &Run::default())?;
        Ok(sums.map(|sums| Checksums::of(&sums, self.path())))
    }

    /// Whether there are checksums that writing to this array keeps up to date: then a flush is what ends it.
    ///
    /// # Errors
    /// What reading them reports.
    pub fn keeps_checksums(&self) -> Result<bool> {
        self.origin.keeper.is_kept(self.file())
    }

    /// The file as long as it is now, for reading.
    fn file_now(&self) -> Result<Arc<File>> {
        let file = File::open(self.path(), Mode::Read)?;
        if file.id() != self.file_id() {
            return Err(StoreError::Replaced { path: self.path().to_owned() }.into());
        }
        Ok(Arc::new(file))
    }
}

impl Checksums {
    pub(crate) fn of(sums: &BlockSums, path: &Path) -> Self {
        Checksums {
            path: sums_path(path),
            blocks: sums.sums.len(),
            block_bytes: sums.block_bytes(),
            covered: sums.covered(),
            generation: sums.generation,
        }
    }
}

fn checksum_file(file: &Arc<File>, start: u64, run: &Run<'_>) -> Result<Checksums> {
    let path = file.path();
    // One that is damaged is replaced too.
    let generation = match load(path, run) {
        Ok(old) => old.map_or(0, |old| old.generation),
        Err(Error::Format { .. }) => 0,
        Err(error) => return Err(error),
    };
    let len = file.current_len()?;
    let mut sums = take(file, BlockSums::new(start, end_of(file, start)?).at(path)?, run)?;
    sums.generation = generation.saturating_add(1);
    // Whoever wrote meanwhile has sums of half a write.
    if file.modified()? != sums.modified || file.current_len()? != len {
        let reason = "somebody wrote to it while its checksums were taken; take them again when nobody does";
        return Err(Error::Usage { path: path.to_owned(), reason: reason.to_owned() });
    }
    save(path, &sums)?;
    Ok(Checksums::of(&sums, path))
}

/// Where the bytes end that are covered: where rows are counted, behind the last of them, for what follows is nothing, and
/// may be in somebody's hands.
fn end_of(file: &File, start: u64) -> Result<u64> {
    if count_field(file, start)?.is_none() {
        return Ok(file.len());
    }
    let array = OpenOptions::new().open(file.path())?;
    if array.file_id() != file.id() {
        return Err(StoreError::Replaced { path: file.path().to_owned() }.into());
    }
    let end = array.offset() + array.nbytes() as u64;
    file.look_again(end)?;
    Ok(end)
}

pub(crate) fn verify_file(file: &Arc<File>, view: Option<&View>, run: &Run<'_>) -> Result<Verification> {
    let path = file.path();
    let Some(sums) = load(path, run)? else {
        return Err(Error::NoSums { path: path.to_owned(), sums: sums_path(path) });
    };
    let header_differs = file.len() < sums.start() || head_sum(file, sums.start())? != sums.head;
    // A header that cannot be read counts nothing.
    let end = end_of(file, sums.start()).unwrap_or(file.len());
    Ok(Verification {
        differing: differing(file, &sums, view, run)?,
        header_differs,
        count_differs: header_differs && file.len() >= sums.start() && is_counted_otherwise(file, &sums)?,
        file_size: file.len(),
        uncovered: end.saturating_sub(sums.covered()),
        missing: sums.covered().saturating_sub(file.len()),
        was_modified: file.modified()? != sums.modified,
        sums: Checksums::of(&sums, path),
    })
}

/// Whether the header is the one whose sum was taken, but for the number of rows.
fn is_counted_otherwise(file: &File, sums: &BlockSums) -> Result<bool> {
    let start = sums.start();
    let (Some(field), Ok(array)) = (count_field(file, start)?, OpenOptions::new().open(file.path())) else {
        return Ok(false);
    };
    let Ok(table) = Table::of(&array) else { return Ok(false) };
    let counted = Counted { start, field: field.offset, row: table.row_bytes() };
    Ok(array.file_id() == file.id() && is_header_as_summed(file, sums, &counted)?)
}

/// The blocks that differ, of those that the file still has.
fn differing(file: &Arc<File>, sums: &BlockSums, view: Option<&View>, run: &Run<'_>) -> Result<Vec<Damage>> {
    let whole = (0..sums.sums.len()).rposition(|block| sums.range(block).end <= file.len());
    let Some(last) = whole else { return Ok(Vec::new()) };
    let range = sums.start()..sums.range(last).end;
    let mut blocks = Vec::new();
    let compare = |block: usize, sum| {
        if sums.sums[block] != sum {
            blocks.push(block);
        }
    };
    sum_blocks(file, range, sums.block_bytes() as usize, run, compare).at(file.path())?;
    blocks.sort_unstable();
    let mut found: Vec<Damage> = Vec::new();
    for run in blocks.chunk_by(|a, b| a + 1 == *b) {
        let (first, last) = (run[0], run[run.len() - 1]);
        let bytes = sums.range(first).start..sums.range(last).end;
        let rows = view.and_then(|view| rows_in(view, &bytes));
        found.push(Damage { blocks: first..last + 1, bytes, rows });
    }
    Ok(found)
}

/// The indices of an array's slowest axis that have items in a range of the file.
fn rows_in(view: &View, bytes: &Range<u64>) -> Option<(usize, Range<usize>)> {
    let axis = view.storage_axes().into_iter().find(|&axis| view.shape()[axis] > 1)?;
    let (extent, step) = (view.extent(), view.strides()[axis].unsigned_abs() as u64);
    let count = view.shape()[axis];
    if bytes.end <= extent.start || extent.end <= bytes.start {
        return None;
    }
    if step == 0 {
        return Some((axis, 0..count));
    }
    // Row n, counted in the order of the file, has bytes from n * step on, as many as one has.
    let own = extent.end - extent.start - step * (count as u64 - 1);
    let (start, end) = (bytes.start.saturating_sub(extent.start), bytes.end - extent.start);
    let first = (start + 1).saturating_sub(own).div_ceil(step) as usize;
    let end = (end.div_ceil(step) as usize).min(count);
    if first >= end {
        return None;
    }
    let backwards = view.strides()[axis] < 0;
    Some((axis, if backwards { count - end..count - first } else { first..end }))
}

#[cfg(test)]
mod tests {
    use ndfolio_layout::{Index, Order, Selection};

    use super::*;

    /// Every row of which a byte lies there, looked up one by one.
    fn naive(view: &View, bytes: &Range<u64>) -> Vec<usize> {
        let axis = view.storage_axes().into_iter().find(|&axis| view.shape()[axis] > 1).unwrap();
        let has = |row: usize| {
            let whole = || Index::from(ndfolio_layout::slice(None, None, 1));
            let mut index: Vec<Index> = (0..axis).map(|_| whole()).collect();
            index.push((row as i64).into());
            let extent = view.select(&Selection::from(index)).unwrap().extent();
            extent.start < bytes.end && bytes.start < extent.end
        };
        (0..view.shape()[axis]).filter(|&row| has(row)).collect()
    }

    #[test]
    fn rows_are_those_that_have_bytes_there() {
        let dtype = "<i2".parse().unwrap();
        for order in [Order::C, Order::F] {
            let whole = View::contiguous(&dtype, &[5, 7], order, 10).unwrap();
            for text in [":", "::-1", "1:4, ::2", "::2, ::-3", ":, 2:3"] {
                let selection: Selection = text.parse().unwrap();
                let view = whole.select(&selection).unwrap();
                for start in 0..90 {
                    for end in start + 1..91 {
                        let found = rows_in(&view, &(start..end)).map_or(0..0, |(_, rows)| rows);
                        let expected = naive(&view, &(start..end));
                        assert_eq!(found.collect::<Vec<_>>(), expected, "{order} {text} {start}..{end}");
                    }
                }
            }
        }
    }
}
