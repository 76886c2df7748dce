//! Items that arrays of indices pick: NumPy's `take`, its indexing with arrays and masks, and windows, as places.

use crate::{LayoutError, MAX_NDIM, View, view::tuple};

/// What an index outside of its axis means, as in `numpy.take`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IndexMode {
    /// An error. Negative indices count from the end.
    #[default]
    Raise,
    /// The axis goes on from its beginning, and before that from its end.
    Wrap,
    /// The nearest item of the axis: 0 for negative indices.
    Clip,
}

impl std::str::FromStr for IndexMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "raise" => Ok(IndexMode::Raise),
            "wrap" => Ok(IndexMode::Wrap),
            "clip" => Ok(IndexMode::Clip),
            _ => Err(format!("clipmode must be one of 'raise', 'wrap', or 'clip', found {text:?}")),
        }
    }
}

/// An array of indices and the axes that it picks from: several are numbered as one, in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked<'s> {
    /// The first axis.
    pub axis: usize,
    /// How many axes.
    pub axes: usize,
    /// The shape of the indices.
    pub shape: &'s [usize],
}

/// Which parts of a view arrays of indices pick, and where those go.
///
/// The axes without indices stay: they are the *cell*, of which each pick has one. The shape of the picks is that to
/// which the arrays of indices broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picking {
    /// The cell of the picks whose indices are all 0.
    cell: View,
    /// How many axes of the cell come before those of the picks.
    before: usize,
    groups: Vec<Group>,
    shape: Vec<usize>,
    mode: IndexMode,
}

/// The axes that one array of indices picks from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    /// The first of them, for messages.
    axis: usize,
    /// How many items they have.
    size: usize,
    /// Items from an index on that belong to it.
    length: usize,
    /// Extents and strides; neighbours that are one axis are joined.
    axes: Vec<(usize, isize)>,
}

impl Picking {
    /// NumPy's `take` along an axis, without one from all items in C order.
    ///
    /// # Errors
    /// An axis that the view does not have, a result of more axes or bytes than an array can have.
    pub fn take(view: &View, axis: Option<isize>, shape: &[usize]) -> Result<Self, LayoutError> {
        let (axis, axes) = match axis {
            Some(axis) => (view.axis(axis)?, 1),
            None => (0, view.ndim()),
        };
        Picking::advanced(view, &[Picked { axis, axes, shape }])
    }

    /// Windows of `length` rows that begin at rows of choice: a result of shape `(count, length, …)`.
    ///
    /// # Errors
    /// A view without axes, a window that is longer than it, a result that no array can be.
    pub fn windows(view: &View, count: usize, length: usize) -> Result<Self, LayoutError> {
        let rows = *view.shape().first().ok_or(LayoutError::Axis { axis: 0, ndim: 0 })?;
        if length > rows {
            return Err(LayoutError::Window { start: 0, length, size: rows });
        }
        let mut shape = view.shape().to_vec();
        shape[0] = length;
        let cell = View::strided(view.dtype(), &shape, view.strides(), view.offset())?;
        let group = Group { axis: 0, size: rows, length, axes: vec![(rows, view.strides()[0])] };
        Picking { cell, before: 0, groups: vec![group], shape: vec![count], mode: IndexMode::Raise }.checked()
    }

