//! Writers: whatever the engine, the pieces and their order, the file holds what was written.
#![allow(clippy::single_range_in_vec_init, reason = "a pass over one piece is a list of one range")]

mod common;

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use common::{Folder, PAGE, as_child, assert_success, cut, pattern, run_child};
use ndfolio_store::{Existing, File, Mode, NewFile, Reserve, StoreError, WriteCounters, WriteEngine, Writer};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;
/// Files for which as much was reserved are long.
const LONG: u64 = 256 * MIB;
/// What a writer may take beyond its budget for each buffer.
const SLACK: u64 = 2 * PAGE;

fn create(path: &Path, len: u64) -> NewFile {
    let mut new = NewFile::create(path, Existing::Replace).unwrap();
    new.reserve(len, Reserve::Sparse).unwrap();
    new
}

/// Bytes that tell where they belong.
fn fill(offset: u64, room: &mut [u8]) {
    room.copy_from_slice(&pattern(offset, room.len()));
}

fn put(writer: &mut Writer<'_>, range: &Range<u64>) {
    let room = writer.room(range.start, (range.end - range.start) as usize).unwrap();
    if !room.is_empty() {
        assert_eq!(room.as_ptr().addr() as u64 % 64, range.start % 64);
    }
    fill(range.start, room);
    writer.write().unwrap();
}

