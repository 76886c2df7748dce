use proptest::prelude::*;

use super::*;
use crate::reduce::{BLOCK, Columns, Scratch, Tree, piece};

fn dtype(text: &str) -> DType {
    text.parse().unwrap()
}

fn bytes_of<T: crate::Element>(items: &[T]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(items)];
    T::store(items, &mut bytes);
    bytes
}

/// The summary of items that come in pieces of `blocks` blocks.
fn summary(dtype: &DType, bytes: &[u8], blocks: usize) -> Summary {
    let summarizer = Summarizer::new(dtype).unwrap();
    let (reducer, mut scratch, mut tree) = (summarizer.reducer(), Scratch::default(), Tree::new());
    for (number, items) in bytes.chunks(blocks * BLOCK * dtype.itemsize()).enumerate() {
        for (level, partial) in piece(reducer, items, (number * blocks) as u64, &mut scratch) {
            tree.push(reducer, level, partial);
        }
    }
    summarizer.finish(&tree.finish(reducer))
}

fn number(mean: Option<Mean>) -> f64 {
    match mean {
        Some(Mean::Number(Number::Float(x))) => x,
        other => panic!("{other:?}"),
    }
}

#[test]
fn integers_are_summed_exactly() {
    let items = vec![u64::MAX; 5000];
    let got = summary(&dtype("=u8"), &bytes_of(&items), 1);
    assert_eq!(got.sum, Some(Number::Int(5000 * i128::from(u64::MAX))));
    assert_eq!((got.std, got.min), (Some(0.0), Some(Value::UInt(u64::MAX))));
    let got = summary(&dtype("b1"), &[1, 0, 1, 1], 1);
    assert_eq!((got.sum, number(got.mean), got.zeros), (Some(Number::Int(3)), 0.75, Some(1)));
}

#[test]
fn nan_infinity_and_nothing() {
    let got = summary(&dtype("=f8"), &bytes_of(&[f64::NAN, 1.0, 0.0, -0.0, f64::INFINITY]), 2);
    assert_eq!((got.count, got.nan_count, got.zeros), (5, 1, Some(2)));
    assert_eq!((got.positive_infinities, got.negative_infinities), (Some(1), Some(0)));
    assert_eq!((got.min, got.max), (Some(Value::Float64(0.0)), Some(Value::Float64(f64::INFINITY))));
    assert!(number(got.mean).is_infinite() && got.std.unwrap().is_nan());
    let got = summary(&dtype("=f4"), &bytes_of(&[f32::NAN]), 1);
    assert_eq!((got.min, got.mean, got.std, got.sum), (None, None, None, Some(Number::Float(0.0))));
    let got = summary(&dtype("=i4"), &[], 1);
    assert_eq!((got.count, got.max, got.sum), (0, None, Some(Number::Int(0))));
    let both = summary(&dtype("=f8"), &bytes_of(&vec![f64::INFINITY; 3000]), 7);
    assert_eq!(both.sum, Some(Number::Float(f64::INFINITY)));
}

#[test]
fn times_have_a_mean_and_no_sum() {
    let points = bytes_of(&[10_i64, i64::MIN, 13]);
    let got = summary(&dtype("=M8[s]"), &points, 1);
    let Some(Kind::Datetime(unit)) = dtype("M8[s]").kind() else { unreachable!() };
    assert_eq!(
        (got.nan_count, got.min, got.sum, got.zeros),
        (1, Some(Value::Datetime(10, unit)), None, None)
    );
    assert_eq!(got.mean, Some(Mean::Time(Value::Datetime(11, unit))));
    let got = summary(&dtype("=m8[s]"), &points, 1);
    assert_eq!((got.sum, got.zeros, got.std), (Some(Number::Int(23)), Some(0), None));
}

#[test]
fn what_has_no_arithmetic_is_refused() {
    for text in ["S3", "U3", "V3", "g", "[('a', 'f4')]"] {
        assert!(Summarizer::new(&dtype(text)).is_err());
    }
}

#[test]
fn a_long_row_of_tenths_is_summed_without_drift() {
    let bytes = bytes_of(&vec![0.1_f32; 1 << 22]);
    let exact = f64::from(0.1_f32) * f64::from(1 << 22);
    let Some(Number::Float(sum)) = summary(&dtype("=f4"), &bytes, 16).sum else { panic!() };
    assert!((sum / exact - 1.0).abs() < 1e-14);
}

proptest! {
    #[test]
    fn pieces_change_no_bit_and_the_values_are_right(
        items in prop::collection::vec(prop_oneof![8 => -1e6_f64..1e6, 1 => Just(f64::NAN), 1 => Just(0.0)], 0..20_000),
        piece in 1_usize..4,
    ) {
        let bytes = bytes_of(&items);
        let got = summary(&dtype("=f8"), &bytes, piece);
        prop_assert_eq!(format!("{:?}", summary(&dtype("=f8"), &bytes, 50)), format!("{got:?}"));
        let numbers: Vec<f64> = items.iter().copied().filter(|x| !x.is_nan()).collect();
        prop_assert_eq!(got.nan_count as usize, items.len() - numbers.len());
        prop_assert_eq!(got.zeros.unwrap() as usize, numbers.iter().filter(|x| **x == 0.0).count());
        if !numbers.is_empty() {
            let n = numbers.len() as f64;
            let mean = numbers.iter().sum::<f64>() / n;
            let std = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            prop_assert!((number(got.mean) - mean).abs() < 1e-6 && (got.std.unwrap() - std).abs() < 1e-6);
            prop_assert_eq!(got.min, numbers.iter().copied().reduce(f64::min).map(Value::Float64));
            prop_assert_eq!(got.max, numbers.iter().copied().reduce(f64::max).map(Value::Float64));
        }
    }

    #[test]
    fn columns_are_each_a_row(items in prop::collection::vec(any::<i16>(), 1..600), columns in 1_usize..9) {
        let summarizer = Summarizer::new(&dtype(">i2")).unwrap();
        let whole = items.len() / columns * columns;
        let bytes: Vec<u8> = items[..whole].iter().flat_map(|x| x.to_be_bytes()).collect();
        let mut all = Columns::new(summarizer.reducer(), columns);
        all.group(&bytes, 0, &mut Scratch::default());
        for column in 0..columns {
            let own: Vec<i16> = items[..whole].iter().skip(column).step_by(columns).copied().collect();
            let (got, want) = (summarizer.finish(&all.get(column)), summary(&dtype("=i2"), &bytes_of(&own), 1));
            prop_assert_eq!((&got.sum, got.zeros, &got.min, &got.max, got.count), (&want.sum, want.zeros, &want.min, &want.max, want.count));
            if let (Some(got), Some(want)) = (got.std, want.std) {
                prop_assert!((got - want).abs() < 1e-6);
            }
        }
    }
}
