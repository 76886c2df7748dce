//! What becomes of pieces on their way to the device when system calls fail.

use std::fs;
use std::ops::Range;
use std::thread;

use super::tests::{Folder, HARMFUL, HARMLESS, fail_every_call, is_harmless};
use super::{Fault, Faulty};
use crate::{Existing, File, Mode, NewFile, Reserve, Result, StoreError, WriteEngine};

/// So much is reserved of long files.
const LONG: u64 = 256 << 20;
const PIECE: usize = 100_000;
const END: u64 = 1_000_003;

fn byte(offset: u64) -> u8 {
    (offset % 251) as u8
}

/// Pieces that begin and end anywhere, the last in the middle.
fn pieces() -> Vec<Range<u64>> {
    let cut: Vec<u64> = (0..11).map(|index| (128 + index * PIECE as u64).min(END)).collect();
    let mut pieces: Vec<_> = cut.windows(2).map(|ends| ends[0]..ends[1]).collect();
    pieces.swap(3, 9);
    pieces
}

fn create(folder: &Folder, calls: &'static Faulty) -> Result<NewFile> {
    let mut new = NewFile::create_with(&folder.file(), Existing::Refuse, calls)?;
    new.reserve(LONG, Reserve::Sparse)?;
    Ok(new)
}

/// Writes the pieces; what ran in the end.
fn write(new: &NewFile, pieces: &[Range<u64>]) -> Result<WriteEngine> {
    let mut writer = new.writer(PIECE, 4 * PIECE)?;
    for range in pieces {
        let room = writer.room(range.start, (range.end - range.start) as usize)?;
        room.iter_mut().zip(range.clone()).for_each(|(to, offset)| *to = byte(offset));
        writer.write()?;
    }
    writer.finish()?;
    assert_eq!(writer.reason().is_some(), writer.engine() != WriteEngine::Direct);
    Ok(writer.engine())
}

/// The same, to the end.
fn write_and_commit(folder: &Folder, calls: &'static Faulty) -> Result<WriteEngine> {
    let new = create(folder, calls)?;
    new.write_at(0, &[9; 128])?;
    let engine = write(&new, &pieces())?;
    new.commit()?;
    Ok(engine)
}

/// The file is there, with every byte, if and only if all went well.
fn check(folder: &Folder, calls: &Faulty, result: &Result<WriteEngine>) {
    let is_there = result.is_ok() || calls.failed() == Some("sync_folder");
    assert_eq!(folder.file().exists(), is_there, "{:?} {result:?}", calls.made());
    if is_there {
        let file = File::open(folder.file(), Mode::Read).unwrap();
        assert_eq!(file.len(), LONG);
        let mut found = vec![7; END as usize + 10_000];
        file.read_at(0, &mut found).unwrap();
        assert!(found[..128].iter().all(|byte| *byte == 9));
        let wrong = (128..END).find(|&offset| found[offset as usize] != byte(offset));
        assert_eq!(wrong, None, "{:?}", calls.made());
        assert!(found[END as usize..].iter().all(|byte| *byte == 0));
    }
    assert!(result.is_ok() || (calls.failed().is_some() && !is_harmless(calls)), "{result:?}");
}

/// Whether pieces go past the page cache here; tests without it would test little.
fn is_direct_possible() -> bool {
    let engine = write_and_commit(&Folder::new(), Faulty::limited(u64::MAX)).unwrap();
    if engine != WriteEngine::Direct {
        eprintln!("skipped: pieces are written by calls");
    }
    engine == WriteEngine::Direct
}

#[test]
fn a_written_file_is_whole_or_absent() {
    for faults in [&HARMLESS[..], &HARMFUL[..], &[Fault::Once(libc::EINVAL)]] {
        fail_every_call(faults, |calls| {
            let folder = Folder::new();
            let result = write_and_commit(&folder, calls);
            check(&folder, calls, &result);
        });
    }
}

#[test]
fn each_write_on_its_way_can_fail() {
    if !is_direct_possible() {
        return;
    }
    for code in [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EFBIG, libc::ENOMEM] {
        for after in 0..12 {
            let folder = Folder::new();
            let calls = Faulty::nth("completed", after, Fault::Once(code));
            let result = write_and_commit(&folder, calls);
            check(&folder, calls, &result);
            assert_eq!(result.is_err(), calls.failed().is_some());
            match result {
                Err(StoreError::NoSpace { path, needed, .. }) => {
                    assert!([libc::ENOSPC, libc::EDQUOT].contains(&code) && needed > 0);
                    assert_eq!(path, folder.file());
                }
                Err(StoreError::TooLarge { .. }) => assert_eq!(code, libc::EFBIG),
                Err(StoreError::Io { operation, offset, len, source, .. }) => {
                    assert_eq!((operation, source.raw_os_error()), ("write", Some(code)));
                    assert!(offset.is_some_and(|offset| offset < END) && len.is_some_and(|len| len > 0));
                }
                result => assert!(result.is_ok(), "{result:?}"),
            }
        }
    }
    for fault in HARMLESS {
        for after in 0..12 {
            let folder = Folder::new();
            let calls = Faulty::nth("completed", after, fault);
            let result = write_and_commit(&folder, calls);
            check(&folder, calls, &result);
            assert_eq!(result.unwrap(), WriteEngine::Direct);
        }
    }
}

