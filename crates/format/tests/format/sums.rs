//! Files of checksums: written, read again, and hostile.

use ndfolio_format::{BlockSums, FormatError};
use proptest::prelude::*;

fn sums(start: u64, len: u64) -> BlockSums {
    let mut sums = BlockSums::new(start, len).unwrap();
    sums.generation = 7;
    sums.modified = (-5, 999_999_999);
    for (index, sum) in sums.sums.iter_mut().enumerate() {
        *sum = [index as u8; 16];
    }
    sums
}

fn reason(bytes: &[u8]) -> String {
    let Err(FormatError::Sums { reason }) = BlockSums::from_bytes(bytes) else {
        panic!("{bytes:?} was read")
    };
    reason
}

#[test]
fn blocks_begin_at_multiples_and_cover_every_byte() {
    const MIB: u64 = 1 << 20;
    for (start, len) in [
        (0, 0),
        (128, 128),
        (128, 129),
        (0, MIB),
        (0, MIB + 1),
        (128, 3 * MIB + 5),
        (MIB, 2 * MIB),
        (100, 5 * MIB),
    ] {
        let sums = sums(start, len);
        let mut at = start;
        for index in 0..sums.sums.len() {
            let range = sums.range(index);
            assert!(range.start == at && range.end > at && range.end - range.start <= MIB);
            assert!(range.start == start || range.start.is_multiple_of(MIB));
            for byte in [range.start, range.end - 1] {
                assert_eq!(sums.blocks_of(&(byte..byte + 1)), index..index + 1);
            }
            at = range.end;
        }
        assert_eq!(at, len);
        assert_eq!(sums.blocks_of(&(0..u64::MAX)), 0..sums.sums.len());
        assert_eq!(sums.blocks_of(&(len..u64::MAX)), 0..0);
        assert_eq!(BlockSums::from_bytes(&sums.to_bytes()).unwrap(), sums);
    }
    assert_eq!(BlockSums::new(MIB + 1, 3 * MIB).unwrap().start(), 0, "it is no header any more");
    // Long files have longer blocks.
    let long = BlockSums::new(64, 1 << 40).unwrap();
    assert_eq!((long.block_bytes(), long.sums.len()), (4 << 20, 1 << 18));
    assert!(BlockSums::new(0, 1 << 62).unwrap_err().to_string().contains("at most"));
}

#[test]
fn every_changed_byte_and_every_other_length_is_found() {
    let good = sums(128, 3_000_000).to_bytes();
    for at in 0..good.len() {
        for bit in [1, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            assert!(!reason(&bad).is_empty(), "byte {at}");
        }
    }
    for len in 0..good.len() {
        reason(&good[..len]);
    }
    let longer = [&good[..], &[0; 16]].concat();
    assert!(reason(&longer).contains("expected 144 bytes, found 160"));
}

#[test]
fn headers_that_lie_take_no_memory() {
    let good = sums(0, 0).to_bytes();
    let with = |at: usize, number: u64| {
        let mut bad = good.clone();
        bad[at..at + 8].copy_from_slice(&number.to_le_bytes());
        reason(&bad)
    };
    assert!(with(32, u64::MAX).contains("in a file of"));
    assert!(with(32, i64::MAX as u64).contains("at most 16777216"));
    assert!(with(32, 1 << 43).contains("expected 134217824 bytes, found 96"));
    assert!(with(24, 1).contains("a header of 1 bytes in a file of 0"));
    assert!(with(8, 0).contains("blocks of 0 bytes"));
    assert!(with(8, 3 << 20).contains("blocks of"));
    assert!(with(8, 1 << 30).contains("blocks of"));
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let magic = [b"\x93NDSUM\x01\x01".to_vec(), bytes.clone()].concat();
        for bytes in [&bytes, &magic] {
            if let Ok(sums) = BlockSums::from_bytes(bytes) {
                prop_assert_eq!(&sums.to_bytes(), bytes);
            }
        }
    }
}
