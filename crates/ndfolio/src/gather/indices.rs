//! Indices as users have them.

use std::borrow::Cow;

use ndarray::{ArrayBase, Data, Dimension};
use ndfolio_engine::{Counted, IndexFile, Indexed, Mask, MaskFile, Run};
use ndfolio_kernel::Element;
use ndfolio_layout::{Kind, LayoutError, Order};

use crate::{Array, Result, error::At};

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that can be an index: the integers whose values `i64` holds.
pub trait IndexInteger: sealed::Sealed + Copy + Into<i64> {}

macro_rules! index_integers {
    ($($type:ty),*) => {$(
        impl sealed::Sealed for $type {}
        impl IndexInteger for $type {}
    )*};
}

index_integers!(i8, i16, i32, i64, u8, u16, u32);

/// Which items of an axis are picked: integers of any shape in memory or in a file, or a mask, which picks from as
/// many axes as it has.
///
/// Made from slices, vectors and [`ndarray`] arrays of integers, and from an [`Array`] on disk: integers of any dtype
/// are indices, and truth values a mask. An array on disk is never in memory as a whole.
#[derive(Clone, Debug)]
pub struct Indices<'i> {
    pub(super) shape: Vec<usize>,
    pub(super) held: Held<'i>,
}

#[derive(Clone, Debug)]
pub(super) enum Held<'i> {
    Memory(Cow<'i, [i64]>),
    File(Array),
    Mask(Cow<'i, [u8]>),
    MaskFile(Array),
    /// 0, 1, 2, …
    Counted,
}

impl<'i> Indices<'i> {
    /// The places at which a mask is true.
    #[must_use]
    pub fn mask<S: Data<Elem = bool>, D: Dimension>(mask: &ArrayBase<S, D>) -> Self {
        let mut bytes = vec![0; mask.len()];
        let values: Vec<bool> = mask.iter().copied().collect();
        bool::store(&values, &mut bytes);
        Indices { shape: mask.shape().to_vec(), held: Held::Mask(bytes.into()) }
    }

    /// The places at which a mask, given as bytes of an array of this shape in C order, is not zero.
    ///
    /// # Panics
    /// If there are more or fewer bytes than the shape says.
    #[must_use]
    pub fn mask_bytes(shape: &[usize], bytes: &'i [u8]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), bytes.len(), "a byte for each item of the mask");
        Indices { shape: shape.to_vec(), held: Held::Mask(bytes.into()) }
    }

    /// Indices of this shape, in C order.
    ///
    /// # Panics
    /// If there are more or fewer than the shape says.
    #[must_use]
    pub fn of_shape(shape: &[usize], indices: &'i [i64]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), indices.len(), "an index for each item of the shape");
        Indices { shape: shape.to_vec(), held: Held::Memory(indices.into()) }
    }

    pub(super) fn counted(shape: Vec<usize>) -> Self {
        Indices { shape, held: Held::Counted }
    }

    /// The shape of the indices, or of the mask.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether it is a mask.
    #[must_use]
    pub fn is_mask(&self) -> bool {
        matches!(self.held, Held::Mask(_) | Held::MaskFile(_))
    }
}

impl<'i> From<&'i [i64]> for Indices<'i> {
    fn from(indices: &'i [i64]) -> Self {
        Indices { shape: vec![indices.len()], held: Held::Memory(indices.into()) }
    }
}

impl<'i, const N: usize> From<&'i [i64; N]> for Indices<'i> {
    fn from(indices: &'i [i64; N]) -> Self {
        Indices::from(&indices[..])
    }
}

impl<'i> From<&'i Vec<i64>> for Indices<'i> {
    fn from(indices: &'i Vec<i64>) -> Self {
        Indices::from(&indices[..])
    }
}

impl From<Vec<i64>> for Indices<'_> {
    fn from(indices: Vec<i64>) -> Self {
        Indices { shape: vec![indices.len()], held: Held::Memory(indices.into()) }
    }
}

impl<const N: usize> From<[i64; N]> for Indices<'_> {
    fn from(indices: [i64; N]) -> Self {
        Indices::from(indices.to_vec())
    }
}

/// One index, which takes its axis away.
impl From<i64> for Indices<'_> {
    fn from(index: i64) -> Self {
        Indices { shape: Vec::new(), held: Held::Memory(vec![index].into()) }
    }
}

impl<T: IndexInteger, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Indices<'_> {
    fn from(indices: &ArrayBase<S, D>) -> Self {
        let values: Vec<i64> = indices.iter().map(|&index| index.into()).collect();
        Indices { shape: indices.shape().to_vec(), held: Held::Memory(values.into()) }
    }
}

impl From<&Array> for Indices<'_> {
    fn from(array: &Array) -> Self {
        let held = match array.dtype().kind() {
            Some(Kind::Bool) => Held::MaskFile(array.clone()),
            _ => Held::File(array.clone()),
        };
        Indices { shape: array.shape().to_vec(), held }
    }
}

/// Indices that can be asked for: of a mask the true places are counted by now.
pub(super) enum Open<'i> {
    Memory(&'i [i64]),
    Counted(Counted),
    File(IndexFile),
    Mask(Mask<&'i [u8]>),
    MaskFile(Mask<MaskFile>),
}

impl Indices<'_> {
    /// Reads masks once, to count.
    pub(super) fn open(&self, run: &Run<'_>) -> Result<Open<'_>> {
        Ok(match &self.held {
            Held::Memory(values) => Open::Memory(values),
            Held::Counted => Open::Counted(Counted(self.shape.iter().product())),
            Held::File(array) => Open::File(IndexFile::new(array.source.clone()).at(array.place())?),
            Held::Mask(bytes) => {
                let mask = Mask::new(&**bytes, bytes.len(), run);
                Open::Mask(mask.at("mask".as_ref())?)
            }
            Held::MaskFile(array) => {
                if !array.view().is_contiguous(Order::C) {
                    let reason =
                        "a mask in a file has to be contiguous in C order; read it, and give the copy";
                    let path = array.place().to_owned();
                    return Err(crate::Error::Usage { path, reason: reason.to_owned() });
                }
                let mask = Mask::new(MaskFile(array.source.clone()), array.size(), run);
                Open::MaskFile(mask.at(array.place())?)
            }
        })
    }
}

impl Open<'_> {
    pub(super) fn values(&self) -> &dyn ndfolio_engine::Indices {
        match self {
            Open::Memory(values) => values,
            Open::Counted(values) => values,
            Open::File(values) => values,
            Open::Mask(values) => values,
            Open::MaskFile(values) => values,
        }
    }

    pub(super) fn indexed<'a>(&'a self, shape: &'a [usize]) -> Indexed<'a> {
        Indexed { shape, values: self.values() }
    }
}

/// Whether a mask has the extents of the axes that it picks from.
pub(super) fn expect_mask(mask: &[usize], shape: &[usize], first: usize) -> Result<(), LayoutError> {
    let found = shape.get(first..).unwrap_or_default();
    if mask.len() > found.len() {
        return Err(LayoutError::TooManyIndices { ndim: shape.len(), found: first + mask.len() });
    }
    match mask.iter().zip(found).position(|(mask, axis)| mask != axis) {
        Some(at) => Err(LayoutError::Mask { axis: first + at, size: found[at], found: mask[at] }),
        None => Ok(()),
    }
}
