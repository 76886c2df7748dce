//! Items that indices pick, against index arithmetic over the items one by one.

mod common;

use common::{Folder, Log, cases};
use ndarray::{ArrayD, IxDyn, array};
use ndfolio::{
    Array, Casting, CreateOptions, EngineError, Error, Existing, IndexMode, Indices, Io, IoEngine, Order,
    Session, Size, StoreError, Value,
};
use proptest::prelude::*;

/// Sessions of every way and of little memory.
fn sessions() -> impl Strategy<Value = Session> {
    let ways = prop::sample::select(vec![
        Io::Auto,
        Io::Force(IoEngine::Mmap),
        Io::Force(IoEngine::Pread),
        Io::Force(IoEngine::Direct),
    ]);
    (ways, prop::option::of(4096_usize..200_000), 1_usize..4).prop_map(|(io, memory, threads)| {
        let session = Session::new().io(io).threads(threads);
        memory.map_or(session.clone(), |bytes| session.memory(Size::from(bytes)))
    })
}

/// A source of numbers that is the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize).checked_rem(below).unwrap_or(0)
    }

    /// Indices of an axis, some from its end; outside of it too where a mode allows that.
    fn indices(&mut self, count: usize, size: usize, mode: IndexMode) -> Vec<i64> {
        let far = if mode == IndexMode::Raise { 1 } else { 3 };
        let size = size as i64;
        (0..count).map(|_| self.next(2 * far * size as usize) as i64 - far as i64 * size).collect()
    }
}

fn resolved(index: i64, size: usize, mode: IndexMode) -> usize {
    let size = size as i64;
    (match mode {
        IndexMode::Raise => (index + size) % size,
        IndexMode::Wrap => index.rem_euclid(size),
        IndexMode::Clip => index.clamp(0, size - 1),
    }) as usize
}

fn place(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |place, (i, n)| place * n + i)
}

fn index_of(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = place % shape[axis];
        place /= shape[axis];
    }
    index
}

/// The items of a result, each found by the index that `from` makes of its own.
fn oracle(part: &Array, shape: &[usize], from: impl Fn(&[usize]) -> Vec<usize>) -> Vec<Value> {
    let values = part.read_values(..).unwrap().1;
    let all = 0..shape.iter().product();
    all.map(|at| values[place(&from(&index_of(at, shape)), part.shape())].clone()).collect()
}

/// Compares in memory, as bytes of a file, and cast.
fn assert_picked(picks: &ndfolio::Picks<'_>, shape: &[usize], wanted: &[Value], folder: &Folder) {
    assert_eq!(picks.shape(), shape);
    match picks.compute() {
        Ok(found) => assert_eq!(found.values(), wanted),
        // In little memory not every result has room.
        Err(Error::Engine { source: EngineError::Budget { needed, .. }, .. }) => {
            assert_eq!(needed as usize, picks.nbytes());
        }
        Err(error) => panic!("{error}"),
    }
    let path = folder.path("out.npy");
    picks.save_as(&path).unwrap();
    let saved = ndfolio::open(&path).unwrap();
    let (found_shape, found) = saved.read_values(..).unwrap();
    assert_eq!((&found_shape[..], &found[..]), (shape, wanted));
    let options = CreateOptions::new("<f8".parse().unwrap(), shape).existing(Existing::Replace);
    let cast = picks.save(&options, folder.path("cast.npy"), Casting::Unsafe).unwrap();
    let numbers: Vec<_> = wanted.iter().map(|value| value.as_f64().unwrap()).collect();
    let found: Vec<_> = cast.read_values(..).unwrap().1.iter().map(|v| v.as_f64().unwrap()).collect();
    assert_eq!(found, numbers);
}

const DTYPES: &[&str] = &["<i2", ">f8", "|u1", ">u4"];

