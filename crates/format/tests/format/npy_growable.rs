//! Headers whose number of rows is changed in its place.

use std::process::Command;

use ndfolio_format::{ReadOptions, npy, read};
use ndfolio_layout::{DType, Field, Order, Struct, View};
use proptest::prelude::*;

use super::npy_write::dtype;

/// What a reader finds in a header with as many items behind it as it asks for.
fn reread(header: &[u8], data: usize) -> View {
    let mut file = header.to_vec();
    file.resize(header.len() + data, 7);
    read(&file, "x.npy", &ReadOptions::default()).unwrap().only().unwrap().view().unwrap().clone()
}

/// The header after `count` was written into its field.
fn with_count(header: &[u8], field: npy::CountField, count: u64) -> Vec<u8> {
    let mut changed = header.to_vec();
    let at = field.offset as usize;
    changed[at..at + 16].copy_from_slice(&npy::CountField::bytes(count).unwrap());
    changed
}

#[test]
fn the_field_is_where_the_issue_shows_it() {
    let (header, field) = npy::growable(&"<f4".parse().unwrap(), &[42, 64], Order::C).unwrap();
    let text: String = header[10..].iter().map(|&byte| char::from(byte)).collect();
    assert!(text.contains("'shape': (") && text.contains("              42, 64), }"), "{text}");
    assert_eq!((field.offset % 16, field.axis, field.count, header.len()), (0, 0, 42, 128));
    let (_, field) = npy::growable(&"<f4".parse().unwrap(), &[3, 64], Order::F).unwrap();
    assert_eq!((field.offset % 16, field.axis, field.count), (0, 1, 64));
}

#[test]
fn headers_of_others_have_no_field() {
    for (shape, order) in [(&[][..], Order::C), (&[5], Order::C), (&[5, 3], Order::C), (&[5, 3], Order::F)] {
        let header = npy::header(&"<f4".parse().unwrap(), shape, order).unwrap();
        assert_eq!(npy::count_field(&header), None, "{shape:?}");
    }
    let (header, field) = npy::growable(&"<f4".parse().unwrap(), &[5, 3], Order::C).unwrap();
    assert_eq!(npy::count_field(&header), Some(field));
    // One byte moved, or text that only looks like it.
    let at = field.offset as usize + 15;
    let mut moved = header.clone();
    moved.swap(at, at - 1);
    assert_eq!(npy::count_field(&moved), None);
    for len in 0..header.len() {
        assert_eq!(npy::count_field(&header[..len]), None);
    }
    let name = Field::new("'shape': (              42, 64), }", "<f4".parse().unwrap(), 0);
    let tricky = Struct::new(vec![name], 4).unwrap().into();
    let header = npy::header(&tricky, &[3], Order::C).unwrap();
    assert_eq!(npy::count_field(&header), None);
    let (header, field) = npy::growable(&tricky, &[3], Order::C).unwrap();
    assert_eq!(npy::count_field(&header), Some(field));
    assert_eq!(reread(&with_count(&header, field, 2), 8).shape(), [2]);
}

#[test]
fn what_cannot_grow() {
    let dtype: DType = "<f4".parse().unwrap();
    let error = npy::growable(&dtype, &[], Order::C).unwrap_err().to_string();
    assert!(error.contains("without axes cannot grow"), "{error}");
    let error = npy::growable(&dtype, &[10_000_000_000_000_000, 0], Order::C).unwrap_err().to_string();
    assert!(error.contains("10000000000000000") && error.contains("9999999999999999"), "{error}");
    assert!(npy::CountField::bytes(npy::CountField::MAX).is_ok());
}

