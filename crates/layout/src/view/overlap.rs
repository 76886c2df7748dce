use super::View;

impl View {
    /// Whether some byte belongs to an item of both views (of one file).
    ///
    /// Exact where both lie in few ranges; where walking them would take long, ranges that meet in their
    /// extents count as overlapping: false is always certain.
    #[must_use]
    pub fn overlaps(&self, other: &View) -> bool {
        let (a, b) = (self.extent(), other.extent());
        if self.is_empty() || other.is_empty() || a.end <= b.start || b.end <= a.start {
            return false;
        }
        const LIMIT: usize = 1 << 16;
        let (mut left, mut right) = (self.spans().peekable(), other.spans().peekable());
        for _ in 0..LIMIT {
            let (Some(x), Some(y)) = (left.peek(), right.peek()) else { return false };
            if x.offset + x.len <= y.offset {
                left.next();
            } else if y.offset + y.len <= x.offset {
                right.next();
            } else {
                return true;
            }
        }
        true
    }
}
