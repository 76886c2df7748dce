//! Checksums of bytes, to find what a device or somebody else changed.

use ndfolio_store::{Bytes, Room};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// An XXH3-128 sum in its canonical form, as `xxhsum -H2` prints it.
pub type Sum = [u8; 16];

/// Bytes of a mapping that are copied at once: they stay in the first level of the processor's cache.
const PART: usize = 4096;

/// The XXH3-128 of bytes, with seed 0.
///
/// It finds every accident, and no change by somebody who means to go unseen: it is not cryptographic.
#[must_use]
pub fn sum(bytes: Bytes<'_>) -> Sum {
    let value = match bytes {
        Bytes::Private(bytes) => xxh3_128(bytes),
        // Others can change it meanwhile, so it is looked at once, in private memory.
        Bytes::Mapped(_) => {
            let (mut hash, mut room) = (Xxh3::new(), Room::<PART>::new());
            for part in bytes.chunks(PART) {
                hash.update(part.part(0, part.len(), &mut room));
            }
            hash.digest128()
        }
    };
    value.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_reference() {
        // XSUM_XXH128 of the reference implementation, seed 0.
        let empty = 0x99aa_06d3_0147_98d8_6001_c324_468d_497f_u128;
        assert_eq!(sum(Bytes::Private(b"")), empty.to_be_bytes());
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let whole = sum(Bytes::Private(&bytes));
        for len in [0, 1, 16, 240, 241, 1024, 99_999] {
            assert_ne!(sum(Bytes::Private(&bytes[..len])), whole, "{len}");
        }
    }

    #[test]
    fn mapped_bytes_have_the_same_sum() {
        let path = std::env::temp_dir().join(format!("ndfolio-sum-{}", std::process::id()));
        let bytes: Vec<u8> = (0..30_001_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = ndfolio_store::File::open(&path, ndfolio_store::Mode::Read).unwrap();
        for range in [0..0, 0..1, 0..4096, 5..4101, 0..30_001] {
            let mapping = file.map(range.clone()).unwrap();
            let own = Bytes::Private(&bytes[range.start as usize..range.end as usize]);
            assert_eq!(sum(mapping.bytes()), sum(own), "{range:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
