//! Where the items of an array lie.

mod overlap;
mod reshape;
mod spans;
mod tiles;

use std::ops::Range;

pub use spans::{Span, Spans};
pub use tiles::{Tile, Tiles};

use crate::{DType, Index, LayoutError, MAX_NDIM, Order, Selection};

/// An array as places in a file: item `[i, j, …]` lies at `offset + i·strides[0] + j·strides[1] + …` bytes.
///
/// What always holds (every constructor checks it, the methods keep it):
/// 1. `shape` and `strides` have one length, at most [`MAX_NDIM`];
/// 2. the product of all extents (zeros counted as ones) and the item's bytes is at most `isize::MAX`;
/// 3. every item lies within `0..=u64::MAX` of the file, and no sum on the way there overflows;
/// 4. the dtype is not a sub-array: its axes have become the view's.
///
/// Nothing here says that the file is that long: who opens it checks [`View::extent`] against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: u64,
}

/// A shape as Python writes a tuple.
pub(crate) fn tuple<T: ToString>(shape: &[T]) -> String {
    match shape {
        [one] => format!("({},)", one.to_string()),
        _ => format!("({})", shape.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl View {
    /// An array without gaps that begins `offset` bytes into the file. A sub-array dtype adds its axes.
    ///
    /// # Errors
    /// More axes or bytes than an array can have.
    pub fn contiguous(
        dtype: &DType,
        shape: &[usize],
        order: Order,
        offset: u64,
    ) -> Result<Self, LayoutError> {
        let (dtype, inner) = dtype.split();
        let shape: Vec<usize> = shape.iter().copied().chain(inner).collect();
        let nbytes = checked_nbytes(&shape, dtype.itemsize())?;
        offset.checked_add(nbytes as u64).ok_or_else(|| too_big(&shape, dtype.itemsize()))?;
        let strides = contiguous_strides(&shape, dtype.itemsize(), order);
        Ok(View { dtype, shape, strides, offset })
    }

    /// An array with strides of its own, in bytes.
    ///
    /// # Errors
    /// Another number of strides than extents, more bytes than an array can have, items before the start of
    /// the file.
    pub fn strided(
        dtype: &DType,
        shape: &[usize],
        strides: &[isize],
        offset: u64,
    ) -> Result<Self, LayoutError> {
        let (dtype, inner) = dtype.split();
        let inner_strides = contiguous_strides(&inner, dtype.itemsize(), Order::C);
        let view = View {
            shape: shape.iter().copied().chain(inner).collect(),
            strides: strides.iter().copied().chain(inner_strides).collect(),
            dtype,
            offset,
        };
        checked_nbytes(&view.shape, view.itemsize())?;
        let fits = view.shape.len() == view.strides.len() && view.checked_extent().is_some();
        if fits { Ok(view) } else { Err(too_big(&view.shape, view.itemsize())) }
    }

    /// The type of its items.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Items along each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes from one item to the next along each axis.
    #[must_use]
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Where item `[0, 0, …]` lies, in bytes from the start of the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// The number of items.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of one item.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.dtype.itemsize()
    }

    /// Bytes of all items, without those between them.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.size() * self.itemsize()
    }

    /// Whether it has no bytes: an extent of 0, or items of none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.itemsize() == 0 || self.shape.contains(&0)
    }

    /// C if the items follow each other in C order without gaps, else F if they do in Fortran order.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        [Order::C, Order::F].into_iter().find(|&order| self.is_contiguous(order))
    }

    /// Whether the items follow each other in this order without gaps. Axes of one item do not count, and an
    /// array without items is contiguous, as in NumPy.
    #[must_use]
    pub fn is_contiguous(&self, order: Order) -> bool {
        let mut expected = self.itemsize() as isize;
        let mut follows = |axis: usize| {
            let good = self.shape[axis] == 1 || self.strides[axis] == expected;
            expected *= self.shape[axis] as isize;
            good
        };
        let ndim = self.ndim();
        self.shape.contains(&0)
            || match order {
                Order::C => (0..ndim).rev().all(&mut follows),
                Order::F => (0..ndim).all(&mut follows),
            }
    }

    /// Whether every item begins at a multiple of its dtype's alignment, counted from the start of the file.
    #[must_use]
    pub fn is_aligned(&self) -> bool {
        let alignment = self.dtype.alignment();
        let strides = self.strides.iter().zip(&self.shape).filter(|(_, n)| **n > 1);
        self.offset.is_multiple_of(alignment as u64)
            && strides.map(|(stride, _)| stride.unsigned_abs() % alignment).all(|rest| rest == 0)
    }

    /// The bytes from the first to behind the last in the file, gaps included; `0..0` if there are none (the
    /// offset of an empty slice may lie behind the end of the file).
    #[must_use]
    pub fn extent(&self) -> Range<u64> {
        self.checked_extent().unwrap_or(0..0)
    }

    fn checked_extent(&self) -> Option<Range<u64>> {
        if self.is_empty() {
            return Some(0..0);
        }
        let (mut low, mut high) =
            (i128::from(self.offset), i128::from(self.offset) + self.itemsize() as i128);
        for (&n, &stride) in self.shape.iter().zip(&self.strides) {
            let reach = (n as i128 - 1) * stride as i128;
            if reach < 0 { low += reach } else { high += reach }
        }
        Some(u64::try_from(low).ok()?..u64::try_from(high).ok()?)
    }

    /// Where the item of these indices lies, in bytes from the start of the file.
    ///
    /// # Errors
    /// An index outside of its axis, or another number of indices than axes.
    pub fn position(&self, indices: &[i64]) -> Result<u64, LayoutError> {
        if indices.len() != self.ndim() {
            return Err(LayoutError::TooManyIndices { ndim: self.ndim(), found: indices.len() });
        }
        let mut at = self.offset;
        for (axis, &index) in indices.iter().enumerate() {
            let index = in_bounds(index, axis, self.shape[axis])?;
            at = at.wrapping_add_signed((index as isize * self.strides[axis]) as i64);
        }
        Ok(at)
    }

    /// NumPy's basic indexing. Reads nothing.
    ///
    /// # Errors
    /// An index outside of its axis, too many indices, a step of 0.
    pub fn select(&self, selection: &Selection) -> Result<Self, LayoutError> {
        let parts = selection.parts();
        let used = parts.iter().filter(|p| matches!(p, Index::At(_) | Index::Slice(_))).count();
        if parts.iter().filter(|p| matches!(p, Index::Ellipsis)).count() > 1 {
            return Err(LayoutError::TwoEllipses);
        }
        let Some(spare) = self.ndim().checked_sub(used) else {
            return Err(LayoutError::TooManyIndices { ndim: self.ndim(), found: used });
        };
        let mut out =
            View { dtype: self.dtype.clone(), shape: Vec::new(), strides: Vec::new(), offset: self.offset };
        let mut axis = 0;
        let mut ellipsis = false;
        for part in parts {
            match part {
                Index::At(index) => {
                    out.advance(in_bounds(*index, axis, self.shape[axis])?, self.strides[axis]);
                    axis += 1;
                }
                Index::Slice(slice) => {
                    let (start, count, step) = slice.resolve(self.shape[axis])?;
                    if count > 0 {
                        out.advance(start as usize, self.strides[axis]);
                    }
                    // With one item at most the stride is never walked, and a product could overflow.
                    let stride =
                        if count > 1 { self.strides[axis] * step as isize } else { self.strides[axis] };
                    out.push(count, stride);
                    axis += 1;
                }
                Index::Ellipsis => {
                    out.keep(self, axis..axis + spare);
                    axis += spare;
                    ellipsis = true;
                }
                Index::NewAxis => out.push(1, 0),
            }
        }
        if !ellipsis {
            out.keep(self, axis..self.ndim());
        }
        if out.ndim() > MAX_NDIM { Err(LayoutError::TooManyAxes { ndim: out.ndim() }) } else { Ok(out) }
    }

    fn advance(&mut self, items: usize, stride: isize) {
        self.offset = self.offset.wrapping_add_signed((items as isize * stride) as i64);
    }

    fn push(&mut self, extent: usize, stride: isize) {
        self.shape.push(extent);
        self.strides.push(stride);
    }

    fn keep(&mut self, other: &View, axes: Range<usize>) {
        self.shape.extend_from_slice(&other.shape[axes.clone()]);
        self.strides.extend_from_slice(&other.strides[axes]);
    }

    /// A field of a record, as a view of the same records.
    ///
    /// # Errors
    /// [`LayoutError::Field`] with the names that there are.
    pub fn field(&self, name: &str) -> Result<Self, LayoutError> {
        let field = self.dtype.field(name)?;
        View::strided(field.dtype(), &self.shape, &self.strides, self.offset + field.offset() as u64)
    }

    /// The axes in another order; reversed if `axes` is none. Negative axes count from the end.
    ///
    /// # Errors
    /// [`LayoutError::Axes`] if it is not a permutation of the axes.
    pub fn transpose(&self, axes: Option<&[isize]>) -> Result<Self, LayoutError> {
        let ndim = self.ndim();
        let order: Vec<usize> = match axes {
            None => (0..ndim).rev().collect(),
            Some(axes) => {
                let wrong = || LayoutError::Axes { axes: axes.to_vec(), ndim };
                let mut seen = vec![false; ndim];
                let mut order = Vec::with_capacity(ndim);
                for &axis in axes {
                    let axis = self.axis(axis).map_err(|_| wrong())?;
                    if std::mem::replace(&mut seen[axis], true) {
                        return Err(wrong());
                    }
                    order.push(axis);
                }
                if order.len() == ndim { order } else { return Err(wrong()) }
            }
        };
        Ok(View {
            dtype: self.dtype.clone(),
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            strides: order.iter().map(|&axis| self.strides[axis]).collect(),
            offset: self.offset,
        })
    }

    /// The axes in the order in which they lie in the file, slowest first: given to [`View::transpose`] they
    /// make a view whose C order is as near to the file's as it can be.
    #[must_use]
    pub fn storage_axes(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = (0..self.ndim()).collect();
        axes.sort_by_key(|&axis| std::cmp::Reverse(self.strides[axis].unsigned_abs()));
        axes
    }

    /// The same items with every axis forward in the file and the axes slowest first: its C order is the
    /// order of the file.
    #[must_use]
    pub fn in_storage_order(&self) -> Self {
        let mut out =
            View { dtype: self.dtype.clone(), shape: Vec::new(), strides: Vec::new(), offset: self.offset };
        for axis in self.storage_axes() {
            let (extent, stride) = (self.shape[axis], self.strides[axis]);
            if stride < 0 && extent > 0 {
                out.advance(extent - 1, stride);
            }
            out.push(extent, stride.abs());
        }
        out
    }

    /// The number of an axis, which may be counted from the end.
    ///
    /// # Errors
    /// [`LayoutError::Axis`].
    pub fn axis(&self, axis: isize) -> Result<usize, LayoutError> {
        self::axis(axis, self.ndim())
    }

    /// The same items repeated along new axes and along axes of one, as NumPy's `broadcast_to`.
    ///
    /// # Errors
    /// [`LayoutError::Broadcast`] if the shapes do not fit, more items than an array can have.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self, LayoutError> {
        let wrong = || LayoutError::Broadcast { from: tuple(&self.shape), to: tuple(shape) };
        let new = shape.len().checked_sub(self.ndim()).ok_or_else(wrong)?;
        checked_nbytes(shape, self.itemsize())?;
        let mut strides = vec![0; new];
        for (axis, &extent) in shape[new..].iter().enumerate() {
            strides.push(match self.shape[axis] {
                n if n == extent => self.strides[axis],
                1 => 0,
                _ => return Err(wrong()),
            });
        }
        Ok(View { dtype: self.dtype.clone(), shape: shape.to_vec(), strides, offset: self.offset })
    }

    /// A shape that may have one −1, made whole for an array of this size.
    pub(crate) fn infer(&self, shape: &[i64]) -> Result<Vec<usize>, LayoutError> {
        let size_error = || LayoutError::ReshapeSize { size: self.size(), shape: tuple(shape) };
        let known = known_extents(shape)?;
        let product =
            known.iter().flatten().try_fold(1_usize, |p, &n| p.checked_mul(n)).ok_or_else(size_error)?;
        let rest = match product {
            0 => 0,
            _ if known.contains(&None) && !self.size().is_multiple_of(product) => return Err(size_error()),
            _ => self.size() / product,
        };
        if product == 0 && known.contains(&None) {
            return Err(size_error());
        }
        let shape: Vec<usize> = known.into_iter().map(|n| n.unwrap_or(rest)).collect();
        if shape.iter().product::<usize>() == self.size() { Ok(shape) } else { Err(size_error()) }
    }
}

