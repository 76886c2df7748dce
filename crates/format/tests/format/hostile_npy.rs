//! `.npy` files that lie.

use ndfolio_format::{FormatError, ReadOptions, read};

use super::common::{Watched, npy, open, view};

fn with(descr: &str, order: &str, shape: &str) -> Vec<u8> {
    npy(1, &format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"), 64)
}

fn message(file: &[u8]) -> String {
    view(file).unwrap_err().to_string()
}

#[test]
fn shapes_that_are_none() {
    for (shape, part) in [
        ("3", "'shape' must be a tuple of whole numbers that are not negative, found '3'"),
        ("(3)", "found '3'"),
        ("[3]", "found '[3]'"),
        ("(True,)", "found '(True,)'"),
        ("(-1,)", "found '(-1,)'"),
        ("('3',)", "must be a tuple"),
        ("((3,),)", "must be a tuple"),
        ("None", "must be a tuple"),
        ("(3.0,)", "not a whole number"),
        ("(0x4,)", "not a whole number"),
        ("(1_0,)", "not a whole number"),
        ("(np.int64(3),)", "\"np\" is not a literal"),
        ("(2**3,)", "expected ',' or ')'"),
        ("(1+1,)", "expected ',' or ')'"),
    ] {
        let found = message(&with("'<f4'", "False", shape));
        assert!(found.contains(part), "{shape}: {found}");
    }
}

#[test]
fn sizes_that_overflow() {
    for shape in [
        "(4294967296, 4294967296)",
        "(18446744073709551615,)",
        "(18446744073709551616, 1)",
        "(9223372036854775807, 2)",
        "(2305843009213693952,)",
        "(4611686018427387905, 4)",
        "(0, 4294967296, 4294967296, 4294967296)",
        "(99999999999999999999999999999999999999, 0)",
        "(3074457345618258603, 6)",
    ] {
        let found = message(&with("'<f8'", "False", shape));
        assert!(found.contains("array is too big"), "{shape}: {found}");
    }
    let axes = format!("({})", "1, ".repeat(65));
    assert!(message(&with("'|u1'", "False", &axes)).contains("maximum supported dimension"));
    let huge = with("('<f4', (1000, 1000))", "False", "(4611686018427387904,)");
    assert!(message(&huge).contains("array is too big"));
}

#[test]
fn data_that_is_cut() {
    let file = npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (10,), }", 39);
    let offset = file.len() as u64 - 39;
    let error = view(&file).unwrap_err();
    assert!(matches!(error, FormatError::DataCut { expected: 40, found: 39, offset: o } if o == offset));
    assert!(error.to_string().contains("mmap length is greater than file size"));
}

#[test]
fn every_prefix_is_an_error() {
    for version in [1, 2, 3] {
        let file = npy(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 12);
        for len in 0..file.len() {
            assert!(open(&file[..len]).is_err(), "{len} of {} bytes", file.len());
        }
        assert!(matches!(open(&file[..7]), Err(FormatError::HeaderCut { offset: 0, found: 7, .. })));
        assert!(open(&file).is_ok());
    }
}

#[test]
fn keys() {
    for (text, part) in [
        ("{}", "missing 'descr', 'fortran_order', 'shape'"),
        ("{'descr': '<f4', 'fortran_order': False}", "missing 'shape'"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'extra\\n': 1}", "unexpected 'extra\\n'"),
        ("{'descr': '<f4', 'fortran_order': False, 'Shape': ()}", "missing 'shape'; unexpected 'Shape'"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), 1: 2}", "unexpected '1'"),
        ("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': ()}", "occurs twice"),
        ("{'des' 'cr': '<f4', 'fortran_order': False, 'shape': ()}", "expected ':'"),
        ("['descr', '<f4']", "the header must be a dictionary"),
        ("'descr'", "the header must be a dictionary"),
        ("", "the text ends where a value was expected"),
    ] {
        let found = message(&npy(1, text, 64));
        assert!(found.contains(part), "{text}: {found}");
    }
}

