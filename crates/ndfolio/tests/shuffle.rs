//! Rows in random order, against rows that are picked one by one.

mod common;

use common::{Folder, Log};
use ndfolio::{
    Array, CreateOptions, Error, FileKind, Io, IoEngine, OpenOptions, Order, Permutation, Session, Size,
    slice,
};
use ndfolio_store::{Fault, FaultyFolder};
use proptest::prelude::*;

const DTYPES: [&str; 9] =
    ["|u1", ">i2", "<f4", ">f8", "<c16", "|S3", "|S33", "[('a', '|u1'), ('b', '>f8')]", "<M8[s]"];

/// A raw file of bytes that all differ somewhere, opened as an array.
fn array(folder: &Folder, dtype: &str, shape: &[usize], order: Order, offset: u64) -> Array {
    let dtype: ndfolio::DType = dtype.parse().unwrap();
    let len = offset as usize + shape.iter().product::<usize>() * dtype.itemsize();
    let mut state = 1_u64;
    let bytes: Vec<u8> = (0..len)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .collect();
    let path = folder.path("in.bin");
    std::fs::write(&path, bytes).unwrap();
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    OpenOptions::new().dtype(dtype).shape(&shape).order(order).offset(offset).open(path).unwrap()
}

/// The bytes of all rows, in C order.
fn rows(array: &Array, folder: &Folder) -> Vec<u8> {
    let path = folder.path("rows.bin");
    let options = CreateOptions::new(array.dtype().clone(), array.shape()).kind(FileKind::Raw);
    options.copy_of(array, &path, ndfolio::Casting::No, &Session::new()).unwrap().close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    bytes
}

/// The same in the order of a seed.
fn oracle(array: &Array, seed: u64, folder: &Folder) -> Vec<u8> {
    let (bytes, count) = (rows(array, folder), array.shape()[0]);
    let order = Permutation::new(count as u64, seed);
    let row = bytes.len() / count.max(1);
    (0..count).flat_map(|place| &bytes[order.at(place as u64) as usize * row..][..row]).copied().collect()
}

/// How many passes it took.
fn assert_shuffled(array: &Array, seed: u64, session: &Session, folder: &Folder) -> u64 {
    let wanted = oracle(array, seed, folder);
    let path = folder.path("out.bin");
    let shuffled = array.shuffle(seed).unwrap().run(session);
    let plan = shuffled.plan_save(&shuffled.options(), &path).unwrap();
    shuffled.save_as(&path).unwrap();
    let found = std::fs::read(&path).unwrap();
    assert!(found == wanted, "{:?} {:?} in {plan:?}", array.dtype(), array.shape());
    plan.passes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rows_are_where_the_order_has_them(
        dtype in prop::sample::select(DTYPES.to_vec()),
        count in 0_usize..3000,
        width in prop::option::of(0_usize..40),
        order in prop::sample::select(vec![Order::C, Order::F]),
        (offset, seed) in (0_u64..5000, any::<u64>()),
        io in prop::sample::select(vec![Io::Auto, Io::Force(IoEngine::Direct), Io::Force(IoEngine::Pread)]),
        (memory, threads) in (4096_usize..300_000, 1_usize..4),
        part in 0..4,
    ) {
        let folder = Folder::new();
        let shape: Vec<usize> = std::iter::once(count).chain(width).collect();
        let whole = array(&folder, dtype, &shape, order, offset);
        let part = match part {
            0 => whole.slice(slice(None, None, -1)).unwrap(),
            1 => whole.slice(slice(3, None, 2)).unwrap(),
            2 => whole.transpose(None).unwrap(),
            _ => whole,
        };
        let session = Session::new().io(io).threads(threads).memory(Size::from(memory));
        let passes = assert_shuffled(&part, seed, &session, &folder);
        if io == Io::Force(IoEngine::Direct) && part.nbytes() > 0 && memory > 100_000 {
            prop_assert_eq!(passes, 2);
        }
    }
}

#[test]
fn many_rows_in_many_buckets() {
    let folder = Folder::new();
    for (dtype, shape) in [("<u2", vec![1_500_000]), ("<f4", vec![9000, 256]), ("|S7", vec![200_000, 2])] {
        let array = array(&folder, dtype, &shape, Order::C, 128);
        for (memory, threads) in [(64 << 10, 1), (1 << 20, 2), (3 << 20, 3), (64 << 20, 2)] {
            let session = Session::new().io(Io::Force(IoEngine::Direct)).threads(threads);
            let session = session.memory(Size::from(memory));
            assert_eq!(assert_shuffled(&array, 5, &session, &folder), 2, "{memory} {shape:?}");
        }
    }
}