    /// NumPy's indexing with arrays: each takes the place of its axes. Where they stand side by side, so do the axes
    /// of the picks; else these come first.
    ///
    /// # Errors
    /// Axes that the view does not have, or twice; shapes that do not broadcast; a result that no array can be.
    pub fn advanced(view: &View, picked: &[Picked<'_>]) -> Result<Self, LayoutError> {
        let mut is_picked = vec![false; view.ndim()];
        for one in picked {
            let places = is_picked.get_mut(one.axis..one.axis + one.axes);
            let found = one.axis + one.axes;
            let places = places.ok_or(LayoutError::TooManyIndices { ndim: view.ndim(), found })?;
            if places.contains(&true) {
                let axes = picked.iter().map(|one| one.axis as isize).collect();
                return Err(LayoutError::Axes { axes, ndim: view.ndim() });
            }
            places.fill(true);
        }
        let kept = || (0..view.ndim()).filter(|&axis| !is_picked[axis]);
        let of = |values: &[usize]| kept().map(|axis| values[axis]).collect::<Vec<_>>();
        let strides: Vec<_> = kept().map(|axis| view.strides()[axis]).collect();
        let cell = View::strided(view.dtype(), &of(view.shape()), &strides, view.offset())?;
        let shape = broadcast(picked)?;
        let groups = picked.iter().map(|one| Group::new(view, one.axis, one.axes)).collect();
        let before = if stand_together(picked) { picked.iter().map(|one| one.axis).min() } else { None };
        let before = before.unwrap_or(0);
        Picking { cell, before, groups, shape, mode: IndexMode::Raise }.checked()
    }

    /// What indices outside of their axis mean. Windows have no choice.
    #[must_use]
    pub fn mode(self, mode: IndexMode) -> Self {
        Picking { mode, ..self }
    }

    fn checked(self) -> Result<Self, LayoutError> {
        if self.shape.len() + self.cell.ndim() > MAX_NDIM {
            return Err(LayoutError::TooManyAxes { ndim: self.shape.len() + self.cell.ndim() });
        }
        View::contiguous(self.cell.dtype(), &self.result_shape(), crate::Order::C, 0)?;
        Ok(self)
    }

    /// The axes that stay, with the places of the picks whose indices are all 0.
    #[must_use]
    pub fn cell(&self) -> &View {
        &self.cell
    }

    /// How many axes of the cell come before those of the picks in the result.
    #[must_use]
    pub fn before(&self) -> usize {
        self.before
    }

    /// The shape of the picks.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many picks there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many arrays of indices there are.
    #[must_use]
    pub fn arrays(&self) -> usize {
        self.groups.len()
    }

    /// The shape of the result.
    #[must_use]
    pub fn result_shape(&self) -> Vec<usize> {
        self.with_picks(&self.shape)
    }

    /// The shape of the result with the axes of the picks as one.
    #[must_use]
    pub fn flat_shape(&self) -> Vec<usize> {
        self.with_picks(&[self.count()])
    }

    fn with_picks(&self, picks: &[usize]) -> Vec<usize> {
        let (before, behind) = self.cell.shape().split_at(self.before);
        [before, picks, behind].concat()
    }

    /// How far an index of the array `array` moves the cell: bytes in the file.
    ///
    /// # Errors
    /// An index outside of its axes, with both.
    #[inline]
    pub fn reach(&self, array: usize, index: i64) -> Result<i64, LayoutError> {
        let group = &self.groups[array];
        let at = group.resolve(index, self.mode)?;
        if let [(_, stride)] = group.axes[..] {
            return Ok(at as i64 * stride as i64);
        }
        let (mut rest, mut reach) = (at, 0);
        for &(extent, stride) in group.axes.iter().rev() {
            reach += (rest % extent) as i64 * stride as i64;
            rest /= extent;
        }
        Ok(reach)
    }

    /// The least and the greatest way that indices can move the cell.
    #[must_use]
    pub fn reaches(&self) -> (i64, i64) {
        let axes = self.groups.iter().flat_map(|group| &group.axes);
        axes.fold((0, 0), |(low, high), &(extent, stride)| {
            let reach = extent.saturating_sub(1) as i64 * stride as i64;
            (low + reach.min(0), high + reach.max(0))
        })
    }
}

impl Group {
    fn new(view: &View, axis: usize, axes: usize) -> Self {
        let mut joined: Vec<(usize, isize)> = Vec::new();
        for axis in axis..axis + axes {
            let (extent, stride) = (view.shape()[axis], view.strides()[axis]);
            match joined.last_mut() {
                _ if extent == 1 => {}
                Some(last) if last.1 == stride * extent as isize => *last = (last.0 * extent, stride),
                _ => joined.push((extent, stride)),
            }
        }
        if joined.is_empty() {
            joined.push((1, 0));
        }
        let size = view.shape()[axis..axis + axes].iter().product();
        Group { axis, size, length: 1, axes: joined }
    }

    #[inline]
    fn resolve(&self, index: i64, mode: IndexMode) -> Result<usize, LayoutError> {
        let size = self.size as i64;
        let at = match mode {
            IndexMode::Raise if index < 0 => index + size,
            IndexMode::Raise => index,
            IndexMode::Wrap if size > 0 => index.rem_euclid(size),
            IndexMode::Clip => index.clamp(0, (size - 1).max(0)),
            IndexMode::Wrap => index,
        };
        match usize::try_from(at) {
            Ok(at) if at < self.size && self.length <= self.size - at => Ok(at),
            Ok(at) if self.length == 0 && at == self.size => Ok(at),
            _ => Err(self.outside(index)),
        }
    }

