//! The memory behind `ndfolio.memmap`: a part of a file, given to NumPy through the buffer protocol.

use std::{
    cell::RefCell,
    ffi::{OsStr, c_int},
    ops::Range,
    os::{
        fd::BorrowedFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use ndfolio::{Advice, FileId, Mode, RawMap, Short};
use pyo3::{
    exceptions::{PyBufferError, PyValueError},
    ffi,
    prelude::*,
    types::{PyBytes, PyList, PyTuple},
};

use crate::error::{Failure, Raise};

/// A part of a file in memory, as `ndfolio.memmap` has it in its attribute `_mmap`.
///
/// It holds no file descriptor. Ranges are bytes, counted from its beginning.
#[pyclass(frozen, weakref, name = "Mapping", module = "ndfolio._ndfolio")]
pub(crate) struct Mapping {
    map: RawMap,
    /// How many buffers are given out.
    exports: AtomicUsize,
}

impl Mapping {
    fn new(map: RawMap) -> Self {
        Mapping { map, exports: AtomicUsize::new(0) }
    }

    fn range(&self, start: Option<u64>, stop: Option<u64>) -> Range<u64> {
        start.unwrap_or(0)..stop.unwrap_or(self.map.len() as u64)
    }
}

#[pymethods]
impl Mapping {
    /// Maps `length` bytes at `offset` of the file at `path`, or all from there on. With `extend` and mode 'r+', a
    /// shorter file is made longer.
    #[staticmethod]
    #[pyo3(signature = (path, mode, offset, length, extend))]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        mode: &str,
        offset: u64,
        length: Option<u64>,
        extend: bool,
    ) -> PyResult<Self> {
        let mode = mode_of(mode)?;
        expect_name(&path)?;
        Ok(Mapping::new(py.detach(|| RawMap::open(&path, mode, offset, length, short(extend))).raise()?))
    }

    /// As `open`, of a descriptor that somebody has open.
    #[staticmethod]
    #[pyo3(signature = (descriptor, path, mode, offset, length, extend))]
    fn of_descriptor(
        py: Python<'_>,
        descriptor: c_int,
        path: PathBuf,
        mode: &str,
        offset: u64,
        length: Option<u64>,
        extend: bool,
    ) -> PyResult<Self> {
        let mode = mode_of(mode)?;
        if descriptor < 0 {
            return Err(PyValueError::new_err("the file object has no descriptor"));
        }
        // SAFETY: the caller's file object holds the descriptor during the call; one that it closed meanwhile is an
        // error of the first system call.
        let file = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let open = || RawMap::of_open(file, &path, mode, offset, length, short(extend));
        Ok(Mapping::new(py.detach(open).raise()?))
    }

    /// Makes a file of `size` bytes that begins with `header`, zeros else, and maps what lies from `offset` on.
    #[staticmethod]
    fn create(
        py: Python<'_>,
        path: PathBuf,
        header: &[u8],
        size: u64,
        offset: u64,
        length: u64,
    ) -> PyResult<Self> {
        expect_name(&path)?;
        let range = offset..offset.saturating_add(length);
        interruptibly(py, |stop| RawMap::create(&path, header, size, range, stop)).map(Mapping::new)
    }

    fn __len__(&self) -> usize {
        self.map.len()
    }

    fn __repr__(&self) -> String {
        let (path, mode, offset) = (self.map.path(), self.map.mode(), self.map.file_offset());
        let state = if self.map.is_closed() { ", closed" } else { "" };
        format!("<ndfolio mapping of {path:?}, mode '{mode}', {} bytes at {offset}{state}>", self.map.len())
    }

    /// Where the file was when it was mapped.
    #[getter]
    fn path(&self) -> &OsStr {
        self.map.path().as_os_str()
    }

    /// The same as `os.path.abspath` has it: without dots and double slashes.
    #[getter]
    fn abspath(&self) -> std::ffi::OsString {
        normalized(self.map.path())
    }

    /// Device and inode number of the file.
    #[getter]
    fn identity(&self) -> (u64, u64) {
        let id = self.map.id();
        (id.dev, id.ino)
    }

    /// 'r', 'r+' or 'c'.
    #[getter]
    fn mode(&self) -> &'static str {
        self.map.mode().numpy_name()
    }

    /// Where the mapping begins in the file, in bytes.
    #[getter]
    fn offset(&self) -> u64 {
        self.map.file_offset()
    }

    /// Address of the first byte.
    #[getter]
    fn address(&self) -> usize {
        self.map.as_ptr().addr()
    }

    /// Whether `close` was called.
    #[getter]
    fn closed(&self) -> bool {
        self.map.is_closed()
    }

    /// Whether the file was not opened yet, after unpickling.
    #[getter]
    fn waiting(&self) -> bool {
        self.map.is_waiting()
    }

    /// Whether the name still leads to the file.
    #[getter]
    fn named(&self) -> bool {
        self.map.has_name()
    }

    /// How many buffers are given out.
    #[getter]
    fn exports(&self) -> usize {
        self.exports.load(Ordering::SeqCst)
    }

    /// Brings what was written to the disk, and waits for it.
    #[pyo3(signature = (start=None, stop=None))]
    fn flush(&self, py: Python<'_>, start: Option<u64>, stop: Option<u64>) -> PyResult<()> {
        let range = self.range(start, stop);
        py.detach(|| self.map.flush_range(range)).raise()
    }

    /// Flushes, and puts zeros in the place of the file.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.map.close()).raise()
    }

    /// Whether `check` has something to say, as far as that is known without asking the system.
    #[getter]
    fn doubtful(&self) -> bool {
        self.map.is_closed() || self.map.has_fault() || self.map.is_waiting()
    }

    /// Raises `OSError` if something that was read or written was not the file's, `ValueError` if it was closed.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        if self.map.is_closed() {
            let path = self.map.path().display();
            return Err(PyValueError::new_err(format!("{path}: the array was closed; map the file again")));
        }
        py.detach(|| self.map.check()).raise()
    }

    /// Gives the system advice: 'normal', 'sequential', 'random', 'willneed' or 'dontneed'.
    #[pyo3(signature = (advice, start=None, stop=None))]
    fn advise(&self, py: Python<'_>, advice: &str, start: Option<u64>, stop: Option<u64>) -> PyResult<()> {
        let advice = advice_of(advice)?;
        let range = self.range(start, stop);
        py.detach(|| self.map.advise(range, advice)).raise()
    }

    /// Reads the range into the page cache; returns how many bytes.
    #[pyo3(signature = (start=None, stop=None))]
    fn prefetch(&self, py: Python<'_>, start: Option<u64>, stop: Option<u64>) -> PyResult<u64> {
        let range = self.range(start, stop);
        interruptibly(py, |stop| self.map.prefetch(range, stop))
    }

    /// Page size, pages, resident pages, dirty pages (`None` where unknown), and how it was found out.
    #[pyo3(signature = (start=None, stop=None))]
    fn residency<'py>(
        &self,
        py: Python<'py>,
        start: Option<u64>,
        stop: Option<u64>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let range = self.range(start, stop);
        let found = py.detach(|| self.map.residency(range)).raise()?;
        (found.page_size, found.pages, found.resident, found.dirty, found.method).into_pyobject(py)
    }

    /// What was written to in mode 'c': a list of places and bytes.
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let found = PyList::empty(py);
        for range in py.detach(|| self.map.changes()).raise()? {
            let len = (range.end - range.start) as usize;
            let bytes = PyBytes::new_with(py, len, |buf| self.map.read_change(&range, buf).raise())?;
            found.append((range.start, bytes))?;
        }
        Ok(found)
    }

    /// A mapping of the file that had this name and identity, without looking at it before somebody asks for bytes.
    #[staticmethod]
    fn later(
        path: PathBuf,
        identity: (u64, u64),
        mode: &str,
        offset: u64,
        length: u64,
        changes: Vec<(u64, Vec<u8>)>,
    ) -> PyResult<Self> {
        let id = FileId { dev: identity.0, ino: identity.1 };
        let range = offset..offset.saturating_add(length);
        Ok(Mapping::new(RawMap::later(&path, id, mode_of(mode)?, range, changes).raise()?))
    }

    /// How it is pickled: by the name of the file, which file that is, and what was changed in memory alone.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let (path, len) = (this.path(), this.map.len());
        let about = (path, this.identity(), this.mode(), this.offset(), len, this.changes(py)?);
        Ok((slf.get_type().getattr("later")?, about.into_pyobject(py)?))
    }

    /// # Safety
    /// `view` is a `Py_buffer` that the caller may fill, as the interpreter sees to.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let is_readonly = this.map.mode() == Mode::Read;
        if is_readonly && flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return Err(PyBufferError::new_err("the file was mapped for reading only (mode 'r')"));
        }
        let address = this.map.as_ptr().cast();
        let len = this.map.len() as ffi::Py_ssize_t;
        // SAFETY: Python gives a structure to fill in. The bytes are mapped as long as the object lives, which the
        // buffer holds.
        let status = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), address, len, c_int::from(is_readonly), flags)
        };
        if status != 0 {
            return Err(PyErr::fetch(slf.py()));
        }
        this.exports.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// # Safety
    /// Nothing is asked of the caller; the interpreter calls it once for each buffer.
    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.exports.fetch_sub(1, Ordering::SeqCst);
    }
}

