//! The speed of the read engines over one file: bytes a second with one worker and with two, medians of several
//! rounds in which all variants take turns.
//!
//! ```text
//! cargo run --release -p ndfolio-store --example scan -- FILE hot|cold [ROUNDS [ENGINE]]
//! ```
//!
//! `cold` lets go of the file's pages in the page cache before every pass.

use std::error::Error;
use std::time::{Duration, Instant};
use std::{env, thread};

use ndfolio_store::{AccessPlan, Chunks, Dispenser, File, IoCounters, IoEngine, Mode, Pattern, Pieces};

/// Memory for buffers of all workers together, in bytes.
const BUDGET: usize = 8 << 20;

/// What a pass came to.
struct Pass {
    time: Duration,
    counters: IoCounters,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [path, state, rest @ ..] = &words[..] else {
        return Err("usage: scan FILE hot|cold [ROUNDS [mmap|pread|direct]]".into());
    };
    let rounds: usize = rest.first().map_or(Ok(5), |word| word.parse())?;
    let file = File::open(path, Mode::Read)?;
    if state == "hot" {
        file.prefetch(0..file.len(), &|| false)?;
    }
    tell_choice(&file);
    let is_wanted = |engine: &IoEngine| rest.get(1).is_none_or(|name| *name == engine.to_string());
    let engines = IoEngine::ALL.into_iter().filter(is_wanted);
    let variants: Vec<(IoEngine, usize)> = engines.flat_map(|engine| [(engine, 1), (engine, 2)]).collect();
    let mut passes: Vec<Vec<Pass>> = variants.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (variant, passes) in variants.iter().zip(&mut passes) {
            if state == "cold" {
                file.evict(0..file.len())?;
            }
            passes.push(scan(&file, variant.0, variant.1)?);
        }
    }
    for ((engine, workers), mut passes) in variants.into_iter().zip(passes) {
        passes.sort_by_key(|pass| pass.time);
        tell(&file, state, engine, workers, &passes);
    }
    Ok(())
}

fn tell_choice(file: &File) {
    let plan = AccessPlan {
        range: 0..file.len(),
        bytes: file.len(),
        pieces: Chunks::new(0..file.len(), 1 << 20).count(),
        pattern: Pattern::Sequential,
    };
    let start = Instant::now();
    let choice = file.choose(&plan);
    println!("choice: {}: {} ({:?})", choice.engine, choice.reason, start.elapsed());
}

fn tell(file: &File, state: &str, engine: IoEngine, workers: usize, passes: &[Pass]) {
    let speed = |pass: &Pass| file.len() as f64 / pass.time.as_secs_f64() / 1e9;
    let median = &passes[passes.len() / 2];
    println!(
        "{state:4} {engine:6} {workers} worker(s): {:6.2} GB/s [{:.2}..{:.2}], buffers {:5.1} MiB, waited {:?}",
        speed(median),
        passes.last().map_or(0.0, speed),
        passes.first().map_or(0.0, speed),
        median.counters.buffer_bytes as f64 / f64::from(1 << 20),
        median.counters.wait,
    );
}

/// One pass over the file.
fn scan(file: &File, engine: IoEngine, workers: usize) -> Result<Pass, Box<dyn Error>> {
    let start = Instant::now();
    let pieces = Chunks::new(0..file.len(), engine.piece_bytes() as u64);
    let dispenser = Dispenser::new(&pieces);
    let mut counters = IoCounters::default();
    thread::scope(|scope| {
        let work = || work(file, engine, &dispenser, BUDGET / workers);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            counters.add(&worker.join().expect("a worker does not panic")?);
        }
        Ok::<(), ndfolio_store::StoreError>(())
    })?;
    drop(dispenser);
    Ok(Pass { time: start.elapsed(), counters })
}

fn work(
    file: &File,
    engine: IoEngine,
    dispenser: &Dispenser<'_>,
    budget: usize,
) -> Result<IoCounters, ndfolio_store::StoreError> {
    let mut stream = file.stream(engine, dispenser, budget)?;
    let mut total = 0.0;
    while let Some((_, bytes)) = stream.next()? {
        total += sum(bytes);
    }
    std::hint::black_box(total);
    Ok(stream.counters())
}

/// As little arithmetic as makes every byte count.
fn sum(bytes: &[u8]) -> f32 {
    let mut lanes = [0.0_f32; 128];
    for block in bytes.as_chunks::<512>().0 {
        for (lane, item) in lanes.iter_mut().zip(block.as_chunks::<4>().0) {
            *lane += f32::from_ne_bytes(*item);
        }
    }
    lanes.iter().sum()
}
