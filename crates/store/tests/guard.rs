//! The `SIGBUS` handler beside other handlers. Each test runs in a process of its own.

mod common;

use std::ffi::{c_int, c_void};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::{fs, mem, ptr, thread};

use common::{Folder, Killed, PAGE, as_child, assert_success, cut, run_child, wait_until};
use ndfolio_store::{File, MAX_MAPPINGS, Mapping, Mode, StoreError};

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

fn open(folder: &Path) -> File {
    let path = folder.join("file");
    fs::write(&path, vec![1; 4 * PAGE as usize]).unwrap();
    File::open(&path, Mode::Read).unwrap()
}

fn touch(address: *const u8) -> u8 {
    // SAFETY: the callers pass addresses of live mappings; the load is atomic.
    unsafe { &*address.cast::<AtomicU8>() }.load(Ordering::Relaxed)
}

fn touch_last(map: &Mapping) -> u8 {
    touch(map.as_ptr().wrapping_add(map.len() - 1))
}

/// A mapping that the guard does not know, of a file that is cut to nothing.
fn foreign(folder: &Path) -> *const u8 {
    let path = folder.join("foreign");
    fs::write(&path, [1; PAGE as usize]).unwrap();
    let file = fs::File::open(&path).unwrap();
    let (prot, flags) = (rustix::mm::ProtFlags::READ, rustix::mm::MapFlags::SHARED);
    // SAFETY: a new mapping where the kernel likes; it is never unmapped.
    let base = unsafe { rustix::mm::mmap(ptr::null_mut(), PAGE as usize, prot, flags, &file, 0) }.unwrap();
    cut(&path, 0);
    base.cast()
}

fn set_action(handler: usize, flags: c_int) -> libc::sigaction {
    // SAFETY: all zeros is a valid `sigaction`.
    let (mut new, mut old): (libc::sigaction, libc::sigaction) = unsafe { mem::zeroed() };
    new.sa_sigaction = handler;
    new.sa_flags = flags;
    // SAFETY: the callers pass handlers of the kind that their flags say.
    assert_eq!(unsafe { libc::sigaction(libc::SIGBUS, &new, &mut old) }, 0);
    old
}

/// Runs `test` of this file in a child, and returns how that ended: exit code or signal.
fn outcome(test: &str) -> (Option<i32>, Option<i32>) {
    let folder = Folder::new();
    let status = run_child(test, folder.path()).status;
    (status.code(), status.signal())
}

#[test]
fn foreign_faults_still_end_the_process() {
    if let Some(folder) = as_child() {
        let map = open(&folder).map(0..10).unwrap();
        touch(foreign(&folder));
        map.check().unwrap();
        return;
    }
    assert_eq!(outcome("foreign_faults_still_end_the_process"), (None, Some(libc::SIGBUS)));
}

extern "C" fn exit_42(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes valid information, and `_exit` is allowed in handlers.
    unsafe { libc::_exit(if (*info).si_signo == libc::SIGBUS { 42 } else { 1 }) };
}

extern "C" fn exit_43(_: c_int) {
    // SAFETY: `_exit` is allowed in handlers.
    unsafe { libc::_exit(43) };
}

#[test]
fn foreign_faults_go_to_the_handler_that_was_there() {
    if let Some(folder) = as_child() {
        set_action(exit_42 as Handler as usize, libc::SA_SIGINFO);
        let map = open(&folder).map(0..4 * PAGE).unwrap();
        cut(&folder.join("file"), 0);
        assert_eq!(touch_last(&map), 0, "its own faults the guard handles");
        touch(foreign(&folder));
        return;
    }
    assert_eq!(outcome("foreign_faults_go_to_the_handler_that_was_there").0, Some(42));
}

#[test]
fn foreign_faults_go_to_a_handler_without_information() {
    if let Some(folder) = as_child() {
        set_action(exit_43 as extern "C" fn(c_int) as usize, 0);
        let _map = open(&folder).map(0..4 * PAGE).unwrap();
        touch(foreign(&folder));
        return;
    }
    assert_eq!(outcome("foreign_faults_go_to_a_handler_without_information").0, Some(43));
}

