use super::View;

/// A range of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
}

/// One axis as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct StorageAxis {
    pub(super) axis: usize,
    pub(super) extent: usize,
    /// Bytes from one item to the next, whichever way.
    pub(super) step: u64,
    /// Whether the file's order is against the index.
    pub(super) reversed: bool,
}

/// The byte ranges of a view's items, in the order of the file, neighbours joined.
#[derive(Clone, Debug)]
pub struct Spans {
    low: u64,
    run: u64,
    /// Slowest first.
    axes: Vec<StorageAxis>,
    at: Vec<usize>,
    done: bool,
}

impl View {
    /// The axes of more than one item in the order in which they lie in the file, slowest first.
    pub(super) fn long_axes(&self) -> Vec<StorageAxis> {
        self.storage_axes()
            .into_iter()
            .filter(|&axis| self.shape[axis] != 1)
            .map(|axis| StorageAxis {
                axis,
                extent: self.shape[axis],
                step: self.strides[axis].unsigned_abs() as u64,
                reversed: self.strides[axis] < 0,
            })
            .collect()
    }

    /// The byte ranges that hold the items, in the order of the file. Ranges that touch are one range; items
    /// that repeat (broadcast) are named once. Where items overlap in the file, so do the ranges.
    #[must_use]
    pub fn spans(&self) -> Spans {
        let mut run = self.itemsize() as u64;
        let mut axes = self.long_axes();
        axes.retain(|axis| axis.step != 0);
        while let Some(last) = axes.last()
            && last.step == run
        {
            run *= last.extent as u64;
            axes.pop();
        }
        Spans { low: self.extent().start, run, at: vec![0; axes.len()], axes, done: self.is_empty() }
    }
}

impl Iterator for Spans {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        if self.done {
            return None;
        }
        let steps = self.axes.iter().zip(&self.at).map(|(axis, &i)| axis.step * i as u64);
        let span = Span { offset: self.low + steps.sum::<u64>(), len: self.run };
        self.done = !advance(&mut self.at, |i| self.axes[i].extent);
        Some(span)
    }
}

/// Counts one on, the last place fastest; false after the last.
pub(super) fn advance(at: &mut [usize], extent: impl Fn(usize) -> usize) -> bool {
    for i in (0..at.len()).rev() {
        at[i] += 1;
        if at[i] < extent(i) {
            return true;
        }
        at[i] = 0;
    }
    false
}
