//! Items of one dtype from items of another, as NumPy's `astype`.

mod direct;
mod numbers;
mod rules;

use half::f16;
use ndfolio_layout::{DType, Kind, Scalar};
use num_complex::Complex;

pub use rules::{Casting, can_cast};

use crate::{
    KernelError,
    elementwise::{Conditions, Level, count_overflow},
    swap_bytes,
};
use numbers::cast_numbers;
pub(crate) use numbers::{to_i64, to_u64};
use rules::time_ratio;

/// What is done to one scalar of an item.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// The bytes are the same.
    Copy,
    /// Between numbers, truth values and counts of time.
    Number(Kind, Kind),
    /// A count of one time unit to a count of another: times, then divided, rounding down.
    Time(i64, i64),
    /// Text and void: cut or filled up with zeros.
    Pad,
    /// Bytes of ASCII to code points.
    Widen,
}

/// A cast of items from one dtype to another, put together once and applied to many blocks.
#[derive(Clone, Debug)]
pub struct Caster {
    from: DType,
    to: DType,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    from: (usize, Scalar),
    to: (usize, Scalar),
    step: Step,
}

/// Items that are cast together: their widest form fits the L1 cache.
const BLOCK: usize = 1024;

impl Caster {
    /// A cast that `rule` allows. Records are cast field by field, in the order of their definition.
    ///
    /// # Errors
    /// [`KernelError::Cast`] where the rule forbids it, [`KernelError::NoCast`] where there is none.
    pub fn new(from: &DType, to: &DType, rule: Casting) -> Result<Self, KernelError> {
        if !can_cast(from, to, rule) {
            return Err(KernelError::Cast { from: from.clone(), to: to.clone(), rule });
        }
        let no_cast = |reason| KernelError::NoCast { from: from.clone(), to: to.clone(), reason };
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        from.for_each_scalar(&mut |at, scalar| sources.push((at, scalar)));
        to.for_each_scalar(&mut |at, scalar| targets.push((at, scalar)));
        if sources.len() != targets.len() {
            return Err(no_cast("they have different numbers of fields"));
        }
        let parts = sources.into_iter().zip(targets).map(|(from, to)| {
            let step = step(from.1.kind(), to.1.kind()).map_err(no_cast)?;
            Ok(Part { from, to, step })
        });
        Ok(Caster { from: from.clone(), to: to.clone(), parts: parts.collect::<Result<_, _>>()? })
    }

    /// Bytes of an item before and after.
    #[must_use]
    pub fn itemsizes(&self) -> (usize, usize) {
        (self.from.itemsize(), self.to.itemsize())
    }

    /// Whether items keep their bytes.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.from == self.to
    }

    /// Casts contiguous items; as many as `items` has. The bytes of `items` are used up on the way.
    ///
    /// # Panics
    /// If `out` has fewer items than `items`.
    pub fn apply(&self, items: &mut [u8], out: &mut [u8]) {
        let (from_size, to_size) = (self.from.itemsize(), self.to.itemsize());
        if self.is_copy() {
            out[..items.len()].copy_from_slice(items);
            return;
        }
        if from_size == 0 || to_size == 0 {
            return;
        }
        let count = items.len() / from_size;
        let out = &mut out[..count * to_size];
        if let [Part { from: (0, from), to: (0, to), step }] = &self.parts[..]
            && (from.itemsize(), to.itemsize()) == (from_size, to_size)
        {
            cast_column(step, *from, items, *to, out);
            return;
        }
        out.fill(0);
        self.apply_parts(items, out, count);
    }

    /// Casts contiguous items of this machine's byte order, as many as `items` has, and adds to `conditions` what
    /// NumPy would have warned of: numbers that became infinite, and those that no integer stands for.
    ///
    /// # Panics
    /// If `out` has fewer items than `items`.
    pub fn apply_counted(&self, items: &[u8], out: &mut [u8], conditions: &mut Conditions) {
        match (self.is_copy(), &self.parts[..]) {
            (true, _) => out[..items.len()].copy_from_slice(items),
            (false, [Part { from: (0, from), to: (0, to), step }])
                if from.foreign_width() == 1 && to.foreign_width() == 1 && from.itemsize() > 0 =>
            {
                let out = &mut out[..items.len() / from.itemsize() * to.itemsize()];
                cast_native(step, *from, items, *to, out);
                if let Step::Number(from, to) = step {
                    count(*from, items, *to, out, conditions);
                }
            }
            _ => self.apply(&mut items.to_vec(), out),
        }
    }

    /// Records: each scalar's column is gathered, cast and put back, a block of items at a time.
    fn apply_parts(&self, items: &[u8], out: &mut [u8], count: usize) {
        let (from_size, to_size) = (self.from.itemsize(), self.to.itemsize());
        let widest = self.parts.iter().map(|p| p.from.1.itemsize().max(p.to.1.itemsize())).max().unwrap_or(0);
        let block = (BLOCK * 16 / widest.max(1)).clamp(1, BLOCK);
        let (mut column, mut cast) = (vec![0; block * widest], vec![0; block * widest]);
        for start in (0..count).step_by(block) {
            let n = block.min(count - start);
            for Part { from: (from_at, from), to: (to_at, to), step } in &self.parts {
                let (width, new_width) = (from.itemsize(), to.itemsize());
                for i in 0..n {
                    let at = (start + i) * from_size + from_at;
                    column[i * width..(i + 1) * width].copy_from_slice(&items[at..at + width]);
                }
                cast_column(step, *from, &mut column[..n * width], *to, &mut cast[..n * new_width]);
                for i in 0..n {
                    let at = (start + i) * to_size + to_at;
                    out[at..at + new_width].copy_from_slice(&cast[i * new_width..(i + 1) * new_width]);
                }
            }
        }
    }
}

