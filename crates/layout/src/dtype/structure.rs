use std::collections::HashSet;

use super::{ByteOrder, DType};
use crate::LayoutError;

/// The most fields of one record.
const MAX_FIELDS: usize = 4096;
/// The largest item, NumPy's limit.
pub(super) const MAX_ITEMSIZE: usize = i32::MAX as usize;

/// A named part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: String,
    title: Option<String>,
    dtype: DType,
    offset: usize,
}

impl Field {
    /// A field at `offset` bytes from the start of its record.
    #[must_use]
    pub fn new(name: impl Into<String>, dtype: DType, offset: usize) -> Self {
        Field { name: name.into(), title: None, dtype, offset }
    }

    /// The same field with a title, which is a second name.
    #[must_use]
    pub fn with_title(self, title: impl Into<String>) -> Self {
        Field { title: Some(title.into()), ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its second name.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// What it holds.
    #[must_use]
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Bytes from the start of the record.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// A record: named fields at places of their own in an item of a fixed size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Struct {
    fields: Vec<Field>,
    itemsize: usize,
}

impl Struct {
    /// A record of `itemsize` bytes.
    ///
    /// # Errors
    /// Two fields of one name, a field that ends after the item, too many fields, an item over 2 GiB.
    pub fn new(fields: Vec<Field>, itemsize: usize) -> Result<Self, LayoutError> {
        let wrong = |reason: String| {
            let names: Vec<_> = fields.iter().take(8).map(|f| f.name.as_str()).collect();
            Err(LayoutError::DType { text: format!("fields {}", names.join(", ")), reason })
        };
        if fields.len() > MAX_FIELDS {
            return wrong(format!("{} fields, at most {MAX_FIELDS} are allowed", fields.len()));
        }
        if itemsize > MAX_ITEMSIZE {
            return wrong(format!("an item of {itemsize} bytes, at most {MAX_ITEMSIZE} are allowed"));
        }
        let mut seen = HashSet::new();
        for field in &fields {
            let names = [Some(&field.name), field.title.as_ref().filter(|title| **title != field.name)];
            for name in names.into_iter().flatten() {
                if !seen.insert(name) {
                    return wrong(format!("field '{name}' occurs more than once"));
                }
            }
            let end = field.offset.checked_add(field.dtype.itemsize());
            if end.is_none_or(|end| end > itemsize) {
                return wrong(format!("field '{}' ends after the item's {itemsize} bytes", field.name));
            }
        }
        Ok(Struct { fields, itemsize })
    }

    /// The fields, in the order of their definition.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Bytes of one record, with those between and after its fields.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    /// Whether the fields lie one after the other without overlap, so that a `descr` list can say where
    /// they are.
    #[must_use]
    pub fn is_sequential(&self) -> bool {
        let mut end = 0;
        self.fields.iter().all(|field| {
            let follows = field.offset >= end;
            end = field.offset + field.dtype.itemsize();
            follows
        })
    }

    pub(super) fn with_byte_order(&self, order: ByteOrder) -> Self {
        let fields = self.fields.iter().map(|f| Field { dtype: f.dtype.with_byte_order(order), ..f.clone() });
        Struct { fields: fields.collect(), itemsize: self.itemsize }
    }

    pub(super) fn packed(&self) -> Self {
        let mut itemsize = 0;
        let mut fields = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let dtype = field.dtype.packed();
            let offset = itemsize;
            itemsize += dtype.itemsize();
            fields.push(Field { dtype, offset, ..field.clone() });
        }
        Struct { fields, itemsize }
    }
}

/// A dtype whose items are small arrays in C order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubArray {
    base: DType,
    shape: Vec<usize>,
}

impl SubArray {
    /// An array of `base` of this shape.
    ///
    /// # Errors
    /// An item over 2 GiB, or too many axes.
    pub fn new(base: DType, shape: Vec<usize>) -> Result<Self, LayoutError> {
        if shape.len() > crate::MAX_NDIM {
            return Err(LayoutError::TooManyAxes { ndim: shape.len() });
        }
        // Zeros count as ones, so that no product can wrap behind one.
        let size = shape.iter().try_fold(base.itemsize().max(1), |size, &n| size.checked_mul(n.max(1)));
        match size {
            Some(size) if size <= MAX_ITEMSIZE => Ok(SubArray { base, shape }),
            _ => Err(LayoutError::TooBig { shape: crate::view::tuple(&shape), itemsize: base.itemsize() }),
        }
    }

    /// For a shape and an itemsize that were checked before.
    pub(super) fn new_unchecked(base: DType, shape: Vec<usize>) -> Self {
        SubArray { base, shape }
    }

    /// What it is an array of.
    #[must_use]
    pub fn base(&self) -> &DType {
        &self.base
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many items of the base it has.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of all of them.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.base.itemsize() * self.len()
    }
}
