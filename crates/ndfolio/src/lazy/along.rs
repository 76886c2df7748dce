use ndfolio_engine::expr::Keep;

/// The axes of a reduction: `()` for all, `0`, `-1`, `[0, 2]`.
#[derive(Clone, Debug, Default)]
pub struct Along {
    pub(super) axes: Option<Vec<isize>>,
    pub(super) keep: Keep,
}

/// The axes of a reduction, for more than their numbers: `along(0).keepdims()`.
pub fn along(axes: impl Into<Along>) -> Along {
    axes.into()
}

impl Along {
    /// The result keeps the reduced axes, with one item each.
    #[must_use]
    pub fn keepdims(self) -> Self {
        Along { keep: Keep::Axes, ..self }
    }
}

impl From<()> for Along {
    fn from((): ()) -> Self {
        Along::default()
    }
}

impl From<isize> for Along {
    fn from(axis: isize) -> Self {
        Along { axes: Some(vec![axis]), keep: Keep::No }
    }
}

impl From<i32> for Along {
    fn from(axis: i32) -> Self {
        (axis as isize).into()
    }
}

impl From<Vec<isize>> for Along {
    fn from(axes: Vec<isize>) -> Self {
        Along { axes: Some(axes), keep: Keep::No }
    }
}

impl<const N: usize> From<[isize; N]> for Along {
    fn from(axes: [isize; N]) -> Self {
        axes.to_vec().into()
    }
}

impl From<&[isize]> for Along {
    fn from(axes: &[isize]) -> Self {
        axes.to_vec().into()
    }
}
