//! Arguments of the commands that look after files.

use clap::Args;

use super::{Input, RunArgs};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Count NaN too, which reads all items
    #[arg(long)]
    pub(crate) nan: bool,
    /// Mend what can be mended without losing anything: cut bytes that no header counts, remove what killed processes
    /// left
    #[arg(long)]
    pub(crate) repair: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}
