//! Private memory for one piece at a time.

use std::ops::Range;

/// Addresses of pieces are congruent to their offsets in the file modulo this: a cache line, so that copies run
/// along lines and items keep their alignment.
pub(super) const ALIGN: usize = 64;

/// Memory that is used again for every piece, and grows with the longest. Items in it lie along the processor's cache
/// lines, so that no vector of them is in two.
#[derive(Debug, Default)]
pub struct Buffer {
    memory: Vec<u8>,
    /// What was given last.
    given: Range<usize>,
}

impl Buffer {
    /// Bytes that it takes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The room that was given last.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.given.clone()]
    }

    /// Room for the `len` bytes at `offset` of a file, or of anything. It holds
    /// anything.
    pub fn room(&mut self, offset: u64, len: usize) -> &mut [u8] {
        let needed = len + ALIGN;
        if self.memory.len() < needed {
            // Not `resize`: it would hold both, and copy.
            self.memory = Vec::new();
            self.memory = vec![0; needed];
        }
        let wanted = (offset % ALIGN as u64) as usize;
        let start = wanted.wrapping_sub(self.memory.as_ptr().addr()) % ALIGN;
        self.given = start..start + len;
        &mut self.memory[self.given.clone()]
    }
}
