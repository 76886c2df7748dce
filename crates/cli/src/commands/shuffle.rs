use ndfolio::{CreateOptions, Mode, Plan, Shuffled};

use crate::{
    args::ShuffleArgs,
    failure::Failure,
    profile::{self, Prediction},
    progress::Watch,
};

pub(crate) fn run(args: &ShuffleArgs) -> Result<(), Failure> {
    let array = args.input.open(Mode::Read)?;
    let shuffled = array.shuffle(args.seed)?;
    let options = options(&shuffled, args);
    let watch = Watch::new(array.nbytes() as u64, &args.run);
    let session = args.run.session();
    let shuffled = shuffled.run(&session);
    let prediction =
        Prediction::if_wanted(&args.run, || Ok(shuffled.plan_save(&options, &args.target_path)?))?;
    shuffled.run(watch.run()).save(&options, &args.target_path)?.close()?;
    profile::tell(&args.run, prediction.as_ref(), watch);
    Ok(())
}

pub(crate) fn plan(args: &ShuffleArgs) -> Result<Plan, Failure> {
    let array = args.input.open(Mode::Read)?;
    let session = args.run.session();
    let shuffled = array.shuffle(args.seed)?.run(&session);
    Ok(shuffled.plan_save(&options(&shuffled, args), &args.target_path)?)
}

fn options(shuffled: &Shuffled<'_>, args: &ShuffleArgs) -> CreateOptions {
    args.target.apply(shuffled.options())
}
