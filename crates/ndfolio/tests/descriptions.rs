//! Descriptions against naive ones, however they are run.

mod common;

use common::{Case, Folder, cases, rows};
use ndfolio::{Array, Bins, Description, Io, IoEngine, Run, Value, ndarray};
use proptest::prelude::*;

const QUANTILES: [f64; 5] = [0.0, 0.25, 0.5, 0.9, 1.0];

/// Threads, memory and ways of reading that must change no bit.
fn runs() -> Vec<Run<'static>> {
    let mut runs = vec![Run::default().threads(1), Run::default().threads(3).memory(2 << 20)];
    for engine in [IoEngine::Mmap, IoEngine::Pread, IoEngine::Direct] {
        runs.push(Run::default().threads(2).memory(3 << 20).io(Io::Force(engine)));
    }
    runs
}

/// A quantile of sorted numbers.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * q;
    let low = place.floor() as usize;
    let (a, b, t) = (sorted[low], sorted[(low + 1).min(sorted.len() - 1)], place.fract());
    if t < 0.5 { a + (b - a) * t } else { b - (b - a) * (1.0 - t) }
}

/// Whether a description is that of some items.
fn check(got: &Description, row: &[f64], range: Option<(f64, f64)>) {
    let mut numbers: Vec<f64> = row.iter().copied().filter(|x| !x.is_nan()).collect();
    numbers.sort_by(f64::total_cmp);
    let summary = &got.summary;
    assert_eq!(summary.count as usize, row.len());
    assert_eq!(summary.nan_count as usize, row.len() - numbers.len());
    let count = |wanted: f64| Some(numbers.iter().filter(|x| **x == wanted).count() as u64);
    assert_eq!(summary.zeros, count(0.0));
    assert_eq!(summary.positive_infinities, count(f64::INFINITY));
    assert_eq!(summary.negative_infinities, count(f64::NEG_INFINITY));
    assert_eq!(summary.min.as_ref().and_then(Value::as_f64), numbers.first().copied());
    assert_eq!(summary.max.as_ref().and_then(Value::as_f64), numbers.last().copied());
    for (value, q) in got.quantiles.iter().zip(QUANTILES) {
        let found = value.as_ref().and_then(Value::as_f64);
        match numbers.is_empty() {
            true => assert_eq!(found, None),
            false => {
                let wanted = quantile(&numbers, q);
                let found = found.unwrap();
                assert!(
                    found == wanted
                        || found.is_nan() && wanted.is_nan()
                        || (found - wanted).abs() < 1e-6 * wanted.abs(),
                    "{q} {found} {wanted}"
                );
            }
        }
    }
    let Some(histogram) = &got.histogram else { return };
    let edges = &histogram.edges;
    if let (Some((low, high)), true) = (range, edges.len() > 2) {
        assert_eq!((edges[0] as f32, edges[edges.len() - 1] as f32), (low as f32, high as f32));
    }
    let last = histogram.counts.len() - 1;
    for (bin, count) in histogram.counts.iter().enumerate() {
        let inside =
            |x: &&f64| **x >= edges[bin] && (**x < edges[bin + 1] || bin == last && **x == edges[bin + 1]);
        assert_eq!(numbers.iter().filter(inside).count() as u64, *count, "{bin} of {edges:?}");
    }
}

fn everything(
    array: &Array,
    axes: &[isize],
    bins: &Bins,
    range: Option<(f64, f64)>,
    run: Run<'_>,
) -> Vec<Description> {
    let asked = array.describe().axes(axes).quantiles(&QUANTILES).histogram(bins.clone(), range).run(run);
    asked.compute().unwrap().descriptions().to_vec()
}

