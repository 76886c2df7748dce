//! The `SIGBUS` guard: a table of mapped ranges, and a handler that survives the loss of their pages.
//!
//! The handler runs in the middle of anything, so it takes no lock, allocates nothing and touches no mapped
//! memory. What it relies on:
//!
//! 1. A range stays in the table as long as anybody can touch it: it is entered right after `mmap`, and taken
//!    out right before `munmap`.
//! 2. Fields of an entry change only while its `version` is odd. A reader that saw another version before and
//!    after skips the entry: it cannot be the one that faulted, as that one does not change (1).
//! 3. `first_fault` is written before the pages of zeros appear, so who reads the zeros finds the record.

use std::ffi::{c_int, c_void};
use std::mem;
use std::os::fd::BorrowedFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering, fence};

use rustix::mm::{MapFlags, ProtFlags};

use crate::mapping::Pending;

/// How many mappings can be guarded at a time in one process.
pub const MAX_MAPPINGS: usize = 16_384;

/// `first_fault` of a range that lost nothing.
const NO_FAULT: usize = usize::MAX;

static TABLE: [Slot; MAX_MAPPINGS] = [const { Slot::new() }; MAX_MAPPINGS];
/// One more than the highest slot that was ever used.
static USED: AtomicUsize = AtomicUsize::new(0);
/// Where to look for a free slot first. Only a hint.
static HINT: AtomicUsize = AtomicUsize::new(0);

/// The handler that was there before: address (or `SIG_DFL`, `SIG_IGN`) and flags.
static PREVIOUS: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static PREVIOUS_FLAGS: AtomicI32 = AtomicI32::new(0);
static EVER_INSTALLED: AtomicBool = AtomicBool::new(false);

struct Slot {
    claimed: AtomicBool,
    version: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    /// Offset in the file of `start`, in bytes.
    offset: AtomicU64,
    file: AtomicI32,
    writable: AtomicBool,
    /// Address of what brings the file when it is touched first; 0 if it is there.
    pending: AtomicUsize,
    /// Lowest address that faulted, counted from `start`.
    first_fault: AtomicUsize,
}

/// What the handler has to know of a mapped range.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    /// First address, at the beginning of a page.
    pub(crate) start: usize,
    /// Length in bytes.
    pub(crate) len: usize,
    /// Offset in the file, in bytes.
    pub(crate) offset: u64,
    /// Descriptor of the file, open as long as the range is registered; negative if none is kept.
    pub(crate) file: c_int,
    pub(crate) writable: bool,
    /// Address of the `Pending` that brings the file when it is touched first, which lives as long as the range is
    /// registered; 0 if there is none.
    pub(crate) pending: usize,
}

impl Slot {
    const fn new() -> Self {
        Slot {
            claimed: AtomicBool::new(false),
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            offset: AtomicU64::new(0),
            file: AtomicI32::new(-1),
            writable: AtomicBool::new(false),
            pending: AtomicUsize::new(0),
            first_fault: AtomicUsize::new(NO_FAULT),
        }
    }

    fn claim(&self) -> bool {
        self.claimed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Changes the entry; only the one who claimed it may.
    fn set(&self, range: Range) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.start.store(range.start, Ordering::Relaxed);
        self.end.store(range.start + range.len, Ordering::Relaxed);
        self.offset.store(range.offset, Ordering::Relaxed);
        self.file.store(range.file, Ordering::Relaxed);
        self.writable.store(range.writable, Ordering::Relaxed);
        self.pending.store(range.pending, Ordering::Relaxed);
        self.first_fault.store(NO_FAULT, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// The range, if the entry holds still and `address` is in it.
    fn covering(&self, address: usize) -> Option<Range> {
        let before = self.version.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Relaxed);
        let end = self.end.load(Ordering::Relaxed);
        let range = Range {
            start,
            len: end.wrapping_sub(start),
            offset: self.offset.load(Ordering::Relaxed),
            file: self.file.load(Ordering::Relaxed),
            writable: self.writable.load(Ordering::Relaxed),
            pending: self.pending.load(Ordering::Relaxed),
        };
        fence(Ordering::Acquire);
        let still = before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before;
        (still && (start..end).contains(&address)).then_some(range)
    }
}

/// A range in the table; dropping it takes the range out.
pub(crate) struct Registration {
    slot: &'static Slot,
    index: usize,
}

/// Enters a range, and makes sure that the handler is there. `None` if the table is full.
pub(crate) fn register(range: Range) -> Option<Registration> {
    let hint = HINT.load(Ordering::Relaxed);
    let index = (hint..MAX_MAPPINGS).chain(0..hint.min(MAX_MAPPINGS)).find(|&index| TABLE[index].claim())?;
    HINT.store(index + 1, Ordering::Relaxed);
    // Before the entry can be needed: the handler looks at no slot beyond.
    USED.fetch_max(index + 1, Ordering::SeqCst);
    TABLE[index].set(range);
    install();
    Some(Registration { slot: &TABLE[index], index })
}

impl Registration {
    /// Lowest address that lost its page, counted in bytes from the start of the range.
    pub(crate) fn first_fault(&self) -> Option<usize> {
        let fault = self.slot.first_fault.load(Ordering::SeqCst);
        (fault != NO_FAULT).then_some(fault)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.slot.set(Range { start: 0, len: 0, offset: 0, file: -1, writable: false, pending: 0 });
        self.slot.claimed.store(false, Ordering::Release);
        HINT.fetch_min(self.index, Ordering::Relaxed);
    }
}

/// Installs the handler where there is none of ours and nobody else put one after ours.
///
/// Two threads that do it at a time write the same values, so no lock is needed (one that is held while
/// another thread forks would block the child).
fn install() {
    let Some(current) = current_action() else { return };
    let is_real = current.sa_sigaction != libc::SIG_DFL && current.sa_sigaction != libc::SIG_IGN;
    // A handler installed after ours passes foreign faults to ours; putting ours in front of it again would
    // make the two call each other for ever.
    if current.sa_sigaction == own_handler() || (is_real && EVER_INSTALLED.load(Ordering::Acquire)) {
        return;
    }
    PREVIOUS_FLAGS.store(current.sa_flags, Ordering::SeqCst);
    PREVIOUS.store(current.sa_sigaction, Ordering::SeqCst);
    // SAFETY: all zeros is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = own_handler();
    // On the alternate stack, where the thread has one. Not blocked meanwhile, so that a chained handler can
    // raise the signal again.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    // SAFETY: the handler has the signature that SA_SIGINFO asks for, and does only what is allowed in one.
    unsafe { libc::sigaction(libc::SIGBUS, &action, ptr::null_mut()) };
    EVER_INSTALLED.store(true, Ordering::Release);
}

fn own_handler() -> usize {
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_sigbus;
    handler as usize
}

fn current_action() -> Option<libc::sigaction> {
    // SAFETY: all zeros is a valid `sigaction`.
    let mut current: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: no new action is given, and the old one goes into our own variable.
    let status = unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &mut current) };
    (status == 0).then_some(current)
}

extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid `siginfo_t`.
    let code = unsafe { (*info).si_code };
    // SAFETY: as above; for BUS_ADRERR the address is the one that faulted.
    if code == libc::BUS_ADRERR && repair(unsafe { (*info).si_addr() } as usize) {
        return;
    }
    // SAFETY: as above; codes up to 0 are those that carry a sender.
    if code <= 0 && unsafe { (*info).si_pid() } == rustix::process::getpid().as_raw_pid() {
        return;
    }
    pass_on(signal, code, info, context);
}

/// Gives the fault to the handler that was there before.
fn pass_on(signal: c_int, code: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.load(Ordering::SeqCst);
    if previous == libc::SIG_IGN && code <= 0 {
        return;
    }
    if previous == libc::SIG_DFL || previous == libc::SIG_IGN {
        // SAFETY: both calls are allowed in handlers. A fault repeats itself on return and ends the process
        // then; a signal that was sent has to be sent again.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            if code <= 0 {
                libc::raise(signal);
            }
        }
    } else if PREVIOUS_FLAGS.load(Ordering::SeqCst) & libc::SA_SIGINFO != 0 {
        // SAFETY: somebody installed this address as a handler with SA_SIGINFO.
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
            unsafe { mem::transmute(previous) };
        handler(signal, info, context);
    } else {
        // SAFETY: somebody installed this address as a handler without SA_SIGINFO.
        let handler: extern "C" fn(c_int) = unsafe { mem::transmute(previous) };
        handler(signal);
    }
}

/// Puts zeros where the file went away; `false` if the address is none of ours or nothing could be mapped.
fn repair(address: usize) -> bool {
    let used = USED.load(Ordering::SeqCst).min(MAX_MAPPINGS);
    for slot in &TABLE[..used] {
        if let Some(range) = slot.covering(address) {
            if bring(range) {
                return true;
            }
            slot.first_fault.fetch_min(address - range.start, Ordering::SeqCst);
            return replace_pages(range, address);
        }
    }
    false
}

/// Has the file mapped where it was waited for; `false` if it was there before, or cannot be had.
fn bring(range: Range) -> bool {
    if range.pending == 0 {
        return false;
    }
    // SAFETY: it lives as long as the range is registered.
    let pending = unsafe { &*ptr::with_exposed_provenance::<Pending>(range.pending) };
    pending.touched().unwrap_or_else(|error| {
        pending.give_up(error);
        false
    })
}

/// Where the file was cut, all of the rest is replaced at once; where one page is unreadable, only that one.
fn replace_pages(range: Range, address: usize) -> bool {
    let page = rustix::param::page_size();
    let first = address & !(page - 1);
    let end = (range.start + range.len).next_multiple_of(page);
    let is_cut = if range.file < 0 {
        is_gone(end - page, page)
    } else {
        // SAFETY: the descriptor is open as long as the range is registered.
        let file = unsafe { BorrowedFd::borrow_raw(range.file) };
        let position = range.offset + (first - range.start) as u64;
        rustix::fs::fstat(file).map_or(true, |stat| position >= stat.st_size as u64)
    };
    // Each of the two is the other's way out: one large area may not be allowed, many small ones may be too
    // many.
    let sizes = if is_cut { [end - first, page] } else { [page, end - first] };
    sizes.into_iter().any(|len| map_zeros(first, len, range.writable))
}

/// Whether a mapped page cannot be had, asked without touching it. A file that was cut has no last page either.
fn is_gone(start: usize, len: usize) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let start = ptr::with_exposed_provenance_mut::<c_void>(start);
        // SAFETY: the page is within a range of the table, and its contents stay as they are.
        let asked = unsafe { rustix::mm::madvise(start, len, rustix::mm::Advice::LinuxPopulateRead) };
        asked == Err(rustix::io::Errno::FAULT)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (start, len);
        false
    }
}

fn map_zeros(start: usize, len: usize, writable: bool) -> bool {
    let prot = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    let start = ptr::with_exposed_provenance_mut::<c_void>(start);
    // SAFETY: the pages are within a range of the table, which stays mapped while it is there, so nothing but
    // that mapping is replaced; its owner allows that its bytes change at any time.
    unsafe { rustix::mm::mmap_anonymous(start, len, prot, flags) }.is_ok()
}
