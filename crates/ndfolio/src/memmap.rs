//! Arrays of a type that is known when the program is written.

use std::{marker::PhantomData, path::Path};

use half::f16;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn, ShapeBuilder};
use ndfolio_kernel::Element;
use ndfolio_layout::{Order, Selection, Value};
use ndfolio_store::{Lock, Mapping};
use num_complex::Complex;

use crate::{Array, Error, OpenOptions, Result};

/// A type whose every bit pattern is a value, so that a reference to bytes of a file can be one to it: all
/// number types, and not `bool`.
pub trait Plain: Element {}

macro_rules! plain {
    ($($type:ty),*) => { $(impl Plain for $type {})* };
}

plain!(i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64, Complex<f32>, Complex<f64>);

/// An array in a file whose items are of type `T`, mapped into memory.
///
/// Safe methods copy, as those of [`Array`]. [`Memmap::view`] and [`Memmap::view_mut`] are the file itself as
/// [`ndarray`] views: as fast as memory, and `unsafe`, because no program can keep others from changing a
/// file.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("ndfolio-memmap-{}.npy", std::process::id()));
/// # ndfolio::save(&path, &ndarray::arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]))?;
/// let map = ndfolio::Memmap::<f32>::open(&path)?;
/// // SAFETY: this program alone has the file, and nothing writes to it while the view lives.
/// let view = unsafe { map.view()? };
/// assert_eq!(view.sum(), 10.0);
/// map.check()?;
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Memmap<T> {
    array: Array,
    mapping: Mapping,
    item: PhantomData<T>,
}