fn modes() -> impl Strategy<Value = IndexMode> {
    prop::sample::select(vec![IndexMode::Raise, IndexMode::Wrap, IndexMode::Clip])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn take(case in cases(DTYPES), session in sessions(), mode in modes(), axis in 0_usize..4, count in 0_usize..40) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        let mut numbers = Numbers(case.seed);
        let axis = (axis < part.ndim()).then_some(axis);
        let size = axis.map_or(part.size(), |axis| part.shape()[axis]);
        let count = if size == 0 { 0 } else { count };
        let indices = numbers.indices(count, size, mode);
        let indices_shape = if count % 2 == 0 { vec![2, count / 2] } else { vec![count] };
        let picks = part.take(Indices::of_shape(&indices_shape, &indices), axis.map(|a| a as isize)).unwrap();
        let picks = picks.mode(mode).run(&session);
        let (before, behind) = match axis {
            Some(axis) => (part.shape()[..axis].to_vec(), part.shape()[axis + 1..].to_vec()),
            None => (vec![], vec![]),
        };
        let shape = [&before[..], &indices_shape, &behind].concat();
        let wanted = oracle(&part, &shape, |at| {
            let number = place(&at[before.len()..before.len() + indices_shape.len()], &indices_shape);
            let index = resolved(indices[number], size, mode);
            match axis {
                Some(_) => [&at[..before.len()], &[index], &at[before.len() + indices_shape.len()..]].concat(),
                None => index_of(index, part.shape()),
            }
        });
        assert_picked(&picks, &shape, &wanted, &folder);
    }

    #[test]
    fn several_arrays(case in cases(DTYPES), session in sessions(), which in 0_u8..8, rows in 1_usize..5) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        let mut numbers = Numbers(case.seed);
        let picked: Vec<usize> = (0..part.ndim()).filter(|axis| which >> axis & 1 == 1).collect();
        if picked.iter().any(|&axis| part.shape()[axis] == 0) {
            return Ok(());
        }
        // The first has a column for each of the others' rows.
        let shapes: Vec<Vec<usize>> =
            (0..picked.len()).map(|at| if at == 0 { vec![3] } else { vec![rows, 1] }).collect();
        let indices: Vec<Vec<i64>> = picked.iter().zip(&shapes).map(|(&axis, shape)| {
            numbers.indices(shape.iter().product(), part.shape()[axis], IndexMode::Raise)
        }).collect();
        let parts = (0..part.ndim()).map(|axis| {
            let at = picked.iter().position(|&one| one == axis)?;
            Some(Indices::of_shape(&shapes[at], &indices[at]))
        });
        let picks = part.gather(parts).unwrap().run(&session);
        let picks_shape = match picked.len() { 0 => vec![], 1 => vec![3], _ => vec![rows, 3] };
        let kept: Vec<usize> = (0..part.ndim()).filter(|axis| !picked.contains(axis)).collect();
        let together = picked.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let before = if together { picked.first().copied().unwrap_or(0) } else { 0 };
        let kept_shape: Vec<usize> = kept.iter().map(|&axis| part.shape()[axis]).collect();
        let shape = [&kept_shape[..before], &picks_shape, &kept_shape[before..]].concat();
        let wanted = oracle(&part, &shape, |at| {
            let pick = &at[before..before + picks_shape.len()];
            let own = [&at[..before], &at[before + picks_shape.len()..]].concat();
            let mut index = vec![0; part.ndim()];
            kept.iter().zip(own).for_each(|(&axis, i)| index[axis] = i);
            for (number, &axis) in picked.iter().enumerate() {
                let at = if number == 0 { pick[pick.len() - 1] } else { pick[0] };
                index[axis] = resolved(indices[number][at], part.shape()[axis], IndexMode::Raise);
            }
            index
        });
        assert_picked(&picks, &shape, &wanted, &folder);
    }

    #[test]
    fn masks(case in cases(DTYPES), session in sessions(), first in 0_usize..3, axes in 1_usize..3, on_disk in any::<bool>()) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        if first + axes > part.ndim() {
            return Ok(());
        }
        let mut numbers = Numbers(case.seed);
        let mask_shape = part.shape()[first..first + axes].to_vec();
        let values: Vec<bool> = (0..mask_shape.iter().product()).map(|_| numbers.next(3) == 0).collect();
        let places: Vec<usize> = (0..values.len()).filter(|&at| values[at]).collect();
        let mask = ArrayD::from_shape_vec(IxDyn(&mask_shape), values).unwrap();
        ndfolio::save(folder.path("mask.npy"), &mask).unwrap();
        let stored = ndfolio::open(folder.path("mask.npy")).unwrap();
        let mask = if on_disk { Indices::from(&stored) } else { Indices::mask(&mask) };
        let parts = std::iter::repeat_n(None, first).chain([Some(mask)]);
        let picks = part.gather(parts).unwrap().run(&session);
        let shape = [&part.shape()[..first], &[places.len()], &part.shape()[first + axes..]].concat();
        let wanted = oracle(&part, &shape, |at| {
            [&at[..first], &index_of(places[at[first]], &mask_shape), &at[first + 1..]].concat()
        });
        assert_picked(&picks, &shape, &wanted, &folder);
    }

    #[test]
    fn windows_and_rows_of_their_own(case in cases(DTYPES), session in sessions(), count in 0_usize..9, axis in 0_usize..3) {
        let folder = Folder::new();
        let part = case.part(&case.make(&folder.path("a.bin")));
        if axis >= part.ndim() || part.size() == 0 {
            return Ok(());
        }
        let mut numbers = Numbers(case.seed);
        let length = numbers.next(part.shape()[0] + 1);
        let starts: Vec<i64> = (0..count).map(|_| numbers.next(part.shape()[0] - length + 1) as i64).collect();
        let shape = [&[count, length], &part.shape()[1..]].concat();
        let wanted = oracle(&part, &shape, |at| [&[starts[at[0]] as usize + at[1]], &at[2..]].concat());
        assert_picked(&part.windows(&starts, length).unwrap().run(&session), &shape, &wanted, &folder);

        let mut shape = part.shape().to_vec();
        (shape[axis], shape[(axis + 1) % part.ndim()]) = (count, if part.ndim() == 1 { count } else { 1 });
        let indices = numbers.indices(shape.iter().product(), part.shape()[axis], IndexMode::Raise);
        let picks = part.take_along_axis(Indices::of_shape(&shape, &indices), axis as isize).unwrap();
        let mut result = part.shape().to_vec();
        result[axis] = count;
        let wanted = oracle(&part, &result, |at| {
            let own: Vec<usize> = at.iter().zip(&shape).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
            let mut index = at.to_vec();
            index[axis] = resolved(indices[place(&own, &shape)], part.shape()[axis], IndexMode::Raise);
            index
        });
        assert_picked(&picks.run(&session), &result, &wanted, &folder);
    }
}

