//! What is left of a file when the n-th system call fails, for every n and every kind of failure.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use super::{Fault, Faulty};
use crate::{Existing, File, Mode, NewFile, Reserve, Result, StoreError, syscalls};

const OLD: u8 = 0x11;
const NEW: u8 = 0x22;
const LEN: usize = 10_000;

/// Failures that say nothing about the disk: with them, everything has to succeed.
pub(super) const HARMLESS: [Fault; 3] = [Fault::Short, Fault::Once(libc::EINTR), Fault::Once(libc::EAGAIN)];
pub(super) const HARMFUL: [Fault; 6] = [
    Fault::Once(libc::EIO),
    Fault::Once(libc::ENOSPC),
    Fault::Once(libc::EOPNOTSUPP),
    Fault::FromNowOn(libc::EIO),
    Fault::FromNowOn(libc::ENOSPC),
    Fault::FromNowOn(libc::EDQUOT),
];

/// A folder that is removed in the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("ndfolio-store-unit-{}-{count}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("data.bin")
    }

    fn with_old(self) -> Self {
        fs::write(self.file(), [OLD; LEN]).unwrap();
        self
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `scenario` with every call failing in turn, until a run makes too few calls for another failure.
pub(super) fn fail_every_call(faults: &[Fault], mut scenario: impl FnMut(&'static Faulty)) {
    for &fault in faults {
        for after in 0.. {
            let calls = Faulty::after(after, fault);
            scenario(calls);
            if calls.failed().is_none() {
                assert!(after > 3, "the scenario makes no calls");
                break;
            }
        }
    }
}

pub(super) fn is_harmless(calls: &Faulty) -> bool {
    // The kernel never interrupts a rename or a mapping, so nobody repeats them.
    HARMLESS.contains(&calls.fault()) && calls.failed() != Some("rename")
}

fn write_new(path: &Path, existing: Existing, reserve: Reserve, calls: &'static Faulty) -> Result<()> {
    let mut new = NewFile::create_with(path, existing, calls)?;
    new.reserve(LEN as u64, reserve)?;
    new.write_at(0, &[NEW; LEN / 2])?;
    new.write_at(LEN as u64 / 2, &[NEW; LEN - LEN / 2])?;
    let mut back = [0; LEN];
    new.read_at(0, &mut back)?;
    assert_eq!(back, [NEW; LEN]);
    new.commit()
}

fn check_new_file(folder: &Folder, old: Option<u8>, calls: &Faulty, result: &Result<()>) {
    let expected = match (result, calls.failed()) {
        // Only a folder that could not be flushed leaves the new file there after an error.
        (Ok(()), _) | (Err(_), Some("sync_folder")) => Some(NEW),
        (Err(_), _) => old,
    };
    let names: &[&str] = if expected.is_some() { &["data.bin"] } else { &[] };
    assert_eq!(folder.names(), names, "{:?} {result:?}", calls.made());
    if let Some(byte) = expected {
        assert_eq!(fs::read(folder.file()).unwrap(), [byte; LEN], "{:?} {result:?}", calls.made());
    }
    assert!(result.is_ok() || !is_harmless(calls), "{:?} {result:?}", calls.made());
    assert!(result.is_ok() || calls.failed().is_some(), "{result:?}");
}

#[test]
fn a_new_file_is_whole_or_absent() {
    for reserve in [Reserve::Space, Reserve::Sparse] {
        for faults in [&HARMLESS[..], &HARMFUL[..]] {
            fail_every_call(faults, |calls| {
                let folder = Folder::new();
                let result = write_new(&folder.file(), Existing::Refuse, reserve, calls);
                check_new_file(&folder, None, calls, &result);
            });
        }
    }
}

#[test]
fn a_replaced_file_is_old_or_new() {
    for reserve in [Reserve::Space, Reserve::Sparse] {
        for faults in [&HARMLESS[..], &HARMFUL[..]] {
            fail_every_call(faults, |calls| {
                let folder = Folder::new().with_old();
                let result = write_new(&folder.file(), Existing::Replace, reserve, calls);
                check_new_file(&folder, Some(OLD), calls, &result);
            });
        }
    }
}

/// The order is what survives a power loss: bytes, then the name, then the folder.
#[test]
fn bytes_reach_the_disk_before_the_name_does() {
    let folder = Folder::new().with_old();
    let calls = Faulty::limited(u64::MAX);
    write_new(&folder.file(), Existing::Replace, Reserve::Space, calls).unwrap();
    let made = calls.made();
    assert_eq!(made[made.len() - 3..], ["fsync", "rename", "sync_folder"]);
    assert_eq!(made.iter().find(|&&name| name != "len"), Some(&"fallocate"));

    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    file.write_at(0, b"x").unwrap();
    file.close().unwrap();
    let last_write = calls.made().iter().rposition(|&name| name == "pwrite");
    assert!(calls.made().iter().rposition(|&name| name == "fdatasync") > last_write);
}

#[test]
fn long_files_are_written_past_the_page_cache_or_through_it() {
    let part = vec![NEW; 200_000];
    let write = |calls: &'static Faulty| {
        let folder = Folder::new();
        let mut new = NewFile::create_with(&folder.file(), Existing::Refuse, calls).unwrap();
        new.reserve(256 << 20, Reserve::Sparse).unwrap();
        new.write_at(7, &part).unwrap();
        new.write_at(7 + part.len() as u64, &part).unwrap();
        new.write_at(0, b"short").unwrap();
        let mut found = vec![0; 2 * part.len()];
        new.read_at(7, &mut found).unwrap();
        assert!(found.iter().all(|byte| *byte == NEW));
        new.commit().unwrap();
        calls.made().iter().filter(|name| **name == "pwrite").count()
    };
    for code in [libc::EOPNOTSUPP, libc::EINVAL, libc::ENOSYS] {
        let calls = Faulty::first("pwrite_through", Fault::FromNowOn(code));
        assert_eq!((write(calls), calls.failed()), (3, Some("pwrite_through")), "asked once, then not again");
        assert_eq!(calls.made().iter().filter(|name| **name == "pwrite_through").count(), 1);
    }
    for fault in HARMLESS {
        write(Faulty::first("pwrite_through", fault));
    }
    let folder = Folder::new();
    let calls = Faulty::first("pwrite_through", Fault::FromNowOn(libc::ENOSPC));
    let mut new = NewFile::create_with(&folder.file(), Existing::Refuse, calls).unwrap();
    new.reserve(256 << 20, Reserve::Sparse).unwrap();
    assert!(matches!(new.write_at(0, &part), Err(StoreError::NoSpace { .. })));
}

#[test]
fn without_fallocate_the_space_is_written() {
    for code in [libc::EOPNOTSUPP, libc::ENOSYS] {
        let folder = Folder::new();
        let calls = Faulty::first("fallocate", Fault::FromNowOn(code));
        let mut new = NewFile::create_with(&folder.file(), Existing::Refuse, calls).unwrap();
        let len = 2_500_000;
        new.reserve(len, Reserve::Space).unwrap();
        new.commit().unwrap();
        assert_eq!(calls.made().iter().filter(|&&name| name == "pwrite").count(), 3);
        assert_eq!(fs::read(folder.file()).unwrap(), vec![0; 2_500_000]);
    }
}

#[test]
fn without_fallocate_a_full_disk_is_still_an_error() {
    let folder = Folder::new();
    let calls = Faulty::first("fallocate", Fault::FromNowOn(libc::EOPNOTSUPP));
    let mut new = NewFile::create_with(&folder.file(), Existing::Refuse, calls).unwrap();
    let error = new.reserve(1 << 60, Reserve::Space).unwrap_err();
    let StoreError::NoSpace { needed, available: Some(available), .. } = error else { panic!("{error}") };
    assert!(needed == 1 << 60 && available < needed);
    assert_eq!(folder.names(), [""; 0], "the temporary file is gone before the NewFile is");
    assert!(matches!(new.write_at(0, b"x"), Err(StoreError::Poisoned { .. })));
    assert!(matches!(new.commit(), Err(StoreError::Poisoned { .. })));
}

#[test]
fn without_renameat2_other_ways_give_the_name() {
    for give_name in [syscalls::link_to_free_name, syscalls::look_and_rename] {
        let folder = Folder::new().with_old();
        let dir = fs::File::open(&folder.0).unwrap();
        fs::write(folder.0.join("temp"), b"x").unwrap();
        let to = |name: &str| give_name(dir.as_fd(), "temp".as_ref(), name.as_ref());
        assert_eq!(to("data.bin").unwrap_err().raw_os_error(), Some(libc::EEXIST));
        assert_eq!(fs::read(folder.file()).unwrap(), [OLD; LEN]);
        to("free.bin").unwrap();
        assert_eq!(fs::read(folder.0.join("free.bin")).unwrap(), b"x");
        assert!(!folder.0.join("temp").exists());
    }
}

#[test]
fn reading_gives_right_bytes_or_an_error() {
    for faults in [&HARMLESS[..], &HARMFUL[..]] {
        for mode in [Mode::Read, Mode::ReadWrite, Mode::CopyOnWrite] {
            fail_every_call(faults, |calls| {
                let folder = Folder::new().with_old();
                let read = || -> Result<()> {
                    let file = File::open_with(&folder.file(), mode, calls)?;
                    let mut buf = [0; 4000];
                    file.read_at(100, &mut buf)?;
                    assert_eq!(buf, [OLD; 4000]);
                    let map = file.map(4999..9999)?;
                    let mut buf = [0; 4000];
                    map.copy_to(77, &mut buf)?;
                    assert_eq!(buf, [OLD; 4000]);
                    map.check()
                };
                let result = read();
                assert!(result.is_ok() || (calls.failed().is_some() && !is_harmless(calls)), "{result:?}");
                assert_eq!(fs::read(folder.file()).unwrap(), [OLD; LEN]);
            });
        }
    }
}

fn change(path: &Path, mode: Mode, calls: &'static Faulty) -> Result<()> {
    let file = File::open_with(path, mode, calls)?;
    file.write_at(0, &[NEW; 5000])?;
    let map = file.map(5000..LEN as u64)?;
    map.copy_from(0, &[NEW; 5000])?;
    let mut back = [0; LEN];
    file.read_at(0, &mut back)?;
    assert_eq!(back, [NEW; LEN]);
    if let Err(error) = file.flush() {
        let is_lost = matches!(calls.failed(), Some("msync" | "fdatasync"));
        let again = file.flush();
        assert_eq!(is_lost, matches!(again, Err(StoreError::Poisoned { .. })), "{error} {again:?}");
        return Err(error);
    }
    file.close()
}

#[test]
fn writing_in_place_never_changes_the_length() {
    for faults in [&HARMLESS[..], &HARMFUL[..]] {
        fail_every_call(faults, |calls| {
            let folder = Folder::new().with_old();
            let result = change(&folder.file(), Mode::ReadWrite, calls);
            let bytes = fs::read(folder.file()).unwrap();
            assert_eq!(bytes.len(), LEN);
            match result {
                Ok(()) => assert_eq!(bytes, [NEW; LEN]),
                Err(error) => {
                    assert!(calls.failed().is_some() && !is_harmless(calls), "{error}");
                    assert!(bytes.iter().all(|&byte| byte == OLD || byte == NEW));
                }
            }
        });
    }
}

#[test]
fn copy_on_write_never_touches_the_file() {
    for faults in [&HARMLESS[..], &HARMFUL[..]] {
        fail_every_call(faults, |calls| {
            let folder = Folder::new().with_old();
            let result = change(&folder.file(), Mode::CopyOnWrite, calls);
            assert!(result.is_ok() || (calls.failed().is_some() && !is_harmless(calls)), "{result:?}");
            assert_eq!(fs::read(folder.file()).unwrap(), [OLD; LEN]);
            assert!(!calls.made().contains(&"pwrite") && !calls.made().contains(&"fdatasync"));
        });
    }
}

#[test]
fn a_failed_flush_is_never_forgotten() {
    for (call, code) in [("fdatasync", libc::EIO), ("fdatasync", libc::ENOSPC), ("msync", libc::EIO)] {
        let folder = Folder::new().with_old();
        let calls = Faulty::first(call, Fault::Once(code));
        let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
        let map = file.map(0..100).unwrap();
        file.write_at(0, &[NEW]).unwrap();
        let first = file.flush().unwrap_err();
        assert!(matches!(
            (&first, code),
            (StoreError::Io { .. }, libc::EIO) | (StoreError::NoSpace { .. }, libc::ENOSPC)
        ));
        // The system would say that all is well now.
        for result in
            [file.flush(), file.flush_range(0..1), file.write_at(0, &[NEW]), file.map(0..1).map(drop)]
        {
            let Err(StoreError::Poisoned { reason, .. }) = result else { panic!("{result:?}") };
            assert_eq!(reason, first.to_string());
        }
        let mut buf = [0];
        file.read_at(0, &mut buf).unwrap();
        map.check().unwrap();
        assert!(matches!(file.close(), Err(StoreError::Poisoned { .. })));
        File::open(folder.file(), Mode::ReadWrite).unwrap().flush().unwrap();
    }
}

#[test]
fn close_tells_what_the_flush_says() {
    let folder = Folder::new().with_old();
    let calls = Faulty::first("fdatasync", Fault::Once(libc::EIO));
    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    file.write_at(0, &[NEW]).unwrap();
    assert!(matches!(file.close(), Err(StoreError::Io { operation: "flush", .. })));

    let calls = Faulty::first("fdatasync", Fault::Once(libc::EIO));
    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    file.close().expect("nothing was written, so nothing is flushed");
}

#[test]
fn reading_maps_privately_where_nothing_is_shared() {
    let folder = Folder::new().with_old();
    let calls = Faulty::first("mmap", Fault::Once(libc::ENODEV));
    let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
    let map = file.map(1..LEN as u64).unwrap();
    let mut buf = [0; 10];
    map.copy_to(5, &mut buf).unwrap();
    assert_eq!(buf, [OLD; 10]);
    assert!(map.as_mut_ptr().is_none());

    // Private pages would not write to the file.
    let calls = Faulty::first("mmap", Fault::Once(libc::ENODEV));
    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    assert!(matches!(file.map(0..1), Err(StoreError::Io { operation: "map", .. })));
}

#[test]
fn a_size_limit_is_an_error_before_the_kernel_sends_a_signal() {
    let folder = Folder::new().with_old();
    let calls = Faulty::limited(5000);
    let limited = |result: Result<()>| {
        let Err(StoreError::TooLarge { limit: Some(5000), .. }) = result else { panic!("{result:?}") };
    };
    for reserve in [Reserve::Space, Reserve::Sparse] {
        let mut new = NewFile::create_with(&folder.0.join("new"), Existing::Refuse, calls).unwrap();
        new.write_at(0, &[0; 5000]).unwrap();
        limited(new.write_at(4999, &[0; 2]));
        limited(new.reserve(5001, reserve));
    }
    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    file.write_at(0, &[NEW]).unwrap();
    limited(file.write_at(6000, &[NEW]));
    assert_eq!(folder.names(), ["data.bin"]);
}
