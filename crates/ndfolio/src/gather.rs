//! Items that indices pick: `take`, indexing with arrays and masks, windows.

mod indices;
mod write;

use std::path::Path;

use ndarray::ArrayD;
use ndfolio_engine::{
    Gather, Indexed, Plan, Run, count_places, expect_room, gather, gather_to, plan_gather, plan_gather_to,
};
use ndfolio_kernel::{Casting, Element};
use ndfolio_layout::{DType, IndexMode, LayoutError, Order, Picked, Picking, View};

use crate::{Array, CreateOptions, Error, Existing, Reduced, Result, error::At};

pub use indices::{IndexInteger, Indices};
use indices::{Open, expect_mask};

/// Items of an array that indices pick, made by [`Array::take`], [`Array::gather`] and their like. Nothing has been
/// read yet but masks, which were counted.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("ndfolio-doc-picks-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let path = dir.join("a.npy");
/// use ndarray::{Array2, array};
/// let rows = Array2::from_shape_fn((1000, 4), |(i, j)| (10 * i + j) as f32);
/// ndfolio::save(&path, &rows)?;
/// let array = ndfolio::open(&path)?;
///
/// // Rows in the order of the indices, as often as they are named: numpy.take(array, [7, 0, 7], axis=0).
/// let taken = array.take([7, 0, 7], Some(0))?;
/// assert_eq!(taken.shape(), [3, 4]);
/// assert_eq!(taken.read::<f32>()?[[2, 3]], 73.0);
/// // array[[1, 2], [3, 0]]
/// let items = array.gather([Some([1, 2].into()), Some([3, 0].into())])?;
/// assert_eq!(items.read::<f32>()?, array![13.0, 20.0].into_dyn());
/// // Windows of two rows from rows 5 and 998 on.
/// assert_eq!(array.windows([5, 998], 2)?.shape(), [2, 2, 4]);
/// // More than fits the memory goes to a new file.
/// array.take([3, 1], Some(0))?.save_as(dir.join("b.npy"))?;
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Picks<'a> {
    array: &'a Array,
    picking: Picking,
    indices: Vec<Indices<'a>>,
    /// Whether cells of different picks can have items in common.
    overlaps: bool,
    run: Run<'a>,
}

impl Array {
    /// NumPy's `take`: the items of these indices along an axis; without an axis, of all items in C order.
    ///
    /// # Errors
    /// An axis that the array does not have, a mask ([`Array::compress`] takes those), a result that no array can be.
    pub fn take<'a>(&'a self, indices: impl Into<Indices<'a>>, axis: Option<isize>) -> Result<Picks<'a>> {
        let indices = indices.into();
        if indices.is_mask() {
            let dtype = "bool; a mask is for compress and gather".to_owned();
            return Err(LayoutError::IndexType { dtype }).at(self.place());
        }
        let picking = Picking::take(self.view(), axis, &indices.shape).at(self.place())?;
        Ok(self.picks(picking, vec![indices]))
    }

    /// NumPy's indexing with arrays and masks: `array[i, :, j]` is `array.gather([Some(i), None, Some(j)])`. Axes
    /// without indices stay, and so do those that are not named; slices are taken before, with [`Array::slice`].
    ///
    /// Indices broadcast with each other. A mask counts as many axes as it has. As in NumPy, the axes of the indices
    /// stand where the indexed axes stood if those are neighbours, else first.
    ///
    /// # Errors
    /// More indices than axes; shapes that do not broadcast; a mask of another shape than its axes; what a mask's
    /// file reports.
    pub fn gather<'a>(&'a self, indices: impl IntoIterator<Item = Option<Indices<'a>>>) -> Result<Picks<'a>> {
        self.gather_with(indices, &Run::default())
    }

