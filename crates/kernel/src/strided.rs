/// One axis of a copy: how many items, and bytes from one to the next on both sides.
#[derive(Clone, Copy, Debug)]
struct Axis {
    extent: usize,
    from: isize,
    to: isize,
}

/// Copies items of `itemsize` bytes from strided places of one slice to strided places of another.
///
/// Item `[i, j, …]` goes from `from_start + i·from_strides[0] + …` to `to_start + i·to_strides[0] + …`, in
/// bytes. Cost: one move an item; runs that are contiguous on both sides move as one, and where the fast
/// axes of the two sides differ the copy goes block by block, so that each side's cache lines are used whole.
///
/// # Panics
/// If an item lies outside of its slice, or the strides have another number than the extents.
pub fn copy_strided(
    (from, from_start, from_strides): (&[u8], usize, &[isize]),
    (to, to_start, to_strides): (&mut [u8], usize, &[isize]),
    shape: &[usize],
    itemsize: usize,
) {
    assert!(shape.len() == from_strides.len() && shape.len() == to_strides.len(), "a stride for each axis");
    if itemsize == 0 || shape.contains(&0) {
        return;
    }
    check(from.len(), from_start, from_strides, shape, itemsize);
    check(to.len(), to_start, to_strides, shape, itemsize);
    let mut axes: Vec<Axis> = (0..shape.len())
        .filter(|&i| shape[i] > 1)
        .map(|i| Axis { extent: shape[i], from: from_strides[i], to: to_strides[i] })
        .collect();
    axes.sort_by_key(|axis| std::cmp::Reverse((axis.to.unsigned_abs(), axis.from.unsigned_abs())));
    let mut run = itemsize;
    while let Some(last) = axes.last()
        && last.from == run as isize
        && last.to == run as isize
    {
        run *= last.extent;
        axes.pop();
    }
    join(&mut axes);
    block_fast_axes(&mut axes);
    let mut job = Job { from, to, run };
    job.walk(&axes, from_start as isize, to_start as isize);
}

fn check(len: usize, start: usize, strides: &[isize], shape: &[usize], itemsize: usize) {
    let (mut low, mut high) = (start as i128, (start + itemsize) as i128);
    for (&stride, &n) in strides.iter().zip(shape) {
        let reach = (n as i128 - 1) * stride as i128;
        if reach < 0 { low += reach } else { high += reach }
    }
    assert!(low >= 0 && high <= len as i128, "items {low}..{high} lie outside of a slice of {len} bytes");
}

/// Joins neighbours that both sides walk as one axis.
fn join(axes: &mut Vec<Axis>) {
    let mut i = 1;
    while i < axes.len() {
        let (outer, inner) = (axes[i - 1], axes[i]);
        let n = inner.extent as isize;
        if outer.from == inner.from * n && outer.to == inner.to * n {
            axes[i - 1] = Axis { extent: outer.extent * inner.extent, ..inner };
            axes.remove(i);
        } else {
            i += 1;
        }
    }
}

/// Items of a block's edge: its lines of both sides together fit the L1 cache.
const EDGE: usize = 32;
/// Items of the edge of a square that is turned in registers.
const SQUARE: usize = 8;

/// Where the source's fastest axis is another than the target's, the two become the last: they are walked in
/// blocks of `EDGE` × `EDGE`.
fn block_fast_axes(axes: &mut Vec<Axis>) {
    let Some(last) = axes.len().checked_sub(1) else { return };
    let fastest = (0..=last).min_by_key(|&i| axes[i].from.unsigned_abs()).unwrap_or(last);
    let big = |axis: Axis| axis.extent >= SQUARE;
    if fastest == last || !big(axes[fastest]) || !big(axes[last]) {
        return;
    }
    let source = axes.remove(fastest);
    axes.insert(last - 1, source);
}

struct Job<'a> {
    from: &'a [u8],
    to: &'a mut [u8],
    run: usize,
}

