use ndfolio_layout::DType;
use num_complex::Complex;

use super::{
    Item, Make, Mean, Number, Summarize, Summary,
    blocks::{self, Sum},
    item::Parts,
};
use crate::{Element, KernelError};

/// The statistics of many rows at once: one for each item of a reduced array.
///
/// Each row is summed item by item, compensated (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur
/// Summation endlicher Summen", 1974); its variance is Welford's. The pieces in which the items come make no
/// difference as long as each row's items come in one order.
pub struct AxisSummary {
    dtype: DType,
    cells: Box<dyn Cells + Send>,
}

trait Cells {
    fn update(&mut self, items: &[u8], first: usize, step: usize);
    fn finish(&self, cell: usize) -> Summary;
}

impl AxisSummary {
    /// For `rows` rows of items of this dtype.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for text, void, records and long doubles.
    pub fn new(dtype: &DType, rows: usize) -> Result<Self, KernelError> {
        Ok(AxisSummary { dtype: dtype.clone(), cells: super::for_kind(dtype, Rows(rows))? })
    }

    /// Bytes of memory for each row, at most.
    #[must_use]
    pub const fn bytes_per_row() -> usize {
        size_of::<ComplexCell<Complex<f64>>>()
    }

    /// Takes in items, contiguous and in the dtype's byte order: item `i` belongs to row `first + i·step`.
    /// Their bytes are used up on the way.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn update(&mut self, items: &mut [u8], first: usize, step: usize) {
        crate::to_native(items, &self.dtype);
        self.cells.update(items, first, step);
    }

    /// The statistics of a row so far.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn finish(&self, row: usize) -> Summary {
        self.cells.finish(row)
    }
}

struct Rows(usize);

impl Make for Rows {
    type Made = Box<dyn Cells + Send>;

    fn real<T: Item>(self, zero: T) -> Self::Made {
        Box::new(RealCells { zero, cells: vec![RealCell::new(zero); self.0], items: Vec::new() })
    }

    fn complex<T>(self) -> Self::Made
    where
        Complex<T>: Element + Parts,
    {
        Box::new(ComplexCells::<Complex<T>>::new(self.0))
    }
}

/// A sum that keeps what rounding takes away.
#[derive(Clone, Copy, Debug, Default)]
struct Compensated {
    sum: f64,
    lost: f64,
}

impl Compensated {
    fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        self.lost += if self.sum.abs() >= x.abs() { (self.sum - sum) + x } else { (x - sum) + self.sum };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        // Beside an infinity the loss is not a number.
        if self.lost.is_nan() { self.sum } else { self.sum + self.lost }
    }
}

#[derive(Clone, Copy)]
struct RealCell<T> {
    count: u64,
    numbers: u64,
    zeros: u64,
    min: T,
    max: T,
    sum: Compensated,
    int_sum: i128,
    mean: f64,
    m2: f64,
}

impl<T: Item> RealCell<T> {
    fn new(zero: T) -> Self {
        let (sum, int_sum) = (Compensated::default(), 0);
        RealCell { count: 0, numbers: 0, zeros: 0, min: zero, max: zero, sum, int_sum, mean: 0.0, m2: 0.0 }
    }

    fn add(&mut self, item: T) {
        self.count += 1;
        if item.is_nan() {
            return;
        }
        self.numbers += 1;
        self.zeros += u64::from(item.is_zero());
        if self.numbers == 1 {
            (self.min, self.max) = (item, item);
        }
        self.min = if item < self.min { item } else { self.min };
        self.max = if item > self.max { item } else { self.max };
        let x = item.to_f64();
        if T::FLOAT {
            self.sum.add(x);
        } else {
            self.int_sum += item.to_i128();
        }
        let delta = x - self.mean;
        self.mean += delta / self.numbers as f64;
        self.m2 += delta * (x - self.mean);
    }

    fn finish(&self, zero: T) -> Summary {
        let Sum { sum, mean } = Sum::new(zero, self.numbers, self.sum.value(), self.int_sum);
        let some = self.numbers > 0;
        Summary {
            count: self.count,
            nan_count: self.count - self.numbers,
            zeros: zero.has_sum().then_some(self.zeros),
            min: some.then(|| self.min.value()),
            max: some.then(|| self.max.value()),
            mean,
            std: blocks::std(zero, self.numbers, self.m2),
            sum,
        }
    }
}

