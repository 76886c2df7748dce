//! Copies between mapped memory, which others may change at any time, and memory of our own.
//!
//! Everything goes through relaxed atomic loads and stores, words where the address allows it, or through an
//! instruction that the compiler does not look into. A word that another thread or process changes meanwhile
//! comes out as the old or the new one.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

const WORD: usize = size_of::<usize>();

/// Copies `to.len()` bytes from `from`.
///
/// # Safety
///
/// The bytes at `from` are mapped, and stay mapped until the call returns.
pub(crate) unsafe fn read(from: *const u8, to: &mut [u8]) {
    let (head, body) = split(from, to.len());
    let (to_head, rest) = to.split_at_mut(head);
    let (to_body, to_tail) = rest.split_at_mut(body);
    // SAFETY: the three parts lie within the range that the caller vouches for, and the second begins at a
    // multiple of the word size.
    unsafe {
        read_bytes(from, to_head);
        read_words(from.add(head).cast(), to_body);
        read_bytes(from.add(head + body), to_tail);
    }
}

/// Copies all of `from` to `to`.
///
/// # Safety
///
/// The bytes at `to` are mapped for writing, and stay mapped until the call returns.
pub(crate) unsafe fn write(to: *mut u8, from: &[u8]) {
    let (head, body) = split(to, from.len());
    let (from_head, rest) = from.split_at(head);
    let (from_body, from_tail) = rest.split_at(body);
    // SAFETY: as in `read`.
    unsafe {
        write_bytes(to, from_head);
        write_words(to.add(head).cast(), from_body);
        write_bytes(to.add(head + body), from_tail);
    }
}

/// Lengths of the bytes before the first whole word, and of the whole words.
fn split(pointer: *const u8, len: usize) -> (usize, usize) {
    let head = pointer.addr().wrapping_neg() % WORD;
    let head = head.min(len);
    let body = (len - head) / WORD * WORD;
    (head, body)
}

/// # Safety
///
/// As [`read`].
unsafe fn read_bytes(from: *const u8, to: &mut [u8]) {
    for (index, byte) in to.iter_mut().enumerate() {
        // SAFETY: mapped, says the caller. Relaxed loads of a byte are allowed in read-only memory too.
        *byte = unsafe { (*from.add(index).cast::<AtomicU8>()).load(Ordering::Relaxed) };
    }
}

/// At the speed of `memcpy`, which a compiler does not make of atomic loads.
///
/// # Safety
///
/// As [`read`]; `from` is a multiple of the word size, and so is the length of `to`.
#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe fn read_words(from: *const AtomicUsize, to: &mut [u8]) {
    // The instruction takes some time to start.
    if to.len() < 256 {
        // SAFETY: passed on from the caller.
        return unsafe { read_words_one_by_one(from, to) };
    }
    // SAFETY: the bytes at `from` are mapped, says the caller, and those of `to` are ours. The compiler knows
    // nothing of the loads, so a change by others is none of its assumptions. The processor moves aligned words
    // (or more) at a time. A signal in the middle finds all state in registers.
    unsafe {
        std::arch::asm!(
            "rep movsq",
            inout("rcx") to.len() / WORD => _,
            inout("rsi") from => _,
            inout("rdi") to.as_mut_ptr() => _,
            options(nostack, preserves_flags)
        );
    }
}

/// # Safety
///
/// As [`read`]; `from` is a multiple of the word size.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
unsafe fn read_words(from: *const AtomicUsize, to: &mut [u8]) {
    // SAFETY: passed on from the caller.
    unsafe { read_words_one_by_one(from, to) }
}

/// # Safety
///
/// As [`read`]; `from` is a multiple of the word size.
unsafe fn read_words_one_by_one(from: *const AtomicUsize, to: &mut [u8]) {
    let (words, _) = to.as_chunks_mut::<WORD>();
    for (index, word) in words.iter_mut().enumerate() {
        // SAFETY: mapped and aligned, says the caller. Relaxed loads of a word are allowed in read-only
        // memory too.
        let value = unsafe { (*from.add(index)).load(Ordering::Relaxed) };
        *word = value.to_ne_bytes();
    }
}

/// # Safety
///
/// As [`write`].
unsafe fn write_bytes(to: *mut u8, from: &[u8]) {
    for (index, byte) in from.iter().enumerate() {
        // SAFETY: mapped for writing, says the caller.
        unsafe { (*to.add(index).cast::<AtomicU8>()).store(*byte, Ordering::Relaxed) };
    }
}

/// # Safety
///
/// As [`write`]; `to` is a multiple of the word size.
unsafe fn write_words(to: *mut AtomicUsize, from: &[u8]) {
    let (words, _) = from.as_chunks::<WORD>();
    for (index, word) in words.iter().enumerate() {
        // SAFETY: mapped for writing and aligned, says the caller.
        unsafe { (*to.add(index)).store(usize::from_ne_bytes(*word), Ordering::Relaxed) };
    }
}
