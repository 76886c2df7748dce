//! Batches for training: rows of arrays, or windows of a file of tokens, in an order that a seed gives.
//!
//! A [`Feed`] says what batches are, and makes a [`Loader`], whose threads read ahead within the session's memory:
//!
//! ```
//! # let dir = std::env::temp_dir().join(format!("ndfolio-doc-feed-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! use ndarray::{Array1, Array2};
//! use ndfolio::feed::{Feed, Shuffle};
//! ndfolio::save(dir.join("x.npy"), &Array2::from_shape_fn((1000, 8), |(i, _)| i as f32))?;
//! ndfolio::save(dir.join("y.npy"), &Array1::from_shape_fn(1000, |i| i as u16))?;
//! let arrays = [ndfolio::open(dir.join("x.npy"))?, ndfolio::open(dir.join("y.npy"))?];
//!
//! // Labels are wanted as int64.
//! let feed = Feed::rows(arrays).batch_size(64).shuffle(Shuffle::Full).seed(7).dtype(1, "<i8".parse()?);
//! let mut loader = feed.clone().loader()?;
//! let mut seen = 0;
//! while let Some(batch) = loader.next_batch()? {
//!     let (x, y) = (batch.arrays()[0].read::<f32>()?, batch.arrays()[1].read::<i64>()?);
//!     assert_eq!(x[[0, 0]], y[0] as f32);
//!     seen += batch.len();
//!     if batch.step() == 9 {
//!         break;
//!     }
//! }
//! assert_eq!(seen, 640);
//!
//! // Another process goes on where this one was.
//! let state = loader.state()?.to_string();
//! let mut other = feed.loader()?;
//! other.load_state(&state.parse()?)?;
//! assert_eq!(other.next_batch()?.map(|batch| batch.step()), Some(10));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Windows of tokens come with their targets, read once and cast to what a model takes:
//!
//! ```
//! # let path = std::env::temp_dir().join(format!("ndfolio-doc-tokens-{}.npy", std::process::id()));
//! # ndfolio::save(&path, &ndarray::Array1::from_shape_fn(10_000, |i| i as u16))?;
//! use ndfolio::feed::{Feed, Starts, Target};
//! let tokens = ndfolio::open(&path)?;
//! let feed = Feed::windows(tokens, 256, Starts::Random { windows: 1000 }, Target::Next);
//! let mut loader = feed.batch_size(16).seed(1).dtype(0, "<i8".parse()?).loader()?;
//! let batch = loader.next_batch()?.ok_or("no batch")?;
//! let (x, y) = (batch.arrays()[0].read::<i64>()?, batch.arrays()[1].read::<i64>()?);
//! assert_eq!((x.shape(), x[[3, 1]]), (&[16, 256][..], y[[3, 0]]));
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Epochs, steps, ranks and workers
//!
//! An epoch is all items (rows or windows) in one order, which the seed and the number of the epoch give. A *step* takes
//! as many of them as `world_size` batches have: rank r has the r-th batch of each step, whoever else there is. What is
//! left behind the last whole step is [dropped or shared](Last) as evenly as can be. Within a rank, worker w of W has
//! every W-th batch, from its w-th on: taking turns, workers give the same batches in the same order whatever their
//! number. A loader reads ahead with threads of its own, so one worker is enough, and reads the least.
//!
//! # Blocks
//!
//! [`Shuffle::Blocks`] puts blocks of neighbouring items in random order, and shuffles the items of sixteen such blocks
//! at a time. Each batch is drawn from a window of sixteen places of the file, not from all of it: that is enough where
//! neighbours have little to do with each other, and not where a file is sorted by what is to be learned. The sizes
//! follow from the bytes of an item, or are said; never from the memory, which may differ between machines.
//!
//! # Files that change
//!
//! A file that is cut, replaced, extended or written to under a loader is an error, as the batches of a seed are those of
//! one content. A [`State`] has sums of sixteen places of each array, so that a copy of the file on another machine is
//! accepted, and another file is not.

mod ahead;
mod batch;
mod dataset;
mod deal;
mod identity;
mod loader;
mod order;
mod raw;
mod room;
mod state;

use ndfolio_kernel::Casting;
use ndfolio_layout::DType;

use crate::{Array, Error, Result, Session};

pub use batch::{Batch, BatchArray, Buffer, Buffers};
pub use dataset::{Starts, Target};
pub use deal::Last;
pub use loader::Loader;
pub use order::{Blocks, Shuffle};
pub use room::Room;
pub use state::State;

use dataset::{Casts, Dataset};
use deal::Deal;
use order::Sizes;

/// What batches are made of, and how: see the [module](self).
#[derive(Clone, Debug)]
#[must_use]
pub struct Feed {
    of: Of,
    batch_size: usize,
    last: Last,
    shuffle: Shuffle,
    seed: u64,
    rank: (usize, usize),
    worker: (usize, usize),
    dtypes: Vec<(usize, DType)>,
    casting: Casting,
    buffers: Buffers,
    session: Session,
}

#[derive(Clone, Debug)]
enum Of {
    Rows(Vec<Array>),
    Windows { array: Array, length: usize, starts: Starts, target: Target },
}

impl Feed {
    /// Rows of one or several arrays, which have the same number of them.
    pub fn rows(arrays: impl IntoIterator<Item = Array>) -> Self {
        Feed::of(Of::Rows(arrays.into_iter().collect()))
    }

    /// Windows of `length` rows of an array: of tokens, where it has one axis.
    pub fn windows(array: Array, length: usize, starts: Starts, target: Target) -> Self {
        Feed::of(Of::Windows { array, length, starts, target })
    }

