//! Items written to the places that indices pick, against writes one by one.

mod common;

use common::{Case, Folder, Log, cases, one_by_one};
use ndarray::{ArrayD, IxDyn, array};
use ndfolio::{
    Array, Casting, CreateOptions, IndexMode, Indices, Mode, OpenOptions, Session, Size, Value, checksum,
    verify,
};
use proptest::prelude::*;

fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    ((*state >> 33) as usize).checked_rem(below).unwrap_or(0)
}

/// What the items are once the values were written to places in C order, one after the other.
fn written(part: &Array, places: impl Iterator<Item = (usize, f64)>) -> Vec<Value> {
    let mut items = one_by_one(part);
    for (place, value) in places {
        items[place] = match items[place] {
            Value::Float32(_) => Value::Float32(value as f32),
            _ => Value::Float64(value),
        };
    }
    items
}

fn numbers(items: &[Value]) -> Vec<f64> {
    items.iter().map(|item| item.as_f64().unwrap()).collect()
}

/// Writes `items` through `write`, looks at what is there, puts the old items back, and looks at the file's bytes.
fn check(case: &Case, part: &Array, path: &std::path::Path, wanted: &[Value], write: impl FnOnce()) {
    let (before, old) = (std::fs::read(path).unwrap(), one_by_one(part));
    write();
    assert_eq!(numbers(&one_by_one(part)), numbers(wanted), "{case:?}");
    part.assign(part.shape(), &old, Session::new().run()).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), before, "bytes that nobody wrote to: {case:?}");
}

