//! A folder in which system calls fail on purpose, for tests of what opens its files by itself.

use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, PoisonError};

use super::{Fault, Faulty};
use crate::syscalls::{Calls, SYSTEM};

/// The folders that there are. Tests run side by side in one process, each in folders of its own.
static FOLDERS: Mutex<Vec<(PathBuf, &'static Faulty)>> = Mutex::new(Vec::new());

/// The calls for a file that is opened or made at `path`.
pub(crate) fn calls_for(path: &Path) -> &'static dyn Calls {
    let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = folders.iter().find(|(folder, _)| path.starts_with(folder));
    found.map_or(&SYSTEM, |(_, calls)| *calls)
}

/// As long as it lives, files that are opened or made in a folder have calls that fail when they are told to.
pub struct FaultyFolder {
    calls: &'static Faulty,
}

impl FaultyFolder {
    /// Nothing fails at first.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let calls = Faulty::after(usize::MAX, Fault::Short);
        let folder = absolute(folder).unwrap_or_else(|_| folder.to_owned());
        FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push((folder, calls));
        FaultyFolder { calls }
    }

    /// From now on, `after` calls go well, and the next one does not.
    pub fn fail(&self, after: usize, fault: Fault) {
        let mut state = self.calls.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.after, state.fault, state.failed) = (after, fault, None);
        state.made.clear();
    }

    /// The name of the call that failed first, if it came that far.
    #[must_use]
    pub fn failed(&self) -> Option<&'static str> {
        self.calls.failed()
    }

    /// Nothing fails any more; the name of the call that failed first, if one did.
    pub fn heal(&self) -> Option<&'static str> {
        let failed = self.calls.failed();
        self.fail(usize::MAX, Fault::Short);
        failed
    }

    /// The calls that were made since they were told what to do.
    #[must_use]
    pub fn made(&self) -> Vec<&'static str> {
        self.calls.made()
    }
}

impl Drop for FaultyFolder {
    fn drop(&mut self) {
        self.heal();
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(_, calls)| !std::ptr::eq(*calls, self.calls));
    }
}
