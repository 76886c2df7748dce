use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use ndfolio_engine::Source;
use ndfolio_format::Format;
use ndfolio_layout::{DType, Order, Selection, View};
use ndfolio_store::{File, FileId, Locking, Mode};

use crate::{Result, error::At, sums::Keeper};

/// Where an array comes from.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The file, with the member behind `::`.
    pub(crate) place: PathBuf,
    pub(crate) format: Format,
    pub(crate) version: Option<String>,
    pub(crate) member: Option<String>,
    /// Where the file's items begin: what lies before is its header.
    pub(crate) start: u64,
    pub(crate) keeper: Keeper,
    /// How others are kept from writing to it.
    pub(crate) locking: Locking,
}

/// An array in a file: a dtype that is known at run time, a shape, and places in the file.
///
/// Cloning, slicing, transposing, reshaping and broadcasting read nothing; what they return shares the open
/// file. Reading and writing take `&self`, as those of [`std::fs::File`] do: the file is shared with
/// whoever has it open, here and in other processes, and writes of several threads to one place may come in
/// any order.
///
/// Dropping the last array of a file closes it without [`Array::flush`]: what was written is in the
/// operating system's hands then, and errors that it meets later are not seen. [`Array::close`] reports them.
#[derive(Clone)]
pub struct Array {
    pub(crate) source: Source,
    pub(crate) origin: Arc<Origin>,
    /// Whether it is the file's array and no selection of it.
    pub(crate) is_whole: bool,
}

impl Array {
    pub(crate) fn new(file: Arc<File>, view: View, origin: Arc<Origin>) -> Self {
        Array { source: Source { file, view }, origin, is_whole: true }
    }

    /// The type of the items.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        self.source.view.dtype()
    }

    /// Items along each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.source.view.shape()
    }

    /// Bytes from one item to the next along each axis; negative where the array runs backwards.
    #[must_use]
    pub fn strides(&self) -> &[isize] {
        self.source.view.strides()
    }

    /// The number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.source.view.ndim()
    }

    /// The number of items.
    #[must_use]
    pub fn size(&self) -> usize {
        self.source.view.size()
    }

    /// Bytes of one item.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.source.view.itemsize()
    }

    /// Bytes of all items.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.source.view.nbytes()
    }

    /// Where item `[0, 0, …]` lies, in bytes from the start of the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.source.view.offset()
    }

    /// C or F if the items follow each other in that order without gaps (C if in both), else none.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        self.source.view.order()
    }

    /// Whether every item begins at a multiple of its dtype's alignment. Everything works where they do not,
    /// but for views without a copy.
    #[must_use]
    pub fn is_aligned(&self) -> bool {
        self.source.view.is_aligned()
    }

    /// Where the items lie.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.source.view
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.source.file.path()
    }

    /// The file's length when it was opened, in bytes.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        self.source.file.len()
    }

    /// Which file it is, whatever its name.
    #[must_use]
    pub fn file_id(&self) -> FileId {
        self.source.file.id()
    }

    /// The member of the file, if it has members.
    #[must_use]
    pub fn member(&self) -> Option<&str> {
        self.origin.member.as_deref()
    }

    /// What may be done with it.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.source.file.mode()
    }

    /// The file's format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.origin.format
    }

    /// The format's version, where the file says one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.origin.version.as_deref()
    }

    /// Why less can be promised of what is written to the file, if that is so: the file system has no locks although one
    /// was wanted, or it is a network's.
    #[must_use]
    pub fn lock_note(&self) -> Option<String> {
        self.source.file.lock_note()
    }

    pub(crate) fn place(&self) -> &Path {
        &self.origin.place
    }

    pub(crate) fn file(&self) -> &File {
        &self.source.file
    }

    fn with(&self, view: View) -> Array {
        Array {
            source: Source { file: Arc::clone(&self.source.file), view },
            origin: Arc::clone(&self.origin),
            is_whole: false,
        }
    }

    /// NumPy's basic indexing: integers, ranges, [`slice()`](crate::slice), [`Ellipsis`](crate::Ellipsis),
    /// [`NewAxis`](crate::NewAxis), a tuple of them, or a [`Selection`] from text. Reads nothing.
    ///
    /// # Errors
    /// An index outside of its axis, too many indices, a step of 0.
    pub fn slice(&self, selection: impl Into<Selection>) -> Result<Array> {
        self.source.view.select(&selection.into()).at(self.place()).map(|view| self.with(view))
    }

    /// A field of a record, as an array of the same shape over the same bytes. Reads nothing.
    ///
    /// # Errors
    /// A name that the dtype does not have, with the names that there are.
    pub fn field(&self, name: &str) -> Result<Array> {
        self.source.view.field(name).at(self.place()).map(|view| self.with(view))
    }

    /// The axes in another order; reversed if `axes` is none. Reads nothing.
    ///
    /// # Errors
    /// Axes that are not a permutation of the array's.
    pub fn transpose(&self, axes: Option<&[isize]>) -> Result<Array> {
        self.source.view.transpose(axes).at(self.place()).map(|view| self.with(view))
    }

    /// The same items in a new shape, in which one extent may be −1. Reads nothing and never copies.
    ///
    /// # Errors
    /// Another number of items; a shape that no strides over these items can express, with the way out.
    pub fn reshape(&self, shape: &[i64]) -> Result<Array> {
        self.reshape_in(shape, Order::C)
    }

    /// [`Array::reshape`] with the items taken and laid out in an order of choice.
    ///
    /// # Errors
    /// As [`Array::reshape`].
    pub fn reshape_in(&self, shape: &[i64], order: Order) -> Result<Array> {
        self.source.view.reshape(shape, order).at(self.place()).map(|view| self.with(view))
    }

    /// The same items repeated along new axes and axes of one. Reads nothing.
    ///
    /// # Errors
    /// Shapes that do not broadcast.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Array> {
        self.source.view.broadcast_to(shape).at(self.place()).map(|view| self.with(view))
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("path", &self.origin.place)
            .field("mode", &self.mode().numpy_name())
            .field("dtype", &format_args!("{}", self.dtype()))
            .field("shape", &self.shape())
            .field("strides", &self.strides())
            .field("offset", &self.offset())
            .finish()
    }
}
