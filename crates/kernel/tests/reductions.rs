//! Reductions beside the plainest way to make them, and in every way to cut them up.

mod naive;

use naive::{Naive, items};
use ndfolio_kernel::reduce::{
    BLOCK, Columns, Level, NanPolicy, Op, Partial, Reducer, Scratch, Tree, Wanted, piece,
};
use ndfolio_layout::{DType, Value};
use proptest::prelude::*;

const DTYPES: [&str; 26] = [
    "?", "i1", "u1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8", "<f2",
    ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8", "<c16", ">c16", "<m8[s]", ">m8[s]",
];

fn everything(dtype: &str) -> Wanted {
    let all = Wanted::SUM | Wanted::POSITIONS | Wanted::INFINITE | Wanted::NONZERO;
    if dtype.contains("m8") { all } else { all | Wanted::M2 | Wanted::PROD | Wanted::SQUARES }
}

/// Around the borders of lanes, rows of lanes and blocks.
fn lengths() -> impl Strategy<Value = usize> {
    let borders =
        [0, 1, 2, 15, 31, 32, 33, 63, 64, 65, 127, 4064, 4095, BLOCK, 4097, 2 * BLOCK, 3 * BLOCK + 33];
    prop_oneof![2 => prop::sample::select(borders.to_vec()), 1 => 0_usize..5 * BLOCK]
}

fn policies() -> impl Strategy<Value = NanPolicy> {
    prop_oneof![Just(NanPolicy::Propagate), Just(NanPolicy::Skip)]
}

/// All items, handed over in pieces of so many blocks.
fn whole(reducer: &Reducer, items: &[u8], width: usize, blocks: &[usize]) -> Partial {
    let (mut tree, mut scratch) = (Tree::new(), Scratch::default());
    let (mut rest, mut number) = (items, 0);
    for blocks in blocks.iter().copied().chain(std::iter::repeat(7)) {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((blocks * BLOCK * width).min(rest.len()));
        for (level, partial) in piece(reducer, now, number, &mut scratch) {
            tree.push(reducer, level, partial);
        }
        (rest, number) = (later, number + blocks as u64);
    }
    tree.finish(reducer)
}

fn near(a: f64, b: f64, size: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-12 * size + 1e-300
}

