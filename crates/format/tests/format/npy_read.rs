//! `.npy` headers that are read, and the cost of it.

use ndfolio_format::{Format, FormatError, ReadOptions, read};
use ndfolio_layout::Order;

use super::common::{Watched, npy, open, view};

const TEXT: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

#[test]
fn all_versions() {
    for version in [1, 2, 3] {
        let file = npy(version, TEXT, 24);
        let contents = open(&file).unwrap();
        assert_eq!(contents.format, Format::NPY);
        assert_eq!(contents.version.unwrap(), format!("{version}.0"));
        let view = contents.members[0].view().unwrap();
        assert_eq!((view.shape(), view.offset()), (&[2, 3][..], file.len() as u64 - 24));
        assert_eq!(view.order(), Some(Order::C));
        assert_eq!(contents.members[0].name, "");
    }
}

#[test]
fn the_text_may_be_written_in_many_ways() {
    for text in [
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
        "  {\"descr\":\"<f4\",\t\"fortran_order\":False,\"shape\":(2,3,),}\n\n  ",
        "{u'descr': u'<f4',\r\n 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2, 3)}",
    ] {
        assert_eq!(view(&npy(1, text, 24)).unwrap().shape(), [2, 3], "{text}");
    }
    let scalar = npy(1, "{'descr': '|u1', 'fortran_order': True, 'shape': ()}", 1);
    assert_eq!(view(&scalar).unwrap().shape(), [] as [usize; 0]);
}

#[test]
fn names_in_latin_1_and_utf_8() {
    let text = "{'descr': [('é', '<f4')], 'fortran_order': False, 'shape': (1,)}";
    for version in [1, 2, 3] {
        assert_eq!(view(&npy(version, text, 4)).unwrap().dtype().fields()[0].name(), "é");
    }
}

#[test]
fn python_2_headers() {
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }";
    for version in [1, 2] {
        let contents = open(&npy(version, text, 24)).unwrap();
        assert_eq!(contents.members[0].view().unwrap().shape(), [2, 3]);
        assert!(contents.notes[0].contains("Python 2"));
    }
    let error = open(&npy(3, text, 24)).unwrap_err();
    assert!(error.to_string().contains("L of Python 2"), "{error}");
}

#[test]
fn a_sub_array_dtype_and_bytes_behind_the_array() {
    let text = "{'descr': ('<f4', (2, 3)), 'fortran_order': True, 'shape': (5, 4)}";
    let view = view(&npy(1, text, 480 + 99)).unwrap();
    assert_eq!((view.shape(), view.strides()), (&[5, 4, 2, 3][..], &[4, 20, 80, 160][..]));
}

#[test]
fn arrays_of_objects_say_why_not() {
    for descr in
        ["'|O'", "'O'", "[('a', '<f4'), ('b', '|O')]", "('|O', (2,))", "[('a', [('b', '|O')], (0,))]"]
    {
        for shape in ["(3,)", "(0,)", "()"] {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
            let contents = read(&npy(1, &text, 24), "it's.npy", &ReadOptions::default()).unwrap();
            let Err(FormatError::Unmappable(reason)) = contents.members[0].view() else { panic!("{text}") };
            assert!(reason.what.contains("Python objects"), "{reason}");
            assert!(reason.run.ends_with(r"'it'\''s.npy' 'it'\''s.new.npy'"), "{reason}");
        }
    }
}

#[test]
fn opening_reads_once_whatever_the_size() {
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }";
    let header = npy(1, text, 0);
    let file = Watched::new(&header, header.len() as u64 + 8_000_000_000_000);
    let contents = read(&file, "x.npy", &ReadOptions::default()).unwrap();
    assert_eq!(contents.only().unwrap().view().unwrap().size(), 1_000_000_000_000);
    assert_eq!(*file.reads.borrow(), [(0, 4096)]);
}

#[test]
fn long_headers_up_to_the_limit() {
    let text = format!("{TEXT}{}", " ".repeat(70_000));
    let file = npy(2, &text, 24);
    let mut options = ReadOptions::default();
    let error = read(&file, "", &options).unwrap_err();
    assert!(
        matches!(error, FormatError::HeaderTooLarge { offset: 0, len, limit: 65_536 } if len == text.len() as u64)
    );
    options.max_header = 100_000;
    assert_eq!(read(&file, "", &options).unwrap().members[0].view().unwrap().shape(), [2, 3]);
}
