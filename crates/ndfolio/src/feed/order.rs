//! In what order the items of an epoch come.

use std::{fmt, ops::Range, sync::Arc};

use ndfolio_kernel::{Permutation, SplitMix64};

/// In what order rows or windows come. The same seed gives the same order on every machine, whatever the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shuffle {
    /// As they lie in the file.
    #[default]
    None,
    /// A permutation of all, in which each order is as likely as any other (up to the seeds that there are):
    /// [`Permutation::of_epoch`](https://docs.rs/ndfolio-kernel). Each item is a read of its own.
    Full,
    /// Blocks of neighbours in random order, and the items of some blocks at a time shuffled: the file is read in long
    /// pieces, each once in an epoch. See the [module](crate::feed#blocks) for what that means.
    Blocks(Blocks),
}

impl Shuffle {
    /// Blocks of the usual size.
    #[must_use]
    pub fn blocks() -> Self {
        Shuffle::Blocks(Blocks::default())
    }
}

/// The sizes of blocks, which are a part of what the order is. What is not said follows from the bytes of an item
/// alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Blocks {
    /// Items of a block: as many as half a mebibyte holds, but 4096 at most and one at least, if it is not said.
    pub items: Option<u64>,
    /// Blocks whose items are shuffled together: 16 if it is not said.
    pub together: Option<u64>,
}

/// Bytes of a block if nothing is said: a device reads that as fast as it can.
const BLOCK_BYTES: u64 = 512 << 10;
/// Items of a block then at most.
const BLOCK_ITEMS: u64 = 4096;
/// Blocks that are shuffled together.
const TOGETHER: u64 = 16;

/// An order with all its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    None,
    Full,
    Blocks { block: u64, together: u64 },
}

impl Sizes {
    /// For items of so many bytes.
    pub(super) fn new(shuffle: Shuffle, item_bytes: u64) -> Self {
        match shuffle {
            Shuffle::None => Sizes::None,
            Shuffle::Full => Sizes::Full,
            Shuffle::Blocks(Blocks { items, together }) => Sizes::Blocks {
                block: items.unwrap_or((BLOCK_BYTES / item_bytes.max(1)).clamp(1, BLOCK_ITEMS)),
                together: together.unwrap_or(TOGETHER),
            },
        }
    }

    /// Items that have to be in memory together, of `len` in all; none if one at a time does.
    pub(super) fn window(self, len: u64) -> Option<u64> {
        match self {
            Sizes::Blocks { block, together } => Some(block.saturating_mul(together).min(len)),
            _ => None,
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::None => f.write_str("none"),
            Sizes::Full => f.write_str("full"),
            Sizes::Blocks { block, together } => write!(f, "blocks of {block}, {together} together"),
        }
    }
}

/// The order of one epoch: from places to items.
#[derive(Clone, Debug)]
pub(super) struct Order {
    len: u64,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Counted,
    Full(Arc<Permutation>),
    Blocks(BlockOrder),
}

impl Order {
    pub(super) fn new(sizes: Sizes, len: u64, (seed, epoch): (u64, u64)) -> Self {
        let way = match sizes {
            Sizes::None => Way::Counted,
            Sizes::Full => Way::Full(Arc::new(Permutation::of_epoch(len, seed, epoch))),
            Sizes::Blocks { block, together } => {
                Way::Blocks(BlockOrder::new(len, (block, together), (seed, epoch)))
            }
        };
        Order { len, way }
    }

    /// The places of the items that are shuffled together with that at a place: all, where there are no blocks.
    pub(super) fn window(&self, place: u64) -> Range<u64> {
        match &self.way {
            Way::Blocks(blocks) => blocks.window(blocks.window_of(place)),
            _ => 0..self.len,
        }
    }

    /// Adds the items at some places.
    pub(super) fn add_items(&mut self, places: Range<u64>, items: &mut Vec<i64>) {
        match &mut self.way {
            Way::Counted => items.extend(places.map(|place| place as i64)),
            Way::Full(order) => items.extend(places.map(|place| order.at(place) as i64)),
            Way::Blocks(blocks) => {
                let mut at = places.start;
                while at < places.end {
                    let number = blocks.window_of(at);
                    let window = blocks.window(number);
                    let end = window.end.min(places.end);
                    let within = blocks.within(number);
                    items.extend(
                        (at..end)
                            .map(|place| blocks.item(window.start + within.at(place - window.start)) as i64),
                    );
                    at = end;
                }
            }
        }
    }
}

/// Blocks in an order of their own, and the items of some at a time in another. The last block can be shorter.
#[derive(Clone, Debug)]
struct BlockOrder {
    blocks: Arc<Permutation>,
    block: u64,
    /// Items of whole blocks that are shuffled together.
    together: u64,
    /// Items that the last block lacks.
    missing: u64,
    /// The place of its first item, before items are shuffled.
    short: u64,
    /// What the orders within are drawn from.
    seed: u64,
    /// The order within that was asked for last.
    last: Option<(u64, Arc<Permutation>)>,
}

impl BlockOrder {
    fn new(len: u64, (block, together): (u64, u64), (seed, epoch): (u64, u64)) -> Self {
        let count = len.div_ceil(block);
        let seed = SplitMix64::stream(seed, epoch).next();
        let blocks = Permutation::drawn(count, SplitMix64::stream(seed, 0));
        let short = if count > 0 { blocks.place(count - 1) * block } else { 0 };
        BlockOrder {
            blocks: Arc::new(blocks),
            block,
            together: block.saturating_mul(together),
            missing: count * block - len,
            short,
            seed,
            last: None,
        }
    }

