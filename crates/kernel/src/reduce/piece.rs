use ndfolio_store::Bytes;

use super::{BLOCK, Key, Partial, Reducer, Scratch, Wanted, moments, subtrees::Subtrees};

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
    let items = items.into();
    match moments::subtrees(reducer, items, first_block) {
        Some(subtrees) => subtrees.into_states().map(|(level, moments)| (level, moments.partial())).collect(),
        None => subtrees(reducer, items, first_block, scratch, None).into_states().collect(),
    }
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
    let items = items.into();
    let merged = match moments::subtrees(reducer, items, 0) {
        Some(subtrees) => subtrees.merge(moments::Moments::add).map(|moments| moments.partial()),
        None => {
            let subtrees = subtrees(reducer, items, 0, scratch, seen);
            subtrees.merge(|earlier, later| reducer.add(earlier, later))
        }
    };
    merged.unwrap_or_else(|| reducer.empty())
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

fn subtrees(
    reducer: &Reducer,
    items: Bytes<'_>,
    first_block: u64,
    scratch: &mut Scratch,
    seen: Option<&mut Seen>,
) -> Subtrees<Partial> {
    let block_size = BLOCK * reducer.itemsize();
    let origin = first_block * BLOCK as u64;
    let mut subtrees = Subtrees::new();
    let (mut start, mut rest) = (first_block, items);
    while !rest.is_empty() {
        let level = group_level(reducer, start, rest.len() / block_size);
        let (group, later) = rest.split_at((block_size << level).min(rest.len()));
        // Places are looked for only in blocks that turn out to have an extreme.
        let partial = reducer.measure(group, start * BLOCK as u64, scratch);
        start += 1 << level;
        rest = later;
        subtrees.push(level, partial, start, |earlier, later| reducer.add(earlier, later));
    }
    if reducer.wanted().contains(Wanted::POSITIONS) {
        let before = seen.as_deref().copied().unwrap_or_default();
        for partial in subtrees.iter_mut() {
            place(reducer, items, origin, partial, before.is_beaten_by(partial));
        }
        if let Some(seen) = seen {
            subtrees.iter().for_each(|partial| seen.add(partial));
        }
    }
    subtrees
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