impl View {
    /// The shape that `shape`, which may have one −1, has in `bytes` bytes of `dtype`.
    ///
    /// # Errors
    /// Bytes that are no multiple of the rest of the shape, more than one −1, another negative extent.
    pub fn infer_shape(dtype: &DType, shape: &[i64], bytes: u64) -> Result<Vec<usize>, LayoutError> {
        let known = known_extents(shape)?;
        if !known.contains(&None) {
            return Ok(known.into_iter().flatten().collect());
        }
        let extents: Vec<usize> = known.iter().flatten().copied().collect();
        let row = checked_nbytes(&extents, dtype.itemsize())?;
        let row = if extents.contains(&0) { 0 } else { row as u64 };
        if row == 0 {
            return Err(LayoutError::TwoUnknown {
                shape: format!("{} of items without bytes", tuple(shape)),
            });
        }
        if !bytes.is_multiple_of(row) {
            let known = extents.iter().product();
            return Err(LayoutError::NotAMultiple { bytes, itemsize: dtype.itemsize(), known });
        }
        let rest = usize::try_from(bytes / row).map_err(|_| too_big(&extents, dtype.itemsize()))?;
        Ok(known.into_iter().map(|n| n.unwrap_or(rest)).collect())
    }
}

/// The number of an axis, which may be counted from the end of so many.
///
/// # Errors
/// [`LayoutError::Axis`].
pub fn axis(axis: isize, ndim: usize) -> Result<usize, LayoutError> {
    let found = if axis < 0 { ndim.checked_add_signed(axis) } else { Some(axis as usize) };
    found.filter(|&found| found < ndim).ok_or(LayoutError::Axis { axis, ndim })
}

