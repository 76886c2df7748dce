//! What a power loss can leave of files: every call is recorded, and every state is looked at that the disk may be in.
//!
//! The model is stricter than any journal: between two flushes of a file, its sectors of 512 bytes reach the disk in
//! any order or not at all, and so do changes of its length; a name is on the disk once its folder was flushed.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{
    appends::{FIELD, HEAD, ROW, expect_whole, field, image, row, rows},
    tests::Folder,
};
use crate::syscalls::{Calls, System};
use crate::{APPENDING, Appender, Existing, File, Lock, Locking, Mode, NewFile, Reserve, Synced};

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Event {
    Write(u64, usize, Vec<u8>),
    Length(u64, usize),
    Flush(u64),
    Rename(u64),
    FlushFolder,
    /// So many rows were acknowledged.
    Acknowledged(u64),
}

/// Does what the system does, and remembers it.
#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    fn new() -> &'static Recorder {
        Box::leak(Box::default())
    }

    fn add(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }

    fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

fn number(file: &fs::File) -> u64 {
    file.metadata().unwrap().ino()
}

impl Calls for Recorder {
    fn pwrite(&self, file: &fs::File, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.add(Event::Write(number(file), offset as usize, buf.to_vec()));
        System.pwrite(file, buf, offset)
    }

    fn pwrite_through(&self, file: &fs::File, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.pwrite(file, buf, offset)
    }

    fn fdatasync(&self, file: &fs::File) -> io::Result<()> {
        self.add(Event::Flush(number(file)));
        System.fdatasync(file)
    }

    fn fsync(&self, file: &fs::File) -> io::Result<()> {
        self.fdatasync(file)
    }

    fn fallocate(&self, file: &fs::File, offset: u64, len: u64) -> io::Result<()> {
        System.fallocate(file, offset, len)?;
        self.add(Event::Length(number(file), System.len(file)? as usize));
        Ok(())
    }

    fn ftruncate(&self, file: &fs::File, len: u64) -> io::Result<()> {
        self.add(Event::Length(number(file), len as usize));
        System.ftruncate(file, len)
    }

