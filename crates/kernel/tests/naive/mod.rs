//! Items to reduce, and the plainest way to reduce them.

use ndfolio_kernel::reduce::Key;
use ndfolio_layout::{ByteOrder, DType, Kind, Value};

/// `count` items of a dtype, in its byte order. With more and more that is `special`: NaN, infinities, any
/// bits of floating-point numbers.
pub(crate) fn items(dtype: &DType, count: usize, special: u64, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 8
    };
    let big = dtype.as_scalar().and_then(|scalar| scalar.byte_order()) == Some(ByteOrder::Big);
    let mut bytes = Vec::with_capacity(count * dtype.itemsize());
    let mut push = |little: &[u8]| match big {
        true => bytes.extend(little.iter().rev()),
        false => bytes.extend(little),
    };
    let kind = dtype.kind().unwrap();
    let (parts, width) = if kind.is_complex() { (2, dtype.itemsize() / 2) } else { (1, dtype.itemsize()) };
    for _ in 0..count * parts {
        let bits = random();
        if !kind.is_float() && !kind.is_complex() {
            let nat = special > 0 && matches!(kind, Kind::Timedelta(_)) && bits.is_multiple_of(9);
            let int = if nat { i64::MIN as u64 } else { (random() << 8) | (bits % 3) };
            push(&int.to_le_bytes()[..width]);
            continue;
        }
        // Halves of few bits: their squares and sums are exact in many orders.
        let x = match bits % 40 {
            0 if special > 0 => f64::NAN,
            1 if special > 1 => f64::INFINITY,
            2 if special > 1 => f64::NEG_INFINITY,
            3 => 0.0,
            4 => 6e-8,
            _ => ((bits >> 8) % 513) as f64 / 256.0 - 0.5,
        };
        match width {
            _ if special == 3 => push(&random().to_le_bytes()[..width.min(2)].repeat(width / 2)),
            2 => push(&half::f16::from_f64(x).to_le_bytes()),
            4 => push(&(x as f32).to_le_bytes()),
            _ => push(&x.to_le_bytes()),
        }
    }
    bytes
}

/// What a partial state says, item by item.
#[derive(Debug)]
pub(crate) struct Naive {
    pub(crate) skip: bool,
    pub(crate) count: u64,
    pub(crate) nan: u64,
    pub(crate) first_nan: Option<u64>,
    pub(crate) nonzero: u64,
    pub(crate) infinite: [u64; 2],
    pub(crate) sum: [f64; 2],
    /// The sum of absolute values.
    pub(crate) size: [f64; 2],
    pub(crate) int: i128,
    pub(crate) int_prod: u64,
    pub(crate) m2: f64,
    pub(crate) squares: f64,
    pub(crate) prod: [f64; 2],
    pub(crate) min: Key,
    pub(crate) max: Key,
    pub(crate) min_at: u64,
    pub(crate) max_at: u64,
}

/// A number in every form.
struct Number {
    re: f64,
    im: f64,
    int: i128,
    key: Key,
    nan: bool,
}

fn number(value: &Value) -> Number {
    let float = |re: f64, im: f64| {
        let nan = re.is_nan() || im.is_nan();
        Number { re, im, int: 0, key: Key { re, im, int: 0 }, nan }
    };
    let whole = |int: i128, key: i64, nan: bool| Number {
        re: int as f64,
        im: 0.0,
        int,
        key: Key { re: 0.0, im: 0.0, int: key },
        nan,
    };
    match value {
        Value::Bool(x) => whole(i128::from(*x), i64::from(*x), false),
        Value::Int(x) => whole(i128::from(*x), *x, false),
        Value::Timedelta(x, _) => whole(i128::from(*x), *x, *x == i64::MIN),
        Value::UInt(x) => whole(i128::from(*x), *x as i64, false),
        Value::Float16(x) => float(x.to_f64(), 0.0),
        Value::Float32(x) => float(f64::from(*x), 0.0),
        Value::Float64(x) => float(*x, 0.0),
        Value::Complex64(z) => float(f64::from(z.re), f64::from(z.im)),
        Value::Complex128(z) => float(z.re, z.im),
        other => panic!("{other:?}"),
    }
}

