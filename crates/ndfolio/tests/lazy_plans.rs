//! What is planned for an expression is what happens, and memory, threads and ways of reading change no bit.

mod common;

use std::sync::Arc;

use common::{Folder, Log, Rig};
use ndfolio::{
    Array, Casting, CreateOptions, Existing, Io, IoEngine, Lazy, NanPolicy, Observer, Op, Order, Plan,
    Report, Session, ndarray::ArrayD, ndarray::IxDyn, slice,
};

const SHAPE: [usize; 2] = [1500, 1024];
const BYTES: u64 = 4 * 1500 * 1024;
const ROW: u64 = 4 * 1024;

fn numbers(shape: &[usize], seed: usize) -> ArrayD<f32> {
    let count = shape.iter().product::<usize>();
    let items =
        (0..count).map(|i| ((i + seed).wrapping_mul(2_654_435_761) % 1_000_003) as f32 / 77.0 - 5000.0);
    ArrayD::from_shape_vec(IxDyn(shape), items.collect()).unwrap()
}

fn stored(folder: &Folder, name: &str, shape: &[usize], order: Order) -> Array {
    let options = CreateOptions::new("<f4".parse().unwrap(), shape).order(order);
    let array = options.create(folder.path(name)).unwrap();
    array.write(.., &numbers(shape, name.len() + usize::from(name.as_bytes()[0]))).unwrap();
    array
}

impl Rig {
    fn array(&self, name: &str) -> Lazy {
        stored(&self.folder, name, &SHAPE, Order::C).into()
    }

    /// Computes in memory and into a file, and compares both with their plans.
    fn run(&self, lazy: &Lazy, what: &str) -> (Plan, Report) {
        let plan = lazy.plan(&self.session);
        let done = lazy.compute(&self.session);
        match (plan, done) {
            (Ok(plan), Ok(done)) => {
                let report = self.log.take();
                assert_eq!(report.conditions, done.report().conditions, "{what}");
                as_planned(&plan, &report, &format!("{what}, in memory"));
            }
            (Err(plan), Err(done)) => {
                assert_eq!(plan.to_string(), done.to_string());
                assert!(done.to_string().contains("the result in memory needs"), "{done}");
                self.log.take();
            }
            (plan, done) => panic!("{what}: {plan:?} {done:?}"),
        }
        let options = CreateOptions::of(lazy).unwrap().existing(Existing::Replace);
        let path = self.folder.path("out.npy");
        let plan = options.plan_save(lazy, &path, Casting::No, &self.session).unwrap();
        options.save(lazy, &path, Casting::No, &self.session).unwrap();
        let report = self.log.take();
        as_planned(&plan, &report, &format!("{what}, saved"));
        (plan, report)
    }
}

/// What every thread may take beside the boxes: windows, blocks of devices, tiles of a program.
const BESIDE: u64 = 3 << 20;

fn as_planned(plan: &Plan, report: &Report, what: &str) {
    if plan.notes.iter().any(|note| note.contains("a file without a name")) {
        // What such a file brings is not among the files that are read, and a little memory can ask for another.
        assert!(report.bytes_written >= plan.writes, "{what}");
        assert!(report.passes >= plan.passes, "{what}: {:?}", plan.stages);
        assert!(report.io.bytes_asked >= plan.bytes(), "{what}: {:?}", plan.readings);
        return;
    }
    assert_eq!(report.passes, plan.passes, "{what}: {:?}", plan.stages);
    assert_eq!(report.bytes_written, plan.writes, "{what}");
    assert_eq!(report.threads, plan.threads, "{what}");
    // Small arrays are read before the passes that need them.
    let held = plan.readings.iter().filter(|reading| reading.reason.contains("held in memory"));
    let held: u64 = held.map(|reading| reading.bytes).sum();
    assert_eq!(report.io.bytes_asked + held, plan.bytes(), "{what}: {:?}", plan.readings);
    for engine in report.engine.split(", ").filter(|engine| !engine.is_empty()) {
        let planned = plan.readings.iter().any(|reading| reading.engine == engine);
        assert!(planned, "{what}: {engine} of {:?}", plan.readings);
    }
    let most = plan.budget + report.threads as u64 * BESIDE;
    assert!(report.io.buffer_bytes <= most, "{what}: {} of {most}", report.io.buffer_bytes);
    assert!(plan.buffers <= most, "{what}: planned {} of {most}", plan.buffers);
}