struct RealCells<T> {
    zero: T,
    cells: Vec<RealCell<T>>,
    items: Vec<T>,
}

impl<T: Item> Cells for RealCells<T> {
    fn update(&mut self, items: &[u8], first: usize, step: usize) {
        self.items.clear();
        self.zero.load(items, &mut self.items);
        if step == 0 {
            let cell = &mut self.cells[first];
            self.items.iter().for_each(|item| cell.add(*item));
        } else {
            let cells = self.cells[first..].iter_mut().step_by(step);
            assert!(cells.len() >= self.items.len(), "more items than rows");
            cells.zip(&self.items).for_each(|(cell, item)| cell.add(*item));
        }
    }

    fn finish(&self, cell: usize) -> Summary {
        self.cells[cell].finish(self.zero)
    }
}

#[derive(Clone, Copy)]
struct ComplexCell<C> {
    count: u64,
    numbers: u64,
    zeros: u64,
    min: C,
    max: C,
    re: Compensated,
    im: Compensated,
    mean: Complex<f64>,
    m2: f64,
}

impl<C: Parts> ComplexCell<C> {
    fn new() -> Self {
        ComplexCell {
            count: 0,
            numbers: 0,
            zeros: 0,
            min: C::default(),
            max: C::default(),
            re: Compensated::default(),
            im: Compensated::default(),
            mean: Complex::default(),
            m2: 0.0,
        }
    }

    fn add(&mut self, item: C) {
        self.count += 1;
        let z = item.wide();
        if z.re.is_nan() || z.im.is_nan() {
            return;
        }
        self.numbers += 1;
        self.zeros += u64::from(z.re == 0.0 && z.im == 0.0);
        let less = |a: Complex<f64>, b: Complex<f64>| a.re < b.re || (a.re == b.re && a.im < b.im);
        if self.numbers == 1 || less(z, self.min.wide()) {
            self.min = item;
        }
        if self.numbers == 1 || less(self.max.wide(), z) {
            self.max = item;
        }
        self.re.add(z.re);
        self.im.add(z.im);
        let delta = z - self.mean;
        self.mean += delta / self.numbers as f64;
        let after = z - self.mean;
        self.m2 += delta.re * after.re + delta.im * after.im;
    }

    fn finish(&self) -> Summary {
        let (n, some) = (self.numbers as f64, self.numbers > 0);
        let sum = Complex::new(self.re.value(), self.im.value());
        Summary {
            count: self.count,
            nan_count: self.count - self.numbers,
            zeros: Some(self.zeros),
            min: some.then(|| self.min.value()),
            max: some.then(|| self.max.value()),
            mean: some.then_some(Mean::Number(Number::Complex(sum / n))),
            std: some.then(|| (self.m2 / n).sqrt()),
            sum: Some(Number::Complex(sum)),
        }
    }
}

pub(super) struct ComplexCells<C> {
    cells: Vec<ComplexCell<C>>,
    items: Vec<C>,
}

impl<C: Parts> ComplexCells<C> {
    pub(super) fn new(rows: usize) -> Self {
        ComplexCells { cells: vec![ComplexCell::new(); rows], items: Vec::new() }
    }
}

impl<C: Parts> Cells for ComplexCells<C> {
    fn update(&mut self, items: &[u8], first: usize, step: usize) {
        self.items.resize(items.len() / C::KIND.itemsize(), C::default());
        C::load(items, &mut self.items);
        for (i, item) in self.items.iter().enumerate() {
            self.cells[first + i * step].add(*item);
        }
    }

    fn finish(&self, cell: usize) -> Summary {
        self.cells[cell].finish()
    }
}

impl<C: Parts> Summarize for ComplexCells<C> {
    fn update(&mut self, items: &[u8]) {
        Cells::update(self, items, 0, 0);
    }

    fn finish(&self) -> Summary {
        Cells::finish(self, 0)
    }
}
