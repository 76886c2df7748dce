//! The arguments of what looks at a command before it runs, and at the machine.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use ndfolio::Size;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The command, in quotes or behind --
    #[arg(value_name = "CALL", required = true)]
    pub(crate) call: Vec<OsString>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// A folder or a file: the disk that it is on is measured
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    pub(crate) target: PathBuf,
    /// How large the file is that is measured with; it has no name and goes in the end
    #[arg(long, value_name = "SIZE", default_value = "512MiB")]
    pub(crate) size: Size,
    /// At most so many threads
    #[arg(long, value_name = "N", env = "NDFOLIO_THREADS")]
    pub(crate) threads: Option<usize>,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
