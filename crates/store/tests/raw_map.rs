//! Maps that keep no file open: what they show, what reaches the file, and what is left when the file is gone.

mod common;

use std::fs;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};

use common::{Folder, PAGE, cut, pattern};
use ndfolio_store::{Advice, Mode, RawMap, Short, StoreError};

const LEN: u64 = 10 * PAGE;

fn open(path: &std::path::Path, mode: Mode) -> RawMap {
    RawMap::open(path, mode, 0, None, Short::Refuse).unwrap()
}

fn all(map: &RawMap) -> Vec<u8> {
    let mut buf = vec![1; map.len()];
    map.read(0, &mut buf).unwrap();
    buf
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[test]
fn a_range_is_the_files() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        for (offset, len) in [(0, LEN), (3, 5), (PAGE, PAGE), (PAGE - 1, 2), (LEN - 1, 1), (LEN, 0), (7, 0)] {
            let map = RawMap::open(&path, mode, offset, Some(len), Short::Refuse).unwrap();
            assert_eq!(all(&map), pattern(offset, len as usize));
            assert_eq!(map.as_ptr().addr() as u64 % 64, if len == 0 { 0 } else { offset % 64 });
            map.check().unwrap();
        }
        let rest = RawMap::open(&path, mode, LEN - 9, None, Short::Refuse).unwrap();
        assert_eq!(rest.len(), 9);
    }
}

#[test]
fn what_is_not_there_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    for mode in [Mode::Read, Mode::CopyOnWrite] {
        // Only a map for writing makes a file longer.
        for (offset, len) in
            [(0, Some(LEN + 1)), (LEN + 1, None), (LEN + 1, Some(0)), (u64::MAX, Some(u64::MAX))]
        {
            let error = RawMap::open(&path, mode, offset, len, Short::Extend).unwrap_err();
            assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
        }
    }
    let error = RawMap::open(&path, Mode::ReadWrite, 0, Some(LEN + 1), Short::Refuse).unwrap_err();
    assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
    let error = RawMap::open(&path, Mode::ReadWrite, 1, Some(u64::MAX), Short::Extend).unwrap_err();
    assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
    let error = RawMap::open(&path, Mode::ReadWrite, 0, Some(1 << 62), Short::Extend).unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. } | StoreError::TooLarge { .. }), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), LEN);
}

#[test]
fn a_short_file_gets_zeros_and_the_space_for_them() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let path = folder.file("file", 100);
    let map = RawMap::open(&path, Mode::ReadWrite, 50, Some(1 << 20), Short::Extend).unwrap();
    let about = fs::metadata(&path).unwrap();
    assert_eq!(about.len(), 50 + (1 << 20));
    assert!(about.blocks() * 512 >= 1 << 20);
    assert_eq!(all(&map)[..50], pattern(50, 50));
    assert!(all(&map)[50..].iter().all(|&byte| byte == 0));
    let empty = folder.file("empty", 0);
    let map = RawMap::open(&empty, Mode::ReadWrite, 0, None, Short::Extend).unwrap();
    assert!(map.is_empty());
    assert_eq!(fs::metadata(&empty).unwrap().len(), 1);
}

#[test]
fn writes_reach_the_file_in_the_one_mode_only() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let (private, shared) = (open(&path, Mode::CopyOnWrite), open(&path, Mode::ReadWrite));
    private.write(5, b"mine").unwrap();
    shared.write(9, b"ours").unwrap();
    shared.flush_range(9..10).unwrap();
    let file = fs::read(&path).unwrap();
    assert_eq!(file[5..9], pattern(5, 4));
    assert_eq!(file[9..13], *b"ours");
    assert_eq!(all(&private)[5..9], *b"mine");
    let error = open(&path, Mode::Read).write(0, b"x").unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(matches!(shared.write(LEN, b"x"), Err(StoreError::OutOfRange { .. })));
    assert!(matches!(shared.flush_range(3..LEN + 1), Err(StoreError::OutOfRange { .. })));
}

#[test]
fn no_descriptor_is_kept() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let before = descriptors();
    let maps: Vec<RawMap> = (0..200).map(|_| open(&path, Mode::ReadWrite)).collect();
    // Other tests of this program open a few meanwhile.
    assert!(descriptors() < before + 100);
    maps.iter().for_each(|map| map.check().unwrap());
}

#[test]
fn a_file_that_is_cut_is_an_error_and_zeros() {
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        for len in [3 * PAGE, 3 * PAGE + 100, LEN - 8, 8, 0] {
            let folder = Folder::new();
            let path = folder.file("file", LEN);
            let map = open(&path, mode);
            cut(&path, len);
            let seen = all(&map);
            assert_eq!(seen[..len as usize], pattern(0, len as usize));
            assert!(seen[len as usize..].iter().all(|&byte| byte == 0));
            assert!(matches!(map.check(), Err(StoreError::Truncated { found, .. }) if found == len));
            // Long again, but what was touched stays lost.
            cut(&path, LEN);
            assert_eq!(map.has_fault(), len <= LEN - PAGE);
            assert_eq!(map.check().is_err(), map.has_fault());
            if mode == Mode::ReadWrite {
                assert_eq!(map.flush().is_err(), map.has_fault());
            }
        }
    }
}

