//! NumPy's functions of items as methods, and its reductions.

use ndfolio_kernel::{
    elementwise::{Replacements, Ufunc},
    reduce::{NanPolicy, Op},
};

use super::{Along, Lazy};

macro_rules! unary {
    ($($method:ident $ufunc:ident,)*) => {
        impl Lazy {$(
            #[doc = concat!("NumPy's `", stringify!($method), "`.")]
            pub fn $method(&self) -> Self {
                Lazy::map(Ufunc::$ufunc, std::slice::from_ref(self))
            }
        )*}
    };
}

unary! {
    abs Absolute, fabs Fabs, sign Sign, reciprocal Reciprocal, sqrt Sqrt, cbrt Cbrt, square Square,
    exp Exp, exp2 Exp2, expm1 Expm1, log Log, log2 Log2, log10 Log10, log1p Log1p,
    sin Sin, cos Cos, tan Tan, arcsin Arcsin, arccos Arccos, arctan Arctan,
    sinh Sinh, cosh Cosh, tanh Tanh, arcsinh Arcsinh, arccosh Arccosh, arctanh Arctanh,
    degrees Degrees, radians Radians, floor Floor, ceil Ceil, trunc Trunc, rint Rint,
    logical_not LogicalNot, bitwise_count BitwiseCount,
    isnan Isnan, isinf Isinf, isfinite Isfinite, isnat Isnat, signbit Signbit, spacing Spacing,
    conj Conjugate, real Real, imag Imag, angle Angle,
}

macro_rules! binary {
    ($($method:ident $ufunc:ident,)*) => {
        impl Lazy {$(
            #[doc = concat!("NumPy's `", stringify!($method), "`.")]
            pub fn $method(&self, other: impl Into<Lazy>) -> Self {
                Lazy::map(Ufunc::$ufunc, &[self.clone(), other.into()])
            }
        )*}
    };
}

binary! {
    floor_divide FloorDivide, fmod Fmod, power Power, float_power FloatPower, hypot Hypot, arctan2 Arctan2,
    logaddexp Logaddexp, logaddexp2 Logaddexp2, minimum Minimum, maximum Maximum, fmin Fmin, fmax Fmax,
    equal Equal, not_equal NotEqual, less Less, less_equal LessEqual, greater Greater,
    greater_equal GreaterEqual, logical_and LogicalAnd, logical_or LogicalOr, logical_xor LogicalXor,
    copysign Copysign, nextafter Nextafter, heaviside Heaviside, ldexp Ldexp, gcd Gcd, lcm Lcm,
}

macro_rules! reductions {
    ($($method:ident $op:expr, $doc:literal;)*) => {
        impl Lazy {$(
            #[doc = concat!($doc, ", along some axes or all: `x.", stringify!($method), "(())`, `x.", stringify!($method), "(0)`.")]
            pub fn $method(&self, along: impl Into<Along>) -> Self {
                self.reduce($op, along, NanPolicy::Propagate)
            }
        )*}
    };
}

reductions! {
    sum Op::Sum, "The sum";
    prod Op::Prod, "The product";
    mean Op::Mean, "The mean";
    var Op::Var { ddof: 0.0 }, "The variance (ddof 0)";
    std Op::Std { ddof: 0.0 }, "The standard deviation (ddof 0)";
    min Op::Min, "The minimum";
    max Op::Max, "The maximum";
    ptp Op::Ptp, "The range, maximum minus minimum";
    argmin Op::ArgMin, "The place of the first minimum";
    argmax Op::ArgMax, "The place of the first maximum";
    any Op::Any, "Whether any is true";
    all Op::All, "Whether all are true";
    count_nonzero Op::CountNonzero, "The number of those that are not zero";
    norm Op::Norm, "The 2-norm";
}

impl Lazy {
    /// NumPy's `clip`: a bound may be left out with `-inf` or `inf`.
    pub fn clip(&self, low: impl Into<Lazy>, high: impl Into<Lazy>) -> Self {
        Lazy::map(Ufunc::Clip, &[self.clone(), low.into(), high.into()])
    }

    /// NumPy's `round`, half to even.
    pub fn round(&self, decimals: i32) -> Self {
        Lazy::map(Ufunc::Round { decimals }, std::slice::from_ref(self))
    }

    /// NumPy's `nan_to_num`.
    pub fn nan_to_num(&self, values: Replacements) -> Self {
        Lazy::map(Ufunc::NanToNum(values), std::slice::from_ref(self))
    }
}

/// NumPy's `where`: items of `yes` where the condition is true, of `no` elsewhere.
pub fn where_(condition: impl Into<Lazy>, yes: impl Into<Lazy>, no: impl Into<Lazy>) -> Lazy {
    Lazy::map(Ufunc::Where, &[condition.into(), yes.into(), no.into()])
}

/// NumPy's `minimum`: NaN where one of them is.
pub fn minimum(a: impl Into<Lazy>, b: impl Into<Lazy>) -> Lazy {
    Lazy::map(Ufunc::Minimum, &[a.into(), b.into()])
}

/// NumPy's `maximum`: NaN where one of them is.
pub fn maximum(a: impl Into<Lazy>, b: impl Into<Lazy>) -> Lazy {
    Lazy::map(Ufunc::Maximum, &[a.into(), b.into()])
}
