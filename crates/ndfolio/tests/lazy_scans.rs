//! Running sums and products, and differences, in boxes that cut every axis.

mod common;

use std::sync::Arc;

use common::{Folder, Log};
use ndfolio::{
    Array, CreateOptions, FileKind, Io, IoEngine, Lazy, Order, Run, Session,
    ndarray::{ArrayD, Axis, IxDyn},
    slice,
};
use proptest::prelude::*;

/// Numbers whose sums have to be rounded in single precision.
fn numbers(shape: &[usize], seed: u32) -> ArrayD<f32> {
    let count = shape.iter().product::<usize>();
    let number = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed);
    let items = (0..count).map(|i| (number(i) >> 9) as f32 / 1e6 - 2.0).collect();
    ArrayD::from_shape_vec(IxDyn(shape), items).unwrap()
}

fn stored(folder: &Folder, items: &ArrayD<f32>, order: Order) -> Array {
    let options = CreateOptions::new("<f4".parse().unwrap(), items.shape()).order(order).kind(FileKind::Raw);
    let array = options.offset(3).create(folder.path("x.bin")).unwrap();
    array.write(.., items).unwrap();
    array
}

fn summed(items: &ArrayD<f32>, axis: usize) -> ArrayD<f32> {
    let mut sums = items.clone();
    sums.accumulate_axis_inplace(Axis(axis), |before, item| *item += before);
    sums
}

fn multiplied(items: &ArrayD<f32>, axis: usize) -> ArrayD<f32> {
    let mut products = items.clone();
    products.accumulate_axis_inplace(Axis(axis), |before, item| *item *= before);
    products
}

fn bits(items: &ArrayD<f32>) -> Vec<u32> {
    items.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect()
}

/// In memory where it fits, through a file, and in blocks.
fn check(lazy: &Lazy, want: &ArrayD<f32>, folder: &Folder, run: Run<'_>) -> Result<(), TestCaseError> {
    let saved = lazy.save(folder.path("y.npy"), run).unwrap().read::<f32>(..).unwrap();
    prop_assert_eq!(saved.shape(), want.shape());
    prop_assert_eq!(bits(&saved), bits(want));
    if let Ok(found) = lazy.compute(run) {
        prop_assert_eq!(bits(&found.to_array().unwrap()), bits(want));
    }
    let mut blocks = Vec::new();
    lazy.for_each_block(run, |block| {
        blocks.extend(block.bytes.chunks_exact(4).map(|item| f32::from_ne_bytes(item.try_into().unwrap())));
        Ok::<(), ndfolio::Error>(())
    })
    .unwrap();
    let blocks = ArrayD::from_shape_vec(want.raw_dim(), blocks).unwrap();
    prop_assert_eq!(bits(&blocks), bits(want));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn along_every_axis(
        shape in prop::collection::vec(0_usize..30, 1..4), seed: u32, f: bool, budget in 0_usize..4, engine in 0_usize..4,
    ) {
        let folder = Folder::new();
        let place = folder.path("");
        let items = numbers(&shape, seed);
        let array = stored(&folder, &items, if f { Order::F } else { Order::C });
        let io = IoEngine::ALL.get(engine).map_or(Io::Auto, |engine| Io::Force(*engine));
        // The sums of a large plane beside the axis have to fit.
        let least = 2 * 4 * shape.iter().product::<usize>();
        let memory = [1, 20_000, 100_000, 64 << 20][budget].max(least);
        let run = Run::default().memory(memory).io(io).scratch(&place);
        let x = array.lazy();
        for axis in 0..shape.len() {
            let own = axis as isize;
            check(&x.cumsum(own), &summed(&items, axis), &folder, run)?;
            check(&x.cumprod(own - shape.len() as isize), &multiplied(&items, axis), &folder, run)?;
            let turned = summed(&items.clone().reversed_axes(), shape.len() - 1 - axis);
            check(&x.transpose(None).cumsum(shape.len() as isize - 1 - own), &turned, &folder, run)?;
            // Inside of others, and of each other.
            let mut back = vec![(..).into(); shape.len()];
            back[axis] = slice(None, None, -1).into();
            let mut want = summed(&items, axis);
            want.invert_axis(Axis(axis));
            check(&(x.cumsum(own).slice(back) - &x), &(want - &items), &folder, run)?;
            check(&(x.cumsum(own) + 1).cumsum(0), &summed(&summed(&items, axis).mapv(|x| x + 1.0), 0), &folder, run)?;
            let mut want = items.clone();
            for n in 0..4 {
                check(&x.diff(n, own), &want, &folder, run)?;
                let len = want.len_of(Axis(axis));
                let part = |from, to| want.slice_axis(Axis(axis), ndfolio::ndarray::Slice::from(from..to)).to_owned();
                want = if len > 1 { part(1, len) - part(0, len - 1) } else { part(0, 0) };
            }
        }
        prop_assert_eq!(folder.names(), ["x.bin", "y.npy"]);
    }
}

