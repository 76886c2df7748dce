use ndfolio_store::Bytes;

use super::{BLOCK, Partial, Reducer, Scratch, Wanted};

/// Bytes of blocks that are measured as one where that makes no difference.
const GROUP: usize = 64 << 10;

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
    let block_size = BLOCK * reducer.itemsize();
    let origin = first_block * BLOCK as u64;
    let mut subtrees = Vec::new();
    let (mut start, mut rest) = (first_block, items);
    while !rest.is_empty() {
        let level = group_level(reducer, start, rest.len() / block_size);
        let (group, later) = rest.split_at((block_size << level).min(rest.len()));
        // Places are looked for only in blocks that turn out to have an extreme.
        let partial = reducer.measure(group, start * BLOCK as u64, scratch);
        subtrees.push((level, partial));
        start += 1 << level;
        rest = later;
        join(reducer, &mut subtrees, start);
    }
    if reducer.wanted().contains(Wanted::POSITIONS) {
        for (_, partial) in &mut subtrees {
            place(reducer, items, origin, partial);
        }
    }
    subtrees
}

/// How many blocks can be measured as one: only where every value is exact, so that no order matters.
fn group_level(reducer: &Reducer, start: u64, blocks: usize) -> u32 {
    let rounded = [Wanted::M2, Wanted::SQUARES].iter().any(|value| reducer.wanted().contains(*value));
    let exact = reducer.is_whole() && !rounded;
    if !exact {
        return 0;
    }
    let most = (GROUP / (BLOCK * reducer.itemsize())).min(blocks).max(1);
    most.ilog2().min(start.trailing_zeros())
}

/// Merges the last subtree, which ends before block `end`, with its elder sibling as long as that is there.
fn join(reducer: &Reducer, subtrees: &mut Vec<(u32, Partial)>, end: u64) {
    while let [.., (level, earlier), (last, later)] = &mut subtrees[..]
        && level == last
        && end.trailing_zeros() > *level
    {
        reducer.add(earlier, later);
        *level += 1;
        subtrees.pop();
    }
}

/// Turns the first positions of the groups that have the extremes into the positions of those.
fn place(reducer: &Reducer, items: Bytes<'_>, origin: u64, partial: &mut Partial) {
    let find = |from: u64, key| {
        let at = (from - origin) as usize * reducer.itemsize();
        let group = (items.len() - at).min(GROUP.max(BLOCK * reducer.itemsize()));
        // Longer than the group of that extreme at times; but then the first place is in the group.
        from + reducer.find(items.slice(at..at + group), key)
    };
    if partial.min_at != u64::MAX {
        partial.min_at = find(partial.min_at, partial.min);
    }
    if partial.max_at != u64::MAX {
        partial.max_at = find(partial.max_at, partial.max);
    }
}
