//! The `ndfolio` command.

fn main() {}
