//! The checksums beside a file, kept up to date by those who write to it through us.
//!
//! Whoever writes in place calls [`Keeper::before`] with the bytes that will be written. The blocks that they touch are
//! marked; a block of which a part stays is compared with its sum first, and one that is damaged already keeps its sum,
//! so that writing beside the damage does not hide it. Once the bytes are on stable storage, and before anybody is
//! told so, [`Keeper::renew`] takes the sums of the marked blocks from the file and replaces the file of checksums.
//!
//! A process that dies in between leaves blocks whose sums are those of the bytes before: what was not acknowledged is
//! found by verifying.

mod counted;
mod moved;

pub(crate) use counted::{Counted, cover_no_more, follow, is_header_as_summed};
pub(crate) use moved::MovedSums;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use ndfolio_engine::{Run, expect_room_for_sums, sum_blocks};
use ndfolio_format::BlockSums;
use ndfolio_kernel::sum;
use ndfolio_store::{Bytes, Existing, File, Mode, NewFile, StoreError, Turn};

use crate::{Error, Result, error::At};

/// The file of checksums of the file at `path`. Links are followed: it lies beside the bytes.
pub(crate) fn sums_path(path: &Path) -> PathBuf {
    let mut name = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    name.push(".ndsum");
    name.into()
}

/// The checksums beside a file, if there are any.
pub(crate) fn load(path: &Path, run: &Run<'_>) -> Result<Option<BlockSums>> {
    let path = sums_path(path);
    let file = match File::open(&path, Mode::Read) {
        Ok(file) => file,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut head = [0; 80];
    let count = file.read_up_to(0, &mut head)?;
    // A file of another length is refused before it is read.
    let len = BlockSums::file_len(&head[..count]).at(&path)?;
    let wrong = || format!("expected {len} bytes, found {}", file.len());
    if len != file.len() {
        return Err(ndfolio_format::FormatError::Sums { reason: wrong() }).at(&path);
    }
    expect_room_for_sums(2 * len, run).at(&path)?;
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes)?;
    BlockSums::from_bytes(&bytes).map(Some).at(&path)
}

/// Puts checksums beside a file.
pub(crate) fn save(path: &Path, sums: &BlockSums) -> Result<()> {
    let new = NewFile::create(sums_path(path), Existing::Replace)?;
    new.write_at(0, &sums.to_bytes())?;
    Ok(new.commit()?)
}

/// A file of that name is about to be replaced: its checksums are none of the new one. Whoever dies in between has
/// lost no more than them.
pub(crate) fn forget_sums(path: &Path) -> Result<()> {
    Ok(ndfolio_store::remove(&sums_path(path))?)
}

/// Takes the sums of all blocks, and that of the header.
pub(crate) fn take(file: &Arc<File>, mut sums: BlockSums, run: &Run<'_>) -> Result<BlockSums> {
    expect_room_for_sums(2 * 16 * sums.sums.len() as u64, run).at(file.path())?;
    sums.modified = file.modified()?;
    sums.head = head_sum(file, sums.start())?;
    let all = 0..sums.sums.len();
    renew_blocks(file, &mut sums, all, run)?;
    Ok(sums)
}

/// The sum of a file's header, which is not long.
pub(crate) fn head_sum(file: &File, len: u64) -> Result<[u8; 16]> {
    let mut head = vec![0; len as usize];
    file.read_at(0, &mut head)?;
    Ok(sum(Bytes::Private(&head)))
}

fn renew_blocks(file: &Arc<File>, sums: &mut BlockSums, which: Range<usize>, run: &Run<'_>) -> Result<()> {
    if which.is_empty() {
        return Ok(());
    }
    let range = sums.range(which.start).start..sums.range(which.end - 1).end;
    let (block, places) = (sums.block_bytes() as usize, &mut sums.sums[which]);
    sum_blocks(file, range, block, run, |index, sum| places[index] = sum).at(file.path())?;
    Ok(())
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Nothing was written to it since its sum was taken.
    Clean,
    /// Its sum is to be taken again.
    Touched,
    /// It was damaged before it was written to; its sum stays.
    Damaged,
}