/// Records of so many fields: from a header of 128 bytes to one of more than 64 KiB.
#[test]
fn long_records_have_a_field_too() {
    for (count, ending) in [(1, ""), (9, ""), (40, "ß"), (3000, ""), (3000, "日")] {
        let double: DType = "<f8".parse().unwrap();
        let fields = (0..count).map(|i| Field::new(format!("name_{i:04}{ending}"), double.clone(), 8 * i));
        let dtype: DType = Struct::new(fields.collect(), 8 * count).unwrap().into();
        let (header, field) = npy::growable(&dtype, &[0, 2], Order::C).unwrap();
        assert_eq!((field.offset % 16, header.len() % 64), (0, 0));
        let mut limits = ReadOptions::default();
        limits.max_header = 1 << 20;
        let changed = with_count(&header, field, 1);
        assert_eq!(npy::count_field(&changed).map(|field| field.count), Some(1));
        let mut file = changed;
        file.resize(file.len() + 16 * count, 0);
        let contents = read(&file, "x.npy", &limits).unwrap();
        assert_eq!(contents.only().unwrap().view().unwrap().shape(), [1, 2]);
    }
}

#[test]
fn numpy_loads_them() {
    let script = "import sys, io, numpy as np\nfor line in sys.stdin:\n    a = np.load(io.BytesIO(bytes.fromhex(line.strip())))\n    print(a.dtype.str, a.shape, a.flags.f_contiguous, a.tolist())";
    let mut input = String::new();
    let mut expected = String::new();
    for (dtype, order, fortran) in [("<i4", Order::C, "False"), ("<i4", Order::F, "True")] {
        for count in [2_usize, 0, 11] {
            let dtype: DType = dtype.parse().unwrap();
            let shape = |n| if order == Order::C { [n, 3] } else { [3, n] };
            let (header, field) = npy::growable(&dtype, &shape(1), order).unwrap();
            let mut file = with_count(&header, field, count as u64);
            // What a killed append leaves behind the rows.
            file.resize(file.len() + 12 * count + 5, 0);
            input += &file.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            input.push('\n');
            let [rows, columns] = shape(count);
            let row = format!("[{}]", vec!["0"; columns].join(", "));
            let fortran = if count == 0 { "True" } else { fortran };
            let list = vec![row; rows].join(", ");
            expected += &format!("{dtype} ({rows}, {columns}) {fortran} [{list}]\n");
        }
    }
    let found = python(script, &input);
    if let Some(found) = found {
        assert_eq!(found, expected);
    }
}

/// What a script says; none where there is no Python with NumPy, and the tests in `tests/python` do the same.
fn python(script: &str, input: &str) -> Option<String> {
    use std::io::Write;
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .ok()?;
    let _ = child.stdin.take()?.write_all(input.as_bytes());
    let output = child.wait_with_output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_count_is_read_again(
        dtype in dtype(),
        shape in proptest::collection::vec(0_usize..5, 1..5),
        fortran in any::<bool>(),
        count in prop_oneof![0_u64..100, 0_u64..=1_000_000_000_000_000],
    ) {
        let order = if fortran { Order::F } else { Order::C };
        let (header, field) = npy::growable(&dtype, &shape, order).unwrap();
        prop_assert_eq!((field.offset % 16, header.len() % 64), (0, 0));
        let plain = npy::header(&dtype, &shape, order).unwrap().len();
        prop_assert!(header.len() <= plain + 64 && (header.len() <= 512 || plain > 384));
        let changed = with_count(&header, field, count);
        // The same bytes as if it had been written so at once.
        let mut grown = View::contiguous(&dtype, &shape, order, 0).unwrap().shape().to_vec();
        grown[field.axis] = count as usize;
        let base = View::contiguous(&dtype, &shape, order, 0).unwrap().dtype().clone();
        match npy::growable(&base, &grown, order) {
            Ok((at_once, again)) => {
                prop_assert_eq!(&at_once, &changed);
                prop_assert_eq!(npy::count_field(&changed), Some(again));
                prop_assert_eq!((again.offset, again.axis, again.count as u64), (field.offset, field.axis, count));
            }
            // More items than there is room for in any memory.
            Err(_) => prop_assert!(base.itemsize() as u64 * count > 1 << 40),
        }
        let nbytes = grown.iter().try_fold(base.itemsize(), |n, &extent| n.checked_mul(extent));
        if let Some(nbytes) = nbytes.filter(|&nbytes| nbytes < 1 << 16) {
            let view = reread(&changed, nbytes);
            prop_assert_eq!((view.dtype(), view.shape(), view.offset()), (&base, &grown[..], header.len() as u64));
            prop_assert!(view.is_contiguous(order));
        }
    }
}
