//! A mapping that stays with its file, for those who come back to it: what they touched once costs no page fault again.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use super::unpoisoned;
use crate::mapping::Region;
use crate::syscalls::Access;
use crate::{File, Mode};

/// Bytes that all files of this process keep mapped.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// The mapping that a file keeps.
#[derive(Default)]
pub(super) struct Keeper(Mutex<Option<Arc<Kept>>>);

/// A mapping that is counted as long as somebody has it.
pub(crate) struct Kept {
    region: Region,
    range: Range<u64>,
    _share: Share,
}

/// A part of [`KEPT`].
struct Share(u64);

impl Share {
    /// So many bytes, if all together are no more than `most` then.
    fn take(bytes: u64, most: u64) -> Option<Self> {
        let fits = |kept: u64| kept.checked_add(bytes).filter(|&sum| sum <= most);
        KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok().map(|_| Share(bytes))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl Kept {
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    fn holds(&self, range: &Range<u64>) -> bool {
        self.range.start <= range.start && range.end <= self.range.end
    }

    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl File {
    /// The mapping of `range` (offsets in the file, which has them) that stays with the file; it is made if there is none,
    /// and made anew if pages of it were lost. `None` if all files together would keep more than `most` bytes mapped,
    /// or it cannot be mapped; this one keeps nothing then.
    pub(crate) fn kept(&self, range: &Range<u64>, most: u64) -> Option<Arc<Kept>> {
        // Dropped after the lock is free again.
        let _old;
        let mut place = self.keep_place()?;
        if let Some(kept) = place.as_ref()
            && kept.holds(range)
            && kept.region.fault().is_none()
            && KEPT.load(Ordering::Relaxed) <= most
        {
            return Some(Arc::clone(kept));
        }
        _old = place.take();
        if !self.may_keep(range) {
            return None;
        }
        let share = Share::take(range.end - range.start, most)?;
        let region = Region::new(self.handle(), range.clone(), Access::Read).ok()?;
        let kept = Arc::new(Kept { region, range: range.clone(), _share: share });
        *place = Some(Arc::clone(&kept));
        Some(kept)
    }

    /// Whether [`kept`](Self::kept) would find room.
    pub(crate) fn has_room_to_keep(&self, range: &Range<u64>, most: u64) -> bool {
        let Some(place) = self.keep_place() else { return false };
        let own = place.as_ref().map_or(0, |kept| kept.len());
        let others = KEPT.load(Ordering::Relaxed).saturating_sub(own);
        self.may_keep(range) && others.saturating_add(range.end - range.start) <= most
    }

    fn may_keep(&self, range: &Range<u64>) -> bool {
        self.mode() != Mode::CopyOnWrite && range.start < range.end && range.end <= self.len()
    }

    /// Lets the mapping go that stays with the file, if all files of the process keep more than `most` bytes mapped:
    /// asked for by passes that make no use of it.
    pub fn keep_at_most(&self, most: u64) {
        if KEPT.load(Ordering::Relaxed) > most {
            self.let_go();
        }
    }

    /// Lets the mapping go that stays with the file, once nobody uses it any more.
    pub(crate) fn let_go(&self) {
        let _old = self.keep_place().and_then(|mut place| place.take());
    }

    /// Where the mapping is. A thread of the parent may have been there when this process was forked, and never leaves.
    fn keep_place(&self) -> Option<MutexGuard<'_, Option<Arc<Kept>>>> {
        if self.handle().is_own_process() {
            return Some(unpoisoned(&self.keeper.0));
        }
        match self.keeper.0.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(place)) => Some(place.into_inner()),
            Ok(place) => Some(place),
        }
    }
}
