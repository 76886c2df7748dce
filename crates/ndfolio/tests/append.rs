//! Rows that are appended, removed, inserted: against a list of rows in memory, and what others see of it.

mod common;

use std::{
    fs,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use common::Folder;
use ndarray::{Array2, ArrayD, Axis, arr1, arr2};
use ndfolio::{
    AppendOptions, Appender, Array, CreateOptions, Error, FileKind, Lock, Memmap, Mode, OpenOptions, Order,
    Run, StoreError, Synced,
};
use proptest::prelude::*;

fn writable() -> OpenOptions {
    OpenOptions::new().mode(Mode::ReadWrite)
}

fn is_locked<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(Error::Store(StoreError::Locked { .. })) => true,
        Err(error) => panic!("{error}"),
    }
}

/// Rows of three items that are told apart by their numbers.
fn rows(numbers: std::ops::Range<i64>) -> Array2<f64> {
    Array2::from_shape_fn(((numbers.end - numbers.start) as usize, 3), |(i, j)| {
        (numbers.start + i as i64) as f64 + j as f64 / 10.0
    })
}

#[test]
fn rows_of_numpys_file_are_counted_after_one_copy() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &rows(0..4)).unwrap();
    let mut array = writable().open(&path).unwrap();
    let first = array.file_id();
    array.append(&rows(4..6)).unwrap();
    let second = array.file_id();
    array.append(&rows(6..7)).unwrap();
    assert!(first != second && second == array.file_id());
    assert_eq!(array.read::<f64>(..).unwrap(), rows(0..7).into_dyn());
    // It is locked as it was before.
    assert!(is_locked(writable().open(&path)));
    array.set(&[6, 0], 9.0).unwrap();
    array.close().unwrap();
    assert_eq!(ndfolio::open(&path).unwrap().get(&[6, 0]).unwrap().to_string(), "9.0");
    assert_eq!(folder.names(), ["a.npy"]);
}

#[test]
fn what_is_appended_is_cast_by_the_rule_same_kind() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    for dtype in ["<f4", ">f4", ">f8", "<c16"] {
        let _ = fs::remove_file(&path);
        let mut array = CreateOptions::new(dtype.parse().unwrap(), &[0, 3]).growable().create(&path).unwrap();
        array.append(&rows(0..2)).unwrap();
        array.append_lazy(arr2(&[[1_i16, 2, 3]]), Run::default()).unwrap();
        array.append(&arr1(&[0.5_f32, 1.5, 2.5])).unwrap();
        let back = array.read_as::<f64>(.., ndfolio::Casting::Unsafe).unwrap();
        let expected = ndarray::concatenate![
            Axis(0),
            rows(0..2).mapv(|x| f64::from(x as f32)),
            arr2(&[[1.0, 2.0, 3.0], [0.5, 1.5, 2.5]])
        ];
        let close = (&back - &expected.into_dyn()).iter().all(|x| x.abs() < 1e-6);
        assert!(close, "{dtype}: {back}");
    }
    let mut array =
        CreateOptions::new("<i4".parse().unwrap(), &[0, 3]).growable().create(folder.path("i.npy")).unwrap();
    for error in
        [array.append(&rows(0..2)).unwrap_err(), array.append_lazy(rows(0..2), Run::default()).unwrap_err()]
    {
        assert!(error.to_string().contains("same_kind"), "{error}");
    }
    assert_eq!(array.shape(), [0, 3]);
}

#[test]
fn rows_of_another_shape_are_refused_with_the_shape_that_is_expected() {
    let folder = Folder::new();
    for (order, shape, expected) in [(Order::C, [0, 3], "(n, 3)"), (Order::F, [3, 0], "(3, n)")] {
        let path = folder.path(&format!("{order}.npy"));
        let options = CreateOptions::new("<f8".parse().unwrap(), &shape).order(order);
        let mut array = options.growable().create(&path).unwrap();
        let error = array.append(&arr2(&[[1.0, 2.0], [3.0, 4.0]])).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("(2, 2)"), "{error}");
        array.append(&arr1(&[1.0, 2.0, 3.0])).unwrap();
        assert_eq!(array.size(), 3);
    }
    let bytes = {
        let mut appender = Appender::open(folder.path("C.npy")).unwrap();
        appender.append_bytes(&[0; 48]).unwrap();
        let error = appender.append_bytes(&[0; 25]).unwrap_err().to_string();
        assert!(error.contains("25 bytes") && error.contains("24 bytes"), "{error}");
        appender.close().unwrap();
        ndfolio::open(folder.path("C.npy")).unwrap().shape().to_vec()
    };
    assert_eq!(bytes, [3, 3]);
}