#[test]
fn where_the_device_refuses_calls_do_it() {
    for code in [libc::EINVAL, libc::EOPNOTSUPP, libc::ENOSYS] {
        for (call, after) in [("open_direct_to_write", 0), ("completed", 0), ("completed", 3)] {
            let folder = Folder::new();
            let calls = Faulty::nth(call, after, Fault::FromNowOn(code));
            let new = create(&folder, calls).unwrap();
            new.write_at(0, &[9; 128]).unwrap();
            let result = write(&new, &pieces()[..5]);
            if calls.failed().is_some() {
                assert_eq!(result.unwrap(), WriteEngine::Through, "{call}");
            }
            // It is not asked for again.
            let asked = calls.made().len();
            let result = write(&new, &pieces()[5..]);
            let again: Vec<_> = calls.made()[asked..].to_vec();
            assert!(!again.contains(&"open_direct_to_write"), "{again:?}");
            assert!(calls.failed().is_none() || !again.contains(&"completed"), "{again:?}");
            new.commit().unwrap();
            check(&folder, calls, &result);
        }
    }
    // Without the other way past the page cache, too.
    let folder = Folder::new();
    let calls = Faulty::first("open_direct_to_write", Fault::FromNowOn(libc::EPERM));
    let new = create(&folder, calls).unwrap();
    let mut writer = new.writer(PIECE, PIECE).unwrap();
    assert!(matches!(writer.reason(), Some(StoreError::Unsupported { .. })), "{:?}", writer.reason());
    writer.room(5, PIECE).unwrap().fill(1);
    writer.write().unwrap();
    writer.finish().unwrap();
}

#[test]
fn an_error_on_the_way_is_final() {
    if !is_direct_possible() {
        return;
    }
    let folder = Folder::new();
    let calls = Faulty::nth("completed", 2, Fault::Once(libc::EIO));
    let new = create(&folder, calls).unwrap();
    let mut other = new.writer(PIECE, PIECE).unwrap();
    let error = write(&new, &pieces()).unwrap_err();
    let results =
        [other.room(0, 1).map(drop), other.finish(), new.write_at(0, b"x"), new.writer(1, 1).map(drop)];
    for result in results {
        let Err(StoreError::Poisoned { reason, .. }) = result else { panic!("{result:?}") };
        assert_eq!(reason, error.to_string());
    }
    drop(other);
    assert!(matches!(new.commit(), Err(StoreError::Poisoned { .. })));
    assert!(!folder.file().exists());
}

#[test]
fn what_a_dropped_writer_loses_is_not_committed() {
    if !is_direct_possible() {
        return;
    }
    for (call, code) in [("completed", libc::EIO), ("submit", libc::EIO), ("pwrite", libc::ENOSPC)] {
        let folder = Folder::new();
        // The first calls go well, so that only the drop can find out.
        let calls = Faulty::nth(call, usize::from(call == "submit"), Fault::FromNowOn(code));
        let new = create(&folder, calls).unwrap();
        let mut writer = new.writer(PIECE, PIECE).unwrap();
        writer.room(5, PIECE).unwrap().fill(1);
        writer.write().unwrap();
        drop(writer);
        if call == "submit" && calls.failed().is_none() {
            // The device was done before the drop had to ask for anything.
            new.commit().unwrap();
            continue;
        }
        assert!(calls.failed().is_some(), "{call}");
        assert!(matches!(new.commit(), Err(StoreError::Poisoned { .. })), "{call}");
    }
    let folder = Folder::new();
    let calls = Faulty::nth("completed", 0, Fault::Short);
    let new = create(&folder, calls).unwrap();
    let mut writer = new.writer(PIECE, PIECE).unwrap();
    writer.room(5, PIECE).unwrap().fill(1);
    writer.write().unwrap();
    drop(writer);
    new.commit().unwrap();
    let mut found = vec![0; PIECE];
    File::open(folder.file(), Mode::Read).unwrap().read_at(5, &mut found).unwrap();
    assert!(found.iter().all(|byte| *byte == 1));
}

/// Several workers, one of which fails: none commits, all end.
#[test]
fn workers_end_when_one_of_them_fails() {
    if !is_direct_possible() {
        return;
    }
    for after in [0, 5, 9] {
        let folder = Folder::new();
        let calls = Faulty::nth("completed", after, Fault::Once(libc::EIO));
        let new = create(&folder, calls).unwrap();
        let all = pieces();
        let results: Vec<Result<WriteEngine>> = thread::scope(|scope| {
            let workers: Vec<_> = all.chunks(4).map(|part| scope.spawn(|| write(&new, part))).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert!(results.iter().any(|result| matches!(result, Err(StoreError::Io { .. }))), "{results:?}");
        assert!(matches!(new.commit(), Err(StoreError::Poisoned { .. })));
    }
}

#[test]
fn existing_files_are_written_whole_or_an_error_says_so() {
    for faults in [&HARMLESS[..], &HARMFUL[..]] {
        fail_every_call(faults, |calls| {
            let folder = Folder::new();
            fs::write(folder.file(), vec![9; END as usize]).unwrap();
            let write = || -> Result<()> {
                let file = File::open_with(&folder.file(), Mode::ReadWrite, calls)?;
                let mut writer = file.writer(PIECE, PIECE, LONG)?;
                for range in pieces() {
                    let room = writer.room(range.start, (range.end - range.start) as usize)?;
                    room.fill(1);
                    writer.write()?;
                }
                writer.finish()?;
                drop(writer);
                file.close()
            };
            let result = write();
            let found = fs::read(folder.file()).unwrap();
            assert_eq!(found.len() as u64, END);
            match result {
                Ok(()) => assert!(found[128..].iter().all(|byte| *byte == 1)),
                Err(error) => assert!(calls.failed().is_some() && !is_harmless(calls), "{error}"),
            }
        });
    }
}
