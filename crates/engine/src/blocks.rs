/// The shape of boxes in which a view is carried from one order to another: at most `budget` bytes, grown so
/// that the runs that are contiguous in the source and those that are contiguous in the target are both long.
///
/// `from` and `to` are the axes of the two, fastest first.
pub(crate) fn transfer_block(
    shape: &[usize],
    (from, to): (&[usize], &[usize]),
    itemsize: usize,
    budget: usize,
) -> Vec<usize> {
    let mut block: Vec<usize> = vec![1; shape.len()];
    let mut bytes = itemsize.max(1);
    loop {
        let mut orders = [from, to];
        orders.sort_by_key(|order| run(&block, shape, order));
        let grown = orders.iter().find_map(|order| {
            let axis = order.iter().copied().find(|&axis| block[axis] < shape[axis])?;
            let extent = (block[axis] * 2).min(shape[axis]);
            let grown = bytes / block[axis] * extent;
            (grown <= budget).then_some((axis, extent, grown))
        });
        match grown {
            Some((axis, extent, grown)) => (block[axis], bytes) = (extent, grown),
            None => return block,
        }
    }
}

/// Items that follow each other in an order (its axes fastest first) within a block.
fn run(block: &[usize], shape: &[usize], order: &[usize]) -> usize {
    let mut items = 1;
    for &axis in order {
        items *= block[axis];
        if block[axis] < shape[axis] {
            break;
        }
    }
    items
}

/// A box in C order of at most `most` items, the fastest axes whole: rows together, or a part of one.
pub(crate) fn box_of_rows(shape: &[usize], most: usize) -> Vec<usize> {
    let mut block = vec![1; shape.len()];
    let mut items = 1;
    for axis in (0..shape.len()).rev() {
        block[axis] = (most / items).clamp(1, shape[axis].max(1));
        if block[axis] < shape[axis] {
            break;
        }
        items *= block[axis];
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_nothing() {
        assert_eq!(box_of_rows(&[10, 0, 9], 50), [5, 1, 9]);
        assert_eq!(box_of_rows(&[0], 50), [1]);
    }

    #[test]
    fn both_sides_have_long_runs() {
        let block = transfer_block(&[100_000, 100_000], (&[0, 1], &[1, 0]), 4, 16 << 20);
        assert_eq!(block, [2048, 2048]);
        // A short axis is taken whole, and one order needs no compromise.
        assert_eq!(transfer_block(&[1_000_000, 3], (&[0, 1], &[1, 0]), 1, 3000), [512, 3]);
        assert_eq!(transfer_block(&[50, 1000], (&[1, 0], &[1, 0]), 8, 8000), [1, 1000]);
    }
}
