//! One loop, compiled for several instruction sets, chosen when it runs.
//!
//! A [`Loop`] is ordinary code over lanes that the compiler turns into vector instructions. None of them
//! rounds in another way than the others (the compiler fuses nothing, and we only what is exact), so every set
//! gives the same bits.

use std::sync::OnceLock;

use ndfolio_store::{Bytes, ROW};

use crate::reduce::half;

/// Instruction sets, from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the architecture has.
    Baseline,
    /// AVX2, F16C and FMA.
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
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("fma");
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
    fn run<V: Vectors>(self, vectors: V) -> Self::Output;
}

/// What the code between two calls of a loop may use of the instruction set that it is compiled for.
pub(crate) trait Vectors: Copy {
    /// The [`ROW`] bytes at `at`, in registers.
    fn row(self, bytes: &Bytes<'_>, at: usize) -> [u8; ROW];

    /// Halves in this machine's byte order as singles.
    fn singles(self, halves: &[u8; ROW]) -> [u8; 2 * ROW];

    /// `factor · factor + sum`, where the square is exact: so it makes no difference whether the operations
    /// are fused.
    fn add_exact_square(self, factor: f64, sum: f64) -> f64;
}

/// Without more than every processor has.
#[derive(Clone, Copy)]
pub(crate) struct Baseline;

impl Vectors for Baseline {
    #[inline(always)]
    fn row(self, bytes: &Bytes<'_>, at: usize) -> [u8; ROW] {
        bytes.row(at)
    }

    #[inline(always)]
    fn singles(self, halves: &[u8; ROW]) -> [u8; 2 * ROW] {
        let mut singles = [0; 2 * ROW];
        for (half, single) in halves.as_chunks().0.iter().zip(singles.as_chunks_mut().0) {
            *single = half::single(u16::from_ne_bytes(*half)).to_ne_bytes();
        }
        singles
    }

    #[inline(always)]
    fn add_exact_square(self, factor: f64, sum: f64) -> f64 {
        sum + factor * factor
    }
}

/// With [`Level::Avx2`]; made by [`dispatch`] alone, where the processor has it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Vectors for Avx2 {
    #[inline(always)]
    fn row(self, bytes: &Bytes<'_>, at: usize) -> [u8; ROW] {
        // SAFETY: the processor has the features, as there is an `Avx2`.
        unsafe { bytes.row_avx2(at) }
    }

    #[inline(always)]
    fn singles(self, halves: &[u8; ROW]) -> [u8; 2 * ROW] {
        // SAFETY: as above.
        unsafe { singles_avx2(halves) }
    }

    #[inline(always)]
    fn add_exact_square(self, factor: f64, sum: f64) -> f64 {
        factor.mul_add(factor, sum)
    }
}

/// With [`Level::Avx512`]; made by [`dispatch`] alone, where the processor has it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Avx512(());

#[cfg(target_arch = "x86_64")]
impl Vectors for Avx512 {
    #[inline(always)]
    fn row(self, bytes: &Bytes<'_>, at: usize) -> [u8; ROW] {
        // SAFETY: the processor has the features, as there is an `Avx512`.
        unsafe { bytes.row_avx512(at) }
    }

    #[inline(always)]
    fn singles(self, halves: &[u8; ROW]) -> [u8; 2 * ROW] {
        // SAFETY: as above.
        unsafe { singles_avx512(halves) }
    }

    #[inline(always)]
    fn add_exact_square(self, factor: f64, sum: f64) -> f64 {
        factor.mul_add(factor, sum)
    }
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
    body.run(Baseline)
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c,fma")]
unsafe fn avx512<L: Loop>(body: L) -> L::Output {
    body.run(Avx512(()))
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,f16c,fma")]
unsafe fn avx2<L: Loop>(body: L) -> L::Output {
    body.run(Avx2(()))
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn singles_avx512(halves: &[u8; ROW]) -> [u8; 2 * ROW] {
    use std::arch::x86_64::{__m256i, __m512, _mm512_cvtph_ps};
    // SAFETY: all these are as many bytes, of any value.
    unsafe {
        let halves = std::mem::transmute::<[u8; ROW], [__m256i; 8]>(*halves);
        let mut singles = [std::mem::zeroed::<__m512>(); 8];
        for (half, single) in halves.into_iter().zip(&mut singles) {
            *single = _mm512_cvtph_ps(half);
        }
        std::mem::transmute::<[__m512; 8], [u8; 2 * ROW]>(singles)
    }
}

/// # Safety
/// The processor has the features.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,f16c")]
#[inline]
unsafe fn singles_avx2(halves: &[u8; ROW]) -> [u8; 2 * ROW] {
    use std::arch::x86_64::{__m128i, __m256, _mm256_cvtph_ps};
    // SAFETY: all these are as many bytes, of any value.
    unsafe {
        let halves = std::mem::transmute::<[u8; ROW], [__m128i; 16]>(*halves);
        let mut singles = [std::mem::zeroed::<__m256>(); 16];
        for (half, single) in halves.into_iter().zip(&mut singles) {
            *single = _mm256_cvtph_ps(half);
        }
        std::mem::transmute::<[__m256; 16], [u8; 2 * ROW]>(singles)
    }
}
