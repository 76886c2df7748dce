//! Assignments of expressions that read what they write, against NumPy's rule: what is read is what was there before.

mod common;

use common::Folder;
use ndfolio::{
    Array, Casting, CreateOptions, FileKind, Io, IoEngine, Lazy, Mode, OpenOptions, Order, Run, Session,
    ndarray::ArrayD, ndarray::IxDyn, slice,
};

const BUDGETS: [usize; 4] = [1, 64 << 10, 1 << 20, 64 << 20];

/// Numbers that differ from their neighbours.
fn numbers(shape: &[usize]) -> ArrayD<f64> {
    let count = shape.iter().product::<usize>();
    let items = (0..count).map(|i| ((i * 7919) % 100_003) as f64).collect();
    ArrayD::from_shape_vec(IxDyn(shape), items).unwrap()
}

fn stored(folder: &Folder, shape: &[usize], order: Order, offset: u64) -> Array {
    let path = folder.path("x.bin");
    let _ = std::fs::remove_file(&path);
    let options = CreateOptions::new("<f8".parse().unwrap(), shape).order(order);
    let array = options.kind(FileKind::Raw).offset(offset).create(path).unwrap();
    array.write(.., &numbers(shape)).unwrap();
    array
}

/// Assigns in all budgets, on some threads, all ways of reading, in both orders of the file.
fn everyhow(
    shape: &[usize],
    assign: impl Fn(&Array, Run<'_>) -> ndfolio::Result<()>,
    want: impl Fn(&ArrayD<f64>) -> ArrayD<f64>,
) {
    let folder = Folder::new();
    let place = folder.path("");
    let want = want(&numbers(shape));
    let ways = [Io::Auto, Io::Force(IoEngine::Mmap), Io::Force(IoEngine::Pread), Io::Force(IoEngine::Direct)];
    for order in [Order::C, Order::F] {
        for (number, budget) in BUDGETS.into_iter().enumerate() {
            let io = ways[(number + usize::from(order == Order::F)) % 4];
            let run = Run::default().memory(budget).threads(number + 1).io(io).scratch(&place);
            let array = stored(&folder, shape, order, [0, 3][number % 2]);
            assign(&array, run).unwrap();
            let found = array.read::<f64>(..).unwrap();
            let differing = found.iter().zip(&want).filter(|(a, b)| a != b).count();
            let first = found.indexed_iter().zip(&want).find(|((_, a), b)| a != b);
            assert_eq!(differing, 0, "{order} {budget} {io:?}: {first:?}");
            assert_eq!(folder.names(), ["x.bin"]);
        }
    }
}

#[test]
fn in_place() {
    everyhow(
        &[900, 700],
        |array, run| array.assign_lazy(array.lazy() * 2 + 1, Casting::SameKind, run).map(drop),
        |x| x * 2.0 + 1.0,
    );
    // Every second row, backwards, of itself.
    everyhow(
        &[901, 300],
        |array, run| {
            let part = array.slice((slice(None, None, -2), ..)).unwrap();
            part.assign_lazy(part.lazy() - 0.5, Casting::SameKind, run).map(drop)
        },
        |x| {
            let mut x = x.clone();
            x.slice_mut(ndfolio::ndarray::s![..;2, ..]).mapv_inplace(|x| x - 0.5);
            x
        },
    );
}

#[test]
fn shifted() {
    everyhow(
        &[500_000],
        |array, run| {
            let (to, from) = (array.slice((1..,)).unwrap(), array.slice((..-1,)).unwrap());
            to.assign_lazy(from.lazy() + 1, Casting::SameKind, run).map(drop)
        },
        |x| {
            let mut new = x.clone();
            (1..x.len()).for_each(|i| new[i] = x[i - 1] + 1.0);
            new
        },
    );
    everyhow(
        &[600, 400],
        |array, run| {
            let (to, from) = (array.slice((..-3, ..)).unwrap(), array.slice((3.., ..)).unwrap());
            to.assign_lazy(from, Casting::SameKind, run).map(drop)
        },
        |x| {
            let mut new = x.clone();
            new.slice_mut(ndfolio::ndarray::s![..-3, ..]).assign(&x.slice(ndfolio::ndarray::s![3.., ..]));
            new
        },
    );
}

#[test]
fn reversed_and_transposed() {
    everyhow(
        &[400_000],
        |array, run| {
            array.assign_lazy(array.slice((slice(None, None, -1),)).unwrap(), Casting::No, run).map(drop)
        },
        |x| x.slice(ndfolio::ndarray::s![..;-1]).to_owned().into_dyn(),
    );
    everyhow(
        &[700, 700],
        |array, run| array.assign_lazy(array.lazy().transpose(None), Casting::No, run).map(drop),
        |x| x.t().to_owned(),
    );
    everyhow(
        &[600, 600],
        |array, run| {
            let x = array.lazy();
            array.assign_lazy((&x - x.transpose(None)) * 0.5, Casting::No, run).map(drop)
        },
        |x| (x - &x.t()) * 0.5,
    );
}

#[test]
fn of_its_own_reductions_and_rows() {
    everyhow(
        &[700, 500],
        |array, run| {
            let x = array.lazy();
            array.assign_lazy(&x - x.max(0) + x.min(()), Casting::No, run).map(drop)
        },
        |x| {
            let most = x.fold_axis(ndfolio::ndarray::Axis(0), 0.0_f64, |a, b| a.max(*b));
            x - &most + x.iter().copied().fold(f64::INFINITY, f64::min)
        },
    );
    everyhow(
        &[700, 500],
        |array, run| {
            let x = array.lazy();
            let row = x.slice((350, ..));
            array.assign_lazy(&x + row.abs(), Casting::No, run).map(drop)
        },
        |x| x + &x.index_axis(ndfolio::ndarray::Axis(0), 350),
    );
    everyhow(
        &[300, 400],
        |array, run| {
            let x = array.lazy();
            array.assign_lazy(x.cumsum(1).slice((.., slice(None, None, -1))) - &x, Casting::No, run).map(drop)
        },
        |x| {
            let mut sums = x.clone();
            sums.accumulate_axis_inplace(ndfolio::ndarray::Axis(1), |a, b| *b += a);
            &sums.slice(ndfolio::ndarray::s![.., ..;-1]) - x
        },
    );
}

#[test]
fn through_another_opening_of_the_file() {
    everyhow(
        &[400, 400],
        |array, run| {
            let options = OpenOptions::new().dtype("<f8".parse().unwrap()).shape(&[400, 400]);
            let options = options.offset(array.offset()).order(array.order().unwrap());
            // By another name, too.
            let link = array.path().with_extension("link");
            std::fs::hard_link(array.path(), &link).unwrap();
            let other = options.open(&link).unwrap();
            std::fs::remove_file(&link).unwrap();
            array.assign_lazy(other.lazy().transpose(None) + array.lazy(), Casting::No, run).map(drop)
        },
        |x| x + &x.t(),
    );
}

#[test]
fn a_private_copy_is_assigned_to() {
    let folder = Folder::new();
    let array = stored(&folder, &[300, 300], Order::C, 0);
    let options = OpenOptions::new().dtype("<f8".parse().unwrap()).shape(&[300, 300]).mode(Mode::CopyOnWrite);
    let private = options.open(array.path()).unwrap();
    let before = numbers(&[300, 300]);
    private
        .assign_lazy(
            private.lazy().transpose(None) - 1,
            Casting::No,
            Run::default().memory(20_000).scratch(&folder.path("")),
        )
        .unwrap();
    let want = &before.t() - 1.0;
    assert_eq!(private.read::<f64>(..).unwrap(), want);
    // What is private is another array than what is in the file.
    let both = Lazy::from(&private) - Lazy::from(&array);
    let both = both.compute(&Session::new()).unwrap().to_array::<f64>().unwrap();
    assert_eq!(both, &want - &before);
    assert_eq!(array.read::<f64>(..).unwrap(), before);
}

#[test]
fn what_cannot_be_assigned_is_refused_before_anything_is_computed() {
    let folder = Folder::new();
    let array = stored(&folder, &[30, 40], Order::C, 0);
    let options = OpenOptions::new().dtype("<f8".parse().unwrap()).shape(&[30, 40]);
    let read_only = options.open(array.path()).unwrap();
    let log = common::Log::new(u64::MAX);
    let session = Session::new().observe(std::sync::Arc::clone(&log) as _);
    let refused = |target: &Array, lazy: Lazy, casting| {
        let error = target.assign_lazy(lazy.clone(), casting, &session).unwrap_err().to_string();
        assert_eq!(target.plan_assign(lazy, casting, &session).unwrap_err().to_string(), error);
        assert_eq!(log.take().passes, 0);
        error
    };
    let error = refused(&read_only, array.lazy() - array.lazy().mean(()), Casting::No);
    assert!(error.contains("x.bin") && error.contains("mode 'r'"), "{error}");
    let error = refused(&array, array.lazy().slice((.., 1..)), Casting::No);
    assert!(error.contains("(30, 39)") && error.contains("(30, 40)"), "{error}");
    let error = refused(&array, array.lazy().slice((ndfolio::NewAxis,)), Casting::No);
    assert!(error.contains("(1, 30, 40)") && error.contains("(30, 40)"), "{error}");
    let complex = Lazy::from(ndfolio::num_complex::Complex::new(0.0, 1.0)) * array.lazy();
    let error = refused(&array, complex, Casting::SameKind);
    assert!(error.contains("same_kind"), "{error}");
    let error =
        refused(&array.slice((1,)).unwrap().broadcast_to(&[30, 40]).unwrap(), array.lazy(), Casting::No);
    assert!(error.contains("repeat along axis 0"), "{error}");
    assert_eq!(array.read::<f64>(..).unwrap(), numbers(&[30, 40]));
}