/// Ten thousand rows of a kilobyte, each with its number in it.
fn rows(folder: &Folder) -> Array {
    let array =
        CreateOptions::new("<u4".parse().unwrap(), &[10_000, 256]).create(folder.path("rows.npy")).unwrap();
    let values = ndarray::Array2::from_shape_fn((10_000, 256), |(i, j)| (i * 1000 + j) as u32);
    array.write(.., &values).unwrap();
    array
}

#[test]
fn every_way_gives_the_same_rows() {
    let folder = Folder::new();
    let array = rows(&folder);
    array.flush().unwrap();
    let mut numbers = Numbers(5);
    let indices: Vec<i64> = (0..3000).map(|_| numbers.next(10_000) as i64).collect();
    let picks = || array.take(&indices, Some(0)).unwrap();
    let wanted = picks().read::<u32>().unwrap();
    for (number, &index) in indices.iter().enumerate() {
        assert_eq!(wanted[[number, 255]], index as u32 * 1000 + 255);
    }
    for engine in IoEngine::ALL {
        for (threads, memory) in [(1, 48 << 20), (3, 48 << 20), (2, 3200 << 10)] {
            let session = Session::new().io(Io::Force(engine)).threads(threads).memory(Size::from(memory));
            let log = Log::new(u64::MAX);
            let session = session.observe(log.clone());
            let plan = picks().run(&session).plan().unwrap();
            assert_eq!(picks().run(&session).read::<u32>().unwrap(), wanted, "{engine} {threads} {memory}");
            let report = log.take();
            assert_eq!(plan.bytes(), 3000 * 1024);
            assert_eq!(report.io.bytes_asked, 3000 * 1024);
            assert_eq!(
                (report.passes, report.threads, &report.engine),
                (1, plan.threads, &plan.readings[0].engine)
            );
            let most = plan.buffers + plan.threads as u64 * (9 << 12) + plan.buffers / 2;
            assert!(
                report.io.buffer_bytes <= most,
                "{engine}: {} of {}",
                report.io.buffer_bytes,
                plan.buffers
            );
            assert!(plan.buffers + plan.results <= plan.budget + (64 << 10), "{engine}: {plan:?}");
        }
    }
}

#[test]
fn a_result_that_does_not_fit_is_refused_and_can_be_saved() {
    let folder = Folder::new();
    let array = rows(&folder);
    let session = Session::new().memory(Size::from(256 << 10));
    let all: Vec<i64> = (0..10_000).rev().collect();
    let picks = array.take(&all, Some(0)).unwrap().run(&session);
    let error = picks.compute().unwrap_err().to_string();
    for word in ["rows.npy", "10240000 bytes", "262144", "save it to a file"] {
        assert!(error.contains(word), "{error}");
    }
    picks.save_as(folder.path("turned.npy")).unwrap();
    let turned = ndfolio::open(folder.path("turned.npy")).unwrap();
    let reversed = array.slice(ndfolio::slice(None, None, -1)).unwrap();
    assert_eq!(turned.bytes().unwrap(), reversed.bytes().unwrap());
}

