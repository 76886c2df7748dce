use std::{
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ndfolio::{
    Array, Location,
    feed::{Feed, Last, Loader, Starts, Target},
    usage,
};
use serde_json::{Value as Json, json};

use crate::{
    args::{self, BatchesArgs, ShuffleName},
    failure::Failure,
    output::{Output, bytes_text},
    progress::Watch,
};

pub(crate) fn run(args: &BatchesArgs) -> Result<(), Failure> {
    let watch = Arc::new(Watch::silent(args.run.session()));
    let mut loader = feed(args, &watch)?.loader()?;
    let about = about(&loader);
    let done = if args.dry_run { Some(measure(args, &mut loader)?) } else { None };
    drop(loader);
    let mut out = Output::new();
    let measured = done.map(|done| done.json(&watch));
    if args.json {
        let mut object = about;
        object["measured"] = measured.unwrap_or(Json::Null);
        return Ok(out.json(&object)?);
    }
    text(&mut out, &about, measured.as_ref())?;
    Ok(out.finish()?)
}

fn feed(args: &BatchesArgs, watch: &Arc<Watch>) -> Result<Feed, Failure> {
    let arrays = args.paths.iter().map(|path| Ok(Location::parse(path)?.open(&args.raw.options(path)?)?));
    let mut arrays = arrays.collect::<Result<Vec<Array>, Failure>>()?;
    if args.shuffle != ShuffleName::Blocks && (args.block.is_some() || args.together.is_some()) {
        return Err(Failure::Usage("batches: --block and --together are for --shuffle blocks".to_owned()));
    }
    let mut feed = match args.windows.length {
        None => Feed::rows(arrays),
        Some(length) => {
            let array = arrays.pop().filter(|_| arrays.is_empty());
            let array =
                array.ok_or_else(|| Failure::Usage("batches: windows are those of one FILE".to_owned()))?;
            let starts = match (args.windows.random, args.windows.every) {
                (Some(windows), _) => Starts::Random { windows },
                (None, step) => Starts::Every { step: step.unwrap_or(length as u64), first: 0 },
            };
            let target = if args.windows.no_target { Target::None } else { Target::Next };
            Feed::windows(array, length, starts, target)
        }
    };
    for (number, text) in args.to_dtype.iter().enumerate() {
        let path = args.paths.get(number).map_or(Path::new("batches"), |path| path);
        feed = feed.dtype(number, args::dtype(path, text)?);
    }
    let session = args.run.session().observe(Arc::clone(watch) as _);
    Ok(feed
        .batch_size(args.batch_size)
        .shuffle(args.shuffle())
        .seed(args.seed)
        .last(if args.drop_last { Last::Drop } else { Last::Keep })
        .rank(args.rank, args.world_size)
        .casting(args.casting)
        .session(&session))
}

/// What the batches are, found out without reading.
fn about(loader: &Loader) -> Json {
    let room = loader.room();
    let files: Vec<_> = loader.arrays().map(|array| array.path().display().to_string()).collect();
    json!({
        "files": files,
        "items": loader.items(),
        "item_bytes": loader.item_bytes(),
        "batch_size": loader.batch_size(),
        "batches": loader.steps(),
        "order": loader.order_text(),
        "memory": {
            "bytes": room.bytes(),
            "batch": room.batch,
            "chunk": room.chunk,
            "chunk_items": room.chunk_items,
            "chunks": room.chunks,
            "threads": room.threads,
        },
    })
}

/// What happened.
struct Done {
    batches: u64,
    items: u64,
    bytes: u64,
    elapsed: Duration,
    first: Duration,
    longest: Duration,
    private: Option<u64>,
}

/// Batches between two looks at the memory.
const BETWEEN_LOOKS: u64 = 16;

fn measure(args: &BatchesArgs, loader: &mut Loader) -> Result<Done, Failure> {
    let (started, mut epochs) = (Instant::now(), 0);
    let mut done = Done {
        batches: 0,
        items: 0,
        bytes: 0,
        elapsed: Duration::ZERO,
        first: Duration::ZERO,
        longest: Duration::ZERO,
        private: None,
    };
    while epochs < args.epochs && args.batches.is_none_or(|most| done.batches < most) {
        let asked = Instant::now();
        let Some(batch) = loader.next_batch()? else {
            epochs += 1;
            continue;
        };
        let waited = asked.elapsed();
        if done.batches == 0 {
            done.first = waited;
        } else {
            done.longest = done.longest.max(waited);
        }
        if done.batches.is_multiple_of(BETWEEN_LOOKS) {
            done.private = done.private.max(usage::private_memory());
        }
        done.batches += 1;
        done.items += batch.len() as u64;
        done.bytes += batch.arrays().iter().map(|array| array.bytes().len() as u64).sum::<u64>();
    }
    done.elapsed = started.elapsed();
    done.bytes = done.bytes.max(1);
    Ok(done)
}

impl Done {
    fn json(&self, watch: &Watch) -> Json {
        let (seconds, report) = (self.elapsed.as_secs_f64(), watch.report());
        json!({
            "batches": self.batches,
            "items": self.items,
            "bytes": self.bytes,
            "seconds": seconds,
            "first_seconds": self.first.as_secs_f64(),
            "longest_seconds": self.longest.as_secs_f64(),
            "batches_per_second": self.batches as f64 / seconds,
            "items_per_second": self.items as f64 / seconds,
            "bytes_per_second": self.bytes as f64 / seconds,
            "engine": report.engine,
            "bytes_read": report.io.bytes_read,
            "reads": report.io.reads,
            "private_peak": self.private,
        })
    }
}

fn text(out: &mut Output, about: &Json, measured: Option<&Json>) -> Result<(), Failure> {
    let bytes = |value: &Json| value.as_u64().map_or("unknown".to_owned(), bytes_text);
    let memory = &about["memory"];
    writeln!(
        out,
        "items     {} of {}, order: {}",
        about["items"],
        bytes(&about["item_bytes"]),
        about["order"].as_str().unwrap_or_default()
    )?;
    writeln!(
        out,
        "batches   {} of {} items, {} each",
        about["batches"],
        about["batch_size"],
        bytes(&memory["batch"])
    )?;
    writeln!(
        out,
        "memory    {}: a batch, {} chunks of {} ({} items), {} threads that read ahead",
        bytes(&memory["bytes"]),
        memory["chunks"],
        bytes(&memory["chunk"]),
        memory["chunk_items"],
        memory["threads"],
    )?;
    let Some(measured) = measured else { return Ok(()) };
    let number = |name: &str| measured[name].as_f64().unwrap_or(0.0);
    writeln!(
        out,
        "measured  {} batches in {:.3} s: {:.0} batches, {:.0} items, {:.2} GB in a second",
        measured["batches"],
        number("seconds"),
        number("batches_per_second"),
        number("items_per_second"),
        number("bytes_per_second") / 1e9,
    )?;
    writeln!(
        out,
        "          the first after {:.1} ms, the others after {:.1} ms at most",
        1e3 * number("first_seconds"),
        1e3 * number("longest_seconds"),
    )?;
    writeln!(
        out,
        "          read by {}: {} in {} reads; private memory {} at most",
        measured["engine"].as_str().unwrap_or_default(),
        bytes(&measured["bytes_read"]),
        measured["reads"],
        bytes(&measured["private_peak"]),
    )?;
    Ok(())
}
