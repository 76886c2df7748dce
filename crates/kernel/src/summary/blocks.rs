use super::{Item, Mean, Number, Summarize, Summary};

/// Items of one block: its doubles fit the L1 cache.
const BLOCK: usize = 1024;
/// Running values side by side, so that the compiler can keep them in vector registers.
const LANES: usize = 16;

/// Count, sum and squared distances from the mean of some items.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: u64,
    sum: f64,
    m2: f64,
}

impl Moments {
    /// Of the items of both (T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise
    /// Algorithm for Computing Sample Variances", 1979).
    fn merge(self, other: Moments) -> Moments {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let delta = other.sum / m - self.sum / n;
        Moments {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            m2: self.m2 + other.m2 + delta * delta * (n * m / (n + m)),
        }
    }
}

/// A row of real items, in blocks that are merged in a binary tree.
pub(super) struct Blocks<T> {
    zero: T,
    /// Items that do not fill a block yet.
    open: Vec<T>,
    /// Place `k` holds the moments of 2^k whole blocks, if the number of blocks so far has that bit.
    tree: Vec<Option<Moments>>,
    count: u64,
    numbers: u64,
    zeros: u64,
    int_sum: i128,
    min: Option<T>,
    max: Option<T>,
}

impl<T: Item> Blocks<T> {
    pub(super) fn new(zero: T) -> Self {
        let open = Vec::with_capacity(BLOCK);
        Blocks {
            zero,
            open,
            tree: Vec::new(),
            count: 0,
            numbers: 0,
            zeros: 0,
            int_sum: 0,
            min: None,
            max: None,
        }
    }

    fn close_block(&mut self) {
        let mut merged = self.take_in();
        self.open.clear();
        for place in &mut self.tree {
            match place.take() {
                Some(earlier) => merged = earlier.merge(merged),
                None => {
                    *place = Some(merged);
                    return;
                }
            }
        }
        self.tree.push(Some(merged));
    }

    /// Takes the open items into everything whose order does not matter, and returns their moments.
    fn take_in(&mut self) -> Moments {
        let mut wide = [f64::NAN; BLOCK];
        let n = self.open.len();
        T::widen(&self.open, &mut wide[..n]);
        let lanes = wide.as_chunks::<LANES>().0;
        let sums = Sums::of(&lanes[..n.div_ceil(LANES)]);
        self.count += n as u64;
        self.numbers += sums.count;
        self.zeros += sums.zeros;
        self.int_sum += T::sum(&self.open);
        self.extremes();
        let mean = sums.sum / sums.count as f64;
        Moments { count: sums.count, sum: sums.sum, m2: squared_distances(lanes, mean) }
    }

    fn extremes(&mut self) {
        let mut numbers = self.open.iter().copied().filter(|x| !x.is_nan());
        let Some(first) = numbers.next() else { return };
        let (mut min, mut max) = (first, first);
        for &x in &self.open {
            min = if x < min && !x.is_nan() { x } else { min };
            max = if x > max { x } else { max };
        }
        self.min = Some(self.min.filter(|old| *old <= min).unwrap_or(min));
        self.max = Some(self.max.filter(|old| *old >= max).unwrap_or(max));
    }
}

/// Count, sum and zeros of the numbers in rows of lanes; NaN fills up what is not an item.
struct Sums {
    count: u64,
    zeros: u64,
    sum: f64,
}

impl Sums {
    fn of(rows: &[[f64; LANES]]) -> Sums {
        let (mut count, mut zeros, mut sum) = ([0_u64; LANES], [0_u64; LANES], [0.0; LANES]);
        for row in rows {
            for i in 0..LANES {
                let number = !row[i].is_nan();
                count[i] += u64::from(number);
                zeros[i] += u64::from(row[i] == 0.0);
                sum[i] += if number { row[i] } else { 0.0 };
            }
        }
        Sums { count: count.iter().sum(), zeros: zeros.iter().sum(), sum: add_lanes(sum) }
    }
}

fn squared_distances(rows: &[[f64; LANES]], mean: f64) -> f64 {
    let mut sum = [0.0; LANES];
    for row in rows {
        for i in 0..LANES {
            let distance = row[i] - mean;
            sum[i] += if !row[i].is_nan() { distance * distance } else { 0.0 };
        }
    }
    add_lanes(sum)
}

fn add_lanes(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

impl<T: Item> Summarize for Blocks<T> {
    fn update(&mut self, mut items: &[u8]) {
        while !items.is_empty() {
            let room = (BLOCK - self.open.len()) * T::WIDTH;
            let (now, later) = items.split_at(room.min(items.len()));
            self.zero.load(now, &mut self.open);
            items = later;
            if self.open.len() == BLOCK {
                self.close_block();
            }
        }
    }

    fn finish(&self) -> Summary {
        let mut all = Blocks { open: self.open.clone(), tree: Vec::new(), ..*self };
        let mut moments = all.take_in();
        for earlier in self.tree.iter().flatten() {
            moments = earlier.merge(moments);
        }
        let Sum { sum, mean } = Sum::new(self.zero, all.numbers, moments.sum, all.int_sum);
        Summary {
            count: all.count,
            nan_count: all.count - all.numbers,
            zeros: self.zero.has_sum().then_some(all.zeros),
            min: all.min.map(T::value),
            max: all.max.map(T::value),
            mean,
            std: std(self.zero, all.numbers, moments.m2),
            sum,
        }
    }
}

/// The sum and the mean of `count` numbers.
pub(super) struct Sum {
    pub(super) sum: Option<Number>,
    pub(super) mean: Option<Mean>,
}

impl Sum {
    pub(super) fn new<T: Item>(zero: T, count: u64, sum: f64, int_sum: i128) -> Sum {
        let divided = |sum: f64| Mean::Number(Number::Float(sum / count as f64));
        let sum_of_items = if T::FLOAT { Number::Float(sum) } else { Number::Int(int_sum) };
        let mean = match (count, T::FLOAT) {
            (0, _) => None,
            (_, true) => Some(divided(sum)),
            (_, false) => {
                let rounded = int_sum.div_euclid(i128::from(count)) as i64;
                Some(zero.time(rounded).map_or_else(|| divided(int_sum as f64), Mean::Time))
            }
        };
        Sum { sum: zero.has_sum().then_some(sum_of_items), mean }
    }
}

/// The standard deviation of `count` numbers; none for times.
pub(super) fn std<T: Item>(zero: T, count: u64, m2: f64) -> Option<f64> {
    (count > 0 && zero.time(0).is_none()).then(|| (m2 / count as f64).sqrt())
}
