//! What other languages build on: mapped bytes without a type, views opened again, items given as bytes.

use std::path::PathBuf;

use ndarray::arr2;
use ndfolio::{DType, Error, Lazy, Mode, OpenOptions, Session};

fn file(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ndfolio-foreign-{name}-{}.npy", std::process::id()));
    ndfolio::save(&path, &arr2(&[[1_i32, 2, 3], [4, 5, 6]])).unwrap();
    path
}

#[test]
fn mapped_bytes_are_those_between_the_first_item_and_the_last() {
    let path = file("map");
    let array = ndfolio::open(&path).unwrap();
    let part = array.slice((.., 1..)).unwrap();
    let mapped = part.map().unwrap();
    assert_eq!((mapped.len(), mapped.first()), (5 * 4, 0));
    assert!(!mapped.is_empty() && mapped.as_mut_ptr().is_none());
    assert_eq!(mapped.array().shape(), [2, 2]);
    let backward = array.slice(ndfolio::slice(None, None, -1)).unwrap().map().unwrap();
    assert_eq!((backward.len(), backward.first()), (24, 12));
    backward.check().unwrap();
    assert!(array.slice(0..0).unwrap().map().unwrap().is_empty());
    let writable = OpenOptions::new().mode(Mode::CopyOnWrite).open(&path).unwrap();
    assert!(writable.map().unwrap().as_mut_ptr().is_some());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_mapped_file_that_is_cut_is_told_of() {
    let path = file("cut");
    let mapped = ndfolio::open(&path).unwrap().map().unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
    assert!(mapped.check().is_err());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn views_are_opened_again_in_the_same_file_only() {
    let path = file("view");
    let array = ndfolio::open(&path).unwrap();
    let part = array.slice((ndfolio::slice(None, None, -1), 2)).unwrap();
    let again = OpenOptions::new().open_view(&path, part.view().clone(), array.file_id()).unwrap();
    assert_eq!(again.read::<i32>(..).unwrap().as_slice(), Some(&[6, 3][..]));
    let writable = OpenOptions::new().mode(Mode::ReadWrite);
    let changed = writable.open_view(&path, part.view().clone(), array.file_id()).unwrap();
    changed.set(&[0], 7).unwrap();
    changed.close().unwrap();
    assert_eq!(again.get(&[0]).unwrap().to_string(), "7");

    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(140).unwrap();
    let cut = OpenOptions::new().open_view(&path, part.view().clone(), array.file_id()).unwrap_err();
    assert!(
        matches!(&cut, Error::Usage { reason, .. } if reason.contains("byte 152") && reason.contains("140")),
        "{cut}"
    );

    let other = file("other");
    std::fs::rename(other, &path).unwrap();
    let replaced = OpenOptions::new().open_view(&path, part.view().clone(), array.file_id()).unwrap_err();
    assert!(replaced.to_string().contains("another file"), "{replaced}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn items_can_be_given_as_bytes() {
    let dtype: DType = "i4".parse().unwrap();
    let bytes: Vec<u8> = [1_i32, 2, 3].iter().flat_map(|item| item.to_ne_bytes()).collect();
    let sum = Lazy::from_bytes(&dtype, &[3], bytes.clone()).sum(()).compute(&Session::new()).unwrap();
    assert_eq!(sum.into_bytes(), 6_i64.to_ne_bytes());
    let wrong = Lazy::from_bytes(&dtype, &[4], bytes);
    assert!(wrong.dtype().unwrap_err().to_string().contains("12"), "{wrong:?}");
}

#[test]
fn a_session_says_what_it_may_take() {
    assert_eq!(Session::new().memory("64MiB".parse().unwrap()).budget(), 64 << 20);
    assert!(Session::new().budget() >= 1 << 20);
}
