//! The arguments of what computes expressions.

use std::path::PathBuf;

use clap::Args;
use ndfolio::{Casting, Order};

use super::{LockArgs, RunArgs, TargetArgs, TargetFormat};

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// What to compute, with NumPy's names and Python's operators: '(x - mean(x, axis=0)) / std(x, axis=0)'
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
    /// What a name of the expression stands for: x=run.npy, 'w=archive.npz::weights[0:10]'
    #[arg(value_name = "NAME=FILE")]
    pub(crate) arrays: Vec<String>,
    /// The new file; .npy makes a NumPy file, any other name a raw one. Without it a small result is printed
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the result to this array in place instead: file[::member][[slice]]. It may be one of the inputs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "force", "sidecar", "sparse"])]
    pub(crate) into: Option<PathBuf>,
    /// The dtype of the result, if it is to be another
    #[arg(long, value_name = "DTYPE")]
    pub(crate) dtype: Option<String>,
    /// Which casts to that dtype are allowed: no, equiv, safe, same_kind, unsafe
    #[arg(long, value_name = "RULE", default_value_t = Casting::SameKind)]
    pub(crate) casting: Casting,
    /// The order of the new file: C or F; that of the inputs if it is not given
    #[arg(long, value_name = "C|F")]
    pub(crate) order: Option<Order>,
    /// What the new file is, whatever its name
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<TargetFormat>,
    /// Do not end before the new file's name is on stable storage too, and what is written in place
    #[arg(long)]
    pub(crate) sync: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
