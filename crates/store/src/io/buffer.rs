//! Private memory for one piece at a time.

/// Addresses of pieces are congruent to their offsets in the file modulo this: a cache line, so that copies run
/// along lines and items keep their alignment.
pub(super) const ALIGN: usize = 64;

/// Memory that is used again for every piece, and grows with the longest.
#[derive(Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
}

impl Buffer {
    pub(super) fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Room for the `len` bytes at `offset` of the file. It holds anything.
    pub(super) fn room(&mut self, offset: u64, len: usize) -> &mut [u8] {
        let needed = len + ALIGN;
        if self.memory.len() < needed {
            // Not `resize`: it would hold both, and copy.
            self.memory = Vec::new();
            self.memory = vec![0; needed];
        }
        let wanted = (offset % ALIGN as u64) as usize;
        let start = wanted.wrapping_sub(self.memory.as_ptr().addr()) % ALIGN;
        &mut self.memory[start..start + len]
    }
}
