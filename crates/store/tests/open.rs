//! Opening: what is refused, what never changes, and what the errors say.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use common::{Folder, as_child, assert_success, child, pattern};
use ndfolio_store::{Existing, File, Mode, NewFile, StoreError};

const MODES: [Mode; 3] = [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite];

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = Folder::new();
    fifo(&folder.join("fifo"));
    let _listener = UnixListener::bind(folder.join("socket")).unwrap();
    symlink("fifo", folder.join("link")).unwrap();
    let cases = [
        (folder.join("fifo"), "FIFO"),
        (folder.join("link"), "FIFO"),
        (folder.join("socket"), "socket"),
        (folder.path().to_path_buf(), "directory"),
        ("/dev/null".into(), "character device"),
        ("/dev/zero".into(), "character device"),
    ];
    for (path, expected) in cases {
        for mode in MODES {
            let error = File::open(&path, mode).unwrap_err();
            assert!(matches!(error, StoreError::NotRegular { kind, .. } if kind == expected), "{error}");
            assert_eq!(error.path(), path);
            assert!(error.to_string().starts_with(&format!("{}: ", path.display())));
        }
        for existing in [Existing::Refuse, Existing::Replace] {
            let error = NewFile::create(&path, existing).unwrap_err();
            assert!(matches!(error, StoreError::NotRegular { .. }), "{error}");
        }
        assert!(!fs::metadata(&path).unwrap().is_file());
    }
}

#[test]
fn a_missing_file_is_not_made() {
    let folder = Folder::new();
    symlink("nothing", folder.join("dangling")).unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    let file = folder.file("file", 3);
    for mode in MODES {
        for path in
            [folder.join("missing"), folder.join("no/folder"), folder.join("dangling"), file.join("x")]
        {
            let error = File::open(&path, mode).unwrap_err();
            assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
        }
        assert!(matches!(File::open(folder.join("loop"), mode), Err(StoreError::Io { .. })));
        assert!(matches!(File::open("", mode), Err(StoreError::NotFound { .. })));
        assert!(matches!(File::open("a\0b", mode), Err(StoreError::Io { .. })));
    }
    assert_eq!(folder.names(), ["dangling", "file", "loop"]);
}

#[test]
fn opening_and_reading_never_change_a_file() {
    let folder = Folder::new();
    let path = folder.file("file", 5000);
    let before = fs::metadata(&path).unwrap();
    for mode in MODES {
        let file = File::open(&path, mode).unwrap();
        assert_eq!((file.path(), file.mode(), file.len()), (path.as_path(), mode, 5000));
        assert_eq!((file.id().dev, file.id().ino), (before.dev(), before.ino()));
        let mut buf = [0; 5000];
        file.read_at(0, &mut buf).unwrap();
        assert_eq!(buf[..], pattern(0, 5000));
        file.map(10..20).unwrap().check().unwrap();
        file.flush().unwrap();
        file.close().unwrap();
    }
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.len(), after.mtime_nsec()), (before.len(), before.mtime_nsec()));
    assert_eq!(fs::read(&path).unwrap(), pattern(0, 5000));
}

#[test]
fn everything_can_be_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<File>();
    check::<ndfolio_store::Mapping>();
    check::<NewFile>();
    check::<StoreError>();
}

#[test]
fn numpy_knows_the_modes() {
    assert_eq!(MODES.map(Mode::numpy_name), ["r", "r+", "c"]);
    assert_eq!(Mode::ReadWrite.to_string(), "r+");
}

#[test]
fn ranges_outside_of_the_file_are_refused() {
    let folder = Folder::new();
    let path = folder.file("file", 100);
    for mode in MODES {
        let file = File::open(&path, mode).unwrap();
        for (offset, len) in [(0, 101), (100, 1), (101, 0), (u64::MAX, 1), (u64::MAX - 1, 2), (1 << 63, 4)] {
            let error = file.read_at(offset, &mut vec![0; len]).unwrap_err();
            assert!(matches!(error, StoreError::OutOfRange { file_len: 100, .. }), "{error}");
            let error = file.map(offset..offset.saturating_add(len as u64)).err();
            assert!(offset == u64::MAX || matches!(error, Some(StoreError::OutOfRange { .. })), "{error:?}");
            if mode != Mode::Read {
                let error = file.write_at(offset, &vec![0; len]).unwrap_err();
                assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
            }
        }
        file.read_at(100, &mut []).unwrap();
        let empty = file.map(100..100).unwrap();
        assert!(empty.is_empty() && empty.as_mut_ptr().is_none() && !empty.as_ptr().is_null());
        empty.check().unwrap();
        empty.copy_to(0, &mut []).unwrap();
        assert!(matches!(empty.copy_to(0, &mut [0]), Err(StoreError::OutOfRange { .. })));
        let mut header = [9; 200];
        assert_eq!(file.read_up_to(0, &mut header).unwrap(), 100);
        assert_eq!(header[..101], [&pattern(0, 100)[..], &[9]].concat());
        assert_eq!(file.read_up_to(90, &mut header).unwrap(), 10);
        assert_eq!(file.read_up_to(u64::MAX, &mut header).unwrap(), 0);
        let map = file.map(10..20).unwrap();
        assert_eq!((map.file_offset(), map.len()), (10, 10));
        for (offset, len) in [(0, 11), (10, 1), (11, 0), (usize::MAX, 1)] {
            let error = map.copy_to(offset, &mut vec![0; len]).unwrap_err();
            assert!(matches!(error, StoreError::OutOfRange { .. }), "{error}");
        }
    }
    assert_eq!(fs::read(&path).unwrap(), pattern(0, 100));
}

