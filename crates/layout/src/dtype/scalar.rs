use super::TimeUnit;

/// The order of the bytes in a value of more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl ByteOrder {
    /// This machine's.
    pub const NATIVE: ByteOrder =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };
}

/// What a scalar is, apart from its byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One byte, 0 or 1 (`|b1`). Other bytes count as true.
    Bool,
    /// Signed, 1 byte.
    Int8,
    /// Signed, 2 bytes.
    Int16,
    /// Signed, 4 bytes.
    Int32,
    /// Signed, 8 bytes.
    Int64,
    /// Unsigned, 1 byte.
    UInt8,
    /// Unsigned, 2 bytes.
    UInt16,
    /// Unsigned, 4 bytes.
    UInt32,
    /// Unsigned, 8 bytes.
    UInt64,
    /// IEEE 754 binary16.
    Float16,
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
    /// The C `long double` of the machine that wrote it, in 16 bytes; kept, not computed with.
    LongDouble,
    /// Two `Float32`.
    Complex64,
    /// Two `Float64`.
    Complex128,
    /// Two `LongDouble`; kept, not computed with.
    CLongDouble,
    /// So many bytes of text, filled up with zeros.
    Bytes(u32),
    /// So many UCS-4 code points, filled up with zeros.
    Unicode(u32),
    /// So many bytes without a meaning.
    Void(u32),
    /// A point in time: a count of the unit since 1970-01-01.
    Datetime(TimeUnit),
    /// A length of time: a count of the unit.
    Timedelta(TimeUnit),
}

impl Kind {
    /// Bytes of one value.
    #[must_use]
    pub fn itemsize(self) -> usize {
        match self {
            Kind::Bool | Kind::Int8 | Kind::UInt8 => 1,
            Kind::Int16 | Kind::UInt16 | Kind::Float16 => 2,
            Kind::Int32 | Kind::UInt32 | Kind::Float32 => 4,
            Kind::Int64 | Kind::UInt64 | Kind::Float64 | Kind::Complex64 => 8,
            Kind::Datetime(_) | Kind::Timedelta(_) => 8,
            Kind::LongDouble | Kind::Complex128 => 16,
            Kind::CLongDouble => 32,
            Kind::Bytes(n) | Kind::Void(n) => n as usize,
            Kind::Unicode(n) => n as usize * 4,
        }
    }

    /// Bytes that are swapped together where the byte order changes: a complex number has two halves, a
    /// string its code points; 1 where the order does not matter.
    #[must_use]
    pub fn swap_width(self) -> usize {
        match self {
            Kind::Bytes(_) | Kind::Void(_) => 1,
            Kind::Unicode(_) | Kind::Complex64 => 4,
            Kind::Complex128 => 8,
            Kind::CLongDouble => 16,
            other => other.itemsize(),
        }
    }

    /// Whether it is an integer (no bool).
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.is_signed() || self.is_unsigned()
    }

    /// Whether it is a signed integer.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64)
    }

    /// Whether it is an unsigned integer.
    #[must_use]
    pub fn is_unsigned(self) -> bool {
        matches!(self, Kind::UInt8 | Kind::UInt16 | Kind::UInt32 | Kind::UInt64)
    }

    /// Whether it is a real floating-point number that can be computed with.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Kind::Float16 | Kind::Float32 | Kind::Float64)
    }

    /// Whether it is a complex number that can be computed with.
    #[must_use]
    pub fn is_complex(self) -> bool {
        matches!(self, Kind::Complex64 | Kind::Complex128)
    }

    /// NumPy's letter for the family: `b i u f c S U V M m`.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Kind::Bool => 'b',
            _ if self.is_signed() => 'i',
            _ if self.is_unsigned() => 'u',
            Kind::Float16 | Kind::Float32 | Kind::Float64 | Kind::LongDouble => 'f',
            Kind::Complex64 | Kind::Complex128 | Kind::CLongDouble => 'c',
            Kind::Bytes(_) => 'S',
            Kind::Unicode(_) => 'U',
            Kind::Datetime(_) => 'M',
            Kind::Timedelta(_) => 'm',
            _ => 'V',
        }
    }

    /// NumPy's name: `float32`, `datetime64[ns]`, `str160`, …
    #[must_use]
    pub fn name(self) -> String {
        let bits = self.itemsize() * 8;
        match self.letter() {
            'b' => "bool".to_owned(),
            'i' => format!("int{bits}"),
            'u' => format!("uint{bits}"),
            'f' => format!("float{bits}"),
            'c' => format!("complex{bits}"),
            'S' => format!("bytes{bits}"),
            'U' => format!("str{bits}"),
            'V' => format!("void{bits}"),
            letter => {
                let unit = match self {
                    Kind::Datetime(unit) | Kind::Timedelta(unit) => unit.to_string(),
                    _ => String::new(),
                };
                format!("{}64{unit}", if letter == 'M' { "datetime" } else { "timedelta" })
            }
        }
    }
}

/// A value of a kind in a byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scalar {
    kind: Kind,
    order: ByteOrder,
}

impl Scalar {
    /// A scalar dtype. Where the kind has no byte order, `order` makes no difference.
    #[must_use]
    pub fn new(kind: Kind, order: ByteOrder) -> Self {
        Scalar { kind, order: if kind.swap_width() == 1 { ByteOrder::NATIVE } else { order } }
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Its byte order, or none where the order of bytes makes no difference.
    #[must_use]
    pub fn byte_order(self) -> Option<ByteOrder> {
        (self.kind.swap_width() > 1).then_some(self.order)
    }

    /// Bytes of one value.
    #[must_use]
    pub fn itemsize(self) -> usize {
        self.kind.itemsize()
    }

    /// The alignment that a C compiler gives such a value on 64-bit machines, in bytes.
    #[must_use]
    pub fn alignment(self) -> usize {
        self.kind.swap_width()
    }

    /// Bytes that must be reversed together to make it native: 1 if nothing needs to be done.
    #[must_use]
    pub fn foreign_width(self) -> usize {
        if self.order == ByteOrder::NATIVE { 1 } else { self.kind.swap_width() }
    }
}
