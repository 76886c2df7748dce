//! The items of given ranks: medians and other quantiles, exactly.
//!
//! A [`Ranking`] turns the items of a dtype into whole numbers of the same order, their codes. A [`Search`]
//! holds the ranges of codes, called buckets, in which wanted items lie; counting what falls into each part of
//! a bucket makes the bucket smaller, until the few items that are left in it can be collected.

mod code;
mod quantile;
mod search;

pub use code::Ranking;
pub use quantile::{Between, select};
pub use search::{Found, Search};

#[cfg(test)]
mod tests;