impl Naive {
    pub(crate) fn new(dtype: &DType, bytes: &[u8], skip: bool) -> Self {
        let kind = dtype.kind().unwrap();
        let whole = !kind.is_float() && !kind.is_complex();
        let time = matches!(kind, Kind::Timedelta(_));
        let mut numbers: Vec<Number> =
            bytes.chunks(dtype.itemsize()).map(|item| number(&Value::decode(dtype, item))).collect();
        if kind == Kind::UInt64 {
            numbers.iter_mut().for_each(|number| number.key.int ^= i64::MIN);
        }
        let counted: Vec<(u64, &Number)> =
            (0..).zip(&numbers).filter(|(_, number)| !(skip && number.nan)).collect();
        let of = |f: &dyn Fn(&Number) -> f64| counted.iter().map(|(_, number)| f(number)).sum::<f64>();
        let n = counted.len() as f64;
        let (re, im) = (of(&|x| x.re), of(&|x| x.im));
        let numbers_only = || counted.iter().filter(|(_, number)| !number.nan);
        let least = numbers_only().fold(None::<&(u64, &Number)>, |best, next| match best {
            Some(best) if !next.1.key.is_less(best.1.key) => Some(best),
            _ => Some(next),
        });
        let greatest = numbers_only().fold(None::<&(u64, &Number)>, |best, next| match best {
            Some(best) if !best.1.key.is_less(next.1.key) => Some(best),
            _ => Some(next),
        });
        let product = |a: [f64; 2], z: &Number| [a[0] * z.re - a[1] * z.im, a[0] * z.im + a[1] * z.re];
        Naive {
            skip,
            count: numbers.len() as u64,
            nan: numbers.iter().filter(|number| number.nan).count() as u64,
            first_nan: numbers.iter().position(|number| number.nan).map(|place| place as u64),
            nonzero: numbers.iter().filter(|x| x.re != 0.0 || x.im != 0.0).count() as u64,
            infinite: [f64::INFINITY, f64::NEG_INFINITY]
                .map(|x| numbers.iter().filter(|n| !kind.is_complex() && n.re == x).count() as u64),
            sum: if whole { [0.0; 2] } else { [re, im] },
            size: [of(&|x| x.re.abs()), of(&|x| x.im.abs())],
            int: if whole { counted.iter().map(|(_, x)| x.int).sum() } else { 0 },
            int_prod: if whole && !time {
                counted.iter().fold(1_u64, |all, (_, x)| all.wrapping_mul(x.int as u64))
            } else {
                1
            },
            m2: if time { 0.0 } else { of(&|x| (x.re - re / n).powi(2) + (x.im - im / n).powi(2)) },
            squares: if time { 0.0 } else { of(&|x| x.re * x.re + x.im * x.im) },
            prod: match (whole, kind.is_complex()) {
                (true, _) => [1.0, 0.0],
                (_, true) => counted.iter().fold([1.0, 0.0], |all, (_, z)| product(all, z)),
                _ => [counted.iter().fold(1.0, |all, (_, x)| all * x.re), 0.0],
            },
            min: least.map_or(Key::ABOVE_ALL, |(_, x)| x.key),
            max: greatest.map_or(Key::BELOW_ALL, |(_, x)| x.key),
            min_at: least.map_or(u64::MAX, |(place, _)| *place),
            max_at: greatest.map_or(u64::MAX, |(place, _)| *place),
        }
    }

    /// Factors of any size leave the range of numbers on the way, where digits are lost.
    pub(crate) fn forget_product_if(&mut self, any_size: bool) {
        self.prod = if any_size { [0.0; 2] } else { self.prod };
    }

    /// Positions that start at `first`.
    pub(crate) fn move_places(&mut self, first: u64) {
        for place in [&mut self.min_at, &mut self.max_at] {
            *place = place.saturating_add(first);
        }
        self.first_nan = self.first_nan.map(|place| place + first);
    }
}
