//! Passes over whole arrays, against items one by one, in budgets from tiny to ample.

mod common;

use common::{Case, Folder, cases, one_by_one};
use ndfolio::{
    Array, Casting, CreateOptions, Existing, Mean, Number, Observer, Order, Run, Summary, Tolerance, Value,
    diff,
};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

const DTYPES: &[&str] = &["<f4", ">f8", "|i1", "<u2", ">i8", "<f2"];

fn runs() -> [Run<'static>; 3] {
    [Run::default(), Run::default().memory(1), Run::default().memory(300_000)]
}

fn numbers(array: &Array) -> Vec<f64> {
    one_by_one(array).iter().map(|v| v.as_f64().unwrap()).collect()
}

fn check(summary: &Summary, items: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(summary.count as usize, items.len());
    let sum = match summary.sum {
        Some(Number::Int(n)) => n as f64,
        Some(Number::Float(x)) => x,
        ref other => panic!("{other:?}"),
    };
    prop_assert_eq!(sum, items.iter().sum::<f64>());
    prop_assert_eq!(summary.zeros.unwrap() as usize, items.iter().filter(|x| **x == 0.0).count());
    let value = |v: &Option<Value>| v.as_ref().and_then(Value::as_f64);
    prop_assert_eq!(value(&summary.min), items.iter().copied().reduce(f64::min));
    prop_assert_eq!(value(&summary.max), items.iter().copied().reduce(f64::max));
    if !items.is_empty() {
        let mean = sum / items.len() as f64;
        prop_assert_eq!(&summary.mean, &Some(Mean::Number(Number::Float(mean))));
        let std = (items.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / items.len() as f64).sqrt();
        prop_assert!((summary.std.unwrap() - std).abs() < 1e-9);
    }
    Ok(())
}

/// The rows along some axes, by index arithmetic alone.
fn naive_rows(shape: &[usize], items: &[f64], reduced: &[bool]) -> Vec<Vec<f64>> {
    let kept: usize = shape.iter().zip(reduced).filter(|(_, r)| !**r).map(|(n, _)| n).product();
    let mut rows = vec![Vec::new(); kept];
    for (place, item) in items.iter().enumerate() {
        let (mut rest, mut row, mut step) = (place, 0, 1);
        for axis in (0..shape.len()).rev() {
            let index = rest % shape[axis];
            rest /= shape[axis];
            if !reduced[axis] {
                row += index * step;
                step *= shape[axis];
            }
        }
        rows[row].push(*item);
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn stats_of_any_layout_in_any_budget(case in cases(DTYPES)) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        let first = part.stats(runs()[0]).unwrap();
        check(&first, &numbers(&part))?;
        for run in runs() {
            prop_assert_eq!(&part.stats(run).unwrap(), &first);
        }
    }

    #[test]
    fn stats_along_axes(case in cases(DTYPES), mask in 0_usize..8) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        let reduced: Vec<bool> = (0..part.ndim()).map(|axis| mask >> axis & 1 == 1).collect();
        let axes: Vec<isize> = (0..part.ndim() as isize).filter(|&a| reduced[a as usize]).collect();
        let rows = naive_rows(part.shape(), &numbers(&part), &reduced);
        for run in runs() {
            let mut got = Vec::new();
            part.stats_along(&axes, run, |summary| got.push(summary)).unwrap();
            prop_assert_eq!(got.len(), rows.len());
            for (summary, row) in got.iter().zip(&rows) {
                check(summary, row)?;
            }
        }
    }

    #[test]
    fn a_copy_is_equal_whatever_the_order(case in cases(DTYPES), f in any::<bool>(), npy in any::<bool>()) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        let digest = part.digest(Run::default()).unwrap();
        for run in runs() {
            let path = folder.path(if npy { "b.npy" } else { "b.bin" });
            let order = if f { Order::F } else { Order::C };
            let options = CreateOptions::like(&part).order(order).existing(Existing::Replace);
            let copy = options.copy_of(&part, &path, Casting::No, run).unwrap();
            prop_assert_eq!(copy.shape(), part.shape());
            prop_assert!(copy.view().is_contiguous(order));
            prop_assert_eq!(one_by_one(&copy), one_by_one(&part));
            prop_assert_eq!(copy.digest(run).unwrap(), digest);
            let found = diff(&part, &copy, Tolerance::default(), run).unwrap();
            prop_assert_eq!((found.differing, found.first), (0, None));
        }
    }

    #[test]
    fn a_cast_and_back(case in cases(&["|i1", "<i2", ">f4"])) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        let wide = CreateOptions::like(&part).dtype(">f8".parse().unwrap()).order(Order::F);
        let wide = wide.copy_of(&part, folder.path("w.npy"), Casting::Safe, runs()[1]).unwrap();
        prop_assert_eq!(numbers(&wide), numbers(&part));
        let back = CreateOptions::like(&part).copy_of(&wide, folder.path("n.bin"), Casting::Unsafe, runs()[2]).unwrap();
        prop_assert_eq!(one_by_one(&back), one_by_one(&part));
    }

    #[test]
    fn the_first_difference_is_found(case in cases(&["<i4", ">f4"]), place in any::<u64>()) {
        let folder = Folder::new();
        let array = case.make(&folder.path("a.bin"));
        if array.size() > 0 {
            let copy = CreateOptions::like(&array).order(Order::F);
            let copy = copy.copy_of(&array, folder.path("b.npy"), Casting::No, Run::default()).unwrap();
            let (mut rest, mut index) = (place as usize % array.size(), vec![0; array.ndim()]);
            for axis in (0..array.ndim()).rev() {
                index[axis] = (rest % array.shape()[axis]) as i64;
                rest /= array.shape()[axis];
            }
            let old = copy.get(&index).unwrap().as_f64().unwrap();
            copy.set(&index, old + 3.0).unwrap();
            for run in runs() {
                let found = diff(&array, &copy, Tolerance::default(), run).unwrap();
                let want: Vec<usize> = index.iter().map(|&i| i as usize).collect();
                prop_assert_eq!((found.differing, found.first, found.max_absolute), (1, Some(want), Some(3.0)));
            }
            let loose = Tolerance { absolute: 3.0, ..Tolerance::default() };
            prop_assert_eq!(diff(&array, &copy, loose, runs()[0]).unwrap().differing, 0);
        }
    }
}

