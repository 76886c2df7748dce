//! What `describe` and `stats` are asked.

use std::str::FromStr;

use clap::Args;
use ndfolio::Bins;

use super::{Input, RunArgs};

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Along these axes, for each item of the rest: 0 or 0,2; negative ones count from the end
    #[arg(
        long,
        help_heading = "What is described",
        value_name = "N,N,...",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) axis: Option<Vec<isize>>,
    /// One JSON object
    #[arg(long, help_heading = "What is described")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    pub(crate) stats: StatsArgs,
    /// Exact quantiles: 0.25,0.5,0.75
    #[arg(
        long,
        help_heading = "What is described",
        value_name = "Q,Q,...",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub(crate) quantiles: Vec<f64>,
    /// A histogram: of so many bins, or with these edges
    #[arg(
        long,
        help_heading = "What is described",
        value_name = "N|EDGE,EDGE,...",
        allow_hyphen_values = true
    )]
    pub(crate) bins: Option<BinsArg>,
    /// What the bins cover; from the least to the greatest item if not given, which takes a pass to find
    #[arg(
        long,
        help_heading = "What is described",
        value_name = "LOW,HIGH",
        allow_hyphen_values = true,
        requires = "bins"
    )]
    pub(crate) range: Option<RangeArg>,
}

/// Bins as they are typed.
#[derive(Clone, Debug)]
pub(crate) struct BinsArg(pub(crate) Bins);

impl FromStr for BinsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains(',') {
            return Ok(BinsArg(Bins::Edges(numbers(text)?)));
        }
        let count = text.trim().parse();
        count
            .map(|count| BinsArg(Bins::Count(count)))
            .map_err(|_| format!("{text:?} is neither a number of bins nor edges; expected 50, or 0,0.5,1"))
    }
}

/// A range as it is typed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeArg(pub(crate) (f64, f64));

impl FromStr for RangeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match numbers(text)?[..] {
            [low, high] => Ok(RangeArg((low, high))),
            _ => Err(format!("{text:?} is no range; expected two numbers such as -1,1")),
        }
    }
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let number = |part: &str| part.trim().parse().map_err(|_| format!("{part:?} is no number"));
    text.split(',').map(number).collect()
}