#[test]
fn indices_on_disk_and_of_every_dtype() {
    let folder = Folder::new();
    let array = rows(&folder);
    for dtype in ["|i1", ">i2", "<i8", "|u1", ">u4", "<u8"] {
        let path = folder.path("i.npy");
        let _ = std::fs::remove_file(&path);
        let indices =
            CreateOptions::new(dtype.parse().unwrap(), &[2, 2]).order(Order::F).create(&path).unwrap();
        indices.assign(&[2, 2], &[5, 0, 100, 7].map(Value::Int), Session::new().run()).unwrap();
        let found = array.take(&indices, Some(0)).unwrap().read::<u32>().unwrap();
        assert_eq!(found.shape(), [2, 2, 256]);
        assert_eq!([found[[0, 0, 0]], found[[1, 0, 1]], found[[1, 1, 2]]], [5000, 100_001, 7002], "{dtype}");
    }
    let huge = folder.path("huge.npy");
    ndfolio::save(&huge, &array![u64::MAX]).unwrap();
    let huge = ndfolio::open(huge).unwrap();
    let error = array.take(&huge, Some(0)).unwrap().compute().unwrap_err().to_string();
    assert!(error.contains("18446744073709551615"), "{error}");
}

#[test]
fn what_is_wrong_is_said() {
    let folder = Folder::new();
    let array = rows(&folder);
    let told = |result: ndfolio::Result<ndfolio::Picks<'_>>, words: &[&str]| {
        let error = result.and_then(|picks| picks.compute()).unwrap_err().to_string();
        assert!(words.iter().chain(&["rows.npy"]).all(|word| error.contains(word)), "{error}");
    };
    told(array.take([0, 10_000], Some(0)), &["index 10000 is out of bounds for axis 0 with size 10000"]);
    told(array.take([-257], Some(1)), &["index -257 is out of bounds for axis 1 with size 256"]);
    told(array.take([0], Some(2)), &["axis 2 is out of bounds for array of dimension 2"]);
    told(array.gather([Some([1, 2].into()), Some([1, 2, 3].into())]), &["shape mismatch", "(2,) (3,)"]);
    told(array.gather([None, None, Some([1].into())]), &["too many indices"]);
    told(array.gather([Some(Indices::mask(&array![true, false]))]), &["axis is 10000", "axis is 2"]);
    told(array.windows([9999], 2), &["window of 2 rows from 9999", "10000"]);
    told(array.windows([0], 10_001), &["10001 rows"]);
    let floats = folder.path("f.npy");
    ndfolio::save(&floats, &array![1.0, 2.0]).unwrap();
    let floats = ndfolio::open(floats).unwrap();
    let error = array.take(&floats, Some(0)).unwrap().compute().unwrap_err().to_string();
    assert!(["integer", "<f8", "f.npy"].iter().all(|word| error.contains(word)), "{error}");
    // NumPy looks at indices of rows without items too.
    let empty = array.slice((.., 0..0)).unwrap();
    told(empty.take([10_000], Some(0)), &["index 10000"]);
    assert_eq!(empty.take([3, 4], Some(0)).unwrap().compute().unwrap().shape(), [2, 0]);
    let none = array.slice(0..0).unwrap();
    told(none.take([0], Some(0)).map(|picks| picks.mode(IndexMode::Clip)), &["size 0"]);
    assert_eq!(none.take(Vec::new(), Some(0)).unwrap().compute().unwrap().shape(), [0, 256]);
    // A mask may be shorter than the axis, but not true behind its end.
    let mask = Indices::mask(&array![true, false, true]);
    assert_eq!(array.compress(mask.clone(), Some(0)).unwrap().shape(), [2, 256]);
    told(array.slice(0..2).unwrap().compress(mask, Some(0)), &["index 2 is out of bounds"]);
}

#[test]
fn a_file_that_is_cut_is_an_error_and_a_cancelled_gather_ends() {
    let folder = Folder::new();
    let array = rows(&folder);
    let indices: Vec<i64> = (0..5000).map(|i| i * 2).collect();
    for engine in IoEngine::ALL {
        let log = Log::new(0);
        let session = Session::new().io(Io::Force(engine)).observe(log);
        let error = array.take(&indices, Some(0)).unwrap().run(&session).compute().unwrap_err();
        assert!(matches!(error, Error::Engine { source: EngineError::Cancelled, .. }), "{error}");
    }
    let file = std::fs::OpenOptions::new().write(true).open(folder.path("rows.npy")).unwrap();
    file.set_len(5 << 20).unwrap();
    for engine in IoEngine::ALL {
        let session = Session::new().io(Io::Force(engine));
        let error = array.take(&indices, Some(0)).unwrap().run(&session).compute().unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::Truncated { .. })), "{engine}: {error:?}");
    }
}
