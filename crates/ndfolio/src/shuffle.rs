//! The rows of an array in random order, in a new file.

use std::path::Path;

use ndfolio_engine::{Plan, Run, Shuffle, plan_shuffle_to, shuffle_to};
use ndfolio_kernel::Permutation;
use ndfolio_layout::{Order, View};

use crate::{Array, CreateOptions, Error, Existing, Result, error::At};

/// The rows of an array in random order, made by [`Array::shuffle`]. Nothing has been read yet.
///
/// ```
/// # let dir = std::env::temp_dir().join(format!("ndfolio-doc-shuffle-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let (features, labels) = (dir.join("features.npy"), dir.join("labels.npy"));
/// use ndarray::{Array1, Array2};
/// ndfolio::save(&features, &Array2::from_shape_fn((1000, 8), |(i, j)| (8 * i + j) as f32))?;
/// ndfolio::save(&labels, &Array1::from_shape_fn(1000, |i| i as i64))?;
///
/// // The same seed is the same order, so rows of several files stay together.
/// ndfolio::open(&features)?.shuffle(7)?.save_as(dir.join("x.npy"))?;
/// ndfolio::open(&labels)?.shuffle(7)?.save_as(dir.join("y.npy"))?;
/// let (x, y) = (ndfolio::load::<f32>(dir.join("x.npy"))?, ndfolio::load::<i64>(dir.join("y.npy"))?);
/// assert!((0..1000).all(|i| x[[i, 0]] == (8 * y[[i]]) as f32));
/// // Row 3 is the one that the order of the seed has there.
/// assert_eq!(y[[3]], ndfolio::Permutation::new(1000, 7).at(3) as i64);
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Shuffled<'a> {
    array: &'a Array,
    order: Permutation,
    run: Run<'a>,
}

impl Array {
    /// The rows, along the first axis, in an order drawn at random: [`Permutation::new`] of their number and the seed,
    /// the same on every machine and in any memory.
    ///
    /// # Errors
    /// An array without axes.
    pub fn shuffle(&self, seed: u64) -> Result<Shuffled<'_>> {
        let Some(&rows) = self.shape().first() else {
            let reason = "an array without axes has no rows to be shuffled".to_owned();
            return Err(Error::NoRows { path: self.place().to_owned(), reason });
        };
        Ok(Shuffled { array: self, order: Permutation::new(rows as u64, seed), run: Run::default() })
    }
}

impl<'a> Shuffled<'a> {
    /// In what memory, with how many threads, which way, watched by whom. If nothing is said of the memory, it is four
    /// times what other passes take, where the machine has it: the more there is, the longer are the runs that are
    /// written.
    pub fn run(self, run: impl Into<Run<'a>>) -> Self {
        Shuffled { run: run.into(), ..self }
    }

    /// Which row of the array comes at each place.
    #[must_use]
    pub fn order(&self) -> &Permutation {
        &self.order
    }

    /// Writes the rows to a new file of the array's dtype in C order, `.npy` or raw by its name, and replaces one of
    /// that name, which may be the array's own.
    ///
    /// Cost: a file that the page cache holds with rows of 128 bytes or more, that fits the memory, or whose rows have
    /// 256 KiB or more is read once, row by row. Any other is read and written twice in long runs: rows go to buckets in the new file, and each
    /// bucket is put in order in memory. No other space on the disk is needed.
    ///
    /// # Errors
    /// What the files report; a cancelled run. A file of that name is as it was then.
    pub fn save_as(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save(&self.options().existing(Existing::Replace), path)?.close()
    }

    /// A new file of the array's dtype and shape, in C order.
    pub fn options(&self) -> CreateOptions {
        CreateOptions::new(self.array.dtype().clone(), self.array.shape())
    }

    /// Makes a file and writes the rows to it.
    ///
    /// # Errors
    /// As [`save_as`](Self::save_as); options of another shape, dtype or order than [`options`](Self::options) has.
    pub fn save(&self, options: &CreateOptions, path: impl AsRef<Path>) -> Result<Array> {
        let path = path.as_ref();
        let view = self.target(options, path)?;
        options.write_new(path, &self.run, |new| {
            shuffle_to(&self.shuffle(), (new, &view), &self.run).at(self.array.place())?;
            Ok(())
        })
    }

    /// What [`save`](Self::save) would do: found out from what the page cache holds, without reading items.
    ///
    /// # Errors
    /// As that, but for what only reading and writing find.
    pub fn plan_save(&self, options: &CreateOptions, path: impl AsRef<Path>) -> Result<Plan> {
        let path = path.as_ref();
        let view = self.target(options, path)?;
        plan_shuffle_to(&self.shuffle(), (path, &view), &self.run).at(self.array.place())
    }

    fn shuffle(&self) -> Shuffle<'_> {
        Shuffle { source: &self.array.source, order: &self.order }
    }

    fn target(&self, options: &CreateOptions, path: &Path) -> Result<View> {
        let view = options.view_of(path)?;
        let own = self.array.view();
        if view.shape() != own.shape() || view.dtype() != own.dtype() || !view.is_contiguous(Order::C) {
            let reason = format!(
                "rows of dtype {} and shape {:?} are written to a file of that dtype and shape in C order, not to one of \
                 dtype {} and shape {:?}",
                own.dtype(),
                own.shape(),
                view.dtype(),
                view.shape()
            );
            return Err(Error::Usage { path: path.to_owned(), reason });
        }
        Ok(view)
    }
}
