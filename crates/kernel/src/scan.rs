//! Running sums and products, one item after the other as NumPy adds them.

use half::f16;
use ndfolio_layout::{DType, Kind};
use num_complex::Complex;

use crate::{Element, KernelError};

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Running {
    /// `cumsum`
    Sum,
    /// `cumprod`
    Product,
}

/// Runs a sum or a product through items of one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanner {
    kind: Kind,
    running: Running,
}

/// Numbers that can be added and multiplied as NumPy does: integers wrap around.
trait Number: Element {
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($type:ty),*; |$a:ident, $b:ident| $plus:expr, $times:expr) => {$(
        impl Number for $type {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $plus
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $times
            }
        }
    )*};
}

numbers!(i8, i16, i32, i64, u8, u16, u32, u64; |a, b| a.wrapping_add(b), a.wrapping_mul(b));
numbers!(f32, f64; |a, b| a + b, a * b);
numbers!(f16; |a, b| f16::from_f32(f32::from(a) + f32::from(b)), f16::from_f32(f32::from(a) * f32::from(b)));
numbers!(Complex<f32>, Complex<f64>; |a, b| a + b,
    Complex::new(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re));

impl Scanner {
    /// For native numbers.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for what is no number.
    pub fn new(dtype: &DType, running: Running) -> Result<Self, KernelError> {
        let number = |kind: Kind| kind.is_integer() || kind.is_float() || kind.is_complex();
        let time = |kind: Kind| running == Running::Sum && matches!(kind, Kind::Timedelta(_));
        match dtype.kind().filter(|&kind| number(kind) || time(kind)) {
            Some(kind) => Ok(Scanner { kind, running }),
            None => {
                let operation = if running == Running::Sum { "cumsum" } else { "cumprod" };
                Err(KernelError::NoOperation { operation, dtype: dtype.clone() })
            }
        }
    }

    /// Goes on through rows of items that lie behind each other: each row becomes the results up to it. `carry`
    /// is a row: the last results, which the first row follows unless it `is_first`; and then the last again.
    ///
    /// # Panics
    /// If the carry is empty and items are not.
    pub fn scan(&self, rows: &mut [u8], carry: &mut [u8], start: Start) {
        match self.kind {
            Kind::Int8 => self.run::<i8>(rows, carry, start),
            Kind::Int16 => self.run::<i16>(rows, carry, start),
            Kind::Int32 => self.run::<i32>(rows, carry, start),
            Kind::UInt8 => self.run::<u8>(rows, carry, start),
            Kind::UInt16 => self.run::<u16>(rows, carry, start),
            Kind::UInt32 => self.run::<u32>(rows, carry, start),
            Kind::UInt64 => self.run::<u64>(rows, carry, start),
            Kind::Float16 => self.run::<f16>(rows, carry, start),
            Kind::Float32 => self.run::<f32>(rows, carry, start),
            Kind::Float64 => self.run::<f64>(rows, carry, start),
            Kind::Complex64 => self.run::<Complex<f32>>(rows, carry, start),
            Kind::Complex128 => self.run::<Complex<f64>>(rows, carry, start),
            Kind::Timedelta(_) => times(rows, carry, start),
            _ => self.run::<i64>(rows, carry, start),
        }
    }

    fn run<T: Number>(&self, rows: &mut [u8], carry: &mut [u8], start: Start) {
        match self.running {
            Running::Sum => lanes::<T>(rows, carry, start, T::plus),
            Running::Product => lanes::<T>(rows, carry, start, T::times),
        }
    }
}

/// Whether something comes before the first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Here,
    /// The carry.
    After,
}

fn lanes<T: Element>(rows: &mut [u8], carry: &mut [u8], start: Start, join: impl Fn(T, T) -> T) {
    let width = carry.len();
    if rows.is_empty() {
        return;
    }
    let mut rows = rows.chunks_exact_mut(width);
    if start == Start::Here
        && let Some(first) = rows.next()
    {
        carry.copy_from_slice(first);
    }
    if width == size_of::<T>() {
        let mut last = one::<T>(carry);
        for item in rows {
            last = join(last, one::<T>(item));
            T::store(&[last], item);
        }
        T::store(&[last], carry);
        return;
    }
    for row in rows {
        let items = row.chunks_exact_mut(size_of::<T>());
        for (item, last) in items.zip(carry.chunks_exact_mut(size_of::<T>())) {
            T::store(&[join(one::<T>(last), one::<T>(item))], item);
            last.copy_from_slice(item);
        }
    }
}

#[inline(always)]
fn one<T: Element>(bytes: &[u8]) -> T {
    let mut item = [T::default()];
    T::load(bytes, &mut item);
    item[0]
}

/// Lengths of time: not a time goes on for ever.
fn times(rows: &mut [u8], carry: &mut [u8], start: Start) {
    lanes::<i64>(rows, carry, start, |a, b| {
        if a == i64::MIN || b == i64::MIN { i64::MIN } else { a.wrapping_add(b) }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<T: Element>(items: &[T]) -> Vec<u8> {
        let mut bytes = vec![0; size_of_val(items)];
        T::store(items, &mut bytes);
        bytes
    }

    #[test]
    fn rows_follow_a_carry() {
        let scanner = Scanner::new(&DType::native(Kind::Int32), Running::Sum).unwrap();
        let mut carry = vec![0; 8];
        let mut rows = bytes(&[1, 10, 2, 20, 3, 30]);
        scanner.scan(&mut rows, &mut carry, Start::Here);
        assert_eq!(rows, bytes(&[1, 10, 3, 30, 6, 60]));
        let mut rows = bytes(&[1, i32::MAX]);
        scanner.scan(&mut rows, &mut carry, Start::After);
        assert_eq!((rows.clone(), carry), (bytes(&[7, i32::MIN + 59]), rows));
    }

    #[test]
    fn a_single_lane() {
        let scanner = Scanner::new(&DType::native(Kind::Float32), Running::Product).unwrap();
        let (mut carry, mut items) = (bytes(&[2.0_f32]), bytes(&[3.0_f32, 0.5]));
        scanner.scan(&mut items, &mut carry, Start::After);
        assert_eq!((items, carry), (bytes(&[6.0_f32, 3.0]), bytes(&[3.0_f32])));
        assert!(Scanner::new(&"U3".parse().unwrap(), Running::Sum).is_err());
    }
}