#[test]
fn every_array_is_read_as_often_as_it_must_be() {
    for memory in ["1MiB", "4MiB", "16MiB", "64MiB"] {
        let rig = Rig::new(memory);
        let (a, b) = (rig.array("a.npy"), rig.array("b.npy"));
        let square = (&a - &b).power(2);
        let check = |lazy: &Lazy, passes: u64, bytes: u64, what: &str| {
            let (plan, report) = rig.run(lazy, &format!("{what} in {memory}"));
            // In a megabyte the boxes of columns of two arrays do not fit, and their values are kept first.
            if memory != "1MiB" {
                assert_eq!((report.passes, plan.bytes()), (passes, bytes), "{what} in {memory}");
            }
        };
        check(&(&a + &b), 1, 2 * BYTES, "sum");
        check(&square.mean(()), 1, 2 * BYTES, "mean of squares");
        check(&square.mean(0), 1, 2 * BYTES, "means of squares");
        check(&((&a - a.mean(0)) / a.std(0)), 2, 2 * BYTES, "standard scores");
        check(&(a.max(1) - a.min(1)), 1, BYTES, "ranges");
        check(&(a.mean(()) + a.std(()) + a.max(()) + b.sum(())), 2, 2 * BYTES, "several");
        check(&(&square + square.sqrt()), 1, 2 * BYTES, "twice the same");
        // Made twice, and opened twice.
        let again = Lazy::from(ndfolio::open(rig.folder.path("a.npy")).unwrap());
        check(&((&a - &b) * (&again - &b)), 1, 2 * BYTES, "twice the same array");
        let row = Lazy::from(stored(&rig.folder, "r.npy", &[1024], Order::C));
        check(&(&a + &row), 1, BYTES + ROW, "a row");
        let column = Lazy::from(stored(&rig.folder, "k.npy", &[1500, 1], Order::C));
        check(&(&a + &column), 1, BYTES + 4 * 1500, "a column");
        check(&(&a * row.abs().sqrt()), 2, BYTES + ROW, "the root of a row");
    }
}

#[test]
fn neighbours_are_read_together() {
    let rig = Rig::new("16MiB");
    let x = rig.array("x.npy");
    for (lazy, shift) in [(x.diff(1, 0), ROW), (x.diff(2, 0), 2 * ROW), (x.diff(1, 1), 4)] {
        let plan = lazy.plan(&rig.session).unwrap();
        assert_eq!((plan.passes, plan.readings.len()), (1, 1), "{:?}", plan.readings);
        lazy.sum(()).compute(&rig.session).unwrap();
        let report = rig.log.take();
        // Every piece brings the rows that it shares with the next.
        let most = BYTES + report.io.pieces * (2 * shift + 8192);
        assert!(report.io.bytes_read <= most, "{} of {most}", report.io.bytes_read);
    }
}

#[test]
fn results_that_do_not_fit_are_refused_with_their_size() {
    let rig = Rig::new("4MiB");
    let x = rig.array("x.npy");
    let error = (&x * 2.0).compute(&rig.session).unwrap_err().to_string();
    assert!(error.contains(&BYTES.to_string()) && error.contains(&(4 << 20).to_string()), "{error}");
    assert_eq!((&x * 2.0).plan(&rig.session).unwrap_err().to_string(), error);
    assert_eq!(rig.log.take().passes, 0);
    let half = x.slice((..750, ..));
    assert_eq!((&half * 2.0).compute(&rig.session).unwrap().bytes().len() as u64, BYTES / 2);
}

#[test]
fn assignments_are_as_planned() {
    for memory in ["1MiB", "64MiB"] {
        let rig = Rig::new(memory);
        let array = stored(&rig.folder, "x.npy", &[1024, 1024], Order::C);
        let x = array.lazy();
        let lazies = [&x * 2.0, &x - x.mean(0), &x + x.transpose(None), x.slice((slice(None, None, -1), ..))];
        for (number, lazy) in lazies.iter().enumerate() {
            let plan = array.plan_assign(lazy, Casting::SameKind, &rig.session).unwrap();
            array.assign_lazy(lazy, Casting::SameKind, &rig.session).unwrap();
            as_planned(&plan, &rig.log.take(), &format!("assignment {number} in {memory}"));
        }
    }
}

#[test]
fn odd_orders_are_as_planned() {
    for memory in ["1MiB", "8MiB", "64MiB"] {
        let rig = Rig::new(memory);
        let a = rig.array("a.npy");
        let f = Lazy::from(stored(&rig.folder, "f.npy", &SHAPE, Order::F));
        for (number, lazy) in [
            &a + &f,
            (&a + &f).sum(0),
            (&a + &f).max(1),
            &f * 2.0,
            (&f * 2.0).mean(1),
            f.cumsum(0) + &a,
            (a.cumsum(1) * 2.0).sum(0),
            a.slice((slice(None, None, 3), slice(None, None, 2))) + 1.0,
        ]
        .iter()
        .enumerate()
        {
            rig.run(lazy, &format!("{number} in {memory}"));
        }
    }
}

