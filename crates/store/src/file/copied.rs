//! What mode `c` keeps in memory: a page for each that was written to, which nobody can take away from the process but
//! by ending it. So they are counted, and there is a most.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use super::{File, unpoisoned};
use crate::syscalls::page_size;
use crate::{MachineMemory, Result, StoreError};

/// The pages of a private mapping that were written to through this crate's calls.
#[derive(Default)]
pub(super) struct Copied(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// Where each run of neighbouring pages begins and ends, in bytes of the file; they do not touch.
    runs: BTreeMap<u64, u64>,
    bytes: u64,
    /// What was asked for; else what the machine has.
    most: Option<u64>,
}

impl Pages {
    /// Adds the pages of a range, if with them there are not too many; else how many bytes they would be.
    fn add(&mut self, range: &Range<u64>, most: u64) -> Result<(), u64> {
        let page = page_size() as u64;
        let (mut start, mut end) = (range.start - range.start % page, range.end.next_multiple_of(page));
        let met = self.runs.range(..=end).rev().take_while(|(_, last)| **last >= start);
        let met: Vec<(u64, u64)> = met.map(|(first, last)| (*first, *last)).collect();
        let known: u64 =
            met.iter().map(|(first, last)| last.min(&end).saturating_sub(*first.max(&start))).sum();
        let needed = self.bytes + (end - start - known);
        if needed > most && needed > self.bytes {
            return Err(needed);
        }
        for (first, last) in met {
            self.runs.remove(&first);
            (start, end) = (start.min(first), end.max(last));
        }
        self.runs.insert(start, end);
        self.bytes = needed;
        Ok(())
    }
}

impl File {
    /// In [`Mode::CopyOnWrite`](crate::Mode::CopyOnWrite), how many bytes of changed pages are kept in memory at most;
    /// what the machine or the control group has left if nobody says. Writes that need more are refused with
    /// [`StoreError::CopyBudget`]. What is stored through a [`Mapping`](crate::Mapping) cannot be counted.
    pub fn set_copy_budget(&self, bytes: u64) {
        unpoisoned(&self.copied.0).most = Some(bytes);
    }

    /// Counts the pages of a range that is about to be written in mode `c`.
    pub(super) fn count_copied(&self, range: &Range<u64>) -> Result<()> {
        let mut pages = unpoisoned(&self.copied.0);
        let most = pages.most.or_else(|| MachineMemory::known().most()).unwrap_or(u64::MAX);
        let path = || self.path().to_path_buf();
        pages.add(range, most).map_err(|needed| StoreError::CopyBudget { path: path(), needed, budget: most })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_are_counted_once(ranges in prop::collection::vec((0_u64..60, 1_u64..20), 1..40), most in 1_u64..80) {
            let page = page_size() as u64;
            let (mut pages, mut naive) = (Pages::default(), BTreeSet::new());
            for (start, len) in ranges {
                let range = start * page / 2..(start + len) * page / 2;
                let touched: BTreeSet<u64> = (range.start / page..range.end.div_ceil(page)).collect();
                let all: BTreeSet<u64> = naive.union(&touched).copied().collect();
                let fits = all.len() as u64 <= most || all.len() == naive.len();
                prop_assert_eq!(pages.add(&range, most * page).is_ok(), fits);
                if fits {
                    naive = all;
                }
                prop_assert_eq!(pages.bytes, naive.len() as u64 * page);
                let runs: Vec<_> = pages.runs.iter().collect();
                prop_assert!(runs.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