/// Writes the pieces with several workers, each of which takes the next.
fn write(new: &NewFile, pieces: &[Range<u64>], workers: usize, piece: usize, budget: usize) -> WriteCounters {
    let left = Mutex::new(pieces.iter());
    let total = Mutex::new(WriteCounters::default());
    let work = || {
        let mut writer = new.writer(piece, budget).unwrap();
        while let Some(range) = { left.lock().unwrap().next() } {
            put(&mut writer, range);
        }
        writer.finish().unwrap();
        assert!(writer.reason().is_none() || writer.engine() != WriteEngine::Direct);
        total.lock().unwrap().add(&writer.counters());
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap()
}

/// The file holds the pieces, and zeros elsewhere.
fn expect(path: &Path, pieces: &[Range<u64>], len: u64) {
    let file = File::open(path, Mode::Read).unwrap();
    let written = pieces.iter().filter(|range| !range.is_empty());
    let end = written.map(|range| range.end).max().unwrap_or(0);
    assert_eq!(file.len(), len.max(end));
    let mut found = vec![0; end as usize];
    file.read_at(0, &mut found).unwrap();
    let mut expected = vec![0; end as usize];
    for range in pieces.iter().filter(|range| !range.is_empty()) {
        fill(range.start, &mut expected[range.start as usize..range.end as usize]);
    }
    let wrong = found.iter().zip(&expected).position(|(found, expected)| found != expected);
    assert_eq!(wrong, None);
}

/// One range cut at the given places.
fn pieces(range: Range<u64>, lens: impl IntoIterator<Item = u64>) -> Vec<Range<u64>> {
    let mut at = range.start;
    let mut all = Vec::new();
    for len in lens {
        if at >= range.end {
            break;
        }
        let end = range.end.min(at + len);
        all.push(at..end);
        at = end;
    }
    all
}

#[test]
fn pieces_of_all_kinds_lie_where_they_belong() {
    let folder = Folder::new();
    let path = folder.join("file");
    for reserved in [0, 5 * MIB, LONG] {
        for (start, step) in
            [(0, MIB), (128, MIB), (128, MIB - 40), (4095, 70_000), (4097, 4096), (77, 100_001)]
        {
            let pieces = pieces(start..5 * MIB + 333, std::iter::repeat_n(step, 2000));
            for workers in [1, 3] {
                let new = create(&path, reserved);
                let counters = write(&new, &pieces, workers, MIB as usize, 3 * MIB as usize);
                assert_eq!(counters.pieces, pieces.len() as u64);
                assert_eq!(counters.bytes, 5 * MIB + 333 - start);
                assert!(counters.bytes_direct == 0 || reserved >= LONG);
                new.commit().unwrap();
                expect(&path, &pieces, reserved);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_in_any_order(
        start in 0_u64..10_000,
        lens in prop::collection::vec(prop_oneof![0_u64..200, 4000_u64..4200, 0_u64..300_000], 1..40),
        order in any::<u64>(),
        gap in 0_u64..5000,
        workers in 1_usize..4,
        budget in 300_000_usize..2_000_000,
        is_long: bool,
    ) {
        let folder = Folder::new();
        let path = folder.join("file");
        let mut at = start;
        let mut all: Vec<_> = lens.iter().enumerate().map(|(index, len)| {
            let range = at..at + len;
            at = range.end + if index % 3 == 0 { gap } else { 0 };
            range
        }).collect();
        all.sort_by_key(|range| (range.start ^ order).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let reserved = if is_long { LONG } else { 1000 };
        let new = create(&path, reserved);
        let counters = write(&new, &all, workers, 300_000, budget);
        prop_assert!(counters.buffer_bytes <= (workers * budget) as u64 + 16 * workers as u64 * SLACK);
        new.commit().unwrap();
        expect(&path, &all, reserved);
    }
}

#[test]
fn the_end_of_the_file_and_what_is_behind_it() {
    let folder = Folder::new();
    let path = folder.join("file");
    for end in [LONG - 1, LONG, LONG + 1, LONG + 100_000] {
        let new = create(&path, LONG);
        let mut writer = new.writer(MIB as usize, 4 * MIB as usize).unwrap();
        put(&mut writer, &(end - 300_001..end));
        writer.finish().unwrap();
        drop(writer);
        let file = new.commit_open(Mode::Read).unwrap();
        assert_eq!(file.len(), end.max(LONG));
        let mut found = vec![0; 300_001];
        file.read_at(end - 300_001, &mut found).unwrap();
        assert!(found == pattern(end - 300_001, 300_001));
    }
}

/// The header is written by others, before or after.
#[test]
fn other_writes_to_the_same_blocks_stay() {
    let folder = Folder::new();
    let path = folder.join("file");
    for header_first in [true, false] {
        let new = create(&path, LONG);
        let header = || new.write_at(0, &pattern(0, 128)).unwrap();
        if header_first {
            header();
        }
        let pieces = pieces(128..3 * MIB + 5, std::iter::repeat_n(MIB, 4));
        write(&new, &pieces, 2, MIB as usize, 4 * MIB as usize);
        if !header_first {
            header();
        }
        let mut found = vec![0; 3 * MIB as usize + 5];
        new.read_at(0, &mut found).unwrap();
        assert!(found == pattern(0, found.len()));
        new.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap()[..found.len()], found);
    }
}

#[test]
fn room_that_is_not_written_is_let_go() {
    let folder = Folder::new();
    for reserved in [1000, LONG] {
        let new = create(&folder.join("file"), reserved);
        let mut writer = new.writer(100_000, 1 << 20).unwrap();
        writer.write().unwrap();
        for _ in 0..20 {
            writer.room(5, 100_000).unwrap().fill(9);
        }
        put(&mut writer, &(0..100));
        writer.write().unwrap();
        assert!(matches!(writer.room(0, 100_001), Err(StoreError::Budget { .. })));
        writer.room(5, 100_000).unwrap().fill(9);
        writer.finish().unwrap();
        assert_eq!((writer.counters().pieces, writer.counters().bytes), (1, 100));
        drop(writer);
        assert!(matches!(new.writer(100, 99), Err(StoreError::Budget { .. })));
        new.commit().unwrap();
        expect(&folder.join("file"), &[0..100], reserved);
    }
}

#[test]
fn dropping_a_writer_waits() {
    let folder = Folder::new();
    let path = folder.join("file");
    let new = create(&path, LONG);
    let mut writer = new.writer(MIB as usize, 8 * MIB as usize).unwrap();
    let pieces = pieces(100..7 * MIB, std::iter::repeat_n(MIB, 7));
    pieces.iter().for_each(|range| put(&mut writer, range));
    drop(writer);
    new.commit().unwrap();
    expect(&path, &pieces, LONG);
}

#[test]
fn long_files_go_past_the_page_cache() {
    let folder = Folder::new();
    let path = folder.join("file");
    let new = create(&path, LONG);
    let writer = new.writer(MIB as usize, 4 * MIB as usize).unwrap();
    if let Some(reason) = writer.reason() {
        eprintln!("skipped: {reason}");
        assert_ne!(writer.engine(), WriteEngine::Direct);
        return;
    }
    assert_eq!(writer.engine(), WriteEngine::Direct);
    drop(writer);
    let pieces = pieces(128..20 * MIB, std::iter::repeat_n(MIB, 20));
    let counters = write(&new, &pieces, 1, MIB as usize, 4 * MIB as usize);
    assert!(counters.bytes_direct > counters.bytes - 2 * PAGE, "{counters:?}");
    assert!(counters.buffer_bytes <= 4 * MIB + 4 * SLACK);
    let file = new.commit_open(Mode::Read).unwrap();
    let found = file.residency(0..file.len()).unwrap();
    assert!(found.resident.is_none_or(|pages| pages <= 2), "{found:?}");
    // Small pieces, and small files, are left to the page cache.
    assert_eq!(create(&path, LONG).writer(1000, 1000).unwrap().engine(), WriteEngine::Pwrite);
    assert_eq!(create(&path, LONG - 1).writer(1 << 20, 1 << 20).unwrap().engine(), WriteEngine::Pwrite);
}

#[test]
fn file_systems_in_memory_are_written_by_calls() {
    let folder = Path::new("/dev/shm").join(format!("ndfolio-store-writer-{}", std::process::id()));
    if fs::create_dir(&folder).is_err() {
        return eprintln!("skipped: there is no /dev/shm");
    }
    let path = folder.join("file");
    let new = create(&path, LONG);
    assert!(matches!(
        new.writer(MIB as usize, MIB as usize).unwrap().reason(),
        Some(StoreError::Unsupported { .. })
    ));
    let pieces = pieces(128..3 * MIB, std::iter::repeat_n(MIB, 4));
    assert_eq!(write(&new, &pieces, 2, MIB as usize, MIB as usize).bytes_direct, 0);
    // The first write finds out that nothing is let go there.
    assert_eq!(new.writer(MIB as usize, MIB as usize).unwrap().engine(), WriteEngine::Pwrite);
    new.commit().unwrap();
    expect(&path, &pieces, LONG);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn existing_files_are_written_in_place() {
    let folder = Folder::new();
    let len = 3 * MIB + 77;
    for total in [0, LONG] {
        let path = folder.file("file", len);
        let file = File::open(&path, Mode::ReadWrite).unwrap();
        let map = file.map(0..len).unwrap();
        let mut writer = file.writer(200_000, 1 << 20, total).unwrap();
        assert_eq!(writer.engine() == WriteEngine::Pwrite, total == 0 || writer.reason().is_some());
        for at in [5, 1_000_000, len - 200_000] {
            writer.room(at, 200_000).unwrap().fill(255);
            writer.write().unwrap();
            let mut found = vec![0; 200_000];
            map.copy_to(at as usize, &mut found).unwrap();
            assert!(found.iter().all(|byte| *byte == 255), "mappings see it at once");
        }
        assert!(matches!(writer.room(len - 1, 2), Err(StoreError::OutOfRange { .. })));
        writer.finish().unwrap();
        drop((writer, map));
        file.close().unwrap();
        let mut expected = pattern(0, len as usize);
        for at in [5, 1_000_000, len - 200_000] {
            expected[at as usize..at as usize + 200_000].fill(255);
        }
        assert!(fs::read(&path).unwrap() == expected);

        let file = File::open(&path, Mode::ReadWrite).unwrap();
        let mut writer = file.writer(200_000, 1 << 20, total).unwrap();
        cut(&path, 1000);
        assert!(matches!(writer.room(1000, 1), Err(StoreError::Truncated { .. })));
        assert_eq!(fs::metadata(&path).unwrap().len(), 1000);
    }
}

#[test]
fn modes_are_kept() {
    let folder = Folder::new();
    let path = folder.file("file", 1000);
    let file = File::open(&path, Mode::Read).unwrap();
    assert!(matches!(file.writer(1, 1, 1), Err(StoreError::ReadOnly { .. })));
    let file = File::open(&path, Mode::CopyOnWrite).unwrap();
    let mut writer = file.writer(100, 100, LONG).unwrap();
    assert_eq!(writer.engine(), WriteEngine::Pwrite);
    writer.room(10, 100).unwrap().fill(255);
    writer.write().unwrap();
    writer.finish().unwrap();
    let mut found = [0; 102];
    file.read_at(9, &mut found).unwrap();
    assert_eq!((found[0], found[1], found[100], found[101]), (9, 255, 255, 110));
    assert_eq!(fs::read(&path).unwrap(), pattern(0, 1000));
}

#[test]
fn a_forked_child_cannot_write() {
    let Some(folder) = as_child() else {
        let folder = Folder::new();
        return assert_success(&run_child("a_forked_child_cannot_write", folder.path()));
    };
    let new = create(&folder.join("file"), LONG);
    let mut writer = new.writer(MIB as usize, 4 * MIB as usize).unwrap();
    if writer.engine() != WriteEngine::Direct {
        return;
    }
    put(&mut writer, &(0..MIB));
    writer.room(MIB, MIB as usize).unwrap();
    // SAFETY: the child does a few things that need no other thread, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let results = [writer.write(), writer.finish(), writer.room(0, 1).map(drop)];
        let is_refused =
            |result: &Result<(), StoreError>| matches!(result, Err(StoreError::Unsupported { .. }));
        let first = is_refused(&results[0]);
        let ok = first && results.iter().all(Result::is_err);
        drop(writer);
        // SAFETY: nothing of this process is left to be cleaned up.
        unsafe { libc::_exit(i32::from(!ok)) };
    }
    let mut status = -1;
    // SAFETY: the status is written to a variable of ours.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    fill(MIB, writer.room(MIB, MIB as usize).unwrap());
    writer.write().unwrap();
    writer.finish().unwrap();
    drop(writer);
    new.commit().unwrap();
    expect(&folder.join("file"), &[0..MIB, MIB..2 * MIB], LONG);
}

#[test]
fn writers_go_to_threads() {
    fn is_send<T: Send>() {}
    is_send::<Writer<'_>>();
}
