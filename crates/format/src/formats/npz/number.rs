//! Little-endian numbers in records whose length has been checked.

pub(super) fn u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16(bytes, at)) | u32::from(u16(bytes, at + 2)) << 16
}

pub(super) fn u64(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32(bytes, at)) | u64::from(u32(bytes, at + 4)) << 32
}
