use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ndfolio_engine::Run;
use ndfolio_format::{Contents, Format, FormatError, KnownMagic, RawSpec, ReadAt, ReadOptions};
use ndfolio_layout::{DType, Order, View};
use ndfolio_store::{ALL_BYTES, File, FileId, Lock, Locking, Mode, StoreError};

use crate::{
    Array, Error, Result, Size,
    array::Origin,
    error::At,
    sums::Keeper,
    table::{Table, count_field},
};

/// Opens a file's array for reading.
///
/// Reads the header and nothing else, whatever the file's size. Raw files need [`OpenOptions`], or a sidecar
/// `FILE.json` that says what they hold.
///
/// # Errors
/// As [`OpenOptions::open`].
pub fn open(path: impl AsRef<Path>) -> Result<Array> {
    OpenOptions::new().open(path)
}

/// What is in a file, its unusable members with the reasons.
///
/// # Errors
/// As [`OpenOptions::info`].
pub fn info(path: impl AsRef<Path>) -> Result<MemberInfo> {
    OpenOptions::new().info(path)
}

/// What is in a file.
#[derive(Clone, Debug)]
pub struct MemberInfo {
    /// The format, its version, and the members.
    pub contents: Contents,
    /// The file's length in bytes.
    pub file_size: u64,
}

/// How a file is opened: the mode, and what a file without a header holds.
///
/// ```no_run
/// use ndfolio::{Mode, OpenOptions};
/// let array = OpenOptions::new().mode(Mode::ReadWrite).open("run.npy")?;
/// let raw = OpenOptions::new().dtype("<i2".parse()?).shape(&[-1, 384]).offset(128).open("run.bin")?;
/// let weights = OpenOptions::new().member("weights").open("model.npz")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct OpenOptions {
    mode: Mode,
    member: Option<String>,
    format: Option<Format>,
    dtype: Option<DType>,
    shape: Option<Vec<i64>>,
    offset: Option<u64>,
    order: Option<Order>,
    limits: ReadOptions,
    copy_budget: Option<Size>,
    lock: Option<Lock>,
    wait: Duration,
    rows: Option<Range<usize>>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            mode: Mode::Read,
            member: None,
            format: None,
            dtype: None,
            shape: None,
            offset: None,
            order: None,
            limits: ReadOptions::default(),
            copy_budget: None,
            lock: None,
            wait: Duration::ZERO,
            rows: None,
        }
    }
}

impl OpenOptions {
    /// For reading, and a file that says itself what it holds.
    pub fn new() -> Self {
        OpenOptions::default()
    }

    /// What may be done with the array: NumPy's `r` (the default), `r+` or `c`. New files are made by
    /// [`CreateOptions`](crate::CreateOptions).
    pub fn mode(self, mode: Mode) -> Self {
        OpenOptions { mode, ..self }
    }

    /// Which array of a file that has several.
    pub fn member(self, name: impl Into<String>) -> Self {
        OpenOptions { member: Some(name.into()), ..self }
    }

    /// The format that the file must have. [`Format::RAW`] takes its bytes as values, whatever they look like.
    pub fn format(self, format: Format) -> Self {
        OpenOptions { format: Some(format), ..self }
    }

    /// The dtype of a raw file's items.
    pub fn dtype(self, dtype: DType) -> Self {
        OpenOptions { dtype: Some(dtype), ..self }
    }

    /// The shape of a raw file's array; one extent may be −1: as many as there are. One axis of all there are
    /// if it is not given.
    pub fn shape(self, shape: &[i64]) -> Self {
        OpenOptions { shape: Some(shape.to_vec()), ..self }
    }

    /// Where a raw file's items begin, in bytes from the start; any number.
    pub fn offset(self, bytes: u64) -> Self {
        OpenOptions { offset: Some(bytes), ..self }
    }

