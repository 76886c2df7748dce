//! Histograms with NumPy's edges and NumPy's counts.
//!
//! NumPy computes the bin of an item in the precision of the items, and then corrects it by the edges. Most
//! items lie so far from every edge that no rounding matters: their bins are computed by vector instructions.
//! The others are treated as NumPy treats them, one by one.

mod count;
mod edges;

use half::f16;
use ndfolio_layout::{DType, Kind, Value};

use crate::{KernelError, Widener};

pub use count::counters;

/// What the bins are.
#[derive(Clone, Debug, PartialEq)]
pub enum Bins {
    /// So many of equal width.
    Count(usize),
    /// Those between these edges, which must not decrease. The last bin includes its right edge, the others
    /// do not.
    Edges(Vec<f64>),
}

impl From<usize> for Bins {
    fn from(count: usize) -> Self {
        Bins::Count(count)
    }
}

impl From<Vec<f64>> for Bins {
    fn from(edges: Vec<f64>) -> Self {
        Bins::Edges(edges)
    }
}

impl Bins {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Bins::Count(count) => *count,
            Bins::Edges(edges) => edges.len().saturating_sub(1),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The precision in which NumPy computes with the items.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Precision {
    Half,
    Single,
    Double,
}

impl Precision {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Float16 => Precision::Half,
            Kind::Float32 => Precision::Single,
            _ => Precision::Double,
        }
    }

    /// The nearest number of this precision. What is computed in double precision and rounded once is what
    /// the shorter arithmetic gives: a double has more than twice its digits.
    fn round(self, x: f64) -> f64 {
        match self {
            Precision::Half => f16::from_f64(x).to_f64(),
            Precision::Single => f64::from(x as f32),
            Precision::Double => x,
        }
    }

    /// How far from each other two neighbouring numbers around 1 are.
    fn epsilon(self) -> f64 {
        match self {
            Precision::Half => 1.0 / 1024.0,
            Precision::Single => f64::from(f32::EPSILON),
            Precision::Double => f64::EPSILON,
        }
    }
}

/// The bins of a histogram of items of one dtype, ready to count.
#[derive(Clone, Debug)]
pub struct Histogram {
    widener: Widener,
    edges: Vec<f64>,
    /// How the bin of an item follows from its value; none where only the edges say it.
    uniform: Option<Uniform>,
}

/// Bins of equal width.
#[derive(Clone, Copy, Debug)]
struct Uniform {
    precision: Precision,
    /// Whether NumPy goes on in double precision behind the first subtraction: it does so for a range that
    /// was given, and not for one that it found.
    wide: bool,
    first: f64,
    last: f64,
    width: f64,
    count: f64,
    /// A bin that was estimated with less than this between its end and the item, in bins, is looked at again.
    slack: f64,
}

impl Histogram {
    /// Bins of equal width over a range; or those between edges, for which NumPy does not look at the range.
    ///
    /// # Errors
    /// No bins, edges that decrease, a range that is not finite or ends before it begins, more bins than
    /// numbers in it; a dtype other than truth values, integers and floating-point numbers.
    pub fn new(dtype: &DType, bins: &Bins, (low, high): (f64, f64)) -> Result<Self, KernelError> {
        let widener = widener(dtype)?;
        match bins {
            Bins::Edges(edges) => {
                check(bins, None)?;
                Ok(Histogram { widener, edges: edges.clone(), uniform: None })
            }
            Bins::Count(count) => {
                check(bins, Some((low, high)))?;
                let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
                let precision = Precision::of(widener.kind());
                let uniform = Uniform::new(precision, true, (low, high), high - low, *count);
                let edges = edges::spaced(Precision::Double, low, high, *count);
                let edges = edges.into_iter().map(|edge| precision.round(edge)).collect();
                Histogram { widener, edges, uniform: Some(uniform) }.checked()
            }
        }
    }

