use super::Scaled;

/// A value of any dtype in an order-preserving form: floating-point numbers in `re`, complex ones in `re` and
/// `im`, all others in `int` (with the sign bit flipped for unsigned ones).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// The real part.
    pub re: f64,
    /// The imaginary part.
    pub im: f64,
    /// The whole number; `u64` with its sign bit flipped.
    pub int: i64,
}

impl Key {
    /// Greater than every value: the least of no items.
    pub const ABOVE_ALL: Key = Key { re: f64::INFINITY, im: f64::INFINITY, int: i64::MAX };
    /// Less than every value: the greatest of no items.
    pub const BELOW_ALL: Key = Key { re: f64::NEG_INFINITY, im: f64::NEG_INFINITY, int: i64::MIN };

    pub(super) const fn int(int: i64) -> Key {
        Key { re: 0.0, im: 0.0, int }
    }

    pub(super) const fn float(re: f64, im: f64) -> Key {
        Key { re, im, int: 0 }
    }

    /// The order of the dtype; complex numbers by their real, then by their imaginary part, as in NumPy.
    #[must_use]
    pub fn is_less(self, other: Key) -> bool {
        self.re < other.re
            || (self.re == other.re && (self.im < other.im || (self.im == other.im && self.int < other.int)))
    }
}

/// What is known of some items. A value that was not wanted is that of no items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Partial {
    /// All items, NaN among them.
    pub count: u64,
    /// Those that are NaN or NaT: all of them where they are skipped, else 1 if there is any.
    pub nan: u64,
    /// The position of the first of those.
    pub first_nan: Option<u64>,
    /// The first of those: which part of a complex number is NaN.
    pub nan_item: Key,
    /// Those that are not zero.
    pub nonzero: u64,
    /// Those that are +∞ and those that are −∞; complex numbers are neither.
    pub infinite: [u64; 2],
    /// The sum of floating-point numbers: real and imaginary part.
    pub sum: [f64; 2],
    /// The sum of integers, truth values and times.
    pub int: i128,
    /// The sum of the squared distances from the mean.
    pub m2: f64,
    /// The sum of the squared absolute values.
    pub squares: f64,
    /// The product of floating-point numbers.
    pub prod: Scaled,
    /// The product of integers and truth values, modulo 2^64.
    pub int_prod: u64,
    /// The least; [`Key::ABOVE_ALL`] of no items.
    pub min: Key,
    /// The greatest; [`Key::BELOW_ALL`] of no items.
    pub max: Key,
    /// The position of the first that equals the least; `u64::MAX` of no items.
    pub min_at: u64,
    /// The position of the first that equals the greatest; `u64::MAX` of no items.
    pub max_at: u64,
}

impl Partial {
    pub(super) const EMPTY: Partial = Partial {
        count: 0,
        nan: 0,
        first_nan: None,
        nan_item: Key::int(0),
        nonzero: 0,
        infinite: [0; 2],
        sum: [0.0; 2],
        int: 0,
        m2: 0.0,
        squares: 0.0,
        prod: Scaled::ONE,
        int_prod: 1,
        min: Key::ABOVE_ALL,
        max: Key::BELOW_ALL,
        min_at: u64::MAX,
        max_at: u64::MAX,
    };

    /// The same state with its places where they are in a whole: what was at `i` is at `first + i · step`.
    #[must_use]
    pub fn placed(mut self, first: u64, step: u64) -> Self {
        let placed = |at: u64| if at == u64::MAX { at } else { first + at * step };
        self.first_nan = self.first_nan.map(placed);
        (self.min_at, self.max_at) = (placed(self.min_at), placed(self.max_at));
        self
    }

    pub(super) fn merge_extremes(&mut self, later: &Partial) {
        // The earlier of two that are equal.
        let before = |a: Key, at: u64, b: Key, b_at: u64, less: bool| less || a == b && at < b_at;
        if before(later.min, later.min_at, self.min, self.min_at, later.min.is_less(self.min)) {
            (self.min, self.min_at) = (later.min, later.min_at);
        }
        if before(later.max, later.max_at, self.max, self.max_at, self.max.is_less(later.max)) {
            (self.max, self.max_at) = (later.max, later.max_at);
        }
    }

    pub(super) fn merge_nan(&mut self, later: &Partial) {
        self.nan += later.nan;
        if let Some(place) = later.first_nan
            && self.first_nan.is_none_or(|first| place < first)
        {
            (self.first_nan, self.nan_item) = (later.first_nan, later.nan_item);
        }
    }
}
