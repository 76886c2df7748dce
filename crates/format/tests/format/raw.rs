//! Files without a header, with NumPy's answers where it has one.

use ndfolio_format::{Format, FormatError, KnownMagic, MAX_SIDECAR, RawSpec, ReadOptions, npy, read_raw};
use ndfolio_layout::Order;

fn spec(dtype: &str, shape: Option<&[i64]>, offset: u64) -> RawSpec {
    RawSpec { shape: shape.map(<[i64]>::to_vec), offset, ..RawSpec::new(dtype.parse().unwrap()) }
}

#[test]
fn where_numpy_agrees() {
    for (len, dtype, shape, offset, found) in [
        (100, "u1", Some(&[50_i64][..]), 0, &[50_usize][..]),
        (100, "u1", None, 0, &[100]),
        (100, "u1", None, 100, &[0]),
        (100, "<f8", None, 4, &[12]),
        (100, ">i2", Some(&[-1, 5]), 0, &[10, 5]),
        (100, ">i2", Some(&[5, -1]), 10, &[5, 9]),
        (10, "u1", Some(&[0, 4]), 0, &[0, 4]),
        (10, "u1", Some(&[0]), 10, &[0]),
        (100, "u1", Some(&[]), 3, &[]),
        (48, "(2,3)<f4", None, 0, &[2, 2, 3]),
        (48, "[('a', '<f4'), ('b', '<i2', (4,))]", None, 0, &[4]),
        (7, "[('a', 'u1')]", Some(&[-1]), 2, &[5]),
    ] {
        let view = spec(dtype, shape, offset).locate(len).unwrap();
        assert_eq!((view.shape(), view.offset()), (found, offset), "{dtype}");
    }
    let fortran = RawSpec { order: Order::F, ..spec("<f4", Some(&[2, 3]), 0) };
    assert_eq!(fortran.locate(100).unwrap().strides(), [4, 8]);
}

#[test]
fn where_numpy_refuses() {
    for (len, dtype, shape, offset, part) in [
        (0, "u1", None, 0, "cannot mmap an empty file"),
        (0, "u1", Some(&[0_i64][..]), 0, "cannot mmap an empty file"),
        (100, "u1", Some(&[200]), 0, "mmap length is greater than file size"),
        (100, "<f8", Some(&[2, 6]), 5, "needs a file of 101 bytes, found 100"),
        (10, "u1", Some(&[0]), 4096, "mmap offset is greater than file size"),
        (96, "<f8", None, 104, "mmap offset is greater than file size"),
        (100, "<f8", None, 0, "Size of available data is not a multiple of the data-type size"),
        (100, "<f8", Some(&[-1, 3]), 0, "Size of available data is not a multiple of the data-type size"),
        (100, "u1", Some(&[-1, -1]), 0, "can only specify one unknown dimension"),
        (100, "u1", Some(&[-2]), 0, "negative dimensions are not allowed"),
        (100, "u1", Some(&[-1, 0]), 0, "unknown dimension"),
        (100, "V0", None, 0, "unknown dimension"),
        (100, "<f8", Some(&[1 << 40, 1 << 40]), 0, "array is too big"),
        (100, "<f8", Some(&[0, 1 << 40, 1 << 40]), 0, "array is too big"),
        (100, "<f8", Some(&[i64::MAX]), 0, "array is too big"),
    ] {
        let error = spec(dtype, shape, offset).locate(len).unwrap_err();
        assert!(error.to_string().contains(part), "{dtype} {shape:?}: {error}");
    }
}

