//! How passes are run from Python: settings, Ctrl-C, progress.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use ndfolio::{Io, IoEngine, Observer, Size};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};

use crate::error::{Failure, Raise};

/// How often Python is asked whether somebody pressed Ctrl-C, and the bar is drawn.
const TICK: Duration = Duration::from_millis(40);

/// A pass over fewer bytes ends before anybody could want to stop it, and is not worth a thread to wait beside.
const WORTH_WATCHING: u64 = 1 << 20;

/// Settings of passes: `ndfolio.config` makes them.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Session {
    inner: ndfolio::Session,
    /// What is called with bytes done, bytes in all (or `None`) and seconds, and with nothing at the end.
    progress: Option<Py<PyAny>>,
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (memory=None, threads=None, io="auto", scratch=None, progress=None))]
    fn new(
        memory: Option<&Bound<'_, PyAny>>,
        threads: Option<usize>,
        io: &str,
        scratch: Option<std::path::PathBuf>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let mut inner = ndfolio::Session::new().io(way(io)?);
        if let Some(memory) = memory {
            inner = inner.memory(size(memory)?);
        }
        if let Some(threads) = threads {
            if threads == 0 {
                return Err(PyValueError::new_err("threads must be 1 or more, got 0"));
            }
            inner = inner.threads(threads);
        }
        if let Some(folder) = scratch {
            inner = inner.scratch(folder);
        }
        Ok(Session { inner, progress })
    }

    /// Bytes that a pass may take.
    #[getter]
    fn budget(&self) -> usize {
        self.inner.budget()
    }
}

/// A number of bytes, or text such as `'2GiB'`.
fn size(given: &Bound<'_, PyAny>) -> PyResult<Size> {
    if let Ok(bytes) = given.extract::<usize>() {
        return Ok(Size::from(bytes));
    }
    let Ok(text) = given.extract::<String>() else {
        let message =
            format!("memory must be a number of bytes or text such as '2GiB', got {}", given.repr()?);
        return Err(PyTypeError::new_err(message));
    };
    text.parse().map_err(|reason: String| PyValueError::new_err(format!("memory: {reason}")))
}

/// Text of a size, as messages have it.
#[pyfunction]
pub(crate) fn size_text(bytes: usize) -> String {
    Size::from(bytes).to_string()
}

/// The way of reading of a name.
pub(crate) fn way(name: &str) -> PyResult<Io> {
    if name == "auto" {
        return Ok(Io::Auto);
    }
    let engine = IoEngine::ALL.into_iter().find(|engine| engine.to_string() == name);
    engine.map(Io::Force).ok_or_else(|| {
        PyValueError::new_err(format!("io must be 'auto', 'mmap', 'pread' or 'direct', got {name:?}"))
    })
}

/// What a pass is about, for those who watch it.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    /// Bytes of all arrays that are read, at most.
    pub(crate) weight: u64,
    /// Which way they are read, if the arrays say so.
    pub(crate) io: Io,
}

impl Task {
    /// Both.
    pub(crate) fn and(self, other: Task) -> Task {
        Task {
            weight: self.weight.saturating_add(other.weight),
            io: if self.io == Io::Auto { other.io } else { self.io },
        }
    }
}

impl Session {
    /// Runs something without Python's lock. If it is long, Ctrl-C ends it and a bar shows how far it is.
    pub(crate) fn run<T: Send, E: Into<Failure> + Send>(
        &self,
        py: Python<'_>,
        task: Task,
        work: impl FnOnce(&ndfolio::Session) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let session = match task.io {
            Io::Auto => self.inner.clone(),
            io => self.inner.clone().io(io),
        };
        if task.weight < WORTH_WATCHING {
            return py.detach(|| work(&session)).raise();
        }
        let watch = Arc::new(Watch::default());
        let session = session.observe(Arc::clone(&watch) as Arc<dyn Observer + Send + Sync>);
        let mut stopped = None;
        let result = py.detach(|| {
            thread::scope(|scope| {
                let (done, finished) = channel();
                let session = &session;
                let worker = scope.spawn(move || {
                    let result = work(session);
                    // Nobody waits any more if the receiver is gone.
                    let _ = done.send(());
                    result
                });
                let started = Instant::now();
                while finished.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) && !worker.is_finished() {
                    if stopped.is_none() {
                        stopped = self.tick(&watch, task.weight, started.elapsed()).err();
                        watch.stop.store(stopped.is_some(), Ordering::Relaxed);
                    }
                }
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        });
        self.end_progress(py);
        match stopped {
            Some(error) => Err(error),
            None => result.raise(),
        }
    }

    /// Asks Python whether to go on, and shows how far it is.
    fn tick(&self, watch: &Watch, weight: u64, elapsed: Duration) -> PyResult<()> {
        Python::attach(|py| {
            py.check_signals()?;
            if let Some(progress) = &self.progress {
                let done = watch.done.load(Ordering::Relaxed);
                let all = weight + watch.expected.load(Ordering::Relaxed);
                progress.call1(py, (done, all, elapsed.as_secs_f64()))?;
            }
            Ok(())
        })
    }

    fn end_progress(&self, py: Python<'_>) {
        if let Some(progress) = &self.progress
            && let Err(error) = progress.call0(py)
        {
            error.write_unraisable(py, None);
        }
    }
}

/// Who watches a pass.
#[derive(Default)]
struct Watch {
    stop: AtomicBool,
    done: AtomicU64,
    expected: AtomicU64,
}

impl Observer for Watch {
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn expect(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
