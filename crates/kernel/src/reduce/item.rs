use super::Key;

/// Running values side by side, so that the compiler keeps them in vector registers. Their number is part of
/// the order in which floating-point numbers are added.
pub(super) const LANES: usize = 32;

/// A number, stored as bytes at any address.
pub(super) trait Item: Copy + PartialOrd + Send + Sync + 'static {
    /// Its bytes.
    type Raw: Copy;
    /// An unsigned number of the same width, to count in.
    type Tally: Copy + Into<u64>;
    /// The least of no items.
    const HIGHEST: Self;
    /// The greatest of no items.
    const LOWEST: Self;
    const ZERO: Self;
    const NO_TALLY: Self::Tally;
    /// How many items 64 tallies count before one may overflow.
    const TALLY_MOST: usize;
    /// Whether it was decoded from a half.
    const IS_HALF: bool = false;

    fn raw(bytes: &[u8]) -> &[Self::Raw];
    fn raw_mut(bytes: &mut [u8]) -> &mut [Self::Raw];
    fn read(raw: Self::Raw) -> Self;
    fn write(self) -> Self::Raw;
    fn wide(self) -> f64;
    fn key(self) -> Key;
    fn from_key(key: Key) -> Self;
    /// Counts, modulo what the tally holds.
    fn tally(count: Self::Tally, more: bool) -> Self::Tally;
    /// A running value that is NaN after a NaN; after opposite infinities too.
    fn trace(self, trace: Self) -> Self;
}

/// A whole number.
pub(super) trait Whole: Item {
    /// Running sums side by side.
    type Sums: Copy;
    const NO_SUMS: Self::Sums;
    /// How many items they take before one may overflow; a multiple of the lanes.
    const MOST: usize;

    /// The sums with more items, which are at most [`MOST`](Self::MOST) together.
    fn add(sums: Self::Sums, raw: &[Self::Raw], read: impl Fn(Self::Raw) -> Self) -> Self::Sums;
    /// The sum of all `count` items.
    fn total(sums: &Self::Sums, count: usize) -> i128;
    /// Modulo 2^64.
    fn wrapped(self) -> u64;
    /// Two numbers: itself is the first and 2^32 times the second, which is 0 if it has 32 bits or fewer.
    fn halves(self) -> (i64, i64);
}

/// A floating-point number.
pub(super) trait Real: Item {
    /// The sum of four. That of [halves](Item::IS_HALF) is taken in single precision, which has 13 bits more than
    /// they have, and room for their greatest.
    #[inline(always)]
    fn sum_of_four(items: [Self; 4]) -> f64 {
        let [a, b, c, d] = items;
        (a.wide() + b.wide()) + (c.wide() + d.wide())
    }
}

macro_rules! item {
    ($type:ty, $tally:ty, $highest:expr, $lowest:expr, |$x:ident| $wide:expr, $key:expr,
     |$k:ident| $from:expr, |$trace:ident| $traced:expr) => {
        impl Item for $type {
            type Raw = [u8; size_of::<$type>()];
            type Tally = $tally;
            const HIGHEST: Self = $highest;
            const LOWEST: Self = $lowest;
            const ZERO: Self = 0 as $type;
            const NO_TALLY: $tally = 0;
            const TALLY_MOST: usize = 64 * if size_of::<$tally>() == 1 { 255 } else { 65_535 };

            #[inline(always)]
            fn raw(bytes: &[u8]) -> &[Self::Raw] {
                bytes.as_chunks().0
            }
            #[inline(always)]
            fn read(raw: Self::Raw) -> Self {
                Self::from_ne_bytes(raw)
            }
            fn raw_mut(bytes: &mut [u8]) -> &mut [Self::Raw] {
                bytes.as_chunks_mut().0
            }
            #[inline(always)]
            fn write(self) -> Self::Raw {
                self.to_ne_bytes()
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                let $x = self;
                $wide
            }
            fn key(self) -> Key {
                let $x = self;
                $key
            }
            fn from_key($k: Key) -> Self {
                $from
            }
            #[inline(always)]
            fn tally(count: $tally, more: bool) -> $tally {
                count.wrapping_add(<$tally>::from(more))
            }
            #[inline(always)]
            fn trace(self, trace: Self) -> Self {
                let ($x, $trace) = (self, trace);
                $traced
            }
        }
    };
}

