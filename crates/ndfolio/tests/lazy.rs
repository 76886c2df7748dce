//! Lazy expressions, against the same expressions item by item.

mod common;

use common::{
    Folder,
    naive::{Builder, Item, Kind, Naive, strategy},
};
use ndfolio::{
    Array, Casting, CreateOptions, Error, Existing, FileKind, Io, IoEngine, Lazy, OpenOptions, Order, Run,
    Value, slice,
};
use proptest::prelude::*;

fn runs(folder: &std::path::Path) -> Vec<Run<'_>> {
    let plain = Run::default().scratch(folder);
    let mut runs = vec![plain, plain.memory(1 << 20), plain.memory(20_000), plain.memory(1)];
    runs.extend(IoEngine::ALL.map(|engine| plain.memory(64 << 10).io(Io::Force(engine))));
    runs
}

/// NaN is NaN, whatever its sign; everything else is the same bit for bit.
fn assert_bytes(got: &[u8], want: &[u8], what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len(), "{}", what);
    let differing = got.iter().zip(want).position(|(a, b)| a != b);
    prop_assert_eq!(differing, None, "{}", what);
    Ok(())
}

/// The items of an array one by one.
fn check_array(array: &Array, want: &Naive, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(array.shape(), want.items.shape(), "{}", what);
    let (_, values) = array.read_values(..).unwrap();
    for (place, (got, want)) in values.iter().zip(want.items.iter()).enumerate() {
        let same = match (got, want) {
            (Value::Int(n), Item::Int(m)) => n == m,
            (Value::Bool(truth), Item::Int(m)) => i64::from(*truth) == *m,
            (got, want) => got.as_f64().unwrap().to_bits() == want.float().to_bits(),
        };
        prop_assert!(same, "{what}: item {place} is {got:?}, not {want:?}");
    }
    Ok(())
}

/// A result that a run may have refused: it takes more than the memory.
fn computed(lazy: &Lazy, run: Run<'_>) -> Option<Vec<u8>> {
    match lazy.compute(run) {
        Ok(found) => Some(found.bytes().to_vec()),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("the result in memory"), "{text}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_expression_has_its_items(tree in strategy::tree(), shape in strategy::shape(), f in any::<bool>()) {
        let folder = Folder::new();
        let mut builder = Builder { folder: &folder, made: 0 };
        let (lazy, naive) = builder.whole(&tree, &shape);
        let (dtype, want) = (naive.kind.dtype(), naive.bytes());
        prop_assert_eq!(lazy.dtype().unwrap().with_byte_order(ndfolio::ByteOrder::Little).to_string(), dtype.parse::<ndfolio::DType>().unwrap().to_string());
        prop_assert_eq!(lazy.shape().unwrap(), &shape[..]);
        let place = folder.path("");
        for run in runs(&place) {
            if let Some(bytes) = computed(&lazy, run) {
                assert_bytes(&bytes, &want, "in memory")?;
            }
        }
        let files = folder.names();
        for (number, run) in runs(&place).into_iter().enumerate() {
            let saved = lazy.save(folder.path("out.npy"), run).unwrap();
            check_array(&saved, &naive, &format!("saved {number}"))?;
            check_array(&ndfolio::open(folder.path("out.npy")).unwrap(), &naive, "opened")?;
            // With another dtype, byte order, order of the axes, unaligned.
            let order = if f { Order::F } else { Order::C };
            let options = CreateOptions::of(&lazy).unwrap().dtype(">f8".parse().unwrap()).order(order);
            let options = options.kind(FileKind::Raw).offset(5).existing(Existing::Replace);
            let (raw, _) = options.save(&lazy, folder.path("out.bin"), Casting::Unsafe, run).unwrap();
            check_array(&raw, &naive.cast(Kind::F8), &format!("raw {number}"))?;
            // In blocks.
            let (mut bytes, mut items) = (Vec::new(), 0);
            lazy.for_each_block(run, |block| {
                let itemsize = lazy.dtype().unwrap().itemsize();
                let inside = block.start.iter().zip(block.shape).zip(&shape).all(|((at, n), all)| at + n <= *all);
                assert!(inside && block.shape.iter().product::<usize>() * itemsize == block.bytes.len());
                let first = block.start.iter().zip(&shape).fold(0, |place, (at, n)| place * n + at);
                assert_eq!(first * itemsize, bytes.len());
                bytes.extend_from_slice(block.bytes);
                items += 1;
                Ok::<(), Error>(())
            }).unwrap();
            assert_bytes(&bytes, &want, "in blocks")?;
        }
        let mut after = folder.names();
        after.retain(|name| !name.starts_with("out."));
        prop_assert_eq!(after, files);
    }

    /// Into every second item of a file, backwards, in another order and byte order.
    #[test]
    fn any_expression_goes_into_any_view(
        tree in strategy::tree(), shape in strategy::shape(), target in strategy::layout(), run in 0_usize..7,
    ) {
        let folder = Folder::new();
        let mut builder = Builder { folder: &folder, made: 0 };
        let (lazy, naive) = builder.build(&tree, &shape);
        let (array, _) = builder.array(&target, &shape);
        let clipped = if naive.kind >= Kind::F4 && target.kind < Kind::F4 {
            // What an int32 cannot hold becomes nothing in particular.
            (lazy.equal(2), naive.cast(Kind::F8))
        } else {
            (lazy, naive.clone())
        };
        let place = folder.path("");
        array.assign_lazy(&clipped.0, Casting::Unsafe, runs(&place)[run]).unwrap();
        let want = if naive.kind >= Kind::F4 && target.kind < Kind::F4 {
            let mut truth = clipped.1.cast(Kind::F8);
            truth.items.mapv_inplace(|item| Item::Int((item.float() == 2.0).into()));
            truth
        } else {
            clipped.1.cast(target.kind)
        };
        check_array(&array, &want.broadcast(&shape), "assigned")?;
        // What lies between its items is what it was.
        let path = array.path().to_owned();
        let before = builder.array(&target, &shape).0.path().to_owned();
        let (after, before) = (std::fs::read(path).unwrap(), std::fs::read(before).unwrap());
        prop_assert_eq!(after.len(), before.len());
        let mut own = vec![false; after.len()];
        for span in array.view().spans() {
            own[span.offset as usize..(span.offset + span.len) as usize].fill(true);
        }
        for (place, own) in own.iter().enumerate() {
            prop_assert!(*own || after[place] == before[place], "byte {place}");
        }
    }

    #[test]
    fn files_are_in_the_order_of_the_arrays(
        f in prop::collection::vec(any::<bool>(), 1..4), n in 2_usize..9, m in 2_usize..9,
    ) {
        let folder = Folder::new();
        let mut lazy: Option<Lazy> = None;
        for (number, f) in f.iter().enumerate() {
            let order = if *f { Order::F } else { Order::C };
            let options = CreateOptions::new("<f4".parse().unwrap(), &[n, m]).order(order).fill(number as f64);
            let array = Lazy::from(options.create(folder.path(&format!("{number}.npy"))).unwrap());
            lazy = Some(lazy.map_or_else(|| array.clone(), |lazy| lazy + &array));
        }
        let saved = (lazy.unwrap() + 1.0).save(folder.path("out.npy"), Run::default()).unwrap();
        let want = if f.iter().all(|f| *f) { Order::F } else { Order::C };
        prop_assert_eq!(saved.order(), Some(want));
    }
}