#[test]
fn nothing_changes_a_bit() {
    let folder = Folder::new();
    let shape = [700, 2048];
    let a = stored(&folder, "a.npy", &shape, Order::C);
    let f = stored(&folder, "f.npy", &shape, Order::F);
    let row = Lazy::from(stored(&folder, "r.npy", &[2048], Order::C));
    let (x, y) = (a.lazy(), f.lazy());
    let lazies = [
        (&x - &row) * 1.1,
        (&x * &y) + 0.3,
        (&x - x.mean(0)) / x.std(0),
        (x.abs().sqrt() * 0.7).sum(()),
        (&y * 1.1).mean(0),
        (&y * 1.1).var(1),
        (&x * &y).sum(0),
        (&x * &y).sum(1),
        (&x + &row).argmax(0),
        x.cumsum(0) - &row,
    ];
    let sessions = |number: usize| {
        let memory = ["4KiB", "64KiB", "1MiB", "5MiB", "64MiB"][number % 5];
        let ways =
            [Io::Auto, Io::Force(IoEngine::Mmap), Io::Force(IoEngine::Pread), Io::Force(IoEngine::Direct)];
        let session = Session::new().memory(memory.parse().unwrap()).threads(number % 4 + 1);
        session.io(ways[number / 2 % 4]).scratch(folder.path(""))
    };
    for (which, lazy) in lazies.iter().enumerate() {
        let want = lazy.save(folder.path("want.npy"), &Session::new().scratch(folder.path(""))).unwrap();
        let want = want.bytes().unwrap();
        for number in 0..10 {
            let session = sessions(number);
            let found = match lazy.save(folder.path("found.npy"), &session) {
                Ok(found) => found,
                // A running sum needs a row of last results.
                Err(error) if number % 5 == 0 && error.to_string().contains("running sum") => continue,
                Err(error) => panic!("{which} {session:?}: {error}"),
            };
            assert!(found.bytes().unwrap() == want, "{which} {session:?}");
        }
    }
    assert_eq!(folder.names(), ["a.npy", "f.npy", "found.npy", "r.npy", "want.npy"]);
}

#[test]
fn a_reduction_is_that_of_the_saved_array() {
    let folder = Folder::new();
    let a = stored(&folder, "a.npy", &[300, 20, 50], Order::C);
    let f = stored(&folder, "f.npy", &[300, 20, 50], Order::F);
    let wide = stored(&folder, "w.npy", &[3, 100_000], Order::C);
    let ops = [Op::Sum, Op::Prod, Op::Mean, Op::Var { ddof: 0.0 }, Op::Norm, Op::ArgMin, Op::Max];
    let run = Session::new();
    for (number, plain) in [a, f, wide].iter().enumerate() {
        let lazy = plain.lazy() * 1.000_1 + 0.1;
        let saved = lazy.save(folder.path("saved.npy"), &run).unwrap();
        assert_eq!(saved.order(), plain.order());
        let ndim = plain.ndim();
        for mask in 0..1 << ndim {
            let axes: Vec<isize> = (0..ndim as isize).filter(|axis| mask >> axis & 1 == 1).collect();
            for op in ops {
                let want = saved.reduction().axes(&axes).compute(&[op]).unwrap().remove(0);
                for memory in ["16KiB", "1MiB", "64MiB"] {
                    let session = Session::new().memory(memory.parse().unwrap()).scratch(folder.path(""));
                    let found = lazy.reduce(op, axes.clone(), NanPolicy::Propagate);
                    let found = found.save(folder.path("found.npy"), &session).unwrap().bytes().unwrap();
                    assert!(found == want.bytes(), "{number} {op:?} {axes:?} {memory}");
                }
            }
        }
    }
}

