//! Rows at the end of a file.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use ndarray::{ArrayBase, Data, Dimension};
use ndfolio_engine::{Run, expr::Block};
use ndfolio_format::npy::CountField;
use ndfolio_kernel::{Caster, Casting, Element, swap_bytes};
use ndfolio_layout::{DType, Order};
use ndfolio_store::{APPENDING, Appender as Tail, EVERYTHING, Lock, Locking, Mode, RangeLock, Synced};

use crate::{
    Array, Error, Lazy, OpenOptions, Result,
    error::At,
    open::{renewed, waiting},
    sums::{Counted, cover_no_more, follow},
    table::{Table, count_field},
};

/// Hears of rows that could not be counted when an appender was dropped.
type Lost = Arc<dyn Fn(&Error) + Send + Sync>;

/// How rows are appended.
#[derive(Clone)]
#[must_use]
pub struct AppendOptions {
    synced: Synced,
    locking: Locking,
    casting: Casting,
    lost: Option<Lost>,
}

impl Default for AppendOptions {
    fn default() -> Self {
        let (synced, locking) = (Synced::default(), Locking::default());
        AppendOptions { synced, locking, casting: Casting::SameKind, lost: None }
    }
}

impl AppendOptions {
    /// Acknowledged rows survive a power loss; the end of the file is locked where the file system has locks; somebody
    /// else who appends is an error at once.
    pub fn new() -> Self {
        AppendOptions::default()
    }

    /// What is on stable storage when rows are acknowledged.
    pub fn durability(self, synced: Synced) -> Self {
        AppendOptions { synced, ..self }
    }

    /// Which casts to the array's dtype are allowed; NumPy's `same_kind` if it is not given.
    pub fn casting(self, casting: Casting) -> Self {
        AppendOptions { casting, ..self }
    }

    /// Whether the end of the file is locked against others who append.
    pub fn lock(mut self, lock: Lock) -> Self {
        self.locking.lock = lock;
        self
    }

    /// How long to wait for somebody who appends; not at all if it is not given.
    pub fn wait(mut self, time: Duration) -> Self {
        self.locking.wait = time;
        self
    }

    /// Who hears of rows that could not be counted when an [`Appender`] is dropped without a commit, besides the arrays
    /// of the same open file (those that [`Array::appender`] was called on, and clones of [`Appender::array`]): their next
    /// write, flush, close or refresh fails and says so.
    pub fn on_lost(self, lost: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        AppendOptions { lost: Some(Arc::new(lost)), ..self }
    }

    /// Opens the `.npy` file at `path` for appending. Writers of the rows that are there already are not disturbed.
    ///
    /// # Errors
    /// [`StoreError::Locked`](crate::StoreError::Locked) where somebody else appends; as [`OpenOptions::open`]; an
    /// array that can have no more rows.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Appender> {
        self.open_run(path, Run::default())
    }

    /// [`AppendOptions::open`] that can be cancelled while it [waits](Self::wait) for somebody who appends.
    ///
    /// # Errors
    /// As [`AppendOptions::open`]; a cancelled run.
    pub fn open_run<'r>(&self, path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Appender> {
        let (options, run) = (OpenOptions::new().mode(Mode::ReadWrite).lock(Lock::Off), run.into());
        renewed(|| {
            let mut array = options.open(&path)?;
            self.begin(&mut array, &run)
        })
    }

    /// Locks the end of the array's file, and begins behind the rows that are there now.
    pub(crate) fn begin(&self, array: &mut Array, run: &Run<'_>) -> Result<Appender> {
        Table::of(array)?;
        array.check_writable()?;
        let lock = waiting(array.place(), run, |stop| {
            array.source.file.lock_range_or(APPENDING, self.locking, stop)
        })?;
        array.file().check_name()?;
        let end = match count_field(array.file(), array.offset())? {
            None => End::Foreign { _lock: lock },
            Some(field) => {
                let table = Table::of(array)?;
                array.file().look_again(table.end(field.count))?;
                array.source.view = table.view(field.count)?;
                End::behind(lock, &table, field, self.synced)?
            }
        };
        let table = Table::of(array)?;
        let (array, rows, options) = (array.clone(), table.rows(), self.clone());
        let appender = Appender { end, array, table, rows, pending: 0, is_told: false, options };
        if let Some(counted) = appender.counted() {
            appender.array.origin.keeper.settle(appender.array.file(), run)?;
            cover_no_more(appender.array.file().path(), &counted, appender.table.end(rows), run)?;
        }
        Ok(appender)
    }
}

/// The end of a file that is locked.
enum End {
    /// The header has no room for the number of rows, and nothing was written yet.
    Foreign { _lock: RangeLock },
    /// Rows can be written. They are counted at this place of the file.
    Open(Box<Tail>, u64),
    /// The file was written anew with room for their number, and could not be locked or looked into after that: others
    /// may append to it since.
    Left,
}