    /// A place, if all blocks were whole.
    fn whole(&self, place: u64) -> u64 {
        if place < self.short + self.block - self.missing { place } else { place + self.missing }
    }

    fn window_of(&self, place: u64) -> u64 {
        self.whole(place) / self.together
    }

    /// The places of a window.
    fn window(&self, number: u64) -> Range<u64> {
        let all = self.blocks.len() * self.block;
        let place = |number: u64| {
            let whole = number.saturating_mul(self.together).min(all);
            if whole > self.short { whole - self.missing } else { whole }
        };
        place(number)..place(number + 1)
    }

    /// The order of the items of a window.
    fn within(&mut self, number: u64) -> Arc<Permutation> {
        if let Some((last, order)) = &self.last
            && *last == number
        {
            return Arc::clone(order);
        }
        let window = self.window(number);
        let random = SplitMix64::stream(self.seed, number + 1);
        let order = Arc::new(Permutation::drawn(window.end - window.start, random));
        self.last = Some((number, Arc::clone(&order)));
        order
    }

    /// The item at a place, before items are shuffled.
    fn item(&self, place: u64) -> u64 {
        let whole = self.whole(place);
        self.blocks.at(whole / self.block) * self.block + whole % self.block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(sizes: Sizes, len: u64, epoch: u64) -> Vec<i64> {
        let mut items = Vec::new();
        Order::new(sizes, len, (7, epoch)).add_items(0..len, &mut items);
        items
    }

    #[test]
    fn each_item_comes_once_and_windows_are_made_of_blocks() {
        for (len, block, together) in
            [(1, 1, 1), (10, 3, 2), (1000, 7, 4), (999, 10, 16), (12, 4, 1), (5, 9, 3)]
        {
            let sizes = Sizes::Blocks { block, together };
            let found = items(sizes, len, 0);
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..len as i64), "{sizes}");
            let order = Order::new(sizes, len, (7, 0));
            let mut at = 0;
            while at < len {
                let window = order.window(at);
                assert_eq!(window.start, at);
                let here = &found[window.start as usize..window.end as usize];
                let mut blocks: Vec<u64> = here.iter().map(|&item| item as u64 / block).collect();
                blocks.sort_unstable();
                blocks.dedup();
                assert!(blocks.len() as u64 <= together);
                let whole: u64 = blocks.iter().map(|b| block.min(len - b * block)).sum();
                assert_eq!(whole, here.len() as u64, "parts of blocks in a window of {sizes}");
                at = window.end;
            }
        }
    }

    #[test]
    fn parts_of_an_order_are_those_of_the_whole() {
        for sizes in [Sizes::None, Sizes::Full, Sizes::Blocks { block: 7, together: 3 }] {
            let whole = items(sizes, 500, 2);
            let mut order = Order::new(sizes, 500, (7, 2));
            for (from, to) in [(0, 1), (20, 22), (19, 64), (480, 500), (3, 3)] {
                let mut part = Vec::new();
                order.add_items(from..to, &mut part);
                assert_eq!(part, whole[from as usize..to as usize]);
            }
        }
    }

    #[test]
    fn epochs_differ() {
        for sizes in [Sizes::Full, Sizes::Blocks { block: 7, together: 3 }] {
            let (a, b) = (items(sizes, 500, 0), items(sizes, 500, 1));
            assert!(a.iter().zip(&b).filter(|(a, b)| a == b).count() < 20);
        }
    }

    /// The figures of `docs/batches.md`: rows go anywhere, and neighbours of the file stay nearer than by chance within a
    /// window alone.
    #[test]
    fn blocks_are_as_random_as_is_said() {
        let len = 1 << 20;
        let figures = |sizes| {
            let found = items(sizes, len, 0);
            let moved: u64 =
                found.iter().zip(0_u64..).map(|(&item, place)| place.abs_diff(item as u64)).sum();
            let apart: u64 = found.windows(2).map(|pair| pair[0].abs_diff(pair[1])).sum();
            let same = found.windows(2).filter(|pair| pair[0] / 128 == pair[1] / 128).count();
            let batches: Vec<f64> = found
                .chunks(64)
                .map(|batch| batch.iter().map(|&item| item as f64 / len as f64).sum::<f64>() / 64.0)
                .collect();
            let spread = batches.iter().map(|mean| (mean - 0.5).powi(2)).sum::<f64>() / batches.len() as f64;
            let share = |sum: u64| sum as f64 / len as f64 / len as f64;
            (share(moved), share(apart), same as f64 / len as f64, spread.sqrt())
        };
        let blocks = figures(Sizes::Blocks { block: 128, together: 16 });
        let full = figures(Sizes::Full);
        let near = |value: f64, wanted: f64| assert!((value / wanted - 1.0).abs() < 0.06, "{value} {wanted}");
        near(blocks.0, 1.0 / 3.0);
        near(full.0, 1.0 / 3.0);
        near(blocks.1, 15.0 / 16.0 / 3.0);
        near(full.1, 1.0 / 3.0);
        near(blocks.2, 1.0 / 16.0);
        // The mean place of a batch of 64: of 16 places rather than 64, and twice as uneven.
        near(blocks.3, 0.289 * (1.0 / 16.0 + 1.0 / 64.0_f64).sqrt());
        near(full.3, 0.289 / 8.0);
    }

    #[test]
    fn sizes_follow_from_the_bytes_of_an_item() {
        let of = |bytes| Sizes::new(Shuffle::blocks(), bytes);
        assert_eq!(of(4096), Sizes::Blocks { block: 128, together: 16 });
        assert_eq!(of(1), Sizes::Blocks { block: 4096, together: 16 });
        assert_eq!(of(3 << 20), Sizes::Blocks { block: 1, together: 16 });
    }
}
