//! What is said of the page cache, and what is done to it.

mod common;

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use common::{Folder, PAGE, as_child, assert_success, child, cut, run_child};
use ndfolio_store::{Advice, File, Mode, Residency, StoreError};
use rustix::process::{Resource, Rlimit, setrlimit};

const MIB: u64 = 1 << 20;

/// The file, if this file system lets go of pages when it is told to.
fn evictable(folder: &Folder, len: u64, mode: Mode) -> Option<File> {
    let file = File::open(folder.file("file", len), mode).unwrap();
    let left = file.evict(0..len).unwrap();
    if left.resident == Some(0) {
        return Some(file);
    }
    eprintln!("skipped: {} keeps {left:?}", file.file_system().name);
    None
}

/// Runs a test a few times until it passes: the page cache is everybody's, and others push pages out or drop
/// them all.
fn undisturbed(test: impl Fn()) {
    for _ in 0..4 {
        if panic::catch_unwind(AssertUnwindSafe(&test)).is_ok() {
            return;
        }
    }
    test();
}

fn resident(file: &File) -> Option<u64> {
    file.residency(0..file.len()).unwrap().resident
}

#[test]
fn pages_come_and_go() {
    undisturbed(|| {
        let folder = Folder::new();
        let len = 3 * MIB + 100;
        let pages = len.div_ceil(PAGE);
        for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
            let Some(file) = evictable(&folder, len, mode) else { return };
            assert_eq!(file.prefetch(0..len, &|| false).unwrap(), len);
            let found = file.residency(0..len).unwrap();
            assert_eq!((found.pages, found.resident, found.dirty), (pages, Some(pages), Some(0)));
            assert_eq!((found.page_size, found.share()), (PAGE, Some(1.0)));
            assert_eq!(file.residency(PAGE - 1..PAGE + 1).unwrap().pages, 2);
            assert_eq!(file.residency(5..5).unwrap().pages, 0);
            let left = file.evict(0..len).unwrap();
            assert_eq!((left.resident, left.dirty), (Some(0), Some(0)));
        }
    });
}

#[test]
fn dirty_pages_are_written_before_they_go() {
    undisturbed(|| {
        let folder = Folder::new();
        let Some(file) = evictable(&folder, 2 * MIB, Mode::ReadWrite) else { return };
        file.write_at(MIB, &[7; 100_000]).unwrap();
        let map = file.map(0..PAGE).unwrap();
        map.copy_from(0, &[8; 10]).unwrap();
        drop(map);
        assert!(file.residency(0..2 * MIB).unwrap().dirty > Some(20));
        let left = file.evict(0..2 * MIB).unwrap();
        assert_eq!((left.resident, left.dirty), (Some(0), Some(0)));
        let mut buf = [0; 10];
        file.read_at(MIB, &mut buf).unwrap();
        assert_eq!(buf, [7; 10]);
        file.read_at(0, &mut buf).unwrap();
        assert_eq!(buf, [8; 10]);
        file.close().unwrap();
    });
}

#[test]
fn only_whole_pages_inside_a_range_go() {
    undisturbed(|| {
        let folder = Folder::new();
        let len = 64 * PAGE;
        let Some(file) = evictable(&folder, len, Mode::Read) else { return };
        // Page by page, so that every page is a folio of its own.
        file.advise(0..len, Advice::Random).unwrap();
        for page in 0..64 {
            file.read_at(page * PAGE, &mut [0; 10]).unwrap();
        }
        let left = file.evict(10 * PAGE + 1..20 * PAGE - 1).unwrap();
        assert_eq!(left.pages, 10);
        assert_eq!(left.resident, Some(2));
        assert_eq!(resident(&file), Some(56));
    });
}

#[test]
fn a_map_shows_which_part_is_there() {
    undisturbed(|| {
        let folder = Folder::new();
        let Some(file) = evictable(&folder, 4 * MIB, Mode::Read) else { return };
        file.advise(0..4 * MIB, Advice::Random).unwrap();
        file.prefetch(0..2 * MIB, &|| false).unwrap();
        assert_eq!(file.resident_map(0..4 * MIB, 4).unwrap(), [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]);
        assert_eq!(file.resident_map(MIB..3 * MIB, 1).unwrap(), [Some(0.5)]);
        assert_eq!(file.resident_map(0..10, 100).unwrap(), vec![Some(1.0); 100]);
        assert_eq!(file.resident_map(0..0, 2).unwrap(), [Some(0.0); 2]);
        assert!(file.resident_map(0..4 * MIB, 0).unwrap().is_empty());
    });
}

#[test]
fn prefetching_can_be_stopped() {
    undisturbed(|| {
        let folder = Folder::new();
        let Some(file) = evictable(&folder, 8 * MIB, Mode::Read) else { return };
        file.advise(0..8 * MIB, Advice::Random).unwrap();
        let asked = Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) == 3;
        assert_eq!(file.prefetch(100..8 * MIB, &stop).unwrap(), 3 * MIB);
        assert_eq!(asked.get(), 4);
        assert_eq!(resident(&file), Some(3 * MIB / PAGE + 1));
    });
}