    fn outside(&self, index: i64) -> LayoutError {
        match self.length {
            1 => LayoutError::IndexOutOfBounds { index, axis: self.axis, size: self.size },
            length => LayoutError::Window { start: index, length, size: self.size },
        }
    }
}

/// Whether the arrays' axes stand side by side.
fn stand_together(picked: &[Picked<'_>]) -> bool {
    let mut axes: Vec<_> = picked.iter().map(|one| (one.axis, one.axis + one.axes)).collect();
    axes.sort_unstable();
    axes.windows(2).all(|pair| pair[0].1 == pair[1].0)
}

/// The shape to which arrays of indices broadcast.
fn broadcast(picked: &[Picked<'_>]) -> Result<Vec<usize>, LayoutError> {
    let ndim = picked.iter().map(|one| one.shape.len()).max().unwrap_or(0);
    let mut shape = vec![1; ndim];
    for one in picked {
        let behind = ndim - one.shape.len();
        for (to, &extent) in shape[behind..].iter_mut().zip(one.shape) {
            if *to != extent && *to != 1 && extent != 1 {
                let shapes: Vec<_> = picked.iter().map(|one| tuple(one.shape).replace(' ', "")).collect();
                return Err(LayoutError::Indices { shapes: shapes.join(" ") });
            }
            *to = if *to == 1 { extent } else { *to };
        }
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Order};

    fn view(shape: &[usize]) -> View {
        View::contiguous(&"<i4".parse::<DType>().unwrap(), shape, Order::C, 100).unwrap()
    }

    fn picked(axis: usize, shape: &[usize]) -> Picked<'_> {
        Picked { axis, axes: 1, shape }
    }

    #[test]
    fn shapes_are_numpys() {
        let v = view(&[2, 3, 4, 5]);
        let shape = |picked: &[Picked<'_>]| Picking::advanced(&v, picked).unwrap().result_shape();
        assert_eq!(shape(&[picked(1, &[7, 8])]), [2, 7, 8, 4, 5]);
        assert_eq!(shape(&[picked(1, &[7]), picked(2, &[6, 1])]), [2, 6, 7, 5]);
        assert_eq!(shape(&[picked(0, &[7]), picked(2, &[1])]), [7, 3, 5]);
        assert_eq!(shape(&[picked(0, &[]), picked(3, &[9])]), [9, 3, 4]);
        assert_eq!(shape(&[Picked { axis: 1, axes: 2, shape: &[9] }]), [2, 9, 5]);
        assert_eq!(Picking::take(&v, None, &[3, 2]).unwrap().result_shape(), [3, 2]);
        assert_eq!(Picking::take(&v, Some(-1), &[]).unwrap().result_shape(), [2, 3, 4]);
        assert_eq!(Picking::windows(&v, 6, 2).unwrap().result_shape(), [6, 2, 3, 4, 5]);
        let wrong = Picking::advanced(&v, &[picked(0, &[2]), picked(1, &[3])]).unwrap_err();
        assert!(wrong.to_string().contains("shape mismatch"), "{wrong}");
        assert!(Picking::advanced(&v, &[picked(4, &[1])]).is_err());
        assert!(Picking::advanced(&v, &[picked(1, &[1]), picked(1, &[1])]).is_err());
    }

    #[test]
    fn indices_are_places() {
        let v = view(&[3, 4]);
        let flat = Picking::take(&v, None, &[1]).unwrap();
        assert_eq!((flat.reach(0, 5), flat.reach(0, -1)), (Ok(20), Ok(44)));
        let turned = v.transpose(None).unwrap();
        let flat = Picking::take(&turned, None, &[1]).unwrap();
        assert_eq!(flat.reach(0, 4), Ok(20), "item [1, 1]");
        let rows = Picking::take(&v, Some(0), &[1]).unwrap();
        assert_eq!(rows.reaches(), (0, 32));
        let error = rows.reach(0, 3).unwrap_err();
        assert_eq!(error.to_string(), "index 3 is out of bounds for axis 0 with size 3");
        let (wrap, clip) = (rows.clone().mode(IndexMode::Wrap), rows.mode(IndexMode::Clip));
        assert_eq!([wrap.reach(0, -4), wrap.reach(0, 7)], [Ok(32), Ok(16)]);
        assert_eq!([clip.reach(0, -4), clip.reach(0, i64::MAX)], [Ok(0), Ok(32)]);
        let nothing = Picking::take(&view(&[0, 4]), Some(0), &[1]).unwrap();
        assert!(nothing.clone().mode(IndexMode::Wrap).reach(0, 0).is_err());
        assert!(nothing.mode(IndexMode::Clip).reach(0, 0).is_err());
    }

    #[test]
    fn windows_end_with_the_rows() {
        let windows = Picking::windows(&view(&[10, 2]), 2, 4).unwrap();
        assert_eq!((windows.reach(0, 6), windows.reach(0, -4)), (Ok(48), Ok(48)));
        let error = windows.reach(0, 7).unwrap_err().to_string();
        assert!(error.contains("4 rows from 7") && error.contains("10"), "{error}");
        assert!(Picking::windows(&view(&[10]), 1, 11).is_err());
        assert!(Picking::windows(&view(&[]), 1, 1).is_err());
    }
}
