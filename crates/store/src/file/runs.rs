use std::ops::Range;

use super::File;
use crate::{Mode, Result, StoreError, mapping::copy};

impl File {
    /// Writes many short runs at once: `data` lies at `offset` of the file, and of it only `runs` (in bytes from
    /// its start) are written. In [`Mode::CopyOnWrite`], to this process's view only.
    ///
    /// Goes through a mapping, so a run costs no system call; runs of a kilobyte and more are as fast with
    /// [`write_at`](Self::write_at).
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at); runs before the one that failed may have been written, and some behind it.
    ///
    /// # Panics
    ///
    /// If a run lies outside of `data`.
    pub fn write_runs(
        &self,
        offset: u64,
        data: &[u8],
        runs: impl Iterator<Item = Range<usize>>,
    ) -> Result<()> {
        if self.mode == Mode::Read {
            return Err(StoreError::ReadOnly { path: self.path().to_path_buf(), mode: self.mode });
        }
        self.expect_healthy()?;
        self.expect_own(offset, data.len() as u64)?;
        let mapping = self.map(offset..offset.saturating_add(data.len() as u64))?;
        let Some(start) = mapping.as_mut_ptr() else { return Ok(()) };
        for run in runs {
            let at = run.start;
            if self.mode == Mode::CopyOnWrite && !run.is_empty() {
                self.count_copied(&(offset + at as u64..offset + run.end as u64))?;
            }
            let bytes = &data[run];
            // SAFETY: `bytes` lies within `data`, whose length is the mapping's; the mapping is writable and
            // lives until the end of this function.
            unsafe { copy::write(start.add(at), bytes) };
        }
        mapping.check()?;
        self.written.store(true, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}
