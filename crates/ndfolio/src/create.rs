use std::path::Path;

use ndfolio_engine::{self as engine, Run, copy, fill, settle};
use ndfolio_format::{Format, RawSpec, npy};
use ndfolio_kernel::Casting;
use ndfolio_layout::{DType, Order, Value, View};
use ndfolio_store::{Durability, EVERYTHING, Existing, File, FileId, Lock, NewFile, Reserve};

use crate::{Array, Error, Result, error::At, open::sidecar_path, sums::forget_sums};

/// Makes a new file with an array of zeros and opens it for reading and writing (NumPy's mode `w+`).
///
/// The file's space is reserved, and the file appears under its name whole or not at all. A name that ends in
/// `.npy` makes a `.npy` file, any other a raw one.
///
/// # Errors
/// A file of that name exists; a shape that no array can have; a full disk.
pub fn create(path: impl AsRef<Path>, dtype: DType, shape: &[usize]) -> Result<Array> {
    CreateOptions::new(dtype, shape).create(path)
}

/// What a new file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// NumPy's file of one array, as `numpy.save` writes it.
    Npy,
    /// Values without a header.
    Raw,
}

/// Whether a file `NAME.json` beside a raw file says what it holds, so that it can be opened by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sidecar {
    /// None is written.
    #[default]
    None,
    /// It is written.
    Write,
}

/// How a new file is made.
///
/// ```no_run
/// use ndfolio::{CreateOptions, Existing, Order, Reserve};
/// let array = CreateOptions::new("<f8".parse()?, &[1 << 40, 3])
///     .order(Order::F)
///     .reserve(Reserve::Sparse)
///     .existing(Existing::Replace)
///     .create("huge.npy")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CreateOptions {
    dtype: DType,
    shape: Vec<usize>,
    order: Order,
    fill: Option<Value>,
    reserve: Reserve,
    existing: Existing,
    kind: Option<FileKind>,
    offset: u64,
    sidecar: Sidecar,
    durability: Durability,
    growth: Growth,
    lock: Lock,
    held: Held,
}

/// Whether a `.npy` file has room for more rows to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Growth {
    /// It is as NumPy writes it.
    #[default]
    None,
    /// It has.
    Rows,
}

/// What stays locked of a new file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Held {
    /// Its bytes, as those of any file that is open for writing.
    #[default]
    Bytes,
    /// Its end too.
    Everything,
}

/// A file that is to be: its bytes before the items, and where those lie.
struct Plan {
    kind: FileKind,
    head: Vec<u8>,
    view: View,
}

impl CreateOptions {
    /// A new array of this dtype and shape, in C order.
    pub fn new(dtype: DType, shape: &[usize]) -> Self {
        CreateOptions {
            dtype,
            shape: shape.to_vec(),
            order: Order::C,
            fill: None,
            reserve: Reserve::Space,
            existing: Existing::Refuse,
            kind: None,
            offset: 0,
            sidecar: Sidecar::None,
            durability: Durability::default(),
            growth: Growth::None,
            lock: Lock::Auto,
            held: Held::Bytes,
        }
    }

    /// A new array of the dtype, the shape and (if it is contiguous) the order of another.
    pub fn like(array: &Array) -> Self {
        let order = array.order().unwrap_or_default();
        CreateOptions::new(array.dtype().clone(), array.shape()).order(order)
    }

    /// The type of the items.
    pub fn dtype(self, dtype: DType) -> Self {
        CreateOptions { dtype, ..self }
    }

    /// The order of the items in the file.
    pub fn order(self, order: Order) -> Self {
        CreateOptions { order, ..self }
    }

    /// What every item is at first; zero if it is not given.
    pub fn fill(self, value: impl Into<Value>) -> Self {
        CreateOptions { fill: Some(value.into()), ..self }
    }

    /// Whether the file's space is reserved (the default: a full disk is an error now), or the file is sparse
    /// (a full disk is an error when it is written to).
    pub fn reserve(self, reserve: Reserve) -> Self {
        CreateOptions { reserve, ..self }
    }

    /// What happens to a file of that name: it is an error (the default), or it is replaced once the new file
    /// is complete.
    pub fn existing(self, existing: Existing) -> Self {
        CreateOptions { existing, ..self }
    }

