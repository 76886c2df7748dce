//! Where arrays lie in a file: header bytes in, members out, header bytes out.
//!
//! Nothing here opens a file, maps one or reads an array's values. Bytes come through [`ReadAt`]; [`read`]
//! finds the format by its first bytes and returns [`Contents`], whose [`Member`]s say where each array lies
//! as an [`ndfolio_layout::View`]. [`read_raw`] does the same for a file without a header, whose
//! [`RawSpec`] comes from the caller or from a sidecar file. [`npy::header`] writes headers.
//!
//! Files are not trusted: no header makes this crate panic, loop, or allocate more than a fixed limit
//! ([`ReadOptions`]), and what two readers could understand differently is refused.
//!
//! ```
//! use ndfolio_format::{ReadOptions, npy, read};
//! use ndfolio_layout::Order;
//!
//! let mut file = npy::header(&"<f4".parse()?, &[2, 3], Order::C)?;
//! file.extend([0; 24]);
//! let contents = read(&file, "weights.npy", &ReadOptions::default())?;
//! let view = contents.only()?.view()?;
//! assert_eq!((view.shape(), view.offset()), (&[2, 3][..], 128));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod contents;
mod error;
mod feed;
mod formats;
pub mod json;
mod options;
mod sidecar;
mod source;
mod sums;

pub use contents::{Contents, Member};
pub use error::{FormatError, Unmappable};
pub use feed::{FeedArray, FeedBatches, FeedState};
pub use formats::{Format, npy, raw::RawSpec, read, read_raw, sniff};
pub use options::{KnownMagic, ReadOptions};
pub use sidecar::MAX_SIDECAR;
pub use source::ReadAt;
pub use sums::BlockSums;
