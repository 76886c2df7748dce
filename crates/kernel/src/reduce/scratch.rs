/// Memory that blocks are decoded in; one for each thread, used again for every block.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Items that are needed as a whole.
    pub(super) own: Vec<u8>,
    /// Complex numbers of which both parts are NaN or none.
    pub(super) kept: Vec<u8>,
}

/// `len` bytes of a buffer that grows when it must.
pub(super) fn room(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    &mut buffer[..len]
}
