use ndfolio_layout::{DType, Kind, Value};
use num_complex::Complex;

use crate::{Caster, Casting, Element, KernelError, to_native};

/// When two numbers count as equal: `|a − b| ≤ absolute + relative·|b|`, NumPy's `isclose`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tolerance {
    /// NumPy's `atol`.
    pub absolute: f64,
    /// NumPy's `rtol`.
    pub relative: f64,
    /// What NaN is to NaN.
    pub nan: NanRule,
}

/// What two NaN (or NaT) in one place are to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NanRule {
    /// Different, as IEEE 754 has it.
    #[default]
    Different,
    /// Equal.
    Equal,
}

/// How rows of items differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// How many items differ.
    pub differing: u64,
    /// The place of the first that does.
    pub first: Option<usize>,
    /// The largest `|a − b|` of numbers, differing or not; NaN if one is NaN where the other is not.
    pub max_absolute: Option<f64>,
    /// The largest `|a − b| / |b|` of numbers.
    pub max_relative: Option<f64>,
}

/// How items are brought to a form that can be compared.
#[derive(Clone, Debug)]
enum Common {
    /// Exact integers: each fits an `i128`.
    Int,
    /// Complex doubles; real numbers have no imaginary part.
    Complex(Box<(Caster, Caster)>),
    /// Values of other dtypes, equal or not.
    Values,
}

/// Compares items of two dtypes.
#[derive(Clone, Debug)]
pub struct Comparer {
    a: DType,
    b: DType,
    tolerance: Tolerance,
    common: Common,
}

impl Comparer {
    /// For items of these dtypes. Numbers compare by value whatever their types; other dtypes must be of one
    /// family (text with text, records with records of the same fields).
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for dtypes that cannot be compared.
    pub fn new(a: &DType, b: &DType, tolerance: Tolerance) -> Result<Self, KernelError> {
        let counts = |dtype: &DType| dtype.kind().is_some_and(|k| k == Kind::Bool || k.is_integer());
        let number = |dtype: &DType| {
            counts(dtype)
                || dtype.kind().is_some_and(|k| k.is_float() || k.is_complex() || k == Kind::LongDouble)
        };
        let common = if counts(a) && counts(b) && tolerance.absolute == 0.0 && tolerance.relative == 0.0 {
            Common::Int
        } else if number(a)
            && number(b)
            && a.kind() != Some(Kind::LongDouble)
            && b.kind() != Some(Kind::LongDouble)
        {
            let wide = DType::native(Kind::Complex128);
            Common::Complex(Box::new((
                Caster::new(a, &wide, Casting::Unsafe)?,
                Caster::new(b, &wide, Casting::Unsafe)?,
            )))
        } else if family(a) == family(b) {
            Common::Values
        } else {
            return Err(KernelError::NoOperation {
                operation: "a comparison with another family of values",
                dtype: b.clone(),
            });
        };
        Ok(Comparer { a: a.clone(), b: b.clone(), tolerance, common })
    }

    /// Compares contiguous items, as many of the one as of the other, and adds what it finds. `place` is asked
    /// for the place of each item that differs, by its number. The bytes are used up on the way.
    pub fn update(&self, a: &mut [u8], b: &mut [u8], place: &dyn Fn(usize) -> usize, found: &mut Difference) {
        match &self.common {
            Common::Int => {
                to_native(a, &self.a);
                to_native(b, &self.b);
                let pairs = integers(&self.a, a).zip(integers(&self.b, b));
                for (i, (a, b)) in pairs.enumerate() {
                    let distance = a.abs_diff(b) as f64;
                    found.add(&|| place(i), a == b, distance, distance / b.unsigned_abs() as f64);
                }
            }
            Common::Complex(casts) => self.numbers(casts, a, b, place, found),
            Common::Values => {
                let items =
                    a.chunks_exact(self.a.itemsize().max(1)).zip(b.chunks_exact(self.b.itemsize().max(1)));
                for (i, (a, b)) in items.enumerate() {
                    let (a, b) = (Value::decode(&self.a, a), Value::decode(&self.b, b));
                    if !self.equal(&a, &b) {
                        found.differ(place(i));
                    }
                }
            }
        }
    }