/// Boxes are reduced while they are computed; in some a NaN comes late, and rows are no whole number of blocks.
#[test]
fn parts_with_nan_are_reduced_as_those_of_the_saved_array() {
    let folder = Folder::new();
    let ops = [Op::Sum, Op::Var { ddof: 1.0 }, Op::Norm, Op::Min, Op::Max, Op::Prod, Op::CountNonzero];
    let cases = [("<f4", [1, 300_001]), (">f8", [7, 20_001]), ("<f2", [2, 70_000])];
    for (number, (dtype, shape)) in cases.iter().enumerate() {
        let items = numbers(shape, number).mapv(|x| f64::from(x + 6000.0) / 100.0);
        let options = CreateOptions::new("<f8".parse().unwrap(), shape).existing(Existing::Replace);
        let wide = options.create(folder.path("wide.npy")).unwrap();
        wide.write(.., &items).unwrap();
        for place in [5_000, 15_000, 19_999] {
            wide.slice((.., slice(place, place + 1, 1))).unwrap().fill(-1.0).unwrap();
        }
        let wide = wide.lazy().astype(&dtype.parse().unwrap(), Casting::SameKind);
        let lazy = wide.save(folder.path("a.npy"), &Session::new()).unwrap().lazy().sqrt();
        let saved = lazy.save(folder.path("saved.npy"), &Session::new()).unwrap();
        for (axes, op) in [vec![0, 1], vec![1]].iter().flat_map(|axes| ops.map(|op| (axes, op))) {
            for nan in [NanPolicy::Propagate, NanPolicy::Skip] {
                let plain = saved.reduction().axes(axes);
                let reduction = if nan == NanPolicy::Skip { plain.skip_nan() } else { plain };
                let want = reduction.compute(&[op]).unwrap().remove(0);
                for memory in ["16KiB", "64MiB"] {
                    let what = format!("{dtype} {op:?} {nan:?} {axes:?} {memory}");
                    let log = Log::new(u64::MAX);
                    let session = Session::new().memory(memory.parse().unwrap()).scratch(folder.path(""));
                    let session = session.observe(Arc::clone(&log) as _);
                    let found = lazy.reduce(op, axes.clone(), nan).compute(&session).unwrap();
                    assert!(found.bytes() == want.bytes(), "{what}");
                    assert_eq!(log.take().conditions.invalid, 3 * shape[0] as u64, "{what}");
                }
            }
        }
    }
}

/// Another order is written in whole rows as long as their runs in the file are two cache lines: of so many columns in the
/// usual memory, they were taken for too short, and smaller boxes took four times as long.
#[test]
fn long_rows_of_another_order_are_written_as_rows() {
    let folder = Folder::new();
    let options = CreateOptions::new("<f4".parse().unwrap(), &[512, 32768]).order(Order::F);
    let array = options.create(folder.path("wide.npy")).unwrap();
    for (memory, least) in [("72MiB", 40 << 20), ("48MiB", 25 << 20)] {
        let session = Session::new().memory(memory.parse().unwrap()).threads(2);
        let target = CreateOptions::new("<f4".parse().unwrap(), array.shape());
        let plan = target.plan_copy_of(&array, folder.path("new.npy"), Casting::No, &session).unwrap();
        assert!(plan.buffers >= least && plan.buffers <= plan.budget, "{memory} {}", plan.buffers);
    }
}

/// Has a file leave the page cache once a pass over it has come to its end.
struct Evict {
    array: Array,
    log: Arc<Log>,
}

impl Observer for Evict {
    fn advance(&self, _: u64) {}

    fn finished(&self, report: &Report) {
        self.log.finished(report);
        self.array.evict().unwrap();
    }
}

#[test]
fn what_left_the_page_cache_after_a_pass_is_seen_by_the_next() {
    let rig = Rig::new("64MiB");
    let array = stored(&rig.folder, "a.npy", &SHAPE, Order::C);
    array.flush().unwrap();
    let mean = array.lazy().reduce(Op::Mean, vec![0, 1], NanPolicy::Propagate);
    let sum = (array.lazy() - mean).sqrt().reduce(Op::Sum, vec![0, 1], NanPolicy::Propagate);
    let observer = Arc::new(Evict { array: array.clone(), log: Arc::clone(&rig.log) });
    let session = rig.session.observe(observer);
    let reasons = || {
        sum.compute(&session).unwrap();
        let reports = std::mem::take(&mut *rig.log.reports.lock().unwrap());
        let reasons: Vec<String> = reports.into_iter().map(|report| report.reason).collect();
        <[String; 2]>::try_from(reasons).unwrap()
    };
    array.prefetch(&|| false).unwrap();
    let [first, second] = reasons();
    assert!(first.contains("100 %"), "{first}");
    if array.residency().unwrap().resident != Some(0) {
        return eprintln!("skipped: the file system keeps its files in memory");
    }
    assert!(second.starts_with("0 %"), "{second}");
    let [first, _] = reasons();
    assert!(first.starts_with("0 %"), "{first}");
    array.prefetch(&|| false).unwrap();
    let [first, _] = reasons();
    assert!(first.contains("100 %"), "{first}");
}
