//! Batches for training: `ndfolio.Loader`.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use ndfolio::{
    Observer,
    feed::{Batch, BatchArray, Blocks, Buffers, Feed, Last, Shuffle, Starts, State, Target},
};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyTuple};

use crate::{
    dtype,
    error::Raise,
    lazy::{Node, casting_of},
    memory::Buffer,
    session::Session,
};

/// How often Python is asked whether somebody pressed Ctrl-C, while a batch is waited for.
const TICK: Duration = Duration::from_millis(40);

/// What batches are: `ndfolio.Loader` has the words for it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Settings<'py> {
    batch_size: usize,
    drop_last: bool,
    shuffle: Option<String>,
    block_items: Option<u64>,
    block_count: Option<u64>,
    seed: u64,
    rank: usize,
    world_size: usize,
    worker: usize,
    workers: usize,
    dtypes: Vec<(usize, Bound<'py, PyAny>)>,
    casting: String,
    fresh: bool,
    windows: Option<Windows>,
}

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Windows {
    length: usize,
    stride: Option<u64>,
    first: u64,
    samples: Option<u64>,
    target: bool,
}

fn feed_of(nodes: &[PyRef<'_, Node>], settings: &Settings<'_>, session: &ndfolio::Session) -> PyResult<Feed> {
    let arrays = nodes.iter().map(|node| node.file().cloned()).collect::<PyResult<Vec<_>>>()?;
    let feed = match &settings.windows {
        None => Feed::rows(arrays),
        Some(windows) => {
            let [array] = <[_; 1]>::try_from(arrays).map_err(|arrays| {
                PyValueError::new_err(format!("windows are of one array, and {} were given", arrays.len()))
            })?;
            let starts = match windows.samples {
                Some(windows) => Starts::Random { windows },
                None => Starts::Every {
                    step: windows.stride.unwrap_or(windows.length as u64),
                    first: windows.first,
                },
            };
            let target = if windows.target { Target::Next } else { Target::None };
            Feed::windows(array, windows.length, starts, target)
        }
    };
    let shuffle = match settings.shuffle.as_deref() {
        None => Shuffle::None,
        Some("full") => Shuffle::Full,
        Some("blocks") => {
            Shuffle::Blocks(Blocks { items: settings.block_items, together: settings.block_count })
        }
        Some(other) => {
            let message = format!("shuffle must be None, 'full' or 'blocks', got {other:?}");
            return Err(PyValueError::new_err(message));
        }
    };
    let mut feed = feed
        .batch_size(settings.batch_size)
        .last(if settings.drop_last { Last::Drop } else { Last::Keep })
        .shuffle(shuffle)
        .seed(settings.seed)
        .rank(settings.rank, settings.world_size)
        .worker(settings.worker, settings.workers)
        .casting(casting_of(&settings.casting)?)
        .buffers(if settings.fresh { Buffers::Fresh } else { Buffers::Reused })
        .session(session);
    for (array, dtype) in &settings.dtypes {
        feed = feed.dtype(*array, dtype::from_python(dtype)?);
    }
    Ok(feed)
}

/// Hands out batches. Its threads read ahead from the first batch on.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Loader {
    inner: Mutex<ndfolio::feed::Loader>,
    caller: Arc<Caller>,
}

#[pymethods]
impl Loader {
    #[new]
    fn new(
        py: Python<'_>,
        nodes: Vec<PyRef<'_, Node>>,
        settings: Settings<'_>,
        session: &Session,
    ) -> PyResult<Self> {
        let caller = Arc::new(Caller::default());
        let observer: Arc<dyn Observer + Send + Sync> = Arc::clone(&caller) as _;
        let feed = feed_of(&nodes, &settings, &session.library().observe(observer))?;
        drop(nodes);
        let inner = py.detach(|| feed.loader()).raise()?;
        Ok(Loader { inner: Mutex::new(inner), caller })
    }

