//! Weighted averages against naive ones, however they are run.

mod common;

use common::{Case, Folder, cases, rows};
use ndfolio::{Array, Io, IoEngine, Reduced, Run, Value, ndarray};
use proptest::prelude::*;

/// Averages item by item, with weights of the array's shape.
fn naive(array: &Array, weights: &Array, axes: &[isize]) -> Vec<f64> {
    let average = |(items, weights): (Vec<f64>, Vec<f64>)| {
        let sum: f64 = items.iter().zip(&weights).map(|(x, weight)| x * weight).sum();
        sum / weights.iter().sum::<f64>()
    };
    rows(array, axes).into_iter().zip(rows(weights, axes)).map(average).collect()
}

fn runs() -> Vec<Run<'static>> {
    let mut runs = vec![Run::default().threads(1), Run::default().threads(3).memory(64 << 10)];
    for engine in [IoEngine::Mmap, IoEngine::Pread, IoEngine::Direct] {
        runs.push(Run::default().threads(2).memory(1 << 20).io(Io::Force(engine)));
    }
    runs
}

fn bits(reduced: &Reduced) -> String {
    format!("{:?} {:?} {:?}", reduced.dtype(), reduced.shape(), reduced.values())
}

fn check(case: &Case, mask: usize) -> Result<(), TestCaseError> {
    let folder = Folder::new();
    let part = case.part(&case.make(&folder.path("a.bin")));
    let axes: Vec<isize> = (0..part.ndim() as isize).filter(|a| mask >> a & 1 == 1).collect();
    // The same file backwards: weights of every layout beside items of every layout.
    let all: Vec<ndfolio::Index> = (0..part.ndim()).map(|_| ndfolio::slice(None, None, -1).into()).collect();
    let weights = part.slice(all).unwrap();
    let wanted = naive(&part, &weights, &axes);
    let first = part.reduction().axes(&axes).average(&weights);
    if wanted.iter().any(|x| x.is_nan()) {
        prop_assert!(first.is_err());
        return Ok(());
    }
    let first = first.unwrap();
    for (value, wanted) in first.average.values().iter().zip(&wanted) {
        let value = value.as_f64().unwrap();
        prop_assert!((value - wanted).abs() < 1e-5, "{} {}", value, wanted);
    }
    prop_assert_eq!(first.average.values().len(), wanted.len());
    for run in runs() {
        let again = part.reduction().axes(&axes).run(run).average(&weights).unwrap();
        prop_assert_eq!(bits(&again.average), bits(&first.average));
        prop_assert_eq!(bits(&again.weights), bits(&first.weights));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_layout_and_axes(case in cases(&["<f8", ">f4", "|u1", ">i8"]), mask in 0_usize..8) {
        check(&case, mask)?;
    }
}

#[test]
fn weights_in_memory_and_their_sum() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &ndarray::arr2(&[[1_i32, 2, 3], [4, 5, 9]])).unwrap();
    let array = ndfolio::open(&path).unwrap();
    let found = array.reduction().axis(0).keepdims().average(&[1.0, 3.0][..]).unwrap();
    assert_eq!(found.average.shape(), [1, 3]);
    assert_eq!(
        found.average.to_array::<f64>().unwrap().iter().copied().collect::<Vec<_>>(),
        [3.25, 4.25, 7.5]
    );
    assert_eq!(found.weights.values(), vec![Value::Float64(4.0); 3]);
    // Axes in their own order, weights of another type.
    let turned =
        array.reduction().axes(&[1, 0]).average(ndarray::arr2(&[[1_u8, 0], [0, 0], [0, 1]])).unwrap();
    assert_eq!(turned.average.value(), Value::Float64(5.0));
    let error = |weights: &[f64]| array.reduction().axis(1).average(weights).unwrap_err().to_string();
    assert!(error(&[1.0, -1.0, 0.0]).contains("Weights sum to zero, can't be normalized"));
    assert!(error(&[1.0]).contains("the array has shape [2, 3], the weights [1]"));
}