#[test]
fn the_order_is_the_same_in_any_memory() {
    let folder = Folder::new();
    let array = array(&folder, "<i8", &[50_000, 3], Order::C, 0);
    let small = Session::new().io(Io::Force(IoEngine::Direct)).memory(Size::from(50_000));
    array.shuffle(9).unwrap().run(&small).save_as(folder.path("a.npy")).unwrap();
    array.shuffle(9).unwrap().save_as(folder.path("b.npy")).unwrap();
    let read = |name| std::fs::read(folder.path(name)).unwrap();
    assert!(read("a.npy") == read("b.npy"));
    array.shuffle(10).unwrap().save_as(folder.path("b.npy")).unwrap();
    assert!(read("a.npy") != read("b.npy"));
}

#[test]
fn a_file_takes_its_own_place() {
    let folder = Folder::new();
    let array = array(&folder, "<i4", &[30_000, 5], Order::C, 0);
    let wanted = oracle(&array, 3, &folder);
    let session = Session::new().io(Io::Force(IoEngine::Direct)).memory(Size::from(100_000));
    array.shuffle(3).unwrap().run(&session).save_as(folder.path("in.bin")).unwrap();
    assert!(std::fs::read(folder.path("in.bin")).unwrap() == wanted);
}

#[test]
fn what_is_wrong() {
    let folder = Folder::new();
    let array = array(&folder, "<i4", &[10, 5], Order::C, 0);
    let item = array.slice((0, 0)).unwrap();
    let error = item.shuffle(1).err().unwrap();
    assert!(matches!(error, Error::NoRows { .. }), "{error}");
    let shuffled = array.shuffle(1).unwrap();
    for options in [
        shuffled.options().order(Order::F),
        shuffled.options().dtype("<f4".parse().unwrap()),
        CreateOptions::new(array.dtype().clone(), &[5, 10]),
    ] {
        let error = shuffled.save(&options, folder.path("out.npy")).err().unwrap();
        assert!(matches!(error, Error::Usage { .. }), "{error}");
    }
    // A name that is taken is no way to lose a file.
    let error = shuffled.save(&shuffled.options(), folder.path("in.bin")).err().unwrap();
    assert!(error.to_string().contains("in.bin"), "{error}");
    assert_eq!(folder.names(), ["in.bin"]);
}

#[test]
fn somebody_who_stops_it_finds_nothing() {
    let folder = Folder::new();
    let array = array(&folder, "<i4", &[100_000, 5], Order::C, 0);
    let total = array.nbytes() as u64;
    for stop_at in [0, total / 2, total, total + total / 2] {
        let log = Log::new(stop_at);
        let session = Session::new().io(Io::Force(IoEngine::Direct)).memory(Size::from(200_000)).observe(log);
        let error = array.shuffle(1).unwrap().run(&session).save_as(folder.path("out.npy")).unwrap_err();
        assert!(error.to_string().contains("cancelled"), "{error}");
        assert_eq!(folder.names(), ["in.bin"]);
    }
    let log = Log::new(u64::MAX);
    let session =
        Session::new().io(Io::Force(IoEngine::Direct)).memory(Size::from(200_000)).observe(log.clone());
    array.shuffle(1).unwrap().run(&session).save_as(folder.path("out.npy")).unwrap();
    let report = log.take();
    assert_eq!((report.passes, report.bytes_written), (2, 2 * total));
    assert_eq!(log.bytes.load(std::sync::atomic::Ordering::Relaxed), 2 * total);
    assert!(report.io.buffer_bytes <= 200_000 + 40_000, "{}", report.io.buffer_bytes);
}

#[test]
fn every_call_can_fail_or_move_less() {
    let folder = Folder::new();
    let array = array(&folder, "<i4", &[20_000, 5], Order::C, 0);
    let wanted = oracle(&array, 3, &folder);
    let out = Folder::new();
    let faults = FaultyFolder::new(out.path("").as_path());
    let session = Session::new().threads(1).io(Io::Force(IoEngine::Direct)).memory(Size::from(100_000));
    for fault in
        [Fault::Once(libc::ENOSPC), Fault::Once(libc::EIO), Fault::FromNowOn(libc::EIO), Fault::Short]
    {
        let mut seen = std::collections::BTreeSet::new();
        for after in 0.. {
            faults.fail(after, fault);
            let result = array.shuffle(3).unwrap().run(&session).save_as(out.path("out.bin"));
            let failed = faults.heal();
            match result {
                Ok(()) => assert!(std::fs::read(out.path("out.bin")).unwrap() == wanted, "{after} {fault:?}"),
                Err(error) => assert!(error.to_string().contains("out.bin"), "{error}"),
            }
            let names = out.names();
            assert!(names.iter().all(|name| name == "out.bin"), "{after} {fault:?} {failed:?}: {names:?}");
            let _ = std::fs::remove_file(out.path("out.bin"));
            match failed {
                Some(call) => seen.insert(call),
                None => break,
            };
        }
        assert!(seen.contains("pwrite") && seen.contains("pread"), "{fault:?}: {seen:?}");
    }
}
