//! What the read engines and the page cache's methods make of system calls that fail.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::Mutex;

use super::tests::{Folder, HARMFUL, HARMLESS, fail_every_call, is_harmless};
use super::{Fault, Faulty};
use crate::{
    AccessPlan, Dispenser, Evidence, File, Held, IoEngine, Mode, Pattern, Pieces, Result, StoreError,
};

const LEN: u64 = 100_000;

fn byte(offset: u64) -> u8 {
    (offset % 251) as u8
}

fn bytes(range: &Range<u64>) -> Vec<u8> {
    range.clone().map(byte).collect()
}

fn folder() -> Folder {
    let folder = Folder::new();
    fs::write(folder.file(), bytes(&(0..LEN))).unwrap();
    folder
}

fn pieces() -> Vec<Range<u64>> {
    vec![0..30_000, 100..40_100, 50_000..50_001, 5..5, 60_001..LEN, LEN - 1..LEN, 4096..8192]
}

/// Reads all pieces; those that came are right, whatever happened.
fn stream(file: &File, engine: IoEngine) -> Result<()> {
    let pieces = pieces();
    let dispenser = Dispenser::new(&pieces);
    let mut seen = BTreeMap::new();
    let mut stream = file.stream(engine, &dispenser, LEN as usize)?;
    while let Some((index, found)) = stream.next()? {
        assert!(*found == bytes(&pieces.range(index)), "{engine} {index}");
        assert!(seen.insert(index, ()).is_none());
    }
    assert_eq!(seen.len(), pieces.len());
    Ok(())
}

#[test]
fn streams_give_right_bytes_or_an_error() {
    let folder = folder();
    for faults in [&HARMLESS[..], &HARMFUL[..]] {
        for engine in IoEngine::ALL {
            fail_every_call(faults, |calls| {
                let read = || stream(&File::open_with(&folder.file(), Mode::Read, calls)?, engine);
                let result = read();
                let is_explained = calls.failed().is_some() && !is_harmless(calls);
                let is_absent = matches!(result, Err(StoreError::Unsupported { .. }));
                assert!(
                    result.is_ok() || is_explained || is_absent,
                    "{engine} {:?} {result:?}",
                    calls.made()
                );
            });
        }
    }
}

/// Holds all pieces; they are right, whatever happened, and so are those of the read after a failed one.
fn hold(file: &File, engine: IoEngine, held: &mut Held) -> Result<()> {
    let pieces = pieces();
    file.hold(engine, (&pieces, 2 * LEN as usize * pieces.len()), held, &|| true)?;
    for index in 0..pieces.len() {
        let (found, wanted) = (held.piece(index), bytes(&pieces.range(index)));
        let first = found.iter().zip(&wanted).position(|(a, b)| a != b);
        assert!(*found == wanted, "{engine} {index} {first:?} {} {}", found.len(), wanted.len());
    }
    Ok(())
}

#[test]
fn held_pieces_are_right_or_an_error() {
    let folder = folder();
    for faults in [&HARMLESS[..], &HARMFUL[..]] {
        for engine in IoEngine::ALL {
            fail_every_call(faults, |calls| {
                let mut held = Held::default();
                let mut read =
                    || hold(&File::open_with(&folder.file(), Mode::Read, calls)?, engine, &mut held);
                let result = read();
                let is_explained = calls.failed().is_some() && !is_harmless(calls);
                assert!(result.is_ok() || is_explained, "{engine} {:?} {result:?}", calls.made());
                if calls.failed().is_some() {
                    hold(&File::open(folder.file(), Mode::Read).unwrap(), engine, &mut held).unwrap();
                }
            });
        }
    }
}

/// Whether the queue of reads can be had here; tests without it would test nothing.
#[cfg(target_os = "linux")]
fn is_direct_possible() -> bool {
    let folder = folder();
    let file = File::open(folder.file(), Mode::Read).unwrap();
    let result = stream(&file, IoEngine::Direct);
    if let Err(error) = &result {
        eprintln!("skipped: {error}");
    }
    result.is_ok()
}

#[test]
#[cfg(target_os = "linux")]
fn each_queued_read_can_fail() {
    if !is_direct_possible() {
        return;
    }
    let folder = folder();
    let reads = 10;
    for code in [libc::EIO, libc::EINVAL, libc::ENOMEM] {
        for after in 0..reads {
            let calls = Faulty::nth("completed", after, Fault::Once(code));
            let result =
                stream(&File::open_with(&folder.file(), Mode::Read, calls).unwrap(), IoEngine::Direct);
            let Some(_) = calls.failed() else {
                result.unwrap();
                continue;
            };
            let Err(StoreError::Io { source, offset: Some(_), .. }) = &result else { panic!("{result:?}") };
            assert_eq!(source.raw_os_error(), Some(code));
        }
    }
    for fault in HARMLESS {
        for after in 0..reads {
            let calls = Faulty::nth("completed", after, fault);
            stream(&File::open_with(&folder.file(), Mode::Read, calls).unwrap(), IoEngine::Direct).unwrap();
        }
    }
}

