//! What is wrong with expressions comes out as errors, and leaves nothing behind.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use common::{Folder, Log};
use ndfolio::{
    Casting, CreateOptions, EngineError, Error, FileKind, Io, IoEngine, Lazy, Observer, Run, Session, Value,
    ndarray::{Array1, Array2, arr1},
    where_,
};

fn stored(folder: &Folder, name: &str, dtype: &str, shape: &[usize], value: f64) -> ndfolio::Array {
    CreateOptions::new(dtype.parse().unwrap(), shape).fill(value).create(folder.path(name)).unwrap()
}

#[test]
fn what_numpy_refuses_is_refused_at_once_and_kept() {
    let wrong = |lazy: Lazy, words: &[&str]| {
        let error = lazy.dtype().unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        for later in [&lazy + 1, lazy.sum(()), lazy.transpose(None), where_(true, 1, &lazy), lazy.cumsum(0)] {
            assert_eq!(later.shape().unwrap_err().to_string(), error);
            assert_eq!(later.compute(Run::default()).unwrap_err().to_string(), error);
        }
    };
    let x = Lazy::from(Array2::<f32>::zeros((3, 4)));
    wrong(&x + Lazy::from(Array1::<f32>::zeros(3)), &["(3,4)", "(3,)"]);
    wrong(&x & 1, &["bitwise_and"]);
    wrong(!&x, &["invert"]);
    wrong(-Lazy::from(arr1(&[true])), &["boolean negative"]);
    wrong(Lazy::from(arr1(&[true])) - Lazy::from(arr1(&[true])), &["boolean subtract"]);
    wrong(x.astype(&"i4".parse().unwrap(), Casting::SameKind), &["f4", "i4", "same_kind"]);
    wrong(Lazy::from(arr1(&[1_i8])) + 1000, &["1000", "int8"]);
    wrong(x.sum(2), &["axis 2", "2"]);
    wrong(x.sum([0, 0]), &["axes", "[0, 0]"]);
    wrong(x.cumsum(-3), &["axis -3"]);
    wrong(x.slice((3,)), &["3", "axis 0"]);
    wrong(x.reshape(&[5, -1]), &["12"]);
    wrong(x.broadcast_to(&[4, 3]), &["(3, 4)", "(4, 3)"]);
    wrong(Lazy::from(Array2::<f32>::zeros((0, 4))).max(0), &["zero-size"]);
}

/// Cuts a file once so many bytes were seen.
struct Cut {
    path: std::path::PathBuf,
    after: u64,
    seen: AtomicU64,
}

impl Observer for Cut {
    fn advance(&self, bytes: u64) {
        let before = self.seen.fetch_add(bytes, Ordering::Relaxed);
        if before < self.after && before + bytes >= self.after {
            std::fs::OpenOptions::new().write(true).open(&self.path).unwrap().set_len(4096).unwrap();
        }
    }
}

#[test]
fn a_file_that_is_cut_is_an_error_and_leaves_no_other() {
    for engine in IoEngine::ALL {
        for kind in 0..3 {
            let folder = Folder::new();
            let x = stored(&folder, "x.npy", "<f8", &[4000, 1000], 1.5).lazy();
            let y = stored(&folder, "y.npy", "<f8", &[4000, 1000], 2.5).lazy();
            let cut = Cut { path: folder.path("x.npy"), after: 4 << 20, seen: AtomicU64::new(0) };
            let session = Session::new().memory("8MiB".parse().unwrap()).io(Io::Force(engine)).threads(2);
            let session = session.scratch(folder.path("")).observe(Arc::new(cut));
            let lazy = [&x + &y, &x - (&x + &y).mean(0), x.cumsum(0) + &y][kind].clone();
            let error = lazy.save(folder.path("z.npy"), &session).unwrap_err();
            assert!(matches!(error, Error::Store(_)), "{engine} {kind}: {error:?}");
            let text = error.to_string();
            assert!(text.contains("x.npy") && text.contains("cut"), "{engine} {kind}: {text}");
            assert_eq!(folder.names(), ["x.npy", "y.npy"], "{engine} {kind}");
        }
    }
}