macro_rules! reals {
    ($($type:ty, $tally:ty);*) => {$(
        item!(
            $type, $tally, <$type>::INFINITY, <$type>::NEG_INFINITY, |x| f64::from(x),
            Key::float(f64::from(x), 0.0), |key| key.re as $type, |trace| trace + x
        );
        impl Real for $type {}
    )*};
}

reals! { f32, u32; f64, u64 }

/// A half, decoded.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct FromHalf(f32);

impl Item for FromHalf {
    type Raw = <f32 as Item>::Raw;
    type Tally = <f32 as Item>::Tally;
    const HIGHEST: Self = FromHalf(f32::INFINITY);
    const LOWEST: Self = FromHalf(f32::NEG_INFINITY);
    const ZERO: Self = FromHalf(0.0);
    const NO_TALLY: Self::Tally = 0;
    const TALLY_MOST: usize = f32::TALLY_MOST;
    const IS_HALF: bool = true;

    #[inline(always)]
    fn raw(bytes: &[u8]) -> &[Self::Raw] {
        f32::raw(bytes)
    }
    fn raw_mut(bytes: &mut [u8]) -> &mut [Self::Raw] {
        f32::raw_mut(bytes)
    }
    #[inline(always)]
    fn read(raw: Self::Raw) -> Self {
        FromHalf(f32::read(raw))
    }
    #[inline(always)]
    fn write(self) -> Self::Raw {
        self.0.write()
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self.0.wide()
    }
    fn key(self) -> Key {
        self.0.key()
    }
    fn from_key(key: Key) -> Self {
        FromHalf(f32::from_key(key))
    }
    #[inline(always)]
    fn tally(count: Self::Tally, more: bool) -> Self::Tally {
        f32::tally(count, more)
    }
    #[inline(always)]
    fn trace(self, trace: Self) -> Self {
        FromHalf(trace.0 + self.0)
    }
}

impl Real for FromHalf {
    #[inline(always)]
    fn sum_of_four(items: [Self; 4]) -> f64 {
        let [FromHalf(a), FromHalf(b), FromHalf(c), FromHalf(d)] = items;
        f64::from((a + b) + (c + d))
    }
}

macro_rules! short_words {
    // Sums run in lanes of twice the width, which so many rows cannot overflow.
    ($($type:ty, $tally:ty, $lane:ty, $lanes:expr, $rows:expr);* $(;)?) => {$(
        item!(
            $type, $tally, <$type>::MAX, <$type>::MIN, |x| f64::from(x), Key::int(i64::from(x)),
            |key| key.int as $type, |trace| { let _ = x; trace }
        );

        impl Whole for $type {
            type Sums = [$lane; $lanes];
            const NO_SUMS: Self::Sums = [0; $lanes];
            const MOST: usize = $lanes * $rows;

            #[inline(always)]
            fn add(mut lanes: Self::Sums, raw: &[Self::Raw], read: impl Fn(Self::Raw) -> Self) -> Self::Sums {
                let (rows, rest) = raw.as_chunks::<{ $lanes }>();
                for row in rows {
                    for i in 0..$lanes {
                        lanes[i] = lanes[i].wrapping_add(<$lane>::from(read(row[i])));
                    }
                }
                for (i, x) in rest.iter().enumerate() {
                    lanes[i] = lanes[i].wrapping_add(<$lane>::from(read(*x)));
                }
                lanes
            }
            #[inline(always)]
            fn total(sums: &Self::Sums, _: usize) -> i128 {
                i128::from(sums.iter().map(|lane| *lane as i64).sum::<i64>())
            }
            #[inline(always)]
            fn wrapped(self) -> u64 {
                i64::from(self) as u64
            }
            #[inline(always)]
            fn halves(self) -> (i64, i64) {
                (i64::from(self), 0)
            }
        }
    )*};
}

