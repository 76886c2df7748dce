//! Memory that the device writes to.

use std::io;
use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::syscalls;

/// Size of a large page. Where memory is given back to a host, touching it anew in small pages is slow.
const LARGE_PAGE: usize = 2 << 20;

/// Zeroed memory of its own pages.
pub(super) struct Arena {
    /// What was mapped.
    base: NonNull<u8>,
    mapped: usize,
    /// The first byte in use.
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to this value alone, as that of a `Box` does.
unsafe impl Send for Arena {}

impl Arena {
    /// `len` bytes (more than none) at a multiple of `align`, a power of two.
    pub(super) fn new(len: usize, align: usize) -> io::Result<Self> {
        let align = if len >= LARGE_PAGE { LARGE_PAGE.max(align) } else { align };
        // Room to begin at a multiple. What is never touched costs addresses only.
        let mapped = len.checked_add(align).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: a null hint lets the kernel choose an unused range, so no memory in use changes.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                mapped,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let skipped = base.addr().get().wrapping_neg() % align;
        // SAFETY: `skipped` is less than `align`, so `len` bytes are left behind it.
        let start = unsafe { base.add(skipped) };
        let arena = Arena { base, mapped, start, len };
        if len >= LARGE_PAGE {
            // SAFETY: the range was mapped above. A refusal leaves small pages, which do as well.
            let _ = unsafe { rustix::mm::madvise(start.as_ptr().cast(), len, Advice::LinuxHugepage) };
        }
        Ok(arena)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Address of the byte at `offset`.
    pub(super) fn address(&self, offset: usize) -> *mut u8 {
        assert!(offset < self.len);
        self.start.as_ptr().wrapping_add(offset)
    }

    /// The `len` bytes at `offset`.
    ///
    /// # Safety
    ///
    /// No read into these bytes is on its way, and none begins as long as the slice is used.
    pub(super) unsafe fn bytes(&mut self, offset: usize, len: usize) -> &mut [u8] {
        assert!(offset <= self.len && len <= self.len - offset);
        // SAFETY: the bytes are mapped, were zero at first, and `self` is borrowed for as long; the caller
        // vouches that the device does not write to them.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(offset), len) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the range came from `mmap`; its owner waited for all reads into it.
        unsafe { syscalls::unmap(self.base, self.mapped) };
    }
}
