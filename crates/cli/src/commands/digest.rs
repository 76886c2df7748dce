use std::io::Write;

use ndfolio::{Mode, Plan, json};
use serde_json::json;

use crate::{
    args::PassArgs,
    failure::Failure,
    output::Output,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &PassArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(args))?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    let digest = array.digest(watch.run())?;
    let mut out = Output::new();
    if args.json {
        let dtype = json::from_dtype(array.dtype());
        let object = json!({ "sha256": digest.to_string(), "dtype": dtype, "shape": array.shape() });
        out.json(&object)?;
    } else {
        writeln!(out, "{digest}  {}", args.input.path.display())?;
        out.finish()?;
    }
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn plan(args: &PassArgs) -> Result<Plan, Failure> {
    Ok(args.input.open(Mode::Read)?.plan_digest(&args.run.session())?)
}
