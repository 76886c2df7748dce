//! A file of checksums, as it is and with its own checksum made right, so that what lies behind is reached.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_format::BlockSums;
use xxhash_rust::xxh3::xxh3_128;

fn check(bytes: &[u8]) {
    let _ = BlockSums::file_len(bytes);
    let Ok(sums) = BlockSums::from_bytes(bytes) else { return };
    assert_eq!(sums.to_bytes(), bytes);
    let mut at = sums.start();
    for block in 0..sums.sums.len() {
        let range = sums.range(block);
        assert!(range.start == at && range.end > at);
        assert_eq!(sums.blocks_of(&range), block..block + 1);
        at = range.end;
    }
    assert_eq!(at, sums.covered());
}

fuzz_target!(|data: &[u8]| {
    check(data);
    let mut mended = b"\x93NDSUM\x01\x01".to_vec();
    mended.extend(data);
    // As many sums as the header wants, if they are not many.
    if let Ok(len) = BlockSums::file_len(&mended)
        && len < 1 << 16
    {
        mended.resize(len as usize - 16, 0);
        mended.extend(xxh3_128(&mended).to_be_bytes());
        check(&mended);
    }
});
