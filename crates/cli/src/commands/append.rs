use std::path::Path;

use ndfolio::{
    AppendOptions, Appender, Array, CreateOptions, Error, FileKind, Location, Mode, OpenOptions, StoreError,
};

use crate::{
    args::{AppendArgs, CompactArgs, LockArgs, ResizeArgs, RunArgs},
    failure::Failure,
    profile,
    progress::Watch,
};

pub(crate) fn append(args: &AppendArgs) -> Result<(), Failure> {
    let open = |path: &Path| -> Result<Array, Failure> {
        Ok(Location::parse(path)?.open(&args.raw.options(path)?)?)
    };
    let rows = args.rows.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    // Somebody who waits for another writer can interrupt it.
    let watch = Watch::new(0, &args.run);
    let mut appender = begin(args, &rows[0], &watch)?;
    tell_lock(&args.run, appender.array());
    let bytes = rows.iter().fold(0, |bytes: u64, rows| bytes.saturating_add(rows.nbytes() as u64));
    let watch = watch.for_bytes(bytes, &args.run);
    let written = rows.iter().try_for_each(|rows| appender.append_lazy(rows, watch.run()));
    if let Err(error) = written {
        // All or nothing; what failed is said already.
        let _ = appender.rollback();
        return Err(error.into());
    }
    appender.close()?;
    profile::tell(&args.run, None, watch);
    Ok(())
}

/// Opens the file, or makes it with rows as these are, but none yet.
fn begin(args: &AppendArgs, rows: &Array, watch: &Watch) -> Result<Appender, Failure> {
    let lock = &args.lock;
    let options = AppendOptions::new()
        .durability(args.durability.into())
        .casting(args.casting)
        .lock(lock.lock())
        .wait(lock.wait);
    match options.open_run(&args.path, watch.run()) {
        Err(Error::Store(StoreError::NotFound { .. })) => {}
        opened => return Ok(opened?),
    }
    let order = rows.order().unwrap_or_default();
    let mut shape = rows.shape().to_vec();
    let axis = if order == ndfolio::Order::C { shape.first_mut() } else { shape.last_mut() };
    if let Some(extent) = axis {
        *extent = 0;
    }
    let new = CreateOptions::new(rows.dtype().clone(), &shape).order(order).kind(FileKind::Npy).growable();
    match new.lock(lock.lock()).create(&args.path) {
        // Somebody else was faster.
        Err(Error::Store(StoreError::AlreadyExists { .. })) => {}
        made => drop(made?),
    }
    Ok(options.open_run(&args.path, watch.run())?)
}

pub(crate) fn resize(args: &ResizeArgs) -> Result<(), Failure> {
    let watch = Watch::new(0, &args.run);
    let mut array = open(&args.path, &args.lock, (&args.run, &watch))?;
    array.resize(args.rows, watch.run())?;
    array.close()?;
    profile::tell(&args.run, None, watch);
    Ok(())
}

pub(crate) fn compact(args: &CompactArgs) -> Result<(), Failure> {
    let watch = Watch::new(0, &args.run);
    let mut array = open(&args.path, &args.lock, (&args.run, &watch))?;
    let watch = watch.for_bytes(2 * array.nbytes() as u64, &args.run);
    array.compact(watch.run())?;
    array.close()?;
    profile::tell(&args.run, None, watch);
    Ok(())
}

fn open(path: &Path, lock: &LockArgs, (run, watch): (&RunArgs, &Watch)) -> Result<Array, Failure> {
    let options = OpenOptions::new().mode(Mode::ReadWrite).lock(lock.lock()).wait(lock.wait);
    let array = options.open_run(path, watch.run())?;
    tell_lock(run, &array);
    Ok(array)
}

/// That nobody else is kept out is worth a line.
fn tell_lock(run: &RunArgs, array: &Array) {
    if let Some(note) = array.lock_note().filter(|_| !run.quiet) {
        eprintln!("ndfolio: {note}");
    }
}