short_words! {
    i8, u8, i16, 64, 256;
    u8, u8, u16, 64, 256;
    i16, u16, i32, 32, 65_536;
    u16, u16, u32, 32, 65_536;
}

macro_rules! words {
    ($($type:ty),*) => {$(
        item!(
            $type, u32, <$type>::MAX, <$type>::MIN, |x| f64::from(x), Key::int(i64::from(x)),
            |key| key.int as $type, |trace| { let _ = x; trace }
        );

        impl Whole for $type {
            type Sums = [i64; LANES];
            const NO_SUMS: Self::Sums = [0; LANES];
            const MOST: usize = 1 << 31;

            #[inline(always)]
            fn add(mut lanes: Self::Sums, raw: &[Self::Raw], read: impl Fn(Self::Raw) -> Self) -> Self::Sums {
                let (rows, rest) = raw.as_chunks::<LANES>();
                for row in rows {
                    for i in 0..LANES {
                        lanes[i] = lanes[i].wrapping_add(i64::from(read(row[i])));
                    }
                }
                for (i, x) in rest.iter().enumerate() {
                    lanes[i] = lanes[i].wrapping_add(i64::from(read(*x)));
                }
                lanes
            }
            #[inline(always)]
            fn total(lanes: &Self::Sums, _: usize) -> i128 {
                i128::from(lanes.iter().sum::<i64>())
            }
            #[inline(always)]
            fn wrapped(self) -> u64 {
                i64::from(self) as u64
            }
            #[inline(always)]
            fn halves(self) -> (i64, i64) {
                (i64::from(self), 0)
            }
        }
    )*};
}

words! { i32, u32 }

macro_rules! long_words {
    ($($type:ty, |$x:ident| $key:expr, |$k:ident| $from:expr);* $(;)?) => {$(
        item!(
            $type, u64, <$type>::MAX, <$type>::MIN, |$x| $x as f64, $key, |$k| $from,
            |trace| { let _ = $x; trace }
        );

        impl Whole for $type {
            /// The lower and the upper halves of the items apart, each in 64 bits, after the order of signed
            /// items was made that of unsigned ones.
            type Sums = [[u64; LANES]; 2];
            const NO_SUMS: Self::Sums = [[0; LANES]; 2];
            const MOST: usize = 1 << 31;

            #[inline(always)]
            fn add(sums: Self::Sums, raw: &[Self::Raw], read: impl Fn(Self::Raw) -> Self) -> Self::Sums {
                let [mut low, mut high] = sums;
                let mut put = |i: usize, x: Self::Raw| {
                    let x = read(x) as u64 ^ <$type>::MIN as u64;
                    low[i] = low[i].wrapping_add(x & 0xffff_ffff);
                    high[i] = high[i].wrapping_add(x >> 32);
                };
                let (rows, rest) = raw.as_chunks::<LANES>();
                for row in rows {
                    for i in 0..LANES {
                        put(i, row[i]);
                    }
                }
                rest.iter().enumerate().for_each(|(i, x)| put(i, *x));
                [low, high]
            }
            #[inline(always)]
            fn total(sums: &Self::Sums, count: usize) -> i128 {
                let [low, high] = sums.map(|lanes| i128::from(lanes.iter().sum::<u64>()));
                (high << 32) + low + i128::from(<$type>::MIN) * count as i128
            }
            #[inline(always)]
            fn wrapped(self) -> u64 {
                self as u64
            }
            #[inline(always)]
            fn halves(self) -> (i64, i64) {
                ((self & 0xffff_ffff) as i64, (self >> 32) as i64)
            }
        }
    )*};
}

long_words! {
    i64, |x| Key::int(x), |key| key.int;
    u64, |x| Key::int((x ^ 1 << 63) as i64), |key| key.int as u64 ^ 1 << 63;
}
