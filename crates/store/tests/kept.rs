//! Mappings that stay with their file: what is seen through them, and how long they stay. One test, as the bytes that
//! stay mapped are counted for the process.
#![allow(clippy::single_range_in_vec_init, reason = "a pass over one piece is a list of one range")]

mod common;

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use common::{Folder, cut, pattern};
use ndfolio_store::{Bytes, Dispenser, File, IoEngine, Mode, Result, StoreError, Sweep, usage};

const MIB: u64 = 1 << 20;

/// The bytes of pieces as one worker of two sees them, and the page faults that it took.
fn read(file: &File, whole: Range<u64>, most: u64, pieces: &[Range<u64>]) -> Result<(Vec<u8>, u64)> {
    let sweep = Sweep::kept(file, &whole, most);
    let dispenser = Dispenser::of_sweep(&pieces, &sweep, 1..2);
    let mut stream = file.stream(IoEngine::Mmap, &dispenser, 1 << 20)?;
    let mut found = vec![0; pieces.iter().map(|piece| piece.end - piece.start).sum::<u64>() as usize];
    let starts: Vec<usize> = pieces
        .iter()
        .scan(0, |at, piece| {
            let start = *at;
            *at += (piece.end - piece.start) as usize;
            Some(start)
        })
        .collect();
    found.fill(1);
    let before = usage::thread_faults().unwrap();
    while stream
        .next_in_place(&mut |index, bytes| {
            assert!(matches!(bytes, Bytes::Mapped(_)));
            bytes.pick_to(&mut found[starts[index]..][..bytes.len()]);
        })?
        .is_some()
    {}
    Ok((found, usage::thread_faults().unwrap().since(before).minor))
}

#[test]
#[cfg(target_os = "linux")]
fn a_mapping_stays_and_is_the_file() {
    let folder = Folder::new();
    let path = folder.file("file", 3 * MIB);
    let file = File::open(&path, Mode::Read).unwrap();
    let pieces: Vec<_> = (0..48).map(|i| i * 64 * 1024 + i..i * 64 * 1024 + 2000).collect();
    let expected: Vec<u8> =
        pieces.iter().flat_map(|piece| pattern(piece.start, (piece.end - piece.start) as usize)).collect();
    let all = || 0..file.len();
    let expect = |most: u64| {
        let (found, faults) = read(&file, all(), most, &pieces).unwrap();
        assert!(found == expected);
        faults
    };
    // Of what fits, pages are touched once.
    assert!(expect(3 * MIB) >= 2);
    assert_eq!(expect(3 * MIB), 0);
    assert!(file.choose_to_keep(&all(), 3 * MIB).is_some());
    // Another file finds no room beside it, and what no longer fits does not stay.
    let other = File::open(folder.file("other", MIB), Mode::Read).unwrap();
    assert!(other.choose_to_keep(&(0..MIB), 3 * MIB).is_none());
    assert!(expect(3 * MIB - 1) >= 2 && expect(3 * MIB - 1) >= 2);
    assert!(other.choose_to_keep(&(0..MIB), 3 * MIB).is_some());
    assert!(expect(3 * MIB) >= 2 && expect(3 * MIB) == 0);
    // What others write is seen, in place and behind the end.
    let writer = fs::OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all_at(b"new", 2 * MIB).unwrap();
    writer.write_all_at(b"more", 3 * MIB).unwrap();
    let seen = |range: Range<u64>| read(&file, all(), 9 * MIB, &[range]).map(|(found, _)| found);
    assert_eq!(seen(2 * MIB..2 * MIB + 3).unwrap(), b"new");
    file.look_again(3 * MIB + 4).unwrap();
    assert_eq!(seen(3 * MIB - 1..3 * MIB + 4).unwrap(), [&pattern(3 * MIB - 1, 1), &b"more"[..]].concat());
    // Zeros are never taken for what was cut off, and what comes back is the file's again.
    cut(&path, MIB);
    assert!(matches!(seen(2 * MIB..2 * MIB + 3), Err(StoreError::Truncated { .. })));
    writer.write_all_at(b"back", 2 * MIB).unwrap();
    writer.write_all_at(b"more", 3 * MIB).unwrap();
    assert_eq!(seen(2 * MIB..2 * MIB + 4).unwrap(), b"back");
    // Mapped pages do not leave the page cache; these do.
    let left = file.evict(all()).unwrap();
    if file.file_system().name != "tmpfs" {
        assert_eq!(left.resident.unwrap_or(0), 0, "{left:?}");
    }
    assert_eq!(seen(2 * MIB..2 * MIB + 4).unwrap(), b"back");
    drop(file);
    assert!(other.choose_to_keep(&(0..MIB), MIB).is_some());
    // A private view is no part of the file.
    let private = File::open(&path, Mode::CopyOnWrite).unwrap();
    assert!(private.choose_to_keep(&(0..MIB), 9 * MIB).is_none());
}
