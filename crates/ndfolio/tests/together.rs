//! Several results that are computed together: one pass over what they are made of, and the bits that each has alone.

mod common;

use std::sync::Arc;

use common::{Folder, Rig, naive};
use ndfolio::{
    Array, Casting, CreateOptions, Io, IoEngine, Lazy, NanPolicy, Op, Order, Plan, Reduced, Report, Run,
    along, compute, plan_compute, slice,
};
use proptest::prelude::*;

const SHAPE: [usize; 2] = [1500, 1024];
const BYTES: u64 = 4 * 1500 * 1024;

/// Numbers of many sizes, with some that are not in files called `n…`.
fn numbers(shape: &[usize], seed: u8) -> Vec<f32> {
    let count = shape.iter().product::<usize>();
    let items = (0..count).map(|i| match (i + usize::from(seed)).wrapping_mul(2_654_435_761) % 1_000_003 {
        n if n < 9 && seed == b'n' => f32::NAN,
        n => n as f32 / 77.0 - 5000.0,
    });
    items.collect()
}

fn stored(folder: &Folder, name: &str, dtype: &str, shape: &[usize], order: Order) -> Array {
    let items: Vec<u8> = numbers(shape, name.as_bytes()[0]).iter().flat_map(|x| x.to_ne_bytes()).collect();
    let lazy = Lazy::from_bytes(&"=f4".parse().unwrap(), shape, items);
    let options = CreateOptions::new(dtype.parse().unwrap(), shape).order(order);
    options.save(&lazy, folder.path(name), Casting::Unsafe, Run::default()).unwrap().0
}

impl Rig {
    fn array(&self, name: &str) -> Lazy {
        stored(&self.folder, name, "<f4", &SHAPE, Order::C).into()
    }

    /// Computes them at once and each by itself; what the first did, as it was planned.
    fn check(&self, lazies: &[Lazy], what: &str) -> (Plan, Report) {
        let plan = plan_compute(lazies, &self.session).unwrap();
        let together = compute(lazies, &self.session).unwrap();
        let report = self.log.take();
        // What a file without a name brings is not among the files that are read.
        let scratch = plan.writes > 0;
        assert!(report.passes == plan.passes || scratch, "{what}: {:?}, {:?}", report.passes, plan.stages);
        assert!(report.threads == plan.threads || plan.passes == 0, "{what}");
        // Small arrays are read before the passes that need them.
        let held = plan.readings.iter().filter(|reading| reading.reason.contains("held in memory"));
        let held: u64 = held.map(|reading| reading.bytes).sum();
        assert!(report.io.bytes_asked + held == plan.bytes() || scratch, "{what}: {:?}", plan.readings);
        let most = plan.budget + report.threads as u64 * (3 << 20);
        assert!(report.io.buffer_bytes <= most, "{what}: {} of {most}", report.io.buffer_bytes);
        assert!(plan.buffers.max(plan.states) <= most, "{what}: {} and {}", plan.buffers, plan.states);
        self.compare(lazies, &together, what);
        (plan, report)
    }

    /// Compares results with those of each by itself.
    fn compare(&self, lazies: &[Lazy], together: &[Reduced], what: &str) {
        for (number, (lazy, found)) in lazies.iter().zip(together).enumerate() {
            let alone = lazy.compute(&self.session).unwrap();
            assert_eq!((found.shape(), found.dtype()), (alone.shape(), alone.dtype()), "{what}, {number}");
            assert!(found.bytes() == alone.bytes(), "{what}: result {number}");
        }
        self.log.take();
    }
}

