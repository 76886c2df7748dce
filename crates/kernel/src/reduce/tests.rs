use ndfolio_layout::DType;
use proptest::prelude::*;

use super::*;

const NUMBERS: [&str; 15] =
    ["|b1", "|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<i8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", "<c8"];

fn everything() -> Wanted {
    Wanted::M2 | Wanted::POSITIONS | Wanted::INFINITE | Wanted::NONZERO | Wanted::PROD | Wanted::SQUARES
}

fn reducer(dtype: &str, wanted: Wanted, skip: bool) -> Reducer {
    let nan = if skip { NanPolicy::Skip } else { NanPolicy::Propagate };
    Reducer::new(&dtype.parse().unwrap(), wanted, nan).unwrap()
}

/// Bits of any kind, which make NaN, infinities and subnormal numbers of some.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // Some runs of one value, so that extremes occur more than once.
    (0..len)
        .map(|i| if seed.is_multiple_of(3) && i % 64 < 32 { 0x3f } else { (next() >> 24) as u8 })
        .collect()
}

fn reduce(reducer: &Reducer, items: &[u8], blocks: usize) -> String {
    let (mut tree, mut scratch) = (Tree::new(), Scratch::default());
    let width = reducer.itemsize();
    for (number, part) in items.chunks(blocks * BLOCK * width).enumerate() {
        for (level, partial) in piece(reducer, part, (number * blocks) as u64, &mut scratch) {
            tree.push(reducer, level, partial);
        }
    }
    format!("{:?}", tree.finish(reducer))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_instruction_set_gives_the_same_bits(
        dtype in prop::sample::select(&NUMBERS[..]), count in 0_usize..3 * BLOCK, shift in 0_usize..8, seed: u64, skip: bool,
    ) {
        let best = reducer(dtype, everything(), skip);
        let all = bytes(count * best.itemsize() + shift, seed);
        let items = &all[shift..];
        for level in Level::available() {
            let other = best.clone().with_level(level);
            prop_assert_eq!(reduce(&other, items, 1), reduce(&best, items, 1), "{:?}", level);
        }
    }

    #[test]
    fn pieces_change_no_bit(
        dtype in prop::sample::select(&NUMBERS[..]), count in 0_usize..40 * BLOCK, blocks in 1_usize..9, seed: u64, skip: bool,
    ) {
        let reducer = reducer(dtype, everything(), skip);
        let items = bytes(count * reducer.itemsize(), seed);
        prop_assert_eq!(reduce(&reducer, &items, blocks), reduce(&reducer, &items, 64));
    }

    #[test]
    fn what_else_is_wanted_changes_no_bit(dtype in prop::sample::select(&NUMBERS[..]), count in 0_usize..2 * BLOCK, seed: u64, skip: bool) {
        let whole = reducer(dtype, everything(), skip);
        let items = bytes(count * whole.itemsize(), seed);
        let results = |reducer: &Reducer, op: Op| {
            let (mut tree, mut scratch) = (Tree::new(), Scratch::default());
            for (level, partial) in piece(reducer, &items, 0, &mut scratch) {
                tree.push(reducer, level, partial);
            }
            format!("{:?}", op.result(reducer, &tree.finish(reducer)))
        };
        for op in [Op::Sum, Op::Prod, Op::Mean, Op::Var { ddof: 0.0 }, Op::Min, Op::ArgMax, Op::Any, Op::CountNonzero, Op::Norm] {
            let alone = reducer(dtype, op.wanted(), skip);
            prop_assert_eq!(results(&alone, op), results(&whole, op), "{:?}", op);
        }
    }

    #[test]
    fn columns_are_rows_turned(
        dtype in prop::sample::select(&NUMBERS[..]), rows in 1_usize..60, columns in 1_usize..40, seed: u64, skip: bool,
    ) {
        let reducer = reducer(dtype, everything(), skip);
        let (width, mut scratch) = (reducer.itemsize(), Scratch::default());
        let items = bytes(rows * columns * width, seed);
        // Two groups, merged.
        let cut = rows / 2;
        let mut all = Columns::new(&reducer, columns);
        all.group(&items[..cut * columns * width], 0, &mut scratch);
        let mut later = Columns::new(&reducer, columns);
        later.group(&items[cut * columns * width..], cut as u64, &mut scratch);
        all.merge(&later);
        for level in Level::available() {
            let mut other = Columns::new(&reducer.clone().with_level(level), columns);
            other.group(&items[cut * columns * width..], cut as u64, &mut scratch);
            prop_assert_eq!(format!("{:?}", other.get(0)), format!("{:?}", later.get(0)));
        }
        let dtype: DType = dtype.parse().unwrap();
        for column in 0..columns {
            let own: Vec<u8> = (0..rows).flat_map(|row| &items[(row * columns + column) * width..][..width]).copied().collect();
            let (got, want) = (all.get(column), reducer.block(&own, 0, &mut scratch));
            prop_assert_eq!((got.count, got.nonzero, got.int, got.int_prod), (want.count, want.nonzero, want.int, want.int_prod));
            prop_assert_eq!(got.infinite, want.infinite);
            for op in [Op::Min, Op::Max, Op::ArgMin, Op::ArgMax, Op::Any, Op::All] {
                let text = |partial| format!("{:?}", op.result(&reducer, partial));
                // Which of two zeros is the least is not said.
                prop_assert_eq!(text(&got).replace("-0.0", "0.0"), text(&want).replace("-0.0", "0.0"), "{:?} of {}", op, dtype);
            }
        }
    }
}
