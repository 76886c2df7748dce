//! Rows behind the last one: written, made durable, and only then counted.
//!
//! ```text
//! lock ── write behind the end ── fdatasync ── 16 bytes of the count ── fdatasync ── acknowledge
//!              │ fails                │ fails          │ fails              │ fails
//!              └── cut back ──────────┴── cut back     └── the count is in doubt: open it again
//! ```
//!
//! What lies behind the counted bytes is nothing: a killed append leaves it, and the next one overwrites it.

use std::ops::Range;
use std::sync::Arc;

use super::File;
use crate::cache::is_in_memory;
use crate::handle::{Handle, again};
use crate::locks::RangeLock;
use crate::{Reserve, Result, StoreError};

/// What is on stable storage when rows were acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Synced {
    /// Nothing is waited for: rows survive the end of the process, and a power loss may take them or what is in them.
    None,
    /// The rows, before they are counted; the count not yet. A power loss may take the newest rows, never what is in
    /// rows that are counted.
    Data,
    /// The rows and their count: acknowledged rows survive a power loss.
    #[default]
    Commit,
}

/// Fewer bytes are written without asking for space ahead.
const SMALL: u64 = 1 << 20;
/// The most that is asked for ahead.
const AHEAD: u64 = 64 << 20;
/// After how many bytes the device begins to write.
const BEHIND: u64 = 8 << 20;

/// Writes behind the counted bytes of a file, and counts them.
///
/// Nothing that was written is counted before [`commit`](Self::commit); dropping it gives up what is not. After a
/// failure everything fails with [`StoreError::Poisoned`].
pub struct Appender {
    /// The file, and the lock that is given up last.
    lock: RangeLock,
    synced: Synced,
    /// Where the appender began.
    start: u64,
    /// End of the bytes that are counted.
    counted: u64,
    /// End of the bytes that were written.
    end: u64,
    /// How far anything may have been written, in whole or in part.
    reach: u64,
    /// The file is never cut below this: readers may have it mapped.
    least: u64,
    /// Up to where space was taken ahead; none if the file system refused.
    ahead: Option<u64>,
    took_ahead: bool,
    /// Up to where the device was asked to write.
    begun: u64,
    failed: Option<String>,
}

impl Appender {
    /// Begins behind the `counted` bytes of a file whose end is locked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`] if the file is shorter, [`StoreError::Replaced`] if its path is gone or leads to
    /// another file, [`StoreError::Poisoned`], [`StoreError::Io`].
    pub fn new(lock: RangeLock, counted: u64, synced: Synced) -> Result<Self> {
        let file = lock.file();
        file.expect_healthy()?;
        file.expect_same_name()?;
        file.handle.expect_bytes(0, counted)?;
        let least = file.handle.current_len()?;
        let ahead = (!is_in_memory(&file.handle.file)).then_some(counted);
        Ok(Appender {
            synced,
            start: counted,
            counted,
            end: counted,
            reach: counted,
            least,
            ahead,
            took_ahead: false,
            begun: counted,
            failed: None,
            lock,
        })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        self.lock.file()
    }