#[test]
fn what_is_computed_together_is_read_once() {
    for memory in ["32MiB", "64MiB"] {
        let rig = Rig::new(memory);
        let (a, b) = (rig.array("a.npy"), rig.array("b.npy"));
        let f = Lazy::from(stored(&rig.folder, "f.npy", "<f4", &SHAPE, Order::F));
        let again = Lazy::from(ndfolio::open(rig.folder.path("a.npy")).unwrap());
        let row = Lazy::from(stored(&rig.folder, "r.npy", "<f4", &[1024], Order::C));
        let squares = (&a - a.mean(())).power(2);
        let running = a.cumsum(1);
        let (even, odd) = (a.slice((.., slice(None, None, 2))), a.slice((.., slice(Some(1), None, 2))));
        let check = |lazies: &[Lazy], passes: u64, bytes: u64, what: &str| {
            let what = format!("{what} in {memory}");
            let (plan, report) = rig.check(lazies, &what);
            assert_eq!((report.passes, plan.bytes()), (passes, bytes), "{what}: {:?}", plan.stages);
        };
        check(&[a.sum(()), a.max(1)], 1, BYTES, "along other axes");
        check(&[a.sum(()), a.mean(0), a.min(1), a.std(()), a.argmax(())], 1, BYTES, "along all axes");
        check(&[a.sum(0), again.max(1)], 1, BYTES, "an array that is opened twice");
        check(&[a.max(0), a.transpose(None).max(0)], 1, BYTES, "a transposed array");
        check(&[f.sum(()), f.max(1), f.std(0)], 1, BYTES, "an array in Fortran's order");
        check(&[(&a + &b).sum(()), (&a - &b).sum(())], 1, 2 * BYTES, "a sum and a difference");
        check(&[(&a + &b).sum(()), (&a + &b).max(0), b.mean(1)], 1, 2 * BYTES, "one array of two");
        check(&[&a + &b, &a - &b], 1, 2 * BYTES, "results in memory");
        check(&[&a * 2.0, a.sum(()), (&a * 2.0).max(0)], 1, BYTES, "results and what is made of them");
        check(&[a.clone(), a.astype(&"<f8".parse().unwrap(), Casting::Safe)], 1, BYTES, "the array itself");
        check(&[(&a * &row).sum(0), (&a + &row).max(1)], 1, BYTES + 4 * 1024, "with a row");
        check(&[&a - a.mean(()), a.max(0)], 2, 2 * BYTES, "after a mean");
        check(&[a.max(0), squares.sum(1), squares.mean(())], 2, 2 * BYTES, "squares");
        check(&[a.max(0), (&squares + &b).sum(1)], 2, 3 * BYTES, "squares and another");
        check(&[even.sum(()), odd.max(1)], 1, BYTES / 2, "every other item");
        check(&[a.sum(()), b.max(1)], 2, 2 * BYTES, "arrays that have nothing in common");
        check(&[a.slice(..700).sum(()), a.slice(700..1400).max(1)], 2, 1400 * 4096, "parts that do not meet");
        let (_, report) = rig.check(&[running.sum(()), running.max(0), running.min(1)], "running sums");
        // In more memory they are kept there.
        let (passes, written) = if memory == "32MiB" { (2, BYTES) } else { (1, 0) };
        assert_eq!((report.passes, report.bytes_written), (passes, written), "in {memory}");
    }
}

/// What is in the way of one pass: little memory, another order.
#[test]
fn where_one_pass_cannot_be_there_are_several() {
    let rig = Rig::new("1MiB");
    let a = rig.array("a.npy");
    let (plan, _) = rig.check(&[a.sum(()), a.max(1), a.mean(0)], "in a megabyte");
    assert_eq!(plan.passes, 3);
    let rig = Rig::new("64MiB");
    let cube = Lazy::from(stored(&rig.folder, "c.npy", "<f4", &[300, 50, 100], Order::C));
    let f = Lazy::from(stored(&rig.folder, "f.npy", "<f8", &[1500, 512], Order::F));
    let backwards = f.slice(slice(None, None, -1));
    let (plan, _) = rig.check(&[cube.max(1), cube.sum(along([0, 2])), cube.min(())], "axes apart");
    assert_eq!(plan.passes, 2, "{:?}", plan.stages);
    rig.check(&[f.sum(1), &f * 1.0, backwards.sum(()), backwards.max(0)], "other orders");
    rig.check(&[backwards.mean(()), backwards.std(0), backwards.mean(1)], "backwards");
    // Rows of a part are not joined, and those of what is computed from it are.
    let wide = Lazy::from(stored(&rig.folder, "p.npy", "<f8", &[700, 1003], Order::C));
    let roots = Lazy::from(wide.abs().sqrt().save(rig.folder.path("q.npy"), Run::default()).unwrap());
    let part = roots.slice((.., ..1000));
    rig.check(&[part.sum(()), part.std(()), part.max(1), (&part * 3.0).mean(()), part.std(0)], "a part");
    let none = cube.slice((..0, ..));
    rig.check(&[none.sum(()), none.sum(1), &none + 1.0], "nothing");
}

