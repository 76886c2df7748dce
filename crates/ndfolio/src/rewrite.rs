//! Files that are written anew, row by row, and put in the place of the old one.

use std::{ops::Range, sync::Arc};

use ndfolio_engine::{Run, expr::Emit};
use ndfolio_kernel::Casting;
use ndfolio_store::{ALL_BYTES, APPENDING, EVERYTHING, Existing, Locking};

use crate::{
    Array, CreateOptions, Error, FileKind, Lazy, Result,
    array::Origin,
    error::At,
    lazy::sinks::{job_for, of_expression},
    open::waiting,
    sums::{Keeper, MovedSums},
    table::{Table, count_field},
};

impl Array {
    /// Puts a file without what lies behind the counted rows in the place of this one, with room for more rows to be
    /// counted. Who reads the old one goes on doing so until [`Array::refresh`].
    ///
    /// # Errors
    /// [`StoreError::Locked`](crate::StoreError::Locked) where somebody else has the file open for writing; as
    /// [`Array::append`]; a full disk. The file is as it was then.
    pub fn compact<'r>(&mut self, run: impl Into<Run<'r>>) -> Result<()> {
        self.rewritten(&run.into(), |rows| Ok(vec![Part::Rows(0..rows)]))
    }

    /// Inserts rows before row `at`: the file is written anew and put in the place of the old one.
    ///
    /// # Errors
    /// As [`Array::compact`] and [`Appender::append_lazy`](crate::Appender::append_lazy); a row that is not there.
    pub fn insert_rows<'r>(
        &mut self,
        at: usize,
        rows: impl Into<Lazy>,
        run: impl Into<Run<'r>>,
    ) -> Result<()> {
        let new = rows.into();
        let place = self.place().to_owned();
        self.rewritten(&run.into(), |rows| {
            if at > rows {
                let reason = format!("rows are to be inserted before row {at}, and there are {rows} rows");
                return Err(Error::NoRows { path: place, reason });
            }
            Ok(vec![Part::Rows(0..at), Part::New(new), Part::Rows(at..rows)])
        })
    }

    /// Removes rows: the file is written anew and put in the place of the old one.
    ///
    /// # Errors
    /// As [`Array::compact`]; rows that are not there.
    pub fn delete_rows<'r>(&mut self, gone: Range<usize>, run: impl Into<Run<'r>>) -> Result<()> {
        let place = self.place().to_owned();
        self.rewritten(&run.into(), |rows| {
            if gone.start > gone.end || gone.end > rows {
                let reason = format!("rows {gone:?} are to be deleted, and there are {rows} rows");
                return Err(Error::NoRows { path: place, reason });
            }
            Ok(vec![Part::Rows(0..gone.start), Part::Rows(gone.end..rows)])
        })
    }

    /// Locks the old file, writes the new one, and is that.
    fn rewritten(&mut self, run: &Run<'_>, parts: impl FnOnce(usize) -> Result<Vec<Part>>) -> Result<()> {
        Table::of(self)?;
        self.check_writable()?;
        let locking = self.origin.locking;
        let _appending =
            waiting(self.place(), run, |stop| self.source.file.lock_range_or(APPENDING, locking, stop))?;
        self.file().check_name()?;
        if let Some(field) = count_field(self.file(), self.offset())? {
            let table = Table::of(self)?;
            self.file().look_again(table.end(field.count))?;
            self.source.view = table.view(field.count)?;
        }
        let rows = Table::of(self)?.rows();
        let done = self.replace_by(&parts(rows)?, locking, run);
        // Nobody else is to be kept from appending, whether that went well or not.
        self.file().give_up_lock(&EVERYTHING);
        done
    }

    /// Writes the file anew with room for the number of rows. The end of the old one is locked, and everything of the
    /// new one is: the caller gives that up.
    pub(crate) fn make_growable(&mut self, locking: Locking, run: &Run<'_>) -> Result<()> {
        let rows = Table::of(self)?.rows();
        self.replace_by(&[Part::Rows(0..rows)], locking, run)
    }

    fn replace_by(&mut self, parts: &[Part], locking: Locking, run: &Run<'_>) -> Result<()> {
        let table = Table::of(self)?;
        let was_locked = self.file().holds_lock();
        let _all =
            waiting(self.place(), run, |stop| self.source.file.lock_range_or(ALL_BYTES, locking, stop))?;
        let counts = parts.iter().map(|part| part.count(&table)).collect::<Result<Vec<usize>>>()?;
        let total = counts.iter().fold(0_usize, |total, count| total.saturating_add(*count));
        let options = CreateOptions::new(table.dtype.clone(), &table.shape(total))
            .order(table.order)
            .existing(Existing::Replace)
            .kind(FileKind::Npy)
            .growable()
            .lock(locking.lock)
            .hold_everything();
        let path = self.file().absolute_path().to_owned();
        let target = options.view_of(&path)?;
        let is_same = matches!(parts, [Part::Rows(rows)] if *rows == (0..table.rows()));
        let items = target.offset()..target.offset() + target.nbytes() as u64;
        let sums = MovedSums::of(self, is_same.then_some(items), run)?;
        let mut new = options.write_new(&path, run, |new| {
            let mut at = 0;
            for (part, count) in parts.iter().zip(counts) {
                let to = target.select(&table.select(at..at + count).into());
                let to = to.at(self.place())?;
                at += count;
                let job = job_for(&part.lazy(self, &table)?, &to, Casting::SameKind)?;
                job.emit(Emit::New(new, &to), run).map_err(of_expression)?;
            }
            Ok(())
        })?;
        // The lock of an open file that was locked for writing goes on with the new one.
        if !was_locked {
            new.file().give_up_lock(&ALL_BYTES);
        }
        new.origin = Arc::new(Origin {
            place: self.origin.place.clone(),
            format: self.origin.format,
            version: new.origin.version.clone(),
            member: None,
            start: new.origin.start,
            keeper: Keeper::default(),
            locking: self.origin.locking,
        });
        *self = new;
        sums.save(self, run)
    }
}

/// Rows of the new file.
enum Part {
    /// Some of the old one's.
    Rows(Range<usize>),
    /// Others.
    New(Lazy),
}

impl Part {
    fn count(&self, table: &Table) -> Result<usize> {
        match self {
            Part::Rows(rows) => Ok(rows.len()),
            Part::New(lazy) => table.count(lazy.shape()?),
        }
    }

    fn lazy(&self, array: &Array, table: &Table) -> Result<Lazy> {
        Ok(match self {
            Part::Rows(rows) => array.slice(table.select(rows.clone()))?.into(),
            Part::New(lazy) => lazy.clone(),
        })
    }
}
