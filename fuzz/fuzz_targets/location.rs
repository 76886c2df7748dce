//! A place in a file, `file[::member][[slice]]`, and sizes: taken apart without a panic, however they are written.

#![no_main]

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use libfuzzer_sys::fuzz_target;
use ndfolio::{Location, Size};

fuzz_target!(|data: &[u8]| {
    match Location::parse(OsStr::from_bytes(data)) {
        Ok(place) => {
            assert!(data.starts_with(place.path().as_os_str().as_bytes()));
            assert!(place.member() != Some(""));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(size) = text.parse::<Size>()
    {
        // What is printed is rounded, so the largest may become larger.
        let again = size.to_string().parse::<Size>();
        assert!(again.is_ok() || size.bytes() > usize::MAX / 16 * 15, "{size}");
    }
});