#[test]
fn cancelled_in_the_middle_nothing_is_left_and_it_is_soon() {
    struct Stop {
        after: u64,
        bytes: AtomicU64,
        at: std::sync::Mutex<Option<Instant>>,
    }
    impl Observer for Stop {
        fn advance(&self, bytes: u64) {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fn cancelled(&self) -> bool {
            let stop = self.bytes.load(Ordering::Relaxed) >= self.after;
            if stop {
                self.at.lock().unwrap().get_or_insert_with(Instant::now);
            }
            stop
        }
    }
    let folder = Folder::new();
    let x = stored(&folder, "x.npy", "<f4", &[3000, 3000], 1.5).lazy();
    let lazies =
        [x.sin(), &x - x.mean(0), x.cumsum(0).exp(), x.cumsum(1) + &x, (&x + x.transpose(None)).sqrt()];
    for lazy in &lazies {
        for part in 0..4 {
            for memory in ["1MiB", "64MiB"] {
                let after = part * 12_000_000;
                let stop =
                    Arc::new(Stop { after, bytes: AtomicU64::new(0), at: std::sync::Mutex::default() });
                let session = Session::new().memory(memory.parse().unwrap()).threads(3);
                let session = session.scratch(folder.path("")).observe(Arc::clone(&stop) as _);
                let result = lazy.save(folder.path("y.npy"), &session);
                let Some(at) = *stop.at.lock().unwrap() else {
                    result.unwrap();
                    std::fs::remove_file(folder.path("y.npy")).unwrap();
                    continue;
                };
                let took = at.elapsed();
                let cancelled = match result {
                    Err(Error::Engine { source: EngineError::Cancelled, .. }) => true,
                    Err(Error::Expression(error)) => matches!(*error, EngineError::Cancelled),
                    _ => false,
                };
                assert!(cancelled && took < Duration::from_millis(500), "{took:?}");
                assert_eq!(folder.names(), ["x.npy"]);
            }
        }
    }
}

#[test]
fn long_programs_ask_on_their_way_whether_to_go_on() {
    #[derive(Default)]
    struct Asked(AtomicU64);
    impl Observer for Asked {
        fn advance(&self, _: u64) {}
        fn cancelled(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            false
        }
    }
    let folder = Folder::new();
    let x = stored(&folder, "x.npy", "<f4", &[1000, 1000], 1.5).lazy();
    let long = (0..100).fold(x, |lazy, _| lazy.sin());
    for threads in [1, 2] {
        let asked = Arc::new(Asked::default());
        let session = Session::new().threads(threads).observe(Arc::clone(&asked) as _);
        long.sum(()).compute(&session).unwrap();
        // A hundred million results of functions, which take seconds.
        let asked = asked.0.load(Ordering::Relaxed);
        assert!((500..5000).contains(&asked), "{threads} threads asked {asked} times");
    }
}

#[test]
fn who_takes_blocks_may_stop_or_fail() {
    let folder = Folder::new();
    let x = stored(&folder, "x.npy", "<f4", &[3000, 3000], 1.5).lazy() + 1;
    let session = Session::new().memory("2MiB".parse().unwrap()).threads(4);
    let mut blocks = 0;
    let error = x.for_each_block(&session, |_| {
        blocks += 1;
        if blocks == 3 { Err(Error::Expression(Arc::new(EngineError::Cancelled))) } else { Ok(()) }
    });
    assert!(error.is_err() && blocks == 3);
    // A panic is handed on, and nobody waits for its turn.
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        x.for_each_block(&session, |_| -> Result<(), Error> { panic!("enough") })
    }));
    assert!(panic.is_err());
}

#[test]
fn a_full_disk_is_an_error_at_the_start() {
    let folder = Folder::new();
    let x = stored(&folder, "x.npy", "<f4", &[1, 1000], 1.5);
    let huge = x.lazy().broadcast_to(&[1 << 40, 1000]) * 2;
    let log = Log::new(u64::MAX);
    let session = Session::new().observe(Arc::clone(&log) as _);
    let error = huge.save(folder.path("y.npy"), &session).unwrap_err().to_string();
    assert!(error.contains("y.npy"), "{error}");
    assert_eq!((log.take().passes, folder.names()), (0, vec!["x.npy".to_owned()]));
}

#[test]
fn a_negative_power_is_found_when_it_is_computed() {
    let folder = Folder::new();
    let n = stored(&folder, "n.npy", "<i4", &[3_000_000], -1.0);
    let power = Lazy::from(arr1(&[2_i32])).power(n.lazy());
    let error = power.save(folder.path("y.npy"), &Session::new()).unwrap_err().to_string();
    assert!(error.contains("negative integer powers"), "{error}");
    assert_eq!(folder.names(), ["n.npy"]);
    assert!(power.sum(()).compute(&Session::new()).is_err());
}

#[test]
fn divisions_by_zero_are_counted_whatever_the_memory() {
    let folder = Folder::new();
    let x = stored(&folder, "x.npy", "<f4", &[1000, 2048], 3.0);
    let zeros = x.slice((ndfolio::slice(None, None, 10), ndfolio::slice(None, None, 4))).unwrap();
    zeros.fill(0.0).unwrap();
    let row = stored(&folder, "r.npy", "<f8", &[2048], 2.0);
    row.slice((..7,)).unwrap().fill(0.0).unwrap();
    let reciprocals = 1.0 / row.lazy();
    for (lazy, count) in [
        (1.0 / x.lazy(), 51_200),
        ((1.0 / x.lazy()).mean(0), 51_200),
        // What is the same for all rows is computed once, as in NumPy.
        (x.lazy().maximum(1.0) * &reciprocals, 7),
        (x.lazy() * 2.0, 0),
    ] {
        for memory in [4 << 10, 100 << 10, 1 << 20, 64 << 20] {
            for threads in [1, 4] {
                if count == 7 && memory < 1 << 20 {
                    // The row does not fit into its share of the memory, and is computed again and again.
                    continue;
                }
                let log = Log::new(u64::MAX);
                let session = Session::new().memory(ndfolio::Size::from(memory)).threads(threads);
                let session = session.scratch(folder.path("")).observe(Arc::clone(&log) as _);
                lazy.save(folder.path("y.npy"), &session).unwrap();
                assert_eq!(log.take().conditions.divide, count, "{lazy:?} {memory} {threads}");
            }
        }
    }
}

#[test]
fn long_chains_are_no_deep_ones() {
    let folder = Folder::new();
    let array = CreateOptions::new("<f8".parse().unwrap(), &[10]).kind(FileKind::Raw).fill(1.0);
    let array = array.create(folder.path("x.bin")).unwrap();
    let started = Instant::now();
    let mut sum = array.lazy();
    for number in 0..10_000 {
        sum = if number % 2 == 0 { sum + 1 } else { sum + array.lazy() };
    }
    assert_eq!(sum.compute(Run::default()).unwrap().item(9), Some(Value::Float64(10_001.0)));
    let turned = sum.slice((ndfolio::slice(None, None, -1),));
    assert_eq!(
        turned.save(folder.path("y.npy"), Run::default()).unwrap().get(&[0]).unwrap(),
        Value::Float64(10_001.0)
    );
    let mut nested = array.lazy();
    for _ in 0..300 {
        nested = &nested + nested.min(());
    }
    assert!(nested.compute(Run::default()).is_ok());
    drop((sum, turned, nested));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
