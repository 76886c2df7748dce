//! New files: whole under their name, or not there.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Barrier;
use std::thread;

use common::{Folder, Killed, as_child, pattern, wait_until};
use ndfolio_store::{Existing, File, FileId, Mode, NewFile, Reserve, StoreError};

/// Random enough, and of the form that temporary names have.
const DEBRIS: &str = ".file.4711-00112233aabbccdd.part";

fn parts(folder: &Folder) -> usize {
    folder.names().iter().filter(|name| name.ends_with(".part")).count()
}

#[test]
fn nothing_shows_before_commit() {
    for reserve in [Reserve::Space, Reserve::Sparse] {
        let folder = Folder::new();
        let path = folder.join("file");
        let mut new = NewFile::create(&path, Existing::Refuse).unwrap();
        assert_eq!(new.path(), path);
        new.reserve(100_000, reserve).unwrap();
        new.write_at(50_000, b"middle").unwrap();
        let mut buf = [9; 8];
        new.read_at(49_999, &mut buf).unwrap();
        assert_eq!(&buf, b"\0middle\0");
        assert!(matches!(new.read_at(99_999, &mut [0; 2]), Err(StoreError::OutOfRange { .. })));
        assert!(!path.exists() && parts(&folder) == 1);
        new.commit().unwrap();
        let mut expected = vec![0; 100_000];
        expected[50_000..50_006].copy_from_slice(b"middle");
        assert!(fs::read(&path).unwrap() == expected);
        assert_eq!(folder.names(), ["file"]);
        let blocks = fs::metadata(&path).unwrap().blocks();
        assert_eq!(blocks * 512 >= 100_000, reserve == Reserve::Space, "{blocks} blocks of 512 bytes");
    }
}

#[test]
fn reserving_never_shortens() {
    let folder = Folder::new();
    let mut new = NewFile::create(folder.join("file"), Existing::Refuse).unwrap();
    new.write_at(0, &pattern(0, 500)).unwrap();
    for (len, reserve) in [(10, Reserve::Sparse), (10, Reserve::Space), (0, Reserve::Space)] {
        new.reserve(len, reserve).unwrap();
    }
    new.commit().unwrap();
    assert_eq!(fs::read(folder.join("file")).unwrap(), pattern(0, 500));
}

#[test]
fn dropping_leaves_nothing() {
    let folder = Folder::new();
    let path = folder.file("file", 100);
    let new = NewFile::create(&path, Existing::Replace).unwrap();
    new.write_at(0, b"other").unwrap();
    drop(new);
    drop(NewFile::create(folder.join("second"), Existing::Refuse).unwrap());
    assert_eq!(folder.names(), ["file"]);
    assert_eq!(fs::read(&path).unwrap(), pattern(0, 100));
}

#[test]
fn an_existing_name_is_refused_at_once_and_at_commit() {
    let folder = Folder::new();
    let path = folder.file("file", 100);
    let error = NewFile::create(&path, Existing::Refuse).unwrap_err();
    assert!(matches!(&error, StoreError::AlreadyExists { path: p } if *p == path), "{error}");

    let late = folder.join("late");
    let new = NewFile::create(&late, Existing::Refuse).unwrap();
    fs::write(&late, b"first").unwrap();
    assert!(matches!(new.commit(), Err(StoreError::AlreadyExists { .. })));
    assert_eq!(fs::read(&late).unwrap(), b"first");

    // A directory or a device that takes the name meanwhile is not replaced either.
    for existing in [Existing::Refuse, Existing::Replace] {
        let new = NewFile::create(folder.join("folder"), existing).unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        assert!(matches!(new.commit(), Err(StoreError::NotRegular { .. })));
        fs::remove_dir(folder.join("folder")).unwrap();
    }
    assert_eq!(folder.names(), ["file", "late"]);
}

