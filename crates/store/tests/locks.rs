//! Locks between processes, and handles in forked children.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Folder, Killed, as_child, wait_until};
use ndfolio_store::{ALL_BYTES, APPENDING, File, Lock, Locking, Mode, StoreError};

const AT_ONCE: Locking = Locking { lock: Lock::Require, wait: Duration::ZERO };

fn open(path: &Path) -> Arc<File> {
    Arc::new(File::open(path, Mode::ReadWrite).unwrap())
}

fn is_locked<T>(result: Result<T, StoreError>) -> bool {
    match result {
        Ok(_) => false,
        Err(StoreError::Locked { .. }) => true,
        Err(error) => panic!("{error}"),
    }
}

/// Holds the lock of the folder's file, and says so, until it is killed.
fn hold(range: std::ops::Range<u64>) {
    let Some(folder) = as_child() else { return };
    let file = open(&folder.join("a"));
    let _lock = file.lock_range(range, AT_ONCE).unwrap();
    fs::write(folder.join("holds"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn child_appends() {
    hold(APPENDING);
}

#[test]
fn child_writes_everything() {
    hold(ALL_BYTES);
}

#[test]
fn a_second_process_is_refused_until_the_first_is_dead() {
    let folder = Folder::new();
    let path = folder.file("a", 100);
    let child = Killed::start("child_appends", folder.path());
    wait_until("the child holds the lock", || folder.join("holds").exists());
    let file = open(&path);
    let error = file.lock_range(APPENDING, AT_ONCE).err().unwrap().to_string();
    assert!(error.contains("somebody else appends") && error.contains("wait"), "{error}");
    // Bytes are another matter.
    drop(file.lock_range(ALL_BYTES, AT_ONCE).unwrap());
    let start = Instant::now();
    let patient = Locking { lock: Lock::Auto, wait: Duration::from_millis(300) };
    assert!(is_locked(file.lock_range(APPENDING, patient)));
    assert!((0.3..5.0).contains(&start.elapsed().as_secs_f64()));
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        child.kill();
    });
    let patient = Locking { lock: Lock::Require, wait: Duration::from_secs(30) };
    file.lock_range(APPENDING, patient).unwrap();
    killer.join().unwrap();
}

#[test]
fn readers_need_no_lock() {
    let folder = Folder::new();
    let path = folder.file("a", 100);
    let _child = Killed::start("child_writes_everything", folder.path());
    wait_until("the child holds the lock", || folder.join("holds").exists());
    assert!(is_locked(open(&path).lock_until_closed(0..1, AT_ONCE)));
    let reader = File::open(&path, Mode::Read).unwrap();
    reader.read_at(0, &mut [0; 100]).unwrap();
    let error = reader.lock_until_closed(ALL_BYTES, AT_ONCE).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}

#[test]
fn parts_of_a_file_have_writers_of_their_own() {
    let folder = Folder::new();
    let path = folder.file("a", 100);
    let (one, two) = (open(&path), open(&path));
    one.lock_until_closed(0..50, AT_ONCE).unwrap();
    two.lock_until_closed(50..100, AT_ONCE).unwrap();
    assert!(is_locked(two.lock_until_closed(49..60, AT_ONCE)));
    assert!(is_locked(one.lock_until_closed(ALL_BYTES, AT_ONCE)));
    // Another descriptor of the file that is closed drops no lock.
    drop(File::open(&path, Mode::ReadWrite).unwrap());
    assert!(is_locked(two.lock_until_closed(0..1, AT_ONCE)));
    drop(one);
    two.lock_until_closed(0..1, AT_ONCE).unwrap();
}

#[test]
fn what_an_open_file_holds_longer_stays_locked() {
    let folder = Folder::new();
    let path = folder.file("a", 100);
    let (one, two) = (open(&path), open(&path));
    one.lock_until_closed(40..60, AT_ONCE).unwrap();
    let wide = one.lock_range(ALL_BYTES, AT_ONCE).unwrap();
    assert!(is_locked(two.lock_range(0..10, AT_ONCE)));
    drop(wide);
    drop(two.lock_range(0..40, AT_ONCE).unwrap());
    drop(two.lock_range(60..ALL_BYTES.end, AT_ONCE).unwrap());
    assert!(is_locked(two.lock_range(59..60, AT_ONCE)));
}

#[test]
fn a_forked_child_writes_nothing() {
    let folder = Folder::new();
    let path = folder.file("a", 100);
    let file = open(&path);
    let lock = file.lock_range(APPENDING, AT_ONCE).unwrap();
    // SAFETY: the child makes a few calls to the system and ends without running anything of its parent's.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_refused = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Forked { .. }));
        let refused = is_refused(file.write_at(0, b"x")) && is_refused(file.flush());
        // It gives up nothing that its parent holds.
        drop(lock);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(if refused { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    assert!(is_locked(open(&path).lock_range(APPENDING, AT_ONCE)));
    file.write_at(0, b"x").unwrap();
}

#[test]
fn a_closed_file_is_locked_by_no_child() {
    let folder = Folder::new();
    let path = folder.file("a", 100);
    let file = open(&path);
    file.lock_until_closed(ALL_BYTES, AT_ONCE).unwrap();
    // SAFETY: the child sleeps and ends without running anything of its parent's; it is as one that has not yet run its
    // program.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: sleeps until it is killed, or ends.
        unsafe {
            libc::sleep(60);
            libc::_exit(0)
        };
    }
    drop(file);
    let locked = is_locked(open(&path).lock_range(ALL_BYTES, AT_ONCE));
    let mut status = 0;
    // SAFETY: kills and waits for the child that was made above.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, &raw mut status, 0)
    };
    assert!(!locked);
}
