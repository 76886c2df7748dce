//! What is found out about a file before an engine is chosen: how much of it the page cache holds, and how.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::mapping::Region;
use crate::syscalls::{self, Access};
use crate::{File, FileId, usage};

/// Ranges of up to this many blocks are looked at as a whole, longer ones in a part of this many blocks.
const SAMPLES: u64 = 64;

/// Which part of a block is looked at: an eighth, another one in the next block.
const PARTS: u64 = 8;

/// The largest folio, in bytes: a fresh mapping gets one with a single fault, if it has it as a whole.
pub(super) const BLOCK: u64 = 2 << 20;

/// What is known of files, for those who choose an engine several times for one pass: each range of a file is looked at
/// once, by [`File::choose_by`].
///
/// What a pass reads or writes changes what the page cache holds: whoever goes on to another one
/// [clears](Evidence::clear) it.
#[derive(Debug, Default)]
pub struct Evidence(Mutex<Vec<Seen>>);

impl Evidence {
    /// Forgets everything, so that files are looked at again.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The share of a range that the page cache holds, if the system tells.
    pub(super) fn share(&self, file: &File, range: &Range<u64>) -> Option<f64> {
        Seen::of(&mut self.lock(), file, range).share
    }

    /// The faults of a few of the blocks of a range that the page cache holds as a whole, all over it.
    pub(super) fn faults(&self, file: &File, range: &Range<u64>, few: usize) -> Vec<u64> {
        let mut all = self.lock();
        let seen = Seen::of(&mut all, file, range);
        if let Some((_, faults)) = seen.faults.iter().find(|(count, _)| *count == few) {
            return faults.clone();
        }
        let faults = seen.count_faults(file, few);
        seen.faults.push((few, faults.clone()));
        faults
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the page cache holds a range of a file.
#[derive(Debug)]
struct Seen {
    file: FileId,
    len: u64,
    range: Range<u64>,
    share: Option<f64>,
    /// Those of the blocks of whose pages all that were looked at are resident.
    hot_blocks: Vec<Range<u64>>,
    /// Faults of so many of these at most, where they were counted.
    faults: Vec<(usize, Vec<u64>)>,
}

impl Seen {
    /// What is known of a range; it is looked at if nothing is.
    fn of<'a>(all: &'a mut Vec<Seen>, file: &File, range: &Range<u64>) -> &'a mut Seen {
        let is_known = |seen: &Seen| seen.file == file.id() && seen.len == file.len() && seen.range == *range;
        let at = all.iter().position(is_known).unwrap_or_else(|| {
            all.push(Seen::look(file, range));
            all.len() - 1
        });
        &mut all[at]
    }

    fn look(file: &File, range: &Range<u64>) -> Seen {
        let (share, hot_blocks) = resident_share(file, range);
        let (id, len, range) = (file.id(), file.len(), range.clone());
        Seen { file: id, len, range, share, hot_blocks, faults: Vec::new() }
    }

    fn count_faults(&self, file: &File, few: usize) -> Vec<u64> {
        let blocks = &self.hot_blocks;
        let few = few.min(blocks.len());
        let probed = (0..few).filter_map(|probe| {
            let ends = probe * blocks.len() / few..(probe + 1) * blocks.len() / few;
            let middle = ends.start.midpoint(ends.end);
            // From the middle on, then those before.
            (middle..ends.end)
                .chain(ends.start..middle)
                .map(|at| &blocks[at])
                .find(|block| holds_whole(file, block))
        });
        probed.filter_map(|block| faults(file, block)).collect()
    }
}

/// The resident share of the range, if it is known, and the blocks of whose pages all that were looked at are resident.
fn resident_share(file: &File, range: &Range<u64>) -> (Option<f64>, Vec<Range<u64>>) {
    let first = range.start / BLOCK;
    let blocks = range.end.div_ceil(BLOCK).saturating_sub(first);
    let count = blocks.min(SAMPLES);
    let (mut pages, mut resident, mut hot_blocks) = (0, 0, Vec::new());
    for sample in 0..count {
        let start = (first + sample * blocks / count) * BLOCK;
        let (at, part) = if blocks > count { (sample % PARTS, BLOCK / PARTS) } else { (0, BLOCK) };
        let looked_at = start + at * part..start + (at + 1) * part;
        let looked_at = looked_at.start.max(range.start)..looked_at.end.min(range.end);
        if looked_at.is_empty() {
            continue;
        }
        let Ok(found) = file.residency(looked_at) else { return (None, Vec::new()) };
        let Some(here) = found.resident else { return (None, Vec::new()) };
        pages += found.pages;
        resident += here;
        if here == found.pages {
            hot_blocks.push(start..start + BLOCK);
        }
    }
    (Some(resident as f64 / pages.max(1) as f64), hot_blocks)
}

/// Whether the block lies in the file, and all of it in the page cache.
fn holds_whole(file: &File, block: &Range<u64>) -> bool {
    block.end <= file.len()
        && file.residency(block.clone()).is_ok_and(|found| found.resident == Some(found.pages))
}

/// Minor faults that it takes to touch each page of a resident block through a fresh mapping.
fn faults(file: &File, block: &Range<u64>) -> Option<u64> {
    let region = Region::new(file.handle(), block.clone(), Access::Read).ok()?;
    let (base, len) = region.pages();
    let before = usage::thread_faults()?;
    for offset in (0..len).step_by(syscalls::page_size()) {
        // SAFETY: the block is mapped, and guarded; the load is atomic, and allowed in read-only memory.
        unsafe { (*base.as_ptr().add(offset).cast::<AtomicU8>()).load(Ordering::Relaxed) };
    }
    Some(usage::thread_faults()?.since(before).minor)
}