    /// The order of a raw file's axes.
    pub fn order(self, order: Order) -> Self {
        OpenOptions { order: Some(order), ..self }
    }

    /// The longest `.npy` header that is read, in bytes; 64 KiB unless it is raised.
    pub fn max_header(mut self, bytes: u32) -> Self {
        self.limits.max_header = bytes;
        self
    }

    /// In mode `c`, how much memory changed pages may take: each page that was written to stays in memory. If it is not
    /// given, what the machine or the control group has left. A write that needs more is an error, and changes nothing
    /// or a part. What is stored through [`Memmap::view_mut`](crate::Memmap::view_mut) cannot be counted.
    pub fn copy_budget(self, size: Size) -> Self {
        OpenOptions { copy_budget: Some(size), ..self }
    }

    /// Whether a file that is opened for writing is locked against others who do that, which is so unless this says
    /// otherwise (a [`Memmap`](crate::Memmap) is opened without a lock, as NumPy's is). Readers take no lock, and none
    /// keeps them out.
    pub fn lock(self, lock: Lock) -> Self {
        OpenOptions { lock: Some(lock), ..self }
    }

    /// How long to wait for somebody who has the file locked; not at all if it is not given.
    pub fn wait(self, time: Duration) -> Self {
        OpenOptions { wait: time, ..self }
    }

    /// The rows that are going to be written: only those are locked, so that several processes can write to parts of
    /// their own at a time, and others cannot be written. Rows lie along the axis along which the array grows: the
    /// first, in Fortran order the last.
    pub fn rows(self, rows: Range<usize>) -> Self {
        OpenOptions { rows: Some(rows), ..self }
    }

    /// The same with a lock or without, if that was left open.
    pub(crate) fn lock_or(self, lock: Lock) -> Self {
        OpenOptions { lock: self.lock.or(Some(lock)), ..self }
    }

