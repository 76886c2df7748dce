//! Numbers drawn at random, the same for the same seed on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014): the state grows by a constant, and each number is a mix of its bits.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        SplitMix64(seed)
    }

    /// The sequence of a seed that differs from those of other `streams` of the same seed: of an epoch, say.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        SplitMix64(mix(seed.wrapping_add(Self::STEP)) ^ mix(stream.wrapping_mul(Self::STEP)))
    }

    /// The next number; all 2⁶⁴ are as likely.
    #[expect(
        clippy::should_implement_trait,
        reason = "a sequence without an end is no iterator to be collected"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        mix(self.0)
    }

    /// A number below `bound` (more than 0), each as likely as any other: the upper half of a product, and another
    /// draw where the lower half shows that it would come too often (Lemire 2019).
    pub fn below(&mut self, bound: u64) -> u64 {
        let too_often = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next()) * u128::from(bound);
            if product as u64 >= too_often {
                return (product >> 64) as u64;
            }
        }
    }

    /// Fisher and Yates' shuffle: each order is as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The numbers below `len` in an order drawn at random, each place of which is computed when it is asked for.
///
/// Up to 65,536 numbers are shuffled by Fisher and Yates in a table of 512 KiB, in which each order is as likely as any other, up to
/// the 2⁶⁴ seeds. More are permuted without memory by a Feistel network of eight rounds over pairs of digits in base
/// ⌈√len⌉, with additions as in Black and Rogaway, *Ciphers with arbitrary finite domains* (2002); the few pairs behind
/// the last number are sent through it again. Cost: some 30 ns a number.
///
/// ```
/// use ndfolio_kernel::Permutation;
/// let order = Permutation::new(1_000_000_000_000, 7);
/// let number = order.at(0);
/// assert_eq!(order.place(number), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Permutation {
    len: u64,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Table { order: Vec<u32>, places: Vec<u32> },
    Feistel { base: u64, keys: [u64; ROUNDS] },
}

const ROUNDS: usize = 8;
const TABLE: u64 = 1 << 16;

impl Permutation {
    /// The order of a seed.
    #[must_use]
    pub fn new(len: u64, seed: u64) -> Self {
        Permutation::drawn(len, SplitMix64::new(seed))
    }

    /// The order of an epoch of a seed: that of epoch 0 is the seed's [`new`](Self::new), each other epoch has a
    /// [stream](SplitMix64::stream) of its own.
    #[must_use]
    pub fn of_epoch(len: u64, seed: u64, epoch: u64) -> Self {
        match epoch {
            0 => Permutation::new(len, seed),
            _ => Permutation::drawn(len, SplitMix64::stream(seed, epoch)),
        }
    }

    /// The order that comes next in a sequence of random numbers.
    ///
    /// # Panics
    /// If `len` is more than 2⁶³.
    #[must_use]
    pub fn drawn(len: u64, mut random: SplitMix64) -> Self {
        assert!(len <= 1 << 63, "{len} numbers are more than 2^63");
        if len > TABLE {
            let root = len.isqrt();
            let base = if root * root < len { root + 1 } else { root };
            return Permutation {
                len,
                way: Way::Feistel { base, keys: std::array::from_fn(|_| random.next()) },
            };
        }
        let mut order: Vec<u32> = (0..len as u32).collect();
        random.shuffle(&mut order);
        let mut places = vec![0; order.len()];
        for (place, &number) in order.iter().enumerate() {
            places[number as usize] = place as u32;
        }
        Permutation { len, way: Way::Table { order, places } }
    }

    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number at a place.
    ///
    /// # Panics
    /// If the place is not below `len`.
    #[must_use]
    pub fn at(&self, place: u64) -> u64 {
        assert!(place < self.len, "place {place} of {}", self.len);
        match &self.way {
            Way::Table { order, .. } => u64::from(order[place as usize]),
            Way::Feistel { base, keys } => walk(place, self.len, |pair| forward(pair, *base, keys)),
        }
    }

    /// The place of a number.
    ///
    /// # Panics
    /// If the number is not below `len`.
    #[must_use]
    pub fn place(&self, number: u64) -> u64 {
        assert!(number < self.len, "number {number} of {}", self.len);
        match &self.way {
            Way::Table { places, .. } => u64::from(places[number as usize]),
            Way::Feistel { base, keys } => walk(number, self.len, |pair| backward(pair, *base, keys)),
        }
    }
}