#[test]
fn single_numbers_and_nothing() {
    let folder = Folder::new();
    let place = folder.path("");
    for run in runs(&place) {
        assert_eq!((Lazy::from(3) + 4).compute(run).unwrap().value(), Value::Int(7));
        let one = Lazy::from(ndfolio::ndarray::arr0(2.5_f32));
        assert_eq!((&one * &one).compute(run).unwrap().value(), Value::Float32(6.25));
        let nothing = Lazy::from(ndfolio::ndarray::Array2::<f64>::zeros((0, 1)));
        for shape in [[0, 1], [0, 5]] {
            let wide = nothing.broadcast_to(&shape) + 1.0;
            assert_eq!(wide.compute(run).unwrap().shape(), shape);
            assert_eq!(wide.save(folder.path("n.npy"), run).unwrap().shape(), shape);
            assert_eq!(wide.sum(()).compute(run).unwrap().value(), Value::Float64(0.0));
            assert_eq!(wide.sum(0).compute(run).unwrap().values().len(), shape[1]);
            assert_eq!((&wide - wide.sum(0)).compute(run).unwrap().shape(), shape);
            assert_eq!(wide.cumsum(1).compute(run).unwrap().shape(), shape);
            assert_eq!(
                wide.cumsum(0).slice((slice(None, None, -1), ..)).compute(run).unwrap().shape(),
                shape
            );
            wide.for_each_block(run, |_| -> Result<(), Error> { panic!("there are no items") }).unwrap();
        }
    }
}

#[test]
fn records_keep_their_byte_orders() {
    let folder = Folder::new();
    let items: Vec<u8> = (0..18).collect();
    std::fs::write(folder.path("r.bin"), &items).unwrap();
    let dtype = "[('a', '>i2'), ('b', '<f4')]".parse().unwrap();
    let array = OpenOptions::new().dtype(dtype).shape(&[3]).open(folder.path("r.bin")).unwrap();
    let place = folder.path("");
    for run in runs(&place) {
        let computed = Lazy::from(&array).compute(run).unwrap();
        assert_eq!((computed.dtype(), computed.bytes()), (array.dtype(), &items[..]));
        let saved = Lazy::from(&array).save(folder.path("s.npy"), run).unwrap();
        assert_eq!((saved.dtype(), saved.bytes().unwrap()), (array.dtype(), items.clone()));
    }
}
