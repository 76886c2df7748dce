//! The functions of double precision.
//!
//! All are straight lines of arithmetic with selects at the end, so that the compiler makes vectors of them. Sums
//! that decide about the last bit are kept as [`Pair`](super::pair::Pair)s. Coefficients are minimax polynomials
//! (Remez' exchange in sixty digits, rounded).

pub(super) mod exponential;
pub(super) mod hyperbolic;
pub(super) mod inverse;
pub(super) mod logarithm;
pub(super) mod power;
pub(super) mod trigonometric;