    fn gather_with<'a>(
        &'a self,
        indices: impl IntoIterator<Item = Option<Indices<'a>>>,
        run: &Run<'_>,
    ) -> Result<Picks<'a>> {
        let (mut axis, mut axes, mut found) = (0, Vec::new(), Vec::new());
        for one in indices {
            let Some(one) = one else {
                axis += 1;
                continue;
            };
            let count = if one.is_mask() { one.shape.len() } else { 1 };
            if one.is_mask() {
                expect_mask(&one.shape, self.shape(), axis).at(self.place())?;
            }
            axes.push((axis, count));
            found.push(one);
            axis += count;
        }
        if axis > self.ndim() {
            return Err(LayoutError::TooManyIndices { ndim: self.ndim(), found: axis }).at(self.place());
        }
        let shapes = found.iter().map(|one| one.picked_shape(run)).collect::<Result<Vec<_>>>()?;
        let picked = axes.iter().zip(&shapes).map(|(&(axis, axes), shape)| Picked { axis, axes, shape });
        let picking = Picking::advanced(self.view(), &picked.collect::<Vec<_>>()).at(self.place())?;
        Ok(self.picks(picking, found))
    }

    /// NumPy's `compress`: the items along an axis at which a mask is true; without an axis, of all items in C order.
    /// The mask may be shorter than the axis.
    ///
    /// # Errors
    /// An axis that the array does not have; a mask that is none, or true behind the end of the axis; what its file
    /// reports.
    pub fn compress<'a>(&'a self, mask: impl Into<Indices<'a>>, axis: Option<isize>) -> Result<Picks<'a>> {
        let mask = mask.into();
        if !mask.is_mask() || mask.shape.len() != 1 {
            let dtype = "not a mask of one axis".to_owned();
            return Err(LayoutError::IndexType { dtype }).at(self.place());
        }
        let shape = mask.picked_shape(&Run::default())?;
        let picking = Picking::take(self.view(), axis, &shape).at(self.place())?;
        Ok(self.picks(picking, vec![mask]))
    }

    /// NumPy's `take_along_axis`: of each row along the axis, the items that the same row of the indices names.
    ///
    /// # Errors
    /// Indices with another number of axes, or of a shape that does not broadcast with the array's beside the axis.
    pub fn take_along_axis<'a>(&'a self, indices: impl Into<Indices<'a>>, axis: isize) -> Result<Picks<'a>> {
        let indices = indices.into();
        let axis = self.view().axis(axis).at(self.place())?;
        if indices.is_mask() || indices.shape.len() != self.ndim() {
            let reason = format!(
                "`indices` and `arr` must have the same number of dimensions: the array has {}, and {} were given",
                self.ndim(),
                indices.shape.len()
            );
            return Err(Error::Usage { path: self.place().to_owned(), reason });
        }
        let all = (0..self.ndim()).map(|other| {
            if other == axis {
                return Some(indices.clone());
            }
            let mut shape = vec![1; self.ndim()];
            shape[other] = self.shape()[other];
            Some(Indices::counted(shape))
        });
        self.gather(all)
    }

    /// Windows of `length` rows from these rows on: an array of shape `(starts, length, …)`.
    ///
    /// # Errors
    /// A window that is longer than the array; starts of more than one axis; a result that no array can be.
    pub fn windows<'a>(&'a self, starts: impl Into<Indices<'a>>, length: usize) -> Result<Picks<'a>> {
        let starts = starts.into();
        if starts.is_mask() || starts.shape.len() != 1 {
            let reason = format!("starts have one axis, found shape {:?}", starts.shape);
            return Err(Error::Usage { path: self.place().to_owned(), reason });
        }
        let picking = Picking::windows(self.view(), starts.shape[0], length).at(self.place())?;
        Ok(Picks { overlaps: true, ..self.picks(picking, vec![starts]) })
    }

    fn picks<'a>(&'a self, picking: Picking, indices: Vec<Indices<'a>>) -> Picks<'a> {
        Picks { array: self, picking, indices, overlaps: false, run: Run::default() }
    }
}

impl Indices<'_> {
    /// The shape of the picks.
    fn picked_shape(&self, run: &Run<'_>) -> Result<Vec<usize>> {
        Ok(if self.is_mask() { vec![self.open(run)?.values().count()] } else { self.shape.clone() })
    }
}

impl<'a> Picks<'a> {
    /// What indices outside of their axis mean; those of windows are errors.
    pub fn mode(self, mode: IndexMode) -> Self {
        Picks { picking: self.picking.mode(mode), ..self }
    }

    /// In what memory, with how many threads, which way, watched by whom.
    pub fn run(self, run: impl Into<Run<'a>>) -> Self {
        Picks { run: run.into(), ..self }
    }

