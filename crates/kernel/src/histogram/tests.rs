use proptest::prelude::*;

use super::*;
use crate::reduce::Level;

fn dtype(text: &str) -> DType {
    text.parse().unwrap()
}

fn counted(histogram: &Histogram, items: &[u8]) -> Vec<u64> {
    let mut counters = vec![0; counters(histogram.bins())];
    let mut counts = vec![0; histogram.bins()];
    histogram.count(items, &mut counters);
    histogram.add_up(&mut counters, &mut counts);
    counts
}

/// NumPy's rule by the edges alone.
fn by_edges(edges: &[f64], items: &[f64]) -> Vec<u64> {
    let last = edges.len() - 2;
    let inside =
        |x: f64, bin: usize| x >= edges[bin] && (x < edges[bin + 1] || bin == last && x == edges[bin + 1]);
    (0..=last).map(|bin| items.iter().filter(|x| inside(**x, bin)).count() as u64).collect()
}

fn singles(items: &[f32]) -> Vec<u8> {
    items.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn the_edges_are_numpys() {
    // np.histogram_bin_edges(np.array([0.1, 0.7], 'f4'), 3), and with range=(0.1, 0.7).
    let (min, max) = (Value::Float32(0.1), Value::Float32(0.7));
    let found = Histogram::over(&dtype("<f4"), 3, Some((&min, &max))).unwrap();
    let singles: Vec<f32> = found.edges().iter().map(|x| *x as f32).collect();
    assert_eq!(singles, [0.1, 0.299_999_98, 0.499_999_97, 0.7]);
    let given = Histogram::new(&dtype("<f8"), &Bins::Count(3), (0.1, 0.7)).unwrap();
    assert_eq!(given.edges(), [0.1, 0.3, 0.5, 0.7]);
    let one = Histogram::over(&dtype("<i4"), 2, Some((&Value::Int(5), &Value::Int(5)))).unwrap();
    assert_eq!(one.edges(), [4.5, 5.0, 5.5]);
    let none = Histogram::over(&dtype("<u2"), 2, None).unwrap();
    assert_eq!(none.edges(), [0.0, 0.5, 1.0]);
}

#[test]
fn items_on_edges_and_outside() {
    let items =
        singles(&[0.0, 0.1, 0.3, 0.5, 0.7, 1.0, 1.1, -0.1, f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let all = Histogram::new(&dtype("<f4"), &Bins::Count(10), (0.0, 1.0)).unwrap();
    // NumPy's counts.
    assert_eq!(counted(&all, &items), [1, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let uneven = Bins::Edges(vec![f64::NEG_INFINITY, 0.0, 0.0, 0.5, 0.5]);
    assert_eq!(counted(&Histogram::new(&dtype("<f4"), &uneven, (0.0, 0.0)).unwrap(), &items), [2, 0, 3, 1]);
    for few in [vec![], vec![1.0]] {
        let none = Histogram::new(&dtype("<f4"), &Bins::Edges(few), (0.0, 0.0)).unwrap();
        assert_eq!(counted(&none, &items), [0; 0]);
    }
}

#[test]
fn what_is_refused() {
    let new = |bins: Bins, range| Histogram::new(&dtype("<f4"), &bins, range).map(|_| ()).unwrap_err();
    assert_eq!(new(Bins::Count(0), (0.0, 1.0)), KernelError::NoBins);
    assert_eq!(new(Bins::Count(3), (2.0, 1.0)), KernelError::BinRange { low: 2.0, high: 1.0 });
    assert!(matches!(new(Bins::Count(3), (0.0, f64::NAN)), KernelError::BinsNotFinite { .. }));
    assert!(matches!(new(Bins::Count(1000), (1.0, 1.000_01)), KernelError::TooManyBins { count: 1000 }));
    assert!(matches!(new(vec![1.0, 0.5].into(), (0.0, 0.0)), KernelError::BinOrder { .. }));
    assert!(matches!(new(vec![1.0, f64::NAN].into(), (0.0, 0.0)), KernelError::BinOrder { .. }));
    let endless = Value::Float32(f32::INFINITY);
    let found = Histogram::over(&dtype("<f4"), 3, Some((&Value::Float32(1.0), &endless))).map(|_| ());
    assert!(matches!(found, Err(KernelError::BinsNotFinite { which: "autodetected", .. })));
    for text in ["<c8", "S3", "<M8[s]", "g"] {
        assert!(Histogram::new(&dtype(text), &Bins::Count(3), (0.0, 1.0)).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn counts_are_those_of_the_edges(
        text in prop::sample::select(&["|u1", "<i2", ">i4", "<u8", "<f2", "<f4", ">f4", "<f8"][..]),
        items in prop::collection::vec(0_u32..200, 0..900),
        bins in prop_oneof![1_usize..60, 1000_usize..1300],
        (low, length) in (-20.0_f64..150.0, 0.5_f64..120.0),
        fractions: bool,
        even: bool,
    ) {
        let dtype = dtype(text);
        let values: Vec<Value> = items.iter().map(|x| match dtype.kind().unwrap().is_float() {
            true if fractions => Value::Float64(f64::from(*x) / 7.0),
            true => Value::Float64(f64::from(*x)),
            false => Value::UInt(u64::from(*x % 127)),
        }).collect();
        let mut bytes = vec![0; values.len() * dtype.itemsize()];
        for (value, item) in values.iter().zip(bytes.chunks_mut(dtype.itemsize())) {
            value.encode(&dtype, item).unwrap();
        }
        let wide: Vec<f64> = bytes.chunks(dtype.itemsize()).map(|x| Value::decode(&dtype, x).as_f64().unwrap()).collect();
        let bins = if even { Bins::Count(bins) } else {
            Bins::Edges((0..bins).map(|i| low + length * (i as f64 / bins as f64).powi(2)).collect())
        };
        let Ok(mut histogram) = Histogram::new(&dtype, &bins, (low, low + length)) else { return Ok(()) };
        let wanted = if histogram.bins() == 0 { vec![] } else { by_edges(histogram.edges(), &wide) };
        for level in Level::available() {
            histogram.widener = histogram.widener.clone().with_level(level);
            prop_assert_eq!(&counted(&histogram, &bytes), &wanted);
        }
    }
}