    fn rename(&self, folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr, existing: Existing) -> io::Result<()> {
        let named = rustix::fs::statat(folder, from, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        System.rename(folder, from, to, existing)?;
        self.add(Event::Rename(named.st_ino));
        Ok(())
    }

    fn sync_folder(&self, folder: BorrowedFd<'_>) -> io::Result<()> {
        System.sync_folder(folder)?;
        self.add(Event::FlushFolder);
        Ok(())
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// A file on the disk: what surely is there, and what may be.
#[derive(Clone, Default)]
struct OnDisk {
    durable: Vec<u8>,
    pending: Vec<Event>,
}

/// How much of what is not flushed came to the disk.
#[derive(Clone, Copy, Debug)]
enum Loss {
    All,
    Nothing,
    /// Sectors and lengths in any order, each or not.
    Some(u64),
    /// In order, up to one sector within one write.
    Torn(u64),
}

impl OnDisk {
    fn flush(&mut self) {
        self.durable = self.image(Loss::Nothing);
        self.pending.clear();
    }

    fn image(&self, loss: Loss) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let mut parts: Vec<Event> = self.pending.iter().flat_map(sectors).collect();
        match loss {
            Loss::All => parts.clear(),
            Loss::Nothing => {}
            Loss::Torn(seed) => parts.truncate(Dice(seed).below(parts.len() + 1)),
            Loss::Some(seed) => {
                let mut dice = Dice(seed);
                parts.retain(|_| dice.below(2) == 0);
            }
        }
        for part in parts {
            match part {
                Event::Write(_, at, data) => {
                    bytes.resize(bytes.len().max(at + data.len()), 0);
                    bytes[at..at + data.len()].copy_from_slice(&data);
                }
                Event::Length(_, len) => bytes.resize(len, 0),
                _ => {}
            }
        }
        bytes
    }
}

/// A write in parts that reach the disk whole or not: those within one sector. A write that makes the file longer
/// does so by itself: that the length comes before the bytes is another state.
fn sectors(event: &Event) -> Vec<Event> {
    let Event::Write(file, at, data) = event else { return vec![event.clone()] };
    let mut parts = vec![];
    let mut from = 0;
    while from < data.len() {
        let to = data.len().min((at + from) / SECTOR * SECTOR + SECTOR - at);
        parts.push(Event::Write(*file, at + from, data[from..to].to_vec()));
        from = to;
    }
    parts
}

/// Looks at every state after every call; returns how many there were.
fn every_image(
    start: &HashMap<u64, Vec<u8>>,
    name: Option<u64>,
    events: &[Event],
    mut look: impl FnMut(Option<&[u8]>, u64),
) -> usize {
    let mut files: HashMap<u64, OnDisk> =
        start.iter().map(|(&ino, bytes)| (ino, OnDisk { durable: bytes.clone(), pending: vec![] })).collect();
    let (mut durable_name, mut names, mut acknowledged, mut images) = (name, vec![], 0, 0);
    for step in 0..=events.len() {
        for seed in 0..40_u64 {
            let mixed = seed + 100 * step as u64;
            let loss = match seed {
                0 => Loss::All,
                1 => Loss::Nothing,
                n if n % 2 == 0 => Loss::Some(mixed),
                _ => Loss::Torn(mixed),
            };
            let named = match Dice(mixed).below(names.len() + 1) {
                0 => durable_name,
                index => Some(names[index - 1]),
            };
            let bytes = named.map(|ino| files.get(&ino).cloned().unwrap_or_default().image(loss));
            look(bytes.as_deref(), acknowledged);
            images += 1;
        }
        match events.get(step) {
            Some(event @ (Event::Write(ino, ..) | Event::Length(ino, _))) => {
                files.entry(*ino).or_default().pending.push(event.clone());
            }
            Some(Event::Flush(ino)) => files.entry(*ino).or_default().flush(),
            Some(Event::Rename(ino)) => names.push(*ino),
            Some(Event::FlushFolder) => durable_name = names.drain(..).next_back().or(durable_name),
            Some(Event::Acknowledged(rows)) => acknowledged = *rows,
            None => {}
        }
    }
    images
}

/// Appends batches of rows to a file of `before` rows, and returns what happened.
fn recorded(before: u64, behind: &[u8], synced: Synced, batches: &[u64]) -> (u64, Vec<u8>, Vec<Event>) {
    let folder = Folder::new();
    let start = image(before, behind);
    fs::write(folder.file(), &start).unwrap();
    let calls = Recorder::new();
    let file = Arc::new(File::open_with(&folder.file(), Mode::ReadWrite, calls).unwrap());
    let ino = file.id().ino;
    let lock = file.lock_range(APPENDING, Locking { lock: Lock::Auto, wait: Duration::ZERO }).unwrap();
    let mut appender = Appender::new(lock, HEAD + before * ROW as u64, synced).unwrap();
    let mut next = before;
    for &batch in batches {
        // In pieces that end within sectors.
        for index in next..next + batch {
            if index % 97 == 0 {
                appender.write(&row(index)).unwrap();
            } else if index % 97 == 1 {
                let end = (next + batch).min(index + 96);
                appender.write(&rows(index..end)).unwrap();
            } else if index == next {
                let end = (next + batch).min(index - index % 97 + 97);
                appender.write(&rows(index..end)).unwrap();
            }
        }
        next += batch;
        appender.commit(FIELD, &field(next)).unwrap();
        calls.add(Event::Acknowledged(next));
    }
    drop(appender);
    assert_eq!(expect_whole(&fs::read(folder.file()).unwrap()), next);
    (ino, start, calls.events())
}

#[test]
fn acknowledged_rows_survive_a_power_loss() {
    for (before, behind) in [(0, &[][..]), (30, &[0xEE; 700]), (61, &[])] {
        let (ino, start, events) = recorded(before, behind, Synced::Commit, &[1, 3, 250, 64, 1]);
        let images = every_image(&[(ino, start)].into(), Some(ino), &events, |bytes, acknowledged| {
            let found = expect_whole(bytes.unwrap());
            assert!(found >= acknowledged.max(before), "{found} rows of {acknowledged}");
        });
        assert!(images > 1000);
    }
}

/// With `data` the newest count may be lost, and nothing that is counted is.
#[test]
fn counted_rows_are_whole_without_the_last_flush() {
    let (ino, start, events) = recorded(5, &[], Synced::Data, &[1, 3, 250, 64, 1]);
    let flushes = events.iter().filter(|event| matches!(event, Event::Flush(_))).count();
    assert_eq!(flushes, 5);
    every_image(&[(ino, start)].into(), Some(ino), &events, |bytes, _| {
        assert!(expect_whole(bytes.unwrap()) >= 5);
    });
}

/// The model has to see what is wrong: no flush at all, and the count before the rows.
#[test]
fn the_model_finds_appends_in_the_wrong_order() {
    let (ino, start, events) = recorded(5, &[], Synced::None, &[1, 3, 250]);
    assert!(finds_damage(&start, ino, &events), "without a flush");
    let (ino, start, mut events) = recorded(5, &[], Synced::Commit, &[1, 3, 250]);
    assert!(!finds_damage(&start, ino, &events));
    let count =
        events.iter().rposition(|event| matches!(event, Event::Write(_, at, _) if *at == FIELD as usize));
    let count = events.remove(count.unwrap());
    let first = events
        .iter()
        .position(|event| matches!(event, Event::Write(_, at, _) if *at >= HEAD as usize + 9 * ROW));
    events.insert(first.unwrap(), count);
    assert!(finds_damage(&start, ino, &events), "the count before the rows");
}

fn finds_damage(start: &[u8], ino: u64, events: &[Event]) -> bool {
    let mut damaged = false;
    every_image(&[(ino, start.to_vec())].into(), Some(ino), events, |bytes, acknowledged| {
        let bytes = bytes.unwrap().to_vec();
        let found = std::panic::catch_unwind(|| expect_whole(&bytes));
        damaged |= found.map_or(true, |found| found < acknowledged);
    });
    damaged
}

#[test]
fn a_new_file_is_whole_or_absent_after_a_power_loss() {
    for (reserve, existing) in [
        (Reserve::Space, Existing::Refuse),
        (Reserve::Sparse, Existing::Replace),
        (Reserve::Space, Existing::Replace),
    ] {
        let (folder, calls) = (Folder::new(), Recorder::new());
        let mut start = HashMap::new();
        let mut name = None;
        if existing == Existing::Replace {
            fs::write(folder.file(), image(7, &[])).unwrap();
            let ino = fs::metadata(folder.file()).unwrap().ino();
            start.insert(ino, image(7, &[]));
            name = Some(ino);
        }
        let new_bytes = image(300, &[]);
        let mut new = NewFile::create_with(&folder.file(), existing, calls).unwrap();
        new.reserve(new_bytes.len() as u64, reserve).unwrap();
        for (index, part) in new_bytes.chunks(700).enumerate() {
            new.write_at(700 * index as u64, part).unwrap();
        }
        drop(new.commit_locked(Lock::Auto).unwrap());
        calls.add(Event::Acknowledged(300));
        let images = every_image(&start, name, &calls.events(), |bytes, acknowledged| match bytes {
            Some(bytes) => {
                let found = expect_whole(bytes);
                assert!(found == 300 || (found == 7 && acknowledged == 0 && name.is_some()), "{found}");
            }
            None => assert!(name.is_none() && acknowledged == 0),
        });
        assert!(images > 100);
    }
}