    /// The shape of the result.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        self.picking.result_shape()
    }

    /// The dtype of the items.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        self.array.dtype()
    }

    /// The number of items of the result.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape().iter().product()
    }

    /// Bytes of the result in the array's dtype.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.size() * self.array.itemsize()
    }

    /// How many places of the file they are in, at most: parts of the rows (or of whatever is picked) that are read at
    /// once.
    #[must_use]
    pub fn places(&self) -> usize {
        count_places(&self.picking)
    }

    /// Calls with the indices open.
    fn with<T>(&self, call: impl FnOnce(&Gather<'_>) -> Result<T>) -> Result<T> {
        let opened = self.indices.iter().map(|one| one.open(&self.run)).collect::<Result<Vec<Open<'_>>>>()?;
        let shapes: Vec<Vec<usize>> = self
            .indices
            .iter()
            .zip(&opened)
            .map(|(one, open)| if one.is_mask() { vec![open.values().count()] } else { one.shape.clone() })
            .collect();
        let indexed: Vec<Indexed<'_>> =
            opened.iter().zip(&shapes).map(|(open, shape)| open.indexed(shape)).collect();
        call(&Gather { source: &self.array.source, picking: &self.picking, indices: &indexed })
    }

    /// Reads the items into memory, in their own dtype and byte order.
    ///
    /// Cost: the memory of the result, which is a part of the run's. Picks are sorted by their places in the file;
    /// what the page cache does not hold is read from the device with many requests on their way.
    ///
    /// # Errors
    /// An index outside of its axis, with both; a result larger than the memory of the run, with its size and the
    /// ways out; what the file reports; a cancelled run.
    pub fn compute(&self) -> Result<Reduced> {
        self.compute_as(self.array.dtype(), Casting::No)
    }

    /// [`compute`](Self::compute), with the items cast to another dtype.
    ///
    /// # Errors
    /// As that; a cast that `casting` forbids.
    pub fn compute_as(&self, dtype: &DType, casting: Casting) -> Result<Reduced> {
        let bytes = self.size().saturating_mul(dtype.itemsize());
        expect_room(bytes, &self.run).at(self.array.place())?;
        let mut out = vec![0; bytes];
        let report =
            self.with(|what| gather(what, &mut out, (dtype, casting), &self.run).at(self.array.place()))?;
        Ok(Reduced::new(dtype.clone(), self.shape(), out, report))
    }

    /// Reads the items into memory of the caller, in C order, as items of `dtype`.
    ///
    /// # Errors
    /// As [`compute_as`](Self::compute_as).
    ///
    /// # Panics
    /// If `out` has not the bytes of the result.
    pub fn read_into(&self, out: &mut [u8], dtype: &DType, casting: Casting) -> Result<()> {
        self.with(|what| gather(what, out, (dtype, casting), &self.run).at(self.array.place()))?;
        Ok(())
    }

    /// Reads the items, in the order of the indices.
    ///
    /// # Errors
    /// [`Error::DType`] if the items are not of type `T`; else as [`compute`](Self::compute).
    pub fn read<T: Element>(&self) -> Result<ArrayD<T>> {
        self.array.expect_kind::<T>()?;
        self.read_as(Casting::Equiv)
    }

    /// Reads the items and casts them, as NumPy's `astype`.
    ///
    /// # Errors
    /// As [`compute_as`](Self::compute_as).
    pub fn read_as<T: Element>(&self, casting: Casting) -> Result<ArrayD<T>> {
        let dtype = DType::native(T::KIND);
        let shape = self.shape();
        let found = self.compute_as(&dtype, casting)?;
        let mut items = vec![T::default(); self.size()];
        T::load(found.bytes(), &mut items);
        Ok(ArrayD::from_shape_vec(shape.clone(), items).unwrap_or_else(|_| ArrayD::default(shape)))
    }

    /// Writes the items to a new file of the array's dtype, `.npy` or raw by its name, and replaces one of that
    /// name. The result may be larger than the memory.
    ///
    /// # Errors
    /// As [`compute`](Self::compute), but for its size; what the new file reports.
    pub fn save_as(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save(&self.options().existing(Existing::Replace), path, Casting::No)?.close()
    }

    /// A new file of the array's dtype and the result's shape.
    pub fn options(&self) -> CreateOptions {
        CreateOptions::new(self.array.dtype().clone(), &self.shape())
    }

    /// Makes a file and writes the items to it, cast to its dtype.
    ///
    /// # Errors
    /// As [`save_as`](Self::save_as); options of another shape, or of an order that is not C; a cast that `casting`
    /// forbids.
    pub fn save(&self, options: &CreateOptions, path: impl AsRef<Path>, casting: Casting) -> Result<Array> {
        let path = path.as_ref();
        let view = self.target(options, path)?;
        options.write_new(path, &self.run, |new| {
            self.with(|what| gather_to(what, (new, &view), casting, &self.run).at(self.array.place()))?;
            Ok(())
        })
    }

    fn target(&self, options: &CreateOptions, path: &Path) -> Result<View> {
        let view = options.view_of(path)?;
        if view.shape() != self.shape() || !view.is_contiguous(Order::C) {
            let reason = format!(
                "picked items of shape {:?} are written to a file of that shape in C order, not to one of shape {:?}",
                self.shape(),
                view.shape()
            );
            return Err(Error::Usage { path: path.to_owned(), reason });
        }
        Ok(view)
    }

    /// What reading the items into memory would do: found out from the indices and from what the page cache holds.
    ///
    /// # Errors
    /// As [`compute`](Self::compute), but for what only reading finds.
    pub fn plan(&self) -> Result<Plan> {
        self.plan_as(self.array.dtype(), Casting::No)
    }

    /// The same with the items cast to another dtype.
    ///
    /// # Errors
    /// As [`compute_as`](Self::compute_as), but for what only reading finds.
    pub fn plan_as(&self, dtype: &DType, casting: Casting) -> Result<Plan> {
        self.with(|what| plan_gather(what, (dtype, casting), &self.run).at(self.array.place()))
    }

    /// What writing the items to a new file would do.
    ///
    /// # Errors
    /// As [`save`](Self::save), but for what only reading and writing find.
    pub fn plan_save(
        &self,
        options: &CreateOptions,
        path: impl AsRef<Path>,
        casting: Casting,
    ) -> Result<Plan> {
        let view = self.target(options, path.as_ref())?;
        self.with(|what| plan_gather_to(what, (view.dtype(), casting), &self.run).at(self.array.place()))
    }
}