fn step(from: Kind, to: Kind) -> Result<Step, &'static str> {
    let counts = |kind: Kind| kind == Kind::Bool || kind.is_integer();
    let time = |kind: Kind| matches!(kind.letter(), 'm' | 'M');
    let number = |kind: Kind| counts(kind) || kind.is_float() || kind.is_complex();
    match (from, to) {
        _ if from == to => Ok(Step::Copy),
        _ if number(from) && number(to) => Ok(Step::Number(from, to)),
        _ if from == Kind::LongDouble && to.is_float() => Ok(Step::Number(from, to)),
        (Kind::LongDouble | Kind::CLongDouble, _) | (_, Kind::LongDouble | Kind::CLongDouble) => {
            Err("long doubles are kept as they are, and only read as shorter floating-point numbers")
        }
        (Kind::Datetime(a), Kind::Datetime(b)) | (Kind::Timedelta(a), Kind::Timedelta(b)) => {
            let (times, by) =
                time_ratio(a, b).ok_or("years and months have no fixed length in days or seconds")?;
            Ok(Step::Time(times, by))
        }
        _ if time(from) && time(to) => Err("a point in time is not a length of time"),
        _ if (time(from) && number(to)) || (number(from) && time(to)) => {
            if [from, to].iter().any(|kind| kind.is_float() || kind.is_complex()) {
                return Err("go by way of int64");
            }
            let plain = |kind| if time(kind) { Kind::Int64 } else { kind };
            Ok(if plain(from) == plain(to) { Step::Copy } else { Step::Number(plain(from), plain(to)) })
        }
        (Kind::Bytes(_), Kind::Bytes(_))
        | (Kind::Unicode(_), Kind::Unicode(_))
        | (Kind::Void(_), Kind::Void(_)) => Ok(Step::Pad),
        (Kind::Bytes(_), Kind::Unicode(_)) => Ok(Step::Widen),
        _ => Err("text, void and numbers are not turned into each other"),
    }
}

/// What NumPy would have warned of.
fn count(from: Kind, items: &[u8], to: Kind, out: &[u8], conditions: &mut Conditions) {
    let level = Level::best();
    if from.is_float() && to.is_integer() {
        conditions.invalid += direct::count_invalid(level, from, items, to);
    }
    match (from, to) {
        (Kind::Float64, Kind::Float32) => count_overflow::<f64, f32>(level, items, out, conditions),
        (Kind::Float64, Kind::Float16) => count_overflow::<f64, f16>(level, items, out, conditions),
        (Kind::Float32, Kind::Float16) => count_overflow::<f32, f16>(level, items, out, conditions),
        (Kind::Complex128, Kind::Complex64) => {
            count_overflow::<Complex<f64>, Complex<f32>>(level, items, out, conditions);
        }
        _ => {}
    }
}

/// Casts contiguous scalars from their byte order to that of the target.
fn cast_column(step: &Step, from: Scalar, items: &mut [u8], to: Scalar, out: &mut [u8]) {
    if matches!(step, Step::Copy) && from.foreign_width() == to.foreign_width() {
        out.copy_from_slice(items);
        return;
    }
    swap_bytes(items, from.foreign_width());
    cast_native(step, from, items, to, out);
    swap_bytes(out, to.foreign_width());
}

/// Casts contiguous scalars of this machine's byte order.
fn cast_native(step: &Step, from: Scalar, items: &[u8], to: Scalar, out: &mut [u8]) {
    match step {
        Step::Copy => out.copy_from_slice(items),
        Step::Number(a, b) => cast_numbers(*a, items, *b, out),
        Step::Time(times, by) => cast_times(items, out, *times, *by),
        Step::Pad => {
            let (width, new_width) = (from.itemsize(), to.itemsize());
            let kept = width.min(new_width);
            out.fill(0);
            if kept > 0 {
                for (item, place) in items.chunks_exact(width).zip(out.chunks_exact_mut(new_width)) {
                    place[..kept].copy_from_slice(&item[..kept]);
                }
            }
        }
        Step::Widen => {
            let (width, new_width) = (from.itemsize(), to.itemsize());
            out.fill(0);
            if width > 0 && new_width > 0 {
                for (item, place) in items.chunks_exact(width).zip(out.chunks_exact_mut(new_width)) {
                    for (byte, point) in item.iter().zip(place.chunks_exact_mut(4)) {
                        point.copy_from_slice(&u32::from(*byte).to_ne_bytes());
                    }
                }
            }
        }
    }
}

fn cast_times(items: &[u8], out: &mut [u8], times: i64, by: i64) {
    for (item, place) in items.as_chunks::<8>().0.iter().zip(out.as_chunks_mut::<8>().0) {
        let count = i64::from_ne_bytes(*item);
        let cast = if count == i64::MIN { count } else { count.wrapping_mul(times).div_euclid(by) };
        *place = cast.to_ne_bytes();
    }
}

#[cfg(test)]
mod tests;
