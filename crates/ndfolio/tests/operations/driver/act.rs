//! What each operation does, and what the file should hold then.

use std::fs;

use ndfolio::{AppendOptions, Array, Casting, Error, FileId, Mode, OpenOptions, Run, StoreError, Value};

use super::{
    After, Done, Reader, Tail, World, Writer,
    step::{Operation, Step},
};

impl World {
    /// Does it; none where there is nobody to do it.
    pub(super) fn act(&mut self, step: &Step) -> Option<Done> {
        let was_shared = self.appender.as_ref().is_some_and(|tail| tail.is_shared);
        let done = self.act_alone(step);
        if was_shared && self.faults.failed().is_some() {
            // They have one open file, whose failures are both of theirs.
            self.writer.iter_mut().for_each(|writer| writer.is_suspect = true);
            self.appender.iter_mut().for_each(|tail| tail.is_suspect = true);
        }
        done
    }

    fn act_alone(&mut self, step: &Step) -> Option<Done> {
        use Operation::{
            Append, AppendLazy, Assign, Batch, BeginAppender, Checksum, CloseAppender, CloseWriter, Commit,
            Compact, CopyOnWrite, Create, Delete, DropAppender, DropWriter, Fill, Flush, Insert,
            OpenAppender, OpenReader, OpenWriter, Read, Refresh, Resize, Rollback, Truncate, Verify, Write,
        };
        match step.operation {
            _ if self.files.is_empty() && step.operation != Create => None,
            Create => self.create(step),
            OpenWriter => self.open_writer(),
            OpenReader => self.open_reader(),
            OpenAppender | BeginAppender => self.open_appender(step),
            Batch | Commit | Rollback | CloseAppender | DropAppender => self.with_appender(step),
            Refresh | Read => self.with_reader(step.operation),
            Append | AppendLazy | Truncate | Resize | Compact | Insert | Delete => self.change_rows(step),
            Write | Assign | Fill => self.write(step),
            Flush | CloseWriter | DropWriter => self.settle(step.operation),
            CopyOnWrite => self.copy_on_write(step),
            Checksum => self.checksum(),
            Verify => self.verify(),
        }
    }

    /// Numbers that tell rows apart.
    fn new_items(&mut self, rows: usize) -> Vec<i64> {
        let count = (rows * self.layout.width()) as i64;
        let first = self.next;
        self.next += count;
        (first..first + count).map(|number| number % 30_000 + 1).collect()
    }

