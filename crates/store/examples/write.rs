//! The speed of writers to a new file: seconds up to the end of `commit`, with one worker and with two, medians of
//! several rounds in which all variants take turns.
//!
//! ```text
//! cargo run --release -p ndfolio-store --example write -- FOLDER GIB [ROUNDS [PIECE_KIB [BUDGET_KIB [WORKERS]]]]
//! ```
//!
//! The bytes come from a small tile, as a pass makes them, and begin behind a header of 128 bytes. `pages`: pieces
//! end at multiples of a page; `apart`: they do not; `calls`: `NewFile::write_at`, which waits for each piece.

use std::error::Error;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, thread};

use ndfolio_store::{Dispenser, Existing, NewFile, Pieces, Reserve, StoreError, WriteCounters, WriteEngine};

/// Bytes of a header.
const HEADER: u64 = 128;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Variant {
    Pages,
    Apart,
    Calls,
}

/// The file behind its header, in pieces.
struct Parts {
    len: u64,
    piece: u64,
    /// How much shorter the first one is.
    cut: u64,
}

impl Pieces for Parts {
    fn count(&self) -> usize {
        (self.len - HEADER + self.cut).div_ceil(self.piece) as usize
    }

    fn range(&self, index: usize) -> Range<u64> {
        let start = HEADER - self.cut + index as u64 * self.piece;
        start.max(HEADER)..(start + self.piece).min(self.len)
    }
}

/// How one file is written.
#[derive(Clone, Copy)]
struct Settings {
    variant: Variant,
    workers: usize,
    piece: usize,
    budget: usize,
}

/// What it came to: all of it, and the commit alone.
struct Pass {
    time: Duration,
    commit: Duration,
    counters: WriteCounters,
    engine: WriteEngine,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [folder, gib, rest @ ..] = &words[..] else {
        return Err("usage: write FOLDER GIB [ROUNDS [PIECE_KIB [BUDGET_KIB [WORKERS]]]]".into());
    };
    let number = |index: usize, usual: usize| rest.get(index).map_or(Ok(usual), |word| word.parse());
    let len = (gib.parse::<f64>()? * f64::from(1 << 30)) as u64;
    let rounds = number(0, 5)?;
    let piece = number(1, WriteEngine::Direct.piece_bytes() >> 10)? << 10;
    let budget = number(2, 16 << 10)? << 10;
    let all_workers = rest.get(3).map_or(Ok(vec![1, 2]), |word| word.parse().map(|workers| vec![workers]))?;
    let variants = [Variant::Pages, Variant::Apart, Variant::Calls];
    let settings: Vec<Settings> = variants
        .into_iter()
        .flat_map(|variant| all_workers.iter().map(move |&workers| (variant, workers)))
        .map(|(variant, workers)| Settings { variant, workers, piece, budget: budget / workers })
        .collect();
    let path = Path::new(folder).join("written.bin");
    let mut passes: Vec<Vec<Pass>> = settings.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (settings, passes) in settings.iter().zip(&mut passes) {
            passes.push(write(&path, len, *settings)?);
            std::fs::remove_file(&path)?;
        }
    }
    for (settings, mut passes) in settings.into_iter().zip(passes) {
        passes.sort_by_key(|pass| pass.time);
        tell(len, settings, &passes);
    }
    Ok(())
}

fn tell(len: u64, settings: Settings, passes: &[Pass]) {
    let seconds = |pass: &Pass| pass.time.as_secs_f64();
    let median = &passes[passes.len() / 2];
    println!(
        "{:5} {:7} {} worker(s): {:.3} s [{:.3}..{:.3}], {:.2} GB/s, commit {:.3} s, buffers {:.1} MiB, waited {:?}",
        format!("{:?}", settings.variant).to_lowercase(),
        median.engine,
        settings.workers,
        seconds(median),
        passes.first().map_or(0.0, seconds),
        passes.last().map_or(0.0, seconds),
        len as f64 / seconds(median) / 1e9,
        median.commit.as_secs_f64(),
        median.counters.buffer_bytes as f64 / f64::from(1 << 20),
        median.counters.wait,
    );
}

/// Writes one file.
fn write(path: &Path, len: u64, settings: Settings) -> Result<Pass, Box<dyn Error>> {
    let start = Instant::now();
    let mut new = NewFile::create(path, Existing::Replace)?;
    new.reserve(len, Reserve::Space)?;
    new.write_at(0, &[b' '; HEADER as usize])?;
    let cut = if settings.variant == Variant::Apart { 0 } else { HEADER };
    let parts = Parts { len, piece: settings.piece as u64, cut };
    let dispenser = Dispenser::new(&parts);
    let mut counters = WriteCounters::default();
    let mut engine = WriteEngine::Through;
    thread::scope(|scope| {
        let work = || work(&new, &dispenser, settings);
        let workers: Vec<_> = (0..settings.workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (used, counted) = worker.join().expect("a worker does not panic")?;
            engine = used;
            counters.add(&counted);
        }
        Ok::<(), StoreError>(())
    })?;
    let before = start.elapsed();
    new.commit()?;
    let time = start.elapsed();
    Ok(Pass { time, commit: time - before, counters, engine })
}

fn work(
    new: &NewFile,
    dispenser: &Dispenser<'_>,
    settings: Settings,
) -> Result<(WriteEngine, WriteCounters), StoreError> {
    // What a pass makes lies in the processor's cache.
    let tile: Vec<u8> = (0..256 << 10).map(|index| index as u8).collect();
    let fill = |room: &mut [u8]| {
        for part in room.chunks_mut(tile.len()) {
            part.copy_from_slice(&tile[..part.len()]);
        }
    };
    if settings.variant == Variant::Calls {
        let mut piece = vec![0; settings.piece];
        while let Some(index) = dispenser.take() {
            let range = dispenser.pieces().range(index);
            let room = &mut piece[..(range.end - range.start) as usize];
            fill(room);
            new.write_at(range.start, room)?;
        }
        return Ok((WriteEngine::Through, WriteCounters::default()));
    }
    let mut writer = new.writer(settings.piece, settings.budget)?;
    while let Some(index) = dispenser.take() {
        let range = dispenser.pieces().range(index);
        fill(writer.room(range.start, (range.end - range.start) as usize)?);
        writer.write()?;
    }
    writer.finish()?;
    Ok((writer.engine(), writer.counters()))
}
