use thiserror::Error;

/// What is wrong with a dtype, a shape, an index or a view. No variant names a file: who knows it adds it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// A dtype that does not exist.
    #[error(
        "data type {} not understood: {reason}; expected a NumPy dtype such as '<f4', 'int16', 'M8[ns]' or [('x', '<f8'), ('y', '<i4', (3,))]",
        short(.text)
    )]
    DType {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A dtype whose items are Python objects.
    #[error(
        "dtype {} holds Python objects, whose items in a file are a pickle or dead pointers, not fixed-width values",
        short(.text)
    )]
    Object {
        /// The dtype as it was given.
        text: String,
    },
    /// Text that is not the literal that was expected.
    #[error("cannot parse {what} at character {at}: {reason}")]
    Literal {
        /// What was being read.
        what: &'static str,
        /// How many bytes of the text were good.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A negative extent.
    #[error("negative dimensions are not allowed: shape {shape}")]
    NegativeShape {
        /// The shape as it was given.
        shape: String,
    },
    /// More −1 than one.
    #[error("can only specify one unknown dimension: shape {shape}")]
    TwoUnknown {
        /// The shape as it was given.
        shape: String,
    },
    /// A shape whose size in bytes has no place in the address space.
    #[error("array is too big: shape {shape} of {itemsize}-byte items is more than {} bytes", isize::MAX)]
    TooBig {
        /// The shape.
        shape: String,
        /// Bytes of one item.
        itemsize: usize,
    },
    /// Too many axes.
    #[error("maximum supported dimension for an array is {}, found {ndim}", crate::MAX_NDIM)]
    TooManyAxes {
        /// How many were given.
        ndim: usize,
    },
    /// An axis that the array does not have.
    #[error("axis {axis} is out of bounds for array of dimension {ndim}")]
    Axis {
        /// The axis as it was given.
        axis: isize,
        /// The array's number of axes.
        ndim: usize,
    },
    /// An axis twice, or a permutation of the wrong length.
    #[error("axes don't match array: {axes:?} is not a permutation of its {ndim} axes")]
    Axes {
        /// The axes as they were given.
        axes: Vec<isize>,
        /// The array's number of axes.
        ndim: usize,
    },
    /// An integer index outside of its axis.
    #[error("index {index} is out of bounds for axis {axis} with size {size}")]
    IndexOutOfBounds {
        /// The index as it was given.
        index: i64,
        /// The axis.
        axis: usize,
        /// The axis' extent.
        size: usize,
    },
    /// A window that does not end within its axis.
    #[error("a window of {length} rows from {start} on is out of bounds for axis 0 with size {size}")]
    Window {
        /// The first row as it was given.
        start: i64,
        /// Rows of a window.
        length: usize,
        /// The axis' extent.
        size: usize,
    },
    /// Arrays of indices that do not broadcast with each other.
    #[error("shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}")]
    Indices {
        /// The shapes, one after the other.
        shapes: String,
    },
    /// A mask of another shape than the axes that it picks from.
    #[error(
        "boolean index did not match indexed array along axis {axis}; size of axis is {size} but size of corresponding boolean axis is {found}"
    )]
    Mask {
        /// The axis of the array.
        axis: usize,
        /// Its extent.
        size: usize,
        /// The mask's.
        found: usize,
    },
    /// Indices that are no integers.
    #[error("arrays used as indices must be of integer (or boolean) type, found '{dtype}'")]
    IndexType {
        /// The dtype that was given.
        dtype: String,
    },
    /// More indices than axes.
    #[error("too many indices for array: array is {ndim}-dimensional, but {found} were indexed")]
    TooManyIndices {
        /// The array's number of axes.
        ndim: usize,
        /// How many axes the index consumes.
        found: usize,
    },
    /// More than one ellipsis.
    #[error("an index can only have a single ellipsis ('...')")]
    TwoEllipses,
    /// A slice with step 0.
    #[error("slice step cannot be zero")]
    ZeroStep,
    /// Text that is not an index.
    #[error(
        "cannot read {} as an index: {reason}; expected NumPy basic indexing such as '3', '0:10, ::2', '..., None'",
        short(.text)
    )]
    IndexSyntax {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field that the dtype does not have.
    #[error("no field of name {name}; {}", fields_of(.fields))]
    Field {
        /// The name as it was given.
        name: String,
        /// The names that there are.
        fields: Vec<String>,
    },
    /// A new shape with another number of items.
    #[error("cannot reshape array of size {size} into shape {shape}")]
    ReshapeSize {
        /// The array's number of items.
        size: usize,
        /// The new shape as it was given.
        shape: String,
    },
    /// A reshape that no strides can express.
    #[error(
        "cannot reshape {from} with strides {strides:?} into {to} without copying: its items do not lie evenly apart in that order; convert it to a new file in {order} order first, or read it and reshape the copy"
    )]
    ReshapeCopies {
        /// The present shape.
        from: String,
        /// The present strides in bytes.
        strides: Vec<isize>,
        /// The new shape.
        to: String,
        /// The order in which the items were to be taken.
        order: crate::Order,
    },
    /// Shapes that do not broadcast.
    #[error("could not broadcast array from shape {from} into shape {to}")]
    Broadcast {
        /// The array's shape.
        from: String,
        /// The shape it was to have.
        to: String,
    },
    /// Shapes that do not broadcast with each other.
    #[error("operands could not be broadcast together with shapes {shapes}")]
    Operands {
        /// The shapes, one after the other.
        shapes: String,
    },
    /// An order other than C and F.
    #[error("order must be 'C' or 'F', found {found:?}")]
    Order {
        /// What was given.
        found: String,
    },
    /// A value that a dtype cannot hold.
    #[error("cannot store {value} as {dtype}: {reason}")]
    Value {
        /// The value as text.
        value: String,
        /// The dtype.
        dtype: String,
        /// Why not.
        reason: String,
    },
    /// A size in bytes that is no multiple of the item's.
    #[error(
        "Size of available data is not a multiple of the data-type size: {bytes} bytes are {} items of {itemsize} bytes{} and {} bytes more",
        .bytes / (*.itemsize as u64 * *.known as u64), if *.known == 1 { String::new() } else { format!(" × {known}") },
        .bytes % (*.itemsize as u64 * *.known as u64)
    )]
    NotAMultiple {
        /// Bytes that there are.
        bytes: u64,
        /// Bytes of one item.
        itemsize: usize,
        /// The product of the extents that are known.
        known: usize,
    },
}

impl LayoutError {
    /// Shapes that do not broadcast with each other.
    #[must_use]
    pub fn operands<S: AsRef<[usize]>>(shapes: &[S]) -> Self {
        // As NumPy writes them here, without blanks.
        let tuple = |shape: &S| crate::view::tuple(shape.as_ref()).replace(' ', "");
        let shapes: Vec<String> = shapes.iter().map(tuple).collect();
        LayoutError::Operands { shapes: shapes.join(" ") }
    }
}

fn fields_of(names: &[String]) -> String {
    if names.is_empty() {
        "the dtype has no fields".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    }
}

/// Text that somebody gave, for a message: quoted, and cut if it is long.
fn short(text: &str) -> String {
    const MOST: usize = 500;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}
