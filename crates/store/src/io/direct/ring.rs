//! The queue of reads and writes: one `io_uring`, used by one worker.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::process;
use std::sync::atomic::{AtomicI32, Ordering};

use io_uring::{IoUring, opcode, types};

/// Transfers that wait in the queue at the most. A power of two.
pub(super) const ENTRIES: u32 = 128;

/// Flag of `io_uring_enter`: wait for completions.
const GETEVENTS: u32 = 1;

/// What [`works`] found: 0 for nothing yet, 1 for yes, or the negative number of an error.
static WORKS: AtomicI32 = AtomicI32::new(0);

/// Transfers that were asked for and those that are done.
pub(super) struct Ring {
    /// Given up by `drop` alone, and never in a child.
    ring: ManuallyDrop<IoUring>,
    /// Those that were pushed and did not complete yet, those that the system does not know included.
    pending: usize,
    /// After a fork, the queue is the parent's.
    owner: u32,
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the device to memory.
    Read,
    /// From memory to the device.
    Write,
}

/// One read or write.
pub(super) struct Transfer {
    pub(super) direction: Direction,
    pub(super) file: RawFd,
    /// Offset in the file.
    pub(super) offset: u64,
    pub(super) address: *mut u8,
    pub(super) len: u32,
    /// Comes back with the completion.
    pub(super) token: u64,
}

impl Ring {
    /// A queue, if the system lets us have one that works.
    pub(super) fn new() -> io::Result<Self> {
        works()?;
        Ring::build()
    }

    fn build() -> io::Result<Self> {
        // The parent's queue must not be in reach of a child.
        let cooperative = IoUring::builder().dontfork().setup_coop_taskrun().build(ENTRIES);
        let ring = match cooperative {
            // Before Linux 5.19.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                IoUring::builder().dontfork().build(ENTRIES)?
            }
            result => result?,
        };
        Ok(Ring { ring: ManuallyDrop::new(ring), pending: 0, owner: process::id() })
    }

    /// Whether this process made the ring.
    pub(super) fn is_ours(&self) -> bool {
        self.owner == process::id()
    }

    /// Puts a transfer into the queue. The system hears of it with [`submit`](Self::submit).
    ///
    /// # Safety
    ///
    /// The memory stays valid, and nobody else uses it, until the transfer completed or this value was dropped
    /// after [`drain`](Self::drain) said that nothing is on its way.
    pub(super) unsafe fn push(&mut self, transfer: &Transfer) -> io::Result<()> {
        let &Transfer { direction, file, offset, address, len, token } = transfer;
        let entry = match direction {
            Direction::Read => opcode::Read::new(types::Fd(file), address, len).offset(offset).build(),
            Direction::Write => opcode::Write::new(types::Fd(file), address, len).offset(offset).build(),
        };
        let entry = entry.user_data(token);
        // SAFETY: the caller vouches for the memory; the descriptor is open as long as the file is borrowed.
        unsafe { self.ring.submission().push(&entry) }.map_err(io::Error::other)?;
        self.pending += 1;
        Ok(())
    }

    /// How many transfers did not complete yet.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// How many transfers the system does not know yet.
    pub(super) fn queued(&mut self) -> usize {
        self.ring.submission().len()
    }

    /// Hands the queue to the system, and waits until `wanted` reads completed since they were last taken.
    pub(super) fn submit(&self, wanted: usize) -> io::Result<()> {
        match self.ring.submit_and_wait(wanted) {
            // Completions have to be taken first.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// The next transfer that completed: its token, and the bytes moved or the negative number of an error.
    pub(super) fn completed(&mut self) -> Option<(u64, i32)> {
        let entry = self.ring.completion().next()?;
        self.pending -= 1;
        Some((entry.user_data(), entry.result()))
    }

    /// Waits until nothing is on its way. `false` if that cannot be known: the memory has to stay for ever.
    pub(super) fn drain(&mut self) -> bool {
        if !self.is_ours() {
            return false;
        }
        loop {
            while self.completed().is_some() {}
            // What the system does not know will never begin.
            if self.pending == self.queued() {
                return true;
            }
            // SAFETY: no argument is passed, and nothing new is submitted.
            let waited = unsafe { self.ring.submitter().enter::<libc::sigset_t>(0, 1, GETEVENTS, None) };
            match waited {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                Err(_) => return false,
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The queue's memory is not in a child: unmapping it there would take what lies at its addresses by now.
        if self.is_ours() {
            // SAFETY: it is used nowhere else after this.
            unsafe { ManuallyDrop::drop(&mut self.ring) };
        }
    }
}

/// Asks once in a process whether a queue can be had and does something: containers often forbid it, and some
/// only when it is used.
pub(super) fn works() -> io::Result<()> {
    let mut known = WORKS.load(Ordering::Relaxed);
    if known == 0 {
        known = match try_nothing() {
            Ok(()) => 1,
            Err(error) => -error.raw_os_error().unwrap_or(libc::EIO),
        };
        // Too many open files, or too little memory, may pass.
        if ![-libc::EMFILE, -libc::ENFILE, -libc::ENOMEM].contains(&known) {
            WORKS.store(known, Ordering::Relaxed);
        }
    }
    if known > 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-known)) }
}

fn try_nothing() -> io::Result<()> {
    let mut probe = io_uring::Probe::new();
    let mut ring = Ring::build()?;
    ring.ring.submitter().register_probe(&mut probe)?;
    if !probe.is_supported(opcode::Read::CODE) || !probe.is_supported(opcode::Write::CODE) {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    let entry = opcode::Nop::new().build();
    // SAFETY: it reads and writes nothing.
    unsafe { ring.ring.submission().push(&entry) }.map_err(io::Error::other)?;
    ring.pending += 1;
    crate::handle::again(|| ring.submit(1))?;
    match ring.completed() {
        Some((_, 0)) => Ok(()),
        Some((_, code)) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::from_raw_os_error(libc::EIO)),
    }
}