    /// What the file is, whatever its name ends in.
    pub fn kind(self, kind: FileKind) -> Self {
        CreateOptions { kind: Some(kind), ..self }
    }

    /// Bytes of zeros before the items of a raw file.
    pub fn offset(self, bytes: u64) -> Self {
        CreateOptions { offset: bytes, ..self }
    }

    /// What is on stable storage when the file was made: all of it (the default), or its items but perhaps not yet
    /// its name.
    pub fn durability(self, durability: Durability) -> Self {
        CreateOptions { durability, ..self }
    }

    /// A `.npy` file with room for the number of rows, so that [`Array::append`] can count more of them in its place.
    /// Rows lie along the first axis, in Fortran order along the last. Any reader of `.npy` files takes it; its header
    /// is not byte for byte the one that NumPy would write.
    pub fn growable(self) -> Self {
        CreateOptions { growth: Growth::Rows, ..self }
    }

    /// Whether the open file is locked against others who write to it, as
    /// [`OpenOptions::lock`](crate::OpenOptions::lock) says.
    pub fn lock(self, lock: Lock) -> Self {
        CreateOptions { lock, ..self }
    }

    /// The end of the new file stays locked too.
    pub(crate) fn hold_everything(self) -> Self {
        CreateOptions { held: Held::Everything, ..self }
    }

    /// Whether a raw file has a sidecar.
    pub fn sidecar(self, sidecar: Sidecar) -> Self {
        CreateOptions { sidecar, ..self }
    }