impl End {
    fn behind(lock: RangeLock, table: &Table, field: CountField, synced: Synced) -> Result<End> {
        Ok(End::Open(Box::new(Tail::new(lock, table.end(field.count), synced)?), field.offset))
    }
}

impl fmt::Debug for AppendOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppendOptions")
            .field("durability", &self.synced)
            .field("locking", &self.locking)
            .field("casting", &self.casting)
            .finish_non_exhaustive()
    }
}

/// Appends rows to a `.npy` file, batch by batch.
///
/// Rows lie along the first axis, in Fortran order along the last. What [`append`](Self::append) writes is counted by
/// [`commit`](Self::commit), all of it at once: readers, and whoever opens the file after a crash, see the batch or
/// nothing of it. Acknowledged rows survive the end of the process and, unless less was asked for, of the power.
///
/// An appender that is dropped commits what it has (unless the thread panics, when it takes that back). Only
/// [`close`](Self::close) tells the caller whether that went well; without it, [`AppendOptions::on_lost`] and the arrays of
/// the same open file do. A failure takes back what was not committed, and is final.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ndfolio-append-{}.npy", std::process::id()));
/// use ndfolio::{Appender, CreateOptions, ndarray::arr2};
/// CreateOptions::new("<f4".parse()?, &[0, 3]).growable().create(&path)?.close()?;
/// let mut log = Appender::open(&path)?;
/// for step in 0..10 {
///     log.append(&arr2(&[[step as f32, 0.5, 1.5]]))?;
/// }
/// log.close()?;
/// assert_eq!(ndfolio::open(&path)?.shape(), [10, 3]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Appender {
    /// First, so that its lock goes before the file does.
    end: End,
    /// The rows that are counted.
    array: Array,
    table: Table,
    rows: usize,
    /// Rows that are written and not counted.
    pending: usize,
    /// Whether the caller got an error about rows that are lost.
    is_told: bool,
    options: AppendOptions,
}

