//! `+`, `-`, `*`, `/`, `%`, `&`, `|`, `^`, `<<`, `>>`, `-x` and `!x`.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Shl, Shr, Sub};

use ndfolio_kernel::elementwise::Ufunc;

use super::Lazy;

macro_rules! operators {
    ($($trait:ident, $method:ident, $ufunc:ident;)*) => {$(
        impl<R: Into<Lazy>> $trait<R> for Lazy {
            type Output = Lazy;

            fn $method(self, right: R) -> Lazy {
                Lazy::map(Ufunc::$ufunc, &[self, right.into()])
            }
        }

        impl<R: Into<Lazy>> $trait<R> for &Lazy {
            type Output = Lazy;

            fn $method(self, right: R) -> Lazy {
                Lazy::map(Ufunc::$ufunc, &[self.clone(), right.into()])
            }
        }

        numbers_on_the_left! { $trait, $method, $ufunc; f64, i32, i64, bool }
    )*};
}

macro_rules! numbers_on_the_left {
    ($trait:ident, $method:ident, $ufunc:ident; $($left:ty),*) => {$(
        impl $trait<Lazy> for $left {
            type Output = Lazy;

            fn $method(self, right: Lazy) -> Lazy {
                Lazy::map(Ufunc::$ufunc, &[self.into(), right])
            }
        }

        impl $trait<&Lazy> for $left {
            type Output = Lazy;

            fn $method(self, right: &Lazy) -> Lazy {
                Lazy::map(Ufunc::$ufunc, &[self.into(), right.clone()])
            }
        }
    )*};
}

operators! {
    Add, add, Add;
    Sub, sub, Subtract;
    Mul, mul, Multiply;
    Div, div, Divide;
    Rem, rem, Remainder;
    BitAnd, bitand, BitwiseAnd;
    BitOr, bitor, BitwiseOr;
    BitXor, bitxor, BitwiseXor;
    Shl, shl, LeftShift;
    Shr, shr, RightShift;
}

macro_rules! signs {
    ($($trait:ident, $method:ident, $ufunc:ident;)*) => {$(
        impl $trait for Lazy {
            type Output = Lazy;

            fn $method(self) -> Lazy {
                Lazy::map(Ufunc::$ufunc, &[self])
            }
        }

        impl $trait for &Lazy {
            type Output = Lazy;

            fn $method(self) -> Lazy {
                Lazy::map(Ufunc::$ufunc, std::slice::from_ref(self))
            }
        }
    )*};
}

signs! {
    Neg, neg, Negative;
    Not, not, Invert;
}
