//! The arguments of what picks items by their indices.

use std::path::PathBuf;

use clap::Args;
use ndfolio::{Casting, IndexMode};

use super::{Input, LockArgs, RunArgs, TargetArgs};

/// Which items are picked.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Which: an array of integers, file[::member][[slice]]; or of truth values, one for each row
    #[arg(long, value_name = "FILE", visible_alias = "indices")]
    pub(crate) rows: PathBuf,
    /// Along which axis; negative ones count from the end
    #[arg(long, value_name = "N", default_value_t = 0, allow_hyphen_values = true, conflicts_with = "flat")]
    pub(crate) axis: isize,
    /// Of all items in C order, along no axis
    #[arg(long)]
    pub(crate) flat: bool,
    /// What an index outside of the axis means: raise (an error), wrap, clip
    #[arg(long, value_name = "MODE", default_value = "raise")]
    pub(crate) mode: IndexMode,
}

#[derive(Debug, Args)]
pub(crate) struct TakeArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    #[command(flatten)]
    pub(crate) picked: PickedArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// What is written: file[::member][[slice]], broadcast to the shape of what the indices pick
    #[arg(value_name = "VALUES")]
    pub(crate) values: PathBuf,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Which casts to the dtype of FILE are allowed: no, equiv, safe, same_kind, unsafe
    #[arg(long, value_name = "RULE", default_value_t = Casting::SameKind)]
    pub(crate) casting: Casting,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// How many rows
    #[arg(short, long, value_name = "ROWS", default_value_t = 10)]
    pub(crate) number: usize,
    /// The same seed draws the same rows; another one each time if it is not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) picked: PickedArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShuffleArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// The new file; .npy makes a NumPy file, any other name a raw one
    #[arg(value_name = "TARGET")]
    pub(crate) target_path: PathBuf,
    /// Which order: the same seed gives the same one for every array of as many rows
    #[arg(long, value_name = "N")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Where picked items go.
#[derive(Debug, Args)]
pub(crate) struct PickedArgs {
    /// The new file; .npy makes a NumPy file, any other name a raw one. Without it a result that fits the memory is
    /// printed
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The dtype of the new items
    #[arg(long, value_name = "DTYPE")]
    pub(crate) to_dtype: Option<String>,
    /// Which casts to that dtype are allowed: no, equiv, safe, same_kind, unsafe
    #[arg(long, value_name = "RULE", default_value_t = Casting::SameKind)]
    pub(crate) casting: Casting,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