    fn numbers(
        &self,
        casts: &(Caster, Caster),
        a: &mut [u8],
        b: &mut [u8],
        place: &dyn Fn(usize) -> usize,
        found: &mut Difference,
    ) {
        const BLOCK: usize = 1024;
        let (mut wide, mut left, mut right) =
            ([0; BLOCK * 16], [Complex::default(); BLOCK], [Complex::default(); BLOCK]);
        let pieces = a.chunks_mut(BLOCK * self.a.itemsize()).zip(b.chunks_mut(BLOCK * self.b.itemsize()));
        for (piece, (a, b)) in pieces.enumerate() {
            let n = a.len() / self.a.itemsize();
            for (cast, items, out) in [(&casts.0, a, &mut left), (&casts.1, b, &mut right)] {
                cast.apply(items, &mut wide);
                Element::load(&wide[..n * 16], &mut out[..n]);
            }
            for i in 0..n {
                let (equal, distance, relative) = self.close(left[i], right[i]);
                found.add(&|| place(piece * BLOCK + i), equal, distance, relative);
            }
        }
    }

    fn close(&self, a: Complex<f64>, b: Complex<f64>) -> (bool, f64, f64) {
        let nan = |z: Complex<f64>| z.re.is_nan() || z.im.is_nan();
        if a == b || (nan(a) && nan(b) && self.tolerance.nan == NanRule::Equal) {
            return (true, 0.0, 0.0);
        }
        let (distance, size) = ((a - b).norm(), b.norm());
        let close = distance <= self.tolerance.absolute + self.tolerance.relative * size && size.is_finite();
        (close, distance, distance / size)
    }

    fn equal(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Record(a), Value::Record(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((m, x), (n, y))| m == n && self.equal(x, y))
            }
            (Value::Array(m, a), Value::Array(n, b)) => {
                m == n && a.iter().zip(b).all(|(x, y)| self.equal(x, y))
            }
            (Value::Datetime(i64::MIN, _), Value::Datetime(i64::MIN, _))
            | (Value::Timedelta(i64::MIN, _), Value::Timedelta(i64::MIN, _)) => {
                self.tolerance.nan == NanRule::Equal
            }
            // Two long doubles may differ where no double can tell them apart.
            (Value::LongDouble(x), Value::LongDouble(y))
                if self.tolerance.absolute == 0.0 && self.tolerance.relative == 0.0 && x != y =>
            {
                false
            }
            (Value::Float16(_) | Value::Float32(_) | Value::Float64(_) | Value::LongDouble(_), _) => {
                let wide = |value: &Value| Complex::from(value.as_f64().unwrap_or(f64::NAN));
                self.close(wide(a), wide(b)).0
            }
            _ => a == b,
        }
    }
}

/// Dtypes whose values can equal each other: one letter, and for records the names and families of fields.
fn family(dtype: &DType) -> String {
    match dtype {
        DType::Scalar(scalar) => match scalar.kind() {
            Kind::Datetime(_) | Kind::Timedelta(_) => scalar.kind().name(),
            kind => kind.letter().to_string(),
        },
        DType::Struct(structure) => {
            structure.fields().iter().map(|f| format!("({} {})", f.name(), family(f.dtype()))).collect()
        }
        DType::SubArray(array) => format!("{:?}{}", array.shape(), family(array.base())),
    }
}

fn integers<'a>(dtype: &DType, items: &'a [u8]) -> impl Iterator<Item = i128> + use<'a> {
    let width = dtype.itemsize().max(1);
    let signed = dtype.kind().is_some_and(Kind::is_signed);
    let truth = dtype.kind() == Some(Kind::Bool);
    items.chunks_exact(width).map(move |item| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(item);
        if cfg!(target_endian = "big") {
            bytes[..width].reverse();
        }
        let unsigned = u64::from_le_bytes(bytes);
        let spare = 64 - 8 * width as u32;
        match (truth, signed) {
            (true, _) => i128::from(unsigned != 0),
            (_, true) => i128::from((unsigned << spare) as i64 >> spare),
            _ => i128::from(unsigned),
        }
    })
}

