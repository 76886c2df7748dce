//! One loop, compiled for several instruction sets, chosen when it runs.
//!
//! A [`Loop`] is ordinary code over lanes that the compiler turns into vector instructions. None of them
//! rounds in another way than the others (nothing is contracted to fused operations), so every set gives the
//! same bits.

use std::sync::OnceLock;

/// Instruction sets, from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the architecture has.
    Baseline,
    /// AVX2 and F16C.
    Avx2,
    /// AVX-512 with its byte, word, doubleword and vector-length parts.
    Avx512,
}

impl Level {
    /// The best that this processor has.
    #[must_use]
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(detect)
    }

    /// All that this processor has, from the least.
    #[must_use]
    pub fn available() -> Vec<Level> {
        [Level::Baseline, Level::Avx2, Level::Avx512]
            .into_iter()
            .filter(|level| *level <= Level::best())
            .collect()
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Baseline
}

/// Code that gains from vector instructions. `run` must be `#[inline(always)]`, and so must what it calls.
pub(crate) trait Loop {
    type Output;
    fn run(self) -> Self::Output;
}

/// Runs a loop with the best instruction set up to `level`.
pub(crate) fn dispatch<L: Loop>(level: Level, body: L) -> L::Output {
    match level.min(Level::best()) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Level::best` found that this processor has these features.
        Level::Avx512 => unsafe { avx512(body) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { avx2(body) },
        _ => baseline(body),
    }
}

/// A function of its own, so that what is done with the result does not mix with the loop: the compiler
/// finds the vectors of a loop over lanes only as long as nothing else touches them.
#[inline(never)]
fn baseline<L: Loop>(body: L) -> L::Output {
    body.run()
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c")]
unsafe fn avx512<L: Loop>(body: L) -> L::Output {
    body.run()
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,f16c")]
unsafe fn avx2<L: Loop>(body: L) -> L::Output {
    body.run()
}

/// Decodes halves of this machine's byte order with the processor's own instruction, as many as it takes at a
/// time; how many were decoded.
#[cfg(target_arch = "x86_64")]
pub(crate) fn halves_to_singles(level: Level, halves: &[u8], singles: &mut [u8]) -> usize {
    if level.min(Level::best()) == Level::Baseline {
        return 0;
    }
    // SAFETY: `Level::best` found that this processor has these features.
    unsafe { f16c(halves, singles) }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn halves_to_singles(_: Level, _: &[u8], _: &mut [u8]) -> usize {
    0
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,f16c")]
unsafe fn f16c(halves: &[u8], singles: &mut [u8]) -> usize {
    use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_storeu_ps};
    let mut count = 0;
    for (from, to) in halves.as_chunks::<16>().0.iter().zip(singles.as_chunks_mut::<32>().0) {
        // SAFETY: 16 bytes are read and 32 written, at any address.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr().cast(), _mm256_cvtph_ps(_mm_loadu_si128(from.as_ptr().cast())));
        };
        count += 8;
    }
    count
}