/// Boxes of every kind, cut by pieces wherever those end.
#[test]
fn no_bit_depends_on_company() {
    let shapes: [&[usize]; 9] = [
        &[1_000_003],
        &[700, 1003],
        &[3, 500, 701],
        &[90_001, 7],
        &[11, 90_001],
        &[40, 37, 411],
        &[60, 60, 60, 3],
        &[7_001, 1, 40],
        &[2, 150_001],
    ];
    let all: &[Op] = &[
        Op::Sum,
        Op::Prod,
        Op::Mean,
        Op::Var { ddof: 1.0 },
        Op::Min,
        Op::Max,
        Op::ArgMin,
        Op::ArgMax,
        Op::Any,
        Op::CountNonzero,
        Op::Norm,
    ];
    for (turn, shape) in shapes.into_iter().enumerate() {
        for (dtype, order) in [("<f4", Order::C), (">f8", Order::C), ("<i2", Order::F), ("<f2", Order::C)] {
            let rig = Rig::new("64MiB");
            let name = if turn % 3 == 1 { "n.npy" } else { "a.npy" };
            let a = Lazy::from(stored(&rig.folder, name, dtype, shape, order));
            let b = Lazy::from(stored(&rig.folder, "b.npy", "<f4", shape, order));
            let axes: Vec<isize> = (0..shape.len() as isize).collect();
            let mut along_axes: Vec<Vec<isize>> = axes.iter().map(|&axis| vec![axis]).collect();
            along_axes.push(axes);
            let lazies: Vec<Lazy> = along_axes
                .iter()
                .enumerate()
                .flat_map(|(number, axes)| {
                    let op = |step: usize| all[(turn + number * 3 + step) % all.len()];
                    let nan = [NanPolicy::Propagate, NanPolicy::Skip][(turn + number) % 2];
                    [
                        a.reduce(op(0), along(axes.clone()), nan),
                        a.reduce(op(1), along(axes.clone()), nan),
                        (&a - &b).reduce(op(2), along(axes.clone()), nan),
                    ]
                })
                .collect();
            for memory in ["64MiB", "16MiB"] {
                for engine in IoEngine::ALL {
                    let session = rig.session.clone().memory(memory.parse().unwrap()).io(Io::Force(engine));
                    let rig = Rig { session, folder: Folder::new(), log: Arc::clone(&rig.log) };
                    let (plan, _) =
                        rig.check(&lazies, &format!("{dtype} {shape:?} {order:?}, {memory}, {engine}"));
                    let ample = dtype == "<f4" && memory == "64MiB";
                    assert!(plan.passes * 2 <= lazies.len() as u64 || !ample, "{shape:?}: {:?}", plan.stages);
                }
            }
        }
    }
}

/// What NumPy warns of is counted once, as it is computed once.
#[test]
fn conditions_are_those_of_one_computation() {
    let rig = Rig::new("64MiB");
    let a = rig.array("a.npy");
    let logs = (a.abs() - 1e30).log();
    let alone = logs.sum(()).compute(&rig.session).unwrap().report().conditions;
    rig.log.take();
    compute(&[logs.sum(()), logs.max(0), logs.min(1)], &rig.session).unwrap();
    let report = rig.log.take();
    assert_eq!((report.passes, report.conditions), (1, alone));
    assert!(alone.invalid > 1_000_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Any expressions of one shape, and reductions of them.
    #[test]
    fn any_expressions_together(
        trees in prop::collection::vec(naive::strategy::tree(), 2..5),
        shape in naive::strategy::shape(),
        which in prop::collection::vec((0_usize..5, 0_usize..4), 1..6),
    ) {
        let folder = Folder::new();
        let mut builder = naive::Builder { folder: &folder, made: 0 };
        let whole: Vec<Lazy> = trees.iter().map(|tree| builder.whole(tree, &shape).0).collect();
        let mut lazies = whole.clone();
        for (tree, way) in which {
            let one = &whole[tree % whole.len()];
            lazies.push(match way {
                0 => one.sum(()),
                1 if !shape.is_empty() => one.any(0),
                2 if !shape.is_empty() => one.sum(-1),
                _ => one + &whole[0],
            });
        }
        let place = folder.path("");
        let plain = Run::default().scratch(&place);
        for run in [plain, plain.memory(1 << 20), plain.memory(64 << 10)] {
            let together = match compute(&lazies, run) {
                Ok(together) => together,
                Err(error) => {
                    prop_assert!(error.to_string().contains("the result in memory"), "{error}");
                    continue;
                }
            };
            for (lazy, found) in lazies.iter().zip(together) {
                let alone = lazy.compute(run).unwrap();
                prop_assert_eq!(found.bytes(), alone.bytes());
            }
        }
    }
}
