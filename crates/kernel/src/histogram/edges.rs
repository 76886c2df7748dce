//! The edges of bins of equal width: NumPy's `linspace`, in the precision in which it computes.

use ndfolio_layout::Value;

use super::Precision;

/// `count` + 1 numbers from `low` to `high`.
pub(super) fn spaced(precision: Precision, low: f64, high: f64, count: usize) -> Vec<f64> {
    let round = |x: f64| precision.round(x);
    let (all, bins) = (round(high - low), round(count as f64));
    let step = round(all / bins);
    let edge = |i: usize| {
        let i = round(i as f64);
        // Steps of 0 are those of subnormal numbers.
        let way = if step == 0.0 { round(round(i / bins) * all) } else { round(i * step) };
        round(way + low)
    };
    let mut edges: Vec<f64> = (0..count).map(edge).collect();
    edges.push(high);
    edges
}

/// How far the greatest is from the least: exactly for integers, rounded for floating-point numbers.
pub(super) fn difference(precision: Precision, min: &Value, max: &Value) -> f64 {
    match (min, max) {
        (Value::Int(min), Value::Int(max)) => max.wrapping_sub(*min) as u64 as f64,
        (Value::UInt(min), Value::UInt(max)) => max.wrapping_sub(*min) as f64,
        _ => precision.round(max.as_f64().unwrap_or(0.0) - min.as_f64().unwrap_or(0.0)),
    }
}
