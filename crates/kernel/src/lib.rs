//! Mathematics on slices: casts, byte swaps, accumulators.
