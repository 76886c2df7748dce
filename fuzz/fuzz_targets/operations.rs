//! Sequences of operations on a file while system calls fail, against a model in memory: nothing that was acknowledged is
//! lost, and errors leave what was there. The driver is the one of the library's test.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/ndfolio/tests/operations/driver/mod.rs"]
mod driver;

fuzz_target!(|data: &[u8]| driver::run(data));
