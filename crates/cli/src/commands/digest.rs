use std::io::Write;

use ndfolio::{Mode, json};
use serde_json::json;

use crate::{args::DigestArgs, failure::Failure, output::Output, progress::Watch};

pub(crate) fn run(args: &DigestArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    let digest = array.digest(&watch.run())?;
    let mut out = Output::new();
    if args.json {
        let dtype = json::from_dtype(array.dtype());
        let object = json!({ "sha256": digest.to_string(), "dtype": dtype, "shape": array.shape() });
        return Ok(out.json(&object)?);
    }
    writeln!(out, "{digest}  {}", args.input.path.display())?;
    Ok(out.finish()?)
}
