//! A sidecar file, and the array that it finds in files of many lengths.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_format::RawSpec;

fuzz_target!(|data: &[u8]| {
    let Ok(spec) = RawSpec::from_json(data) else { return };
    let again = RawSpec::from_json(spec.to_json().as_bytes()).expect("what is written is read");
    assert_eq!(again, spec);
    for len in [0, 1, 7, 4096, spec.offset, spec.offset.saturating_add(4096), u64::MAX] {
        if let Ok(view) = spec.locate(len) {
            assert!(view.extent().end <= len);
        }
    }
});
