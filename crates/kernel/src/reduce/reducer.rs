use ndfolio_layout::{DType, Kind, Scalar};
use ndfolio_store::Bytes;

use super::{
    Partial, Scratch, Wanted, complex,
    item::FromHalf,
    real,
    stored::{Form, Stored},
    truth, whole,
};
use crate::{KernelError, simd::Level};

/// What NaN and NaT do to a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NanPolicy {
    /// The result is NaN too: NumPy's plain functions.
    #[default]
    Propagate,
    /// They are left out: NumPy's `nan…` functions.
    Skip,
}

/// A reduction of items of one dtype.
#[derive(Clone, Debug)]
pub struct Reducer {
    pub(super) scalar: Scalar,
    pub(super) wanted: Wanted,
    pub(super) nan: NanPolicy,
    pub(super) level: Level,
}

/// Calls a function of the module for the dtype's type.
macro_rules! for_kind {
    ($reducer:expr, $function:ident, ($($argument:expr),*), ($($more:expr),*)) => {
        match $reducer.scalar.kind() {
            Kind::Bool => truth::$function($($argument),*),
            Kind::Int8 => whole::$function::<i8>($($argument),*),
            Kind::Int16 => whole::$function::<i16>($($argument),*),
            Kind::Int32 => whole::$function::<i32>($($argument),*),
            Kind::UInt8 => whole::$function::<u8>($($argument),*),
            Kind::UInt16 => whole::$function::<u16>($($argument),*),
            Kind::UInt32 => whole::$function::<u32>($($argument),*),
            Kind::UInt64 => whole::$function::<u64>($($argument),*),
            Kind::Float16 => real::$function::<FromHalf>($($argument),*),
            Kind::Float32 => real::$function::<f32>($($argument),*),
            Kind::Float64 => real::$function::<f64>($($argument),*),
            Kind::Complex64 => complex::$function::<f32>($($argument,)* $($more),*),
            Kind::Complex128 => complex::$function::<f64>($($argument,)* $($more),*),
            // Times count like these; `Reducer::new` refuses all others.
            _ => whole::$function::<i64>($($argument),*),
        }
    };
}

impl Reducer {
    /// For items of this dtype.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for text, void, records and long doubles, and for what a dtype does not
    /// have: sums, products, squares and variances of points in time; products, squares and variances of
    /// lengths of time.
    pub fn new(dtype: &DType, wanted: Wanted, nan: NanPolicy) -> Result<Self, KernelError> {
        let missing = match dtype.kind() {
            Some(Kind::Datetime(_)) => {
                refused(wanted, &[("sum", Wanted::SUM), ("prod", Wanted::PROD), ("norm", Wanted::SQUARES)])
            }
            Some(Kind::Timedelta(_)) => {
                refused(wanted, &[("var", Wanted::M2), ("prod", Wanted::PROD), ("norm", Wanted::SQUARES)])
            }
            _ => None,
        };
        match missing {
            Some(operation) => Err(KernelError::NoOperation { operation, dtype: dtype.clone() }),
            None => Reducer::any(dtype, wanted, nan),
        }
    }

    /// As [`new`](Self::new), but times are counts and can be added and multiplied as such.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for text, void, records and long doubles.
    pub(crate) fn any(dtype: &DType, wanted: Wanted, nan: NanPolicy) -> Result<Self, KernelError> {
        let number = |kind: Kind| {
            let time = matches!(kind, Kind::Datetime(_) | Kind::Timedelta(_));
            kind == Kind::Bool || kind.is_integer() || kind.is_float() || kind.is_complex() || time
        };
        match dtype.as_scalar().filter(|scalar| number(scalar.kind()) && scalar.itemsize() <= 16) {
            Some(scalar) if !matches!(scalar.kind(), Kind::LongDouble | Kind::CLongDouble) => {
                Ok(Reducer { scalar, wanted, nan, level: Level::best() })
            }
            _ => Err(KernelError::NoOperation { operation: "a reduction", dtype: dtype.clone() }),
        }
    }