#[test]
fn a_signal_from_outside_still_ends_the_process() {
    if let Some(folder) = as_child() {
        let _map = open(&folder).map(0..10).unwrap();
        fs::write(folder.join("ready"), b"").unwrap();
        thread::sleep(std::time::Duration::from_secs(60));
        return;
    }
    let folder = Folder::new();
    let mut child = Killed::start("a_signal_from_outside_still_ends_the_process", folder.path());
    wait_until("the child maps", || folder.join("ready").exists());
    // The handler of the standard library, which is there before, only steps aside for the first one.
    for _ in 0..2 {
        let words = ["-BUS".into(), child.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
        thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(child.wait().signal(), Some(libc::SIGBUS));
}

/// What the handler that was installed after the guard gives the signal to.
static OLD_HANDLER: AtomicUsize = AtomicUsize::new(0);
static OLD_FLAGS: AtomicUsize = AtomicUsize::new(0);
static WAS_CALLED: AtomicBool = AtomicBool::new(false);

/// Does what Python's faulthandler does: says something, puts the old handler back, raises the signal again.
extern "C" fn like_faulthandler(signal: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    WAS_CALLED.store(true, Ordering::SeqCst);
    set_action(OLD_HANDLER.load(Ordering::SeqCst), OLD_FLAGS.load(Ordering::SeqCst) as c_int);
    // SAFETY: `raise` is allowed in handlers.
    unsafe { libc::raise(signal) };
}

fn install_like_faulthandler() {
    let handler = like_faulthandler as Handler as usize;
    let old = set_action(handler, libc::SA_SIGINFO | libc::SA_NODEFER);
    OLD_HANDLER.store(old.sa_sigaction, Ordering::SeqCst);
    OLD_FLAGS.store(old.sa_flags as usize, Ordering::SeqCst);
}

#[test]
fn a_later_handler_that_passes_faults_on_is_survived() {
    if let Some(folder) = as_child() {
        let file = open(&folder);
        let map = file.map(0..4 * PAGE).unwrap();
        install_like_faulthandler();
        let second = file.map(0..4 * PAGE).unwrap();
        cut(&folder.join("file"), 10);
        assert_eq!((touch_last(&map), touch_last(&second)), (0, 0));
        assert!(WAS_CALLED.load(Ordering::SeqCst) && map.check().is_err() && second.check().is_err());
        return;
    }
    let folder = Folder::new();
    let test = "a_later_handler_that_passes_faults_on_is_survived";
    assert_success(&run_child(test, folder.path()));
}

#[test]
fn an_earlier_handler_gets_foreign_faults_once() {
    if let Some(folder) = as_child() {
        set_action(libc::SIG_DFL, 0);
        install_like_faulthandler();
        let map = open(&folder).map(0..4 * PAGE).unwrap();
        cut(&folder.join("file"), 0);
        touch_last(&map);
        assert!(!WAS_CALLED.load(Ordering::SeqCst));
        touch(foreign(&folder));
        return;
    }
    assert_eq!(outcome("an_earlier_handler_gets_foreign_faults_once"), (None, Some(libc::SIGBUS)));
}

#[test]
fn a_handler_that_was_reset_comes_back() {
    if let Some(folder) = as_child() {
        let file = open(&folder);
        file.map(0..10).unwrap().check().unwrap();
        set_action(libc::SIG_DFL, 0);
        let map = file.map(0..4 * PAGE).unwrap();
        cut(&folder.join("file"), 0);
        assert_eq!(touch_last(&map), 0);
        assert!(map.check().is_err());
        return;
    }
    let folder = Folder::new();
    assert_success(&run_child("a_handler_that_was_reset_comes_back", folder.path()));
}

#[test]
fn a_full_table_is_an_error_and_no_more() {
    if let Some(folder) = as_child() {
        let file = open(&folder);
        let mut maps: Vec<_> = (0..MAX_MAPPINGS).map(|_| file.map(0..4 * PAGE).unwrap()).collect();
        let error = file.map(0..1).unwrap_err();
        assert!(matches!(error, StoreError::TooManyMappings { limit: MAX_MAPPINGS, .. }), "{error}");
        maps.swap_remove(77);
        maps.push(file.map(0..4 * PAGE).unwrap());
        assert!(file.map(0..1).is_err());
        cut(&folder.join("file"), PAGE);
        for map in maps.iter().step_by(100).chain(maps.last()) {
            assert_eq!((touch_last(map), touch(map.as_ptr())), (0, 1));
            assert!(map.check().is_err());
        }
        drop(maps);
        file.map(0..1).unwrap().check().unwrap();
        return;
    }
    let folder = Folder::new();
    assert_success(&run_child("a_full_table_is_an_error_and_no_more", folder.path()));
}

#[test]
fn faults_all_over_a_huge_mapping_are_survived() {
    if let Some(folder) = as_child() {
        let path = folder.join("huge");
        let len = 1 << 40;
        fs::File::create(&path).unwrap().set_len(len).unwrap();
        // More places than the kernel allows a process mappings (65 530), once.
        for (mode, places) in [(Mode::Read, 70_000), (Mode::ReadWrite, 2000), (Mode::CopyOnWrite, 2000)] {
            cut(&path, len);
            let map = File::open(&path, mode).unwrap().map(0..len).unwrap();
            cut(&path, 0);
            for index in (0..places).rev() {
                assert_eq!(touch(map.as_ptr().wrapping_add(index << 20)), 0);
            }
            assert!(matches!(map.check(), Err(StoreError::Truncated { found: 0, .. })));
        }
        return;
    }
    let folder = Folder::new();
    assert_success(&run_child("faults_all_over_a_huge_mapping_are_survived", folder.path()));
}
