//! The file of checksums beside an array's file: `NAME.ndsum`.
//!
//! The array's file is complete without it; who loses it loses no more than the means to find damage. All numbers are
//! little-endian, all sums XXH3-128 with seed 0 in canonical (big-endian) form:
//!
//! ```text
//!  0   6  magic: 93 'N' 'D' 'S' 'U' 'M'
//!  6   1  version: 1
//!  7   1  algorithm: 1, XXH3-128
//!  8   4  bytes of a block: a power of two from 4 KiB to 4 MiB
//! 12   4  0
//! 16   8  generation: how often the sums were taken or renewed
//! 24   8  start: bytes of the array's header, which has a sum of its own; 1 MiB at most
//! 32   8  len: the file's bytes that are covered; what lies behind is not
//! 40   8  when the file had been changed last, in seconds since 1970; a hint
//! 48   4  and nanoseconds
//! 52  12  0
//! 64  16  sum of the file's bytes 0 to start
//! 80  16  sum of each block of the bytes start to len; blocks begin at multiples of their length, so the first
//!         may be shorter, and so may the last
//! …   16  sum of all bytes of this file before it
//! ```
//!
//! What identifies the state of the array's file that the sums are of: `len`, the sum of its header, and the sums.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_128;

use crate::FormatError;

const MAGIC: &[u8; 6] = b"\x93NDSUM";
const VERSION: u8 = 1;
const XXH3_128: u8 = 1;
/// Bytes before the sums of the blocks.
const HEAD: usize = 80;
/// Bytes of a sum.
const SUM: usize = 16;
const SMALLEST: u32 = 4 << 10;
const LARGEST: u32 = 4 << 20;
/// Bytes of a block of an ordinary file: what a device reads at once.
const USUAL: u32 = 1 << 20;
/// From so many blocks on, blocks are longer.
const MANY: u64 = 1 << 18;
/// Bytes of a header that has a sum of its own, at most; a longer one is part of the blocks.
const LONGEST_HEAD: u64 = 1 << 20;
/// Blocks at most: 64 TiB of the longest.
const MOST: u64 = 1 << 24;

/// The checksums of a file, block by block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSums {
    /// How often they were taken or renewed.
    pub generation: u64,
    /// When the file had been changed last: seconds since 1970, and nanoseconds. A hint.
    pub modified: (i64, u32),
    /// The sum of the header.
    pub head: [u8; 16],
    /// The sums of the blocks.
    pub sums: Vec<[u8; 16]>,
    start: u64,
    len: u64,
    block: u32,
}

impl BlockSums {
    /// For a file of `len` bytes whose values begin at `start`, with sums that are still to be taken.
    ///
    /// # Errors
    /// [`FormatError::Sums`] for a file that has more blocks than a file of checksums can.
    pub fn new(start: u64, len: u64) -> Result<Self, FormatError> {
        let start = if start > LONGEST_HEAD { 0 } else { start.min(len) };
        let mut block = USUAL;
        while block < LARGEST && len / u64::from(block) >= MANY {
            block *= 2;
        }
        let count = blocks(start, len, block);
        if count > MOST {
            return Err(wrong(format!("{len} bytes are {count} blocks, at most {MOST} can have sums")));
        }
        let sums = vec![[0; SUM]; count as usize];
        Ok(BlockSums { generation: 0, modified: (0, 0), head: [0; SUM], sums, start, len, block })
    }

