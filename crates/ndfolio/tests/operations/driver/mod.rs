//! Sequences of operations on a file, against a model in memory, while system calls fail.
//!
//! After each step: what was acknowledged is in the file, as a reader finds it that is not ours; after an error the file
//! is what it was, or what it was to be; nothing that was not made is found to be damage; no hidden file is left.

mod act;
mod layout;
mod npy;
mod step;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use ndfolio::{Appender, Array, Error, FileId, Run, StoreError};
use ndfolio_store::{Fault, FaultyFolder};

pub(crate) use self::step::{STEP, Step};
use self::{layout::Layout, step::is_harmless};

/// So many steps show what they can show.
const MOST: usize = 40;

/// Does what the bytes say: one for what the arrays are, then [`STEP`] for each step. Panics where a promise is broken.
pub(crate) fn run(bytes: &[u8]) {
    let Some((layout, steps)) = bytes.split_first() else { return };
    let mut world = World::new(Layout::new(*layout));
    for bytes in steps.chunks_exact(STEP).take(MOST) {
        world.step(&Step::new(bytes.try_into().expect("a whole step")));
    }
    world.end();
}

/// A folder with one file in it, those who have it open, and what is known of it.
struct World {
    folder: PathBuf,
    path: PathBuf,
    faults: FaultyFolder,
    layout: Layout,
    /// The counted items of each file that had the name, the last of which has it now.
    files: Vec<Vec<i64>>,
    id: Option<FileId>,
    writer: Option<Writer>,
    reader: Option<Reader>,
    appender: Option<Tail>,
    /// Bytes may be others than those that checksums were taken of, and nobody is left who would renew them.
    is_stale: bool,
    /// A lock could not be given up, and goes with the open file.
    is_lock_left: bool,
    next: i64,
    trace: Vec<String>,
}

struct Writer {
    array: Array,
    /// Something was written and not flushed since.
    is_dirty: bool,
    is_suspect: bool,
    /// A flush failed: no later one may succeed.
    is_poisoned: bool,
}

struct Reader {
    array: Array,
    file: usize,
    rows: usize,
    /// Rows that nobody appended over since they were seen.
    valid: usize,
}

struct Tail {
    appender: Appender,
    /// It has the open file of one who writes, and keeps it open, and locked.
    is_shared: bool,
    pending: Vec<i64>,
    is_suspect: bool,
}

/// What an operation came to.
struct Done {
    result: Result<(), Error>,
    /// What the file holds if it went well.
    after: After,
    /// Whether somebody else may be in the way.
    may_be_locked: bool,
    /// Whether an earlier failure of who did it may be in the way.
    is_suspect: bool,
}

enum After {
    Same,
    Items(Vec<i64>),
    /// Items that are written one by one: each may be old or new after an error.
    Mixed(Vec<i64>),
}

