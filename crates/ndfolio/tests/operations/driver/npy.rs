//! A reader of `.npy` files that shares nothing with ours, and knows only what the driver makes.

use std::path::Path;

/// What is in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) descr: String,
    pub(crate) is_fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// The counted items in the order of the file.
    pub(crate) items: Vec<i64>,
}

/// Reads a file; none if there is no such file. Whatever else is wrong with it ends the test.
pub(crate) fn read(path: &Path) -> Option<Found> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00", "another beginning");
    let len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + len]).expect("the header is text");
    assert!(header.ends_with('\n') && (10 + len).is_multiple_of(64), "{header:?}");
    let after = |key: &str| {
        let at = header.find(key).unwrap_or_else(|| panic!("no {key} in {header:?}"));
        header[at + key.len()..].trim_start_matches([':', ' '])
    };
    let descr = after("'descr'").split('\'').nth(1).expect("a text").to_owned();
    let is_fortran = match after("'fortran_order'") {
        text if text.starts_with("True") => true,
        text if text.starts_with("False") => false,
        text => panic!("{text:?}"),
    };
    let inside = after("'shape'").strip_prefix('(').expect("a tuple");
    let inside = &inside[..inside.find(')').expect("its end")];
    let extents = inside.split(',').map(str::trim).filter(|text| !text.is_empty());
    let shape: Vec<usize> = extents.map(|text| text.parse().expect("a number")).collect();
    let width = descr[2..].parse::<usize>().expect("a width");
    let data = &bytes[10 + len..];
    let wanted = shape.iter().product::<usize>() * width;
    assert!(data.len() >= wanted, "{shape:?} needs {wanted} bytes, there are {}", data.len());
    let items = data[..wanted].chunks_exact(width).map(|item| number(&descr, item)).collect();
    Some(Found { descr, is_fortran, shape, items })
}

fn number(descr: &str, item: &[u8]) -> i64 {
    match (descr, item) {
        (">i2", &[a, b]) => i16::from_be_bytes([a, b]).into(),
        ("<i4", &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]).into(),
        ("<f8", _) => {
            let value = f64::from_le_bytes(item.try_into().expect("eight bytes"));
            assert_eq!(value.fract(), 0.0, "no item that was written");
            value as i64
        }
        _ => panic!("{descr}"),
    }
}