#[test]
fn short_runs_and_long_lists_of_picks_stay_within_the_memory() {
    const MEMORY: usize = 1 << 20;
    let folder = Folder::new();
    let path = folder.path("x.npy");
    CreateOptions::new("|u1".parse().unwrap(), &[2000, 4000]).create(&path).unwrap().close().unwrap();
    let x = OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap();
    // Each second byte is a run of its own; items one by one, and whole rows of them.
    let columns = x.slice((.., ndfolio::slice(None, None, 2))).unwrap();
    let flat = columns.slice((.., 0)).unwrap();
    let log = Log::new(u64::MAX);
    let session = Session::new().memory(Size::from(MEMORY)).observe(log.clone());
    let rows: Vec<i64> = (0..100).map(|i| i * 3 % 100).collect();
    columns.take(&rows, Some(0)).unwrap().run(&session).fill(7).unwrap();
    let all: Vec<i64> = (0..200_000).map(|i| i * 7 % 2000).collect();
    flat.take(&all, Some(0)).unwrap().run(&session).fill(9).unwrap();
    for report in log.reports.lock().unwrap().iter() {
        assert!(report.io.buffer_bytes <= MEMORY as u64, "{}", report.io.buffer_bytes);
    }
    assert_eq!(
        (x.get(&[17, 2]).unwrap(), x.get(&[17, 3]).unwrap(), x.get(&[5, 0]).unwrap()),
        (Value::UInt(7), Value::UInt(0), Value::UInt(9))
    );
    // Items that are read to memory first leave the pass the rest of it.
    let items = folder.path("items.npy");
    ndfolio::save(&items, &ndarray::Array2::from_elem((60, 2000), 3_u8)).unwrap();
    log.reports.lock().unwrap().clear();
    let picks = columns.take(&rows[..60], Some(0)).unwrap().run(&session);
    picks.write_array(&ndfolio::open(&items).unwrap(), Casting::No, MEMORY).unwrap();
    let report = log.take();
    assert!(
        report.budget <= (MEMORY - 120_000) as u64 && report.io.buffer_bytes <= report.budget,
        "{report:?}"
    );
    assert_eq!(x.get(&[17, 2]).unwrap(), Value::UInt(3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_last_item_of_a_place_stays(
        case in cases(&["<f8", ">f8"]),
        axis in 0_usize..3,
        count in 0_usize..30,
        memory in prop::option::of(4096_usize..70_000),
        wide in any::<bool>(),
    ) {
        let folder = Folder::new();
        let path = folder.path("a.bin");
        let part = case.part(&case.make(&path));
        // Most cases have such an axis; the others have nothing to write.
        if axis >= part.ndim() || part.size() == 0 {
            return Ok(());
        }
        let mut state = case.seed;
        let shape = part.shape().to_vec();
        let indices: Vec<i64> =
            (0..count).map(|_| next(&mut state, 2 * shape[axis]) as i64 - shape[axis] as i64).collect();
        let mut picked = shape.clone();
        picked[axis] = count;
        // One item for each place, or one for each index.
        let mut given = picked.clone();
        if !wide {
            given.iter_mut().enumerate().filter(|(at, _)| *at != axis).for_each(|(_, n)| *n = 1);
        }
        let items = ArrayD::from_shape_fn(IxDyn(&given), |at| {
            given.iter().enumerate().fold(1000.0, |sum, (axis, _)| sum * 13.0 % 9973.0 + at[axis] as f64)
        });
        let spread = items.broadcast(IxDyn(&picked)).unwrap().to_owned();
        let places = spread.indexed_iter().map(|(at, &value)| {
            let place = (0..shape.len()).fold(0, |place, other| {
                let i = if other == axis { indices[at[axis]].rem_euclid(shape[axis] as i64) as usize } else { at[other] };
                place * shape[other] + i
            });
            (place, value)
        });
        let wanted = written(&part, places);
        let session = memory.map_or(Session::new(), |bytes| Session::new().memory(Size::from(bytes)));
        check(&case, &part, &path, &wanted, || {
            part.take(&indices, Some(axis as isize)).unwrap().run(&session).write(&items).unwrap();
        });
    }

    #[test]
    fn put_and_masks(case in cases(&["<f8", ">f8"]), count in 0_usize..30, items in 1_usize..6) {
        let folder = Folder::new();
        let path = folder.path("a.bin");
        let part = case.part(&case.make(&path));
        if part.size() == 0 {
            return Ok(());
        }
        let mut state = case.seed;
        let indices: Vec<i64> = (0..count).map(|_| next(&mut state, 5 * part.size()) as i64).collect();
        let values: Vec<f64> = (0..items).map(|i| 500.0 + i as f64).collect();
        let places = indices.iter().enumerate().map(|(at, &i)| (i as usize % part.size(), values[at % items]));
        let wanted = written(&part, places);
        check(&case, &part, &path, &wanted, || part.put(&indices, &values, IndexMode::Wrap).unwrap());

        let mask = ArrayD::from_shape_fn(IxDyn(part.shape()), |_| next(&mut state, 3) == 0);
        let places = mask.iter().enumerate().filter(|(_, set)| **set).map(|(place, _)| (place, -7.0));
        let wanted = written(&part, places);
        check(&case, &part, &path, &wanted, || {
            part.gather([Some(Indices::mask(&mask))]).unwrap().fill(-7.0).unwrap();
        });
        let count = mask.iter().filter(|set| **set).count();
        let each: Vec<f64> = (0..count).map(|i| 2000.0 + i as f64).collect();
        let places = mask.iter().enumerate().filter(|(_, set)| **set).map(|(place, _)| place);
        let wanted = written(&part, places.zip(each.iter().copied()));
        check(&case, &part, &path, &wanted, || {
            part.gather([Some(Indices::mask(&mask))]).unwrap().write(&ndarray::Array1::from(each)).unwrap();
        });
    }
}

#[test]
fn what_is_wrong_changes_nothing() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &ndarray::Array2::<f64>::zeros((10, 4))).unwrap();
    let before = std::fs::read(&path).unwrap();
    let array = OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap();
    let told = |result: ndfolio::Result<()>, words: &[&str]| {
        let error = result.unwrap_err().to_string();
        assert!(words.iter().chain(&["a.npy"]).all(|word| error.contains(word)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    };
    let rows = |indices: [i64; 2]| array.take(indices, Some(0)).unwrap();
    // The index that is wrong comes last, and nothing is written.
    told(rows([0, 10]).fill(1.0), &["index 10", "size 10"]);
    told(rows([0, 1]).write(&array![1.0, 2.0]), &["could not broadcast", "(2, 4)"]);
    told(rows([0, 1]).write(&array![1_i32]), &["<f8", "<i4"]);
    told(rows([0, 1]).fill("x"), &["cannot store", "<f8"]);
    told(array.put([40], &[1.0], IndexMode::Raise), &["index 40", "size 40"]);
    told(array.windows([0], 2).unwrap().fill(1.0), &["windows may overlap"]);
    let reader = ndfolio::open(&path).unwrap();
    told(reader.take([0], Some(0)).unwrap().fill(1.0), &["mode"]);
    array.put([40], &[] as &[f64], IndexMode::Raise).unwrap();
    array.take(Vec::new(), Some(0)).unwrap().fill(1.0).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn checksums_follow() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let options = CreateOptions::new("<f4".parse().unwrap(), &[5000, 300]);
    options.fill(1.0_f64).create(&path).unwrap().close().unwrap();
    checksum(&path, &Session::new()).unwrap();
    let array = OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap();
    array.take([4000, 3, 3, 1999], Some(0)).unwrap().write(&array![[1.5_f32], [2.5], [3.5], [4.5]]).unwrap();
    array.take([7], Some(1)).unwrap().fill(9.0_f64).unwrap();
    assert_eq!(array.get(&[3, 299]).unwrap(), Value::Float32(3.5));
    assert_eq!(array.get(&[3, 7]).unwrap(), Value::Float32(9.0));
    array.close().unwrap();
    assert!(verify(&path, &Session::new()).unwrap().differing.is_empty());
}

#[test]
fn items_of_fewer_axes_go_to_places_of_axes_of_one_item() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &ndarray::Array2::<f64>::zeros((3, 1))).unwrap();
    let array = OpenOptions::new().mode(Mode::ReadWrite).open(&path).unwrap();
    array.take([1], Some(0)).unwrap().write(&ndarray::arr0(5.0)).unwrap();
    array.take([2], Some(0)).unwrap().write(&array![7.0]).unwrap();
    assert_eq!(array.read::<f64>(..).unwrap().into_raw_vec_and_offset().0, [0.0, 5.0, 7.0]);
}

