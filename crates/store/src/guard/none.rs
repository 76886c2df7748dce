//! No `SIGBUS` guard: for systems on which it was never tried. A file that is cut while it is mapped can end
//! the process here.

use std::ffi::c_int;

/// How many mappings can be guarded at a time in one process. Nothing is guarded here, so nothing is counted.
pub const MAX_MAPPINGS: usize = usize::MAX;

/// What a guard would have to know of a mapped range.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "the fields are those of the guard")]
pub(crate) struct Range {
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) offset: u64,
    pub(crate) file: c_int,
    pub(crate) writable: bool,
    pub(crate) pending: usize,
}

/// A range that is not watched.
pub(crate) struct Registration;

pub(crate) fn register(_: Range) -> Option<Registration> {
    Some(Registration)
}

impl Registration {
    pub(crate) fn first_fault(&self) -> Option<usize> {
        None
    }
}