#[test]
fn a_file_that_has_lost_its_name_is_still_there() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let map = open(&path, Mode::ReadWrite);
    assert!(map.has_name());
    fs::remove_file(&path).unwrap();
    folder.file("file", 5);
    assert!(!map.has_name());
    map.write(0, b"new").unwrap();
    map.flush().unwrap();
    map.check().unwrap();
    assert_eq!(map.prefetch(0..LEN, &|| false).unwrap(), LEN);
    assert_eq!(map.residency(0..LEN).unwrap().resident, None);
    assert_eq!(all(&map)[3..], pattern(3, LEN as usize - 3));
}

#[test]
fn a_closed_map_is_zeros_and_takes_no_more_writes() {
    let folder = Folder::new();
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        let path = folder.file("file", LEN);
        let map = RawMap::open(&path, mode, PAGE + 7, Some(PAGE), Short::Refuse).unwrap();
        if mode != Mode::Read {
            map.write(0, b"abc").unwrap();
        }
        map.close().unwrap();
        map.close().unwrap();
        assert!(map.is_closed());
        assert!(all(&map).iter().all(|&byte| byte == 0));
        if mode != Mode::Read {
            map.write(0, b"xyz").unwrap();
        }
        map.flush().unwrap();
        map.advise(0..PAGE, Advice::DontNeed).unwrap();
        assert!(map.changes().unwrap().is_empty());
        let wanted = if mode == Mode::ReadWrite { b"abc".to_vec() } else { pattern(PAGE + 7, 3) };
        assert_eq!(fs::read(&path).unwrap()[PAGE as usize + 7..][..3], wanted);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_new_file_takes_the_place_of_one_that_is_mapped() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let old = open(&path, Mode::Read);
    let new = RawMap::create(&path, b"head", 104, 4..104, &|| false).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 104);
    assert_eq!(all(&new), [0; 100]);
    new.write(0, b"x").unwrap();
    assert_eq!(fs::read(&path).unwrap()[..5], *b"headx");
    assert_eq!(all(&old), pattern(0, LEN as usize));
    old.check().unwrap();
    assert_eq!(folder.names(), ["file"]);
    assert!(RawMap::create(&path, b"", 10, 5..11, &|| false).is_err());
    assert_eq!(fs::metadata(&path).unwrap().len(), 104);
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_file_that_somebody_has_open_can_be_mapped() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let file = fs::File::open(&path).unwrap();
    let map = RawMap::of_open(file.as_fd(), &path, Mode::Read, 1, Some(3), Short::Refuse).unwrap();
    let refused = RawMap::of_open(file.as_fd(), &path, Mode::ReadWrite, 1, Some(3), Short::Refuse);
    assert!(matches!(refused, Err(StoreError::PermissionDenied { .. })), "{refused:?}");
    drop(file);
    assert_eq!(all(&map), pattern(1, 3));
}

#[test]
fn the_page_cache_can_be_asked_and_advised() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let map = RawMap::open(&path, Mode::ReadWrite, 5, None, Short::Refuse).unwrap();
    assert_eq!(map.prefetch(0..LEN - 5, &|| false).unwrap(), LEN - 5);
    assert_eq!(map.prefetch(0..LEN - 5, &|| true).unwrap(), 0);
    let found = map.residency(0..LEN - 5).unwrap();
    assert!(found.pages == 10 && found.resident.is_none_or(|count| count == 10), "{found:?}");
    for advice in [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::DontNeed] {
        map.write(0, b"kept").unwrap();
        map.advise(0..LEN - 5, advice).unwrap();
        assert_eq!(all(&map)[..4], *b"kept");
        assert!(map.advise(0..LEN, advice).is_err());
    }
    let private = open(&path, Mode::CopyOnWrite);
    private.write(0, b"mine").unwrap();
    let refused = private.advise(0..LEN, Advice::DontNeed);
    assert!(matches!(refused, Err(StoreError::Unsupported { .. })));
    assert_eq!(all(&private)[..4], *b"mine");
}

#[test]
fn threads_that_touch_what_is_gone_go_on() {
    let folder = Folder::new();
    let path = folder.file("file", 1000 * PAGE);
    let map = open(&path, Mode::Read);
    cut(&path, 0);
    let touch = |start: usize| {
        for page in (start..1000).step_by(4) {
            // SAFETY: the byte lies within the map, which lives longer than the threads.
            let byte = unsafe { &*map.as_ptr().add(page * PAGE as usize).cast::<AtomicU8>() };
            assert_eq!(byte.load(Ordering::Relaxed), 0);
        }
    };
    // A pointer does not go to other threads by itself.
    struct Shared<F>(F);
    // SAFETY: what the closure does with the address is atomic.
    unsafe impl<F> Sync for Shared<F> {}
    let touch = &Shared(touch);
    std::thread::scope(|scope| {
        (0..4).for_each(|start| drop(scope.spawn(move || (touch.0)(start))));
    });
    assert!(map.check().is_err());
}