#[test]
fn what_cannot_grow_says_why() {
    let folder = Folder::new();
    let message = |array: &mut Array| array.append(&arr1(&[1.0])).unwrap_err().to_string();
    let raw = folder.path("a.bin");
    let mut array = ndfolio::create(&raw, "<f8".parse().unwrap(), &[2]).unwrap();
    assert!(message(&mut array).contains("raw"));
    let path = folder.path("a.npy");
    let array = ndfolio::create(&path, "<f8".parse().unwrap(), &[4]).unwrap();
    let mut part = array.slice(0..2).unwrap();
    assert!(message(&mut part).contains("selection"));
    drop((array, part));
    assert!(message(&mut ndfolio::open(&path).unwrap()).contains("'r+'"));
    assert!(message(&mut OpenOptions::new().mode(Mode::CopyOnWrite).open(&path).unwrap()).contains("'r+'"));
    let single = folder.path("s.npy");
    let mut array = ndfolio::create(&single, "<f8".parse().unwrap(), &[]).unwrap();
    assert!(message(&mut array).contains("no axes"));
    let error = CreateOptions::new("<f8".parse().unwrap(), &[2]).kind(FileKind::Raw).growable();
    assert!(error.create(folder.path("b.bin")).unwrap_err().to_string().contains("raw"));
}

#[test]
fn a_batch_is_counted_as_one() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable().create(&path).unwrap().close().unwrap();
    let mut reader = ndfolio::open(&path).unwrap();
    let mut appender = Appender::open(&path).unwrap();
    appender.append(&rows(0..2)).unwrap();
    appender.append_lazy(rows(2..5), Run::default()).unwrap();
    assert_eq!((appender.rows(), appender.pending(), reader.refresh().unwrap()), (0, 5, 0));
    // Who opens it now sees nothing of it either, and does not mind when it goes.
    let between = ndfolio::open(&path).unwrap();
    appender.rollback().unwrap();
    appender.append(&rows(0..1)).unwrap();
    appender.commit().unwrap();
    assert_eq!((appender.rows(), appender.pending(), reader.refresh().unwrap()), (1, 0, 1));
    drop(appender);
    assert_eq!(between.shape(), [0, 3]);
    assert_eq!(reader.read::<f64>(..).unwrap(), rows(0..1).into_dyn());
    reader.flush().unwrap();
    // Dropping one counts what it has.
    let mut appender = AppendOptions::new().durability(Synced::None).open(&path).unwrap();
    appender.append(&rows(1..3)).unwrap();
    drop(appender);
    assert_eq!(reader.refresh().unwrap(), 3);
    assert_eq!(reader.read::<f64>(..).unwrap(), rows(0..3).into_dyn());
}

#[test]
fn rows_that_are_lost_when_an_appender_is_dropped_are_told() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable().create(&path).unwrap().close().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    let options = AppendOptions::new().on_lost(move |error| into.lock().unwrap().push(error.to_string()));
    let mut appender = options.open(&path).unwrap();
    appender.append(&rows(0..2)).unwrap();
    fs::rename(&path, folder.path("b.npy")).unwrap();
    drop(appender);
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("replaced or removed"), "{told:?}");
    assert_eq!(ndfolio::open(folder.path("b.npy")).unwrap().shape(), [0, 3]);
}

#[test]
fn who_has_the_open_file_hears_of_rows_that_a_dropped_appender_lost() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let options = CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable();
    let mut array = options.create(&path).unwrap();
    let mut appender = array.appender(&AppendOptions::new()).unwrap();
    appender.append(&rows(0..2)).unwrap();
    fs::rename(&path, folder.path("b.npy")).unwrap();
    drop(appender);
    fs::rename(folder.path("b.npy"), &path).unwrap();
    for error in [
        array.flush().unwrap_err(),
        array.refresh().unwrap_err(),
        array.append(&rows(2..3)).unwrap_err(),
        array.close().unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("2 rows") && text.contains("are lost"), "{text}");
    }
    // The file is what it was, and whoever opens it again can go on.
    let mut array = writable().open(&path).unwrap();
    array.append(&rows(2..3)).unwrap();
    assert_eq!(array.read::<f64>(..).unwrap(), rows(2..3).into_dyn());
}

