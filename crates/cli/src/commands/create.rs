use ndfolio::{CreateOptions, Existing, Reserve, Sidecar};

use crate::{
    args::{self, CreateArgs, TargetArgs},
    failure::Failure,
    profile,
    progress::Watch,
};

pub(crate) fn run(args: &CreateArgs) -> Result<(), Failure> {
    let dtype = args::dtype(&args.path, &args.dtype)?;
    let shape = args::new_shape(&args.path, &args.shape)?;
    let mut options = CreateOptions::new(dtype.clone(), &shape).order(args.order).offset(args.offset);
    if let Some(format) = args.format {
        options = options.kind(format.into());
    }
    if let Some(text) = &args.fill {
        options = options.fill(super::value(&args.path, text, &dtype.split().0)?);
    }
    if args.growable {
        options = options.growable();
    }
    options = args.target.apply(options);
    let bytes = shape.iter().fold(dtype.itemsize(), |bytes, &n| bytes.saturating_mul(n));
    let watch = Watch::new((bytes as u64).saturating_mul(2), &args.run);
    options.create_run(&args.path, watch.run())?;
    profile::tell(&args.run, None, watch);
    Ok(())
}

impl TargetArgs {
    pub(crate) fn apply(&self, options: CreateOptions) -> CreateOptions {
        options
            .existing(if self.force { Existing::Replace } else { Existing::Refuse })
            .reserve(if self.sparse { Reserve::Sparse } else { Reserve::Space })
            .sidecar(if self.sidecar { Sidecar::Write } else { Sidecar::None })
    }
}