    /// With an instruction set that may be less than the best. It changes no bit of a result.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Reducer { level, ..self }
    }

    /// The values it finds.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// What it does with NaN.
    #[must_use]
    pub fn nan_policy(&self) -> NanPolicy {
        self.nan
    }

    /// What is known of no items.
    #[must_use]
    pub fn empty(&self) -> Partial {
        Partial::EMPTY
    }

    /// What is known of one block: at most [`BLOCK`](super::BLOCK) contiguous items in the dtype's byte
    /// order, at any address. `first` is the position of the first.
    ///
    /// # Panics
    /// If there are more.
    #[must_use]
    pub fn block<'b>(&self, items: impl Into<Bytes<'b>>, first: u64, scratch: &mut Scratch) -> Partial {
        let items = items.into();
        assert!(items.len() <= super::BLOCK * self.itemsize(), "more items than a block has");
        let mut partial = self.measure(items, first, scratch);
        if self.wanted.contains(Wanted::POSITIONS) {
            self.place(items, first, &mut partial);
        }
        partial
    }

    pub(super) fn itemsize(&self) -> usize {
        self.scalar.itemsize()
    }

    pub(super) fn is_time(&self) -> bool {
        matches!(self.scalar.kind(), Kind::Datetime(_) | Kind::Timedelta(_))
    }

    /// Parts of an item: 2 of a complex number.
    pub(super) fn parts(&self) -> usize {
        1 + usize::from(self.scalar.kind().is_complex())
    }

    /// Bytes of an item as the loops read it.
    pub(super) fn native_size(&self) -> usize {
        if self.scalar.kind() == Kind::Float16 { 4 } else { self.itemsize() }
    }

    /// Whether sums of items are whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        !self.scalar.kind().is_float() && !self.scalar.kind().is_complex()
    }

    /// The items with what makes them such as the loops work on.
    pub(super) fn stored<'b>(&self, bytes: Bytes<'b>) -> Stored<'b> {
        let form = match (self.scalar.kind(), self.scalar.foreign_width()) {
            (Kind::Float16, width) => Form::Half { swapped: width > 1 },
            (Kind::Bool, _) => Form::Truth,
            (_, width) if width > 1 => Form::Swapped(width),
            _ => Form::Native,
        };
        Stored { bytes, form, level: self.level }
    }

    /// What is known of some items; the places of the extremes are `first`.
    pub(super) fn measure(&self, items: Bytes<'_>, first: u64, scratch: &mut Scratch) -> Partial {
        let Scratch { own, kept } = scratch;
        let items = self.stored(items);
        for_kind!(self, measure, (self, items, first), (own, kept))
    }

    /// Finds the places of the extremes.
    pub(super) fn place(&self, items: Bytes<'_>, first: u64, partial: &mut Partial) {
        if partial.min_at != u64::MAX {
            partial.min_at = first + self.find(items, partial.min);
        }
        if partial.max_at != u64::MAX {
            partial.max_at = first + self.find(items, partial.max);
        }
    }

    /// The place of the first item that equals `key`, among items that have it.
    pub(super) fn find(&self, items: Bytes<'_>, key: super::Key) -> u64 {
        for_kind!(self, find, (self, self.stored(items), key), ()) as u64
    }

    /// What is known of the items of both, `earlier` before `later`.
    #[must_use]
    pub fn merge(&self, earlier: &Partial, later: &Partial) -> Partial {
        let mut all = *earlier;
        self.add(&mut all, later);
        all
    }

    /// Adds later items.
    pub fn add(&self, all: &mut Partial, later: &Partial) {
        if self.wanted.contains(Wanted::M2) {
            all.m2 = self.merge_m2(all, later);
        }
        all.count += later.count;
        all.merge_nan(later);
        if self.nan == NanPolicy::Propagate {
            all.nan = all.nan.min(1);
        }
        all.nonzero += later.nonzero;
        all.infinite = [0, 1].map(|i| all.infinite[i] + later.infinite[i]);
        all.int += later.int;
        all.sum = [all.sum[0] + later.sum[0], all.sum[1] + later.sum[1]];
        all.squares += later.squares;
        if self.wanted.contains(Wanted::EXTREMES) {
            all.merge_extremes(later);
        }
        if self.wanted.contains(Wanted::PROD) {
            all.int_prod = all.int_prod.wrapping_mul(later.int_prod);
            let complex = self.scalar.kind().is_complex();
            all.prod = if complex { all.prod.times_complex(later.prod) } else { all.prod.times(later.prod) };
        }
    }

    fn merge_m2(&self, earlier: &Partial, later: &Partial) -> f64 {
        let state = |partial| (self.numbers(partial) as f64, self.mean(partial), partial.m2);
        merge_m2(state(earlier), state(later))
    }

    /// Whether only extremes are wanted, of real numbers: what is found is exact, in whatever groups.
    pub(super) fn wants_extremes_alone(&self) -> bool {
        let rounded = Wanted::SUM | Wanted::M2 | Wanted::SQUARES | Wanted::PROD;
        !self.scalar.kind().is_complex() && !self.wanted.meets(rounded)
    }

    /// How many items count: all, or those that are not NaN.
    pub(crate) fn numbers(&self, partial: &Partial) -> u64 {
        match self.nan {
            NanPolicy::Propagate => partial.count,
            NanPolicy::Skip => partial.count - partial.nan,
        }
    }

    /// The mean of the items that count.
    pub(crate) fn mean(&self, partial: &Partial) -> [f64; 2] {
        let n = self.numbers(partial) as f64;
        if self.is_whole() { [partial.int as f64 / n, 0.0] } else { partial.sum.map(|sum| sum / n) }
    }
}

/// The squared distances of all items from their mean, given the number, the mean and the squared distances of the
/// earlier and of the later ones: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise
/// Algorithm for Computing Sample Variances", 1979.
pub(super) fn merge_m2(earlier: (f64, [f64; 2], f64), later: (f64, [f64; 2], f64)) -> f64 {
    let ((n, a, own), (m, b, other)) = (earlier, later);
    if n == 0.0 || m == 0.0 {
        return if n == 0.0 { other } else { own };
    }
    let (re, im) = (b[0] - a[0], b[1] - a[1]);
    own + other + (re * re + im * im) * (n * m / (n + m))
}

fn refused(wanted: Wanted, missing: &[(&'static str, Wanted)]) -> Option<&'static str> {
    missing.iter().find(|(_, value)| wanted.contains(*value)).map(|(name, _)| *name)
}