#[test]
fn waiting_for_somebody_who_writes_can_be_cancelled() {
    struct Stop(std::time::Instant);
    impl ndfolio::Observer for Stop {
        fn advance(&self, _: u64) {}
        fn cancelled(&self) -> bool {
            self.0.elapsed() > Duration::from_millis(60)
        }
    }
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let mut array = CreateOptions::new("<f8".parse().unwrap(), &[4, 3]).growable().create(&path).unwrap();
    let _appending = Appender::open(&path).unwrap();
    let long = Duration::from_secs(60);
    let check = |act: &mut dyn FnMut(Run<'_>) -> Result<(), Error>| {
        let stop = Stop(std::time::Instant::now());
        let error = act(Run::default().observe(&stop)).unwrap_err();
        assert!(matches!(error, Error::Engine { .. }), "{error}");
        assert!(stop.0.elapsed() < Duration::from_secs(5), "{:?}", stop.0.elapsed());
    };
    check(&mut |run| writable().wait(long).open_run(&path, run).map(drop));
    check(&mut |run| writable().wait(long).rows(1..2).open_run(&path, run).map(drop));
    check(&mut |run| AppendOptions::new().wait(long).open_run(&path, run).map(drop));
    drop(array);
    array = writable().wait(long).open(&path).unwrap();
    check(&mut |run| array.resize(5, run));
    check(&mut |run| array.resize(1, run));
    check(&mut |run| array.compact(run));
    check(&mut |run| array.append_lazy(rows(0..1), run));
    assert_eq!(array.shape(), [4, 3]);
}

#[test]
fn one_appends_at_a_time() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let mut array = CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable().create(&path).unwrap();
    let first = Appender::open(&path).unwrap();
    assert!(is_locked(Appender::open(&path)));
    assert!(is_locked(array.append(&rows(0..1))));
    assert!(is_locked(array.truncate_rows(0)) && is_locked(array.compact(Run::default())));
    let waiting = AppendOptions::new().wait(Duration::from_secs(20));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut second = waiting.open(&path)?;
            second.append(&rows(1..2))?;
            second.close()
        });
        let mut first = first;
        first.append(&rows(0..1)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        first.close().unwrap();
        second.join().unwrap().unwrap();
    });
    assert_eq!(array.refresh().unwrap(), 2);
    assert_eq!(array.read::<f64>(..).unwrap(), rows(0..2).into_dyn());
}

#[test]
fn writers_of_everything_and_of_rows() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &rows(0..10)).unwrap();
    let everything = writable().open(&path).unwrap();
    assert!(is_locked(writable().open(&path)));
    assert!(is_locked(writable().rows(2..3).open(&path)));
    assert!(is_locked(writable().lock(Lock::Require).wait(Duration::from_millis(30)).open(&path)));
    writable().lock(Lock::Off).open(&path).unwrap();
    // As NumPy's, these see to themselves; and readers are never kept out.
    Memmap::<f64>::open_with(&path, &writable()).unwrap().set(&[0, 0], 5.0).unwrap();
    assert!(is_locked(Memmap::<f64>::open_with(&path, &writable().lock(Lock::Auto))));
    assert_eq!(ndfolio::open(&path).unwrap().get(&[0, 0]).unwrap().to_string(), "5.0");
    drop(everything);

    let (one, two) =
        (writable().rows(0..5).open(&path).unwrap(), writable().rows(5..10).open(&path).unwrap());
    one.set(&[4, 2], 1.0).unwrap();
    two.slice(5..10).unwrap().fill(2.0).unwrap();
    for error in [
        one.set(&[5, 0], 1.0).unwrap_err(),
        two.slice((.., 1)).unwrap().fill(1.0).unwrap_err(),
        two.fill(3.0).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Store(StoreError::NotOwn { .. })), "{error}");
    }
    assert!(is_locked(writable().open(&path)));
    assert!(is_locked(writable().rows(4..6).open(&path)));
    assert_eq!(two.read::<f64>(..).unwrap().sum(), 15.0 * 2.0 + rows(0..5).sum() + 5.0 - 4.2 + 1.0);
    drop(one);
    writable().rows(0..5).open(&path).unwrap();
    let error = writable().rows(5..11).open(&path).unwrap_err().to_string();
    assert!(error.contains("5..11") && error.contains("[10, 3]"), "{error}");
}