/// A map that looks at its file when it is touched.
fn later(path: &std::path::Path, mode: Mode, changes: &[(u64, &[u8])]) -> RawMap {
    let id = open(path, Mode::Read).id();
    let changes = changes.iter().map(|(place, data)| (*place, data.to_vec())).collect();
    RawMap::later(path, id, mode, 7..LEN, changes).unwrap()
}

/// The sum of all bytes, read as C code would: through the raw pointer alone.
fn sum(map: &RawMap) -> u64 {
    let bytes = map.as_ptr().cast::<AtomicU8>();
    // SAFETY: the map is `len` bytes long and lives during the call; the loads are atomic.
    (0..map.len()).map(|index| u64::from(unsafe { &*bytes.add(index) }.load(Ordering::Relaxed))).sum()
}

fn total(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

#[test]
fn a_file_is_opened_when_it_is_touched_first() {
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        let folder = Folder::new();
        let path = folder.file("file", LEN);
        let map = later(&path, mode, &[]);
        assert!(map.is_waiting() && !map.has_fault());
        assert_eq!(sum(&map), total(&pattern(7, LEN as usize - 7)));
        assert!(!map.is_waiting() && !map.has_fault());
        map.check().unwrap();
        if mode != Mode::Read {
            map.write(0, b"new").unwrap();
        }
        map.flush().unwrap();
        let wanted = if mode == Mode::ReadWrite { b"new".to_vec() } else { pattern(7, 3) };
        assert_eq!(fs::read(&path).unwrap()[7..10], wanted);
        cut(&path, 100);
        assert!(matches!(map.check(), Err(StoreError::Truncated { found: 93, .. })));
    }
}

#[test]
fn what_became_of_the_file_is_told_when_it_is_asked_for() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let touched = later(&path, Mode::Read, &[]);
    let asked = later(&path, Mode::ReadWrite, &[]);
    fs::rename(&path, folder.join("away")).unwrap();
    assert!(matches!(asked.check(), Err(StoreError::NotFound { .. })));
    assert!(matches!(asked.prefetch(0..5, &|| false), Err(StoreError::NotFound { .. })));
    assert_eq!(sum(&touched), 0);
    assert!(matches!(touched.check(), Err(StoreError::NotFound { .. })));
    folder.file("file", LEN);
    assert!(matches!(asked.read(0, &mut [0]), Err(StoreError::Replaced { .. })));
    fs::rename(folder.join("away"), &path).unwrap();
    cut(&path, LEN - 1);
    assert!(matches!(asked.write(0, &[0]), Err(StoreError::Truncated { .. })));
    cut(&path, LEN);
    // It was never touched, so it can be had now; the other one shows zeros for good.
    asked.check().unwrap();
    assert_eq!(all(&asked)[..20], pattern(7, 20));
    assert!(touched.check().is_err() && touched.has_fault());
}

#[test]
fn changes_are_there_from_the_beginning_and_are_no_bodys_else() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let changes: [(u64, &[u8]); 2] = [(0, &[9; 5000]), (LEN - 8, &[8])];
    let map = later(&path, Mode::CopyOnWrite, &changes);
    let ranges = [0..5000, LEN - 8..LEN - 7];
    assert_eq!(map.changes().unwrap(), ranges);
    let mut buf = [0];
    map.read_change(&ranges[1], &mut buf).unwrap();
    assert_eq!(buf, [8]);
    assert!(map.is_waiting());
    let mut wanted = pattern(7, LEN as usize - 7);
    wanted[..5000].fill(9);
    wanted[LEN as usize - 8] = 8;
    assert_eq!(sum(&map), total(&wanted));
    assert_eq!(all(&map), wanted);
    // Whole pages now.
    assert_eq!(map.changes().unwrap(), [0..2 * PAGE - 7, LEN - PAGE - 7..LEN - 7]);
    assert_eq!(fs::read(&path).unwrap(), pattern(0, LEN as usize));
    let id = map.id();
    let outside = RawMap::later(&path, id, Mode::CopyOnWrite, 7..9, vec![(1, vec![0, 0])]);
    assert!(matches!(outside, Err(StoreError::OutOfRange { .. })));
}

#[test]
fn a_map_that_is_closed_first_never_opens_its_file() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let map = later(&path, Mode::ReadWrite, &[]);
    map.close().unwrap();
    assert_eq!(sum(&map), 0);
    map.write(0, b"abc").unwrap();
    assert_eq!(fs::read(&path).unwrap(), pattern(0, LEN as usize));
}

#[test]
fn threads_that_touch_at_once_see_one_file() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let wanted = total(&pattern(7, LEN as usize - 7));
    for mode in [Mode::Read, Mode::CopyOnWrite] {
        for _ in 0..100 {
            let map = later(&path, mode, &[]);
            // A pointer does not go to other threads by itself.
            struct Shared<F>(F);
            // SAFETY: what the closure does with the address is atomic.
            unsafe impl<F> Sync for Shared<F> {}
            let add = &Shared(|| sum(&map));
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || (add.0)())).collect();
                threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), wanted));
            });
        }
    }
}