    /// Makes the file and opens it for reading and writing.
    ///
    /// # Errors
    /// A file of that name exists; a dtype or a shape that the file cannot have; a value that the dtype cannot
    /// hold; a full disk. Nothing is left behind then, and a file of that name is as it was.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<Array> {
        self.create_run(path, Run::default())
    }

    /// [`CreateOptions::create`] that can be watched and cancelled.
    ///
    /// # Errors
    /// As [`CreateOptions::create`].
    pub fn create_run<'r>(&self, path: impl AsRef<Path>, run: impl Into<Run<'r>>) -> Result<Array> {
        let (path, run) = (path.as_ref(), &run.into());
        let plan = self.plan(path)?;
        let mut item = vec![0; plan.view.itemsize()];
        if let Some(value) = &self.fill {
            value.encode(plan.view.dtype(), &mut item).at(path)?;
        }
        let file = self.make(path, &plan, run, |new| {
            if item.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            fill(new, &plan.view, &item, run).at(path)
        })?;
        Ok(plan.open(file, self.lock))
    }

    /// Makes the file from another array: its items, cast where the dtypes differ, in this order.
    ///
    /// # Errors
    /// As [`CreateOptions::create`]; another shape than the array's; a cast that `casting` forbids;
    /// [`Error::OntoItself`] if it would replace the file that the array is read from.
    pub fn copy_of<'r>(
        &self,
        array: &Array,
        path: impl AsRef<Path>,
        casting: Casting,
        run: impl Into<Run<'r>>,
    ) -> Result<Array> {
        let (path, run) = (path.as_ref(), &run.into());
        if std::fs::metadata(path).is_ok_and(|target| FileId::from(&target) == array.file_id()) {
            return Err(Error::OntoItself { path: path.to_owned() });
        }
        let plan = self.plan(path)?;
        // Found before a file is made.
        ndfolio_kernel::Caster::new(array.dtype(), plan.view.dtype(), casting).at(array.place())?;
        let file = self.make(path, &plan, run, |new| {
            copy(&array.source, new, &plan.view, casting, run).at(array.place())
        })?;
        Ok(plan.open(file, self.lock))
    }

    /// What [`CreateOptions::copy_of`] would do: found out from what the page cache holds, without reading items
    /// or making a file.
    ///
    /// # Errors
    /// As that, but for what only reading and writing find.
    pub fn plan_copy_of<'r>(
        &self,
        array: &Array,
        path: impl AsRef<Path>,
        casting: Casting,
        run: impl Into<Run<'r>>,
    ) -> Result<engine::Plan> {
        let plan = self.plan(path.as_ref())?;
        engine::plan_copy(&array.source, &plan.view, casting, &run.into()).at(array.place())
    }

    /// Where the items of the new file will lie.
    pub(crate) fn view_of(&self, path: &Path) -> Result<View> {
        Ok(self.plan(path)?.view)
    }

    /// Makes the file, has somebody write its items, and opens it.
    pub(crate) fn write_new(
        &self,
        path: &Path,
        run: &Run<'_>,
        write: impl FnOnce(&NewFile) -> Result<()>,
    ) -> Result<Array> {
        let plan = self.plan(path)?;
        let file = self.make(path, &plan, run, write)?;
        Ok(plan.open(file, self.lock))
    }

    fn plan(&self, path: &Path) -> Result<Plan> {
        let npy_name = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
        let kind = self.kind.unwrap_or(if npy_name { FileKind::Npy } else { FileKind::Raw });
        if kind == FileKind::Npy && (self.offset > 0 || self.sidecar == Sidecar::Write) {
            let reason =
                "a .npy file has a header of its own, so neither an offset nor a sidecar; ask for a raw file";
            return Err(Error::Usage { path: path.to_owned(), reason: reason.to_owned() });
        }
        if kind == FileKind::Raw && self.growth == Growth::Rows {
            let reason = "a raw file has no header in which rows are counted; ask for a .npy file";
            return Err(Error::Usage { path: path.to_owned(), reason: reason.to_owned() });
        }
        let place = |offset| View::contiguous(&self.dtype, &self.shape, self.order, offset).at(path);
        let mut view = place(self.offset)?;
        let mut head = Vec::new();
        if kind == FileKind::Npy {
            head = match self.growth {
                // What is contiguous in both orders is in C order, as NumPy has it.
                Growth::None => npy::header(view.dtype(), view.shape(), view.order().unwrap_or(self.order)),
                Growth::Rows if view.ndim() < 2 => {
                    npy::growable(view.dtype(), view.shape(), Order::C).map(|made| made.0)
                }
                Growth::Rows => npy::growable(view.dtype(), view.shape(), self.order).map(|made| made.0),
            }
            .at(path)?;
            view = place(head.len() as u64)?;
        }
        Ok(Plan { kind, head, view })
    }

    fn make(
        &self,
        path: &Path,
        plan: &Plan,
        run: &Run<'_>,
        write: impl FnOnce(&NewFile) -> Result<()>,
    ) -> Result<File> {
        let sidecar = match self.sidecar {
            Sidecar::Write => Some(self.new_sidecar(path)?),
            Sidecar::None => None,
        };
        let mut new = NewFile::create(path, self.existing)?;
        new.set_durability(self.durability);
        let len = plan.view.offset() + plan.view.nbytes() as u64;
        let reserved = new.reserve_until(len, self.reserve, &|| run.go_on().is_err());
        run.go_on().at(path)?;
        reserved?;
        new.write_at(0, &plan.head)?;
        write(&new)?;
        // The flush of a large file takes long, and nobody could stop it.
        settle(&new, 0..len, run).at(path)?;
        forget_sums(path)?;
        let file = new.commit_locked(self.lock)?;
        if self.held == Held::Bytes {
            file.give_up_lock(&EVERYTHING);
        }
        if let Some(sidecar) = sidecar {
            sidecar.commit()?;
        }
        Ok(file)
    }

    fn new_sidecar(&self, path: &Path) -> Result<NewFile> {
        let shape = self.shape.iter().map(|&n| n as i64).collect();
        let spec =
            RawSpec { dtype: self.dtype.clone(), shape: Some(shape), offset: self.offset, order: self.order };
        let file = NewFile::create(sidecar_path(path), self.existing)?;
        file.write_at(0, spec.to_json().as_bytes())?;
        Ok(file)
    }
}

impl Plan {
    fn open(self, file: File, lock: Lock) -> Array {
        let (format, version) = match self.kind {
            FileKind::Raw => (Format::RAW, None),
            // The two bytes behind the magic, as the header was written.
            FileKind::Npy => (Format::NPY, Some(format!("{}.{}", self.head[6], self.head[7]))),
        };
        Array::of_new(file, self.view, (format, version), lock)
    }
}
