use std::path::Path;

use ndarray::{ArrayBase, ArrayD, ArrayViewD, Data, Dimension};
use ndfolio_engine::Run;
use ndfolio_format::npy;
use ndfolio_kernel::{Casting, Element};
use ndfolio_layout::{DType, Order};
use ndfolio_store::{Existing, NewFile, Reserve};

use crate::{Array, CreateOptions, Result, error::At, sums::forget_sums};

/// Saves an array from memory as a `.npy` file, byte for byte as `numpy.save` does. A file of that name is
/// replaced once the new one is complete and on stable storage; on failure it is as it was.
///
/// # Errors
/// What the file system reports.
pub fn save<T, S, D>(path: impl AsRef<Path>, items: &ArrayBase<S, D>) -> Result<()>
where
    T: Element,
    S: Data<Elem = T>,
    D: Dimension,
{
    let path = path.as_ref();
    let view = items.view().into_dyn();
    // As NumPy chooses: C, unless the items lie in Fortran order and only in that.
    let fortran = !view.is_standard_layout() && view.t().is_standard_layout();
    let order = if fortran { Order::F } else { Order::C };
    let header = npy::header(&DType::native(T::KIND), items.shape(), order).at(path)?;
    let mut file = NewFile::create(path, Existing::Replace)?;
    file.reserve((header.len() + items.len() * T::KIND.itemsize()) as u64, Reserve::Space)?;
    file.write_at(0, &header)?;
    write_items(&file, header.len() as u64, &if fortran { view.t() } else { view.view() })?;
    forget_sums(path)?;
    Ok(file.commit()?)
}

/// Writes items in the order of a view, a piece at a time.
fn write_items<T: Element>(file: &NewFile, mut at: u64, view: &ArrayViewD<'_, T>) -> Result<()> {
    const PIECE: usize = 1 << 15;
    let (mut items, mut bytes) = (Vec::with_capacity(PIECE), Vec::new());
    let mut rest = view.iter().copied();
    loop {
        items.clear();
        items.extend(rest.by_ref().take(PIECE));
        if items.is_empty() {
            return Ok(());
        }
        bytes.resize(items.len() * T::KIND.itemsize(), 0);
        T::store(&items, &mut bytes);
        file.write_at(at, &bytes)?;
        at += bytes.len() as u64;
    }
}

/// Reads a file's array into memory.
///
/// # Errors
/// As [`open`](crate::open) and [`Array::read`].
pub fn load<T: Element>(path: impl AsRef<Path>) -> Result<ArrayD<T>> {
    crate::open(path)?.read(..)
}

impl Array {
    /// Saves the array (a slice, a transpose, …) to a new file of its own dtype and order; `.npy` or raw by
    /// its name. A file of that name is replaced. [`CreateOptions::copy_of`] has all choices.
    ///
    /// # Errors
    /// As [`CreateOptions::copy_of`].
    pub fn save_as(&self, path: impl AsRef<Path>) -> Result<()> {
        let options = CreateOptions::like(self).existing(Existing::Replace);
        options.copy_of(self, path, Casting::Equiv, Run::default())?.close()
    }
}
