//! What an array is: dtype, shape, strides, order, and NumPy's indexing of them.
//!
//! Nothing here reads a byte of data or knows a file. A [`View`] says where the items of an array lie: an
//! offset in bytes, a shape in items, a stride in bytes for each axis. Indexing, transposing, reshaping and
//! broadcasting make another `View`; [`View::spans`] and [`View::tiles`] turn one into the byte ranges that
//! somebody else reads, in the order of the file.
//!
//! The names and the rules are NumPy's. Where a message is one that NumPy users know, it is NumPy's too.

#![forbid(unsafe_code)]

pub mod dtype;
mod error;
mod index;
pub mod literal;
mod order;
mod picking;
mod value;

mod view;

pub use dtype::{ByteOrder, DType, Field, Kind, Scalar, Struct, SubArray, TimeBase, TimeUnit};
pub use error::LayoutError;
pub use index::{Ellipsis, Index, NewAxis, Selection, Slice, slice};
pub use order::Order;
pub use picking::{IndexMode, Picked, Picking};
pub use value::{Value, f16_from_f64};

pub use view::{Span, Spans, Tile, Tiles, View, axis};

/// The most axes an array can have (NumPy's limit since 2.0).
pub const MAX_NDIM: usize = 64;
