//! How often the page cache is asked about a file before it is read.
#![cfg(target_os = "linux")]

use std::{fs, path::Path, sync::Arc};

use ndfolio_engine::{
    Run, Source,
    expr::{Expr, Job, Keep},
    reduce,
};
use ndfolio_kernel::{
    elementwise::Ufunc,
    reduce::{NanPolicy, Op, Reducer},
};
use ndfolio_layout::{Order, View};
use ndfolio_store::{Mode, open_failing};

const SHAPE: [usize; 2] = [1500, 1500];

/// How often the page cache is asked about a part of the file.
fn looks(path: &Path, pass: impl Fn(Source)) -> usize {
    let counts_as = |nth: &usize| {
        let (file, failed) = open_failing(path, Mode::Read, ("cachestat", *nth), libc::ENOSYS).unwrap();
        let view = View::contiguous(&"<f4".parse().unwrap(), &SHAPE, Order::C, 0).unwrap();
        pass(Source { file: Arc::new(file), view });
        !failed()
    };
    (0..).find(counts_as).unwrap()
}

fn tanh(source: Source) -> Expr {
    Expr::map(Ufunc::Tanh, &[source.into()]).unwrap()
}

fn sum(expr: &Expr, axes: Option<&[isize]>) -> Expr {
    expr.reduce(Op::Sum, axes, NanPolicy::Propagate, Keep::No).unwrap()
}

fn compute(expr: Expr) {
    Job::new(&[expr]).unwrap().compute(&Run::default()).unwrap();
}

#[test]
fn each_pass_of_an_expression_looks_once_at_its_file() {
    let path = std::env::temp_dir().join(format!("ndfolio-engine-evidence-{}", std::process::id()));
    fs::write(&path, vec![0; 4 * SHAPE[0] * SHAPE[1]]).unwrap();
    let one = looks(&path, |source| {
        let reducer = Reducer::new(source.view.dtype(), Op::Sum.wanted(), NanPolicy::Propagate).unwrap();
        reduce(&source, &[reducer], &Run::default()).unwrap();
    });
    assert!(one > 0);
    let once = |what: &str, pass: &dyn Fn(Source)| assert_eq!(looks(&path, pass), one, "{what}");
    once("items", &|source| compute(tanh(source)));
    once("sum", &|source| compute(sum(&tanh(source), None)));
    once("rows", &|source| compute(sum(&tanh(source), Some(&[1]))));
    once("columns", &|source| compute(sum(&tanh(source), Some(&[0]))));
    once("another order", &|source| {
        let turned = Source { view: source.view.transpose(None).unwrap(), ..source.clone() };
        compute(Expr::map(Ufunc::Add, &[source.into(), turned.into()]).unwrap());
    });
    // The sum is a pass of its own.
    let two_passes = |source: Source| {
        let (whole, tanh) = (sum(&source.clone().into(), None), tanh(source));
        Job::new(&[sum(&Expr::map(Ufunc::Add, &[tanh, whole]).unwrap(), None)]).unwrap()
    };
    let twice = looks(&path, |source| drop(two_passes(source).compute(&Run::default()).unwrap()));
    assert_eq!(twice, 2 * one, "the page cache is another after a pass");
    // Nothing is read between the passes of a plan, which tells what is resident of all that each reads.
    let planned = looks(&path, |source| drop(two_passes(source).plan(None, &Run::default()).unwrap()));
    assert_eq!(planned, one + 2);
    fs::remove_file(&path).unwrap();
}
