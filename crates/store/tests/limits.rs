//! Full disks and the limits of a process: errors, never signals, and nothing is left behind.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Folder, as_child, assert_success, pattern, run_child};
use ndfolio_store::{Existing, File, Mode, NewFile, Reserve, StoreError};
use rustix::process::{Resource, Rlimit, setrlimit};

const MIB: u64 = 1 << 20;

/// A file system of one MiB, unmounted in the end.
struct SmallDisk(Folder);

impl SmallDisk {
    /// `None`, and a note, where nothing can be mounted.
    fn mount() -> Option<Self> {
        let folder = Folder::new();
        let words = ["-t", "tmpfs", "-o", "size=1m", "ndfolio-test"];
        let done = Command::new("mount").args(words).arg(folder.path()).output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(folder));
        }
        println!("skipped: no small file system can be mounted (not root?)");
        None
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn is_full<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NoSpace { .. }))
}

#[test]
fn a_full_disk_is_an_error_at_creation() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.folder().join("file");
    fs::write(&path, pattern(0, 1000)).unwrap();
    let mut new = NewFile::create(&path, Existing::Replace).unwrap();
    let error = new.reserve(2 * MIB, Reserve::Space).unwrap_err();
    let StoreError::NoSpace { needed, available: Some(available), .. } = error else { panic!("{error}") };
    assert!(needed == 2 * MIB && available < MIB);
    assert_eq!(common::names(disk.folder()), ["file"], "the temporary file is gone already");
    assert!(matches!(new.commit(), Err(StoreError::Poisoned { .. })));
    assert_eq!(fs::read(&path).unwrap(), pattern(0, 1000));
    // The space is free again, though somebody might still hold the NewFile.
    let mut new = NewFile::create(&path, Existing::Replace).unwrap();
    new.reserve(MIB / 2, Reserve::Space).unwrap();
    new.commit().unwrap();
}

#[test]
fn a_sparse_file_on_a_full_disk_is_an_error_when_written() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.folder().join("file");
    let mut new = NewFile::create(&path, Existing::Refuse).unwrap();
    new.reserve(4 * MIB, Reserve::Sparse).unwrap();
    assert!(is_full(new.write_at(0, &vec![1; 2 * MIB as usize])));
    drop(new);
    assert_eq!(common::names(disk.folder()), [""; 0]);
}

#[test]
fn holes_without_space_are_errors() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.folder().join("file");
    fs::File::create(&path).unwrap().set_len(4 * MIB).unwrap();
    let file = File::open(&path, Mode::ReadWrite).unwrap();
    assert!(is_full(file.write_at(MIB, &vec![1; 2 * MIB as usize])));
    let map = file.map(0..4 * MIB).unwrap();
    let error = map.copy_from(0, &vec![1; 4 * MIB as usize]).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(map.check().is_err());
    drop(map);
    assert!(file.flush().is_err(), "stores were lost");
    assert!(file.close().is_err());
    assert_eq!(fs::metadata(&path).unwrap().len(), 4 * MIB);
}

#[test]
fn the_file_size_limit_does_not_kill() {
    if let Some(folder) = as_child() {
        let limit = Some(64 * 1024);
        setrlimit(Resource::Fsize, Rlimit { current: limit, maximum: limit }).unwrap();
        return under_a_size_limit(&folder);
    }
    let folder = Folder::new();
    folder.file("old", 200_000);
    assert_success(&run_child("the_file_size_limit_does_not_kill", folder.path()));
    assert_eq!(folder.names(), ["fits", "old"]);
    assert_eq!(fs::metadata(folder.join("fits")).unwrap().len(), 64 * 1024);
}

fn under_a_size_limit(folder: &Path) {
    let too_large = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::TooLarge { limit: Some(65536), .. })), "{result:?}");
    };
    for reserve in [Reserve::Space, Reserve::Sparse] {
        let mut new = NewFile::create(folder.join("new"), Existing::Refuse).unwrap();
        too_large(new.reserve(100_000, reserve));
        assert!(new.commit().is_err());
    }
    let new = NewFile::create(folder.join("new"), Existing::Refuse).unwrap();
    too_large(new.write_at(0, &[1; 100_000]));
    drop(new);
    let file = File::open(folder.join("old"), Mode::ReadWrite).unwrap();
    file.write_at(0, &[1; 1000]).unwrap();
    too_large(file.write_at(100_000, &[1]));
    file.close().unwrap();
    let mut new = NewFile::create(folder.join("fits"), Existing::Refuse).unwrap();
    new.reserve(64 * 1024, Reserve::Space).unwrap();
    new.commit().unwrap();
}

#[test]
fn too_many_open_files_are_an_error_and_no_more() {
    if let Some(folder) = as_child() {
        let path = folder.join("file");
        setrlimit(Resource::Nofile, Rlimit { current: Some(40), maximum: Some(40) }).unwrap();
        let mut files = Vec::new();
        let error = loop {
            match File::open(&path, Mode::Read) {
                Ok(file) => files.push(file),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(&error, StoreError::Io { source, .. } if source.raw_os_error() == Some(libc::EMFILE))
        );
        assert!(NewFile::create(folder.join("new"), Existing::Refuse).is_err());
        files.truncate(10);
        let new = NewFile::create(folder.join("new"), Existing::Refuse).unwrap();
        new.write_at(0, b"works").unwrap();
        return new.commit().unwrap();
    }
    let folder = Folder::new();
    folder.file("file", 10);
    assert_success(&run_child("too_many_open_files_are_an_error_and_no_more", folder.path()));
    assert_eq!(folder.names(), ["file", "new"]);
}

#[test]
fn an_address_limit_leaves_reading() {
    if let Some(folder) = as_child() {
        let limit = Some(4 << 30);
        setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
        for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
            let file = File::open(folder.join("huge"), mode).unwrap();
            let error = file.map(0..file.len()).unwrap_err();
            assert!(matches!(error, StoreError::Io { operation: "map", .. }), "{error}");
            file.read_at(file.len() - 10, &mut [1; 10]).unwrap();
        }
        return;
    }
    let folder = Folder::new();
    fs::File::create(folder.join("huge")).unwrap().set_len(1 << 40).unwrap();
    assert_success(&run_child("an_address_limit_leaves_reading", folder.path()));
}
