/// States of neighbouring blocks, merged with each other as far as the binary tree over all blocks does: each with
/// its level, which is the logarithm of how many blocks it holds.
#[derive(Debug)]
pub(super) struct Subtrees<S>(Vec<(u32, S)>);

impl<S> Subtrees<S> {
    pub(super) const fn new() -> Self {
        Subtrees(Vec::new())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &S> {
        self.0.iter().map(|(_, state)| state)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.0.iter_mut().map(|(_, state)| state)
    }

    /// Adds the state of the next blocks, behind which block `end` begins, and merges it with its elder siblings.
    pub(super) fn push(&mut self, level: u32, state: S, end: u64, add: impl Fn(&mut S, &S)) {
        self.0.push((level, state));
        while let [.., (level, earlier), (last, later)] = &mut self.0[..]
            && level == last
            && end.trailing_zeros() > *level
        {
            add(earlier, later);
            *level += 1;
            self.0.pop();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the levels and states.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u32, S)> {
        self.0.drain(..)
    }

    /// Takes out the state of all blocks, if these are all: merged as [`Tree::finish`](super::Tree::finish) does it.
    pub(super) fn merge(&mut self, add: impl Fn(&mut S, &S)) -> Option<S> {
        let states = self.0.drain(..).rev().map(|(_, state)| state);
        states.reduce(|later, mut earlier| {
            add(&mut earlier, &later);
            earlier
        })
    }
}

impl<S> Extend<(u32, S)> for Subtrees<S> {
    fn extend<I: IntoIterator<Item = (u32, S)>>(&mut self, states: I) {
        self.0.extend(states);
    }
}
