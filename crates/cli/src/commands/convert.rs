use ndfolio::{CreateOptions, Mode};

use crate::{
    args::{self, ConvertArgs},
    failure::Failure,
    progress::Watch,
};

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let mut options = args.target.apply(CreateOptions::like(&array).offset(args.to_offset));
    if let Some(text) = &args.to_dtype {
        options = options.dtype(args::dtype(&args.target_path, text)?);
    }
    if let Some(order) = args.to_order {
        options = options.order(order);
    }
    if let Some(format) = args.to_format {
        options = options.kind(format.into());
    }
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    options.copy_of(&array, &args.target_path, args.casting, &watch.run())?;
    Ok(())
}
