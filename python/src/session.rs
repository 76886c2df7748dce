//! How passes are run from Python: settings, Ctrl-C, progress.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use ndfolio::{Io, IoEngine, MachineMemory, Observer, Plan, Report, Size};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
};

use crate::error::{Failure, Raise};

/// How often Python is asked whether somebody pressed Ctrl-C, and the bar is drawn.
const TICK: Duration = Duration::from_millis(40);

/// How long a pass takes before anybody wants to know how far it is.
const PATIENCE: Duration = Duration::from_millis(400);

/// A pass over fewer bytes ends before anybody could want to stop it, and is not worth a thread to wait beside.
const WORTH_WATCHING: u64 = 1 << 20;

/// Settings of passes: `ndfolio.config` makes them.
#[pyclass(frozen, module = "ndfolio._ndfolio")]
pub(crate) struct Session {
    inner: ndfolio::Session,
    memory: Option<Size>,
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
        let memory = memory.map(size).transpose()?;
        if let Some(memory) = memory {
            inner = inner.memory(memory);
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
        Ok(Session { inner, memory, progress })
    }

    /// Bytes that results and copies may take: what was set for passes, or what the machine can spare.
    #[getter]
    fn budget(&self) -> u64 {
        let spare = || MachineMemory::look().most().unwrap_or(u64::MAX);
        self.memory.map_or_else(spare, |memory| memory.bytes() as u64)
    }

    /// Whether so many bytes may be copied into memory.
    fn allows(&self, bytes: u64) -> bool {
        bytes <= self.inner.budget() as u64 || bytes <= self.budget()
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
    /// Bytes of the results that stay in memory.
    pub(crate) results: u64,
}

impl Task {
    /// About arrays of so many bytes.
    pub(crate) fn new(weight: u64, io: Io) -> Self {
        Task { weight, io, results: 0 }
    }

    /// Both.
    pub(crate) fn and(self, other: Task) -> Task {
        Task {
            weight: self.weight.saturating_add(other.weight),
            io: if self.io == Io::Auto { other.io } else { self.io },
            results: self.results.saturating_add(other.results),
        }
    }
}

impl Session {
    /// The library's.
    pub(crate) fn library(&self) -> ndfolio::Session {
        self.inner.clone()
    }

    /// Runs something without Python's lock. If it is long, Ctrl-C ends it and a bar shows how far it is.
    pub(crate) fn run<T: Send, E: Into<Failure> + Send>(
        &self,
        py: Python<'_>,
        task: Task,
        work: impl FnOnce(&ndfolio::Session) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        self.run_planned(py, task, |_| None, work)
    }

    /// The same for passes whose bytes are known from a plan, which is made when there is a bar to draw.
    pub(crate) fn run_planned<T: Send, E: Into<Failure> + Send>(
        &self,
        py: Python<'_>,
        task: Task,
        plan: impl Fn(&ndfolio::Session) -> Option<Plan> + Send + Sync,
        work: impl FnOnce(&ndfolio::Session) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        self.run_watched(py, task, &Arc::default(), plan, work)
    }

    /// The same, with what the last pass of the call did.
    pub(crate) fn run_reported<T: Send, E: Into<Failure> + Send>(
        &self,
        py: Python<'_>,
        task: Task,
        plan: impl Fn(&ndfolio::Session) -> Option<Plan> + Send + Sync,
        work: impl FnOnce(&ndfolio::Session) -> Result<T, E> + Send,
    ) -> PyResult<(T, Report)> {
        let watch = Arc::default();
        let result = self.run_watched(py, task, &watch, plan, work)?;
        Ok((result, watch.report.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()))
    }

    fn run_watched<T: Send, E: Into<Failure> + Send>(
        &self,
        py: Python<'_>,
        task: Task,
        watch: &Arc<Watch>,
        plan: impl Fn(&ndfolio::Session) -> Option<Plan> + Send + Sync,
        work: impl FnOnce(&ndfolio::Session) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let session = self.session_for(task);
        let session = session.observe(Arc::clone(watch) as Arc<dyn Observer + Send + Sync>);
        if task.weight < WORTH_WATCHING {
            return py.detach(|| work(&session)).raise();
        }
        let (mut stopped, mut all) = (None, None);
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
                        if self.progress.is_some() && all.is_none() && started.elapsed() > PATIENCE {
                            let planned = plan(&self.inner).map(|plan| plan.bytes() + plan.writes);
                            all = Some(planned.unwrap_or(task.weight));
                        }
                        stopped = self.tick(watch, all, started.elapsed()).err();
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

    fn session_for(&self, task: Task) -> ndfolio::Session {
        let mut session = self.inner.clone();
        if task.io != Io::Auto {
            session = session.io(task.io);
        }
        // If nobody said how much memory there is, results take what they need beside what is fast for a pass; the
        // engine refuses what the machine cannot spare.
        let results = usize::try_from(task.results).unwrap_or(usize::MAX);
        if self.memory.is_none() && results > self.inner.budget() / 4 {
            session = session.memory(Size::from(self.inner.budget().saturating_add(results)));
        }
        session
    }

    /// Asks Python whether to go on, and shows how far it is.
    fn tick(&self, watch: &Watch, all: Option<u64>, elapsed: Duration) -> PyResult<()> {
        Python::attach(|py| {
            py.check_signals()?;
            if let (Some(progress), Some(all)) = (&self.progress, all) {
                let done = watch.done.load(Ordering::Relaxed);
                let all = all + watch.expected.load(Ordering::Relaxed);
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
    report: Mutex<Option<Report>>,
}

impl Observer for Watch {
    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn settled(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn expect(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn finished(&self, report: &Report) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
    }
}
