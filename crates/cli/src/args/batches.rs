//! The arguments of batches for training.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ndfolio::{
    Casting,
    feed::{Blocks, Shuffle},
};

use super::{RawArgs, RunArgs};

#[derive(Debug, Args)]
pub(crate) struct BatchesArgs {
    /// Arrays with the same number of rows, file[::member][[slice]]; with --windows, one
    #[arg(value_name = "FILE", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Rows or windows of a batch
    #[arg(short, long, value_name = "ITEMS", default_value_t = 64)]
    pub(crate) batch_size: usize,
    /// In what order they come
    #[arg(long, value_name = "ORDER", default_value = "none")]
    pub(crate) shuffle: ShuffleName,
    /// Items of a block; what half a mebibyte holds, 4096 at most, if it is not given
    #[arg(long, value_name = "ITEMS")]
    pub(crate) block: Option<u64>,
    /// Blocks whose items are shuffled together; 16 if it is not given
    #[arg(long, value_name = "BLOCKS")]
    pub(crate) together: Option<u64>,
    /// What the order is drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Leave out the items behind the last whole step
    #[arg(long)]
    pub(crate) drop_last: bool,
    /// The dtype of items in batches; once for each FILE, in their order
    #[arg(long, value_name = "DTYPE")]
    pub(crate) to_dtype: Vec<String>,
    /// Which casts to that dtype are allowed: no, equiv, safe, same_kind, unsafe
    #[arg(long, value_name = "RULE", default_value_t = Casting::SameKind)]
    pub(crate) casting: Casting,
    #[command(flatten)]
    pub(crate) windows: WindowArgs,
    /// Which of several loaders that share each step
    #[arg(long, value_name = "N", default_value_t = 0, requires = "world_size")]
    pub(crate) rank: usize,
    /// How many loaders share each step
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) world_size: usize,
    /// Make the batches and let go of them: how fast they come, and what memory that takes. Without it nothing is read
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many epochs
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) epochs: u64,
    /// End after so many batches
    #[arg(long, value_name = "N")]
    pub(crate) batches: Option<u64>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Windows of rows, such as tokens")]
pub(crate) struct WindowArgs {
    /// Windows of so many rows, and of those one further as targets
    #[arg(long = "windows", value_name = "ROWS")]
    pub(crate) length: Option<usize>,
    /// So many windows in an epoch, that begin anywhere
    #[arg(long, value_name = "WINDOWS", conflicts_with = "every", requires = "length")]
    pub(crate) random: Option<u64>,
    /// From the beginning of one window to that of the next; the length of a window if it is not given
    #[arg(long, value_name = "ROWS", requires = "length")]
    pub(crate) every: Option<u64>,
    /// No targets
    #[arg(long, requires = "length")]
    pub(crate) no_target: bool,
}

/// An order by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShuffleName {
    /// As they lie in the file
    None,
    /// A permutation of all
    Full,
    /// Blocks of neighbours in random order, those of some blocks at a time shuffled
    Blocks,
}

impl BatchesArgs {
    pub(crate) fn shuffle(&self) -> Shuffle {
        match self.shuffle {
            ShuffleName::None => Shuffle::None,
            ShuffleName::Full => Shuffle::Full,
            ShuffleName::Blocks => Shuffle::Blocks(Blocks { items: self.block, together: self.together }),
        }
    }
}