/// The order in which the pieces come, of a stream whose read `after` others is late.
#[cfg(target_os = "linux")]
fn order(after: usize, fault: Fault, in_order: bool) -> Vec<usize> {
    let folder = folder();
    let calls = Faulty::nth("completed", after, fault);
    let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
    let pieces = crate::Chunks::new(100..LEN, 10_000);
    let dispenser = Dispenser::new(&pieces);
    let dispenser = if in_order { dispenser.in_order() } else { dispenser };
    let mut stream = file.stream(IoEngine::Direct, &dispenser, 45_000).unwrap();
    let mut seen = Vec::new();
    while let Some((index, found)) = stream.next().unwrap() {
        assert!(*found == bytes(&pieces.range(index)));
        seen.push(index);
    }
    assert_eq!(seen.len(), pieces.count());
    seen
}

#[test]
#[cfg(target_os = "linux")]
fn pieces_come_in_order_where_that_is_asked_for() {
    if !is_direct_possible() {
        return;
    }
    let expected: Vec<usize> = (0..10).collect();
    let mut was_other = false;
    for fault in HARMLESS {
        for after in 0..12 {
            assert_eq!(order(after, fault, true), expected);
            was_other |= order(after, fault, false) != expected;
        }
    }
    assert!(was_other, "reads that are late change nothing");
}

#[test]
#[cfg(target_os = "linux")]
fn a_refused_second_descriptor_leaves_calls() {
    let folder = folder();
    for code in [libc::EINVAL, libc::EOPNOTSUPP, libc::EPERM] {
        for call in ["open_direct", "pread"] {
            let calls = Faulty::first(call, Fault::Once(code));
            let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
            let pieces = pieces();
            let dispenser = Dispenser::new(&pieces);
            let (stream, reason) = file.stream_or_fallback(IoEngine::Direct, &dispenser, 1 << 20).unwrap();
            assert_eq!(stream.engine(), IoEngine::Pread);
            assert!(matches!(reason, Some(StoreError::Unsupported { .. })), "{reason:?}");
            // What was found out is kept.
            assert!(matches!(stream_error(&file), StoreError::Unsupported { .. }));
        }
    }
}

#[cfg(target_os = "linux")]
fn stream_error(file: &File) -> StoreError {
    stream(file, IoEngine::Direct).unwrap_err()
}

#[test]
fn without_a_mapping_calls_do() {
    let folder = folder();
    let calls = Faulty::first("mmap", Fault::FromNowOn(libc::ENOMEM));
    let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
    let pieces = pieces();
    let dispenser = Dispenser::new(&pieces);
    let (stream, reason) = file.stream_or_fallback(IoEngine::Mmap, &dispenser, 1 << 20).unwrap();
    assert_eq!(stream.engine(), IoEngine::Pread);
    assert!(matches!(reason, Some(StoreError::Unsupported { operation: "map", .. })), "{reason:?}");
}

#[test]
fn a_window_that_cannot_be_mapped_is_read_by_calls() {
    let folder = Folder::new();
    let len = 600 << 20;
    fs::File::create(folder.file()).unwrap().set_len(len).unwrap();
    let calls = Faulty::nth("mmap", 1, Fault::FromNowOn(libc::ENOMEM));
    let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
    let pieces = vec![0..1000, (256 << 20) - 500..(256 << 20) + 500, len - 1000..len];
    let dispenser = Dispenser::new(&pieces);
    let mut stream = file.stream(IoEngine::Mmap, &dispenser, 1000).unwrap();
    while let Some((_, bytes)) = stream.next().unwrap() {
        assert_eq!(*bytes, [0; 1000]);
    }
    assert_eq!((stream.counters().pieces, stream.counters().reads), (3, 1));
}

#[test]
fn an_error_ends_the_pass_for_all_workers() {
    let folder = folder();
    for engine in IoEngine::ALL {
        let calls = Faulty::limited(u64::MAX);
        let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
        fs::OpenOptions::new().write(true).open(folder.file()).unwrap().set_len(50).unwrap();
        let pieces = pieces();
        let dispenser = Dispenser::new(&pieces);
        let errors = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let Ok(mut stream) = file.stream(engine, &dispenser, 1 << 20) else { return };
                    loop {
                        match stream.next() {
                            Ok(Some(_)) => {}
                            Ok(None) => break,
                            Err(error) => errors.lock().unwrap().push(error),
                        }
                    }
                });
            }
        });
        let errors = errors.into_inner().unwrap();
        assert!(!errors.is_empty() && errors.len() <= 3);
        assert!(errors.iter().all(|error| matches!(error, StoreError::Truncated { .. })), "{errors:?}");
        fs::write(folder.file(), bytes(&(0..LEN))).unwrap();
    }
}

