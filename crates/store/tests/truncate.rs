//! Files that another process cuts while they are open: an error each time, never a signal, never zeros that
//! pass for data.

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::{fs, thread};

use common::{Folder, PAGE, cut, pattern};
use ndfolio_store::{File, Mapping, Mode, StoreError};

const MODES: [Mode; 3] = [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite];
const LEN: u64 = 10 * PAGE;
/// On a page, within a page, in the last page, to nothing.
const CUTS: [u64; 5] = [3 * PAGE, 3 * PAGE + 100, LEN - 8, 8, 0];

/// Every combination of a mode and a place to cut.
fn each(mut test: impl FnMut(&File, &PathBuf, u64)) {
    for mode in MODES {
        for len in CUTS {
            let folder = Folder::new();
            let path = folder.file("file", LEN);
            test(&File::open(&path, mode).unwrap(), &path, len);
        }
    }
}

fn is_truncated<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Truncated { .. }))
}

/// The sum of all bytes, read as an engine would: atomically, through the raw pointer.
fn sum(map: &Mapping) -> u64 {
    let bytes = map.as_ptr().cast::<AtomicU8>();
    // SAFETY: the mapping is `len` bytes long and lives during the call; the loads are atomic.
    (0..map.len()).map(|index| u64::from(unsafe { &*bytes.add(index) }.load(Ordering::Relaxed))).sum()
}

#[test]
fn read_at_tells() {
    each(|file, path, len| {
        cut(path, len);
        let error = file.read_at(LEN - 100, &mut [0; 100]).unwrap_err();
        let found = len.saturating_sub(LEN - 100);
        assert!(
            matches!(error, StoreError::Truncated { offset, expected: 100, found: f, .. }
                if offset == LEN - 100 && f == found),
            "{error}"
        );
        assert!(is_truncated(file.check()));
        assert_eq!(file.current_len().unwrap(), len);
        let mut buf = vec![0; len as usize];
        file.read_at(0, &mut buf).unwrap();
        assert!(buf == pattern(0, len as usize), "what is left can be read");
    });
}

#[test]
fn the_copy_on_write_view_tells() {
    for len in CUTS {
        let folder = Folder::new();
        let path = folder.file("file", LEN);
        let file = File::open(&path, Mode::CopyOnWrite).unwrap();
        file.write_at(0, b"12345678").unwrap();
        cut(&path, len);
        let mut all = vec![0; LEN as usize];
        assert!(is_truncated(file.read_at(0, &mut all)));
        assert!(is_truncated(file.write_at(LEN - 100, &[1; 100])));
        assert_eq!(fs::metadata(&path).unwrap().len(), len);
        let mut buf = vec![0; len as usize];
        file.read_at(0, &mut buf).unwrap();
        if len >= 8 {
            assert!(buf == [&b"12345678"[..], &pattern(8, len as usize - 8)].concat());
        }
    }
}

#[test]
fn raw_pointers_survive_and_check_tells() {
    each(|file, path, len| {
        let map = file.map(5..LEN).unwrap();
        let early = file.map(0..PAGE).unwrap();
        let whole = sum(&map);
        map.check().unwrap();
        cut(path, len);
        let rest = sum(&map);
        assert!(rest < whole);
        assert!(is_truncated(map.check()));
        assert_eq!(early.check().is_ok(), len >= PAGE, "a part that is still there is good");
        // The zeros stay even if the file grows again.
        cut(path, LEN);
        let hit_a_page = len <= LEN - PAGE;
        assert_eq!(map.check().is_err(), hit_a_page, "cut to {len}");
        let again = file.map(0..LEN).unwrap();
        if file.mode() != Mode::CopyOnWrite {
            again.check().expect("a new mapping has the new pages");
        }
    });
}

#[test]
fn copies_tell() {
    each(|file, path, len| {
        let map = file.map(1..LEN).unwrap();
        cut(path, len);
        let error = map.copy_to(0, &mut vec![0; LEN as usize - 1]).unwrap_err();
        assert!(is_truncated(Err::<(), _>(error)));
        if map.is_writable() {
            assert!(is_truncated(map.copy_from(LEN as usize - 2, &[1])));
            assert_eq!(fs::metadata(path).unwrap().len(), len);
        }
    });
}