    /// Opens a file's array.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where somebody else writes to it. [`Error::Store`] where the file cannot be opened, [`Error::Format`] where its header is none that can
    /// be used ([`FormatError::Unmappable`] says why and what to run), and where options and file contradict
    /// each other.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Array> {
        self.open_run(path, Run::default())
    }

    /// [`OpenOptions::open`] that can be cancelled while it [waits](Self::wait) for somebody who has the file locked.
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; a cancelled run.
    pub fn open_run<'r>(&self, path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Array> {
        let run = run.into();
        let (file, contents) = renewed(|| self.look(path.as_ref(), &run))?;
        if contents.format == Format::NPZ && self.mode == Mode::ReadWrite {
            return Err(Error::Archive { path: file.path().to_owned() });
        }
        let member = match &self.member {
            Some(name) => contents.member(name),
            None => contents.only(),
        };
        let member = member.at(file.path())?;
        let place = match &self.member {
            Some(name) => PathBuf::from(format!("{}::{name}", file.path().display())),
            None => file.path().to_owned(),
        };
        let view = member.view().at(&place)?.clone();
        let member = (!member.name.is_empty()).then(|| member.name.clone());
        // An archive's members have headers of their own, and others beside them.
        let start = if contents.format == Format::NPZ { 0 } else { view.offset() };
        let (version, locking) = (contents.version.clone(), self.locking());
        let keeper = Keeper::default();
        let origin = Origin { place, format: contents.format, version, member, start, keeper, locking };
        let array = Array::new(Arc::new(file), view, Arc::new(origin));
        self.lock_rows(&array, &run)?;
        Ok(array)
    }

    /// Opens a part of a file again that is known already: items that lie where `view` says, in the file `id`. The
    /// header is not looked at. Only the mode and the lock count of the options.
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; a view beyond the file's end; another file under that name, for its bytes would be
    /// taken for something that they are not.
    pub fn open_view(&self, path: impl AsRef<Path>, view: View, id: FileId) -> Result<Array> {
        let file = File::open(path, self.mode)?;
        if file.id() != id {
            let reason = "another file has this name by now; open it again by its name".to_owned();
            return Err(Error::Usage { path: file.path().to_owned(), reason });
        }
        if self.mode == Mode::ReadWrite {
            file.lock_until_closed(ALL_BYTES, self.locking())?;
            file.check_name()?;
        }
        if view.extent().end > file.len() {
            let (expected, found) = (view.extent().end, file.len());
            let reason =
                format!("the array ends at byte {expected}, and the file by now at {found}; restore it");
            return Err(Error::Usage { path: file.path().to_owned(), reason });
        }
        Ok(Array { is_whole: false, ..Array::of_new(file, view, (Format::RAW, None), self.locking().lock) })
    }

    /// Opens the file with its lock, and looks into it.
    fn look(&self, path: &Path, run: &Run<'_>) -> Result<(File, Contents)> {
        let file = File::open(path, self.mode)?;
        if let Some(size) = self.copy_budget {
            file.set_copy_budget(size.bytes() as u64);
        }
        if self.mode == Mode::ReadWrite && self.rows.is_none() {
            waiting(path, run, |stop| file.lock_until_closed_or(ALL_BYTES, self.locking(), stop))?;
            file.check_name()?;
        }
        let contents = self.steady(&file)?;
        Ok((file, contents))
    }

    fn locking(&self) -> Locking {
        Locking { lock: self.lock.unwrap_or_default(), wait: self.wait }
    }

    fn lock_rows(&self, array: &Array, run: &Run<'_>) -> Result<()> {
        let Some(rows) = &self.rows else { return Ok(()) };
        let bytes = Table::of_any(array)?.bytes_of(rows.clone()).ok_or_else(|| Error::Usage {
            path: array.place().to_owned(),
            reason: format!("rows {rows:?} are to be written, but its shape is {:?}", array.shape()),
        })?;
        if self.mode == Mode::ReadWrite {
            waiting(array.place(), run, |stop| {
                array.file().lock_until_closed_or(bytes.clone(), self.locking(), stop)
            })?;
            array.file().check_name()?;
        }
        array.file().write_only(bytes);
        Ok(())
    }

    /// What is in a file to which somebody may be appending: the header as it is before or after that, and no byte
    /// that is not counted.
    pub(crate) fn steady(&self, file: &File) -> Result<Contents> {
        loop {
            let contents = match self.contents(file) {
                Err(Error::Format { source: FormatError::DataCut { .. }, .. })
                    if file.current_len()? > file.len() =>
                {
                    file.look_again(file.current_len()?)?;
                    continue;
                }
                contents => contents?,
            };
            let (Format::NPY, Some(Ok(view))) =
                (contents.format, contents.members.first().map(|member| &member.array))
            else {
                return Ok(contents);
            };
            match count_field(file, view.offset())? {
                Some(field) if view.shape().get(field.axis) != Some(&field.count) => {}
                Some(_) => {
                    file.use_only(view.offset() + view.nbytes() as u64);
                    return Ok(contents);
                }
                None => return Ok(contents),
            }
        }
    }

    /// Looks into a file without choosing an array.
    ///
    /// # Errors
    /// As [`OpenOptions::open`], but for members that cannot be used: those say so themselves.
    pub fn info(&self, path: impl AsRef<Path>) -> Result<MemberInfo> {
        let file = File::open(&path, self.mode)?;
        let contents = self.steady(&file)?;
        Ok(MemberInfo { contents, file_size: file.current_len()? })
    }

    pub(crate) fn contents(&self, file: &File) -> Result<Contents> {
        let path = file.path();
        let (bytes, name) = (Bytes(file), path.to_string_lossy());
        let given =
            self.dtype.is_some() || self.shape.is_some() || self.offset.is_some() || self.order.is_some();
        if self.format == Some(Format::RAW) {
            let mut limits = self.limits.clone();
            limits.known_magic = KnownMagic::Ignore;
            return ndfolio_format::read_raw(&bytes, &name, &self.spec(path)?, &limits).at(path);
        }
        if let Some(format) = self.format {
            let contents = ndfolio_format::read(&bytes, &name, &self.limits).at(path)?;
            return match contents.format {
                found if found != format => {
                    let (expected, found) = (format.name(), found.name());
                    Err(Error::OtherFormat { path: path.to_owned(), expected, found })
                }
                found if given => Err(Error::SpecForHeader { path: path.to_owned(), format: found.name() }),
                _ => Ok(contents),
            };
        }
        if given {
            return ndfolio_format::read_raw(&bytes, &name, &self.spec(path)?, &self.limits).at(path);
        }
        match ndfolio_format::read(&bytes, &name, &self.limits) {
            Err(unknown @ (FormatError::Unknown { .. } | FormatError::Empty)) => match sidecar(path)? {
                Some(spec) => ndfolio_format::read_raw(&bytes, &name, &spec, &self.limits).at(path),
                None => Err(unknown).at(path),
            },
            contents => contents.at(path),
        }
    }

    /// What the options say of a raw file, and the sidecar where they say nothing.
    fn spec(&self, path: &Path) -> Result<RawSpec> {
        let mut spec = match (&self.dtype, sidecar(path)?) {
            (Some(dtype), _) => RawSpec::new(dtype.clone()),
            (None, Some(spec)) => spec,
            (None, None) => {
                let reason =
                    "a raw file needs a dtype, such as '<f4', besides a shape, an offset or an order";
                return Err(Error::Usage { path: path.to_owned(), reason: reason.to_owned() });
            }
        };
        spec.shape = self.shape.clone().or(spec.shape);
        spec.offset = self.offset.unwrap_or(spec.offset);
        spec.order = self.order.unwrap_or(spec.order);
        Ok(spec)
    }
}

