//! States of boxes that are merged in a fixed binary tree, in whatever order they come.

use std::collections::BTreeMap;

/// Trees that have grown so far: of 2^level neighbouring boxes each, by level and place in it.
///
/// Which states are merged follows from their numbers alone. If boxes come almost in order, about as many trees
/// are there at once as the number of boxes has binary digits.
pub(crate) struct Forest<S> {
    trees: BTreeMap<(u32, usize), S>,
    boxes: usize,
}

impl<S> Default for Forest<S> {
    fn default() -> Self {
        Forest { trees: BTreeMap::new(), boxes: 0 }
    }
}

impl<S> Forest<S> {
    /// Adds the state of a box. `merge` adds the later of two to the earlier.
    pub(crate) fn push(&mut self, index: usize, state: S, mut merge: impl FnMut(S, S) -> S) {
        let (mut level, mut place, mut state) = (0, index, state);
        while let Some(other) = self.trees.remove(&(level, place ^ 1)) {
            state = if place % 2 == 0 { merge(state, other) } else { merge(other, state) };
            (level, place) = (level + 1, place / 2);
        }
        self.trees.insert((level, place), state);
        self.boxes += 1;
    }

    /// How many boxes were added.
    pub(crate) fn boxes(&self) -> usize {
        self.boxes
    }

    /// The state of all boxes, once there are no others between them; the later ones are merged first.
    pub(crate) fn finish(self, mut merge: impl FnMut(S, S) -> S) -> Option<S> {
        self.trees.into_values().reduce(|later, earlier| merge(earlier, later))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was merged with what.
    fn merged(order: impl IntoIterator<Item = usize>) -> Option<String> {
        let merge = |earlier: String, later: String| format!("({earlier} {later})");
        let mut forest = Forest::default();
        for index in order {
            forest.push(index, index.to_string(), merge);
        }
        forest.finish(merge)
    }

    #[test]
    fn no_order_changes_what_is_merged() {
        assert_eq!(merged([]), None);
        for count in 1..20 {
            let expected = merged(0..count);
            assert_eq!(merged((0..count).rev()), expected);
            // Each number once, as 7 and `count` have no common divisor.
            if count % 7 != 0 {
                assert_eq!(merged((0..count).map(|i| i * 7 % count)), expected);
            }
        }
        assert_eq!(merged([2, 0, 1, 4, 3]).as_deref(), Some("(((0 1) (2 3)) 4)"));
    }
}
