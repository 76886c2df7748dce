use half::f16;
use ndfolio_layout::Kind;
use num_complex::Complex;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is the native form of a dtype: `bool`, the integers, `f16`, `f32`, `f64`, `Complex<f32>`,
/// `Complex<f64>`.
pub trait Element: sealed::Sealed + Copy + Default + PartialEq + Send + Sync + 'static {
    /// The kind of dtype.
    const KIND: Kind;

    /// Reads items of this machine's byte order; as many as both slices have.
    fn load(bytes: &[u8], items: &mut [Self]);

    /// Writes items in this machine's byte order; as many as both slices have.
    fn store(items: &[Self], bytes: &mut [u8]);
}

/// An [`Element`] with an order and arithmetic in double precision.
pub trait Real: Element + PartialOrd {
    /// The nearest double.
    fn to_f64(self) -> f64;

    /// Whether it is not a number.
    fn is_nan(self) -> bool;
}

macro_rules! number {
    ($($type:ty, $kind:ident);* $(;)?) => {$(
        impl sealed::Sealed for $type {}

        impl Element for $type {
            const KIND: Kind = Kind::$kind;

            fn load(bytes: &[u8], items: &mut [Self]) {
                let chunks = bytes.as_chunks::<{ size_of::<$type>() }>().0;
                for (item, bytes) in items.iter_mut().zip(chunks) {
                    *item = <$type>::from_ne_bytes(*bytes);
                }
            }

            fn store(items: &[Self], bytes: &mut [u8]) {
                let chunks = bytes.as_chunks_mut::<{ size_of::<$type>() }>().0;
                for (item, bytes) in items.iter().zip(chunks) {
                    *bytes = item.to_ne_bytes();
                }
            }
        }
    )*};
}

number! {
    i8, Int8; i16, Int16; i32, Int32; i64, Int64;
    u8, UInt8; u16, UInt16; u32, UInt32; u64, UInt64;
    f16, Float16; f32, Float32; f64, Float64;
}

macro_rules! complex {
    ($($part:ty, $kind:ident);*) => {$(
        impl sealed::Sealed for Complex<$part> {}

        impl Element for Complex<$part> {
            const KIND: Kind = Kind::$kind;

            fn load(bytes: &[u8], items: &mut [Self]) {
                let chunks = bytes.as_chunks::<{ size_of::<$part>() }>().0;
                for (item, [re, im]) in items.iter_mut().zip(chunks.as_chunks::<2>().0) {
                    *item = Complex::new(<$part>::from_ne_bytes(*re), <$part>::from_ne_bytes(*im));
                }
            }

            fn store(items: &[Self], bytes: &mut [u8]) {
                let chunks = bytes.as_chunks_mut::<{ size_of::<$part>() }>().0;
                for (item, [re, im]) in items.iter().zip(chunks.as_chunks_mut::<2>().0) {
                    (*re, *im) = (item.re.to_ne_bytes(), item.im.to_ne_bytes());
                }
            }
        }
    )*};
}

complex! { f32, Complex64; f64, Complex128 }

impl sealed::Sealed for bool {}

impl Element for bool {
    const KIND: Kind = Kind::Bool;

    fn load(bytes: &[u8], items: &mut [Self]) {
        for (item, byte) in items.iter_mut().zip(bytes) {
            *item = *byte != 0;
        }
    }

    fn store(items: &[Self], bytes: &mut [u8]) {
        for (item, byte) in items.iter().zip(bytes) {
            *byte = u8::from(*item);
        }
    }
}

macro_rules! real {
    ($($type:ty, |$x:ident| $to:expr, $nan:expr);* $(;)?) => {$(
        impl Real for $type {
            fn to_f64(self) -> f64 {
                let $x = self;
                $to
            }

            fn is_nan(self) -> bool {
                let $x = self;
                $nan
            }
        }
    )*};
}

real! {
    bool, |x| f64::from(u8::from(x)), { let _ = x; false };
    i8, |x| f64::from(x), { let _ = x; false };
    i16, |x| f64::from(x), { let _ = x; false };
    i32, |x| f64::from(x), { let _ = x; false };
    i64, |x| x as f64, { let _ = x; false };
    u8, |x| f64::from(x), { let _ = x; false };
    u16, |x| f64::from(x), { let _ = x; false };
    u32, |x| f64::from(x), { let _ = x; false };
    u64, |x| x as f64, { let _ = x; false };
    f16, |x| f64::from(x), x.is_nan();
    f32, |x| f64::from(x), x.is_nan();
    f64, |x| x, x.is_nan();
}