#[test]
fn writes_do_not_make_it_long_again() {
    for len in CUTS {
        let folder = Folder::new();
        let path = folder.file("file", LEN);
        let file = File::open(&path, Mode::ReadWrite).unwrap();
        file.write_at(0, &[7]).unwrap();
        cut(&path, len);
        assert!(is_truncated(file.write_at(LEN - 100, &[1; 100])));
        assert!(is_truncated(file.flush()), "what was written behind the cut is gone");
        assert_eq!(fs::metadata(&path).unwrap().len(), len);
        assert!(is_truncated(file.map(0..LEN)));
        assert!(is_truncated(file.close()));
    }
}

#[test]
fn stores_that_were_lost_are_told_by_flush() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let file = File::open(&path, Mode::ReadWrite).unwrap();
    let map = file.map(0..LEN).unwrap();
    cut(&path, PAGE);
    assert!(is_truncated(map.copy_from(5 * PAGE as usize, &[1])));
    cut(&path, LEN);
    assert!(matches!(file.flush(), Err(StoreError::Io { offset: Some(o), .. }) if o == 5 * PAGE));
    drop(map);
    assert!(matches!(file.close(), Err(StoreError::Io { offset: Some(o), .. }) if o == 5 * PAGE));
}

#[test]
fn several_threads_survive() {
    let folder = Folder::new();
    let len = 1000 * PAGE;
    let path = folder.file("file", len);
    let file = File::open(&path, Mode::Read).unwrap();
    let maps: Vec<_> = (0..4).map(|index| file.map(index * 100..len).unwrap()).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for map in &maps {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    sum(map);
                }
            });
        }
        // Threads that map and unmap make the table of the guard change meanwhile.
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(map) = file.map(0..PAGE) {
                        sum(&map);
                    }
                }
            });
        }
        for round in 0..20 {
            cut(&path, (len / 2).saturating_sub(round * 20 * PAGE));
            thread::sleep(std::time::Duration::from_millis(2));
            cut(&path, len);
        }
        cut(&path, 3 * PAGE);
        thread::sleep(std::time::Duration::from_millis(20));
        stop.store(true, Ordering::Relaxed);
    });
    for map in &maps {
        assert!(is_truncated(map.check()));
    }
    file.map(0..3 * PAGE).unwrap().check().unwrap();
}

#[test]
fn a_mapping_outlives_its_file() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    for mode in MODES {
        let map = File::open(&path, mode).unwrap().map(3..LEN).unwrap();
        let mut buf = [0; 100];
        map.copy_to(PAGE as usize - 50, &mut buf).unwrap();
        assert_eq!(buf[..], pattern(PAGE - 47, 100));
    }
}

#[test]
fn a_file_that_is_removed_or_replaced_stays_readable() {
    for mode in MODES {
        let folder = Folder::new();
        let path = folder.file("file", LEN);
        let file = File::open(&path, mode).unwrap();
        let map = file.map(0..LEN).unwrap();
        fs::write(folder.join("other"), b"other").unwrap();
        fs::rename(folder.join("other"), &path).unwrap();
        map.check().unwrap();
        file.check().unwrap();
        assert_eq!(sum(&map), pattern(0, LEN as usize).into_iter().map(u64::from).sum());
        expect_replaced(&file);
        fs::remove_file(&path).unwrap();
        expect_replaced(&file);
        fs::remove_dir(path.parent().unwrap()).unwrap();
        expect_replaced(&file);
    }
}

/// Only a file that was to be changed has to be under its name still.
fn expect_replaced(file: &File) {
    if file.mode() == Mode::ReadWrite {
        file.write_at(0, &[0]).unwrap();
        let error = file.flush().unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
        let text = "the file was replaced or removed; what was written went to the old one";
        assert!(error.to_string().contains(text));
    } else {
        file.flush().unwrap();
    }
}

#[test]
fn a_relative_path_is_found_again_from_anywhere() {
    // The working directory belongs to the whole process, so the file lies in it and is only named apart.
    let name = format!("ndfolio-store-relative-{}", std::process::id());
    fs::write(&name, pattern(0, 100)).unwrap();
    let file = File::open(Path::new(&name), Mode::ReadWrite).unwrap();
    fs::remove_file(&name).unwrap();
    assert_eq!(file.path(), Path::new(&name));
    assert!(matches!(file.flush(), Err(StoreError::Replaced { .. })));
}
