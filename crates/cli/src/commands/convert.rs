use ndfolio::{Array, CreateOptions, Mode, Plan};

use crate::{
    args::{self, ConvertArgs},
    failure::Failure,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &ConvertArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let options = options(args, &array)?;
    let prediction = Prediction::if_wanted(&args.run, || plan(args))?;
    let written = array.size().saturating_mul(itemsize(args, &array)?);
    let watch = Watch::new(array.nbytes().saturating_add(written) as u64, &args.run);
    options.copy_of(&array, &args.target_path, args.casting, watch.run())?;
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn plan(args: &ConvertArgs) -> Result<Plan, Failure> {
    let array = args.input.open(Mode::Read)?;
    let session = args.run.session();
    Ok(options(args, &array)?.plan_copy_of(&array, &args.target_path, args.casting, &session)?)
}

/// Bytes of a new item.
fn itemsize(args: &ConvertArgs, array: &Array) -> Result<usize, Failure> {
    match &args.to_dtype {
        Some(text) => Ok(args::dtype(&args.target_path, text)?.itemsize()),
        None => Ok(array.itemsize()),
    }
}

fn options(args: &ConvertArgs, array: &Array) -> Result<CreateOptions, Failure> {
    let mut options = args.target.apply(CreateOptions::like(array).offset(args.to_offset));
    if let Some(text) = &args.to_dtype {
        options = options.dtype(args::dtype(&args.target_path, text)?);
    }
    if let Some(order) = args.to_order {
        options = options.order(order);
    }
    if let Some(format) = args.to_format {
        options = options.kind(format.into());
    }
    Ok(options)
}