    /// Bytes of the header, which has a sum of its own.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Bytes of the file that are covered.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.len
    }

    /// Bytes of a block.
    #[must_use]
    pub fn block_bytes(&self) -> u32 {
        self.block
    }

    /// The file's bytes of a block.
    #[must_use]
    pub fn range(&self, index: usize) -> Range<u64> {
        let block = u64::from(self.block);
        let first = (self.start / block).saturating_add(index as u64);
        let at = |number: u64| number.saturating_mul(block).clamp(self.start, self.len);
        at(first)..at(first.saturating_add(1))
    }

    /// The blocks that have bytes of a range of the file.
    #[must_use]
    pub fn blocks_of(&self, range: &Range<u64>) -> Range<usize> {
        let (start, end) = (range.start.max(self.start), range.end.min(self.len));
        if start >= end {
            return 0..0;
        }
        let block = u64::from(self.block);
        let first = self.start / block;
        (start / block - first) as usize..(end.div_ceil(block) - first) as usize
    }

    /// The bytes of the file of checksums.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + (self.sums.len() + 1) * SUM);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, XXH3_128]);
        bytes.extend(self.block.to_le_bytes());
        bytes.extend([0; 4]);
        for number in [self.generation, self.start, self.len, self.modified.0.cast_unsigned()] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.modified.1.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend(self.head);
        self.sums.iter().for_each(|sum| bytes.extend(sum));
        bytes.extend(xxh3_128(&bytes).to_be_bytes());
        bytes
    }

    /// How long the file of checksums is that begins with these bytes, of which the first 80 count.
    ///
    /// # Errors
    /// [`FormatError::Sums`] if no such file begins so.
    pub fn file_len(head: &[u8]) -> Result<u64, FormatError> {
        let sums = BlockSums::from_head(head)?;
        Ok(HEAD as u64 + (blocks(sums.start, sums.len, sums.block) + 1) * SUM as u64)
    }

    /// Reads the bytes of a file of checksums. What it takes is at most as long as they are.
    ///
    /// # Errors
    /// [`FormatError::Sums`] if they are not what [`BlockSums::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let sums = BlockSums::from_head(bytes)?;
        let (expected, found) = (BlockSums::file_len(bytes)?, bytes.len());
        if expected != found as u64 {
            return Err(wrong(format!("expected {expected} bytes, found {found}")));
        }
        let (body, own) = bytes.split_at(found - SUM);
        if xxh3_128(body).to_be_bytes() != own {
            return Err(wrong("its own checksum is another: it was damaged"));
        }
        let rest = body[HEAD..].chunks_exact(SUM);
        Ok(BlockSums { sums: rest.map(|sum| sum_at(sum, 0)).collect(), ..sums })
    }

    /// What the first bytes say, without the sums of blocks.
    fn from_head(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() < HEAD {
            return Err(wrong(format!(
                "{} bytes are fewer than the {HEAD} that it begins with",
                bytes.len()
            )));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(wrong("it does not begin with '\\x93NDSUM'"));
        }
        if (bytes[6], bytes[7]) != (VERSION, XXH3_128) {
            let found = format!("version {}, algorithm {}", bytes[6], bytes[7]);
            return Err(wrong(format!("expected version {VERSION}, algorithm {XXH3_128}, found {found}")));
        }
        let sums = BlockSums {
            generation: number(bytes, 16),
            modified: (number(bytes, 40).cast_signed(), small(bytes, 48)),
            head: sum_at(bytes, 64),
            sums: Vec::new(),
            start: number(bytes, 24),
            len: number(bytes, 32),
            block: small(bytes, 8),
        };
        if !sums.block.is_power_of_two() || !(SMALLEST..=LARGEST).contains(&sums.block) {
            return Err(wrong(format!("blocks of {} bytes", sums.block)));
        }
        let is_zero = |range: Range<usize>| bytes[range].iter().all(|byte| *byte == 0);
        if sums.start > sums.len.min(LONGEST_HEAD)
            || i64::try_from(sums.len).is_err()
            || !is_zero(12..16)
            || !is_zero(52..64)
        {
            return Err(wrong(format!("a header of {} bytes in a file of {}", sums.start, sums.len)));
        }
        match blocks(sums.start, sums.len, sums.block) {
            count if count > MOST => Err(wrong(format!("{count} blocks, at most {MOST} can have sums"))),
            _ => Ok(sums),
        }
    }
}

/// How many blocks the bytes from `start` to `len` are.
fn blocks(start: u64, len: u64, block: u32) -> u64 {
    let block = u64::from(block);
    if start >= len { 0 } else { len.div_ceil(block) - start / block }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

fn small(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn sum_at(bytes: &[u8], at: usize) -> [u8; SUM] {
    let mut sum = [0; SUM];
    sum.copy_from_slice(&bytes[at..at + SUM]);
    sum
}

fn wrong(reason: impl Into<String>) -> FormatError {
    FormatError::Sums { reason: reason.into() }
}
