//! Another number of rows, in the same file.

use ndfolio_engine::Run;
use ndfolio_format::Format;
use ndfolio_store::{Mode, StoreError};

use crate::{
    Array, Error, OpenOptions, Result,
    open::{renewed, waiting},
    table::{Table, count_field},
};

impl Array {
    /// Takes notice of rows that were appended or removed since the array was opened, by anyone; returns how many
    /// there are. Reads the header, and never sees a row that is not complete.
    ///
    /// An array that is open for reading follows a file that was put in the place of its own, if it holds rows of the
    /// same dtype and shape. Clones and selections of this array stay what they were.
    ///
    /// # Errors
    /// A selection, mode `c` (a view that was made once), a file that is no `.npy` file; the file was removed, or
    /// replaced by one with other rows, or by any if this array is open for writing; rows that were lost with an
    /// [`Appender`](crate::Appender) of this open file; what the file reports.
    pub fn refresh(&mut self) -> Result<usize> {
        let table = Table::of(self)?;
        self.file().check_health()?;
        if self.mode() == Mode::CopyOnWrite {
            let reason = "mode 'c' is a view that was made once; open the file again";
            return Err(Error::NoRows { path: self.place().to_owned(), reason: reason.to_owned() });
        }
        match self.file().check_name() {
            Err(StoreError::Replaced { .. }) if self.mode() == Mode::Read => return self.follow(&table),
            name => name?,
        }
        let Some(field) = count_field(self.file(), self.offset())? else {
            self.file().look_again(self.file().current_len()?)?;
            return Ok(table.rows());
        };
        let view = table.view(field.count)?;
        self.file().look_again(table.end(field.count))?;
        self.source.view = view;
        self.origin.keeper.look_again(self.file().path(), &Run::default())?;
        Ok(field.count)
    }

    /// Opens the file that has the name now.
    fn follow(&mut self, table: &Table) -> Result<usize> {
        let path = self.file().absolute_path().to_owned();
        let new = renewed(|| OpenOptions::new().open(&path))?;
        let replaced = || StoreError::Replaced { path: self.place().to_owned() };
        if new.format() != Format::NPY {
            return Err(replaced().into());
        }
        let rows = Table::of(&new)?;
        if !rows.is_like(table) {
            return Err(replaced().into());
        }
        let origin = std::sync::Arc::clone(&self.origin);
        *self = Array { origin, ..new };
        Ok(rows.rows())
    }

    /// Counts only the first `rows` rows. The file does not become shorter, so nobody who reads the others meets its
    /// end: [`Array::compact`] gives their space back, and rows that are appended are written over them.
    ///
    /// # Errors
    /// As [`Array::append`]; [`StoreError::Locked`](crate::StoreError::Locked) also where somebody else has the
    /// rows open for writing that would go; more rows than there are.
    pub fn truncate_rows(&mut self, rows: usize) -> Result<()> {
        self.lower(rows, &Run::default())
    }

    fn lower(&mut self, rows: usize, run: &Run<'_>) -> Result<()> {
        let mut appender = self.append_options().begin(self, run)?;
        let there = appender.rows();
        if rows > there {
            let reason = format!("{rows} rows are to stay, and there are {there}; resize adds rows of zeros");
            return Err(Error::NoRows { path: self.place().to_owned(), reason });
        }
        let going = Table::of(self)?.bytes_from(rows);
        let locking = self.origin.locking;
        let _lock = waiting(self.place(), run, |stop| self.source.file.lock_range_or(going, locking, stop))?;
        let done = appender.lower(rows, run);
        *self = appender.array().clone();
        done
    }

    /// Makes it `rows` rows: adds rows of zeros, whose space is taken, or counts fewer as [`Array::truncate_rows`].
    ///
    /// # Errors
    /// As [`Array::truncate_rows`]; a full disk; a cancelled run. The file is as it was then.
    pub fn resize<'r>(&mut self, rows: usize, run: impl Into<Run<'r>>) -> Result<()> {
        let run = run.into();
        let mut appender = self.append_options().begin(self, &run)?;
        let there = appender.rows();
        if rows < there {
            drop(appender);
            return self.lower(rows, &run);
        }
        let done = if rows > there { appender.grow(rows - there, &run) } else { Ok(()) };
        *self = appender.array().clone();
        done
    }
}
