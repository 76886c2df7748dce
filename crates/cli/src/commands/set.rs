use ndfolio::{Session, Value};

use crate::{
    args::{FillArgs, SetArgs},
    failure::Failure,
    profile,
    progress::Watch,
};

pub(crate) fn set(args: &SetArgs) -> Result<(), Failure> {
    let watch = Watch::silent(Session::new());
    let array = args.input.open_to_write(&args.lock, &watch)?;
    let parsed = Value::parse_array(&args.value, array.dtype());
    let (shape, values) = parsed.map_err(|error| Failure::about(array.path(), error))?;
    array.assign(&shape, &values, watch.run())?;
    Ok(array.close()?)
}

pub(crate) fn fill(args: &FillArgs) -> Result<(), Failure> {
    // Somebody who waits for another writer can interrupt it.
    let watch = Watch::new(0, &args.run);
    let array = args.input.open_to_write(&args.lock, &watch)?;
    let value = super::value(array.path(), &args.value, array.dtype())?;
    let watch = watch.for_bytes(2 * array.nbytes() as u64, &args.run);
    array.fill_run(value, watch.run())?;
    array.flush_run(watch.run())?;
    array.close()?;
    profile::tell(&args.run, None, watch);
    Ok(())
}
