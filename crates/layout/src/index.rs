use std::{
    fmt,
    ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive},
    str::FromStr,
};

use crate::LayoutError;

/// `start:stop:step`, with Python's meaning of negative and missing numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// The first index; negative counts from the end; the first in the step's direction if missing.
    pub start: Option<i64>,
    /// The index before which it stops; to the end if missing.
    pub stop: Option<i64>,
    /// From one to the next; 1 if missing. Never 0.
    pub step: Option<i64>,
}

impl Slice {
    /// Start, number of items and step for an axis of `len` items.
    ///
    /// # Errors
    /// [`LayoutError::ZeroStep`].
    pub fn resolve(self, len: usize) -> Result<(i64, usize, i64), LayoutError> {
        let (n, step) = (len as i128, i128::from(self.step.unwrap_or(1)));
        if step == 0 {
            return Err(LayoutError::ZeroStep);
        }
        let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let place = |index: i64| {
            let index = i128::from(index);
            (if index < 0 { index + n } else { index }).clamp(low, high)
        };
        let start = self.start.map_or(if step > 0 { low } else { high }, place);
        let stop = self.stop.map_or(if step > 0 { high } else { low }, place);
        let span = if step > 0 { stop - start } else { start - stop };
        let count = if span <= 0 { 0 } else { (span - 1) / step.abs() + 1 };
        Ok((start.max(0) as i64, count as usize, step.clamp(-(n.max(1)), n.max(1)) as i64))
    }
}

/// A slice with a step: NumPy's `start:stop:step`.
#[must_use]
pub fn slice(start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>, step: i64) -> Slice {
    Slice { start: start.into(), stop: stop.into(), step: Some(step) }
}

/// `...`: as many whole axes as the others leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ellipsis;

/// `None`: a new axis of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAxis;

/// One part of a NumPy basic index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// One item of an axis, which goes; negative counts from the end.
    At(i64),
    /// Some items of an axis.
    Slice(Slice),
    /// As many whole axes as the others leave.
    Ellipsis,
    /// A new axis of one item.
    NewAxis,
}

/// A NumPy basic index: what stands between the brackets.
///
/// Made from text, or from a tuple of integers, ranges, [`slice()`], [`Ellipsis`], [`NewAxis`]:
///
/// ```
/// use ndfolio_layout::{Ellipsis, Selection, slice};
/// let text: Selection = "0:10, ..., ::2".parse()?;
/// assert_eq!(text, Selection::from((0..10, Ellipsis, slice(None, None, 2))));
/// # Ok::<(), ndfolio_layout::LayoutError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(Vec<Index>);

impl Selection {
    /// The whole array.
    #[must_use]
    pub fn all() -> Self {
        Selection::default()
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[Index] {
        &self.0
    }
}

impl From<Vec<Index>> for Selection {
    fn from(parts: Vec<Index>) -> Self {
        Selection(parts)
    }
}

impl<const N: usize> From<[i64; N]> for Selection {
    fn from(parts: [i64; N]) -> Self {
        Selection(parts.iter().map(|&i| Index::At(i)).collect())
    }
}

impl From<Slice> for Index {
    fn from(slice: Slice) -> Self {
        Index::Slice(slice)
    }
}

impl From<Ellipsis> for Index {
    fn from(_: Ellipsis) -> Self {
        Index::Ellipsis
    }
}

impl From<NewAxis> for Index {
    fn from(_: NewAxis) -> Self {
        Index::NewAxis
    }
}

impl From<RangeFull> for Index {
    fn from(_: RangeFull) -> Self {
        Index::Slice(Slice::default())
    }
}

macro_rules! index_from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Index {
            fn from(index: $int) -> Self {
                Index::At(to_i64(index))
            }
        }
        impl From<Range<$int>> for Index {
            fn from(r: Range<$int>) -> Self {
                Index::Slice(Slice { start: Some(to_i64(r.start)), stop: Some(to_i64(r.end)), step: None })
            }
        }
        impl From<RangeFrom<$int>> for Index {
            fn from(r: RangeFrom<$int>) -> Self {
                Index::Slice(Slice { start: Some(to_i64(r.start)), ..Slice::default() })
            }
        }
        impl From<RangeTo<$int>> for Index {
            fn from(r: RangeTo<$int>) -> Self {
                Index::Slice(Slice { stop: Some(to_i64(r.end)), ..Slice::default() })
            }
        }
        impl From<RangeInclusive<$int>> for Index {
            fn from(r: RangeInclusive<$int>) -> Self {
                Index::Slice(Slice { start: Some(to_i64(*r.start())), stop: after(to_i64(*r.end())), step: None })
            }
        }
        impl From<RangeToInclusive<$int>> for Index {
            fn from(r: RangeToInclusive<$int>) -> Self {
                Index::Slice(Slice { stop: after(to_i64(r.end)), ..Slice::default() })
            }
        }
        index_into_selection!($int, Range<$int>, RangeFrom<$int>, RangeTo<$int>, RangeInclusive<$int>, RangeToInclusive<$int>);
    )*};
}

macro_rules! index_into_selection {
    ($($part:ty),*) => {$(
        impl From<$part> for Selection {
            fn from(part: $part) -> Self {
                Selection(vec![part.into()])
            }
        }
    )*};
}

index_from_integers!(i32, i64, usize);
index_into_selection!(Slice, Ellipsis, NewAxis, Index);

