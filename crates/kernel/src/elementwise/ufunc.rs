use std::fmt;

/// What takes the place of items that are not finite: `nan_to_num`'s values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Replacements {
    nan: u64,
    positive: Option<u64>,
    negative: Option<u64>,
}

impl Replacements {
    /// In place of NaN, and of the infinities: the largest and the least finite number where there is none.
    #[must_use]
    pub fn new(nan: f64, positive: Option<f64>, negative: Option<f64>) -> Self {
        Replacements {
            nan: nan.to_bits(),
            positive: positive.map(f64::to_bits),
            negative: negative.map(f64::to_bits),
        }
    }

    /// In place of NaN.
    #[must_use]
    pub fn nan(self) -> f64 {
        f64::from_bits(self.nan)
    }

    /// In place of infinity, if it is not the largest number.
    #[must_use]
    pub fn positive(self) -> Option<f64> {
        self.positive.map(f64::from_bits)
    }

    /// In place of minus infinity, if it is not the least number.
    #[must_use]
    pub fn negative(self) -> Option<f64> {
        self.negative.map(f64::from_bits)
    }
}

macro_rules! ufuncs {
    ($($variant:ident $name:literal $arity:literal),* $(,)?) => {
        /// A function of single items, by NumPy's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Ufunc {
            $(#[doc = concat!("`numpy.", $name, "`.")] $variant,)*
            /// `numpy.round`.
            Round {
                /// Places behind the point, or before it where negative.
                decimals: i32,
            },
            /// `numpy.nan_to_num`.
            NanToNum(Replacements),
        }

        const PLAIN: &[Ufunc] = &[$(Ufunc::$variant),*];

        impl Ufunc {
            /// NumPy's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Ufunc::$variant => $name,)*
                    Ufunc::Round { .. } => "round",
                    Ufunc::NanToNum(_) => "nan_to_num",
                }
            }

            /// How many operands it has.
            #[must_use]
            pub fn arity(&self) -> usize {
                match self {
                    $(Ufunc::$variant => $arity,)*
                    Ufunc::Round { .. } | Ufunc::NanToNum(_) => 1,
                }
            }
        }
    };
}

ufuncs! {
    Add "add" 2, Subtract "subtract" 2, Multiply "multiply" 2, Divide "divide" 2,
    FloorDivide "floor_divide" 2, Remainder "remainder" 2, Fmod "fmod" 2, Power "power" 2,
    FloatPower "float_power" 2, Negative "negative" 1, Positive "positive" 1, Absolute "absolute" 1,
    Fabs "fabs" 1, Sign "sign" 1, Reciprocal "reciprocal" 1, Sqrt "sqrt" 1, Cbrt "cbrt" 1,
    Square "square" 1, Exp "exp" 1, Exp2 "exp2" 1, Expm1 "expm1" 1, Log "log" 1, Log2 "log2" 1,
    Log10 "log10" 1, Log1p "log1p" 1, Logaddexp "logaddexp" 2, Logaddexp2 "logaddexp2" 2, Sin "sin" 1,
    Cos "cos" 1, Tan "tan" 1, Arcsin "arcsin" 1, Arccos "arccos" 1, Arctan "arctan" 1,
    Arctan2 "arctan2" 2, Sinh "sinh" 1, Cosh "cosh" 1, Tanh "tanh" 1, Arcsinh "arcsinh" 1,
    Arccosh "arccosh" 1, Arctanh "arctanh" 1, Hypot "hypot" 2, Degrees "degrees" 1,
    Radians "radians" 1, Floor "floor" 1, Ceil "ceil" 1, Trunc "trunc" 1, Rint "rint" 1,
    Minimum "minimum" 2, Maximum "maximum" 2, Fmin "fmin" 2, Fmax "fmax" 2, Clip "clip" 3,
    Equal "equal" 2, NotEqual "not_equal" 2, Less "less" 2, LessEqual "less_equal" 2,
    Greater "greater" 2, GreaterEqual "greater_equal" 2, LogicalAnd "logical_and" 2,
    LogicalOr "logical_or" 2, LogicalXor "logical_xor" 2, LogicalNot "logical_not" 1,
    BitwiseAnd "bitwise_and" 2, BitwiseOr "bitwise_or" 2, BitwiseXor "bitwise_xor" 2,
    Invert "invert" 1, LeftShift "left_shift" 2, RightShift "right_shift" 2,
    BitwiseCount "bitwise_count" 1, Isnan "isnan" 1, Isinf "isinf" 1, Isfinite "isfinite" 1,
    Isnat "isnat" 1, Signbit "signbit" 1, Copysign "copysign" 2, Nextafter "nextafter" 2,
    Spacing "spacing" 1, Heaviside "heaviside" 2, Ldexp "ldexp" 2, Gcd "gcd" 2, Lcm "lcm" 2,
    Conjugate "conjugate" 1, Real "real" 1, Imag "imag" 1, Angle "angle" 1, Where "where" 3,
}

/// NumPy's second names, and those of the array API.
const ALIASES: [(&str, &str); 20] = [
    ("abs", "absolute"),
    ("acos", "arccos"),
    ("acosh", "arccosh"),
    ("around", "round"),
    ("asin", "arcsin"),
    ("asinh", "arcsinh"),
    ("atan", "arctan"),
    ("atan2", "arctan2"),
    ("atanh", "arctanh"),
    ("bitwise_invert", "invert"),
    ("bitwise_left_shift", "left_shift"),
    ("bitwise_not", "invert"),
    ("bitwise_right_shift", "right_shift"),
    ("conj", "conjugate"),
    ("deg2rad", "radians"),
    ("fix", "trunc"),
    ("mod", "remainder"),
    ("pow", "power"),
    ("rad2deg", "degrees"),
    ("true_divide", "divide"),
];

impl Ufunc {
    /// All functions; those with values of their own, with the values that NumPy takes by default.
    pub fn all() -> impl Iterator<Item = Ufunc> {
        let valued = [Ufunc::Round { decimals: 0 }, Ufunc::NanToNum(Replacements::default())];
        PLAIN.iter().copied().chain(valued)
    }

    /// The function of a name, NumPy's first or second one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Ufunc> {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
        Ufunc::all().find(|ufunc| ufunc.name() == name)
    }
}

impl fmt::Display for Ufunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
