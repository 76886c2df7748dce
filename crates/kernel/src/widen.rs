use ndfolio_layout::{ByteOrder, DType, Kind, Scalar};

use crate::{KernelError, map::map, reduce::half::single, simd::Level};

/// Makes double-precision numbers of real items.
#[derive(Clone, Debug)]
pub struct Widener {
    kind: Kind,
    big: bool,
    level: Level,
}

macro_rules! wide {
    ($self:ident, $items:ident, $out:ident, $type:ty, |$x:ident| $wide:expr) => {{
        fn widen($x: $type) -> f64 {
            $wide
        }
        if $self.big {
            map($self.level, $items, $out, |bytes| widen(<$type>::from_be_bytes(bytes)));
        } else {
            map($self.level, $items, $out, |bytes| widen(<$type>::from_le_bytes(bytes)));
        }
    }};
}

impl Widener {
    /// For truth values, integers and floating-point numbers.
    ///
    /// # Errors
    /// [`KernelError::NoOperation`] for all others; `operation` is what needs them.
    pub fn new(dtype: &DType, operation: &'static str) -> Result<Self, KernelError> {
        let real = |kind: Kind| kind == Kind::Bool || kind.is_integer() || kind.is_float();
        match dtype.as_scalar().filter(|scalar| real(scalar.kind())) {
            Some(scalar) => Ok(Widener { kind: scalar.kind(), big: is_big(scalar), level: Level::best() }),
            None => Err(KernelError::NoOperation { operation, dtype: dtype.clone() }),
        }
    }

    /// With an instruction set that may be less than the best. It changes no bit of a result.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Widener { level, ..self }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn itemsize(&self) -> usize {
        self.kind.itemsize()
    }

    /// Items in the dtype's byte order as doubles, the nearest to large integers; as many as both have.
    pub fn widen(&self, items: &[u8], out: &mut [f64]) {
        match self.kind {
            Kind::Bool => map(self.level, items, out, |[byte]| f64::from(u8::from(byte != 0))),
            Kind::Int8 => wide!(self, items, out, i8, |x| f64::from(x)),
            Kind::UInt8 => wide!(self, items, out, u8, |x| f64::from(x)),
            Kind::Int16 => wide!(self, items, out, i16, |x| f64::from(x)),
            Kind::UInt16 => wide!(self, items, out, u16, |x| f64::from(x)),
            Kind::Int32 => wide!(self, items, out, i32, |x| f64::from(x)),
            Kind::UInt32 => wide!(self, items, out, u32, |x| f64::from(x)),
            Kind::Int64 => wide!(self, items, out, i64, |x| x as f64),
            Kind::UInt64 => wide!(self, items, out, u64, |x| x as f64),
            Kind::Float16 => wide!(self, items, out, u16, |x| f64::from(single(x))),
            Kind::Float32 => wide!(self, items, out, f32, |x| f64::from(x)),
            _ => wide!(self, items, out, f64, |x| x),
        }
    }
}

/// Whether the bytes of an item come from the highest down.
pub(crate) fn is_big(scalar: Scalar) -> bool {
    scalar.byte_order() == Some(ByteOrder::Big)
}