    /// The next batch: its epoch, its step and its arrays; `None` at the end of an epoch.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<(u64, u64, Bound<'py, PyTuple>)>> {
        let Some(batch) = self.call(py, |loader| loader.next_batch())? else { return Ok(None) };
        let (epoch, step) = (batch.epoch(), batch.step());
        Ok(Some((epoch, step, arrays_of(py, Batch::into_arrays(batch))?)))
    }

    /// Any items by their numbers.
    fn fetch<'py>(&self, py: Python<'py>, items: Vec<i64>) -> PyResult<Bound<'py, PyTuple>> {
        let arrays = self.call(py, |loader| loader.fetch(&items))?;
        arrays_of(py, arrays)
    }

    /// The numbers of a step's items.
    fn batch_items(&self, py: Python<'_>, step: u64) -> PyResult<Vec<i64>> {
        self.call(py, |loader| loader.batch_items(step))
    }

    fn set_epoch(&self, py: Python<'_>, epoch: u64) -> PyResult<()> {
        self.call(py, |loader| {
            loader.set_epoch(epoch);
            Ok(())
        })
    }

    /// The state with so many steps of an epoch done, as JSON.
    fn state_at(&self, py: Python<'_>, epoch: u64, step: u64) -> PyResult<String> {
        self.call(py, |loader| Ok(loader.state_at(epoch, step)?.to_string()))
    }

    fn load_state(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        let state: State = text.parse().map_err(|error: ndfolio::FormatError| {
            PyValueError::new_err(format!("this is no state of a loader: {error}"))
        })?;
        self.call(py, |loader| loader.load_state(&state))
    }

    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, |loader| Ok(loader.epoch()))
    }

    #[getter]
    fn step(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, |loader| Ok(loader.step()))
    }

    /// Batches of an epoch, those of all workers counted.
    #[getter]
    fn steps(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, |loader| Ok(loader.steps()))
    }

    /// Batches that this worker still has in this epoch.
    #[getter]
    fn steps_left(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, |loader| Ok(loader.steps_left()))
    }

    /// Rows or windows of an epoch, for all ranks together.
    #[getter]
    fn items(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, |loader| Ok(loader.items()))
    }

    /// Bytes that batches, and what is read ahead, take.
    #[getter]
    fn nbytes(&self, py: Python<'_>) -> PyResult<usize> {
        self.call(py, |loader| Ok(loader.room().bytes()))
    }
}

impl Loader {
    /// Something that the loader does without Python's lock, until somebody presses Ctrl-C.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut ndfolio::feed::Loader) -> ndfolio::Result<T> + Send,
    ) -> PyResult<T> {
        let result = py.detach(|| {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            self.caller.begin();
            let result = act(&mut inner);
            self.caller.end();
            result
        });
        match self.caller.asking().error.take() {
            Some(error) => Err(error),
            None => result.raise(),
        }
    }
}

fn arrays_of(py: Python<'_>, arrays: Vec<BatchArray>) -> PyResult<Bound<'_, PyTuple>> {
    let found = arrays.into_iter().map(|array| {
        let dtype = dtype::to_python(py, array.dtype())?;
        let shape = PyTuple::new(py, array.shape())?;
        (Buffer::of_batch(array.into_buffer()), dtype, shape).into_pyobject(py)
    });
    PyTuple::new(py, found.collect::<PyResult<Vec<_>>>()?)
}

/// Asks Python for Ctrl-C on the thread that waits for a batch: Python answers its first thread alone.
#[derive(Default)]
struct Caller {
    stop: AtomicBool,
    asking: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    thread: Option<ThreadId>,
    last: Option<Instant>,
    error: Option<PyErr>,
}

impl Caller {
    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        let (thread, last) = (Some(thread::current().id()), Some(Instant::now()));
        *self.asking() = Asking { thread, last, error: None };
    }

    fn end(&self) {
        self.asking().thread = None;
        self.stop.store(false, Ordering::Relaxed);
    }
}

impl Observer for Caller {
    fn advance(&self, _bytes: u64) {}

    fn cancelled(&self) -> bool {
        if self.stop.load(Ordering::Relaxed) {
            return true;
        }
        let mut asking = self.asking();
        let is_due = asking.last.is_some_and(|last| last.elapsed() > TICK);
        if asking.thread != Some(thread::current().id()) || !is_due {
            return false;
        }
        asking.last = Some(Instant::now());
        drop(asking);
        let Err(error) = Python::attach(|py| py.check_signals()) else { return false };
        self.asking().error = Some(error);
        self.stop.store(true, Ordering::Relaxed);
        true
    }
}
