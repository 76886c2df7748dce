//! Reductions against naive ones, however they are run.

mod common;

use common::{Case, Folder, cases, rows};
use ndfolio::{Io, IoEngine, Op, Reduced, Run, Value};
use proptest::prelude::*;

const OPS: [Op; 14] = [
    Op::Sum,
    Op::Prod,
    Op::Mean,
    Op::Var { ddof: 1.0 },
    Op::Std { ddof: 0.0 },
    Op::Min,
    Op::Max,
    Op::Ptp,
    Op::ArgMin,
    Op::ArgMax,
    Op::Any,
    Op::All,
    Op::CountNonzero,
    Op::Norm,
];

/// Threads, memory and ways of reading that must change no bit.
fn runs() -> Vec<Run<'static>> {
    let mut runs = vec![Run::default(), Run::default().threads(1), Run::default().threads(3).memory(3 << 20)];
    for engine in [IoEngine::Mmap, IoEngine::Pread, IoEngine::Direct] {
        runs.push(Run::default().threads(2).io(Io::Force(engine)));
    }
    runs
}

fn naive(op: Op, row: &[f64]) -> f64 {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let var = |ddof: f64| row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - ddof).max(0.0);
    let (min, max) = (
        row.iter().copied().fold(f64::INFINITY, f64::min),
        row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    let place = |wanted: f64| row.iter().position(|x| *x == wanted).unwrap() as f64;
    let truth = |b: bool| f64::from(u8::from(b));
    match op {
        Op::Sum => row.iter().sum(),
        Op::Prod => row.iter().product(),
        Op::Mean => mean,
        Op::Var { ddof } => var(ddof),
        Op::Std { ddof } => var(ddof).sqrt(),
        Op::Min => min,
        Op::Max => max,
        Op::Ptp => max - min,
        Op::ArgMin => place(min),
        Op::ArgMax => place(max),
        Op::Any => truth(row.iter().any(|x| *x != 0.0)),
        Op::All => truth(row.iter().all(|x| *x != 0.0)),
        Op::CountNonzero => row.iter().filter(|x| **x != 0.0).count() as f64,
        Op::Norm => row.iter().map(|x| x * x).sum::<f64>().sqrt(),
    }
}

fn bits(results: &[Reduced]) -> Vec<String> {
    results.iter().map(|r| format!("{:?} {:?} {:?}", r.dtype(), r.shape(), r.values())).collect()
}

fn close(got: &Value, want: f64) -> bool {
    let got = got.as_f64().unwrap();
    got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= 1e-6 * want.abs().max(1.0)
}

