use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndfolio_engine::EngineError;
use ndfolio_format::FormatError;
use ndfolio_kernel::KernelError;
use ndfolio_layout::{DType, LayoutError};
use ndfolio_store::StoreError;
use thiserror::Error;

use crate::eval::EvalError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and with which file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened, read, written or put in place.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file's header is not what it must be, or says something else than was asked for.
    #[error("{}: {source}", .path.display())]
    Format {
        /// The file, with the member behind `::` if there is one.
        path: PathBuf,
        /// What is wrong.
        source: FormatError,
    },
    /// A shape, an index or a dtype that does not fit the array.
    #[error("{}: {source}", .path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: LayoutError,
    },
    /// Something that the array's dtype cannot do.
    #[error("{}: {source}", .path.display())]
    Kernel {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KernelError,
    },
    /// A pass that could not be done, or was cancelled.
    #[error("{}: {source}", .path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: EngineError,
    },
    /// An expression that is wrong, or could not be computed.
    #[error(transparent)]
    Expression(Arc<EngineError>),
    /// Items of another type than was asked for.
    #[error(
        "{}: the array's dtype is '{found}', expected '{expected}'; ask for the array's own type, or for a cast with read_as", .path.display()
    )]
    DType {
        /// The file.
        path: PathBuf,
        /// The dtype that was asked for.
        expected: DType,
        /// The array's.
        found: DType,
    },
    /// Items that no Rust reference can point at.
    #[error("{}: no view without a copy: {reason}; read copies, converts the byte order and takes any place", .path.display())]
    NoView {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Options for raw values with a file that has a header.
    #[error(
        "{}: a file of format {format} says itself what it holds, but dtype, shape, offset or order was given; leave them out, or ask for format raw to take its bytes as values", .path.display()
    )]
    SpecForHeader {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: &'static str,
    },
    /// A file of another format than was asked for.
    #[error("{}: expected a file of format {expected}, found {found}", .path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format that was asked for.
        expected: &'static str,
        /// The file's.
        found: &'static str,
    },
    /// Something that a raw file needs and was not given.
    #[error("{}: {reason}", .path.display())]
    Usage {
        /// The file.
        path: PathBuf,
        /// What is missing and how to give it.
        reason: String,
    },
    /// Writing into an archive, whose members have checksums.
    #[error(
        "{}: a member of an archive cannot be written in place (mode 'r+'), its checksum would be wrong; open it with mode 'r' or 'c', or save it as a .npy file", .path.display()
    )]
    Archive {
        /// The file.
        path: PathBuf,
    },
    /// An array that cannot have more rows or fewer.
    #[error("{}: its rows cannot change: {reason}", .path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
        /// Why not, and the way out.
        reason: String,
    },
    /// Rows of another shape than the array's.
    #[error("{}: expected rows of shape {expected}, got an array of shape {found}; n is any number of rows, and one row may come without its axis", .path.display())]
    RowShape {
        /// The file.
        path: PathBuf,
        /// The array's shape with an `n` where its rows are counted.
        expected: String,
        /// The shape that was given.
        found: String,
    },
    /// An array that was to be saved over the file it is read from.
    #[error(
        "{}: the array would be saved over the file that it is read from; save it under another name, then rename that", .path.display()
    )]
    OntoItself {
        /// The file.
        path: PathBuf,
    },
    /// A place in a file, written as `file[::member][[slice]]`, that cannot be read.
    #[error("{text}: {reason}; expected FILE, FILE::MEMBER, 'FILE[0:10, ::2]' or \"FILE['field']\"")]
    Location {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file without checksums was to be verified.
    #[error("{}: there are no checksums beside it (expected {}); take them first, from a file that is known to be good", .path.display(), .sums.display())]
    NoSums {
        /// The file.
        path: PathBuf,
        /// Where they would be.
        sums: PathBuf,
    },
    /// A file that is not what it was when a loader of batches was made.
    #[error("{}: the file changed under a loader: {change}; the batches of a seed are those of one content, so make \
        the loader anew, of a file that stays", .path.display())]
    ChangedUnderLoader {
        /// The file.
        path: PathBuf,
        /// What changed.
        change: String,
    },
    /// The state of a loader of other batches.
    #[error("{}: the state is that of another loader: {differs}; make the loader as that one was, or begin anew", .path.display())]
    OtherState {
        /// The first file of the loader.
        path: PathBuf,
        /// What differs: the value of the state, not the loader's.
        differs: String,
    },
    /// An expression that cannot be read or computed.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// Adds the file to an error that does not know it.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> At<T> for Result<T, LayoutError> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Layout { path: path.to_owned(), source })
    }
}

impl<T> At<T> for Result<T, KernelError> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Kernel { path: path.to_owned(), source })
    }
}

impl<T> At<T> for Result<T, FormatError> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Format { path: path.to_owned(), source })
    }
}

impl<T> At<T> for Result<T, EngineError> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| match error {
            EngineError::Store(source) => Error::Store(source),
            EngineError::Layout(source) => Error::Layout { path: path.to_owned(), source },
            EngineError::Kernel(source) => Error::Kernel { path: path.to_owned(), source },
            source => Error::Engine { path: path.to_owned(), source },
        })
    }
}