/// Extents, and none for −1.
fn known_extents(shape: &[i64]) -> Result<Vec<Option<usize>>, LayoutError> {
    if shape.iter().filter(|n| **n == -1).count() > 1 {
        return Err(LayoutError::TwoUnknown { shape: tuple(shape) });
    }
    let extent = |&n: &i64| match n {
        -1 => Ok(None),
        n => usize::try_from(n).map(Some).map_err(|_| LayoutError::NegativeShape { shape: tuple(shape) }),
    };
    shape.iter().map(extent).collect()
}

fn in_bounds(index: i64, axis: usize, size: usize) -> Result<usize, LayoutError> {
    let found = if index < 0 { index.checked_add_unsigned(size as u64) } else { Some(index) };
    let found = found.and_then(|i| usize::try_from(i).ok()).filter(|&i| i < size);
    found.ok_or(LayoutError::IndexOutOfBounds { index, axis, size })
}

/// Bytes of a contiguous array. Zeros count as ones in the check, so that no product can wrap behind one.
fn checked_nbytes(shape: &[usize], itemsize: usize) -> Result<usize, LayoutError> {
    if shape.len() > MAX_NDIM {
        return Err(LayoutError::TooManyAxes { ndim: shape.len() });
    }
    let bound = shape.iter().try_fold(itemsize.max(1), |bytes, &n| bytes.checked_mul(n.max(1)));
    match bound {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(shape.iter().product::<usize>() * itemsize),
        _ => Err(too_big(shape, itemsize)),
    }
}

fn too_big(shape: &[usize], itemsize: usize) -> LayoutError {
    LayoutError::TooBig { shape: tuple(shape), itemsize }
}

/// Strides of a contiguous array as NumPy makes them: an extent of 0 counts as 1.
fn contiguous_strides(shape: &[usize], itemsize: usize, order: Order) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step = itemsize as isize;
    let mut walk = |axis: usize| {
        strides[axis] = step;
        step *= shape[axis].max(1) as isize;
    };
    match order {
        Order::C => (0..shape.len()).rev().for_each(&mut walk),
        Order::F => (0..shape.len()).for_each(&mut walk),
    }
    strides
}

#[cfg(test)]
mod tests;
