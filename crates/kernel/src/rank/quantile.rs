use half::f16;
use ndfolio_layout::Value;

use super::Ranking;
use crate::KernelError;

/// The place of a quantile among sorted items: between two of them, NumPy's method `linear`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// The rank of the item below, from 0.
    pub low: u64,
    /// The rank of the item above.
    pub high: u64,
    /// How far it lies from the one to the other.
    pub part: f64,
}

impl Between {
    /// The place of the quantile `q` among `count` items; none if there are none.
    #[must_use]
    pub fn new(q: f64, count: u64) -> Option<Self> {
        let last = count.checked_sub(1)?;
        let place = last as f64 * q;
        if place >= last as f64 {
            return Some(Between { low: last, high: last, part: 1.0 });
        }
        let low = place.floor();
        Some(Between { low: low as u64, high: low as u64 + 1, part: place - low })
    }

    /// Checks that quantiles are between 0 and 1.
    ///
    /// # Errors
    /// [`KernelError::Quantile`].
    pub fn check(quantiles: &[f64]) -> Result<(), KernelError> {
        match quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            Some(&found) => Err(KernelError::Quantile { found }),
            None => Ok(()),
        }
    }

    /// The quantile, given the codes of the items below and above: a double, or a time of the dtype.
    ///
    /// It is what NumPy's `quantile` makes of a list of quantiles, but for integers whose difference their
    /// dtype does not hold: it wraps around there, here it is exact.
    #[must_use]
    pub fn value(&self, ranking: &Ranking, low: u64, high: u64) -> Value {
        let t = self.part;
        let between = |a: f64, b: f64, difference: f64| {
            Value::Float64(if t < 0.5 { a + difference * t } else { b - difference * (1.0 - t) })
        };
        let time = |a: i64, b: i64| {
            let difference = b.wrapping_sub(a) as f64;
            if t < 0.5 { a + (difference * t) as i64 } else { b - (difference * (1.0 - t)) as i64 }
        };
        match (ranking.value(low), ranking.value(high)) {
            (Value::Int(a), Value::Int(b)) => {
                between(a as f64, b as f64, (i128::from(b) - i128::from(a)) as f64)
            }
            (Value::UInt(a), Value::UInt(b)) => between(a as f64, b as f64, (b - a) as f64),
            // The difference is rounded to the dtype, as NumPy does.
            (Value::Float16(a), Value::Float16(b)) => {
                let (a, b) = (a.to_f64(), b.to_f64());
                between(a, b, f16::from_f64(b - a).to_f64())
            }
            (Value::Float32(a), Value::Float32(b)) => between(f64::from(a), f64::from(b), f64::from(b - a)),
            (Value::Float64(a), Value::Float64(b)) => between(a, b, b - a),
            (Value::Datetime(a, unit), Value::Datetime(b, _)) => Value::Datetime(time(a, b), unit),
            (Value::Timedelta(a, unit), Value::Timedelta(b, _)) => Value::Timedelta(time(a, b), unit),
            (low, _) => low,
        }
    }
}

/// Gives `found` each wanted rank and the code that has it, the highest rank first.
///
/// # Panics
/// If `ranks` does not grow, or one is not below the number of codes.
pub fn select(codes: &mut [u64], ranks: &[u64], mut found: impl FnMut(u64, u64)) {
    let mut rest = codes;
    for &rank in ranks.iter().rev() {
        let (below, code, _) = rest.select_nth_unstable(rank as usize);
        found(rank, *code);
        rest = below;
    }
}