#[test]
fn a_row_goes_to_one_place_or_to_many() {
    let folder = Folder::new();
    let options = CreateOptions::new("<i4".parse().unwrap(), &[5, 3]);
    let array = options.create(folder.path("a.npy")).unwrap();
    array.take([3], Some(0)).unwrap().write(&array![1, 2, 3]).unwrap();
    array.take([1, 0], Some(0)).unwrap().write(&array![7, 8, 9]).unwrap();
    let wanted = array![[7, 8, 9], [7, 8, 9], [0, 0, 0], [1, 2, 3], [0, 0, 0]];
    assert_eq!(array.read::<i32>(..).unwrap(), wanted.into_dyn());
}

#[test]
fn items_of_another_array_are_cast() {
    let folder = Folder::new();
    let options = CreateOptions::new(">f4".parse().unwrap(), &[4, 2]);
    let array = options.create(folder.path("a.npy")).unwrap();
    ndfolio::save(folder.path("values.npy"), &array![[1_i16, 2], [3, 4]]).unwrap();
    let values = ndfolio::open(folder.path("values.npy")).unwrap();
    array.take([3, 0], Some(0)).unwrap().write_array(&values, Casting::Safe, 1 << 20).unwrap();
    let wanted = array![[3_f32, 4.0], [0.0, 0.0], [0.0, 0.0], [1.0, 2.0]];
    assert_eq!(array.read::<f32>(..).unwrap(), wanted.into_dyn());
    let picks = array.take([3, 0], Some(0)).unwrap();
    assert!(picks.write_array(&values, Casting::No, 1 << 20).is_err());
    let error = picks.write_array(&values, Casting::Safe, 47).unwrap_err().to_string();
    assert!(error.contains("48 bytes") && error.contains("values.npy"), "{error}");
}
