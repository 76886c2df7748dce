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
    fn a_whole_is_its_pieces_in_a_tree(
        dtype in prop::sample::select(&NUMBERS[..]), count in 0_usize..70 * BLOCK, seed: u64, skip: bool,
        wanted in prop::sample::select(vec![Wanted::SUM, Wanted::M2, Wanted::POSITIONS, Wanted::EXTREMES, Wanted::NONZERO]),
    ) {
        let reducer = reducer(dtype, wanted, skip);
        let items = bytes(count * reducer.itemsize(), seed);
        let whole = whole(&reducer, &items, &mut Scratch::default(), None);
        prop_assert_eq!(format!("{whole:?}"), reduce(&reducer, &items, 64));
    }

    /// Items that come part by part give the same, also where the first NaN comes late.
    #[test]
    fn parts_are_the_whole(
        dtype in prop::sample::select(&NUMBERS[..]), count in 0_usize..20 * BLOCK, blocks in 1_usize..9, seed: u64, skip: bool,
        wanted in prop::sample::select(vec![
            Wanted::SUM, Wanted::M2, Wanted::EXTREMES, Wanted::NONZERO, Wanted::PROD | Wanted::SUM, Wanted::SQUARES | Wanted::INFINITE,
        ]),
        nan in prop::option::of(0.0..1.0_f64),
    ) {
        let reducer = reducer(dtype, wanted, skip);
        let size = reducer.itemsize();
        let mut items = bytes(count * size, seed);
        // The top bit of an exponent says that an item is large, infinite or NaN.
        let at = if dtype.starts_with('>') { 0 } else { size - 1 };
        items.iter_mut().skip(at).step_by(size).for_each(|byte| *byte &= 0xbf);
        if let Some(nan) = nan && count > 0 {
            let first = (nan * count as f64) as usize * size;
            items[first..first + size].fill(0xff);
        }
        // What is not wanted may be anything.
        let told = |mut partial: Partial| {
            (partial.min_at, partial.max_at) = (0, 0);
            if !wanted.contains(Wanted::M2) {
                partial.m2 = 0.0;
            }
            if !wanted.contains(Wanted::EXTREMES) {
                (partial.min, partial.max) = (Key::ABOVE_ALL, Key::BELOW_ALL);
            }
            if !wanted.contains(Wanted::PROD) {
                (partial.prod, partial.int_prod) = (Scaled::ONE, 1);
            }
            format!("{partial:?}")
        };
        let (mut parts, mut scratch) = (Blocks::default(), Scratch::default());
        let whole = told(super::whole(&reducer, &items, &mut scratch, None));
        for _ in 0..2 {
            for part in items.chunks(blocks * BLOCK * size) {
                parts.add(&reducer, part, &mut scratch);
            }
            prop_assert_eq!(&told(parts.finish(&reducer)), &whole);
        }
    }

    /// Places that are not looked for are those of extremes that lose.
    #[test]
    fn what_was_seen_changes_no_place(
        dtype in prop::sample::select(&NUMBERS[..]), count in 1_usize..20 * BLOCK, len in 1_usize..3 * BLOCK, seed: u64, skip: bool,
        same: bool,
    ) {
        let reducer = reducer(dtype, Wanted::POSITIONS, skip);
        let size = reducer.itemsize();
        // All the same, or of any kind.
        let items = if same { vec![[0x00, 0x7f, 0xff, 0x80][seed as usize % 4]; count * size] } else { bytes(count * size, seed) };
        let (mut scratch, mut seen) = (Scratch::default(), Seen::default());
        let mut all = reducer.empty();
        for (i, part) in items.chunks(len * size).enumerate() {
            let mut partial = super::whole(&reducer, part, &mut scratch, Some(&mut seen));
            for place in [&mut partial.min_at, &mut partial.max_at].into_iter().chain(&mut partial.first_nan) {
                *place = place.saturating_add((i * len) as u64 * u64::from(*place != u64::MAX));
            }
            all = reducer.merge(&all, &partial);
        }
        let want = super::whole(&reducer, &items, &mut scratch, None);
        for op in [Op::Min, Op::Max, Op::ArgMin, Op::ArgMax] {
            prop_assert_eq!(format!("{:?}", op.result(&reducer, &all)), format!("{:?}", op.result(&reducer, &want)), "{:?}", op);
        }
    }

    /// Variances are as exact as if the mean were subtracted first, wherever the items lie.
    #[test]
    fn singles_far_from_zero_have_exact_variances(
        count in 2_usize..3 * BLOCK, seed: u64, far in 0_u32..7, near in 0_u32..3, late: bool,
    ) {
        let noise = bytes(count, seed | 1);
        let (far, near) = (10_f32.powi(far as i32), 10_f32.powi(near as i32 - 2));
        // The first items can be of another kind than those behind them.
        let item = |(i, x): (usize, &u8)| if late && i < 100 { f32::from(*x) } else { far + f32::from(*x) * near };
        let items: Vec<f32> = noise.iter().enumerate().map(item).collect();
        let stored: Vec<u8> = items.iter().flat_map(|x| x.to_ne_bytes()).collect();
        let mean = items.iter().map(|x| f64::from(*x)).sum::<f64>() / count as f64;
        let want: f64 = items.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
        let got = super::whole(&reducer("<f4", Wanted::M2, false), &stored, &mut Scratch::default(), None).m2;
        prop_assert!((got - want).abs() <= 1e-9 * want + 1e-20 * mean * mean, "{} and not {}", got, want);
    }

    #[test]
    fn the_least_zero_is_the_first(count in 1_usize..9 * BLOCK, place in 0_usize..9 * BLOCK, seed: u64) {
        let mut items: Vec<f32> = bytes(count, seed | 1).iter().map(|x| f32::from(*x) + 1.0).collect();
        let (first, second) = if seed.is_multiple_of(2) { (0.0, -0.0) } else { (-0.0, 0.0) };
        for (i, x) in items[place % count..].iter_mut().enumerate().filter(|(i, _)| i.is_multiple_of(100)) {
            *x = if i == 0 { first } else { second };
        }
        let reducer = reducer("<f4", Wanted::EXTREMES, false);
        let stored: Vec<u8> = items.iter().flat_map(|x| x.to_ne_bytes()).collect();
        for level in Level::available() {
            let found = super::whole(&reducer.clone().with_level(level), &stored, &mut Scratch::default(), None).min;
            prop_assert_eq!(found.re.to_bits(), f64::from(first).to_bits());
        }
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
