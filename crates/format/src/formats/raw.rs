//! Files of values without a header.

use ndfolio_layout::{DType, LayoutError, Order, View};

use super::{Bytes, Format, Read, command, entry_of};
use crate::{Contents, FormatError, KnownMagic, Member, ReadAt, ReadOptions, source::Source};

/// What a file without a header holds, as its user or a sidecar file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSpec {
    /// The type of its items.
    pub dtype: DType,
    /// Its shape, in which one extent may be −1: as many as there are. None is one axis of all there are.
    pub shape: Option<Vec<i64>>,
    /// Where the items begin, in bytes from the start of the file.
    pub offset: u64,
    /// The order of the axes.
    pub order: Order,
}

impl RawSpec {
    /// One axis of `dtype` from the first byte to the last.
    #[must_use]
    pub fn new(dtype: DType) -> Self {
        RawSpec { dtype, shape: None, offset: 0, order: Order::C }
    }

    /// Where the array lies in a file of `len` bytes. Bytes behind it are left out.
    ///
    /// # Errors
    /// [`FormatError::Empty`], [`FormatError::RawOffset`], [`FormatError::RawTooLong`],
    /// [`FormatError::RawSize`], or a shape that is none.
    pub fn locate(&self, len: u64) -> Result<View, FormatError> {
        if len == 0 {
            return Err(FormatError::Empty);
        }
        let offset = self.offset;
        let available = len.checked_sub(offset).ok_or(FormatError::RawOffset { offset, found: len })?;
        let shape = self.shape.as_deref().unwrap_or(&[-1]);
        let shape = View::infer_shape(&self.dtype, shape, available).map_err(|source| match source {
            LayoutError::NotAMultiple { .. } => FormatError::RawSize { offset, available, source },
            other => FormatError::Spec(other),
        })?;
        let view = View::contiguous(&self.dtype, &shape, self.order, offset)?;
        if view.nbytes() as u64 <= available {
            return Ok(view);
        }
        Err(FormatError::RawTooLong {
            shape: shape_text(&shape),
            itemsize: self.dtype.itemsize(),
            offset,
            expected: offset + view.nbytes() as u64,
            found: len,
        })
    }
}

fn shape_text(shape: &[usize]) -> String {
    let extents: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("({}{})", extents.join(", "), if extents.len() == 1 { "," } else { "" })
}

/// Finds the array of a file without a header. Of the file it reads the first bytes, to see whether they are
/// those of a format that has one; `path` is as in [`read`](crate::read).
///
/// # Errors
/// [`FormatError::LooksLike`] for a file that begins like a known format (see [`KnownMagic`]), and what
/// [`RawSpec::locate`] says.
pub fn read_raw(
    file: &dyn ReadAt,
    path: &str,
    spec: &RawSpec,
    options: &ReadOptions,
) -> Result<Contents, FormatError> {
    if options.known_magic == KnownMagic::Refuse && !file.is_empty() {
        refuse_known(&Source::new(file, path)?, spec)?;
    }
    let view = spec.locate(file.len())?;
    Ok(Contents::new(Format::RAW, vec![Member::new("", Ok(view))]))
}

fn refuse_known(source: &Source<'_>, spec: &RawSpec) -> Result<(), FormatError> {
    let Some(entry) = entry_of(source) else { return Ok(()) };
    if spec.offset > 0 && entry.read.bytes() == Bytes::Values {
        return Ok(());
    }
    let advice = match entry.read {
        Read::Arrays(_) => "open it without dtype and shape, its header says them".to_owned(),
        Read::Refuse { run, .. } => format!("run: {}", command::fill(run, source.path(), entry.extensions)),
    };
    Err(FormatError::LooksLike { format: entry.format, what: entry.what, advice })
}