impl Difference {
    fn differ(&mut self, place: usize) {
        self.differing += 1;
        self.first = Some(self.first.map_or(place, |first| first.min(place)));
    }

    fn add(&mut self, place: &dyn Fn() -> usize, equal: bool, distance: f64, relative: f64) {
        if !equal {
            self.differ(place());
        }
        let larger = |old: Option<f64>, new: f64| {
            Some(old.map_or(new, |old| if old.is_nan() || new.is_nan() { f64::NAN } else { old.max(new) }))
        };
        self.max_absolute = larger(self.max_absolute, distance);
        // Nothing has a relative distance from zero but zero itself.
        self.max_relative = larger(self.max_relative, if distance == 0.0 { 0.0 } else { relative });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(a: (&str, &[u8]), b: (&str, &[u8]), tolerance: Tolerance) -> Difference {
        let mut found = Difference::default();
        let (left, right) = (a.0.parse().unwrap(), b.0.parse().unwrap());
        Comparer::new(&left, &right, tolerance).unwrap().update(
            &mut a.1.to_vec(),
            &mut b.1.to_vec(),
            &|i| 10 + i,
            &mut found,
        );
        found
    }

    fn doubles(items: &[f64]) -> Vec<u8> {
        items.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    #[test]
    fn numbers_compare_by_value() {
        let found = compare((">i2", &[0, 1, 0xff, 0xff]), ("i1", &[1, 0xff]), Tolerance::default());
        assert_eq!((found.differing, found.max_absolute), (0, Some(0.0)));
        let found = compare(("i1", &[1, 2, 3]), ("<f8", &doubles(&[1.0, 2.5, 3.25])), Tolerance::default());
        assert_eq!(
            (found.differing, found.first, found.max_absolute, found.max_relative),
            (2, Some(11), Some(0.5), Some(0.2))
        );
        let large = [u64::MAX.to_le_bytes(), (u64::MAX - 1).to_le_bytes()].concat();
        let found = compare(("<u8", &large[..8]), ("<u8", &large[8..]), Tolerance::default());
        assert_eq!((found.differing, found.max_absolute), (1, Some(1.0)));
    }

    #[test]
    fn nan_and_tolerance() {
        let (a, b) =
            (doubles(&[f64::NAN, 1.0, f64::INFINITY]), doubles(&[f64::NAN, 1.0 + 1e-9, f64::INFINITY]));
        let close = Tolerance { relative: 1e-6, nan: NanRule::Equal, ..Tolerance::default() };
        assert_eq!(compare(("<f8", &a), ("<f8", &b), close).differing, 0);
        let found = compare(("<f8", &a), ("<f8", &b), Tolerance::default());
        assert_eq!((found.differing, found.first), (2, Some(10)));
        assert!(found.max_absolute.unwrap().is_nan());
        assert_eq!(
            compare(("<f8", &doubles(&[1.0])), ("<f8", &doubles(&[f64::INFINITY])), close).differing,
            1
        );
    }

    #[test]
    fn text_and_records() {
        assert_eq!(compare(("S3", b"ab\0"), ("S2", b"ab"), Tolerance::default()).differing, 0);
        let records = ("[('a', 'i1'), ('', 'V1'), ('b', 'S1')]", &[1, 7, b'x', 2, 8, b'y'][..]);
        let packed = ("[('a', 'i1'), ('b', 'S1')]", &[1, b'x', 2, b'z'][..]);
        assert_eq!(compare(records, packed, Tolerance::default()).first, Some(11));
        assert!(Comparer::new(&"S3".parse().unwrap(), &"f4".parse().unwrap(), Tolerance::default()).is_err());
    }
}
