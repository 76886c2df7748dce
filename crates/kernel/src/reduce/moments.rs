//! Sums of real floating-point numbers, and squared distances from their mean: without more than that, block by
//! block in one loop.

use ndfolio_layout::Kind;
use ndfolio_store::Bytes;

use super::{
    BLOCK, Partial, Reducer, Wanted,
    item::{FromHalf, Real},
    loops::Items,
    reducer::merge_m2,
    subtrees::Subtrees,
};

/// Bytes of blocks that are worked on in one loop: they stay in the L2 cache.
const TOGETHER: usize = 128 << 10;

/// What is known of some numbers, none of which is NaN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    count: u64,
    sum: f64,
    m2: f64,
}

impl Moments {
    /// Adds later numbers; as [`Reducer::merge`].
    pub(super) fn add(&mut self, later: &Moments) {
        let state =
            |moments: &Moments| (moments.count as f64, [moments.sum / moments.count as f64, 0.0], moments.m2);
        self.m2 = merge_m2(state(self), state(later));
        self.sum += later.sum;
        self.count += later.count;
    }

    pub(super) fn partial(self) -> Partial {
        Partial { count: self.count, sum: [self.sum, 0.0], m2: self.m2, ..Partial::EMPTY }
    }
}

/// Adds the blocks of some items, of which the first has the number `next`, to those before. What is left was not looked
/// at: all items, if more is wanted, or those from where on there may be a NaN.
pub(super) fn add<'b>(
    reducer: &Reducer,
    items: Bytes<'b>,
    (subtrees, next): (&mut Subtrees<Moments>, &mut u64),
) -> Bytes<'b> {
    if ![Wanted::SUM, Wanted::M2].contains(&reducer.wanted) {
        return items;
    }
    let squares = reducer.wanted == Wanted::M2;
    let to = (subtrees, next);
    match reducer.scalar.kind() {
        Kind::Float16 if squares => add_blocks::<FromHalf>(reducer, items, single_moments, to),
        Kind::Float16 => add_blocks::<FromHalf>(reducer, items, sums, to),
        Kind::Float32 if squares => add_blocks::<f32>(reducer, items, single_moments, to),
        Kind::Float32 => add_blocks::<f32>(reducer, items, sums, to),
        Kind::Float64 if squares => add_blocks::<f64>(reducer, items, double_moments, to),
        Kind::Float64 => add_blocks::<f64>(reducer, items, sums, to),
        _ => items,
    }
}

/// What each of some blocks gives: the sum, and that of the squared distances.
type OfBlocks<T> = fn(Items<'_, T>, &mut [[f64; 2]]);

fn add_blocks<'b, T: Real>(
    reducer: &Reducer,
    items: Bytes<'b>,
    of: OfBlocks<T>,
    (subtrees, next): (&mut Subtrees<Moments>, &mut u64),
) -> Bytes<'b> {
    const MOST: usize = TOGETHER / BLOCK;
    let block = BLOCK * reducer.itemsize();
    let (mut rest, mut values) = (items, [[0.0; 2]; MOST]);
    while !rest.is_empty() {
        let (bytes, later) = rest.split_at(((TOGETHER / block).max(1) * block).min(rest.len()));
        let items = Items::<T>::new(reducer.stored(bytes));
        let values = &mut values[..bytes.len().div_ceil(block)];
        of(items, values);
        // Infinities add up to NaN too; then the items are looked at.
        if values.iter().any(|[sum, _]| sum.is_nan()) {
            break;
        }
        for (i, [sum, m2]) in values.iter().enumerate() {
            let count = BLOCK.min(items.len() - i * BLOCK) as u64;
            *next += 1;
            subtrees.push(0, Moments { count, sum: *sum, m2: *m2 }, *next, Moments::add);
        }
        rest = later;
    }
    rest
}

/// Splits whole blocks from the rest, which may be none.
fn whole<T: Real>(items: Items<'_, T>) -> (usize, Option<Items<'_, T>>) {
    let count = items.len() / BLOCK;
    (count, items.parts(BLOCK).nth(count))
}

fn sums<T: Real>(items: Items<'_, T>, values: &mut [[f64; 2]]) {
    let (count, rest) = whole(items);
    if count > 0 {
        items.block_sums(BLOCK, &mut values[..count]);
    }
    if let Some(rest) = rest {
        values[count] = [rest.sum(false, 1)[0], 0.0];
    }
}

fn double_moments<T: Real>(items: Items<'_, T>, values: &mut [[f64; 2]]) {
    sums(items, values);
    for (block, [sum, m2]) in items.parts(BLOCK).zip(values) {
        let mean = *sum / block.len() as f64;
        *m2 = block.distances(false, [mean; 2]);
    }
}

fn single_moments<T: Real>(items: Items<'_, T>, values: &mut [[f64; 2]]) {
    let (count, _) = whole(items);
    let together = count > 0 && !is_far(items);
    if together {
        items.block_powers(BLOCK, &mut values[..count]);
    }
    for (i, (block, value)) in items.parts(BLOCK).zip(values).enumerate() {
        let powers = (together && i < count).then_some(*value);
        *value = spread(block, powers);
    }
}

/// How much greater squares may be than squared distances for these to be found from those: of the 53 bits of
/// double precision 10 are lost.
const MOST_LOSS: f64 = 1024.0;

/// The sum of at most a block of singles, and that of their squared distances from the mean. `powers` are the sums
/// of them and of their squares, if they are known.
///
/// The squares, which are exact, are enough where the mean is not much greater than the deviation. Elsewhere the
/// distances are taken from one of the items, which costs 12 bits at most, as that one is among the 4096.
pub(super) fn spread<T: Real>(items: Items<'_, T>, powers: Option<[f64; 2]>) -> [f64; 2] {
    let n = items.len() as f64;
    if !is_far(items) {
        let [sum, squares] = powers.unwrap_or_else(|| items.powers());
        let m2 = squares - sum * (sum / n);
        if squares <= MOST_LOSS * m2 {
            return [as_alone(items, sum), m2];
        }
    }
    let origin = sample(items)[0];
    let [sum, squares] = items.spread(origin);
    let shift = sum / n - origin;
    let m2 = squares - n * shift * shift;
    // Not `max`, which makes a number of NaN.
    [as_alone(items, sum), if m2 < 0.0 { 0.0 } else { m2 }]
}

/// The sum, given that of all items one by one, as it is where nothing else is wanted.
fn as_alone<T: Real>(items: Items<'_, T>, sum: f64) -> f64 {
    if T::IS_HALF { items.sum(false, 1)[0] } else { sum }
}

/// Items that are looked at before all others.
const SAMPLE: usize = 16;

fn sample<T: Real>(items: Items<'_, T>) -> [f64; SAMPLE] {
    let mut sample = [0.0; SAMPLE];
    items.sample(SAMPLE, |items| {
        sample.iter_mut().zip(items).for_each(|(out, x)| *out = T::read(*x).wide());
    });
    sample
}

/// Whether the first items let fear that the mean is much greater than the deviation.
fn is_far<T: Real>(items: Items<'_, T>) -> bool {
    let (sample, n) = (sample(items), items.len().min(SAMPLE) as f64);
    let (sum, squares) = sample.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    squares > MOST_LOSS * (squares - sum * (sum / n))
}