    fn create(&mut self, step: &Step) -> Option<Done> {
        let rows = step.count(self.items().len());
        let options = self.layout.create(rows, step.b.is_multiple_of(2));
        let value = i64::from(step.c % 2) * (self.next % 1000);
        let result = options.fill(value).create(&self.path);
        let (made, result) = match result {
            Ok(array) => (Some(array), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let id = fs::metadata(&self.path).ok().map(|metadata| FileId::from(&metadata));
        if id != self.id {
            self.leave_the_old_file();
            let writer = |array| Writer { array, is_dirty: false, is_suspect: false, is_poisoned: false };
            self.writer = made.map(writer);
        }
        let after = After::Items(vec![value; rows * self.layout.width()]);
        Some(Done { result, after, may_be_locked: false, is_suspect: false })
    }

    /// Who wrote to a file whose name is another's now is told so.
    fn leave_the_old_file(&mut self) {
        let is_replaced = |result: Result<(), Error>| match result {
            Err(Error::Store(StoreError::Replaced { .. } | StoreError::Poisoned { .. })) => true,
            // The call that fails may be one of these.
            Err(_) => self.faults.failed().is_some(),
            Ok(()) => false,
        };
        if let Some(writer) = &self.writer {
            assert!(is_replaced(writer.array.flush()), "a flush of a file that is gone");
        }
        if let Some(tail) = &mut self.appender
            && !tail.pending.is_empty()
        {
            assert!(is_replaced(tail.appender.commit()), "a commit to a file that is gone");
        }
        (self.writer, self.appender) = (None, None);
    }

    fn open_writer(&mut self) -> Option<Done> {
        let opened = OpenOptions::new().mode(Mode::ReadWrite).open(&self.path);
        let is_shared = self.appender.as_ref().is_some_and(|tail| tail.is_shared);
        let may_be_locked = self.writer.is_some() || is_shared;
        let result = opened.map(|array| {
            assert!(!may_be_locked, "two who write everything");
            let writer = Writer { array, is_dirty: false, is_suspect: false, is_poisoned: false };
            self.writer = Some(writer);
        });
        Some(Done { result, after: After::Same, may_be_locked, is_suspect: false })
    }

    fn open_reader(&mut self) -> Option<Done> {
        let opened = ndfolio::open(&self.path);
        let result = opened.map(|array| {
            let (file, rows) = (self.files.len() - 1, self.row_count());
            assert_eq!(array.size(), self.items().len(), "what is opened has all that was acknowledged");
            self.reader = Some(Reader { array, file, rows, valid: rows });
        });
        Some(Done { result, after: After::Same, may_be_locked: false, is_suspect: false })
    }

    fn open_appender(&mut self, step: &Step) -> Option<Done> {
        let options = AppendOptions::new().durability(step.synced());
        let may_be_locked = self.appender.is_some();
        let (result, is_suspect) = match (&mut self.writer, step.operation) {
            (Some(writer), Operation::BeginAppender) => {
                let result = writer.array.appender(&options);
                writer.is_suspect |= self.faults.failed().is_some();
                (result, writer.is_suspect)
            }
            (None, Operation::BeginAppender) => return None,
            _ => (options.open(&self.path), false),
        };
        let result = result.map(|appender| {
            assert!(!may_be_locked, "two who append\n{}", self.trace.join("\n"));
            let is_shared = step.operation == Operation::BeginAppender;
            self.appender = Some(Tail { appender, is_shared, pending: Vec::new(), is_suspect });
        });
        Some(Done { result, after: After::Same, may_be_locked, is_suspect })
    }

    fn with_appender(&mut self, step: &Step) -> Option<Done> {
        let items = self.new_items(step.count(self.items().len()));
        // To make room for the number of rows it needs the file for itself.
        let may_be_locked = self.writer.is_some();
        let mut tail = self.appender.take()?;
        let mut after = After::Items([self.items(), &tail.pending].concat());
        let result = match step.operation {
            Operation::Batch => {
                after = After::Same;
                let rows = self.layout.array(&items, |x| x as i16);
                tail.appender.append(&rows).map(|()| tail.pending.extend(items))
            }
            Operation::Rollback => {
                after = After::Same;
                tail.appender.rollback().map(|()| tail.pending.clear())
            }
            Operation::Commit => tail.appender.commit().map(|()| tail.pending.clear()),
            Operation::CloseAppender => {
                let (result, is_suspect) = (tail.appender.close(), tail.is_suspect);
                return Some(Done { result, after, may_be_locked, is_suspect });
            }
            _ => {
                let is_suspect = tail.is_suspect;
                drop(tail.appender);
                // Nobody says whether that went well, if it could fail.
                let failed = self.faults.failed().is_some() || is_suspect || may_be_locked;
                let in_doubt = Error::Store(StoreError::Poisoned {
                    path: self.path.clone(),
                    reason: "it was dropped".to_owned(),
                });
                let result = if failed { Err(in_doubt) } else { Ok(()) };
                return Some(Done { result, after, may_be_locked, is_suspect: failed });
            }
        };
        let is_suspect = tail.is_suspect;
        tail.is_suspect |= result.is_err();
        self.appender = Some(tail);
        Some(Done { result, after, may_be_locked, is_suspect })
    }

    fn with_reader(&mut self, operation: Operation) -> Option<Done> {
        let (last, rows, width) = (self.files.len() - 1, self.row_count(), self.layout.width());
        let reader = self.reader.as_mut()?;
        let result = if operation == Operation::Refresh {
            reader.array.refresh().map(|found| {
                assert_eq!(found, rows, "what was acknowledged is seen by who refreshes");
                (reader.file, reader.rows, reader.valid) = (last, rows, rows);
            })
        } else {
            reader.array.read_as::<f64>(.., Casting::Unsafe).map(|found| {
                let valid = reader.valid * width;
                let items = self.layout.items(&found);
                assert_eq!(items.len(), reader.rows * width);
                assert_eq!(items[..valid], self.files[reader.file][..valid]);
            })
        };
        Some(Done { result, after: After::Same, may_be_locked: false, is_suspect: false })
    }

    fn change_rows(&mut self, step: &Step) -> Option<Done> {
        let (rows, width) = (self.row_count(), self.layout.width());
        let new = self.new_items(step.count(self.items().len()));
        let mut items = self.items().to_vec();
        let (from, to) = step.pair(rows);
        let may_be_locked = self.appender.is_some();
        let mut writer = self.writer.take()?;
        let array = &mut writer.array;
        let given = || self.layout.array(&new, |x| x as i16);
        let result = match step.operation {
            Operation::Append => {
                items.extend(&new);
                array.append(&given())
            }
            Operation::AppendLazy => {
                items.extend(&new);
                array.append_lazy(given(), Run::default())
            }
            Operation::Truncate => {
                items.truncate(from * width);
                array.truncate_rows(from)
            }
            Operation::Resize => {
                let rows = if step.c.is_multiple_of(2) { from } else { rows + step.count(items.len()) };
                items.resize(rows * width, 0);
                array.resize(rows, Run::default())
            }
            Operation::Compact => array.compact(Run::default()),
            Operation::Insert => {
                items.splice(from * width..from * width, new.iter().copied());
                array.insert_rows(from, given(), Run::default())
            }
            _ => {
                items.drain(from * width..to * width);
                array.delete_rows(from..to, Run::default())
            }
        };
        let is_suspect = writer.is_suspect;
        writer.is_suspect |= self.faults.failed().is_some();
        if result.is_ok() {
            assert_eq!(array.size(), items.len(), "the array has what was changed");
            // A file that was written anew is on stable storage, and its checksums went.
            writer.is_dirty &= Some(array.file_id()) == self.id;
        }
        self.writer = Some(writer);
        Some(Done { result, after: After::Items(items), may_be_locked, is_suspect })
    }

    fn write(&mut self, step: &Step) -> Option<Done> {
        let (from, to) = step.pair(self.row_count());
        let width = self.layout.width();
        let new = self.new_items(to - from);
        let mut items = self.items().to_vec();
        let place = &mut items[from * width..to * width];
        let mut writer = self.writer.take()?;
        // Rows that an appender counted since are none of this array's before it is refreshed.
        let mut result = writer.array.refresh().map(|_| ());
        if result.is_ok() {
            result = match step.operation {
                Operation::Write => {
                    place.copy_from_slice(&new);
                    self.layout.write(&writer.array, (from, to), &new)
                }
                Operation::Assign => {
                    place.copy_from_slice(&new);
                    self.layout.assign(&writer.array, (from, to), &new)
                }
                _ => {
                    place.fill(self.next % 1000);
                    let part = writer.array.slice(self.layout.rows(from, to));
                    part.and_then(|part| part.fill(self.next % 1000))
                }
            };
        }
        let is_suspect = writer.is_suspect;
        writer.is_suspect |= self.faults.failed().is_some();
        writer.is_dirty = true;
        self.writer = Some(writer);
        Some(Done { result, after: After::Mixed(items), may_be_locked: false, is_suspect })
    }

    fn settle(&mut self, operation: Operation) -> Option<Done> {
        let mut writer = self.writer.take()?;
        let is_suspect = writer.is_suspect;
        let result = match operation {
            Operation::Flush => {
                let result = writer.array.flush();
                assert!(result.is_err() || !writer.is_poisoned, "a flush after one that failed");
                writer.is_poisoned |= matches!(self.faults.failed(), Some("fdatasync" | "msync"))
                    && result.is_err()
                    && !self.faults.made().contains(&"rename");
                writer.is_suspect |= self.faults.failed().is_some();
                writer.is_dirty &= result.is_err();
                self.writer = Some(writer);
                result
            }
            Operation::CloseWriter => {
                let (is_dirty, is_poisoned) = (writer.is_dirty, writer.is_poisoned);
                let result = writer.array.close();
                assert!(result.is_err() || !is_poisoned, "a close after a flush that failed");
                self.is_stale |= is_dirty && result.is_err();
                result
            }
            _ => {
                self.is_stale |= writer.is_dirty;
                drop(writer);
                Ok(())
            }
        };
        Some(Done { result, after: After::Same, may_be_locked: false, is_suspect })
    }

    /// What is written in mode `c` is read back there, and the file knows nothing of it.
    fn copy_on_write(&mut self, step: &Step) -> Option<Done> {
        let (from, to) = step.pair(self.row_count());
        let new = self.new_items(to - from);
        let place = || self.layout.rows(from, to);
        let act = || -> Result<(), Error> {
            let array = OpenOptions::new().mode(Mode::CopyOnWrite).open(&self.path)?;
            self.layout.write(&array, (from, to), &new)?;
            let back = array.read_as::<f64>(place(), Casting::Unsafe)?;
            assert_eq!(self.layout.items(&back), new);
            array.close()
        };
        Some(Done { result: act(), after: After::Same, may_be_locked: false, is_suspect: false })
    }

    fn checksum(&mut self) -> Option<Done> {
        let result = match &self.writer {
            Some(writer) => writer.array.checksum(Run::default()),
            None => ndfolio::checksum(&self.path, Run::default()),
        };
        self.is_stale &= result.is_err();
        Some(Done { result: result.map(drop), after: After::Same, may_be_locked: false, is_suspect: false })
    }

    fn verify(&mut self) -> Option<Done> {
        let verified = |array: Array| match array.verify(Run::default()) {
            Err(Error::NoSums { .. }) => Ok(()),
            result => result.map(drop),
        };
        let result = ndfolio::open(&self.path).and_then(verified);
        // One item too, by its place.
        let result = result.and_then(|()| match self.items().first() {
            Some(&first) => {
                let array = ndfolio::open(&self.path)?;
                let found = array.get(&vec![0; array.ndim()])?;
                let expected = [Value::from(first).to_string(), format!("{first}.0")];
                assert!(expected.contains(&found.to_string()), "{found}");
                Ok(())
            }
            None => Ok(()),
        });
        Some(Done { result, after: After::Same, may_be_locked: false, is_suspect: false })
    }
}
