//! The crate as its users see it.

mod common;
mod hostile_npy;
mod json;
mod mutated;
mod npy_growable;
mod npy_read;
mod npy_write;
mod npz;
mod npz_hostile;
mod raw;
mod refused;
mod sums;
mod zip;