impl Job<'_> {
    fn walk(&mut self, axes: &[Axis], from: isize, to: isize) {
        match axes {
            [] => self.row(Axis { extent: 1, from: 0, to: 0 }, from, to),
            [row] => self.row(*row, from, to),
            [source, target] if source.from.unsigned_abs() < target.from.unsigned_abs() => {
                self.blocks(*source, *target, from, to);
            }
            [axis, rest @ ..] => {
                for i in 0..axis.extent as isize {
                    self.walk(rest, from + i * axis.from, to + i * axis.to);
                }
            }
        }
    }

    fn blocks(&mut self, source: Axis, target: Axis, from: isize, to: isize) {
        let side_by_side = source.from == self.run as isize && target.to == self.run as isize;
        for s in (0..source.extent).step_by(EDGE) {
            for t in (0..target.extent).step_by(EDGE) {
                let part = |axis: Axis, at: usize| Axis { extent: EDGE.min(axis.extent - at), ..axis };
                let from = from + s as isize * source.from + t as isize * target.from;
                let to = to + s as isize * source.to + t as isize * target.to;
                let (source, target) = (part(source, s), part(target, t));
                match self.run {
                    2 if side_by_side => self.squares::<2>(source, target, from, to),
                    4 if side_by_side => self.squares::<4>(source, target, from, to),
                    8 if side_by_side => self.squares::<8>(source, target, from, to),
                    _ => self.lines(source, target, from, to),
                }
            }
        }
    }

    /// Copies a block line by line.
    fn lines(&mut self, source: Axis, target: Axis, from: isize, to: isize) {
        for i in 0..source.extent as isize {
            self.row(target, from + i * source.from, to + i * source.to);
        }
    }

    /// Copies a block whose lines are contiguous on both sides: in squares, and what is left line by line.
    fn squares<const N: usize>(&mut self, source: Axis, target: Axis, from: isize, to: isize) {
        let whole = |axis: Axis| axis.extent - axis.extent % SQUARE;
        for s in (0..whole(source)).step_by(SQUARE) {
            for t in (0..whole(target)).step_by(SQUARE) {
                let at = |step: (isize, isize)| s as isize * step.0 + t as isize * step.1;
                let (from, to) = (from + at((source.from, target.from)), to + at((source.to, target.to)));
                self.square::<N>((from, target.from), (to, source.to));
            }
        }
        let (s, t) = (whole(source), whole(target));
        let (below, beside) =
            (Axis { extent: source.extent - s, ..source }, Axis { extent: target.extent - t, ..target });
        let (i, j) = (s as isize, t as isize);
        self.lines(below, Axis { extent: t, ..target }, from + i * source.from, to + i * source.to);
        self.lines(source, beside, from + j * target.from, to + j * target.to);
    }

    /// Turns a square, whose lines are so many bytes apart.
    fn square<const N: usize>(&mut self, (from, from_step): (isize, isize), (to, to_step): (isize, isize)) {
        let mut turned = [[[0; N]; SQUARE]; SQUARE];
        for line in 0..SQUARE {
            let at = (from + line as isize * from_step) as usize;
            let items: &[[u8; N]] = self.from[at..at + SQUARE * N].as_chunks().0;
            for (turned, item) in turned.iter_mut().zip(items) {
                turned[line] = *item;
            }
        }
        for (line, turned) in turned.iter().enumerate() {
            let at = (to + line as isize * to_step) as usize;
            self.to[at..at + SQUARE * N].copy_from_slice(turned.as_flattened());
        }
    }

    fn row(&mut self, axis: Axis, from: isize, to: isize) {
        match self.run {
            1 => self.items::<1>(axis, from, to),
            2 => self.items::<2>(axis, from, to),
            4 => self.items::<4>(axis, from, to),
            8 => self.items::<8>(axis, from, to),
            16 => self.items::<16>(axis, from, to),
            run => {
                for i in 0..axis.extent as isize {
                    let (f, t) = ((from + i * axis.from) as usize, (to + i * axis.to) as usize);
                    self.to[t..t + run].copy_from_slice(&self.from[f..f + run]);
                }
            }
        }
    }

    fn items<const N: usize>(&mut self, axis: Axis, from: isize, to: isize) {
        for i in 0..axis.extent as isize {
            let (f, t) = ((from + i * axis.from) as usize, (to + i * axis.to) as usize);
            let item: Option<[u8; N]> = self.from[f..].first_chunk().copied();
            if let (Some(item), Some(place)) = (item, self.to[t..].first_chunk_mut()) {
                *place = item;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndfolio_layout::{Kind, Order, View, slice};
    use proptest::prelude::*;

    use super::*;

    fn naive(from: &[u8], view: &View) -> Vec<u8> {
        let mut out = Vec::new();
        for tile in view.panels(1) {
            let at = tile.view.offset() as usize;
            out.extend_from_slice(&from[at..at + view.itemsize()]);
        }
        out
    }

    proptest! {
        #[test]
        fn as_one_item_after_the_other(
            axes in prop::collection::vec((1_usize..90, 0_i64..3, prop_oneof![-3_i64..0, 1_i64..4]), 1..4),
            kind in prop::sample::select(vec![Kind::Int8, Kind::Float16, Kind::Int32, Kind::Float64, Kind::Void(3), Kind::Complex128]),
            turn in 0_usize..4,
            f in any::<bool>(),
        ) {
            let shape: Vec<_> = axes.iter().map(|a| if axes.len() > 2 { a.0 / 4 + 1 } else { a.0 }).collect();
            let order = if f { Order::F } else { Order::C };
            let base = View::contiguous(&ndfolio_layout::DType::native(kind), &shape, order, 5).unwrap();
            let bytes: Vec<u8> = (0..base.extent().end).map(|i| (i * 7 % 251) as u8).collect();
            let parts: Vec<_> = axes.iter().map(|a| slice(None, None, a.2).into()).collect();
            let part = base.select(&parts.into()).unwrap();
            let mut order: Vec<isize> = (0..shape.len() as isize).collect();
            order.rotate_left(turn % shape.len());
            let view = part.transpose(Some(&order)).unwrap();
            let target = View::contiguous(view.dtype(), view.shape(), Order::C, 0).unwrap();
            let mut out = vec![0; target.nbytes()];
            copy_strided((&bytes, view.offset() as usize, view.strides()), (&mut out, 0, target.strides()), view.shape(), view.itemsize());
            prop_assert_eq!(&out, &naive(&bytes, &view));
            // And back to where they came from.
            let mut back = vec![0; bytes.len()];
            copy_strided((&out, 0, target.strides()), (&mut back, view.offset() as usize, view.strides()), view.shape(), view.itemsize());
            prop_assert_eq!(naive(&back, &view), out);
        }
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn items_outside_are_refused() {
        copy_strided((&[0; 8], 0, &[4]), (&mut [0; 12], 0, &[4]), &[3], 4);
    }
}
