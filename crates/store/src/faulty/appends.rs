//! What is left of a file when the n-th system call of an append fails, for every n and every kind of failure.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Faulty,
    tests::{Folder, HARMFUL, HARMLESS, fail_every_call, is_harmless},
};
use crate::{APPENDING, Appender, File, Lock, Locking, Mode, Reserve, Result, StoreError, Synced};

/// Bytes before the rows; the count stands in the second 16 of them.
pub(super) const HEAD: u64 = 64;
pub(super) const FIELD: u64 = 16;
pub(super) const ROW: usize = 8;
const AT_ONCE: Locking = Locking { lock: Lock::Auto, wait: Duration::ZERO };

/// Row `index`: no two are alike, and none is zero.
pub(super) fn row(index: u64) -> [u8; ROW] {
    (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

pub(super) fn rows(range: std::ops::Range<u64>) -> Vec<u8> {
    range.flat_map(row).collect()
}

pub(super) fn field(count: u64) -> [u8; 16] {
    format!("{count:16}").into_bytes().try_into().unwrap()
}

/// A file of so many rows with something behind them.
pub(super) fn image(count: u64, behind: &[u8]) -> Vec<u8> {
    let mut bytes = vec![b'#'; HEAD as usize];
    bytes[FIELD as usize..][..16].copy_from_slice(&field(count));
    bytes.extend(rows(0..count));
    bytes.extend(behind);
    bytes
}

/// How many rows a file has; panics unless it is whole, with all rows as they were written.
pub(super) fn expect_whole(bytes: &[u8]) -> u64 {
    let text = std::str::from_utf8(&bytes[FIELD as usize..][..16]).expect("a count in digits");
    let count: u64 = text.trim_start().parse().unwrap_or_else(|_| panic!("count {text:?}"));
    let end = HEAD as usize + count as usize * ROW;
    assert!(bytes.len() >= end, "{count} rows are counted, the file has {} bytes", bytes.len());
    assert!(bytes[HEAD as usize..end] == rows(0..count), "a row that is counted is not what was written");
    count
}

/// Rows that are counted as the file says.
fn counted(file: &File) -> Result<u64> {
    let mut bytes = [0; 16];
    file.read_at(FIELD, &mut bytes)?;
    Ok(std::str::from_utf8(&bytes).unwrap().trim_start().parse().unwrap())
}

/// Two commits, `acknowledged` is told of each: of a few rows, and of `last` more.
fn append(
    path: &Path,
    (synced, last): (Synced, u64),
    calls: &'static Faulty,
    acknowledged: &mut u64,
) -> Result<()> {
    let file = Arc::new(File::open_with(path, Mode::ReadWrite, calls)?);
    let lock = file.lock_range(APPENDING, AT_ONCE)?;
    let mut next = counted(&file)?;
    let mut appender = Appender::new(lock, HEAD + next * ROW as u64, synced)?;
    for batch in [3, 1, last] {
        appender.write(&rows(next..next + batch))?;
        next += batch;
        if batch != 3 {
            appender.commit(FIELD, &field(next))?;
            *acknowledged = next;
        }
    }
    drop(appender);
    let mut back = [0; ROW];
    file.read_at(HEAD + (next - 1) * ROW as u64, &mut back)?;
    assert_eq!(back, row(next - 1));
    Ok(())
}

fn check(path: &Path, calls: &Faulty, before: u64, acknowledged: u64, result: &Result<()>) {
    let bytes = fs::read(path).unwrap();
    let found = expect_whole(&bytes);
    let told = || format!("{:?} {result:?}", calls.made());
    assert!(found >= acknowledged.max(before), "{found} of {acknowledged}: {}", told());
    // Only a failure at the count itself leaves it in doubt.
    let last = calls.made().iter().rev().take(8).any(|&name| name == "pwrite" || name == "fdatasync");
    assert!(found == acknowledged.max(before) || (result.is_err() && last), "{found}: {}", told());
    assert!(result.is_ok() || calls.failed().is_some(), "{result:?}");
    // A fallback takes over for locks and for space that is asked for ahead.
    let hint = ["fallocate_ahead", "unlock", "ftruncate", "lock_holder"];
    let harmless = is_harmless(calls) || calls.failed().is_some_and(|name| hint.contains(&name));
    assert!(result.is_ok() || !harmless, "{}", told());
    // The lock is free again.
    let file = Arc::new(File::open(path, Mode::ReadWrite).unwrap());
    file.lock_range(APPENDING, Locking { lock: Lock::Require, wait: Duration::ZERO }).unwrap();
}

#[test]
fn acknowledged_rows_are_there_whatever_fails() {
    // So many that space is taken ahead, once.
    for (before, behind, last) in [(0, 0, 2), (5, 0, 2), (5, 3, 150_000), (2, 5000, 2)] {
        for synced in [Synced::Commit, Synced::Data, Synced::None] {
            for faults in [&HARMLESS[..], &HARMFUL[..]] {
                fail_every_call(faults, |calls| {
                    let folder = Folder::new();
                    fs::write(folder.file(), image(before, &vec![0xEE; behind])).unwrap();
                    let mut acknowledged = 0;
                    let result = append(&folder.file(), (synced, last), calls, &mut acknowledged);
                    check(&folder.file(), calls, before, acknowledged, &result);
                    // The next one goes on behind what is counted.
                    let again = Faulty::limited(u64::MAX);
                    append(&folder.file(), (Synced::None, 2), again, &mut acknowledged).unwrap();
                    assert_eq!(expect_whole(&fs::read(folder.file()).unwrap()), acknowledged);
                });
            }
        }
    }
}

#[test]
fn rows_that_were_not_counted_are_cut_off() {
    for name in ["pwrite", "fdatasync"] {
        let folder = Folder::new();
        fs::write(folder.file(), image(4, &[])).unwrap();
        let calls = Faulty::first(name, super::Fault::Once(libc::EIO));
        let mut acknowledged = 0;
        append(&folder.file(), (Synced::Commit, 2), calls, &mut acknowledged).unwrap_err();
        assert_eq!(fs::read(folder.file()).unwrap(), image(4, &[]), "{name}");
    }
}

#[test]
fn a_failed_flush_is_final() {
    let folder = Folder::new();
    fs::write(folder.file(), image(4, &[])).unwrap();
    let calls = Faulty::first("fdatasync", super::Fault::Once(libc::EIO));
    let file = Arc::new(File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap());
    let lock = file.lock_range(APPENDING, AT_ONCE).unwrap();
    let mut appender = Appender::new(lock, HEAD + 4 * ROW as u64, Synced::Commit).unwrap();
    appender.write(&row(4)).unwrap();
    assert!(matches!(appender.commit(FIELD, &field(5)), Err(StoreError::Io { .. })));
    assert!(matches!(appender.write(&row(4)), Err(StoreError::Poisoned { .. })));
    assert!(matches!(appender.commit(FIELD, &field(5)), Err(StoreError::Poisoned { .. })));
    assert!(matches!(file.write_at(0, b"#"), Err(StoreError::Poisoned { .. })));
    drop(appender);
    assert_eq!(fs::read(folder.file()).unwrap(), image(4, &[]));
}

#[test]
fn where_there_are_no_locks() {
    for code in [libc::ENOLCK, libc::EOPNOTSUPP, libc::ENOSYS] {
        let folder = Folder::new();
        fs::write(folder.file(), image(4, &[])).unwrap();
        let open = || {
            let calls = Faulty::first("lock", super::Fault::FromNowOn(code));
            Arc::new(File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap())
        };
        let file = open();
        assert_eq!(file.lock_note(), None);
        let lock = file.lock_range(APPENDING, AT_ONCE).unwrap();
        assert!(file.lock_note().unwrap().contains("without a lock"));
        // Threads of one open file are kept apart all the same.
        assert!(matches!(file.lock_range(APPENDING, AT_ONCE), Err(StoreError::Locked { .. })));
        drop(lock);
        drop(file.lock_range(APPENDING, AT_ONCE).unwrap());
        let required = Locking { lock: Lock::Require, wait: Duration::ZERO };
        let error = open().lock_range(APPENDING, required).err().unwrap();
        assert!(matches!(error, StoreError::NoLocks { .. }), "{error}");
        let off = Locking { lock: Lock::Off, wait: Duration::ZERO };
        let file = open();
        drop(file.lock_range(APPENDING, off).unwrap());
        assert_eq!(file.lock_note(), None);
    }
}

#[test]
fn zeros_and_lower_counts() {
    fail_every_call(&HARMFUL, |calls| {
        let folder = Folder::new();
        fs::write(folder.file(), image(4, &[0xEE; 20])).unwrap();
        let run = || {
            let file = Arc::new(File::open_with(&folder.file(), Mode::ReadWrite, calls)?);
            let lock = file.lock_range(APPENDING, AT_ONCE)?;
            let mut appender = Appender::new(lock, HEAD + 4 * ROW as u64, Synced::Commit)?;
            appender.write_zeros(5 * ROW as u64, Reserve::Space, &|| false)?;
            appender.commit(FIELD, &field(9))?;
            appender.lower_to(HEAD + 2 * ROW as u64)?;
            appender.commit(FIELD, &field(2))
        };
        let result = run();
        let bytes = fs::read(folder.file()).unwrap();
        let text = std::str::from_utf8(&bytes[FIELD as usize..][..16]).unwrap();
        match text.trim_start() {
            "4" | "2" => drop(expect_whole(&bytes)),
            "9" => {
                assert_eq!(bytes[HEAD as usize..][..4 * ROW], rows(0..4));
                assert_eq!(bytes[HEAD as usize + 4 * ROW..][..5 * ROW], [0; 5 * ROW]);
            }
            other => panic!("{other}"),
        }
        assert!(result.is_err() || text.trim_start() == "2", "{text}");
        // Nothing that others may have mapped goes away.
        assert!(bytes.len() >= HEAD as usize + 4 * ROW + 20);
    });
}