#[test]
fn a_file_that_is_new_is_locked_too() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let array = ndfolio::create(&path, "<f8".parse().unwrap(), &[3]).unwrap();
    assert!(is_locked(writable().open(&path)));
    drop(array);
    let array =
        CreateOptions::new("<f8".parse().unwrap(), &[3]).lock(Lock::Off).existing(ndfolio::Existing::Replace);
    let _array = array.create(&path).unwrap();
    writable().open(&path).unwrap();
}

#[test]
fn a_reader_follows_what_was_put_in_the_place_of_its_file() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &rows(0..4)).unwrap();
    let mut reader = ndfolio::open(&path).unwrap();
    let (old, part) = (reader.clone(), reader.slice(1..3).unwrap());
    let mut writer = writable().open(&path).unwrap();
    writer.delete_rows(1..3, Run::default()).unwrap();
    writer.insert_rows(1, rows(7..9), Run::default()).unwrap();
    assert_eq!(reader.read::<f64>(..).unwrap(), rows(0..4).into_dyn());
    assert_eq!(reader.refresh().unwrap(), 4);
    let expected = ndarray::concatenate![Axis(0), rows(0..1), rows(7..9), rows(3..4)];
    assert_eq!(reader.read::<f64>(..).unwrap(), expected.into_dyn());
    assert_eq!(old.read::<f64>(..).unwrap(), rows(0..4).into_dyn());
    assert_eq!(part.read::<f64>(..).unwrap(), rows(1..3).into_dyn());
    // Rows of another kind are not taken for its own.
    drop(writer);
    ndfolio::save(&path, &arr1(&[1.0_f64])).unwrap();
    let error = reader.refresh().unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Replaced { .. })), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(reader.refresh().is_err());
}

#[test]
fn fewer_rows_are_counted_and_none_is_cut_off_under_a_reader() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    let mut array = CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable().create(&path).unwrap();
    array.append(&rows(0..100)).unwrap();
    let mapped = Memmap::<f64>::open(&path).unwrap();
    let len = fs::metadata(&path).unwrap().len();
    array.truncate_rows(10).unwrap();
    assert_eq!((array.shape(), fs::metadata(&path).unwrap().len()), (&[10, 3][..], len));
    assert_eq!(mapped.read(..).unwrap(), rows(0..100).into_dyn());
    mapped.check().unwrap();
    assert_eq!(ndfolio::load::<f64>(&path).unwrap(), rows(0..10).into_dyn());
    // What lies behind is no zeros, and rows of zeros are.
    array.resize(20, Run::default()).unwrap();
    let back = array.read::<f64>(..).unwrap();
    assert!(back.slice(ndarray::s![10.., ..]).iter().all(|&x| x == 0.0));
    assert_eq!(back.sum(), rows(0..10).sum());
    array.resize(3, Run::default()).unwrap();
    array.compact(Run::default()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 128 + 3 * 24);
    assert_eq!(ndfolio::load::<f64>(&path).unwrap(), rows(0..3).into_dyn());
    let error = array.truncate_rows(4).unwrap_err().to_string();
    assert!(error.contains("4 rows are to stay, and there are 3"), "{error}");
    // Rows that somebody writes to stay.
    drop(array);
    let writer = writable().rows(2..3).open(&path).unwrap();
    let mut other = writable().rows(0..1).open(&path).unwrap();
    assert!(is_locked(other.truncate_rows(2)));
    drop(writer);
    other.truncate_rows(2).unwrap();
}

#[test]
fn an_array_is_appended_to_itself() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &rows(0..3)).unwrap();
    let mut array = writable().open(&path).unwrap();
    for _ in 0..3 {
        let all = array.lazy();
        array.append_lazy(all, Run::default()).unwrap();
    }
    assert_eq!(array.shape(), [24, 3]);
    let copies = vec![rows(0..3); 8];
    let views: Vec<_> = copies.iter().map(|rows| rows.view()).collect();
    assert_eq!(array.read::<f64>(..).unwrap(), ndarray::concatenate(Axis(0), &views).unwrap().into_dyn());
}

