//! One worker's transfers: their queue, and the memory that they go to or come from.

use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use super::ring::{Direction, Ring, Transfer};
use super::slots::Slots;
use crate::handle::{MAX_RETRIES, again};
use crate::syscalls::Calls;

/// A queue and its slots, which stay as long as transfers are on their way.
pub(super) struct Lane {
    direction: Direction,
    ring: Ring,
    /// Kept for ever if transfers may still be on their way.
    pub(super) slots: ManuallyDrop<Slots>,
    counters: LaneCounters,
}

/// What was asked of the system.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneCounters {
    /// Transfers.
    pub(super) asked: u64,
    /// Transfers that had to be asked for again.
    pub(super) retries: u64,
    /// Time in calls that hand over the queue and wait.
    pub(super) wait: Duration,
}

impl Lane {
    /// An empty queue, if the system lets us have one that works.
    pub(super) fn new(direction: Direction) -> io::Result<Self> {
        let (ring, slots) = (Ring::new()?, ManuallyDrop::new(Slots::default()));
        Ok(Lane { direction, ring, slots, counters: LaneCounters::default() })
    }

    /// Whether this process made it; a forked child must not use it.
    pub(super) fn is_ours(&self) -> bool {
        self.ring.is_ours()
    }

    /// How many transfers did not complete yet.
    pub(super) fn pending(&self) -> usize {
        self.ring.pending()
    }

    /// How many transfers the system does not know yet.
    pub(super) fn queued(&mut self) -> usize {
        self.ring.queued()
    }

    /// As if it were new, for another pass. Nothing is on its way.
    pub(super) fn reset(&mut self) {
        assert!(self.pending() == 0, "memory in use stays");
        self.slots.release_all();
        self.counters = LaneCounters::default();
    }

    pub(super) fn counters(&self) -> LaneCounters {
        self.counters
    }

    /// Puts the transfer of what the slot misses into the queue. Nobody touches the slot until it
    /// [completed](Self::completed): `bytes_of` is not to be called.
    pub(super) fn push(&mut self, slot: usize, file: &fs::File) -> io::Result<()> {
        let (offset, address, len) = self.slots.missing(slot);
        let (direction, file) = (self.direction, file.as_raw_fd());
        let transfer = Transfer { direction, file, offset, address, len, token: slot as u64 };
        self.counters.asked += 1;
        self.counters.retries += u64::from(self.slots.get_mut(slot).count_asked() > 1);
        // SAFETY: the slot is touched by nobody until its transfer completed, and `drop` waits for all
        // transfers before it lets the slots go, or keeps them for ever.
        unsafe { self.ring.push(&transfer) }
    }

    /// Hands the queue to the system, and waits until `wanted` transfers are done.
    pub(super) fn submit(&mut self, calls: &dyn Calls, wanted: usize) -> io::Result<()> {
        let start = Instant::now();
        let result = again(|| {
            calls.may_submit()?;
            self.ring.submit(wanted)
        });
        self.counters.wait += start.elapsed();
        result
    }

    /// The next transfer that is done: its slot, and the bytes that were moved.
    pub(super) fn completed(&mut self, calls: &dyn Calls) -> Option<(usize, io::Result<usize>)> {
        let (token, result) = self.ring.completed()?;
        let result = calls.completed(result);
        let result = usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result));
        Some((token as usize, result))
    }

    /// Whether the transfer that failed is to be asked for again; waits a moment where the system wants that.
    pub(super) fn may_ask_again(&mut self, slot: usize, error: &io::Error) -> bool {
        match error.raw_os_error() {
            Some(libc::EINTR) => true,
            Some(libc::EAGAIN) if self.slots.get_mut(slot).count_retry() <= MAX_RETRIES => {
                thread::sleep(Duration::from_millis(1));
                true
            }
            _ => false,
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.ring.drain() {
            // SAFETY: they are dropped here only, and no transfer of theirs is on its way.
            unsafe { ManuallyDrop::drop(&mut self.slots) };
        }
    }
}