#[test]
fn values_of_keys() {
    for (descr, order, part) in [
        ("'<f4'", "0", "'fortran_order' must be True or False, found '0'"),
        ("'<f4'", "None", "'fortran_order' must be"),
        ("'<f4'", "'False'", "'fortran_order' must be"),
        ("None", "False", "'descr' must be a dtype as NumPy writes it"),
        ("'<f3'", "False", "not understood"),
        ("'|V99999999999'", "False", "no such size"),
        ("[('a', '<f4'), ('a', '<f8')]", "False", "occurs twice"),
        ("{'names': ['a'], 'formats': ['<f4']}", "False", "'descr' must be a dtype as NumPy writes it"),
        ("'f4,f8'", "False", "f4,f8"),
        ("'<float32'", "False", "<float32"),
        ("'1i4'", "False", "1i4"),
        ("'(2)f4'", "False", "(2)f4"),
        ("'03i4'", "False", "03i4"),
        ("''", "False", "'descr' must be"),
        ("'é4'", "False", "é4"),
        ("'f4é'", "False", "f4é"),
        ("[('a', '<f4', 1)]", "False", "'descr' must be"),
        ("[(('a', 'a'), '<f4')]", "False", "'descr' must be"),
        ("[('', '<f4')]", "False", "'descr' must be"),
        ("[(('T', ''), '|V3')]", "False", "'descr' must be"),
        ("[('', '|V3', (2,))]", "False", "'descr' must be"),
        ("[['a', '<f4']]", "False", "'descr' must be"),
        ("('<f4', 2)", "False", "'descr' must be"),
        ("('<f4',)", "False", "'descr' must be"),
        ("' <f4'", "False", "'descr' must be a dtype as NumPy writes it"),
        ("'[]'", "False", "'descr' must be a dtype as NumPy writes it"),
        ("[('a', [('b', '<f4 ')])]", "False", "'descr' must be a dtype as NumPy writes it"),
        ("[('a', {'names': [], 'formats': []})]", "False", "'descr' must be a dtype as NumPy writes it"),
        ("('[(\\'a\\', \\'<f4\\')]', (2,))", "False", "'descr' must be a dtype as NumPy writes it"),
        ("[('a', '|V2000000000'), ('b', '|V2000000000')]", "False", "2 GiB"),
        ("__import__('os').system('true')", "False", "not a literal"),
    ] {
        let found = message(&with(descr, order, "(1,)"));
        assert!(found.contains(part), "{descr}, {order}: {found}");
    }
}

#[test]
fn places_of_faults_are_places_in_the_file() {
    for (version, prefix) in [(1, 10), (2, 12), (3, 12)] {
        let text = "{'é': x}";
        let bytes_before = if version == 3 { 7 } else { 6 };
        let Err(FormatError::Header { offset, .. }) = open(&npy(version, text, 0)) else {
            panic!("{version}")
        };
        assert_eq!(offset, prefix + bytes_before, "version {version}");
    }
    let mut file = npy(3, "{'descr': 1}", 0);
    file[20] = 0xff;
    assert!(matches!(open(&file), Err(FormatError::Header { offset: 20, .. })));
}

#[test]
fn versions_that_do_not_exist() {
    for (major, minor) in [(0, 0), (1, 1), (4, 0), (255, 255), (2, 1)] {
        let mut file = with("'<f4'", "False", "(1,)");
        (file[6], file[7]) = (major, minor);
        assert!(matches!(open(&file), Err(FormatError::Version { offset: 6, .. })), "{major}.{minor}");
    }
}

#[test]
fn a_length_of_four_gigabytes_is_refused_unread() {
    let mut header = b"\x93NUMPY\x02\0".to_vec();
    header.extend(u32::MAX.to_le_bytes());
    for len in [12, 5000, 1 << 33, u64::MAX] {
        let file = Watched::new(&header, len);
        assert!(matches!(
            read(&file, "", &ReadOptions::default()),
            Err(FormatError::HeaderTooLarge { len: 0xffff_ffff, .. })
        ));
        assert!(file.largest_read() <= 4096);
    }
    // Within the limit, but not within the file.
    let mut header = b"\x93NUMPY\x02\0".to_vec();
    header.extend(60_000_u32.to_le_bytes());
    let error = read(&header, "", &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::HeaderCut { offset: 12, expected: 60_000, found: 0, .. }));
}

#[test]
fn nesting_takes_no_time_and_no_stack() {
    for open_bracket in ["(", "[", "{", "{'a':", "[('a', "] {
        let text = open_bracket.repeat(60_000 / open_bracket.len());
        let started = std::time::Instant::now();
        assert!(open(&npy(1, &text, 0)).is_err());
        assert!(started.elapsed().as_millis() < 500, "{open_bracket}");
    }
}

#[test]
fn a_file_that_shrinks_and_a_disk_that_fails() {
    struct Shrunk;
    impl ndfolio_format::ReadAt for Shrunk {
        fn len(&self) -> u64 {
            5000
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
            Ok(17)
        }
    }
    let error = read(&Shrunk, "", &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, FormatError::HeaderCut { expected: 4096, found: 17, .. }));

    struct Failing;
    impl ndfolio_format::ReadAt for Failing {
        fn len(&self) -> u64 {
            5000
        }
        fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let error = read(&Failing, "", &ReadOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read 4096 bytes at offset 0: the disk is on fire");
}