    /// Bins of equal width from the least to the greatest item, NaN left out; from 0 to 1 if there are none.
    ///
    /// # Errors
    /// As [`Histogram::new`]; infinite items.
    pub fn over(
        dtype: &DType,
        count: usize,
        extremes: Option<(&Value, &Value)>,
    ) -> Result<Self, KernelError> {
        let Some((min, max)) = extremes else {
            return Histogram::new(dtype, &Bins::Count(count), (0.0, 1.0));
        };
        check(&Bins::Count(count), None)?;
        let widener = widener(dtype)?;
        let precision = Precision::of(widener.kind());
        let (low, high) = (min.as_f64().unwrap_or(0.0), max.as_f64().unwrap_or(0.0));
        if !low.is_finite() || !high.is_finite() {
            return Err(not_finite("autodetected", low, high, "; give a finite range"));
        }
        let (low, high, width) = if min == max {
            let (low, high) = (precision.round(low - 0.5), precision.round(high + 0.5));
            (low, high, precision.round(high - low))
        } else {
            (low, high, edges::difference(precision, min, max))
        };
        let uniform = Uniform::new(precision, false, (low, high), width, count);
        let edges = edges::spaced(precision, low, high, count);
        Histogram { widener, edges, uniform: Some(uniform) }.checked()
    }

    fn checked(self) -> Result<Self, KernelError> {
        if self.edges.is_sorted_by(|a, b| a < b) {
            Ok(self)
        } else {
            Err(KernelError::TooManyBins { count: self.edges.len() - 1 })
        }
    }

    /// The edges: one more than bins. Those of short floating-point numbers are rounded to their dtype.
    #[must_use]
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// How many bins there are.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }
}

fn widener(dtype: &DType) -> Result<Widener, KernelError> {
    Widener::new(dtype, "a histogram")
}

/// Checks what was asked for, before anything is read.
///
/// # Errors
/// As [`Histogram::new`].
pub fn check(bins: &Bins, range: Option<(f64, f64)>) -> Result<(), KernelError> {
    if let Bins::Edges(edges) = bins {
        let wrong = edges.windows(2).find(|pair| pair[0].partial_cmp(&pair[1]).is_none_or(|o| o.is_gt()));
        return match wrong {
            Some(&[before, after]) => Err(KernelError::BinOrder { before, after }),
            _ => Ok(()),
        };
    }
    if bins.is_empty() {
        return Err(KernelError::NoBins);
    }
    match range {
        Some((low, high)) if low > high => Err(KernelError::BinRange { low, high }),
        Some((low, high)) if !low.is_finite() || !high.is_finite() => {
            Err(not_finite("supplied", low, high, ""))
        }
        _ => Ok(()),
    }
}

fn not_finite(which: &'static str, low: f64, high: f64, way: &'static str) -> KernelError {
    KernelError::BinsNotFinite { which, low, high, way }
}

impl Uniform {
    fn new(precision: Precision, wide: bool, (low, high): (f64, f64), width: f64, count: usize) -> Self {
        let (first, last, count) = (precision.round(low), precision.round(high), count as f64);
        // An edge and an item are rounded by half of this at most, relative to the largest number.
        let size = first.abs().max(last.abs()) + (last - first);
        let slack = 4.0 * precision.epsilon() * count * (size / width + 1.0);
        Uniform { precision, wide, first, last, width, count, slack }
    }

    /// The bin as NumPy finds it, in its steps; none outside of the range.
    fn find(&self, x: f64, edges: &[f64]) -> Option<usize> {
        if !(x >= self.first && x <= self.last) {
            return None;
        }
        let round = |x: f64| self.precision.round(x);
        let distance = round(x - self.first);
        let place = if self.wide {
            distance / self.width * self.count
        } else {
            round(round(distance / self.width) * round(self.count))
        };
        let last = edges.len() - 2;
        let mut bin = (place as usize).min(last);
        if x < edges[bin] {
            bin = bin.saturating_sub(1);
        }
        if x >= edges[bin + 1] && bin < last {
            bin += 1;
        }
        Some(bin)
    }
}

#[cfg(test)]
mod tests;
