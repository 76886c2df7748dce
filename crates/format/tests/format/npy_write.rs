//! Headers against those of NumPy, and what is written against what is read.

use ndfolio_format::{ReadOptions, npy, read};
use ndfolio_layout::{DType, Field, Order, Struct, SubArray, literal::Literal};
use proptest::prelude::*;

/// What `fixtures/make.py` wrote, see there.
const HEADERS: &str = include_str!("../fixtures/headers.txt");

fn unescaped(text: &str) -> String {
    match Literal::parse(&format!("'{}'", text.replace('\'', "\\'")), "fixture").unwrap().value {
        Literal::Str(text) => text,
        other => panic!("{other}"),
    }
}

fn fixture_dtype(text: &str) -> DType {
    let Some(long) = text.strip_prefix("LONG ") else { return text.parse().unwrap() };
    let (count, ending) = long.split_once(' ').unwrap();
    let ending = unescaped(ending);
    let names = (0..count.parse().unwrap()).map(|i| format!("a_long_name_{i:04}{ending}"));
    let double: DType = "<f8".parse().unwrap();
    let fields: Vec<_> = names.enumerate().map(|(i, name)| Field::new(name, double.clone(), 8 * i)).collect();
    let itemsize = 8 * fields.len();
    Struct::new(fields, itemsize).unwrap().into()
}

fn fixture_shape(text: &str) -> Vec<usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect()
}

/// Dtype, shape, order, and how the header is shown.
fn fixtures() -> impl Iterator<Item = (DType, Vec<usize>, Order, &'static str)> {
    HEADERS.lines().map(|line| {
        let [dtype, shape, order, shown] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (fixture_dtype(dtype), fixture_shape(shape), order.parse().unwrap(), shown)
    })
}

#[test]
fn headers_are_those_of_numpy() {
    let mut versions = [0; 4];
    for (dtype, shape, order, shown) in fixtures() {
        let header = npy::header(&dtype, &shape, order).unwrap();
        versions[usize::from(header[6])] += 1;
        if let Some(summary) = shown.strip_prefix("LEN ") {
            let found = format!("{} CRC {}", header.len(), rawzip::crc32(&header));
            assert_eq!(found, summary, "{} fields", dtype.fields().len());
        } else {
            let found: String = header.iter().map(|&b| char::from(b)).collect();
            assert_eq!(found, unescaped(shown), "{dtype}");
        }
    }
    assert!(versions[1] > 100 && versions[2] > 3 && versions[3] > 3, "{versions:?}");
}

#[test]
fn headers_of_numpy_are_read() {
    for (dtype, shape, order, shown) in fixtures() {
        if shown.starts_with("LEN ") {
            continue;
        }
        let mut file: Vec<u8> = unescaped(shown).chars().map(|c| u8::try_from(c).unwrap()).collect();
        let offset = file.len() as u64;
        let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
        if nbytes > 1 << 24 {
            continue;
        }
        file.resize(file.len() + nbytes, 0);
        let view = super::common::view(&file).unwrap();
        assert_eq!((view.dtype(), view.shape(), view.offset()), (&dtype, shape.as_slice(), offset));
        assert!(view.is_contiguous(order), "{shown}");
    }
}

#[test]
fn the_length_is_the_same_for_all_extents_of_the_growing_axis() {
    let dtype: DType = "<f4".parse().unwrap();
    for (order, axis) in [(Order::C, 0), (Order::F, 2)] {
        let lengths = [0_usize, 1, 12_345, 1 << 40, (isize::MAX / 4) as usize].map(|extent| {
            let mut shape = [1, 1, 1];
            shape[axis] = extent;
            npy::header(&dtype, &shape, order).unwrap().len()
        });
        assert!(lengths.iter().all(|len| *len == lengths[0]), "{lengths:?}");
    }
}

