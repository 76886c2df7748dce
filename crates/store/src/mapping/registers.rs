//! Loads from mapped memory into vector registers, by instructions that the compiler does not look into: a change
//! by others is none of its assumptions. Each is inlined into a loop that is compiled for its instruction set.

use std::arch::{
    asm,
    x86_64::{__m256i, __m512i, _MM_HINT_T1, _mm_prefetch},
};

use crate::bytes::ROW;

/// Asks for what will be needed after `from`: a hint, which can name any address.
#[inline(always)]
pub(crate) fn look_ahead(from: *const u8) {
    const AHEAD: usize = 2048;
    for line in (0..ROW).step_by(64) {
        // SAFETY: no address can do harm.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.wrapping_add(AHEAD + line).cast()) };
    }
}

/// Asks for the `len` bytes at `from`: a hint, which can name any address.
#[inline(always)]
pub(crate) fn fetch(from: *const u8, len: usize) {
    for line in (0..len).step_by(64) {
        // SAFETY: no address can do harm.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.wrapping_add(line).cast()) };
    }
}

/// # Safety
///
/// The [`ROW`] bytes at `from` are mapped.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) unsafe fn row_avx512(from: *const u8) -> [u8; ROW] {
    let (a, b, c, d): (__m512i, __m512i, __m512i, __m512i);
    // SAFETY: reads what is mapped, says the caller, and changes nothing but the registers that it gives; these have
    // as many bytes as a row, of any value.
    unsafe {
        asm!(
            "vmovdqu64 {a}, [{from}]",
            "vmovdqu64 {b}, [{from} + 64]",
            "vmovdqu64 {c}, [{from} + 128]",
            "vmovdqu64 {d}, [{from} + 192]",
            from = in(reg) from,
            a = out(zmm_reg) a,
            b = out(zmm_reg) b,
            c = out(zmm_reg) c,
            d = out(zmm_reg) d,
            options(nostack, readonly, preserves_flags)
        );
        std::mem::transmute::<[__m512i; 4], [u8; ROW]>([a, b, c, d])
    }
}

/// # Safety
///
/// The [`ROW`] bytes at `from` are mapped.
#[target_feature(enable = "avx2")]
#[inline]
pub(crate) unsafe fn row_avx2(from: *const u8) -> [u8; ROW] {
    // SAFETY: passed on from the caller; the halves have as many bytes as a row.
    unsafe {
        let halves = [half_row_avx2(from), half_row_avx2(from.wrapping_add(ROW / 2))];
        std::mem::transmute::<[[__m256i; 4]; 2], [u8; ROW]>(halves)
    }
}

/// # Safety
///
/// The half of [`ROW`] bytes at `from` are mapped.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn half_row_avx2(from: *const u8) -> [__m256i; 4] {
    let (a, b, c, d): (__m256i, __m256i, __m256i, __m256i);
    // SAFETY: reads what is mapped, says the caller, and changes nothing but the registers that it gives.
    unsafe {
        asm!(
            "vmovdqu {a}, [{from}]",
            "vmovdqu {b}, [{from} + 32]",
            "vmovdqu {c}, [{from} + 64]",
            "vmovdqu {d}, [{from} + 96]",
            from = in(reg) from,
            a = out(ymm_reg) a,
            b = out(ymm_reg) b,
            c = out(ymm_reg) c,
            d = out(ymm_reg) d,
            options(nostack, readonly, preserves_flags)
        );
    }
    [a, b, c, d]
}
