use std::ops::{BitOr, BitOrAssign};

/// Which running values are wanted; all of them are found in one pass over a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted(u16);

impl Wanted {
    /// The sum: exact for integers and times, in double precision for the others (of fours for halves).
    pub const SUM: Wanted = Wanted(1);
    /// The squared distances from the mean; the sum comes with it.
    pub const M2: Wanted = Wanted(1 | 1 << 1);
    /// The least and the greatest.
    pub const EXTREMES: Wanted = Wanted(1 << 2);
    /// Where the least and the greatest are first; they come with it.
    pub const POSITIONS: Wanted = Wanted(1 << 2 | 1 << 3);
    /// How many are not zero. NaN and NaT are not.
    pub const NONZERO: Wanted = Wanted(1 << 4);
    /// The product: modulo 2^64 for integers, in double precision for the others.
    pub const PROD: Wanted = Wanted(1 << 5);
    /// The sum of the squared absolute values, in double precision.
    pub const SQUARES: Wanted = Wanted(1 << 6);

    /// How many are +∞ and how many −∞; the extremes come with it, and say whether there is anything to count.
    pub const INFINITE: Wanted = Wanted(1 << 2 | 1 << 7);

    /// Whether all of `other` is wanted.
    #[must_use]
    pub const fn contains(self, other: Wanted) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is wanted.
    pub(super) const fn meets(self, other: Wanted) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Wanted {
    type Output = Wanted;

    fn bitor(self, other: Wanted) -> Wanted {
        Wanted(self.0 | other.0)
    }
}

impl BitOrAssign for Wanted {
    fn bitor_assign(&mut self, other: Wanted) {
        *self = *self | other;
    }
}