impl World {
    fn new(layout: Layout) -> World {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("ndfolio-operations-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Flushing costs nothing in memory, and sequences flush all the time.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.join(name) } else { std::env::temp_dir().join(name) };
        fs::create_dir_all(&folder).expect("a folder");
        World {
            path: folder.join("a.npy"),
            faults: FaultyFolder::new(&folder),
            folder,
            layout,
            files: Vec::new(),
            id: None,
            writer: None,
            reader: None,
            appender: None,
            is_stale: false,
            is_lock_left: false,
            next: 1,
            trace: Vec::new(),
        }
    }

    fn items(&self) -> &[i64] {
        self.files.last().map_or(&[], Vec::as_slice)
    }

    fn row_count(&self) -> usize {
        self.items().len() / self.layout.width()
    }

    fn step(&mut self, step: &Step) {
        self.trace.push(format!("{step:?}"));
        let id = self.id;
        if let Some((after, fault)) = step.fault {
            self.faults.fail(after, fault);
        }
        let done = self.act(step);
        let is_killed = self.faults.failed().is_some() && matches!(step.fault, Some((_, Fault::Killed)));
        if is_killed {
            // What they would do at last fails too.
            self.is_stale |= self.writer.take().is_some_and(|writer| writer.is_dirty);
            (self.reader, self.appender) = (None, None);
        }
        let failed = self.faults.heal();
        self.is_lock_left |= failed == Some("unlock");
        let failed = failed.filter(|call| step.fault.is_some_and(|(_, fault)| !is_harmless(fault, call)));
        if let Some(done) = done {
            self.trace.push(format!("    {:?}, {failed:?} failed", done.result));
            self.judge(done, failed);
        }
        if failed == Some("sync_folder") {
            self.leave_what_was_replaced();
        }
        if failed.is_some() && self.id != id {
            self.leave_what_is_appended_to();
        }
        self.look();
    }

    /// Where only the folder could not be flushed, a file that was written anew is there, and who had the old one open is
    /// told so.
    fn leave_what_was_replaced(&mut self) {
        if let Some(writer) = self.writer.take_if(|writer| Some(writer.array.file_id()) != self.id) {
            let result = writer.array.flush();
            assert!(result.is_err(), "a file that is gone was flushed\n{}", self.told());
        }
        if let Some(tail) = self.appender.take_if(|tail| Some(tail.appender.array().file_id()) != self.id) {
            let result = tail.appender.array().flush();
            assert!(result.is_err(), "a file that is gone was flushed\n{}", self.told());
        }
    }

    /// Who appends made room for the number of rows. If he then could not lock or open the new file, he is told so from now
    /// on, for others may append to it.
    fn leave_what_is_appended_to(&mut self) {
        let Some(mut tail) = self.appender.take() else { return };
        let items: Vec<i64> = vec![1; self.layout.width()];
        let before = npy::read(&self.path).map(|found| found.items);
        let done = tail.appender.append(&self.layout.array(&items, |x| x as i16));
        match done {
            // What failed was of no matter.
            Ok(()) => {
                tail.appender.rollback().expect("it can be taken back");
                tail.pending.clear();
                self.appender = Some(tail);
            }
            Err(_) => drop(tail),
        }
        assert_eq!(npy::read(&self.path).map(|found| found.items), before, "{}", self.told());
    }

    /// Whether the operation may have come to that, and what the file holds now.
    fn judge(&mut self, done: Done, failed: Option<&str>) {
        if let (Err(error), None) = (&done.result, failed) {
            let is_locked = matches!(error, Error::Store(StoreError::Locked { .. }));
            let is_poisoned = matches!(error, Error::Store(StoreError::Poisoned { .. }));
            let may_be_locked = done.may_be_locked || self.is_lock_left;
            // Damage is not hidden by writing the file anew.
            let is_damaged = self.is_stale && error.to_string().contains("checksums find damage");
            let is_expected = is_locked && may_be_locked || is_poisoned && done.is_suspect || is_damaged;
            assert!(is_expected, "nothing failed, but {error}\n{}", self.told());
        }
        let found = npy::read(&self.path);
        if let Some(found) = &found {
            self.layout.expect(found);
        }
        let (before, now) = (self.files.last(), found.map(|found| found.items));
        let is_right = match (&done.result, &done.after) {
            (_, After::Same) => now.as_ref() == before,
            (Ok(()), After::Items(after) | After::Mixed(after)) => now.as_ref() == Some(after),
            (Err(_), After::Items(after)) => now.as_ref() == before || now.as_ref() == Some(after),
            (Err(_), After::Mixed(after)) => {
                let (now, before) = (now.as_deref().unwrap_or(&[]), self.items());
                let mut each = now.iter().zip(before).zip(after);
                now.len() == before.len() && each.all(|((now, old), new)| now == old || now == new)
            }
        };
        assert!(is_right, "{}\nfound {now:?}\nbefore {:?}", self.told(), self.files.last());
        let Some(now) = now else { return };
        let id = fs::metadata(&self.path).ok().map(|metadata| FileId::from(&metadata));
        if id != self.id {
            self.id = id;
            // Another file: checksums of the old one went with it, or go on with this one.
            self.is_stale &= self.folder.join("a.npy.ndsum").exists();
            self.files.push(now);
        } else if let Some(file) = self.files.last_mut() {
            *file = now;
        }
        let (last, rows) = (self.files.len() - 1, self.row_count());
        if let Some(reader) = self.reader.as_mut().filter(|reader| reader.file == last) {
            reader.valid = reader.valid.min(rows);
        }
    }

    /// What holds after every step.
    fn look(&mut self) {
        self.is_lock_left &= self.writer.is_some() || self.appender.is_some();
        let mut names: Vec<_> = fs::read_dir(&self.folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        assert!(
            ["a.npy", "a.npy.ndsum"].starts_with(&names.iter().map(String::as_str).collect::<Vec<_>>()),
            "{names:?}\n{}",
            self.told()
        );
        if self.files.is_empty() {
            return;
        }
        if let Some(writer) = &self.writer {
            let is_same = Some(writer.array.file_id()) == self.id;
            assert!(is_same, "who writes has another file than the path\n{}", self.told());
        }
        if let Some(reader) = &self.reader {
            let part = reader.array.read_as(self.layout.rows(0, reader.valid), ndfolio::Casting::Unsafe);
            let items = self.layout.items(&part.unwrap_or_else(|error| panic!("{error}\n{}", self.told())));
            let expected = &self.files[reader.file][..reader.valid * self.layout.width()];
            assert_eq!(items, expected, "what a reader has\n{}", self.told());
        }
        let checkup = ndfolio::check(&self.path).expect("it can be looked at");
        let array = checkup.array.unwrap_or_else(|error| panic!("{error}\n{}", self.told()));
        assert_eq!(array.size(), self.items().len());
        assert_eq!(checkup.leftovers, []);
        let sums = checkup.checksums.unwrap_or_else(|error| panic!("{error}\n{}", self.told()));
        let is_dirty = self.writer.as_ref().is_some_and(|writer| writer.is_dirty);
        if sums.is_some() && !self.is_stale && !is_dirty {
            let found = ndfolio::verify(&self.path, Run::default()).expect("it can be verified");
            assert!(!found.is_damaged(), "{found:?}\n{}", self.told());
        }
    }

    /// Everybody closes, and nothing is left that should not be.
    fn end(mut self) {
        if let Some(tail) = self.appender.take() {
            let is_suspect = tail.is_suspect;
            let expected = [self.items(), &tail.pending].concat();
            let result = tail.appender.close();
            assert!(result.is_ok() || is_suspect, "{result:?}\n{}", self.told());
            self.judge(
                Done { result, after: After::Items(expected), may_be_locked: true, is_suspect: true },
                None,
            );
        }
        if let Some(writer) = self.writer.take() {
            let result = writer.array.close();
            assert!(result.is_ok() || writer.is_suspect, "{result:?}\n{}", self.told());
            self.is_stale |= result.is_err() && writer.is_dirty;
        }
        self.look();
    }

    fn told(&self) -> String {
        format!("{:?}\n{}", self.layout, self.trace.join("\n"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
