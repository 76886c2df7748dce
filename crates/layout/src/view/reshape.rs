use super::{View, tuple};
use crate::{LayoutError, Order};

impl View {
    /// The same items in a new shape, which may have one −1; the items are taken and laid out in `order`.
    ///
    /// Never copies: where no strides can express it, the error says so.
    ///
    /// # Errors
    /// [`LayoutError::ReshapeSize`] for another number of items, [`LayoutError::ReshapeCopies`] where the
    /// items do not lie evenly apart in that order.
    pub fn reshape(&self, shape: &[i64], order: Order) -> Result<Self, LayoutError> {
        let shape = self.infer(shape)?;
        if shape.len() > crate::MAX_NDIM {
            return Err(LayoutError::TooManyAxes { ndim: shape.len() });
        }
        if self.shape.contains(&0) || self.size() == 1 {
            let strides = super::contiguous_strides(&shape, self.itemsize(), order);
            return Ok(View { shape, strides, ..self.clone() });
        }
        let strides = match order {
            Order::C => reshaped_strides(&self.shape, &self.strides, &shape),
            Order::F => {
                let reversed = |list: &[usize]| list.iter().rev().copied().collect::<Vec<_>>();
                let strides: Vec<_> = self.strides.iter().rev().copied().collect();
                reshaped_strides(&reversed(&self.shape), &strides, &reversed(&shape))
                    .map(|strides| strides.into_iter().rev().collect())
            }
        };
        match strides {
            Some(strides) => Ok(View { shape, strides, ..self.clone() }),
            None => Err(LayoutError::ReshapeCopies {
                from: tuple(&self.shape),
                strides: self.strides.clone(),
                to: tuple(&shape),
                order,
            }),
        }
    }
}

/// C-order strides of `new` over the items of `old`, if there are any: both are walked from the slowest axis
/// in groups of one product, and within a group the old axes must lie evenly (NumPy's
/// `_attempt_nocopy_reshape`). Sizes are equal and not 0.
fn reshaped_strides(old: &[usize], old_strides: &[isize], new: &[usize]) -> Option<Vec<isize>> {
    let (old, old_strides): (Vec<_>, Vec<_>) =
        old.iter().zip(old_strides).filter(|(n, _)| **n != 1).map(|(n, s)| (*n, *s)).unzip();
    let mut strides = vec![0; new.len()];
    let (mut i, mut j) = (0, 0);
    while i < new.len() && j < old.len() {
        let (first_new, first_old) = (i, j);
        let (mut new_size, mut old_size) = (new[i], old[j]);
        while new_size != old_size {
            if new_size < old_size {
                i += 1;
                new_size *= new[i];
            } else {
                j += 1;
                old_size *= old[j];
            }
        }
        let group = first_old..j;
        if group.into_iter().any(|k| old_strides[k] != old_strides[k + 1] * old[k + 1] as isize) {
            return None;
        }
        strides[i] = old_strides[j];
        for k in (first_new..i).rev() {
            strides[k] = strides[k + 1] * new[k + 1] as isize;
        }
        i += 1;
        j += 1;
    }
    // What is left are axes of one item.
    for k in i..new.len() {
        strides[k] = if k > 0 { strides[k - 1] } else { 0 };
    }
    Some(strides)
}