#[derive(Debug)]
struct Kept {
    sums: BlockSums,
    marks: Vec<Mark>,
}

/// Whether there are checksums beside an open file.
#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    None,
    Kept(Kept),
}

/// Who keeps the checksums of an open file up to date; shared by all arrays of it.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    state: Mutex<State>,
    /// Held by those who write, and alone by who takes sums: so no sum is of half a write.
    gate: RwLock<()>,
}

/// Held while bytes are written.
pub(crate) struct Writing<'k>(#[allow(dead_code, reason = "it is held")] RwLockReadGuard<'k, ()>);

impl Keeper {
    /// Somebody is going to write these bytes of the file, as long as he holds what this returns.
    ///
    /// # Errors
    /// What the file reports, as it is read where a block is written in part; a cancelled run.
    pub(crate) fn before(
        &self,
        file: &Arc<File>,
        bytes: impl Iterator<Item = Range<u64>>,
        run: &Run<'_>,
    ) -> Result<Writing<'_>> {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if let State::Kept(kept) = &mut *self.known(file, run)? {
            kept.touch(file, bytes, run)?;
        }
        Ok(Writing(gate))
    }

    /// Somebody may write to these bytes whenever he likes, until the file is flushed.
    pub(crate) fn exposed(&self, file: &File, bytes: &Range<u64>) -> Result<()> {
        if let State::Kept(kept) = &mut *self.known(file, &Run::default())? {
            let blocks = kept.sums.blocks_of(bytes);
            kept.marks[blocks].iter_mut().for_each(Mark::touch);
        }
        Ok(())
    }

    /// The checksums were taken anew, or may be there now.
    pub(crate) fn forget(&self) {
        *self.state() = State::Unknown;
    }

    /// Where there were no checksums there may be some by now.
    pub(crate) fn look_for_new(&self) {
        let mut state = self.state();
        if matches!(*state, State::None) {
            *state = State::Unknown;
        }
    }

    /// The checksums cover more or fewer rows by now. What was written and not flushed stays marked.
    pub(crate) fn look_again(&self, path: &Path, run: &Run<'_>) -> Result<()> {
        let mut state = self.state();
        let State::Kept(kept) = &mut *state else { return Ok(()) };
        match load(path, run) {
            Ok(Some(found)) if kept.is_cut_as(&found) => {
                kept.marks.resize(found.sums.len(), Mark::Clean);
                kept.sums = found;
            }
            Ok(_) | Err(Error::Format { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// As [`renew`](Self::renew), after a flush, if anything was written since the last: whoever compares blocks with
    /// their sums next finds them as they are.
    pub(crate) fn settle(&self, file: &File, run: &Run<'_>) -> Result<()> {
        let is_touched = |kept: &Kept| kept.marks.contains(&Mark::Touched);
        let is_touched = matches!(&*self.state(), State::Kept(kept) if is_touched(kept));
        if is_touched {
            file.flush()?;
            self.renew(file.path(), run)?;
        }
        Ok(())
    }

    /// Whether there are checksums to be kept up to date.
    pub(crate) fn is_kept(&self, file: &File) -> Result<bool> {
        Ok(matches!(*self.known(file, &Run::default())?, State::Kept(_)))
    }

    /// Takes the sums of what was written again, and puts them beside the file, whose bytes are on stable storage.
    ///
    /// # Errors
    /// What reading the file and writing the checksums report; a cancelled run. The blocks stay marked then.
    pub(crate) fn renew(&self, path: &Path, run: &Run<'_>) -> Result<()> {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        let State::Kept(kept) = &mut *state else { return Ok(()) };
        if kept.marks.iter().all(|mark| *mark != Mark::Touched) {
            return Ok(());
        }
        // Other processes renew the sums of their blocks; ours are put to what is there now.
        let turn = Turn::take(&sums_path(path), &|| run.go_on().is_err());
        run.go_on().at(path)?;
        let (_turn, found) = (turn?, load(path, run)?);
        match found.filter(|found| kept.is_cut_as(found)) {
            // Somebody removed them, or made them for another file of that name.
            None => *state = State::None,
            Some(found) => kept.renew_in(found, path, run)?,
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, file: &File, run: &Run<'_>) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if matches!(*state, State::Unknown) {
            *state = match file.mode() {
                Mode::ReadWrite => Kept::load(file, run)?,
                // Nothing that is written reaches the file.
                Mode::Read | Mode::CopyOnWrite => State::None,
            };
        }
        Ok(state)
    }
}

impl Mark {
    fn touch(&mut self) {
        if *self == Mark::Clean {
            *self = Mark::Touched;
        }
    }
}

impl Kept {
    fn load(file: &File, run: &Run<'_>) -> Result<State> {
        match load(file.path(), run) {
            Ok(Some(sums)) => {
                let marks = vec![Mark::Clean; sums.sums.len()];
                Ok(State::Kept(Kept { sums, marks }))
            }
            // What is no file of checksums cannot be kept up to date, and keeps nobody from writing.
            Ok(None) | Err(Error::Format { .. }) => Ok(State::None),
            Err(error) => Err(error),
        }
    }

    fn is_cut_as(&self, other: &BlockSums) -> bool {
        other.start() == self.sums.start() && other.block_bytes() == self.sums.block_bytes()
    }

    fn touch(
        &mut self,
        file: &Arc<File>,
        bytes: impl Iterator<Item = Range<u64>>,
        run: &Run<'_>,
    ) -> Result<()> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        for range in bytes {
            for block in self.sums.blocks_of(&range) {
                let own = self.sums.range(block);
                if self.marks[block] != Mark::Clean {
                    continue;
                }
                self.marks[block] = Mark::Touched;
                if range.start <= own.start && own.end <= range.end {
                    continue;
                }
                match parts.last_mut().filter(|last| last.end == block) {
                    Some(last) => last.end += 1,
                    None => parts.push(block..block + 1),
                }
            }
        }
        let checked = parts.iter().try_for_each(|part| self.check(file, part.clone(), run));
        if checked.is_err() {
            // Nothing is written then, and what was not compared is not known.
            parts.into_iter().flatten().for_each(|block| self.marks[block] = Mark::Clean);
        }
        checked
    }

    /// Blocks that are not as their sums say keep them.
    fn check(&mut self, file: &Arc<File>, blocks: Range<usize>, run: &Run<'_>) -> Result<()> {
        let end = self.sums.range(blocks.end - 1).end;
        // What is cut off is an error of the write itself.
        if end > file.len() {
            return Ok(());
        }
        let range = self.sums.range(blocks.start).start..end;
        let (sums, marks) = (&self.sums.sums[blocks.clone()], &mut self.marks[blocks]);
        let each = |index: usize, sum| {
            if sums[index] != sum {
                marks[index] = Mark::Damaged;
            }
        };
        sum_blocks(file, range, self.sums.block_bytes() as usize, run, each).at(file.path())?;
        Ok(())
    }

    /// Renews the sums of the touched blocks in what is beside the file by now.
    fn renew_in(&mut self, mut found: BlockSums, path: &Path, run: &Run<'_>) -> Result<()> {
        let file = Arc::new(File::open(path, Mode::Read)?);
        let most = found.sums.len().min(self.marks.len());
        let mut at = 0;
        while let Some(first) = (at..most).find(|&block| self.marks[block] == Mark::Touched) {
            let end = (first..most).find(|&block| self.marks[block] != Mark::Touched).unwrap_or(most);
            renew_blocks(&file, &mut found, first..end, run)?;
            at = end;
        }
        found.generation += 1;
        found.modified = file.modified()?;
        save(path, &found)?;
        self.marks.iter_mut().filter(|mark| **mark == Mark::Touched).for_each(|mark| *mark = Mark::Clean);
        self.sums = found;
        Ok(())
    }
}