#[test]
fn files_that_are_something_else() {
    let options = ReadOptions::default();
    let bytes = spec("u1", None, 0);
    let mut npy = npy::header(&"<f4".parse().unwrap(), &[2], Order::C).unwrap();
    npy.extend([0; 8]);
    let error = read_raw(&npy, "a.npy", &bytes, &options).unwrap_err();
    assert!(matches!(error, FormatError::LooksLike { format: Format::NPY, .. }));
    assert!(error.to_string().contains("a NumPy .npy file; open it without dtype and shape"), "{error}");
    // With an offset behind the header it is what many do on purpose.
    let behind = spec("<f4", None, 128);
    assert_eq!(read_raw(&npy, "a.npy", &behind, &options).unwrap().members[0].view().unwrap().shape(), [2]);
    // Nothing lies in a compressed stream, whatever the offset.
    let mut gzip = b"\x1f\x8b\x08\0".to_vec();
    gzip.resize(100, 0);
    for offset in [0, 10] {
        let error = read_raw(&gzip, "d/a.bin.gz", &spec("u1", None, offset), &options).unwrap_err();
        assert!(error.to_string().contains("run: gzip -dc d/a.bin.gz > d/a.bin"), "{error}");
    }
    let mut force = ReadOptions::default();
    force.known_magic = KnownMagic::Ignore;
    let contents = read_raw(&gzip, "a.bin.gz", &bytes, &force).unwrap();
    assert_eq!(contents.format, Format::RAW);
    assert_eq!(contents.only().unwrap().view().unwrap().shape(), [100]);
    assert!(matches!(read_raw(&Vec::new(), "", &bytes, &options), Err(FormatError::Empty)));
}

#[test]
fn sidecars_there_and_back() {
    for spec in [
        spec("<f4", Some(&[1000, 64]), 0),
        spec(">i2", None, u64::MAX),
        spec("[('a', '<f4'), ('b', '|S3', (2,))]", Some(&[-1]), 16),
        RawSpec { order: Order::F, ..spec("(2,3)<f4", Some(&[]), 1) },
    ] {
        assert_eq!(RawSpec::from_json(spec.to_json().as_bytes()).unwrap(), spec);
    }
    let text = r#"{"dtype": "<f4", "shape": [1000, 64], "offset": 0, "order": "C"}"#;
    let read = RawSpec::from_json(text.as_bytes()).unwrap();
    assert_eq!(read, spec("<f4", Some(&[1000, 64]), 0));
    assert_eq!(read.to_json(), text.replace(' ', ""));
    let short = RawSpec::from_json(br#"{"dtype": "float32", "shape": null}"#).unwrap();
    assert_eq!(short, spec("<f4", None, 0));
    let colons = RawSpec::from_json(br#"{"dtype": [["a:\"b\\", "u1"], ["c", "u1"]], "offset": 0}"#).unwrap();
    assert_eq!(colons.dtype.fields()[0].name(), "a:\"b\\");
}

#[test]
fn sidecars_that_are_none() {
    for (text, part) in [
        ("", "EOF"),
        ("[]", "not an object"),
        ("{}", "'dtype' is missing"),
        (r#"{"dtype": "f4"} x"#, "trailing"),
        (r#"{"dtype": "f4", "Shape": [1]}"#, "unexpected key 'Shape'"),
        (r#"{"dtype": "f4", "dtype": "f8"}"#, "a key occurs twice"),
        (r#"{"dtype": "f4", "d\u0074ype": "f8"}"#, "a key occurs twice"),
        (r#"{"dtype": {"names": [], "names": [], "formats": []}}"#, "a key occurs twice"),
        (r#"{"dtype": "f4", "shape": 3}"#, "'shape' must be"),
        (r#"{"dtype": "f4", "shape": [3.0]}"#, "'shape' must be"),
        (r#"{"dtype": "f4", "shape": ["3"]}"#, "'shape' must be"),
        (r#"{"dtype": "f4", "shape": [9223372036854775808]}"#, "'shape' must be"),
        (r#"{"dtype": "f4", "offset": -1}"#, "'offset' must be"),
        (r#"{"dtype": "f4", "offset": null}"#, "'offset' must be"),
        (r#"{"dtype": "f4", "order": "K"}"#, "'order' must be"),
        (r#"{"dtype": 3}"#, "neither text nor a list"),
        (r#"{"dtype": "|O"}"#, "Python objects"),
        (r#"{"dtype": "f3"}"#, "not understood"),
    ] {
        let error = RawSpec::from_json(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    for deep in
        ["[".repeat(100_000), r#"{"dtype":"#.repeat(100_000), format!("{{\"dtype\": {}", "[".repeat(120))]
    {
        assert!(RawSpec::from_json(deep.as_bytes()).is_err());
    }
    let long = vec![b' '; MAX_SIDECAR + 1];
    assert!(RawSpec::from_json(&long).unwrap_err().to_string().contains("at most 1048576"));
    assert!(RawSpec::from_json(b"{\"dtype\": \"\xff\"}").is_err());
}