fn mode_of(mode: &str) -> PyResult<Mode> {
    Ok(match mode {
        "r" => Mode::Read,
        "r+" | "w+" => Mode::ReadWrite,
        "c" => Mode::CopyOnWrite,
        _ => {
            return Err(PyValueError::new_err(format!("mode must be 'r', 'r+', 'w+' or 'c' (got {mode:?})")));
        }
    })
}

fn short(extend: bool) -> Short {
    if extend { Short::Extend } else { Short::Refuse }
}

fn advice_of(advice: &str) -> PyResult<Advice> {
    Ok(match advice {
        "normal" => Advice::Normal,
        "sequential" => Advice::Sequential,
        "random" => Advice::Random,
        "willneed" => Advice::WillNeed,
        "dontneed" => Advice::DontNeed,
        _ => {
            return Err(PyValueError::new_err(format!(
                "advice must be 'normal', 'sequential', 'random', 'willneed' or 'dontneed' (got {advice:?})"
            )));
        }
    })
}

/// Python's own refusal of names that the system has no way to be asked for.
fn expect_name(path: &Path) -> PyResult<()> {
    if path.as_os_str().as_bytes().contains(&0) {
        return Err(PyValueError::new_err("embedded null byte"));
    }
    Ok(())
}

/// `os.path.normpath` of an absolute path.
fn normalized(path: &Path) -> std::ffi::OsString {
    let bytes = path.as_os_str().as_bytes();
    // Two slashes at the beginning, and not three, may mean something to the system.
    let root: &[u8] = if bytes.starts_with(b"//") && !bytes.starts_with(b"///") { b"//" } else { b"/" };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in bytes.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    std::ffi::OsString::from_vec([root, &parts.join(&b'/')].concat())
}

/// Runs something long without the interpreter, which it asks now and then whether a signal says to stop.
pub(crate) fn interruptibly<T: Send, E: Into<Failure> + Send>(
    py: Python<'_>,
    run: impl FnOnce(&dyn Fn() -> bool) -> Result<T, E> + Send,
) -> PyResult<T> {
    let (result, raised) = py.detach(|| {
        let raised: RefCell<Option<PyErr>> = RefCell::new(None);
        let stop = || {
            let signal = Python::attach(|py| py.check_signals()).err();
            let stops = signal.is_some();
            raised.replace(signal);
            stops
        };
        let result = run(&stop);
        (result, raised.into_inner())
    });
    match raised {
        Some(signal) => Err(signal),
        None => result.raise(),
    }
}