    /// End of the bytes that were written, counted or not.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Writes bytes behind those that were written before.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSpace`], [`StoreError::TooLarge`], [`StoreError::Io`], [`StoreError::Forked`]. What was
    /// written since the last commit is cut off then.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        self.expect_usable()?;
        self.take_space(data.len() as u64);
        self.reach = self.reach.max(self.end.saturating_add(data.len() as u64));
        let written = self.handle().write_all(self.end, data);
        written.map_err(|error| self.give_up(error))?;
        self.end += data.len() as u64;
        if self.end - self.begun >= BEHIND {
            self.handle().begin_write_back(&(self.begun..self.end));
            self.begun = self.end;
        }
        Ok(())
    }

    /// Lets `len` bytes of zeros follow, for which space is taken or not; asks `stop` where that takes long.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_zeros(&mut self, len: u64, reserve: Reserve, stop: &dyn Fn() -> bool) -> Result<()> {
        self.expect_usable()?;
        let end = self.end.saturating_add(len);
        self.reach = self.reach.max(end);
        let zeroed = self.zero_what_is_left(end).and_then(|()| self.handle().reserve(end, reserve, stop));
        zeroed.map_err(|error| self.give_up(error))?;
        self.end = end;
        self.begun = end;
        Ok(())
    }

    /// What a killed append left is no zeros.
    fn zero_what_is_left(&self, end: u64) -> Result<()> {
        let zeros = vec![0; SMALL as usize];
        let (mut at, left) = (self.end, self.handle().current_len()?.min(end));
        while at < left {
            let len = (left - at).min(SMALL);
            self.handle().write_all(at, &zeros[..len as usize])?;
            at += len;
        }
        Ok(())
    }

    /// Takes back what was written behind `end`, or counts less from the next commit on. What lies behind
    /// stays in the file until something is written over it.
    ///
    /// # Errors
    ///
    /// [`StoreError::OutOfRange`] beyond what was written.
    pub fn lower_to(&mut self, end: u64) -> Result<()> {
        self.expect_usable()?;
        self.handle().expect_within(end, 0, self.end)?;
        self.end = end;
        self.begun = self.begun.min(end);
        Ok(())
    }

    /// Makes what was written durable, writes `count` at `field`, and makes that durable too: as far as was asked for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] or [`StoreError::NoSpace`] if the system could not write: what was not counted is cut off
    /// if the count was not touched yet, and else only opening the file again tells what it says.
    /// [`StoreError::Truncated`] if the file was cut, [`StoreError::Replaced`] if its path is gone or leads to another
    /// file.
    pub fn commit(&mut self, field: u64, count: &[u8; 16]) -> Result<()> {
        self.expect_usable()?;
        let whole = self.handle().expect_bytes(0, self.end).and_then(|()| self.file().expect_same_name());
        whole.map_err(|error| self.give_up(error))?;
        if self.synced != Synced::None && self.end > self.counted {
            self.sync(self.counted..self.end).map_err(|error| {
                self.file().poison(&error);
                self.give_up(error)
            })?;
        }
        let counted = self.handle().write_all(field, count).and_then(|()| match self.synced {
            Synced::Commit => self.sync(field..field + count.len() as u64),
            Synced::Data | Synced::None => Ok(()),
        });
        if let Err(error) = counted {
            // The rows may be counted by now: they stay.
            self.counted = self.end;
            self.file().poison(&error);
            return Err(self.fail(error));
        }
        self.counted = self.end;
        self.least = self.least.max(self.end);
        // What is counted is there: nothing that fails from here on could take it back.
        self.file().reach(self.end);
        Ok(())
    }

    fn sync(&self, range: Range<u64>) -> Result<()> {
        let handle = self.handle();
        again(|| handle.calls.fdatasync(&handle.file))
            .map_err(|source| handle.write_failed("flush", range.start, range.end - range.start, source))
    }

    /// Takes the space for the next bytes in steps that grow, so that the file lies in few pieces. Only a hint: where
    /// it is refused, writing tells.
    fn take_space(&mut self, len: u64) {
        let end = self.end.saturating_add(len);
        let Some(taken) = self.ahead.filter(|&taken| end > taken && end - self.start > SMALL) else { return };
        let from = taken.max(self.end);
        let to = end.saturating_add((end - self.start).min(AHEAD));
        let handle = self.handle();
        let allowed = handle.expect_allowed(to).is_ok();
        let taken = allowed && again(|| handle.calls.fallocate_ahead(&handle.file, from, to - from)).is_ok();
        self.took_ahead |= taken;
        self.ahead = taken.then_some(to);
    }

    /// Nothing is written any more, and what is not counted goes.
    fn give_up(&mut self, error: StoreError) -> StoreError {
        let written = self.end.saturating_sub(self.counted);
        self.cut_back();
        let error = self.handle().look_at_space_again(error, written);
        self.fail(error)
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        self.failed = Some(error.to_string());
        error
    }

    /// Gives up what was written and not counted, and the space that was taken ahead. Where that fails nothing is
    /// wrong: what lies behind the counted bytes is nothing.
    fn cut_back(&mut self) {
        let handle = self.handle();
        let keep = self.least.max(self.counted);
        let Ok(len) = handle.current_len() else { return };
        // What reaches farther than anything of ours is somebody else's, who does without locks.
        if (len > keep && len <= self.reach) || (self.took_ahead && len == keep) {
            let _ = again(|| handle.calls.ftruncate(&handle.file, keep));
        }
        self.end = self.counted;
        self.took_ahead = false;
    }

    fn handle(&self) -> &Handle {
        self.file().handle()
    }

    fn expect_usable(&self) -> Result<()> {
        self.handle().expect_own_process()?;
        match &self.failed {
            Some(reason) => {
                Err(StoreError::Poisoned { path: self.file().path().to_path_buf(), reason: reason.clone() })
            }
            None => self.file().expect_healthy(),
        }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        if self.handle().is_own_process() {
            self.cut_back();
        }
    }
}
