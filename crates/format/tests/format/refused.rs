//! Formats that are known and not read, and files of none.

use std::collections::HashSet;

use ndfolio_format::{Format, FormatError, ReadOptions, read, sniff};

fn at(offset: usize, magic: &[u8]) -> Vec<u8> {
    let mut file = vec![0; offset];
    file.extend(magic);
    file.resize(file.len() + 4096, 0);
    file
}

/// A beginning of each format that is refused.
fn beginnings() -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = at(0, b"\x1f\x8b\x08\x08");
    gzip.truncate(100);
    vec![
        ("hdf5", at(0, b"\x89HDF\r\n\x1a\n")),
        ("hdf5", at(512, b"\x89HDF\r\n\x1a\n")),
        ("hdf5", at(2048, b"\x89HDF\r\n\x1a\n")),
        ("torch", at(0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")),
        ("png", at(0, b"\x89PNG\r\n\x1a\n")),
        ("arrow", at(0, b"ARROW1\0\0")),
        ("arrow", at(0, b"FEA1")),
        ("mat5", at(0, b"MATLAB 5.0 MAT-file, Platform")),
        ("bzip2", at(0, b"BZh91AY&SY")),
        ("fits", at(0, b"SIMPLE  =                    T")),
        ("metaimage", at(0, b"ObjectType = Image\nNDims = 3")),
        ("nrrd", at(0, b"NRRD0004\n")),
        ("xz", at(0, b"\xfd7zXZ\0")),
        ("7z", at(0, b"7z\xbc\xaf\x27\x1c")),
        ("wav", at(0, b"RIFF\x24\0\0\0WAVEfmt ")),
        ("wav", at(0, b"RF64\xff\xff\xff\xffWAVEds64")),
        ("webp", at(0, b"RIFF\x24\0\0\0WEBPVP8 ")),
        ("gif", at(0, b"GIF89a")),
        ("tar", at(257, b"ustar\0")),
        ("nifti", at(344, b"n+1\0")),
        ("nifti", at(344, b"ni1\0")),
        ("nifti", at(4, b"n+2\0\r\n\x1a\n")),
        ("dicom", at(128, b"DICM")),
        ("mrc", at(208, b"MAP ")),
        ("safetensors", at(0, b"\x10\0\0\0\0\0\0\0{\"a\":{}}")),
        ("zstd", at(0, b"\x28\xb5\x2f\xfd")),
        ("lz4", at(0, b"\x04\x22\x4d\x18")),
        ("parquet", at(0, b"PAR1")),
        ("gguf", at(0, b"GGUF\x03\0\0\0")),
        ("ply", at(0, b"ply\nformat binary")),
        ("tiff", at(0, b"II*\0")),
        ("tiff", at(0, b"MM\0+")),
        ("netcdf3", at(0, b"CDF\x02")),
        ("las", at(0, b"LASF")),
        ("jpeg", at(0, b"\xff\xd8\xff\xe0")),
        ("gzip", gzip),
        ("compress", at(0, b"\x1f\x9d\x90")),
        ("pnm", at(0, b"P5\n640 480\n255\n")),
        ("pnm", at(0, b"P7\nWIDTH 3")),
        ("pickle", at(0, b"\x80\x04\x95\x10\0\0\0\0\0\0\0")),
        ("pickle", at(0, b"\x80\x02cnumpy\n")),
        ("pickle", at(0, b"\x80\x03]q\0")),
    ]
}

#[test]
fn each_is_told_and_refused_in_three_parts() {
    for (name, file) in beginnings() {
        let format = sniff(&file).unwrap().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(format.name(), name);
        assert!(!format.is_read());
        let path = format!("dir.x/some file.{}", format.extensions()[0]);
        let Err(FormatError::Unmappable(reason)) = read(&file, &path, &ReadOptions::default()) else {
            panic!("{name}")
        };
        assert!(reason.run.contains(&format!("'{path}'")), "{reason}");
        assert!(!reason.run.contains("{in}") && !reason.run.contains("{npy}"), "{reason}");
        assert_eq!(reason.to_string(), format!("{}; {}; run: {}", reason.what, reason.why, reason.run));
    }
}

#[test]
fn the_table_is_whole() {
    let tested: HashSet<_> = beginnings().into_iter().map(|(name, _)| name).collect();
    let mut names = HashSet::new();
    for format in Format::all() {
        assert!(names.insert(format.name()), "{format} is there twice");
        assert!(!format.extensions().is_empty());
        assert!(format.is_read() || tested.contains(format.name()), "{format} has no test");
    }
    assert!(Format::NPY.is_read() && Format::NPZ.is_read() && Format::RAW.is_read());
    assert_eq!(Format::NPY.extensions(), ["npy"]);
    assert!(Format::RAW.extensions().contains(&"bin"));
}

#[test]
fn values_are_not_taken_for_a_format() {
    for bytes in [
        &b"\x1f\x8b\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
        b"\x1f\x8b\x08\0",
        b"\x1f\x9d\x00",
        b"BZh9 is no block",
        b"\x80\x04\x00\x00",
        b"\x80\x02\x00\x00",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"P5 pages",
        b"RIFF\0\0\0\0AVI LIST",
        b"\xff\xff\xff\xff\xff\xff\xff\xff{\"",
        b"\xff\xd8\xff\x00",
        b"\x93NUMPX\x01\0",
        b"PK\x07\x08",
        &[0; 5000],
        &[0xff; 5000],
    ] {
        assert_eq!(sniff(&bytes).unwrap(), None, "{:?}", &bytes[..bytes.len().min(12)]);
    }
    for (_, file) in beginnings() {
        for len in 0..3 {
            assert_eq!(sniff(&&file[..len]).unwrap(), None);
        }
    }
}

#[test]
fn files_of_no_known_format() {
    let options = ReadOptions::default();
    let error = read(&vec![7_u8; 100], "values.bin", &options).unwrap_err();
    assert!(matches!(&error, FormatError::Unknown { expected: None, .. }));
    assert!(
        error
            .to_string()
            .starts_with("not a file of a known format: it begins with 07 07 07 07 07 07 07 07; ")
    );
    assert!(error.to_string().contains("dtype") && error.to_string().contains("shape"), "{error}");
    let error = read(&vec![7_u8; 100], "tokens.NPY", &options).unwrap_err();
    assert!(error.to_string().contains(r"and a npy file begins with \x93NUMPY"), "{error}");
    // Several formats share this ending, so it promises none.
    let error = read(&vec![7_u8; 100], "a.mat", &options).unwrap_err();
    assert!(matches!(error, FormatError::Unknown { expected: None, .. }));
    assert!(matches!(read(&Vec::new(), "x.npy", &options), Err(FormatError::Empty)));
    assert_eq!(sniff(&Vec::new()).unwrap(), None);
}