impl Appender {
    /// Opens the `.npy` file at `path` for appending, as [`AppendOptions::new`] says.
    ///
    /// # Errors
    /// As [`AppendOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        AppendOptions::new().open(path)
    }

    /// The rows that are counted.
    #[must_use]
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// How many rows are counted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows were written and are not counted yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Writes rows behind the others, cast to the array's dtype as far as [`AppendOptions::casting`] allows.
    ///
    /// # Errors
    /// [`Error::RowShape`]; a cast that is not allowed; a full disk, and what else the file reports.
    pub fn append<T, S, D>(&mut self, rows: &ArrayBase<S, D>) -> Result<()>
    where
        T: Element,
        S: Data<Elem = T>,
        D: Dimension,
    {
        let count = self.table.count(rows.shape())?;
        let from = DType::native(T::KIND);
        let caster = Caster::new(&from, &self.table.dtype, self.options.casting).at(self.array.place())?;
        let itemsize = self.table.dtype.itemsize();
        let items = rows.view().into_dyn();
        let items = if self.table.order == Order::F { items.reversed_axes() } else { items };
        let tail = self.tail(&Run::default())?;
        let mut write = |items: &[T]| {
            let mut bytes = vec![0; std::mem::size_of_val(items)];
            T::store(items, &mut bytes);
            let mut cast = vec![0; items.len() * itemsize];
            caster.apply(&mut bytes, &mut cast);
            tail.write(&cast)
        };
        let result = match items.as_slice() {
            Some(items) => items.chunks(PIECE).try_for_each(write),
            None => {
                let mut rest = items.iter().copied();
                std::iter::from_fn(|| {
                    let piece: Vec<T> = rest.by_ref().take(PIECE).collect();
                    (!piece.is_empty()).then_some(piece)
                })
                .try_for_each(|piece| write(&piece))
            }
        };
        self.counted_later(count, result.map_err(Error::from))
    }

    /// Writes rows as their bytes are in the file: of the array's dtype and byte order, in its order.
    ///
    /// # Errors
    /// Bytes that are no whole rows; a full disk, and what else the file reports.
    pub fn append_bytes(&mut self, rows: &[u8]) -> Result<()> {
        let row = self.table.row_bytes();
        if row == 0 || !(rows.len() as u64).is_multiple_of(row) {
            let reason = format!("{} bytes are no whole rows: a row has {row} bytes", rows.len());
            return Err(Error::Usage { path: self.array.place().to_owned(), reason });
        }
        let tail = self.tail(&Run::default())?;
        let result = rows.chunks(1 << 20).try_for_each(|piece| tail.write(piece));
        self.counted_later((rows.len() as u64 / row) as usize, result.map_err(Error::from))
    }

    /// Computes rows (of an array in a file, or of any expression) and writes them, a box at a time within the memory
    /// of the run, cast to the array's dtype as far as [`AppendOptions::casting`] allows.
    ///
    /// # Errors
    /// As [`append`](Self::append) and [`Lazy::compute`]; a cancelled run. The rows of this call are taken back then,
    /// those of calls before it stay to be committed, unless it was this file that failed.
    pub fn append_lazy<'r>(&mut self, rows: impl Into<Lazy>, run: impl Into<Run<'r>>) -> Result<()> {
        let rows = rows.into();
        let count = self.table.count(rows.shape()?)?;
        // An expression does not know where its values go; an error should.
        let casting = self.options.casting;
        Caster::new(rows.dtype()?, &self.table.dtype, casting).at(self.array.place())?;
        let rows = rows.astype(&self.table.dtype, casting);
        let rows = if self.table.order == Order::F { rows.transpose(None) } else { rows };
        let swap = self.table.dtype.as_scalar().map_or(1, |scalar| scalar.foreign_width());
        let run = run.into();
        let tail = self.tail(&run)?;
        let start = tail.end();
        let mut swapped = Vec::new();
        let result = rows.for_each_block(run, |block: Block<'_>| {
            if swap == 1 {
                return Ok::<(), Error>(tail.write(block.bytes)?);
            }
            swapped.clear();
            swapped.extend_from_slice(block.bytes);
            swap_bytes(&mut swapped, swap);
            Ok(tail.write(&swapped)?)
        });
        let result = result.map(|_| ());
        if result.is_err() {
            // If it was the file that failed, this does too, and so does everything else.
            self.is_told |= self.tail(&run)?.lower_to(start).is_err();
            return result;
        }
        self.counted_later(count, result)
    }

    fn counted_later(&mut self, count: usize, result: Result<()>) -> Result<()> {
        self.is_told |= result.is_err();
        self.pending += if result.is_ok() { count } else { 0 };
        result
    }

    /// Counts what was written: all of it at once, on stable storage as far as was asked for. Does nothing if there is
    /// nothing.
    ///
    /// # Errors
    /// What the file reports, which is final; a file that was removed or replaced.
    pub fn commit(&mut self) -> Result<()> {
        if self.pending == 0 && !self.is_told {
            return Ok(());
        }
        let result = self.count(self.rows + self.pending);
        self.is_told |= result.is_err();
        result
    }

    /// The end of the file as it can be written to. What NumPy wrote is copied to a file with room for the number of
    /// rows now, and not before it is known that there is something to write.
    fn tail(&mut self, run: &Run<'_>) -> Result<&mut Tail> {
        if let End::Foreign { .. } = self.end {
            let (locking, old) = (self.options.locking, self.array.file_id());
            let lock = self.array.make_growable(locking, run).and_then(|()| {
                let file = &self.array.source.file;
                waiting(self.array.place(), run, |stop| file.lock_range_or(APPENDING, locking, stop))
            });
            // Whether that went well or not, nobody else is to be kept out of the new file.
            self.array.file().give_up_lock(&EVERYTHING);
            let opened = lock.and_then(|lock| self.behind_what_was_copied(lock));
            if opened.is_err() && self.array.file_id() != old {
                self.end = End::Left;
            }
            self.end = opened?;
        }
        match &mut self.end {
            End::Open(tail, _) => Ok(tail),
            End::Foreign { .. } | End::Left => Err(Error::NoRows {
                path: self.array.place().to_owned(),
                reason: "it was written anew, and others may append to it since; open it again".to_owned(),
            }),
        }
    }

    /// The end of a file that was just given room for the number of rows.
    fn behind_what_was_copied(&mut self, lock: RangeLock) -> Result<End> {
        self.table = Table::of(&self.array)?;
        match count_field(self.array.file(), self.array.offset())? {
            Some(field) if field.count == self.rows => {
                End::behind(lock, &self.table, field, self.options.synced)
            }
            _ => Ok(End::Left),
        }
    }

    /// How the file counts its rows, if it does.
    fn counted(&self) -> Option<Counted> {
        let End::Open(_, field) = self.end else { return None };
        Some(Counted { start: self.array.offset(), field, row: self.table.row_bytes() })
    }

    /// Has the checksums beside the file cover the rows that are counted.
    fn follow(&self) -> Result<()> {
        let Some(counted) = self.counted() else { return Ok(()) };
        let (path, run) = (self.array.file().path(), Run::default());
        self.array.origin.keeper.settle(self.array.file(), &run)?;
        follow(path, &counted, self.table.end(self.rows), &run)?;
        self.array.origin.keeper.look_again(path, &run)
    }

    /// Writes another number of rows.
    fn count(&mut self, rows: usize) -> Result<()> {
        let bytes = CountField::bytes(rows as u64).at(self.array.place())?;
        let view = self.table.view(rows)?;
        let End::Open(tail, field) = &mut self.end else { return Ok(()) };
        tail.commit(*field, &bytes)?;
        (self.rows, self.pending) = (rows, 0);
        self.array.source.view = view;
        Ok(())
    }

    /// Lets rows of zeros follow, counted at once.
    pub(crate) fn grow(&mut self, rows: usize, run: &Run<'_>) -> Result<()> {
        let bytes = (rows as u64).saturating_mul(self.table.row_bytes());
        let target = self.rows.saturating_add(rows);
        self.table.view(target)?;
        self.tail(run)?.write_zeros(bytes, crate::Reserve::Space, &|| run.go_on().is_err())?;
        self.count(target)?;
        self.follow()
    }

    /// Counts fewer rows.
    pub(crate) fn lower(&mut self, rows: usize, run: &Run<'_>) -> Result<()> {
        // First, for a file that is copied has its rows elsewhere.
        self.tail(run)?;
        let end = self.table.end(rows);
        self.tail(run)?.lower_to(end)?;
        self.count(rows)?;
        self.follow()
    }

    /// Takes back the rows that are not counted.
    ///
    /// # Errors
    /// An earlier failure.
    pub fn rollback(&mut self) -> Result<()> {
        self.pending = 0;
        let end = self.table.end(self.rows);
        match &mut self.end {
            End::Open(tail, _) => Ok(tail.lower_to(end)?),
            End::Foreign { .. } | End::Left => Ok(()),
        }
    }

    /// Commits, has the checksums beside the file (if there are any) cover the new rows, and lets others append.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and what reading the rows and writing the checksums report: the rows are counted
    /// then. The lock is given up in any case.
    pub fn close(mut self) -> Result<()> {
        self.commit()?;
        self.follow()
    }
}

