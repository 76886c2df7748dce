//! Files beside a file: turns, what killed processes left, and cutting.

mod common;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::Folder;
use ndfolio_store::{Existing, File, Mode, NewFile, StoreError, Turn, leftovers, remove, sweep};

#[test]
fn one_at_a_time_replaces_a_file() {
    let folder = Folder::new();
    let path = folder.file("counter", 0);
    fs::write(&path, "0").unwrap();
    let inside = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let _turn = Turn::take(&path, &|| false).unwrap().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    let count: u32 = fs::read_to_string(&path).unwrap().parse().unwrap();
                    let new = NewFile::create(&path, Existing::Replace).unwrap();
                    new.write_at(0, (count + 1).to_string().as_bytes()).unwrap();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    new.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read_to_string(&path).unwrap(), "100");
}

#[test]
fn who_waits_for_a_turn_can_be_stopped() {
    let folder = Folder::new();
    let path = folder.file("a", 3);
    assert!(Turn::take(&folder.join("none"), &|| false).unwrap().is_none());
    let held = Turn::take(&path, &|| false).unwrap().unwrap();
    assert!(matches!(Turn::take(&path, &|| true), Err(StoreError::Io { .. })));
    drop(held);
    assert!(Turn::take(&path, &|| true).unwrap().is_some());
    assert!(matches!(Turn::take(folder.path(), &|| false), Err(StoreError::NotRegular { .. })));
}

#[test]
fn leftovers_are_seen_and_swept_unless_they_are_held() {
    let folder = Folder::new();
    let path = folder.file("a", 3);
    let dead = folder.join(".a.1-0123456789abcdef.part");
    fs::write(&dead, "left").unwrap();
    let alive = NewFile::create(&path, Existing::Replace).unwrap();
    assert!(!dead.exists(), "the next creation sweeps");
    fs::write(&dead, "left").unwrap();
    let found = leftovers(&path).unwrap();
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|one| one.is_held == (one.path != dead) && one.len == if one.is_held { 0 } else { 4 })
    );
    let swept = sweep(&path).unwrap();
    assert!(swept.len() == 1 && swept[0].path == dead && !dead.exists());
    drop(alive);
    assert!(leftovers(&path).unwrap().is_empty());
    remove(&path).unwrap();
    remove(&path).unwrap();
    assert!(folder.names().is_empty());
}

#[test]
fn cutting_needs_the_file_as_it_was() {
    let folder = Folder::new();
    let path = folder.file("a", 1000);
    assert!(matches!(File::open(&path, Mode::Read).unwrap().cut(10), Err(StoreError::ReadOnly { .. })));
    let file = Arc::new(File::open(&path, Mode::ReadWrite).unwrap());
    file.cut(2000).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 1000, "nothing becomes longer");
    file.cut(400).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 400);
    assert!(matches!(file.cut(100), Err(StoreError::Truncated { .. })));
}