#[test]
fn an_empty_file_can_be_opened_and_mapped() {
    let folder = Folder::new();
    let path = folder.file("empty", 0);
    for mode in MODES {
        let file = File::open(&path, mode).unwrap();
        assert!(file.is_empty() && file.map(0..0).unwrap().is_empty());
        file.read_at(0, &mut []).unwrap();
        file.check().unwrap();
        file.close().unwrap();
    }
}

#[test]
fn files_of_the_kernel_that_tell_no_size_are_empty() {
    let file = File::open("/proc/self/mem", Mode::Read).unwrap();
    assert_eq!((file.len(), file.read_up_to(0, &mut [0; 10]).unwrap()), (0, 0));
}

#[test]
fn reading_mode_refuses_writes_and_says_how() {
    let folder = Folder::new();
    let path = folder.file("file", 100);
    let file = File::open(&path, Mode::Read).unwrap();
    let error = file.write_at(0, b"x").unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { mode: Mode::Read, .. }));
    let text = "opened with mode 'r'; open it with 'r+' (read-write) to change the file or 'c' (copy-on-write) \
        to change only this process's view";
    assert_eq!(error.to_string(), format!("{}: {text}", path.display()));
    let map = file.map(0..10).unwrap();
    assert!(map.as_mut_ptr().is_none() && !map.is_writable());
    assert!(matches!(map.copy_from(0, b"x"), Err(StoreError::ReadOnly { .. })));
}

/// Root may do anything, so this runs as nobody.
#[test]
fn reading_needs_read_permission_only() {
    if let Some(folder) = as_child() {
        return without_permission(&folder);
    }
    let folder = Folder::new();
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (name, mode) in [("readable", 0o444), ("secret", 0o000), ("protected", 0o444)] {
        set(&folder.file(name, 100), mode);
    }
    fs::create_dir(folder.join("closed")).unwrap();
    set(&folder.join("closed"), 0o555);
    fs::create_dir(folder.join("open")).unwrap();
    set(&folder.join("open"), 0o777);
    set(&folder.file("open/protected", 100), 0o444);
    let root = rustix::process::geteuid().is_root();
    let prefix: &[&str] =
        if root { &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] } else { &[] };
    if root && Command::new("setpriv").args(&prefix[1..]).arg("true").status().is_err() {
        println!("skipped: running as root, and there is no setpriv to become somebody else");
        return;
    }
    // The test binary may lie in a folder that only root can enter.
    let copy = folder.join("test-binary");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut command = child(prefix, "reading_needs_read_permission_only", folder.path());
    if root {
        command = replace_program(&command, &copy);
    }
    assert_success(&command.output().unwrap());
    assert_eq!(fs::read(folder.join("open/protected")).unwrap(), pattern(0, 100));
    assert_eq!(common::names(&folder.join("open")), ["protected"]);
}

/// The same command, but with another test binary behind `setpriv …`.
fn replace_program(command: &Command, program: &Path) -> Command {
    let current = std::env::current_exe().unwrap();
    let mut other = Command::new(command.get_program());
    other.args(command.get_args().map(|word| if word == current { program.as_os_str() } else { word }));
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

fn without_permission(folder: &Path) {
    let readable = folder.join("readable");
    for mode in [Mode::Read, Mode::CopyOnWrite] {
        let file = File::open(&readable, mode).unwrap();
        let mut buf = [0; 100];
        file.read_at(0, &mut buf).unwrap();
        assert_eq!(buf[..], pattern(0, 100));
        file.map(0..100).unwrap().check().unwrap();
    }
    let denied = |error: StoreError, words: &str| {
        assert!(matches!(error, StoreError::PermissionDenied { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    denied(File::open(&readable, Mode::ReadWrite).unwrap_err(), "reading and writing");
    for mode in MODES {
        denied(File::open(folder.join("secret"), mode).unwrap_err(), "not allowed to open it");
    }
    denied(NewFile::create(folder.join("closed/new"), Existing::Refuse).unwrap_err(), "create a file");
    let protected = folder.join("open/protected");
    denied(NewFile::create(&protected, Existing::Replace).unwrap_err(), "write-protected");
}