/// How often a path is opened again because it led to another file meanwhile.
const RENEWALS: usize = 100;

/// Does something with a path again while others put new files in its place.
pub(crate) fn renewed<T>(mut act: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 1..RENEWALS {
        match act() {
            Err(Error::Store(StoreError::Replaced { .. })) => {}
            result => return result,
        }
    }
    act()
}

/// Takes a lock, and waits for it no longer than the run goes on.
pub(crate) fn waiting<T>(
    path: &Path,
    run: &Run<'_>,
    take: impl FnOnce(&dyn Fn() -> bool) -> Result<T, StoreError>,
) -> Result<T> {
    let taken = take(&|| run.go_on().is_err());
    if taken.is_err() {
        run.go_on().at(path)?;
    }
    Ok(taken?)
}

/// The name of the file beside a raw file that says what it holds.
pub(crate) fn sidecar_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// What the sidecar of a file says, if there is one.
fn sidecar(path: &Path) -> Result<Option<RawSpec>> {
    let path = sidecar_path(path);
    let file = match File::open(&path, Mode::Read) {
        Ok(file) => file,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let len = file.len().min(ndfolio_format::MAX_SIDECAR as u64 + 1);
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes)?;
    RawSpec::from_json(&bytes).map(Some).at(&path)
}

/// A file as the format stage reads it.
struct Bytes<'a>(&'a File);

impl ReadAt for Bytes<'_> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_up_to(offset, buf).map_err(io::Error::other)
    }
}

impl Array {
    /// An array over all of a file that this process made, as its view says.
    pub(crate) fn of_new(
        file: File,
        view: View,
        (format, version): (Format, Option<String>),
        lock: Lock,
    ) -> Array {
        let (place, start, keeper) = (file.path().to_owned(), view.offset(), Keeper::default());
        let locking = Locking { lock, wait: Duration::ZERO };
        let origin = Origin { place, format, version, member: None, start, keeper, locking };
        Array::new(Arc::new(file), view, Arc::new(origin))
    }
}