/// Counts bytes, and stops after so many calls.
struct Watcher {
    bytes: AtomicU64,
    calls: AtomicU64,
    most: u64,
}

impl Observer for Watcher {
    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) >= self.most
    }
}

fn watcher(most: u64) -> Watcher {
    Watcher { bytes: AtomicU64::new(0), calls: AtomicU64::new(0), most }
}

#[test]
fn passes_are_watched_and_a_cancelled_one_leaves_nothing() {
    let folder = Folder::new();
    let array = ndfolio::create(folder.path("a.npy"), "<f8".parse().unwrap(), &[1000, 1000]).unwrap();
    let all = watcher(u64::MAX);
    array.stats(Run::default().observe(&all)).unwrap();
    array.digest(Run::default().observe(&all)).unwrap();
    array.stats_along(&[0], Run::default().observe(&all), |_| ()).unwrap();
    let copy = CreateOptions::like(&array).copy_of(
        &array,
        folder.path("b.npy"),
        Casting::No,
        Run::default().observe(&all),
    );
    copy.unwrap();
    assert_eq!(all.bytes.load(Ordering::Relaxed), 4 * 8_000_000);
    for most in 0..3 {
        let few = watcher(most);
        let run = Run::default().memory(1 << 20).observe(&few);
        let options = CreateOptions::like(&array).existing(Existing::Replace);
        let before = std::fs::read(folder.path("b.npy")).unwrap();
        let error = options.copy_of(&array, folder.path("b.npy"), Casting::No, run).unwrap_err();
        assert!(error.to_string().contains("cancelled"), "{error}");
        assert_eq!(std::fs::read(folder.path("b.npy")).unwrap(), before);
        assert!(
            options
                .clone()
                .fill(1.0)
                .create_run(folder.path("c.npy"), Run::default().observe(&watcher(0)))
                .is_err()
        );
    }
    assert_eq!(folder.names(), ["a.npy", "b.npy"]);
}

#[test]
fn an_item_larger_than_the_memory_is_said_before_anything_is_done() {
    let folder = Folder::new();
    let array = ndfolio::create(folder.path("a.npy"), "V200000".parse().unwrap(), &[3]).unwrap();
    let small = Run::default().memory(100_000);
    let error = array.digest(small).unwrap_err().to_string();
    assert!(error.contains("was given 100000") && error.contains("a.npy"), "{error}");
    assert!(array.digest(Run::default()).is_ok());
    let case = Case { dtype: "<f4", axes: vec![], order: Order::C, offset: 0, turn: 0, seed: 1 };
    assert_eq!(case.make(&folder.path("s.bin")).stats(small).unwrap().count, 1);
}