#[test]
fn on_several_threads_through_scratch_files() {
    let folder = Folder::new();
    let items = numbers(&[1200, 1500], 7);
    let array = stored(&folder, &items, Order::C);
    for (axis, threads, memory) in [(0, 4, "1MiB"), (1, 4, "1MiB"), (0, 3, "8MiB"), (1, 2, "64MiB")] {
        let log = Log::new(u64::MAX);
        let session = Session::new().threads(threads).memory(memory.parse().unwrap());
        let session = session.scratch(folder.path("")).observe(Arc::clone(&log) as _);
        let sums = array.lazy().cumsum(axis as isize);
        let back = sums.slice((slice(None, None, -1), slice(None, None, -1))) - array.lazy();
        let saved = back.save(folder.path("y.npy"), &session).unwrap();
        let report = log.take();
        // The sums first, then the whole.
        let scratch = memory != "64MiB";
        assert_eq!(report.passes, 2);
        assert_eq!(report.bytes_written, (1 + u64::from(scratch)) * 4 * 1200 * 1500);
        let mut want = summed(&items, axis);
        want.invert_axis(Axis(0));
        want.invert_axis(Axis(1));
        assert!(bits(&saved.read(..).unwrap()) == bits(&(want - &items)), "{axis} {threads} {memory}");
        assert_eq!(folder.names(), ["x.bin", "y.npy"]);
    }
}

#[test]
fn whole_numbers_wrap_around_and_narrow_ones_are_widened() {
    let small = Lazy::from(ndfolio::ndarray::arr1(&[100_i8, 100, -1]));
    let sums = small.cumsum(0).compute(Run::default()).unwrap();
    assert_eq!(sums.to_array::<i64>().unwrap().as_slice(), Some(&[100, 200, 199][..]));
    let large = Lazy::from(ndfolio::ndarray::arr1(&[i64::MAX, 1, 1]));
    let sums = large.cumsum(0).compute(Run::default()).unwrap();
    assert_eq!(sums.to_array::<i64>().unwrap().as_slice(), Some(&[i64::MAX, i64::MIN, i64::MIN + 1][..]));
    let truth = Lazy::from(ndfolio::ndarray::arr1(&[true, false, false, true]));
    let sums = truth.cumsum(0).compute(Run::default()).unwrap();
    assert_eq!(sums.to_array::<i64>().unwrap().as_slice(), Some(&[1, 1, 1, 2][..]));
    let changes = truth.diff(1, 0).compute(Run::default()).unwrap();
    assert_eq!(changes.to_array::<bool>().unwrap().as_slice(), Some(&[true, false, true][..]));
}

#[test]
fn many_differences_are_no_more_than_their_number() {
    let items: Vec<f64> = (0..60).map(|i| f64::from(i * i * i)).collect();
    let x = Lazy::from(ndfolio::ndarray::Array1::from(items));
    let third = x.diff(3, 0).compute(Run::default()).unwrap().to_array::<f64>().unwrap();
    assert!(third.len() == 57 && third.iter().all(|x| *x == 6.0));
    let fortieth = x.diff(40, 0).compute(Run::default()).unwrap().to_array::<f64>().unwrap();
    assert!(fortieth.len() == 20 && fortieth.iter().all(|x| *x == 0.0));
    assert_eq!(x.diff(100, 0).shape().unwrap(), [0]);
    assert!(x.diff(1, 1).shape().is_err() && Lazy::from(1.0).diff(1, 0).shape().is_err());
}