fn check(case: &Case, mask: usize) -> Result<(), TestCaseError> {
    let folder = Folder::new();
    let part = case.part(&case.make(&folder.path("a.bin")));
    let axes: Vec<isize> = (0..part.ndim() as isize).filter(|a| mask >> a & 1 == 1).collect();
    let rows = rows(&part, &axes);
    let empty_rows = rows.iter().any(Vec::is_empty);
    // Products of many numbers leave the range in which naive ones are exact.
    let ops: Vec<Op> = OPS
        .into_iter()
        .filter(|op| !empty_rows || !matches!(op, Op::Min | Op::Max | Op::Ptp | Op::ArgMin | Op::ArgMax))
        .filter(|op| rows.iter().all(|row| row.len() < 5) || *op != Op::Prod)
        .collect();
    let first = part.reduction().axes(&axes).compute(&ops).unwrap();
    for (reduced, op) in first.iter().zip(&ops) {
        let values = reduced.values();
        prop_assert_eq!(values.len(), rows.len());
        for (value, row) in values.iter().zip(&rows) {
            prop_assert!(close(value, naive(*op, row)), "{:?} of {:?}: {}", op, row, value);
        }
    }
    for run in runs() {
        prop_assert_eq!(bits(&part.reduction().axes(&axes).run(run).compute(&ops).unwrap()), bits(&first));
        // One by one is the same as together.
        let alone = part.reduction().axes(&axes).run(run).compute(&ops[..1]).unwrap();
        prop_assert_eq!(&bits(&alone)[0], &bits(&first)[0]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_layout_and_axes(case in cases(&["<f8", ">f4", "|i1", "<u2", ">i8"]), mask in 0_usize..8) {
        check(&case, mask)?;
    }
}

/// Arrays of several boxes, groups and pieces: how they are cut shows here.
#[test]
fn large_arrays_in_every_way() {
    let folder = Folder::new();
    let items = ndarray::Array3::from_shape_fn((37, 301, 113), |(i, j, k)| {
        ((i * 7919 + j * 104_729 + k * 31) % 1999) as f32 / 8.0 - 60.0
    });
    let c = folder.path("c.npy");
    ndfolio::save(&c, &items).unwrap();
    let f = folder.path("f.npy");
    ndfolio::save(&f, &items.t()).unwrap();
    let (c, f) = (ndfolio::open(&c).unwrap(), ndfolio::open(&f).unwrap().transpose(None).unwrap());
    let ops = [
        Op::Sum,
        Op::Mean,
        Op::Var { ddof: 0.0 },
        Op::Min,
        Op::Max,
        Op::ArgMin,
        Op::ArgMax,
        Op::CountNonzero,
    ];
    for mask in 1..8_usize {
        let axes: Vec<isize> = (0..3).filter(|a| mask >> a & 1 == 1).collect();
        let rows = rows(&c, &axes);
        for array in [&c, &f] {
            let first = array.reduction().axes(&axes).compute(&ops).unwrap();
            for (reduced, op) in first.iter().zip(&ops) {
                for (value, row) in reduced.values().iter().zip(&rows) {
                    assert!(close(value, naive(*op, row)), "{op:?} along {axes:?}: {value}");
                }
            }
            for run in runs() {
                let again = array.reduction().axes(&axes).run(run).compute(&ops).unwrap();
                assert_eq!(bits(&again), bits(&first), "along {axes:?}");
            }
        }
    }
}

/// Few columns, short rows, columns of few rows: each has a way of its own. Zeros have signs, and the first counts.
#[test]
fn many_results_of_few_items() {
    let folder = Folder::new();
    let shapes: [&[usize]; 7] = [
        &[100_003, 3],
        &[3, 40_000, 5],
        &[30_000, 1, 2],
        &[400, 130, 3],
        &[20_000, 17],
        &[900, 4, 33],
        &[700, 65],
    ];
    for (number, shape) in shapes.into_iter().enumerate() {
        let count: usize = shape.iter().product();
        let items: Vec<f32> = (0..count)
            .map(|i| match (i * 7919 + i / 31) % 23 {
                0 => -0.0,
                1..9 => 0.0,
                x => x as f32 / 8.0,
            })
            .map(|x| if number % 2 == 0 { x } else { -x })
            .collect();
        let path = folder.path("few.npy");
        ndfolio::save(&path, &ndarray::ArrayD::from_shape_vec(shape, items).unwrap()).unwrap();
        let array = ndfolio::open(&path).unwrap();
        let ops = [Op::Sum, Op::Std { ddof: 1.0 }, Op::Min, Op::Max, Op::ArgMin, Op::ArgMax, Op::Norm];
        for mask in 1..1_usize << shape.len() {
            let axes: Vec<isize> = (0..shape.len() as isize).filter(|a| mask >> a & 1 == 1).collect();
            let rows = rows(&array, &axes);
            let first = array.reduction().axes(&axes).compute(&ops).unwrap();
            for (reduced, op) in first.iter().zip(&ops) {
                for (value, row) in reduced.values().iter().zip(&rows) {
                    let want = naive(*op, row);
                    assert!(close(value, want), "{op:?} along {axes:?} of {shape:?}: {value}, not {want}");
                    if want == 0.0 && matches!(op, Op::Min | Op::Max) {
                        let zero = row.iter().find(|x| **x == 0.0).unwrap();
                        let sign = value.as_f64().unwrap().is_sign_negative();
                        assert_eq!(sign, zero.is_sign_negative(), "{op:?} along {axes:?} of {shape:?}");
                    }
                }
            }
            for run in runs() {
                let again = array.reduction().axes(&axes).run(run).compute(&ops).unwrap();
                assert_eq!(bits(&again), bits(&first), "along {axes:?} of {shape:?}");
                for (op, together) in ops.iter().zip(&first) {
                    let alone = array.reduction().axes(&axes).run(run).compute(&[*op]).unwrap();
                    assert_eq!(bits(&alone), bits(std::slice::from_ref(together)), "{op:?} alone");
                }
            }
        }
    }
}

#[test]
fn errors_are_numpys() {
    let folder = Folder::new();
    let empty = ndfolio::create(folder.path("e.npy"), "<f4".parse().unwrap(), &[0, 3]).unwrap();
    assert_eq!(empty.sum().unwrap().as_f64(), Some(0.0));
    assert_eq!(empty.reduction().axis(1).max().unwrap().shape(), [0]);
    let error = |result: Result<Value, ndfolio::Error>| result.unwrap_err().to_string();
    assert!(
        error(empty.min()).contains("zero-size array to reduction operation minimum which has no identity")
    );
    assert!(error(empty.argmax()).contains("attempt to get argmax of an empty sequence"));
    assert!(empty.reduction().axis(0).min().is_err());
    let text = empty.reduction().axis(2).sum().unwrap_err().to_string();
    assert!(text.contains("axis 2 is out of bounds for array of dimension 2"), "{text}");
    assert!(empty.reduction().axes(&[0, 0]).sum().is_err());
    let words = ndfolio::create(folder.path("w.npy"), "S4".parse().unwrap(), &[3]).unwrap();
    assert!(error(words.sum()).contains("'|S4'"));
    let kept = empty.reduction().axis(0).keepdims().sum().unwrap();
    assert_eq!((kept.shape(), kept.values().len()), (&[1, 3][..], 3));
}