    fn of(of: Of) -> Self {
        Feed {
            of,
            batch_size: 1,
            last: Last::default(),
            shuffle: Shuffle::default(),
            seed: 0,
            rank: (0, 1),
            worker: (0, 1),
            dtypes: Vec::new(),
            casting: Casting::SameKind,
            buffers: Buffers::default(),
            session: Session::default(),
        }
    }

    /// Items of a batch; 1 if it is not said.
    pub fn batch_size(self, items: usize) -> Self {
        Feed { batch_size: items, ..self }
    }

    /// What becomes of the items behind the last whole step.
    pub fn last(self, last: Last) -> Self {
        Feed { last, ..self }
    }

    /// In what order items come. Random windows have none but the one in which they are drawn.
    pub fn shuffle(self, shuffle: Shuffle) -> Self {
        Feed { shuffle, ..self }
    }

    /// What orders and random windows are drawn from; 0 if it is not said.
    pub fn seed(self, seed: u64) -> Self {
        Feed { seed, ..self }
    }

    /// Which of several loaders that share each step this one is: `rank` of `world_size`.
    pub fn rank(self, rank: usize, world_size: usize) -> Self {
        Feed { rank: (rank, world_size), ..self }
    }

    /// Which of several workers, who take turns in giving a rank's batches, this one is: `worker` of `workers`.
    pub fn worker(self, worker: usize, workers: usize) -> Self {
        Feed { worker: (worker, workers), ..self }
    }

    /// The dtype that the items of an array (of windows: of array 0 and its targets) have in batches. Without it they
    /// have the file's, in this machine's byte order.
    pub fn dtype(mut self, array: usize, dtype: DType) -> Self {
        self.dtypes.push((array, dtype));
        self
    }

    /// Which casts to those dtypes are allowed; [`Casting::SameKind`] if it is not said.
    pub fn casting(self, casting: Casting) -> Self {
        Feed { casting, ..self }
    }

    /// Where the memory of batches comes from.
    pub fn buffers(self, buffers: Buffers) -> Self {
        Feed { buffers, ..self }
    }

    /// Memory, threads, the way of reading, and who watches.
    pub fn session(self, session: &Session) -> Self {
        Feed { session: session.clone(), ..self }
    }

    /// A loader at the beginning of epoch 0. Nothing is read before the first batch is asked for.
    ///
    /// # Errors
    /// Arrays without rows or of different lengths; windows that are longer than the array; no batch in an epoch; more
    /// ranks or workers than items; a cast that is forbidden; less memory than a batch and what it is made of take.
    pub fn loader(self) -> Result<Loader> {
        let casts = Casts { dtypes: &self.dtypes, casting: self.casting };
        let dataset = match &self.of {
            Of::Rows(arrays) if arrays.is_empty() => {
                let reason = "no array was given; give one at least".to_owned();
                return Err(Error::Usage { path: "a loader".into(), reason });
            }
            Of::Rows(arrays) => Dataset::rows(arrays, &casts, self.seed)?,
            Of::Windows { array, length, starts, target } => {
                Dataset::windows(array, (*length as u64, *starts, *target), &casts, self.seed)?
            }
        };
        let deal = self.deal(&dataset)?;
        let sizes = Sizes::new(self.shuffle, dataset.item_bytes() as u64);
        Loader::new(&self, dataset, (deal, sizes))
    }

    /// Who gets what, once it is known that it can be.
    fn deal(&self, dataset: &Dataset) -> Result<Deal> {
        let wrong = |reason: String| Error::Usage { path: dataset.first().place().to_owned(), reason };
        let ((rank, world), (worker, workers)) = (self.rank, self.worker);
        for (what, number, count) in [("rank", rank, world), ("worker", worker, workers)] {
            if number >= count {
                return Err(wrong(format!(
                    "{what} {number} of {count} {what}s was asked for; they count from 0"
                )));
            }
            if count as u64 > dataset.len {
                return Err(wrong(format!(
                    "{count} {what}s share {} items of an epoch, so some would have none; use fewer",
                    dataset.len
                )));
            }
        }
        if self.batch_size == 0 {
            return Err(wrong("batches of 0 items were asked for; ask for 1 at least".to_owned()));
        }
        if let Some((array, _)) = self.dtypes.iter().find(|(array, _)| *array >= dataset.arrays().count()) {
            let count = dataset.arrays().count();
            return Err(wrong(format!(
                "a dtype was given for array {array}, and there are {count}, from 0 on"
            )));
        }
        if dataset.window_kind().is_some_and(|kind| matches!(kind.starts, Starts::Random { .. }))
            && self.shuffle != Shuffle::None
        {
            let reason = "random windows come in the order in which they are drawn; leave the shuffle out";
            return Err(wrong(reason.to_owned()));
        }
        if let Shuffle::Blocks(Blocks { items: Some(0), .. } | Blocks { together: Some(0), .. }) =
            self.shuffle
        {
            return Err(wrong("blocks have 1 item at least, and 1 is shuffled at least".to_owned()));
        }
        let deal = Deal {
            len: dataset.len,
            batch: self.batch_size as u64,
            last: self.last,
            rank: rank as u64,
            world: world as u64,
            worker: worker as u64,
            workers: workers as u64,
        };
        if deal.steps() == 0 {
            return Err(wrong(format!(
                "{} items make no batch of {} for each of {world} ranks; make batches smaller, or keep the last one",
                dataset.len, self.batch_size
            )));
        }
        Ok(deal)
    }
}
