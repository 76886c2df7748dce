use std::marker::PhantomData;

use ndfolio_store::{Bytes, Room};

use super::{
    Ufunc,
    items::Classify,
    loops::{items_of_part, part},
};
use crate::{
    finite::all_finite,
    simd::{self, Level, Vectors, dispatch},
};

/// How many items gave what NumPy warns of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// An exact infinity, or a division of integers by zero: `divide by zero encountered`.
    pub divide: u64,
    /// A result that is too large: `overflow encountered`.
    pub overflow: u64,
    /// A result that is not a number, of numbers: `invalid value encountered`.
    pub invalid: u64,
}

impl Conditions {
    /// Adds those of another piece.
    pub fn add(&mut self, other: &Conditions) {
        self.divide += other.divide;
        self.overflow += other.overflow;
        self.invalid += other.invalid;
    }

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Conditions::default()
    }
}

/// What it means where a result is infinite and no operand was.
#[derive(Clone, Copy, PartialEq)]
enum Infinity {
    /// It was too large.
    Overflow,
    /// It is exact.
    Divide,
    /// Exact where the first operand is zero.
    OfZero,
    /// Exact where the second operand is zero.
    ByZero,
}

/// None for functions whose results are infinite or NaN only where an operand was.
fn infinity(ufunc: Ufunc) -> Option<Infinity> {
    match ufunc {
        Ufunc::Divide | Ufunc::FloorDivide => Some(Infinity::ByZero),
        Ufunc::Power | Ufunc::FloatPower | Ufunc::Reciprocal => Some(Infinity::OfZero),
        Ufunc::Log | Ufunc::Log2 | Ufunc::Log10 | Ufunc::Log1p | Ufunc::Arctanh => Some(Infinity::Divide),
        Ufunc::Negative
        | Ufunc::Positive
        | Ufunc::Fabs
        | Ufunc::Sign
        | Ufunc::Floor
        | Ufunc::Ceil
        | Ufunc::Trunc
        | Ufunc::Rint
        | Ufunc::Minimum
        | Ufunc::Maximum
        | Ufunc::Fmin
        | Ufunc::Fmax
        | Ufunc::Clip
        | Ufunc::Copysign
        | Ufunc::Heaviside
        | Ufunc::Conjugate
        | Ufunc::Real
        | Ufunc::Imag
        | Ufunc::NanToNum(_) => None,
        _ => Some(Infinity::Overflow),
    }
}

struct Count<'a, A: Classify, O: Classify> {
    a: Bytes<'a>,
    b: Bytes<'a>,
    out: &'a [O::Raw],
    infinity: Infinity,
    operand: PhantomData<A>,
}

impl<A: Classify, O: Classify> simd::Loop for Count<'_, A, O> {
    type Output = Conditions;
    #[inline(always)]
    fn run<V: Vectors>(self, _: V) -> Conditions {
        let mut found = Conditions::default();
        // Without branches, which have no vector instructions.
        let [always, of_zero, by_zero] =
            [Infinity::Divide, Infinity::OfZero, Infinity::ByZero].map(|way| self.infinity == way);
        let (mut rooms, items) = ([Room::new(), Room::new()], items_of_part::<A>());
        let [room, other] = &mut rooms;
        for (index, out) in self.out.chunks(items).enumerate() {
            let a = part::<A>(&self.a, index * items, out.len(), room);
            let b = part::<A>(&self.b, index * items, out.len(), other);
            // Narrow counters, which have as many lanes as the items.
            let (mut divide, mut overflow, mut invalid) = (0_u32, 0_u32, 0_u32);
            for ((a, b), out) in a.iter().zip(b).zip(out) {
                let (a, b, out) = (A::read(*a), A::read(*b), O::read(*out));
                let exact = always | (of_zero & a.zero()) | (by_zero & b.zero());
                let infinite = out.infinite() & !(a.infinite() | b.infinite());
                divide += u32::from(infinite & exact);
                overflow += u32::from(infinite & !exact);
                invalid += u32::from(out.nan() & !(a.nan() | b.nan()));
            }
            found.divide += u64::from(divide);
            found.overflow += u64::from(overflow);
            found.invalid += u64::from(invalid);
        }
        found
    }
}

/// Counts the items that a cast made infinite.
pub(crate) fn count_overflow<A: Classify, O: Classify>(
    level: Level,
    items: &[u8],
    out: &[u8],
    conditions: &mut Conditions,
) {
    if !all_finite::<O>(level, out) {
        let (infinity, items) = (Infinity::Overflow, Bytes::Private(items));
        let count = Count::<A, O> { a: items, b: items, out: O::raws(out), infinity, operand: PhantomData };
        conditions.add(&dispatch(level, count));
    }
}

/// Counts what a function of one or two operands did, where results are not finite.
pub(super) fn count<A: Classify, O: Classify>(
    level: Level,
    ufunc: Ufunc,
    [a, b]: [Bytes<'_>; 2],
    out: &[u8],
    conditions: &mut Conditions,
) {
    let Some(infinity) = infinity(ufunc) else { return };
    let count = Count::<A, O> { a, b, out: O::raws(out), infinity, operand: PhantomData };
    let mut found = dispatch(level, count);
    match ufunc {
        // On its way NumPy takes infinity from infinity; halves are not yet infinite there.
        Ufunc::FloorDivide if size_of::<O::Raw>() > 2 => found.invalid += found.overflow,
        Ufunc::Spacing => found.invalid = 0,
        _ => {}
    }
    conditions.add(&found);
}
