use ndfolio_layout::{ByteOrder, DType};

use crate::swap_bytes;

/// Brings items into the form that two files of one content share: little-endian, the fields of records one
/// after the other without bytes between them.
#[derive(Clone, Debug)]
pub struct Normalizer {
    itemsize: usize,
    packed: usize,
    /// From, to, bytes, bytes that are reversed together.
    parts: Vec<(usize, usize, usize, usize)>,
}

impl Normalizer {
    /// For items of this dtype.
    #[must_use]
    pub fn new(dtype: &DType) -> Self {
        let mut parts: Vec<(usize, usize, usize, usize)> = Vec::new();
        let mut packed = 0;
        dtype.for_each_scalar(&mut |at, scalar| {
            let width =
                if scalar.byte_order() == Some(ByteOrder::Big) { scalar.kind().swap_width() } else { 1 };
            // Neighbours that are treated alike are one part.
            match parts.last_mut() {
                Some((from, _, len, last)) if *from + *len == at && *last == width => {
                    *len += scalar.itemsize();
                }
                _ => parts.push((at, packed, scalar.itemsize(), width)),
            }
            packed += scalar.itemsize();
        });
        Normalizer { itemsize: dtype.itemsize(), packed, parts }
    }

    /// Bytes of an item in that form.
    #[must_use]
    pub fn packed_itemsize(&self) -> usize {
        self.packed
    }

    /// Normalizes contiguous items and returns the bytes that are them now: `items` itself where its bytes
    /// only change their order, else `spare`.
    pub fn apply<'a>(&self, items: &'a mut [u8], spare: &'a mut Vec<u8>) -> &'a [u8] {
        if let [(0, 0, len, width)] = self.parts[..]
            && len == self.itemsize
        {
            swap_bytes(items, width);
            return items;
        }
        spare.clear();
        if let Some(count) = items.len().checked_div(self.itemsize) {
            spare.resize(count * self.packed, 0);
            for (item, out) in
                items.chunks_exact(self.itemsize).zip(spare.chunks_exact_mut(self.packed.max(1)))
            {
                for &(from, to, len, width) in &self.parts {
                    out[to..to + len].copy_from_slice(&item[from..from + len]);
                    swap_bytes(&mut out[to..to + len], width);
                }
            }
        }
        spare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_and_big_becomes_little() {
        let dtype: DType = "[('a', '>i2'), ('', '|V2'), ('b', 'S1'), ('c', '>f4', (2,))]".parse().unwrap();
        let mut items =
            vec![1, 2, 9, 9, b'x', 1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 9, 9, b'y', 1, 2, 3, 4, 5, 6, 7, 8];
        let normal = Normalizer::new(&dtype);
        assert_eq!(normal.packed_itemsize(), 11);
        let want = [2, 1, b'x', 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, b'y', 4, 3, 2, 1, 8, 7, 6, 5];
        assert_eq!(normal.apply(&mut items, &mut Vec::new()), want);
    }

    #[test]
    fn fields_out_of_order() {
        let dtype: DType =
            "{'names': ['a', 'b'], 'formats': ['u1', '<u2'], 'offsets': [2, 0], 'itemsize': 3}"
                .parse()
                .unwrap();
        assert_eq!(
            Normalizer::new(&dtype).apply(&mut [1, 2, 3, 4, 5, 6], &mut Vec::new()),
            [3, 1, 2, 6, 4, 5]
        );
    }
}