#[test]
fn records_and_rows_without_bytes() {
    let folder = Folder::new();
    let source = folder.path("r.npy");
    let dtype: ndfolio::DType = "[('x', '<f4'), ('n', '>i2')]".parse().unwrap();
    let records = ndfolio::create(&source, dtype.clone(), &[5]).unwrap();
    records.field("n").unwrap().fill(7).unwrap();
    let path = folder.path("a.npy");
    let mut array = CreateOptions::new(dtype, &[0]).growable().create(&path).unwrap();
    array.append_lazy(&records, Run::default()).unwrap();
    array.append_lazy(records.slice(0..2).unwrap(), Run::default()).unwrap();
    assert_eq!(array.shape(), [7]);
    assert_eq!(array.field("n").unwrap().get(&[6]).unwrap().to_string(), "7");
    let empty = folder.path("e.npy");
    let mut array = CreateOptions::new("<f4".parse().unwrap(), &[0, 0]).growable().create(&empty).unwrap();
    array.append(&Array2::<f32>::zeros((5, 0))).unwrap();
    assert_eq!(ndfolio::open(&empty).unwrap().shape(), [5, 0]);
}

#[test]
fn a_cancelled_append_takes_its_rows_back() {
    struct Stop(AtomicU64);
    impl ndfolio::Observer for Stop {
        fn advance(&self, bytes: u64) {
            self.0.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst);
        }
        fn cancelled(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::SeqCst) > 1 << 20
        }
    }
    let folder = Folder::new();
    let source = ndfolio::create(folder.path("s.npy"), "<f8".parse().unwrap(), &[1 << 20, 3]).unwrap();
    let path = folder.path("a.npy");
    CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable().create(&path).unwrap().close().unwrap();
    let mut appender = Appender::open(&path).unwrap();
    appender.append(&rows(0..2)).unwrap();
    let stop = Stop(AtomicU64::new(0));
    let run = Run::default().memory(1 << 20).observe(&stop);
    appender.append_lazy(&source, run).unwrap_err();
    appender.append(&rows(2..3)).unwrap();
    appender.close().unwrap();
    assert_eq!(ndfolio::load::<f64>(&path).unwrap(), rows(0..3).into_dyn());
    assert!(fs::metadata(&path).unwrap().len() == 128 + 3 * 24);
}

/// Tells the test below that it is the second process, and gives it the file.
const CHILD: &str = "NDFOLIO_APPEND_CHILD";

#[test]
fn child_appends() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut appender = AppendOptions::new().durability(Synced::None).open(path).unwrap();
    for batch in 0..2000 {
        // Of 1, 2, … 7 rows.
        let first = appender.rows() as i64;
        appender.append(&rows(first..first + 1 + batch % 7)).unwrap();
        appender.commit().unwrap();
        if batch % 10 == 0 {
            // So that the reader has his turns on a busy machine too.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    appender.close().unwrap();
}

#[test]
fn a_reader_sees_what_another_process_appends_whole() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    CreateOptions::new("<f8".parse().unwrap(), &[0, 3]).growable().create(&path).unwrap().close().unwrap();
    let mut reader = ndfolio::open(&path).unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["child_appends", "--exact"])
        .env(CHILD, &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (mut seen, mut looks) = (0, 0);
    let mut done = false;
    while !done {
        done = child.try_wait().unwrap().is_some();
        let now = reader.refresh().unwrap();
        assert!(now >= seen, "{now} rows after {seen}");
        looks += usize::from(now > seen);
        // The newest rows are what was written, and so is what another reader finds.
        let from = now.saturating_sub(20);
        let expected = rows(from as i64..now as i64).into_dyn();
        assert_eq!(reader.read::<f64>((from as i64..now as i64, ..)).unwrap(), expected);
        let opened = ndfolio::open(&path).unwrap();
        assert!(opened.shape()[0] >= now);
        seen = now;
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(seen, (0..2000).map(|batch| 1 + batch % 7).sum::<usize>());
    assert!(looks > 5, "the reader saw it grow {looks} times");
}

#[derive(Clone, Debug)]
enum Act {
    Append(usize),
    AppendLazy(usize),
    Truncate(usize),
    Resize(usize),
    Insert(usize, usize),
    Delete(usize, usize),
    Compact,
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_usize..6).prop_map(Act::Append),
        3 => (0_usize..6).prop_map(Act::AppendLazy),
        1 => (0_usize..20).prop_map(Act::Truncate),
        1 => (0_usize..20).prop_map(Act::Resize),
        1 => (0_usize..20, 0_usize..4).prop_map(|(at, n)| Act::Insert(at, n)),
        1 => (0_usize..20, 0_usize..20).prop_map(|(a, b)| Act::Delete(a, b)),
        1 => Just(Act::Compact),
        1 => Just(Act::Reopen),
    ]
}