/// Items that are cast at once.
const PIECE: usize = 1 << 15;

impl Drop for Appender {
    fn drop(&mut self) {
        if self.pending == 0 || self.is_told || std::thread::panicking() {
            return;
        }
        let pending = self.pending;
        if let Err(error) = self.commit() {
            let file = self.array.file();
            file.poison_with(format!(
                "{pending} rows that were appended and not committed are lost: {error}"
            ));
            if let Some(lost) = &self.options.lost {
                lost(&error);
            }
        }
    }
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appender")
            .field("array", &self.array)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl Array {
    /// Appends rows to the file, as one batch that is durable when this returns; see [`Appender`]. The array has them
    /// then, and those that others appended before.
    ///
    /// The first time, a file whose header has no room for the number of rows (NumPy's) is copied to one that has.
    ///
    /// # Errors
    /// As [`AppendOptions::open`] and [`Appender::append`].
    pub fn append<T, S, D>(&mut self, rows: &ArrayBase<S, D>) -> Result<()>
    where
        T: Element,
        S: Data<Elem = T>,
        D: Dimension,
    {
        self.append_with(&Run::default(), |appender| appender.append(rows))
    }

    /// [`Array::append`] for rows of an array in a file or of an expression; see [`Appender::append_lazy`].
    ///
    /// # Errors
    /// As [`Array::append`].
    pub fn append_lazy<'r>(&mut self, rows: impl Into<Lazy>, run: impl Into<Run<'r>>) -> Result<()> {
        let run = run.into();
        self.append_with(&run, |appender| appender.append_lazy(rows, run))
    }

    fn append_with(&mut self, run: &Run<'_>, write: impl FnOnce(&mut Appender) -> Result<()>) -> Result<()> {
        let mut appender = self.append_options().begin(self, run)?;
        let done = write(&mut appender).and_then(|()| appender.commit());
        // Also after an error: the rows may be in another file by now.
        *self = appender.array.clone();
        done?;
        appender.follow()
    }

    /// Begins to append. This array has the rows that are there now, and not those that are appended;
    /// [`Array::refresh`] brings them.
    ///
    /// # Errors
    /// As [`AppendOptions::open`]; an array that is open for reading only.
    pub fn appender(&mut self, options: &AppendOptions) -> Result<Appender> {
        let mut appender = options.begin(self, &Run::default())?;
        let done = appender.tail(&Run::default()).map(drop);
        *self = appender.array.clone();
        done.map(|()| appender)
    }

    /// Options with the lock that the array was opened with.
    pub(crate) fn append_options(&self) -> AppendOptions {
        AppendOptions { locking: self.origin.locking, ..AppendOptions::new() }
    }
}
