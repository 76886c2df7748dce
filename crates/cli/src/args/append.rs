//! The arguments of what changes the number of rows.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use ndfolio::{Casting, Lock, Synced};

use super::{RawArgs, RunArgs};

#[derive(Debug, Args)]
pub(crate) struct AppendArgs {
    /// The .npy file; it is made, with the dtype of the first rows, if it is not there
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// What is appended: file[::member][[slice]]; all of them are counted as one
    #[arg(value_name = "ROWS", required = true)]
    pub(crate) rows: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) raw: RawArgs,
    /// Which casts to the dtype of FILE are allowed: no, equiv, safe, same_kind, unsafe
    #[arg(long, value_name = "RULE", default_value_t = Casting::SameKind)]
    pub(crate) casting: Casting,
    /// What is on stable storage when the command ends
    #[arg(long, value_name = "WHAT", default_value = "commit")]
    pub(crate) durability: DurabilityName,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What a power loss leaves.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DurabilityName {
    /// Whatever the system has written so far; the rows survive the end of the process only
    None,
    /// The rows, and their number as it was before or is now
    Data,
    /// The rows and their number
    Commit,
}

impl From<DurabilityName> for Synced {
    fn from(name: DurabilityName) -> Self {
        match name {
            DurabilityName::None => Synced::None,
            DurabilityName::Data => Synced::Data,
            DurabilityName::Commit => Synced::Commit,
        }
    }
}

/// How other writers are kept out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other writers")]
pub(crate) struct LockArgs {
    /// Lock the file against other writers
    #[arg(long, value_name = "HOW", default_value = "auto")]
    lock: LockName,
    /// How long to wait for another writer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) wait: Duration,
}

/// When a file is locked.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LockName {
    /// Where the file system has locks
    Auto,
    /// Always; where the file system has no locks that is an error
    Require,
    /// Never
    Off,
}

impl LockArgs {
    pub(crate) fn lock(&self) -> Lock {
        match self.lock {
            LockName::Auto => Lock::Auto,
            LockName::Require => Lock::Require,
            LockName::Off => Lock::Off,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; expected seconds such as 5 or 0.5");
    Duration::try_from_secs_f64(text.parse().map_err(|_| wrong())?).map_err(|_| wrong())
}

#[derive(Debug, Args)]
pub(crate) struct ResizeArgs {
    /// The .npy file
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// How many rows it is to have
    #[arg(value_name = "ROWS")]
    pub(crate) rows: usize,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompactArgs {
    /// The .npy file
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
