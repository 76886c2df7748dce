//! The mapping of a pass: windows of the file that its workers share.
//!
//! A window is unmapped when the workers have gone on, so that the pages that count as the process's stay
//! bounded, and so that no worker unmaps much at a time.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::file::unpoisoned;
use crate::mapping::Region;
use crate::syscalls::Access;
use crate::{File, Result};

/// Length of a window in bytes. Mapping and unmapping one takes some ten microseconds where folios are large.
pub(super) const WINDOW: u64 = 256 << 20;

/// Bytes that a window goes on into the next one, so that pieces of up to this length lie in one window.
pub(super) const OVERLAP: u64 = 16 << 20;

/// How many windows of a file stay mapped beside those that a worker holds: enough for workers around a boundary.
const KEPT: usize = 2;

/// The windows of a pass that were used last.
#[derive(Default)]
pub(super) struct Windows {
    kept: Mutex<Vec<Window>>,
}

/// Whole pages of a file, mapped for reading.
#[derive(Clone)]
pub(super) struct Window {
    index: u64,
    region: Arc<Region>,
}

impl Window {
    /// Which window holds the byte at `offset`.
    pub(super) fn index_of(offset: u64) -> u64 {
        offset / WINDOW
    }

    pub(super) fn is(&self, index: u64, file: &File) -> bool {
        self.index == index && self.region.is_of(file.handle())
    }

    /// Offset in the file of the first byte behind the window.
    pub(super) fn end(&self) -> u64 {
        (self.index + 1).saturating_mul(WINDOW).saturating_add(OVERLAP)
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    fn new(file: &File, index: u64) -> Result<Self> {
        let start = index * WINDOW;
        let range: Range<u64> = start..file.len().min(start.saturating_add(WINDOW + OVERLAP));
        Ok(Window { index, region: Arc::new(Region::new(file.handle(), range, Access::Read)?) })
    }
}

impl Windows {
    /// The window `index` of the file, which is not behind its end.
    pub(super) fn get(&self, file: &File, index: u64) -> Result<Window> {
        // Unmapped after the lock is free again.
        let _left_behind;
        let mut kept = unpoisoned(&self.kept);
        if let Some(position) = kept.iter().position(|window| window.is(index, file)) {
            let window = kept.remove(position);
            kept.push(window.clone());
            return Ok(window);
        }
        let window = Window::new(file, index)?;
        kept.push(window.clone());
        let mut of_file = kept.iter().enumerate().filter(|(_, window)| window.region.is_of(file.handle()));
        let oldest = of_file.next().map(|(position, _)| position);
        let is_too_many = of_file.count() >= KEPT;
        _left_behind = oldest.filter(|_| is_too_many).map(|position| kept.remove(position));
        Ok(window)
    }
}
