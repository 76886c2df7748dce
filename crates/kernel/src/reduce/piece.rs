use ndfolio_store::Bytes;

use super::{
    BLOCK, Key, Partial, Reducer, Scratch, Wanted,
    moments::{self, Moments},
    subtrees::Subtrees,
};

/// Bytes of blocks that are measured as one where that makes no difference.
const GROUP: usize = 256 << 10;

/// The states of a piece of many blocks, contiguous and in the dtype's byte order, to be pushed into a
/// [`Tree`](super::Tree) in this order: levels and states of subtrees that are as large as can be.
///
/// `first_block` is the number of the piece's first block; the piece starts with that block, and ends with a
/// whole block unless it is the last. Positions count in items from block 0.
#[must_use]
pub fn piece<'b>(
    reducer: &Reducer,
    items: impl Into<Bytes<'b>>,
    first_block: u64,
    scratch: &mut Scratch,
) -> Vec<(u32, Partial)> {
    let (items, mut blocks) = (items.into(), Blocks::from(first_block));
    blocks.measure(reducer, items, scratch);
    blocks.place(reducer, items, first_block * BLOCK as u64, None);
    let moments = blocks.moments.take().map(|(level, moments)| (level, moments.partial()));
    moments.chain(blocks.partials.take()).collect()
}

/// The state of all items: those of one [`piece()`] merged.
///
/// Of extremes that are no better than those `seen` the places are not looked for: they are anywhere behind them.
#[must_use]
pub fn whole<'b>(
    reducer: &Reducer,
    items: impl Into<Bytes<'b>>,
    scratch: &mut Scratch,
    seen: Option<&mut Seen>,
) -> Partial {
    let (items, mut blocks) = (items.into(), Blocks::default());
    blocks.measure(reducer, items, scratch);
    blocks.place(reducer, items, 0, seen);
    blocks.finish(reducer)
}

/// What is known of items that come part by part: in the end the same as if they had come [as a whole](whole()).
#[derive(Debug)]
pub struct Blocks {
    /// The blocks so far, if nothing but this is wanted of them, and none of their items is NaN.
    moments: Subtrees<Moments>,
    /// The blocks so far, if not.
    partials: Subtrees<Partial>,
    /// The number of the next block.
    next: u64,
}

impl Default for Blocks {
    fn default() -> Self {
        Blocks::from(0)
    }
}

impl Blocks {
    fn from(next: u64) -> Self {
        Blocks { moments: Subtrees::new(), partials: Subtrees::new(), next }
    }

    /// Whether a reducer can take items part by part: places of extremes are looked for among all items.
    #[must_use]
    pub fn can_take(reducer: &Reducer) -> bool {
        !reducer.wanted().contains(Wanted::POSITIONS)
    }

    /// Adds the next items, contiguous and in the dtype's byte order: some whole [blocks](BLOCK), unless they are the
    /// last.
    ///
    /// # Panics
    /// If the reducer looks for places.
    pub fn add<'b>(&mut self, reducer: &Reducer, items: impl Into<Bytes<'b>>, scratch: &mut Scratch) {
        assert!(Blocks::can_take(reducer), "places are looked for among all items");
        self.measure(reducer, items.into(), scratch);
    }

    /// The state of all items. It begins again with none.
    #[must_use]
    pub fn finish(&mut self, reducer: &Reducer) -> Partial {
        self.next = 0;
        let moments = self.moments.merge(Moments::add).map(Moments::partial);
        let merged = moments.or_else(|| self.partials.merge(|earlier, later| reducer.add(earlier, later)));
        merged.unwrap_or_else(|| reducer.empty())
    }

    /// Adds the next items, but for the places of extremes.
    fn measure(&mut self, reducer: &Reducer, items: Bytes<'_>, scratch: &mut Scratch) {
        let mut rest = items;
        if self.partials.is_empty() {
            rest = moments::add(reducer, rest, (&mut self.moments, &mut self.next));
        }
        if rest.is_empty() {
            return;
        }
        self.partials.extend(self.moments.take().map(|(level, moments)| (level, moments.partial())));
        let block_size = BLOCK * reducer.itemsize();
        while !rest.is_empty() {
            let level = group_level(reducer, self.next, rest.len() / block_size);
            let (group, later) = rest.split_at((block_size << level).min(rest.len()));
            // Places are looked for only in blocks that turn out to have an extreme.
            let partial = reducer.measure(group, self.next * BLOCK as u64, scratch);
            self.next += 1 << level;
            rest = later;
            self.partials.push(level, partial, self.next, |earlier, later| reducer.add(earlier, later));
        }
    }

    /// Looks for the places of the extremes, if they are wanted, among all items so far, of which the first has the
    /// position `origin`.
    fn place(&mut self, reducer: &Reducer, items: Bytes<'_>, origin: u64, seen: Option<&mut Seen>) {
        if Blocks::can_take(reducer) {
            return;
        }
        let before = seen.as_deref().copied().unwrap_or_default();
        for partial in self.partials.iter_mut() {
            place(reducer, items, origin, partial, before.is_beaten_by(partial));
        }
        if let Some(seen) = seen {
            self.partials.iter().for_each(|partial| seen.add(partial));
        }
    }
}

/// The best extremes of items that came before, if any did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    extremes: Option<(Key, Key)>,
}

impl Seen {
    /// Whether the least and the greatest are better than those before.
    fn is_beaten_by(&self, partial: &Partial) -> [bool; 2] {
        self.extremes.map_or([true; 2], |(min, max)| [partial.min.is_less(min), max.is_less(partial.max)])
    }

    fn add(&mut self, partial: &Partial) {
        let [min, max] = self.is_beaten_by(partial);
        let (old_min, old_max) = self.extremes.unwrap_or((partial.min, partial.max));
        if partial.min_at != u64::MAX {
            self.extremes =
                Some((if min { partial.min } else { old_min }, if max { partial.max } else { old_max }));
        }
    }
}

/// How many blocks can be measured as one: only where every value is exact, so that no order matters.
fn group_level(reducer: &Reducer, start: u64, blocks: usize) -> u32 {
    let rounded = [Wanted::M2, Wanted::SQUARES].iter().any(|value| reducer.wanted().contains(*value));
    let exact = reducer.is_whole() && !rounded || reducer.wants_extremes_alone();
    if !exact {
        return 0;
    }
    let most = (GROUP / (BLOCK * reducer.itemsize())).min(blocks).max(1);
    most.ilog2().min(start.trailing_zeros())
}

/// Turns the first positions of the groups that have the extremes into the positions of those that are sought.
fn place(reducer: &Reducer, items: Bytes<'_>, origin: u64, partial: &mut Partial, [min, max]: [bool; 2]) {
    let find = |from: u64, key| {
        let at = (from - origin) as usize * reducer.itemsize();
        let group = (items.len() - at).min(GROUP.max(BLOCK * reducer.itemsize()));
        // Longer than the group of that extreme at times; but then the first place is in the group.
        from + reducer.find(items.slice(at..at + group), key)
    };
    if min && partial.min_at != u64::MAX {
        partial.min_at = find(partial.min_at, partial.min);
    }
    if max && partial.max_at != u64::MAX {
        partial.max_at = find(partial.max_at, partial.max);
    }
}