#[test]
fn prefetching_a_cut_file_tells() {
    let folder = Folder::new();
    let path = folder.file("file", 3 * MIB);
    let file = File::open(&path, Mode::Read).unwrap();
    cut(&path, MIB + 10);
    let error = file.prefetch(0..3 * MIB, &|| false).unwrap_err();
    assert!(matches!(error, StoreError::Truncated { offset: MIB, found: 10, .. }), "{error}");
    assert!(file.residency(0..3 * MIB).unwrap().resident <= Some(3 * MIB / PAGE));
}

#[test]
fn ranges_have_to_be_in_the_file() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 1000), Mode::Read).unwrap();
    let refused = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::OutOfRange { .. })), "{result:?}");
    };
    refused(file.residency(0..1001).map(drop));
    refused(file.resident_map(1000..1001, 3).map(drop));
    refused(file.advise(0..u64::MAX, Advice::Normal));
    refused(file.prefetch(999..1001, &|| false).map(drop));
    refused(file.evict(0..1001).map(drop));
    refused(file.lock(0..1001).map(drop));
}

#[test]
fn all_advice_is_taken() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 100_000), Mode::Read).unwrap();
    let all = [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::DontNeed];
    for advice in all {
        file.advise(10..50_000, advice).unwrap();
        file.advise(7..7, advice).unwrap();
    }
}

/// Words that make a child of somebody who owns nothing; `None` where this process may not.
fn as_nobody() -> Option<[&'static str; 4]> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return None;
    }
    Some(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
}

fn readable_by_all(folder: &Folder, names: &[&str]) {
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in names {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// The tests' program where others may run it.
fn run_as_nobody(test: &str, folder: &Path) -> Option<std::process::Output> {
    let prefix = as_nobody()?;
    let output = child(&prefix, test, folder).output().unwrap();
    let is_missing = String::from_utf8_lossy(&output.stderr).contains("failed to execute");
    if is_missing {
        eprintln!("skipped: nobody else may run this program");
        return None;
    }
    Some(output)
}

#[test]
fn without_permission_residency_is_unknown() {
    const NAME: &str = "without_permission_residency_is_unknown";
    if let Some(folder) = as_child() {
        let file = File::open(folder.join("file"), Mode::Read).unwrap();
        let Residency { pages, resident, dirty, method, .. } = file.residency(0..file.len()).unwrap();
        assert_eq!((pages, resident, dirty), (25, None, None));
        assert!(method.starts_with("unknown"), "{method}");
        assert_eq!(file.resident_map(0..file.len(), 2).unwrap(), [None, None]);
        return;
    }
    let folder = Folder::new();
    folder.file("file", 100_000);
    readable_by_all(&folder, &["file"]);
    if let Some(output) = run_as_nobody(NAME, folder.path()) {
        assert_success(&output);
    }
}

#[test]
fn locked_pages_stay() {
    undisturbed(|| {
        let folder = Folder::new();
        let Some(file) = evictable(&folder, MIB, Mode::Read) else { return };
        let locked = file.lock(PAGE + 5..10 * PAGE).unwrap();
        assert_eq!(locked.range(), PAGE + 5..10 * PAGE);
        assert_eq!(file.residency(locked.range()).unwrap().share(), Some(1.0));
        assert!(file.evict(0..MIB).unwrap().resident >= Some(9));
        drop(locked);
        assert_eq!(file.evict(0..MIB).unwrap().resident, Some(0));
        assert_eq!(file.lock(3..3).unwrap().range(), 3..3);
    });
}

#[test]
fn the_lock_limit_is_named() {
    const NAME: &str = "the_lock_limit_is_named";
    if let Some(folder) = as_child() {
        setrlimit(Resource::Memlock, Rlimit { current: Some(64 * 1024), maximum: Some(64 * 1024) }).unwrap();
        let file = File::open(folder.join("file"), Mode::Read).unwrap();
        let small = file.lock(0..32 * 1024).unwrap();
        let error = file.lock(10..MIB).unwrap_err();
        assert!(matches!(error, StoreError::LockLimit { needed: MIB, limit: 65536, .. }), "{error}");
        drop(small);
        file.lock(0..64 * 1024).unwrap();
        return;
    }
    let folder = Folder::new();
    folder.file("file", MIB);
    readable_by_all(&folder, &["file"]);
    if let Some(output) = run_as_nobody(NAME, folder.path()) {
        assert_success(&output);
    }
}

#[test]
fn locking_a_cut_file_tells() {
    if let Some(folder) = as_child() {
        let path = folder.join("file");
        let file = File::open(&path, Mode::Read).unwrap();
        cut(&path, 100);
        let error = file.lock(0..MIB).unwrap_err();
        assert!(matches!(error, StoreError::Truncated { .. }), "{error}");
        return;
    }
    let folder = Folder::new();
    folder.file("file", MIB);
    assert_success(&run_child("locking_a_cut_file_tells", folder.path()));
}

#[test]
fn the_file_system_has_a_name() {
    let folder = Folder::new();
    let file = File::open(folder.file("file", 10), Mode::Read).unwrap();
    let found = file.file_system();
    assert!(!found.name.is_empty() && found.name != "unknown", "{found:?}");
}
