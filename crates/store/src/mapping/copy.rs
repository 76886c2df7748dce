//! Copies between mapped memory, which others may change at any time, and memory of our own.
//!
//! Everything goes through relaxed atomic loads and stores, words where the address allows it, or through an
//! instruction that the compiler does not look into. A word that another thread or process changes meanwhile
//! comes out as the old or the new one.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

const WORD: usize = size_of::<usize>();

/// Copies `to.len()` bytes from `from`: all of `to` is written to. What lies behind them will be read too.
///
/// # Safety
///
/// The bytes at `from` are mapped, and stay mapped until the call returns.
#[inline(always)]
pub(crate) unsafe fn read(from: *const u8, to: &mut [MaybeUninit<u8>]) {
    /// So far ahead that it is there in time where the caller works little on each.
    const AHEAD: usize = 8192;
    // SAFETY: passed on from the caller.
    unsafe { read_with::<AHEAD>(from, to) }
}

/// As [`read`], of bytes behind which nobody reads on.
///
/// # Safety
///
/// As [`read`].
#[inline(always)]
pub(crate) unsafe fn read_alone(from: *const u8, to: &mut [MaybeUninit<u8>]) {
    // SAFETY: passed on from the caller.
    unsafe { read_with::<0>(from, to) }
}

/// Asks the processor for what lies so many bytes ahead.
///
/// # Safety
///
/// As [`read`].
#[inline(always)]
unsafe fn read_with<const AHEAD: usize>(from: *const u8, to: &mut [MaybeUninit<u8>]) {
    let (vectors, rest) = (to.len() / GROUP * GROUP, to.len() % GROUP);
    // SAFETY: all parts lie within the range that the caller vouches for.
    unsafe {
        if vectors == 0 {
            return read_rest(from, to);
        }
        read_groups::<AHEAD>(from, &mut to[..vectors]);
        if rest > 0 {
            // Some bytes twice, which is faster than the last ones alone.
            let last = to.len() - GROUP;
            read_groups::<AHEAD>(from.add(last), &mut to[last..]);
        }
    }
}

/// Bytes that are copied in one turn of the loop over vectors.
const GROUP: usize = 256;

/// Reads whole groups, with the widest vectors that the processor has.
///
/// # Safety
///
/// As [`read`]; the length of `to` is a multiple of [`GROUP`], and not zero.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn read_groups<const AHEAD: usize>(from: *const u8, to: &mut [MaybeUninit<u8>]) {
    /// The loop with one kind of move, and registers of `$width` bytes.
    macro_rules! turns {
        ($move:literal, $register:literal, $width:literal) => {
            // SAFETY: the bytes at `from` are mapped, says the caller, and those of `to` are ours. The compiler
            // knows nothing of the loads, so a change by others is none of its assumptions. The processor moves
            // aligned words (or more) at a time. Upper halves of the registers are changed with the lower ones.
            unsafe {
                std::arch::asm!(
                    "2:",
                    // What tiles behind this one will need: a hint, which can name any address.
                    "prefetcht1 [{from} + {at} + {ahead}]",
                    concat!("prefetcht1 [{from} + {at} + {ahead} + ", $width, "]"),
                    concat!("prefetcht1 [{from} + {at} + {ahead} + 2 * ", $width, "]"),
                    concat!("prefetcht1 [{from} + {at} + {ahead} + 3 * ", $width, "]"),
                    concat!($move, " ", $register, "12, [{from} + {at}]"),
                    concat!($move, " ", $register, "13, [{from} + {at} + ", $width, "]"),
                    concat!($move, " ", $register, "14, [{from} + {at} + 2 * ", $width, "]"),
                    concat!($move, " ", $register, "15, [{from} + {at} + 3 * ", $width, "]"),
                    concat!($move, " [{to} + {at}], ", $register, "12"),
                    concat!($move, " [{to} + {at} + ", $width, "], ", $register, "13"),
                    concat!($move, " [{to} + {at} + 2 * ", $width, "], ", $register, "14"),
                    concat!($move, " [{to} + {at} + 3 * ", $width, "], ", $register, "15"),
                    concat!("add {at}, 4 * ", $width),
                    "cmp {at}, {len}",
                    "jb 2b",
                    from = in(reg) from,
                    to = in(reg) to.as_mut_ptr(),
                    at = inout(reg) 0_usize => _,
                    len = in(reg) to.len(),
                    ahead = const AHEAD,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                    options(nostack)
                );
            }
        };
    }
    if is_x86_feature_detected!("avx512f") {
        turns!("vmovdqu64", "zmm", "64");
    } else if is_x86_feature_detected!("avx") {
        turns!("vmovdqu", "ymm", "32");
    } else {
        turns!("movdqu", "xmm", "16");
    }
}

/// # Safety
///
/// As [`read`].
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
unsafe fn read_groups<const AHEAD: usize>(from: *const u8, to: &mut [MaybeUninit<u8>]) {
    // SAFETY: passed on from the caller.
    unsafe { read_rest(from, to) }
}

/// # Safety
///
/// As [`read`].
unsafe fn read_rest(from: *const u8, to: &mut [MaybeUninit<u8>]) {
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
unsafe fn read_bytes(from: *const u8, to: &mut [MaybeUninit<u8>]) {
    for (index, byte) in to.iter_mut().enumerate() {
        // SAFETY: mapped, says the caller. Relaxed loads of a byte are allowed in read-only memory too.
        byte.write(unsafe { (*from.add(index).cast::<AtomicU8>()).load(Ordering::Relaxed) });
    }
}

/// # Safety
///
/// As [`read`]; `from` is a multiple of the word size.
unsafe fn read_words(from: *const AtomicUsize, to: &mut [MaybeUninit<u8>]) {
    let (words, _) = to.as_chunks_mut::<WORD>();
    for (index, word) in words.iter_mut().enumerate() {
        // SAFETY: mapped and aligned, says the caller. Relaxed loads of a word are allowed in read-only
        // memory too.
        let value = unsafe { (*from.add(index)).load(Ordering::Relaxed) };
        // SAFETY: the word has these bytes.
        unsafe { word.as_mut_ptr().cast::<[u8; WORD]>().write(value.to_ne_bytes()) };
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