#[test]
fn replacing_keeps_the_permissions_and_the_readers() {
    let folder = Folder::new();
    let path = folder.file("file", 100);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let reader = File::open(&path, Mode::Read).unwrap();
    let writer = File::open(&path, Mode::ReadWrite).unwrap();
    let new = NewFile::create(&path, Existing::Replace).unwrap();
    new.write_at(0, b"new").unwrap();
    new.commit().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    let mut buf = [0; 100];
    reader.read_at(0, &mut buf).unwrap();
    assert_eq!(buf[..], pattern(0, 100));
    writer.write_at(0, b"lost").unwrap();
    assert!(matches!(writer.close(), Err(StoreError::Replaced { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_new_file_gets_the_permissions_of_any_new_file() {
    let folder = Folder::new();
    fs::write(folder.join("plain"), b"").unwrap();
    NewFile::create(folder.join("file"), Existing::Refuse).unwrap().commit().unwrap();
    let mode = |name| fs::metadata(folder.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("file"), mode("plain"));
}

#[test]
fn symbolic_links_stay() {
    let folder = Folder::new();
    fs::create_dir(folder.join("sub")).unwrap();
    symlink("sub/target", folder.join("link")).unwrap();
    symlink(folder.join("link"), folder.join("far")).unwrap();
    for (round, existing) in [Existing::Refuse, Existing::Replace, Existing::Replace].into_iter().enumerate()
    {
        let new = NewFile::create(folder.join("far"), existing).unwrap();
        new.write_at(0, &[round as u8]).unwrap();
        new.commit().unwrap();
        assert_eq!(fs::read(folder.join("sub/target")).unwrap(), [round as u8]);
    }
    assert!(matches!(
        NewFile::create(folder.join("far"), Existing::Refuse),
        Err(StoreError::AlreadyExists { .. })
    ));
    assert!(fs::symlink_metadata(folder.join("link")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(folder.join("far")).unwrap().is_symlink());
    assert_eq!(common::names(&folder.join("sub")), ["target"]);
    symlink("loop", folder.join("loop")).unwrap();
    assert!(matches!(NewFile::create(folder.join("loop"), Existing::Replace), Err(StoreError::Io { .. })));
}

#[test]
fn impossible_names_are_errors() {
    let folder = Folder::new();
    let path = |name: &str| format!("{}/{name}", folder.path().display());
    for name in ["", "sub/..", "new/"] {
        let result = NewFile::create(path(name), Existing::Replace);
        assert!(matches!(result, Err(StoreError::NotRegular { .. } | StoreError::NotFound { .. })), "{name}");
    }
    assert!(matches!(NewFile::create("", Existing::Replace), Err(StoreError::NotFound { .. })));
    assert!(matches!(NewFile::create(path("no/such"), Existing::Refuse), Err(StoreError::NotFound { .. })));
    assert!(matches!(NewFile::create(path(&"x".repeat(256)), Existing::Refuse), Err(StoreError::Io { .. })));
    assert_eq!(folder.names(), [""; 0]);
    NewFile::create(path(&"x".repeat(255)), Existing::Refuse).unwrap().commit().unwrap();
    assert_eq!(folder.names(), ["x".repeat(255)]);
}

#[test]
fn commit_open_opens_what_was_written() {
    let folder = Folder::new();
    let path = folder.join("file");
    for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
        let new = NewFile::create(&path, Existing::Replace).unwrap();
        new.write_at(0, b"bytes").unwrap();
        let file = new.commit_open(mode).unwrap();
        assert_eq!((file.mode(), file.len()), (mode, 5));
        assert_eq!(file.id(), FileId::from(&fs::metadata(&path).unwrap()));
    }
}

#[test]
fn debris_is_swept_and_nothing_else() {
    let folder = Folder::new();
    let living = NewFile::create(folder.join("file"), Existing::Refuse).unwrap();
    let others = [
        ".file.part",
        ".file.mine.part",
        ".file.4711-00112233aabbccdd.npy",
        ".other.1-0123456789abcdef.part",
    ];
    for name in others.iter().chain(&[DEBRIS]) {
        folder.file(name, 10);
    }
    fs::create_dir(folder.join(".file.1-0000000000000000.part")).unwrap();
    symlink("nothing", folder.join(".file.2-0000000000000000.part")).unwrap();
    NewFile::create(folder.join("file"), Existing::Refuse).unwrap().commit().unwrap();
    assert!(matches!(living.commit(), Err(StoreError::AlreadyExists { .. })), "it was not swept");
    let mut expected = vec![".file.1-0000000000000000.part", ".file.2-0000000000000000.part", "file"];
    expected.extend(others);
    expected.sort_unstable();
    assert_eq!(folder.names(), expected);
}

#[test]
fn a_killed_writer_leaves_the_old_file_and_swept_debris() {
    if let Some(folder) = as_child() {
        let mut new = NewFile::create(folder.join("file"), Existing::Replace).unwrap();
        new.reserve(1 << 20, Reserve::Space).unwrap();
        new.write_at(0, &pattern(0, 300_000)).unwrap();
        fs::write(folder.join("ready"), b"").unwrap();
        thread::sleep(std::time::Duration::from_secs(60));
        return;
    }
    for old in [None, Some(100)] {
        let folder = Folder::new();
        let path = folder.join("file");
        old.map(|len| folder.file("file", len));
        let child = Killed::start("a_killed_writer_leaves_the_old_file_and_swept_debris", folder.path());
        wait_until("the child writes", || folder.join("ready").exists());
        // While it lives, nobody takes its file away.
        drop(NewFile::create(&path, Existing::Replace).unwrap());
        assert_eq!(parts(&folder), 1);
        child.kill();
        assert_eq!(parts(&folder), 1);
        assert_eq!(fs::read(&path).ok(), old.map(|len| pattern(0, len as usize)));
        let new = NewFile::create(&path, Existing::Replace).unwrap();
        assert_eq!(parts(&folder), 1, "only the new one");
        new.write_at(0, b"whole").unwrap();
        new.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(folder.names(), ["file", "ready"]);
    }
}

/// Killed at random places: the name has the old bytes or the new ones, never others.
#[test]
fn a_writer_killed_anywhere_leaves_old_or_new() {
    if let Some(folder) = as_child() {
        for round in 0_u8.. {
            let mut new = NewFile::create(folder.join("file"), Existing::Replace).unwrap();
            new.reserve(200_000, Reserve::Space).unwrap();
            new.write_at(0, &vec![round; 100_000]).unwrap();
            new.write_at(100_000, &vec![round; 100_000]).unwrap();
            new.commit().unwrap();
        }
    }
    let folder = Folder::new();
    for round in 0..15 {
        let child = Killed::start("a_writer_killed_anywhere_leaves_old_or_new", folder.path());
        wait_until("there is a first file", || folder.join("file").exists());
        thread::sleep(std::time::Duration::from_millis(3 + 2 * round));
        child.kill();
        let bytes = fs::read(folder.join("file")).unwrap();
        assert!(bytes.len() == 200_000 && bytes.iter().all(|&byte| byte == bytes[0]));
        drop(NewFile::create(folder.join("file"), Existing::Replace).unwrap());
        assert_eq!(folder.names(), ["file"]);
    }
}

#[test]
fn of_many_creators_one_wins() {
    let folder = Folder::new();
    let path = folder.join("file");
    for _ in 0..20 {
        let barrier = Barrier::new(4);
        let write = |index: u8| {
            let new = NewFile::create(&path, Existing::Refuse).ok();
            barrier.wait();
            new.and_then(|new| new.write_at(0, &[index; 1000]).and_then(|()| new.commit()).ok())
                .map(|()| index)
        };
        let winners: Vec<u8> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|index| scope.spawn(move || write(index))).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(fs::read(&path).unwrap(), [winners[0]; 1000]);
        assert_eq!(folder.names(), ["file"]);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn many_replacers_leave_one_whole_file() {
    let folder = Folder::new();
    let path = folder.join("file");
    let replace = |index: u8| {
        for _ in 0..50 {
            let new = NewFile::create(&path, Existing::Replace).unwrap();
            new.write_at(0, &[index; 5000]).unwrap();
            new.commit().unwrap();
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() == 5000 && bytes.iter().all(|&byte| byte == bytes[0]));
        }
    };
    thread::scope(|scope| {
        for index in 0..4 {
            scope.spawn(move || replace(index));
        }
    });
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_device_is_not_replaced() {
    use rustix::fs::{CWD, FileType, Mode, makedev};
    let folder = Folder::new();
    let path = folder.join("null");
    let mode = Mode::from_raw_mode(0o666);
    if rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, mode, makedev(1, 3)).is_err() {
        println!("skipped: only root can make a device node");
        return;
    }
    for existing in [Existing::Refuse, Existing::Replace] {
        let error = NewFile::create(&path, existing).unwrap_err();
        assert!(matches!(error, StoreError::NotRegular { kind: "character device", .. }), "{error}");
    }
    assert!(!fs::metadata(&path).unwrap().is_file());
}
