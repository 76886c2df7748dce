//! Runtime data types: what one item of an array is, with NumPy's names and spellings.

mod describe;
mod parse;
mod scalar;
mod structure;
mod time;

use std::{fmt, str::FromStr, sync::Arc};

pub use scalar::{ByteOrder, Kind, Scalar};
pub use structure::{Field, Struct, SubArray};
pub use time::{TimeBase, TimeUnit};

use crate::LayoutError;

/// The type of an array's items.
///
/// ```
/// use ndfolio_layout::DType;
/// let dtype: DType = ">f4".parse()?;
/// assert_eq!(dtype.itemsize(), 4);
/// assert_eq!(dtype.numpy_str(), ">f4");
/// # Ok::<(), ndfolio_layout::LayoutError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// One value: a number, a string of fixed width, a date.
    Scalar(Scalar),
    /// A record of named fields.
    Struct(Arc<Struct>),
    /// A small array of a fixed shape. As the dtype of a whole array it adds its axes to the array's.
    SubArray(Arc<SubArray>),
}

impl DType {
    /// A scalar dtype in this machine's byte order.
    #[must_use]
    pub fn native(kind: Kind) -> Self {
        DType::Scalar(Scalar::new(kind, ByteOrder::NATIVE))
    }

    /// Bytes of one item.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        match self {
            DType::Scalar(scalar) => scalar.itemsize(),
            DType::Struct(structure) => structure.itemsize(),
            DType::SubArray(array) => array.itemsize(),
        }
    }

    /// The alignment that a compiler gives such an item, in bytes. Structured dtypes have 1, as NumPy's
    /// unaligned ones do: their fields are read one by one.
    #[must_use]
    pub fn alignment(&self) -> usize {
        match self {
            DType::Scalar(scalar) => scalar.alignment(),
            DType::Struct(_) => 1,
            DType::SubArray(array) => array.base().alignment(),
        }
    }

    /// The scalar, if it is one.
    #[must_use]
    pub fn as_scalar(&self) -> Option<Scalar> {
        match self {
            DType::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// The kind of value, if it is a scalar.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.as_scalar().map(Scalar::kind)
    }

    /// The fields, in the order of their definition; none for a dtype without.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match self {
            DType::Struct(structure) => structure.fields(),
            _ => &[],
        }
    }

    /// The field of this name or title.
    ///
    /// # Errors
    /// [`LayoutError::Field`] with the names that there are.
    pub fn field(&self, name: &str) -> Result<&Field, LayoutError> {
        let found = self.fields().iter().find(|f| f.name() == name);
        found.or_else(|| self.fields().iter().find(|f| f.title() == Some(name))).ok_or_else(|| {
            LayoutError::Field {
                name: name.to_owned(),
                fields: self.fields().iter().map(|f| f.name().to_owned()).collect(),
            }
        })
    }

    /// The dtype and the axes that it adds to an array of it: a sub-array dtype taken apart, any other with
    /// no axes.
    #[must_use]
    pub fn split(&self) -> (DType, Vec<usize>) {
        match self {
            DType::SubArray(array) => {
                let (base, inner) = array.base().split();
                (base, array.shape().iter().copied().chain(inner).collect())
            }
            other => (other.clone(), Vec::new()),
        }
    }

    /// The same dtype with every multi-byte value in `order`.
    #[must_use]
    pub fn with_byte_order(&self, order: ByteOrder) -> Self {
        match self {
            DType::Scalar(scalar) => DType::Scalar(Scalar::new(scalar.kind(), order)),
            DType::Struct(structure) => DType::Struct(Arc::new(structure.with_byte_order(order))),
            DType::SubArray(array) => {
                let base = array.base().with_byte_order(order);
                DType::SubArray(Arc::new(SubArray::new_unchecked(base, array.shape().to_vec())))
            }
        }
    }

    /// The same dtype without the bytes between and after its fields.
    #[must_use]
    pub fn packed(&self) -> Self {
        match self {
            DType::Scalar(_) => self.clone(),
            DType::Struct(structure) => DType::Struct(Arc::new(structure.packed())),
            DType::SubArray(array) => DType::SubArray(Arc::new(SubArray::new_unchecked(
                array.base().packed(),
                array.shape().to_vec(),
            ))),
        }
    }

    /// Whether every value is in this machine's byte order.
    #[must_use]
    pub fn is_native(&self) -> bool {
        *self == self.with_byte_order(ByteOrder::NATIVE)
    }

    /// Calls `visit(offset, scalar)` for every scalar of one item in the order of definition; offsets are in
    /// bytes from the start of the item. Sub-arrays give one call for each of their items.
    pub fn for_each_scalar(&self, visit: &mut dyn FnMut(usize, Scalar)) {
        self.scalars_from(0, visit);
    }

    fn scalars_from(&self, at: usize, visit: &mut dyn FnMut(usize, Scalar)) {
        match self {
            DType::Scalar(scalar) => visit(at, *scalar),
            DType::Struct(structure) => {
                for field in structure.fields() {
                    field.dtype().scalars_from(at + field.offset(), visit);
                }
            }
            DType::SubArray(array) => {
                let step = array.base().itemsize();
                for i in 0..array.len() {
                    array.base().scalars_from(at + i * step, visit);
                }
            }
        }
    }
}

impl From<Scalar> for DType {
    fn from(scalar: Scalar) -> Self {
        DType::Scalar(scalar)
    }
}

impl From<Struct> for DType {
    fn from(structure: Struct) -> Self {
        DType::Struct(Arc::new(structure))
    }
}

impl fmt::Display for DType {
    /// As NumPy's `dtype.str`, or its `descr` list for structured dtypes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.descr_repr())
    }
}

impl FromStr for DType {
    type Err = LayoutError;

    /// Reads what `numpy.dtype` takes as text: `'<f4'`, `'float32'`, `'U5'`, `'M8[ns]'`, `'i4,f8'`,
    /// `'(2,3)f4'`; and a `descr` list as text: `[('a', '<i4'), ('b', '>f8', (2, 3))]`.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        parse::parse(text)
    }
}
