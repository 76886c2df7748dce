//! Writing in place: what other handles see, and what stays private.

mod common;

use std::sync::atomic::{AtomicU8, Ordering};
use std::{fs, thread};

use common::{Folder, PAGE, pattern};
use ndfolio_store::{File, Mode, StoreError};

const LEN: u64 = 5 * PAGE + 77;

fn read(file: &File, offset: u64, len: usize) -> Vec<u8> {
    let mut buf = vec![0; len];
    file.read_at(offset, &mut buf).unwrap();
    buf
}

#[test]
fn two_handles_see_each_other() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let first = File::open(&path, Mode::ReadWrite).unwrap();
    let second = File::open(&path, Mode::ReadWrite).unwrap();
    let reader = File::open(&path, Mode::Read).unwrap();
    assert_eq!(first.id(), reader.id());
    let map = second.map(100..LEN).unwrap();
    let view = reader.map(100..LEN).unwrap();
    first.write_at(200, b"first").unwrap();
    assert_eq!(read(&second, 200, 5), b"first");
    map.copy_from(PAGE as usize, b"mapped").unwrap();
    assert_eq!(read(&first, 100 + PAGE, 6), b"mapped");
    let mut buf = [0; 5];
    view.copy_to(100, &mut buf).unwrap();
    assert_eq!(&buf, b"first");
    first.close().unwrap();
    second.close().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!((&bytes[200..205], bytes.len() as u64), (&b"first"[..], LEN));
}

#[test]
fn raw_pointers_write_to_the_file() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let file = File::open(&path, Mode::ReadWrite).unwrap();
    let map = file.map(PAGE + 3..LEN).unwrap();
    let last = map.len() - 1;
    // SAFETY: the index is within the mapping, which lives; the store is atomic.
    unsafe { &*map.as_mut_ptr().unwrap().add(last).cast::<AtomicU8>() }.store(9, Ordering::Relaxed);
    file.flush_range(LEN - 1..LEN).unwrap();
    assert_eq!(fs::read(&path).unwrap().last(), Some(&9));
    drop(map);
    file.close().unwrap();
}

#[test]
fn copy_on_write_is_one_private_view() {
    let folder = Folder::new();
    let path = folder.file("file", LEN);
    let file = File::open(&path, Mode::CopyOnWrite).unwrap();
    let other = File::open(&path, Mode::CopyOnWrite).unwrap();
    let map = file.map(50..LEN).unwrap();
    let part = file.map(3 * PAGE..LEN).unwrap();
    file.write_at(3 * PAGE - 2, b"view").unwrap();
    let mut buf = [0; 2];
    part.copy_to(0, &mut buf).unwrap();
    assert_eq!(&buf, b"ew");
    map.copy_from(0, b"private").unwrap();
    assert_eq!(read(&file, 49, 9), [&[49][..], b"private", &[57]].concat());
    assert_eq!(read(&other, 0, LEN as usize), pattern(0, LEN as usize));
    file.flush().unwrap();
    drop((map, part));
    assert_eq!(read(&file, 50, 7), b"private", "the view lives as long as the file is open");
    file.close().unwrap();
    assert_eq!(fs::read(&path).unwrap(), pattern(0, LEN as usize));
}

#[test]
fn copy_on_write_holds_more_than_memory() {
    let folder = Folder::new();
    let path = folder.join("huge");
    let len = 1 << 40;
    fs::File::create(&path).unwrap().set_len(len).unwrap();
    let file = File::open(&path, Mode::CopyOnWrite).unwrap();
    for offset in [0, len / 2, len - 4] {
        file.write_at(offset, b"mine").unwrap();
        assert_eq!(read(&file, offset, 4), b"mine");
    }
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(&path).unwrap().blocks(), 0);
}

#[test]
fn threads_write_their_own_parts() {
    for mode in [Mode::ReadWrite, Mode::CopyOnWrite] {
        let folder = Folder::new();
        let path = folder.file("file", LEN);
        let file = File::open(&path, mode).unwrap();
        thread::scope(|scope| {
            for index in 0..4_u8 {
                let file = &file;
                scope.spawn(move || {
                    for offset in (u64::from(index)..LEN).step_by(4) {
                        file.write_at(offset, &[index]).unwrap();
                    }
                });
            }
        });
        let expected: Vec<u8> = (0..LEN).map(|offset| (offset % 4) as u8).collect();
        assert!(read(&file, 0, LEN as usize) == expected);
        file.close().unwrap();
        assert_eq!(fs::read(&path).unwrap() == expected, mode == Mode::ReadWrite);
    }
}

#[test]
fn the_length_at_open_is_the_limit() {
    let folder = Folder::new();
    let path = folder.file("file", 10);
    for mode in [Mode::ReadWrite, Mode::CopyOnWrite] {
        let file = File::open(&path, mode).unwrap();
        fs::write(&path, pattern(0, 20)).unwrap();
        assert_eq!((file.len(), file.current_len().unwrap()), (10, 20));
        assert!(matches!(file.write_at(5, &[0; 6]), Err(StoreError::OutOfRange { file_len: 10, .. })));
        assert!(matches!(file.read_at(10, &mut [0]), Err(StoreError::OutOfRange { .. })));
        file.check().unwrap();
        fs::write(&path, pattern(0, 10)).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), pattern(0, 10));
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "that is what is to be refused or to be empty")]
fn backward_ranges_are_empty() {
    let folder = Folder::new();
    let path = folder.file("file", 100);
    let file = File::open(&path, Mode::ReadWrite).unwrap();
    assert!(file.map(20..10).unwrap().is_empty());
    file.flush_range(20..10).unwrap();
    assert!(matches!(file.flush_range(0..101), Err(StoreError::OutOfRange { .. })));
}