/// An array in memory that does the same: along axis 0, or 1 in Fortran order.
struct Model {
    rows: Vec<[f64; 3]>,
    order: Order,
}

impl Model {
    fn array(&self) -> ArrayD<f64> {
        let array = Array2::from_shape_fn((self.rows.len(), 3), |(i, j)| self.rows[i][j]);
        self.turned(array).into_dyn()
    }

    fn turned(&self, array: Array2<f64>) -> Array2<f64> {
        if self.order == Order::F { array.reversed_axes() } else { array }
    }

    fn new_rows(&self, next: &mut i64, count: usize) -> (Vec<[f64; 3]>, Array2<f64>) {
        let new = rows(*next..*next + count as i64);
        *next += count as i64;
        (new.rows().into_iter().map(|row| [row[0], row[1], row[2]]).collect(), self.turned(new))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_does_what_a_list_of_rows_does(
        acts in proptest::collection::vec(act(), 1..25),
        fortran in any::<bool>(),
        foreign in any::<bool>(),
    ) {
        let order = if fortran { Order::F } else { Order::C };
        let folder = Folder::new();
        let path = folder.path("a.npy");
        let shape = if fortran { [3, 2] } else { [2, 3] };
        let options = CreateOptions::new("<f8".parse().unwrap(), &shape).order(order);
        let options = if foreign { options } else { options.growable() };
        let mut array = options.create(&path).unwrap();
        let mut model = Model { rows: vec![[0.0; 3]; 2], order };
        let mut reader = ndfolio::open(&path).unwrap();
        let mut next = 1;
        for act in acts {
            let there = model.rows.len();
            match act {
                Act::Append(count) => {
                    let (new, items) = model.new_rows(&mut next, count);
                    array.append(&items).unwrap();
                    model.rows.extend(new);
                }
                Act::AppendLazy(count) => {
                    let (new, items) = model.new_rows(&mut next, count);
                    array.append_lazy(items, Run::default().memory(1 << 16)).unwrap();
                    model.rows.extend(new);
                }
                Act::Truncate(rows) => {
                    let result = array.truncate_rows(rows);
                    prop_assert_eq!(result.is_ok(), rows <= there);
                    model.rows.truncate(rows);
                }
                Act::Resize(rows) => {
                    array.resize(rows, Run::default()).unwrap();
                    model.rows.resize(rows, [0.0; 3]);
                }
                Act::Insert(at, count) => {
                    let (new, items) = model.new_rows(&mut next, count);
                    let result = array.insert_rows(at, items, Run::default());
                    prop_assert_eq!(result.is_ok(), at <= there);
                    if at <= there {
                        model.rows.splice(at..at, new);
                    }
                }
                Act::Delete(a, b) => {
                    let result = array.delete_rows(a..b, Run::default());
                    prop_assert_eq!(result.is_ok(), a <= b && b <= there);
                    if a <= b && b <= there {
                        model.rows.drain(a..b);
                    }
                }
                Act::Compact => array.compact(Run::default()).unwrap(),
                Act::Reopen => {
                    array.close().unwrap();
                    array = writable().open(&path).unwrap();
                }
            }
            prop_assert_eq!(array.read::<f64>(..).unwrap(), model.array());
            prop_assert_eq!(ndfolio::load::<f64>(&path).unwrap(), model.array());
            reader.refresh().unwrap();
            prop_assert_eq!(reader.read::<f64>(..).unwrap(), model.array());
        }
        prop_assert_eq!(folder.names(), ["a.npy"]);
    }
}