#[test]
fn without_cachestat_a_mapping_is_asked() {
    let folder = folder();
    let calls = Faulty::first("cachestat", Fault::FromNowOn(libc::ENOSYS));
    let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
    // Locked, so that nobody pushes them out.
    let _locked = file.lock(0..LEN).unwrap();
    let found = file.residency(0..LEN).unwrap();
    assert_eq!((found.resident, found.dirty, found.method), (Some(found.pages), None, "mincore"));
    let part = file.residency(5000..20_000).unwrap();
    assert_eq!((part.pages, part.resident), (4, Some(4)));
    assert!(calls.made().contains(&"mincore"));
}

#[test]
fn residency_is_known_or_unknown() {
    let folder = folder();
    fail_every_call(&[Fault::FromNowOn(libc::EPERM), Fault::FromNowOn(libc::ENOMEM)], |calls| {
        let Ok(file) = File::open_with(&folder.file(), Mode::ReadWrite, calls) else { return };
        for _ in 0..3 {
            let found = file.residency(0..LEN).unwrap();
            assert_eq!(found.resident.is_none(), found.method.starts_with("unknown"), "{found:?}");
        }
        let plan = AccessPlan { range: 0..LEN, bytes: 1 << 30, pieces: 1, pattern: Pattern::Sequential };
        assert!(!file.choose(&plan).reason.is_empty());
    });
}

#[test]
fn what_is_known_is_not_asked_again() {
    const LEN: u64 = 6 << 20;
    let (folder, other, calls) = (Folder::new(), Folder::new(), Faulty::limited(u64::MAX));
    let open = |folder: &Folder, len: u64| {
        fs::write(folder.file(), vec![1; len as usize]).unwrap();
        File::open_with(&folder.file(), Mode::Read, calls).unwrap()
    };
    let (file, evidence) = (open(&folder, LEN), Evidence::default());
    let asked = |file: &File, plan: &AccessPlan| {
        let before = calls.made().len();
        let choice = file.choose_by(plan, &evidence);
        let made = calls.made().split_off(before);
        assert_eq!(choice, file.choose(plan));
        made
    };
    let rows = AccessPlan { range: 0..LEN, bytes: 1 << 30, pieces: 1, pattern: Pattern::Sequential };
    let items = AccessPlan { pieces: 1 << 20, pattern: Pattern::Close, ..rows.clone() };
    let first = asked(&file, &rows);
    assert!(first.contains(&"cachestat") && first.contains(&"mmap"), "{first:?}");
    assert_eq!(asked(&file, &rows), [""; 0]);
    let same = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
    assert_eq!(asked(&same, &rows), [""; 0]);
    // Faults are counted in more blocks for those, each of which is looked at as a whole.
    let found = asked(&file, &items);
    let count = |wanted: &str| found.iter().filter(|call| **call == wanted).count();
    assert!(count("cachestat") == count("mmap") && count("mmap") > 0, "{found:?}");
    assert_eq!(asked(&file, &items), [""; 0]);
    for plan in [&rows, &items] {
        assert_eq!(asked(&file, plan), [""; 0], "both stay known");
    }
    let part = AccessPlan { range: 1..LEN, ..rows.clone() };
    assert!(asked(&file, &part).contains(&"cachestat"), "another range");
    assert!(asked(&open(&other, LEN), &rows).contains(&"cachestat"), "another file");
    assert!(asked(&open(&folder, LEN + 1), &rows).contains(&"cachestat"), "another length");
    evidence.clear();
    assert_eq!(asked(&file, &rows), first);
}

#[test]
fn a_failed_write_back_is_final() {
    let folder = folder();
    let calls = Faulty::first("sync_range", Fault::Once(libc::EIO));
    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    file.write_at(0, b"x").unwrap();
    let error = file.evict(0..LEN).unwrap_err();
    assert!(matches!(error, StoreError::Io { operation: "write back", .. }), "{error}");
    assert!(matches!(file.flush(), Err(StoreError::Poisoned { .. })));
    assert!(!calls.made().contains(&"fadvise"), "nothing is let go that may not be on the disk");
}

#[test]
fn without_sync_file_range_the_file_is_flushed() {
    let folder = folder();
    let calls = Faulty::first("sync_range", Fault::FromNowOn(libc::ENOSYS));
    let file = File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap();
    file.write_at(0, b"x").unwrap();
    file.evict(0..LEN).unwrap();
    assert!(calls.made().contains(&"fdatasync"));
    file.flush().unwrap();
}

#[test]
fn a_refused_lock_is_an_error() {
    let folder = folder();
    for code in [libc::ENOMEM, libc::EPERM, libc::EIO] {
        let calls = Faulty::first("mlock", Fault::Once(code));
        let file = File::open_with(&folder.file(), Mode::Read, calls).unwrap();
        let error = file.lock(0..LEN).unwrap_err();
        assert!(matches!(error, StoreError::LockLimit { .. } | StoreError::Io { .. }), "{error}");
    }
    let calls = Faulty::first("mlock", Fault::Once(libc::EINTR));
    File::open_with(&folder.file(), Mode::Read, calls).unwrap().lock(0..LEN).unwrap();
}
