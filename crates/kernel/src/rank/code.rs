use ndfolio_layout::{ByteOrder, DType, Kind, Scalar, Value};

use crate::{KernelError, map::map, reduce::Level, widen::is_big};

/// The order of a dtype's items as that of whole numbers without a sign: their codes.
///
/// The codes of numbers lie between two that are known; what is no number (NaN, NaT) has one outside.
#[derive(Clone, Debug)]
pub struct Ranking {
    scalar: Scalar,
    big: bool,
    bits: u32,
    /// Bits of every item that are inverted: the sign.
    flip: u64,
    /// Bits that are inverted too where the sign is set: negative floating-point numbers grow downwards.
    smear: u64,
    least: u64,
    greatest: u64,
    level: Level,
}

macro_rules! encode {
    ($self:ident, $items:ident, $out:ident, $word:ty, $signed:ty) => {{
        let (flip, smear) = ($self.flip as $word, $self.smear as $word);
        let code = |word: $word| {
            let sign = (word as $signed >> (<$word>::BITS - 1)) as $word;
            u64::from(word ^ (sign & smear | flip))
        };
        if $self.big {
            map($self.level, $items, $out, |bytes| code(<$word>::from_be_bytes(bytes)));
        } else {
            map($self.level, $items, $out, |bytes| code(<$word>::from_le_bytes(bytes)));
        }
    }};
}

impl Ranking {
    /// For integers, floating-point numbers and times.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for all others: NumPy has no quantiles of truth values and complex
    /// numbers either.
    pub fn new(dtype: &DType) -> Result<Self, KernelError> {
        let known = |kind: Kind| kind.is_integer() || kind.is_float() || is_time(kind);
        let Some(scalar) = dtype.as_scalar().filter(|scalar| known(scalar.kind())) else {
            return Err(KernelError::NoOperation { operation: "a quantile", dtype: dtype.clone() });
        };
        let bits = 8 * scalar.itemsize() as u32;
        let all = u64::MAX >> (64 - bits);
        let sign = 1 << (bits - 1);
        let (flip, smear) = match scalar.kind() {
            kind if kind.is_unsigned() => (0, 0),
            kind if kind.is_float() => (sign, all),
            _ => (sign, 0),
        };
        let infinity = match scalar.kind() {
            Kind::Float16 => 0x7c00,
            Kind::Float32 => 0x7f80_0000,
            Kind::Float64 => 0x7ff0_0000_0000_0000,
            _ => all ^ sign,
        };
        let (least, greatest) = match scalar.kind() {
            kind if kind.is_float() => (all ^ (sign | infinity), sign | infinity),
            // The lowest count is no time.
            kind if is_time(kind) => (1, all),
            _ => (0, all),
        };
        let big = is_big(scalar);
        Ok(Ranking { scalar, big, bits, flip, smear, least, greatest, level: Level::best() })
    }

    /// With an instruction set that may be less than the best. It changes no bit of a result.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Ranking { level, ..self }
    }

    /// Bits of a code.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Bytes of an item.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.scalar.itemsize()
    }

    pub(super) fn kind(&self) -> Kind {
        self.scalar.kind()
    }

    /// Whether it is the code of a number.
    #[inline(always)]
    pub(super) fn is_number(&self, code: u64) -> bool {
        code.wrapping_sub(self.least) <= self.greatest - self.least
    }

    /// The codes of items in the dtype's byte order; as many as both have.
    pub fn codes(&self, items: &[u8], out: &mut [u64]) {
        match self.bits {
            8 => encode!(self, items, out, u8, i8),
            16 => encode!(self, items, out, u16, i16),
            32 => encode!(self, items, out, u32, i32),
            _ => encode!(self, items, out, u64, i64),
        }
    }

    /// The codes of the numbers among some items, in place of what was in `codes`.
    pub fn numbers(&self, items: &[u8], codes: &mut Vec<u64>) {
        codes.clear();
        codes.resize(items.len() / self.itemsize(), 0);
        self.codes(items, codes);
        if self.least > 0 {
            codes.retain(|code| self.is_number(*code));
        }
    }

    /// The item that has a code.
    #[must_use]
    pub fn value(&self, code: u64) -> Value {
        let sign = 1 << (self.bits - 1);
        // A negative number's code has no sign: all of its bits were inverted.
        let word = if code & sign == 0 { code ^ (self.smear | self.flip) } else { code ^ self.flip };
        let dtype = DType::Scalar(Scalar::new(self.kind(), ByteOrder::Little));
        Value::decode(&dtype, &word.to_le_bytes()[..self.itemsize()])
    }
}

fn is_time(kind: Kind) -> bool {
    matches!(kind, Kind::Datetime(_) | Kind::Timedelta(_))
}