#[test]
fn a_sub_array_dtype_adds_its_axes() {
    let outer = npy::header(&"(2,3)<f4".parse().unwrap(), &[5], Order::C).unwrap();
    assert_eq!(outer, npy::header(&"<f4".parse().unwrap(), &[5, 2, 3], Order::C).unwrap());
}

#[test]
fn what_has_no_header() {
    let overlapping = Struct::new(
        vec![Field::new("a", "<i4".parse().unwrap(), 0), Field::new("b", "<i2".parse().unwrap(), 2)],
        4,
    );
    let error = npy::header(&overlapping.unwrap().into(), &[1], Order::C).unwrap_err();
    assert!(error.to_string().contains("overlapping"), "{error}");
    let unnamed = Struct::new(vec![Field::new("", "<i4".parse().unwrap(), 0)], 4).unwrap();
    let error = npy::header(&unnamed.into(), &[1], Order::C).unwrap_err();
    assert!(error.to_string().contains("without a name"), "{error}");
    let error = npy::header(&"<f8".parse().unwrap(), &[1 << 40, 1 << 40], Order::C).unwrap_err();
    assert!(error.to_string().contains("array is too big"), "{error}");
}

pub(crate) fn scalar() -> impl Strategy<Value = DType> {
    let text = proptest::sample::select(vec![
        "?", "i1", "u1", "<i2", ">i2", "<u4", ">i8", "<f2", ">f4", "<f8", "<f16", "<c8", ">c16", "S3", "S0",
        "<U4", ">U2", "V5", "<M8[ns]", ">M8[7D]", "<m8", ">m8[us]",
    ]);
    text.prop_map(|text| text.parse().unwrap())
}

fn structure(parts: Vec<(String, Option<String>, DType, usize)>, end: usize) -> DType {
    let (mut fields, mut at) = (Vec::new(), 0);
    for (i, (name, title, dtype, gap)) in parts.into_iter().enumerate() {
        at += gap;
        // Names must differ; a number at the end sees to it.
        let field = Field::new(format!("{name}{i}"), dtype.clone(), at);
        fields.push(match title {
            Some(title) => field.with_title(format!("{title}t{i}")),
            None => field,
        });
        at += dtype.itemsize();
    }
    Struct::new(fields, at + end).unwrap().into()
}

/// Any dtype that a header can say: records in records, sub-arrays, gaps, titles, odd names.
pub(crate) fn dtype() -> impl Strategy<Value = DType> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        let shape = proptest::collection::vec(0_usize..4, 1..4);
        let array = (inner.clone(), shape)
            .prop_map(|(base, shape)| DType::SubArray(SubArray::new(base, shape).unwrap().into()));
        let name = proptest::string::string_regex("[a-zé'\"\\\\日\u{200b}\t ]{0,4}").unwrap();
        let title = proptest::option::weighted(0.2, "[A-Zß]{1,3}");
        let part = (name, title, prop_oneof![2 => inner, 1 => array], 0_usize..6);
        (proptest::collection::vec(part, 0..4), 0_usize..6).prop_map(|(parts, end)| structure(parts, end))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read(
        dtype in dtype(),
        shape in proptest::collection::vec(0_usize..5, 0..5),
        fortran in any::<bool>(),
        more in 0_usize..10,
    ) {
        let order = if fortran { Order::F } else { Order::C };
        let mut file = npy::header(&dtype, &shape, order).unwrap();
        let offset = file.len();
        prop_assert_eq!(offset % 64, 0);
        let expected = ndfolio_layout::View::contiguous(&dtype, &shape, order, offset as u64).unwrap();
        prop_assume!(expected.nbytes() < 1 << 20);
        file.resize(offset + expected.nbytes() + more, 7);
        let contents = read(&file, "x.npy", &ReadOptions::default()).unwrap();
        prop_assert_eq!(contents.only().unwrap().view().unwrap(), &expected);
        prop_assert_eq!(contents.notes.len(), 0);
    }
}