fn check_case(case: &Case, mask: usize, bins: &Bins, asked: Option<(f64, f64)>) -> Result<(), TestCaseError> {
    let folder = Folder::new();
    let part = case.part(&case.make(&folder.path("a.bin")));
    let axes: Vec<isize> = (0..part.ndim() as isize).filter(|a| mask >> a & 1 == 1).collect();
    let first = everything(&part, &axes, bins, asked, Run::default());
    let rows = rows(&part, &axes);
    let range = asked.filter(|_| matches!(bins, Bins::Count(_)));
    prop_assert_eq!(first.len(), rows.len());
    first.iter().zip(&rows).for_each(|(got, row)| check(got, row, range));
    for run in runs() {
        prop_assert_eq!(&everything(&part, &axes, bins, asked, run), &first);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_layout_and_axes(
        case in cases(&["<f8", ">f4", "|i1", "<u2", ">i8", "<f2"]),
        mask in 0_usize..8,
        bins in prop_oneof![(1_usize..9).prop_map(Bins::Count), Just(Bins::Edges(vec![0.0, 1.0, 1.0, 50.0, 99.0]))],
        range in prop_oneof![Just(None), Just(Some((3.0, 80.5)))],
    ) {
        check_case(&case, mask, &bins, range)?;
    }
}

/// Arrays of several boxes and pieces, long rows and short ones, with numbers of every kind.
#[test]
fn large_arrays_in_every_way() {
    let folder = Folder::new();
    let items = ndarray::Array3::from_shape_fn((7, 701, 53), |(i, j, k)| {
        match (i * 7919 + j * 104_729 + k * 31) % 1999 {
            0 => f32::NAN,
            1 if i == 3 => f32::NEG_INFINITY,
            n => (n as f32 / 64.0).exp() * if n % 3 == 0 { -1.0 } else { 1.0 },
        }
    });
    let (c, f) = (folder.path("c.npy"), folder.path("f.npy"));
    ndfolio::save(&c, &items).unwrap();
    ndfolio::save(&f, &items.t()).unwrap();
    let (c, f) = (ndfolio::open(&c).unwrap(), ndfolio::open(&f).unwrap().transpose(None).unwrap());
    let (bins, range) = (Bins::Count(40), Some((-3e13, 3e13)));
    for mask in 1..8_usize {
        let axes: Vec<isize> = (0..3).filter(|a| mask >> a & 1 == 1).collect();
        let rows = rows(&c, &axes);
        for array in [&c, &f] {
            let first = everything(array, &axes, &bins, range, Run::default());
            first.iter().zip(&rows).for_each(|(got, row)| check(got, row, range));
            for run in runs() {
                let again = everything(array, &axes, &bins, range, run);
                assert!(format!("{again:?}") == format!("{first:?}"), "along {axes:?}");
            }
        }
    }
}

#[test]
fn as_few_passes_as_can_be() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    ndfolio::save(&path, &ndarray::Array1::from_shape_fn(1 << 20, |i| ((i * 7919) % 100_003) as f32))
        .unwrap();
    let array = ndfolio::open(&path).unwrap();
    let passes = |asked: ndfolio::Describe<'_>, memory: usize| {
        asked.run(Run::default().memory(memory)).compute().unwrap().report().passes
    };
    let all = || array.describe();
    assert_eq!(passes(all(), 1 << 20), 1);
    assert_eq!(passes(all().histogram(10, Some((0.0, 1.0))), 1 << 20), 1);
    assert_eq!(passes(all().histogram(10, None), 1 << 20), 2);
    assert_eq!(passes(all().quantiles(&[0.1, 0.5]), 64 << 20), 1);
    assert_eq!(passes(all().quantiles(&[0.1, 0.5]).histogram(10, None), 4 << 20), 2);
    assert!((2..6).contains(&passes(all().quantiles(&[0.1, 0.5]), 256 << 10)));
    let rows = array.reshape(&[-1, 1024]).unwrap();
    assert_eq!(passes(rows.describe().axis(1).quantiles(&[0.5]), 1 << 20), 1);
}

