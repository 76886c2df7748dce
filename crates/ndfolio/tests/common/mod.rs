//! What the tests share: folders of their own, and arrays of every layout.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod naive;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use ndfolio::{Array, CreateOptions, FileKind, Observer, Order, Report, Run, Session, Value, slice};
use proptest::prelude::*;

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("ndfolio-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Keeps what passes did; stops them after so many bytes.
pub(crate) struct Log {
    pub(crate) reports: Mutex<Vec<Report>>,
    pub(crate) bytes: AtomicU64,
    pub(crate) settled: AtomicU64,
    stop_at: u64,
}

impl Log {
    pub(crate) fn new(stop_at: u64) -> Arc<Self> {
        let bytes = AtomicU64::new(0);
        Arc::new(Log { reports: Mutex::default(), bytes, settled: AtomicU64::new(0), stop_at })
    }

    pub(crate) fn take(&self) -> Report {
        let mut all = Report::default();
        std::mem::take(&mut *self.reports.lock().unwrap()).iter().for_each(|report| all.then(report));
        all
    }
}

impl Observer for Log {
    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn settled(&self, bytes: u64) {
        self.settled.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.stop_at
    }

    fn finished(&self, report: &Report) {
        self.reports.lock().unwrap().push(report.clone());
    }
}

/// How an array lies in its file, and what part of it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) dtype: &'static str,
    pub(crate) axes: Vec<(usize, i64, i64, i64)>,
    pub(crate) order: Order,
    pub(crate) offset: u64,
    pub(crate) turn: usize,
    pub(crate) seed: u64,
}

pub(crate) fn cases(dtypes: &'static [&'static str]) -> impl Strategy<Value = Case> {
    let axis = (0_usize..13, -14_i64..14, -14_i64..14, prop_oneof![-3_i64..0, 1_i64..4]);
    let order = prop_oneof![Just(Order::C), Just(Order::F)];
    (
        prop::sample::select(dtypes),
        prop::collection::vec(axis, 0..4),
        order,
        0_u64..9,
        0_usize..4,
        any::<u64>(),
    )
        .prop_map(|(dtype, axes, order, offset, turn, seed)| Case {
            dtype,
            axes,
            order,
            offset,
            turn,
            seed,
        })
}

impl Case {
    pub(crate) fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.0).collect()
    }

    /// A raw file of small numbers at an offset that is often unaligned.
    pub(crate) fn make(&self, path: &Path) -> Array {
        let options = CreateOptions::new(self.dtype.parse().unwrap(), &self.shape()).order(self.order);
        let array = options.kind(FileKind::Raw).offset(self.offset).create(path).unwrap();
        array.assign(&self.shape(), &self.values(array.size()), Run::default()).unwrap();
        array
    }

    pub(crate) fn values(&self, count: usize) -> Vec<Value> {
        let number = |i: usize| ((i as u64).wrapping_mul(2654435761).wrapping_add(self.seed) >> 7) % 100;
        (0..count).map(|i| Value::UInt(number(i))).collect()
    }

    /// The part that the case looks at: a slice of every axis, and the axes turned.
    pub(crate) fn part(&self, array: &Array) -> Array {
        let slices: Vec<_> = self.axes.iter().map(|a| slice(a.1, a.2, a.3).into()).collect();
        let part = array.slice(slices).unwrap();
        let mut axes: Vec<isize> = (0..part.ndim() as isize).collect();
        if !axes.is_empty() {
            axes.rotate_left(self.turn % part.ndim());
        }
        part.transpose(Some(&axes)).unwrap()
    }
}

/// The items one by one: the oracle for everything that reads many.
pub(crate) fn one_by_one(array: &Array) -> Vec<Value> {
    let shape = array.shape();
    let mut out = Vec::new();
    for place in 0..array.size() {
        let (mut rest, mut index) = (place, vec![0; shape.len()]);
        for axis in (0..shape.len()).rev() {
            index[axis] = (rest % shape[axis]) as i64;
            rest /= shape[axis];
        }
        out.push(array.get(&index).unwrap());
    }
    out
}

/// The items of each result, in C order of the reduced axes, by index arithmetic alone.
pub(crate) fn rows(array: &Array, axes: &[isize]) -> Vec<Vec<f64>> {
    let shape = array.shape();
    let reduced: Vec<bool> = (0..shape.len()).map(|axis| axes.contains(&(axis as isize))).collect();
    let kept: usize = shape.iter().zip(&reduced).filter(|(_, r)| !**r).map(|(n, _)| n).product();
    let mut rows = vec![Vec::new(); kept];
    for (place, item) in array.read_values(..).unwrap().1.iter().enumerate() {
        let (mut rest, mut row, mut step) = (place, 0, 1);
        for axis in (0..shape.len()).rev() {
            let index = rest % shape[axis];
            rest /= shape[axis];
            if !reduced[axis] {
                row += index * step;
                step *= shape[axis];
            }
        }
        rows[row].push(item.as_f64().unwrap());
    }
    rows
}

/// A folder, and a session of so much memory whose passes are kept.
pub(crate) struct Rig {
    pub(crate) folder: Folder,
    pub(crate) log: Arc<Log>,
    pub(crate) session: Session,
}

impl Rig {
    pub(crate) fn new(memory: &str) -> Self {
        let (folder, log) = (Folder::new(), Log::new(u64::MAX));
        let session = Session::new().memory(memory.parse().unwrap()).scratch(folder.path(""));
        let session = session.observe(Arc::clone(&log) as _);
        Rig { folder, log, session }
    }
}
