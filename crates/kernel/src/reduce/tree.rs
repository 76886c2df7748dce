use super::{Partial, Reducer};

/// The states of many blocks, merged in a binary tree over the numbers of the blocks. The tree depends on
/// how many blocks there are, not on how they come.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Place `k` holds 2^k blocks, if the number of blocks so far has that bit.
    open: Vec<Option<Partial>>,
}

impl Tree {
    /// Of no blocks.
    #[must_use]
    pub fn new() -> Self {
        Tree::default()
    }

    /// Adds the next blocks: a subtree of 2^`level` of them. Their first must be at a multiple of that
    /// number, and the last block of all may be short.
    ///
    /// # Panics
    /// If the blocks so far do not end at a multiple of 2^`level`.
    pub fn push(&mut self, reducer: &Reducer, level: u32, partial: Partial) {
        let level = level as usize;
        let below = self.open.len().min(level);
        assert!(
            self.open[..below].iter().all(Option::is_none),
            "a subtree that does not start where it must"
        );
        if self.open.len() < level {
            self.open.resize(level, None);
        }
        let mut merged = partial;
        for place in &mut self.open[level..] {
            match place.take() {
                Some(mut earlier) => {
                    reducer.add(&mut earlier, &merged);
                    merged = earlier;
                }
                None => {
                    *place = Some(merged);
                    return;
                }
            }
        }
        self.open.push(Some(merged));
    }

    /// The state of all blocks so far.
    #[must_use]
    pub fn finish(&self, reducer: &Reducer) -> Partial {
        let mut open = self.open.iter().flatten();
        let Some(last) = open.next() else { return reducer.empty() };
        open.fold(*last, |later, earlier| reducer.merge(earlier, &later))
    }
}
