use super::{Histogram, Uniform};
use crate::simd::{Level, Loop, Vectors, dispatch};

/// Items that are worked on together; they stay in the L1 cache.
const CHUNK: usize = 256;
/// Tables that are counted in in turn, so that neighbours in one bin need not wait for each other.
const TABLES: usize = 4;
/// With more bins than these neighbours are seldom in one, and tables would leave the L1 cache.
const MOST_BINS: usize = 1 << 10;
/// With more edges than these they are searched, not compared one by one.
const MOST_EDGES: usize = 32;

/// Counters that [`Histogram::count`] needs for so many bins.
#[must_use]
pub fn counters(bins: usize) -> usize {
    table(bins) * tables(bins)
}

/// Those of the bins, of items outside, and of items to be looked at again.
fn table(bins: usize) -> usize {
    bins + 2
}

fn tables(bins: usize) -> usize {
    if bins <= MOST_BINS { TABLES } else { 1 }
}

/// Estimates bins: those of items outside are `count`, of items too near to an edge `count` + 1.
struct Estimate<'a> {
    uniform: Uniform,
    items: &'a [f64],
    bins: &'a mut [u32],
}

impl Loop for Estimate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        let Uniform { first, last, width, count, slack, .. } = self.uniform;
        let (scale, near) = (count / width, 0.5 - slack);
        let (outside, again) = (count as u32, count as u32 + 1);
        // Adding this rounds to whole numbers, which are the lowest bits of the sum.
        let whole = 1.5 * (1_u64 << 52) as f64;
        for (bin, &x) in self.bins.iter_mut().zip(self.items) {
            let place = (x - first) * scale - 0.5;
            let rounded = place + whole;
            let off = (place - (rounded - whole)).abs();
            let estimate = if off < near { rounded.to_bits() as u32 } else { again };
            *bin = if (x >= first) & (x <= last) { estimate } else { outside };
        }
    }
}

/// Bins between few edges: each item is compared with all of them.
struct Compare<'a> {
    edges: &'a [f64],
    items: &'a [f64],
    bins: &'a mut [u32],
}

/// Items that are compared side by side.
const LANES: usize = 16;

impl Loop for Compare<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) {
        let bins = self.edges.len().saturating_sub(1) as u32;
        let end = self.edges.last().copied().unwrap_or(f64::NAN);
        for (items, out) in self.items.chunks(LANES).zip(self.bins.chunks_mut(LANES)) {
            let mut lanes = [f64::NAN; LANES];
            lanes[..items.len()].copy_from_slice(items);
            let mut passed = [0_u64; LANES];
            for &edge in self.edges {
                for i in 0..LANES {
                    passed[i] += u64::from(lanes[i] >= edge);
                }
            }
            let found: [u32; LANES] = std::array::from_fn(|i| behind(bins, end, passed[i] as u32, lanes[i]));
            out.copy_from_slice(&found[..items.len()]);
        }
    }
}

/// The bin of an item that so many edges are not greater than: the last one includes its right edge.
#[inline(always)]
fn behind(bins: u32, end: f64, passed: u32, x: f64) -> u32 {
    let inside = (passed > 0) & (passed <= bins);
    let last = if (x == end) & (bins > 0) { bins - 1 } else { bins };
    if inside { passed - 1 } else { last }
}

impl Histogram {
    /// Adds items to counters, of which there must be [`counters`]; [`Histogram::add_up`] makes counts of
    /// them before one passes 2^32.
    ///
    /// # Panics
    /// If there are fewer counters.
    pub fn count(&self, items: &[u8], counters: &mut [u32]) {
        let (mut wide, mut bins) = ([0.0; CHUNK], [0; CHUNK]);
        let (size, tables) = (table(self.bins()), tables(self.bins()));
        let counters = &mut counters[..size * tables];
        for items in items.chunks(CHUNK * self.widener.itemsize()) {
            let count = items.len() / self.widener.itemsize();
            let (wide, bins) = (&mut wide[..count], &mut bins[..count]);
            self.widener.widen(items, wide);
            self.find(self.widener.level(), wide, bins);
            if tables == 1 {
                bins.iter().for_each(|bin| counters[*bin as usize] += 1);
                continue;
            }
            let (fours, rest) = bins.as_chunks::<TABLES>();
            for four in fours {
                for (table, bin) in four.iter().enumerate() {
                    counters[table * size + *bin as usize] += 1;
                }
            }
            rest.iter().for_each(|bin| counters[*bin as usize] += 1);
        }
    }

    /// Adds what was counted to the counts of the bins, and sets the counters to 0.
    pub fn add_up(&self, counters: &mut [u32], counts: &mut [u64]) {
        for table in counters.chunks_mut(table(self.bins())) {
            for (count, counter) in counts.iter_mut().zip(&*table) {
                *count += u64::from(*counter);
            }
            table.fill(0);
        }
    }

    /// The bins of items; that of items outside is the number of bins.
    fn find(&self, level: Level, items: &[f64], bins: &mut [u32]) {
        let outside = self.bins() as u32;
        match self.uniform {
            Some(uniform) if uniform.slack < 0.25 => {
                dispatch(level, Estimate { uniform, items, bins });
                if bins.iter().fold(0, |most, bin| most.max(*bin)) > outside {
                    let again = bins.iter_mut().zip(items).filter(|(bin, _)| **bin > outside);
                    again.for_each(|(bin, x)| *bin = self.find_exactly(*x));
                }
            }
            None if self.edges.len() <= MOST_EDGES => {
                dispatch(level, Compare { edges: &self.edges, items, bins });
            }
            _ => bins.iter_mut().zip(items).for_each(|(bin, x)| *bin = self.find_exactly(*x)),
        }
    }

    fn find_exactly(&self, x: f64) -> u32 {
        match self.uniform {
            Some(uniform) => uniform.find(x, &self.edges).unwrap_or(self.bins()) as u32,
            None => {
                let passed = self.edges.partition_point(|edge| *edge <= x) as u32;
                behind(self.bins() as u32, self.edges.last().copied().unwrap_or(f64::NAN), passed, x)
            }
        }
    }
}