/// Compares everything; `size` bounds the rounding of floating-point numbers.
fn check(got: &Partial, want: &Naive, about: &str) {
    assert_eq!(
        (got.count, got.first_nan, got.nonzero, got.infinite),
        (want.count, want.first_nan, want.nonzero, want.infinite),
        "{about}"
    );
    assert_eq!(got.nan > 0, want.nan > 0, "{about}");
    if want.skip {
        assert_eq!(got.nan, want.nan, "{about}");
    }
    if want.skip || want.nan == 0 {
        assert_eq!((got.int, got.int_prod), (want.int, want.int_prod), "{about}");
        assert_eq!((got.min, got.max), (want.min, want.max), "{about}");
        assert_eq!((got.min_at, got.max_at), (want.min_at, want.max_at), "{about}");
    }
    if want.size.iter().any(|size| size.is_infinite()) {
        // Whether sums overflow on the way depends on their order.
        return;
    }
    // Halves are added in fours in single precision, rounded three times, before anything else.
    let (of_sums, of_squares) =
        if about.contains("f2") { (1.5 * f64::from(f32::EPSILON) / 1e-12, 100.0) } else { (1.0, 1.0) };
    for i in 0..2 {
        assert!(near(got.sum[i], want.sum[i], want.size[i] * of_sums), "sum {got:?} {want:?} {about}");
    }
    assert!(near(got.squares, want.squares, want.squares), "squares {got:?} {want:?} {about}");
    let size = (want.m2 + want.squares * 1e-3) * of_squares;
    assert!(near(got.m2, want.m2, size), "m2 {got:?} {want:?} {about}");
    // The plainest way goes out of range where this does not.
    let (product, size) = (got.prod.finish(), want.prod[0].hypot(want.prod[1]));
    if size > 1e-280 && size < 1e280 {
        let (re, im) = (product[0] - want.prod[0], product[1] - want.prod[1]);
        assert!(re.hypot(im) < 1e-9 * size, "prod {product:?} {want:?} {about}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn as_the_plainest_way(
        text in prop::sample::select(&DTYPES[..]),
        count in lengths(),
        shift in 0_usize..9,
        special in 0_u64..4,
        nan in policies(),
        seed: u64,
    ) {
        let dtype: DType = text.parse().unwrap();
        let mut bytes = vec![0; shift];
        bytes.extend(items(&dtype, count, special, seed));
        let mut want = Naive::new(&dtype, &bytes[shift..], nan == NanPolicy::Skip);
        want.forget_product_if(special == 3);
        let reducer = Reducer::new(&dtype, everything(text), nan).unwrap();
        for level in Level::available() {
            let reducer = reducer.clone().with_level(level);
            let mut got = whole(&reducer, &bytes[shift..], dtype.itemsize(), &[]);
            if text == "?" {
                // Counted from how many are true, whether or not it is wanted.
                got.prod = want_one();
            }
            check(&got, &want, &format!("{text} {count} {level:?} {nan:?}"));
        }
    }

    #[test]
    fn columns_as_the_plainest_way(
        text in prop::sample::select(&DTYPES[..]),
        (rows, columns) in prop_oneof![(1_usize..40, 1_usize..40), (1_usize..9, 500_usize..1100), (200_usize..300, 1_usize..4)],
        cut in 0_usize..10,
        special in 0_u64..4,
        nan in policies(),
        seed: u64,
    ) {
        let dtype: DType = text.parse().unwrap();
        let (width, cut) = (dtype.itemsize(), rows * cut / 10);
        let bytes = items(&dtype, rows * columns, special, seed);
        let (now, later) = bytes.split_at(cut * columns * width);
        let mut scratch = Scratch::default();
        let mut levels = Level::available().into_iter().map(|level| {
            let reducer = Reducer::new(&dtype, everything(text), nan).unwrap().with_level(level);
            let mut group = |rows: &[u8], first: usize| {
                let mut group = Columns::new(&reducer, columns);
                group.group(rows, 5 + first as u64, &mut scratch);
                group
            };
            let mut all = group(now, 0);
            all.merge(&group(later, cut));
            (0..columns).map(|column| all.get(column)).collect::<Vec<_>>()
        });
        let first = levels.next().unwrap();
        for other in levels {
            prop_assert_eq!(format!("{:?}", other), format!("{:?}", first));
        }
        for (column, got) in first.iter().enumerate() {
            let own: Vec<u8> = bytes.chunks(width).skip(column).step_by(columns).flatten().copied().collect();
            let mut want = Naive::new(&dtype, &own, nan == NanPolicy::Skip);
            want.move_places(5);
            want.forget_product_if(special == 3);
            check(got, &want, &format!("{text} {rows}x{columns} {nan:?}"));
        }
    }

    #[test]
    fn cuts_change_no_bit(
        text in prop::sample::select(&DTYPES[..]),
        count in 0_usize..40 * BLOCK,
        cuts in prop::collection::vec(1_usize..9, 0..20),
        special in 0_u64..4,
        nan in policies(),
        seed: u64,
    ) {
        let dtype: DType = text.parse().unwrap();
        let bytes = items(&dtype, count, special, seed);
        let reducer = Reducer::new(&dtype, everything(text), nan).unwrap();
        let got = whole(&reducer, &bytes, dtype.itemsize(), &cuts);
        // Block by block, as threads might.
        let (mut tree, mut scratch) = (Tree::new(), Scratch::default());
        for (block, items) in bytes.chunks(BLOCK * dtype.itemsize()).enumerate() {
            tree.push(&reducer, 0, reducer.block(items, (block * BLOCK) as u64, &mut scratch));
        }
        prop_assert_eq!(format!("{:?}", got), format!("{:?}", tree.finish(&reducer)));
    }
}

fn want_one() -> ndfolio_kernel::reduce::Scaled {
    ndfolio_kernel::reduce::Scaled::ONE
}

#[test]
fn many_tenths_add_up() {
    let bytes: Vec<u8> = 0.1_f32.to_le_bytes().repeat(1 << 24);
    let reducer = Reducer::new(&"<f4".parse().unwrap(), Wanted::SUM, NanPolicy::Propagate).unwrap();
    let exact = f64::from(0.1_f32) * f64::from(1 << 24);
    let sum = whole(&reducer, &bytes, 4, &[]);
    assert!((sum.sum[0] / exact - 1.0).abs() < 1e-15);
    assert_eq!(Op::Sum.result(&reducer, &sum), Ok(Value::Float32(exact as f32)));
    let mut columns = Columns::new(&reducer, 4);
    columns.group(&bytes, 0, &mut Scratch::default());
    assert!((columns.get(3).sum[0] / exact * 4.0 - 1.0).abs() < 1e-6);
}

#[test]
fn a_small_spread_far_from_zero() {
    let numbers: Vec<f64> = (0..100_000).map(|i| 1e9 + f64::from(i % 7)).collect();
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_ne_bytes()).collect();
    let reducer = Reducer::new(&"=f8".parse().unwrap(), Wanted::M2, NanPolicy::Propagate).unwrap();
    let Ok(Value::Float64(var)) =
        Op::Var { ddof: 0.0 }.result(&reducer, &whole(&reducer, &bytes, 8, &[1, 2, 3]))
    else {
        panic!()
    };
    let mean = (0..100_000).map(|i| f64::from(i % 7)).sum::<f64>() / 1e5;
    let exact = (0..100_000).map(|i| (f64::from(i % 7) - mean).powi(2)).sum::<f64>() / 1e5;
    assert!((var / exact - 1.0).abs() < 1e-9, "{var} {exact}");
}