impl<T: Plain> Memmap<T> {
    /// Opens a file's array for reading and maps it.
    ///
    /// # Errors
    /// As [`open`](crate::open); [`Error::DType`] if the items are not of type `T`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Memmap::open_with(path, &OpenOptions::new())
    }

    /// Opens a file's array with options and maps it. As NumPy's it takes no lock, unless
    /// [`OpenOptions::lock`] asks for one: several processes write to one file, and see to it that they do not meet.
    ///
    /// # Errors
    /// As [`Memmap::open`].
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        Memmap::new(options.clone().lock_or(Lock::Off).open(path)?)
    }

    /// Maps an array that is open.
    ///
    /// # Errors
    /// [`Error::DType`] if the items are not of type `T`; what the operating system reports.
    pub fn new(array: Array) -> Result<Self> {
        array.expect_kind::<T>()?;
        let mapping = array.file().map(array.view().extent())?;
        Ok(Memmap { array, mapping, item: PhantomData })
    }

    /// The array without its type.
    #[must_use]
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// Items along each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// One item. Negative indices count from the end.
    ///
    /// # Errors
    /// As [`Array::get`].
    pub fn get(&self, indices: &[i64]) -> Result<T> {
        let index = indices.iter().map(|&i| i.into()).collect::<Vec<_>>();
        let item: ArrayD<T> = self.array.read(Selection::from(index))?;
        Ok(item.first().copied().unwrap_or_default())
    }

    /// Writes one item.
    ///
    /// # Errors
    /// As [`Array::set`].
    pub fn set(&self, indices: &[i64], item: T) -> Result<()>
    where
        Value: From<T>,
    {
        self.array.set(indices, item)
    }

    /// Reads a selection into memory.
    ///
    /// # Errors
    /// As [`Array::read`].
    pub fn read(&self, selection: impl Into<Selection>) -> Result<ArrayD<T>> {
        self.array.read(selection)
    }

    /// Whether every access through a view so far met the file as it was: call it after using one, before
    /// trusting what was computed.
    ///
    /// # Errors
    /// The file was cut short, or could not be read, while it was mapped: the views showed zeros in place of
    /// what is gone.
    pub fn check(&self) -> Result<()> {
        Ok(self.mapping.check()?)
    }

    /// Flushes what was written, by whatever way.
    ///
    /// # Errors
    /// As [`Array::flush`].
    pub fn flush(&self) -> Result<()> {
        self.array.flush()
    }

    /// Unmaps, flushes and closes.
    ///
    /// # Errors
    /// As [`Array::close`].
    pub fn close(self) -> Result<()> {
        drop(self.mapping);
        self.array.close()
    }

    /// Whether the items can be referred to where they are.
    fn check_view(&self) -> Result<()> {
        let no_view = |reason: String| Err(Error::NoView { path: self.array.place().to_owned(), reason });
        if !self.array.dtype().is_native() {
            return no_view(format!("its byte order ('{}') is not this machine's", self.array.dtype()));
        }
        let align = align_of::<T>();
        let strides = self.array.strides().iter().zip(self.array.shape()).filter(|(_, n)| **n > 1);
        let multiple = |bytes: u64, of: usize| bytes.is_multiple_of(of as u64);
        if !multiple(self.array.offset(), align) {
            return no_view(format!("offset {} is not a multiple of {align} bytes", self.array.offset()));
        }
        for (&stride, _) in strides {
            if !multiple(stride.unsigned_abs() as u64, size_of::<T>()) {
                return no_view(format!("a stride of {stride} bytes is no whole number of items"));
            }
        }
        Ok(())
    }

    /// The shape and strides in items with every axis forward, the axes that run backwards, and whether there
    /// are items at all. The first item of such a view is the first of the mapping.
    fn forward(&self) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let shape = self.array.shape().to_vec();
        let stride = |&bytes: &isize| bytes.unsigned_abs() / size_of::<T>();
        let strides = self.array.strides().iter().map(stride).collect();
        let backward = |&axis: &usize| self.array.strides()[axis] < 0;
        (shape, strides, (0..self.array.ndim()).filter(backward).collect())
    }

    /// The file's items as they are, without a copy.
    ///
    /// # Errors
    /// [`Error::NoView`] for items that are unaligned or of the other byte order.
    ///
    /// # Safety
    /// While the view lives:
    /// * nothing may write to these bytes of the file: no other process, and nothing in this one (other
    ///   arrays of the file, [`Memmap::set`], [`Memmap::view_mut`] of another mapping). Rust takes memory
    ///   behind a shared reference as constant; if it changes, behaviour is undefined. In mode `c` this holds
    ///   for pages that were not written to as well: they show what others write to the file.
    /// * the file should not be cut short. If it is, the view shows zeros for what is gone instead of ending
    ///   the process, and [`Memmap::check`] reports it; the optimizer may have seen either.
    pub unsafe fn view(&self) -> Result<ArrayViewD<'_, T>> {
        self.check_view()?;
        let (shape, strides, backward) = self.forward();
        if self.array.size() == 0 {
            return Ok(ArrayViewD::from_shape(IxDyn(&shape), &[]).unwrap_or_else(|_| empty()));
        }
        let first = self.mapping.as_ptr().cast::<T>();
        // SAFETY: the mapping covers the view's extent, whose first byte is that of the first item of the
        // axes turned forward; check_view found it aligned and of this byte order, every bit pattern is a
        // `Plain` value, and it lives as long as `self`. That nothing changes it is the caller's promise.
        let mut view = unsafe { ArrayViewD::from_shape_ptr(IxDyn(&shape).strides(IxDyn(&strides)), first) };
        backward.into_iter().for_each(|axis| view.invert_axis(Axis(axis)));
        Ok(view)
    }

    /// The file's items to be changed where they are: what is stored reaches the file (in mode `c`: only this
    /// process's copy), at the latest with [`Memmap::flush`].
    ///
    /// # Errors
    /// [`Error::NoView`] for items that are unaligned, of the other byte order, or repeated by broadcasting;
    /// an array that is open for reading only.
    ///
    /// # Safety
    /// As [`Memmap::view`], and nothing else may read these bytes either through a reference of this process.
    /// In a sparse file on a full disk, what is stored is lost and [`Memmap::check`] reports it.
    pub unsafe fn view_mut(&mut self) -> Result<ArrayViewMutD<'_, T>> {
        self.check_view()?;
        // Refused with the mode that would allow it.
        self.array.file().write_at(0, &[])?;
        self.array.origin.keeper.exposed(self.array.file(), &self.array.view().extent())?;
        let (shape, strides, backward) = self.forward();
        if shape.iter().zip(&strides).any(|(n, stride)| *n > 1 && *stride == 0) {
            let reason = "its items repeat, so they cannot be changed one by one".to_owned();
            return Err(Error::NoView { path: self.array.place().to_owned(), reason });
        }
        let first = self.mapping.as_mut_ptr().map(<*mut u8>::cast::<T>);
        let Some(first) = first.filter(|_| self.array.size() > 0) else {
            return Ok(ArrayViewMutD::from_shape(IxDyn(&shape), &mut []).unwrap_or_else(|_| empty_mut()));
        };
        // SAFETY: as in `view`; the mapping is writable, no item is named twice, and `self` is borrowed
        // mutably for as long as the view lives.
        let mut view =
            unsafe { ArrayViewMutD::from_shape_ptr(IxDyn(&shape).strides(IxDyn(&strides)), first) };
        backward.into_iter().for_each(|axis| view.invert_axis(Axis(axis)));
        Ok(view)
    }

    /// The order of the items in the file.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        self.array.order()
    }
}

fn empty<'a, T>() -> ArrayViewD<'a, T> {
    ndarray::ArrayView1::from(&[]).into_dyn()
}

fn empty_mut<'a, T>() -> ArrayViewMutD<'a, T> {
    ndarray::ArrayViewMut1::from(&mut []).into_dyn()
}
