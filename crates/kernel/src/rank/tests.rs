use ndfolio_layout::{DType, Value};
use proptest::prelude::*;

use super::*;
use crate::reduce::Level;

const DTYPES: [&str; 16] = [
    "|i1", "|u1", "<i2", ">u2", "<f2", ">f2", "<i4", ">u4", "<f4", ">f4", "<i8", ">u8", "<f8", ">f8",
    "<M8[s]", ">m8[s]",
];

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Datetime(i64::MIN, _) | Value::Timedelta(i64::MIN, _) => None,
        Value::Datetime(count, _) | Value::Timedelta(count, _) => Some(*count as f64),
        other => other.as_f64().filter(|x| !x.is_nan()),
    }
}

/// The values of items that are numbers, from the least.
fn sorted(dtype: &DType, items: &[u8]) -> Vec<f64> {
    let values = items.chunks(dtype.itemsize()).map(|item| Value::decode(dtype, item));
    let mut numbers: Vec<f64> = values.filter_map(|value| number(&value)).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

#[test]
fn every_half_has_its_place() {
    let dtype: DType = "<f2".parse().unwrap();
    let ranking = Ranking::new(&dtype).unwrap();
    let items: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let mut codes = Vec::new();
    ranking.numbers(&items, &mut codes);
    codes.sort_unstable();
    let values: Vec<f64> = codes.iter().map(|code| number(&ranking.value(*code)).unwrap()).collect();
    assert_eq!(values, sorted(&dtype, &items));
    assert_eq!(values.len(), 65_536 - 2 * 1023);
}

#[test]
fn what_numpy_has_no_quantile_of() {
    for text in ["?", "<c8", "S3", "U3", "V3", "g", "[('a', 'f4')]"] {
        assert!(Ranking::new(&text.parse().unwrap()).is_err(), "{text}");
    }
    for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(Between::check(&[0.5, q]).is_err());
    }
}

/// Values of np.quantile(a, [q]) of NumPy 2.4.
#[test]
fn between_two_items() {
    let of = |text: &str, low: &Value, high: &Value, q: f64, count: u64| {
        let dtype: DType = text.parse().unwrap();
        let ranking = Ranking::new(&dtype).unwrap();
        let code = |value: &Value| {
            let (mut bytes, mut code) = (vec![0; dtype.itemsize()], [0]);
            value.encode(&dtype, &mut bytes).unwrap();
            ranking.codes(&bytes, &mut code);
            code[0]
        };
        Between::new(q, count).unwrap().value(&ranking, code(low), code(high))
    };
    let float = |low, high, q| of("<f8", &Value::Float64(low), &Value::Float64(high), q, 2).as_f64().unwrap();
    assert_eq!(float(1.0, 2.0, 0.3), 1.3);
    assert!(float(1.0, f64::INFINITY, 0.0).is_nan() && float(1.0, f64::INFINITY, 0.5).is_nan());
    assert_eq!(of("|i1", &Value::Int(-128), &Value::Int(127), 0.25, 2), Value::Float64(-64.25));
    assert_eq!(
        of("<u8", &Value::UInt(u64::MAX), &Value::UInt(u64::MAX), 1.0, 9),
        Value::Float64(2_f64.powi(64))
    );
    let Some(ndfolio_layout::Kind::Datetime(unit)) = "M8[s]".parse::<DType>().unwrap().kind() else {
        panic!()
    };
    let time = |n| Value::Datetime(n, unit);
    assert_eq!(of(">M8[s]", &time(2), &time(5), 0.3, 2), time(2));
    assert_eq!(of(">M8[s]", &time(2), &time(5), 0.7, 2), time(5));
    assert_eq!(Between::new(0.5, 0), None);
}

/// Finds items of given ranks as passes do: counts, narrows, collects.
fn hunt(ranking: &Ranking, rows: &[Vec<u8>], ranks: &[Vec<u64>], digit: u32) -> Vec<Vec<f64>> {
    let mut search = Search::everywhere(rows.len(), ranking.bits(), digit.min(ranking.bits()));
    let width = ranking.bits() - digit.min(ranking.bits());
    let mut counts = vec![0; rows.len() * search.parts()];
    for (row, counts) in counts.chunks_mut(search.parts()).enumerate() {
        search.count(ranking, row, &rows[row], counts);
    }
    let mut starts = vec![Vec::new(); rows.len()];
    let mut before = vec![Vec::new(); rows.len()];
    for (row, counts) in counts.chunks(search.parts()).enumerate() {
        for (part, rank) in
            counts.iter().enumerate().flat_map(|(part, n)| (0..*n).map(move |_| part)).zip(0_u64..)
        {
            let start = (part as u64) << width;
            if ranks[row].contains(&rank) && starts[row].last() != Some(&start) {
                starts[row].push(start);
                before[row].push(counts[..part].iter().map(|n| u64::from(*n)).sum::<u64>());
            }
        }
    }
    search = Search::new(starts.iter().map(Vec::as_slice), width, 0);
    let mut found = Vec::new();
    (0..rows.len()).for_each(|row| search.collect(ranking, row, &rows[row], &mut found));
    let mut out = vec![Vec::new(); rows.len()];
    for row in 0..rows.len() {
        for (i, bucket) in search.buckets(row..row + 1).enumerate() {
            let mut codes: Vec<u64> = found.iter().filter(|f| f.0 as usize == bucket).map(|f| f.1).collect();
            let last = before[row][i] + codes.len() as u64;
            let own: Vec<u64> = ranks[row]
                .iter()
                .filter(|r| (before[row][i]..last).contains(*r))
                .map(|r| r - before[row][i])
                .collect();
            let mut values = Vec::new();
            select(&mut codes, &own, |_, code| values.push(number(&ranking.value(code)).unwrap()));
            out[row].extend(values.into_iter().rev());
        }
    }
    out
}

proptest! {
    #[test]
    fn the_items_of_any_ranks(
        text in prop::sample::select(&DTYPES[..]),
        rows in 1_usize..5,
        count in 1_usize..700,
        digit in 1_u32..12,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        narrow: bool,
        seed: u64,
    ) {
        let dtype: DType = text.parse().unwrap();
        let mut state = seed | 1;
        let mut random = || { state ^= state << 13; state ^= state >> 7; state ^= state << 17; (state >> 32) as u8 };
        let rows: Vec<Vec<u8>> = (0..rows)
            .map(|_| (0..count * dtype.itemsize()).map(|_| if narrow { random() & 0x81 } else { random() }).collect())
            .collect();
        let wanted: Vec<Vec<f64>> = rows.iter().map(|row| sorted(&dtype, row)).collect();
        let ranks: Vec<Vec<u64>> = wanted.iter().map(|numbers| {
            let mut ranks: Vec<u64> = picks.iter().filter(|_| !numbers.is_empty()).map(|p| p.index(numbers.len()) as u64).collect();
            ranks.sort_unstable();
            ranks.dedup();
            ranks
        }).collect();
        let wanted: Vec<Vec<f64>> = wanted.iter().zip(&ranks).map(|(w, r)| r.iter().map(|r| w[*r as usize]).collect()).collect();
        for level in Level::available() {
            let ranking = Ranking::new(&dtype).unwrap().with_level(level);
            prop_assert_eq!(&hunt(&ranking, &rows, &ranks, digit), &wanted);
        }
    }
}