/// The first step of a walk over all pairs that is below `len` again.
fn walk(mut at: u64, len: u64, step: impl Fn(u64) -> u64) -> u64 {
    loop {
        at = step(at);
        if at < len {
            return at;
        }
    }
}

/// A number below `base` that depends on a digit and a key.
fn round(digit: u64, key: u64, base: u64) -> u64 {
    ((u128::from(mix(digit ^ key)) * u128::from(base)) >> 64) as u64
}

fn forward(pair: u64, base: u64, keys: &[u64; ROUNDS]) -> u64 {
    let (mut high, mut low) = (pair / base, pair % base);
    for &key in keys {
        let sum = high + round(low, key, base);
        (high, low) = (low, if sum >= base { sum - base } else { sum });
    }
    high * base + low
}

fn backward(pair: u64, base: u64, keys: &[u64; ROUNDS]) -> u64 {
    let (mut high, mut low) = (pair / base, pair % base);
    for &key in keys.iter().rev() {
        let part = round(high, key, base);
        (high, low) = (if low >= part { low - part } else { low + base - part }, high);
    }
    high * base + low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_at_one_place() {
        for len in [0, 1, 2, 3, 1000, TABLE, TABLE + 1, 70_000, 256 * 257, 257 * 257, 100_003] {
            let order = Permutation::new(len, 5);
            let mut seen = vec![false; len as usize];
            for place in 0..len {
                let number = order.at(place);
                assert_eq!(order.place(number), place);
                assert!(!std::mem::replace(&mut seen[number as usize], true), "{number} twice of {len}");
            }
        }
        let order = Permutation::new(1 << 63, 5);
        assert_eq!(order.place(order.at((1 << 63) - 1)), (1 << 63) - 1);
    }

    /// Chi-squared of a table of places and numbers, in standard deviations from what is expected.
    fn deviation(counts: &[u32], each: f64) -> f64 {
        let freedom = counts.len() as f64 - 1.0;
        let sum: f64 = counts.iter().map(|&count| (f64::from(count) - each).powi(2) / each).sum();
        (sum - freedom) / (2.0 * freedom).sqrt()
    }

    #[test]
    fn each_order_of_few_is_as_likely() {
        let mut counts = [0_u32; 24];
        for seed in 0..24_000 {
            let order = Permutation::new(4, seed);
            let [a, b, c] = [0, 1, 2].map(|place| order.at(place));
            let rank = a * 6 + (b - u64::from(b > a)) * 2 + (c - u64::from(c > a) - u64::from(c > b));
            counts[rank as usize] += 1;
        }
        assert!(deviation(&counts, 1000.0).abs() < 5.0, "{counts:?}");
    }

    #[test]
    fn numbers_of_many_are_everywhere_and_neighbours_part() {
        let len = 400_000;
        let (mut places, mut distances) = (vec![0_u32; 256], vec![0_u32; 256]);
        for seed in 0..20 {
            let order = Permutation::new(len, seed);
            for place in 0..20_000 {
                let (a, b) = (order.at(place), order.at(place + 1));
                places[(place / 1250 * 16 + a * 16 / len) as usize] += 1;
                distances[((b + len - a) % len * 256 / len) as usize] += 1;
            }
        }
        assert!(deviation(&places, 400_000.0 / 256.0).abs() < 5.0, "{places:?}");
        assert!(deviation(&distances, 400_000.0 / 256.0).abs() < 5.0, "{distances:?}");
        let (a, b) = (Permutation::new(len, 1), Permutation::new(len, 2));
        let same = (0..len).filter(|&place| a.at(place) == b.at(place)).count();
        assert!(same < 10, "{same} of two orders are the same, where one is expected");
    }

    #[test]
    fn epochs_have_orders_of_their_own() {
        let orders = [0, 1, 2].map(|epoch| Permutation::of_epoch(1000, 7, epoch));
        let same = |a: &Permutation, b: &Permutation| (0..1000).filter(|&at| a.at(at) == b.at(at)).count();
        assert_eq!(same(&orders[0], &Permutation::new(1000, 7)), 1000);
        assert!(same(&orders[0], &orders[1]) < 10 && same(&orders[1], &orders[2]) < 10);
    }

    #[test]
    fn streams_differ() {
        let firsts =
            [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(seed, stream)| SplitMix64::stream(seed, stream).next());
        assert!((0..4).all(|i| (0..i).all(|j| firsts[i] != firsts[j])));
    }
}