impl From<RangeFull> for Selection {
    /// The whole array, also where it has no axis. Within a tuple `..` is the whole of one axis.
    fn from(_: RangeFull) -> Self {
        Selection::all()
    }
}

/// An index beyond `i64` is beyond every axis: the end of the range stands for it.
fn to_i64(index: impl TryInto<i64>) -> i64 {
    index.try_into().unwrap_or(i64::MAX)
}

/// The stop behind an inclusive end; behind −1 that is the axis' end.
fn after(end: i64) -> Option<i64> {
    if end == -1 { None } else { Some(end.saturating_add(1)) }
}

macro_rules! selection_from_tuples {
    ($($name:ident)*) => {
        impl<$($name: Into<Index>),*> From<($($name,)*)> for Selection {
            #[allow(non_snake_case)]
            fn from(($($name,)*): ($($name,)*)) -> Self {
                Selection(vec![$($name.into()),*])
            }
        }
    };
}

impl From<()> for Selection {
    fn from((): ()) -> Self {
        Selection::all()
    }
}

selection_from_tuples!(A);
selection_from_tuples!(A B);
selection_from_tuples!(A B C);
selection_from_tuples!(A B C D);
selection_from_tuples!(A B C D E);
selection_from_tuples!(A B C D E F);

impl FromStr for Selection {
    type Err = LayoutError;

    /// Reads what stands between the brackets: `0:10, ::2`, `-1`, `..., None`.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let wrong =
            |reason: &str| LayoutError::IndexSyntax { text: text.to_owned(), reason: reason.to_owned() };
        let inner = text.trim();
        if inner.is_empty() {
            return Err(wrong("it is empty"));
        }
        if inner.starts_with('(') && inner.replace([' ', '\t'], "") == "()" {
            return Ok(Selection::all());
        }
        let inner = inner.strip_suffix(',').unwrap_or(inner);
        inner
            .split(',')
            .map(|part| part_from_str(part.trim()).map_err(wrong))
            .collect::<Result<_, _>>()
            .map(Selection)
    }
}

fn part_from_str(part: &str) -> Result<Index, &'static str> {
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| "a part is neither a whole number nor a slice"),
    };
    match part {
        "" => Err("a part is empty"),
        "..." => Ok(Index::Ellipsis),
        "None" | "newaxis" | "np.newaxis" => Ok(Index::NewAxis),
        _ if !part.contains(':') => match number(part)? {
            Some(index) => Ok(Index::At(index)),
            None => Err("a part is empty"),
        },
        _ => {
            let parts = part.split(':').map(number).collect::<Result<Vec<_>, _>>()?;
            match parts[..] {
                [start, stop] => Ok(Index::Slice(Slice { start, stop, step: None })),
                [start, stop, step] => Ok(Index::Slice(Slice { start, stop, step })),
                _ => Err("a slice has at most two colons"),
            }
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("...");
        }
        for (i, part) in self.0.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            match part {
                Index::At(index) => write!(f, "{index}")?,
                Index::Ellipsis => f.write_str("...")?,
                Index::NewAxis => f.write_str("None")?,
                Index::Slice(slice) => {
                    let number = |n: Option<i64>| n.map_or(String::new(), |n| n.to_string());
                    write!(f, "{}:{}", number(slice.start), number(slice.stop))?;
                    if let Some(step) = slice.step {
                        write!(f, ":{step}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_tuples_agree() {
        let parsed: Selection = " 3, 1:, :-1, ::-2, ..., None ".parse().unwrap();
        let built = vec![
            Index::from(3),
            Index::from(1..),
            Index::from(..-1),
            Index::from(slice(None, None, -2)),
            Index::Ellipsis,
            Index::NewAxis,
        ];
        assert_eq!(parsed.parts(), built);
        assert_eq!(parsed.to_string(), "3, 1:, :-1, ::-2, ..., None");
        assert_eq!("0".parse::<Selection>().unwrap(), Selection::from(0));
        assert_eq!("0,".parse::<Selection>().unwrap(), Selection::from([0]));
        for text in ["", "a", "1,,2", "1:2:3:4", "1.5", "[1,2]", ":x"] {
            assert!(text.parse::<Selection>().is_err(), "{text}");
        }
    }

    #[test]
    fn slices_resolve_as_in_python() {
        // (start, stop, step, len) → (start, count), from Python's slice.indices.
        for (start, stop, step, len, want) in [
            (None, None, None, 5, (0, 5)),
            (None, None, Some(-1), 5, (4, 5)),
            (Some(-2), None, None, 5, (3, 2)),
            (Some(10), Some(2), Some(-3), 8, (7, 2)),
            (Some(3), Some(1), None, 5, (3, 0)),
            (Some(0), Some(0), Some(-1), 5, (0, 0)),
            (None, None, None, 0, (0, 0)),
            (None, None, Some(-1), 0, (0, 0)),
            (Some(i64::MIN), Some(i64::MAX), Some(i64::MAX), 5, (0, 1)),
        ] {
            let (s, n, _) = Slice { start, stop, step }.resolve(len).unwrap();
            assert_eq!(n, want.1, "{start:?}:{stop:?}:{step:?} of {len}");
            assert!(n == 0 || s == want.0, "{start:?}:{stop:?}:{step:?} of {len}");
        }
        assert_eq!(Slice { step: Some(0), ..Slice::default() }.resolve(3), Err(LayoutError::ZeroStep));
    }
}
