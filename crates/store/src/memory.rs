//! How memory of this process is kept.

/// Asks for large pages for memory that nobody has touched yet: where much is filled, small pages cost more than what
/// they are filled with. A hint, which changes no byte.
pub fn large_pages(memory: &mut [u8]) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        /// Size of a large page.
        const LARGE: usize = 2 << 20;
        let skipped = memory.as_ptr().addr().wrapping_neg() % LARGE;
        let len = memory.len().saturating_sub(skipped) / LARGE * LARGE;
        if len > 0 {
            let start = memory[skipped..].as_mut_ptr();
            // SAFETY: the range is the caller's alone, and the advice leaves its bytes as they are. A refusal leaves
            // small pages, which do as well.
            let _ = unsafe { rustix::mm::madvise(start.cast(), len, rustix::mm::Advice::LinuxHugepage) };
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = memory;
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_byte_changes() {
        for len in [0, 1, 4096, 9 << 20] {
            let mut memory = vec![7; len];
            super::large_pages(&mut memory);
            assert!(memory.iter().all(|&byte| byte == 7));
        }
    }
}
