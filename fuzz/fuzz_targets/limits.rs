//! A file of measured limits: what was read can be written, and is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio::{Limit, Limits};

fuzz_target!(|data: &[u8]| {
    let Some(limits) = Limits::from_json(data) else { return };
    for limit in Limit::ALL {
        assert!(limits.get(limit).is_none_or(|value| value.is_finite() && value > 0.0));
    }
    let text = limits.to_json().to_string();
    assert_eq!(Limits::from_json(text.as_bytes()), Some(limits));
});