#[test]
fn what_is_refused() {
    let folder = Folder::new();
    let new = |name: &str, dtype: &str, shape: &[usize]| {
        ndfolio::create(folder.path(name), dtype.parse().unwrap(), shape).unwrap()
    };
    let error = |asked: ndfolio::Describe<'_>| asked.compute().map(|_| ()).unwrap_err().to_string();
    let array = new("a.npy", "<f4", &[1000, 300]);
    for (asked, words) in [
        (array.describe().axis(2), "axis 2 is out of bounds for array of dimension 2"),
        (array.describe().axes(&[0, 0]), "axes"),
        (array.describe().quantiles(&[0.5, 1.5]), "Quantiles must be in the range [0, 1], found 1.5"),
        (array.describe().quantiles(&[f64::NAN]), "Quantiles must be in the range [0, 1]"),
        (array.describe().histogram(0, None), "`bins` must be positive, when an integer"),
        (array.describe().histogram(vec![1.0, 0.0], None), "`bins` must increase monotonically"),
        (array.describe().histogram(3, Some((2.0, 1.0))), "max must be larger than min in range parameter"),
        (
            array.describe().histogram(3, Some((2.0, f64::INFINITY))),
            "supplied range of [2, inf] is not finite",
        ),
        (array.describe().histogram(1 << 40, Some((0.0, 1.0))), "a histogram of so many bins needs"),
    ] {
        let found = error(asked);
        assert!(found.contains(words), "{found}");
    }
    let many: Vec<f64> = (0..=100_000).map(|i| f64::from(i) / 1e5).collect();
    let little = Run::default().memory(64 << 10);
    assert!(
        error(array.describe().quantiles(&many).run(little))
            .contains("the search for so many quantiles needs")
    );
    for (dtype, asked) in [("?", "a quantile"), ("<c8", "a quantile")] {
        let array = new("d.npy", dtype, &[3]);
        assert!(error(array.describe().quantiles(&[0.5])).contains(&format!("{asked} is not defined")));
        std::fs::remove_file(folder.path("d.npy")).unwrap();
    }
    let complex = new("c.npy", "<c16", &[3]);
    assert!(
        error(complex.describe().histogram(3, None)).contains("a histogram is not defined for dtype('<c16')")
    );
    assert!(error(new("s.npy", "S3", &[3]).describe()).contains("'|S3'"));
    let one = complex.describe().compute().unwrap();
    assert_eq!((one.first().summary.positive_infinities, one.first().summary.zeros), (None, Some(3)));
}

#[test]
fn no_items_and_times() {
    let folder = Folder::new();
    let empty = ndfolio::create(folder.path("e.npy"), "<f4".parse().unwrap(), &[0, 3]).unwrap();
    let all = empty.describe().quantiles(&[0.5]).histogram(2, None).compute().unwrap();
    assert_eq!(
        (all.first().quantiles[0].clone(), &all.first().histogram.as_ref().unwrap().counts[..]),
        (None, &[0, 0][..])
    );
    let along = empty.describe().axis(0).quantiles(&[0.5]).histogram(2, Some((0.0, 2.0))).compute().unwrap();
    assert_eq!((along.shape(), along.descriptions().len()), (&[3][..], 3));
    assert_eq!(empty.describe().axis(1).compute().unwrap().descriptions().len(), 0);
    let times = ndfolio::create(folder.path("t.npy"), ">M8[D]".parse().unwrap(), &[4]).unwrap();
    for (i, text) in ["2020-01-01", "NaT", "2020-01-05", "2020-01-02"].iter().enumerate() {
        times.set(&[i as i64], Value::parse(text, times.dtype()).unwrap()).unwrap();
    }
    let found = times.describe().quantiles(&[0.5, 0.75]).compute().unwrap();
    let texts: Vec<String> = found.first().quantiles.iter().flatten().map(ToString::to_string).collect();
    // np.nanquantile.
    assert_eq!(texts, ["2020-01-02", "2020-01-04"]);
    assert_eq!(found.first().summary.nan_count, 1);
}
