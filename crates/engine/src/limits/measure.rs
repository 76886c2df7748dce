//! Measuring: each limit for a second or so, the best of a few rounds where they are short.

use std::{
    hint::black_box,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ndfolio_store::{
    Bytes, Chunks, Dispenser, File, IoEngine, MachineMemory, MachineName, Pieces, Room, Scratch,
};
use sha2::{Digest as _, Sha256};

use super::{Limit, Limits};
use crate::{EngineError, Run};

/// Bytes of memory that are read: more than caches keep.
const MEMORY: u64 = 128 << 20;
/// Words of it that are filled at once.
const FILLED: usize = 2 << 20;
/// How often short measurements are repeated.
const ROUNDS: usize = 3;
/// How long the file is written at the most, and how long each way of reading takes at the most.
const WRITING: Duration = Duration::from_millis(2500);
const READING: Duration = Duration::from_millis(1200);
/// Bytes that are written at once.
const WRITTEN: usize = 8 << 20;
/// Less of a file than this tells nothing.
const LEAST_FILE: u64 = 16 << 20;
/// Bytes of one random read.
const PAGE: u64 = 4096;
/// Random reads at the most.
const READS: usize = 200_000;
/// Where numbers in no order begin.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bytes that are hashed.
const HASHED: usize = 16 << 20;

/// The length of the file that is measured with: in a small machine or group, no more than its page cache keeps.
pub(super) fn usable(wanted: u64) -> u64 {
    let most = MachineMemory::known().most().map_or(wanted, |most| most / 2);
    wanted.min(most).max(LEAST_FILE).next_multiple_of(WRITTEN as u64)
}

pub(super) fn measure(scratch: &Scratch, run: &Run<'_>) -> Result<Limits, EngineError> {
    let threads = run.most_threads();
    let name = MachineName::of(scratch.file().path().parent().unwrap_or(scratch.file().path()))?;
    let mut limits = Limits {
        processor: name.processor,
        threads,
        file_system: name.file_system,
        measured_at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        ..Limits::default()
    };
    memory(&mut limits, threads, run)?;
    digest(&mut limits, run)?;
    let written = write(&mut limits, scratch, run)?;
    limits.file_bytes = written;
    let file = scratch.file();
    file.evict(0..written)?;
    let sequential = Chunks::new(0..written, 1 << 20);
    let direct = scan(file, IoEngine::Direct, &sequential, 8 << 20, 1, run)?;
    set(&mut limits, Limit::DirectRead, direct.map(|scan| scan.bytes_per_second()));
    let scattered = scattered(written);
    let random = scan(file, IoEngine::Direct, &scattered, 1 << 20, 1, run)?;
    set(&mut limits, Limit::RandomReads, random.map(|scan| scan.bytes_per_second() / PAGE as f64));
    cached(&mut limits, file, written, threads, run)?;
    Ok(limits)
}

fn set(limits: &mut Limits, limit: Limit, value: Option<f64>) {
    limits.set(limit, value.unwrap_or(0.0));
}

/// The best of some rounds.
fn best(mut round: impl FnMut() -> Result<f64, EngineError>) -> Result<f64, EngineError> {
    (0..ROUNDS).try_fold(0.0, |best, _| Ok(round()?.max(best)))
}

fn memory(limits: &mut Limits, threads: usize, run: &Run<'_>) -> Result<(), EngineError> {
    let most = MachineMemory::known().most().map_or(MEMORY, |most| most / 2);
    let count = MEMORY.min(most) as usize / 8;
    // Written, so that each page has memory of its own.
    let mut words: Vec<u64> = Vec::with_capacity(count);
    while words.len() < count {
        run.go_on()?;
        words.resize(count.min(words.len() + FILLED), 1);
    }
    for (limit, threads) in [(Limit::MemoryOne, 1), (Limit::MemoryAll, threads)] {
        let share = count.div_ceil(threads).max(1);
        let speed = best(|| {
            run.go_on()?;
            let started = Instant::now();
            std::thread::scope(|scope| {
                for part in words.chunks(share) {
                    scope.spawn(move || black_box(sum(part)));
                }
            });
            Ok((8 * count) as f64 / started.elapsed().as_secs_f64())
        })?;
        limits.set(limit, speed);
    }
    Ok(())
}

/// The sum of all words: several independent ones, so that only memory is waited for.
fn sum(words: &[u64]) -> u64 {
    let mut lanes = [0_u64; 16];
    for chunk in words.chunks_exact(16) {
        for (lane, word) in lanes.iter_mut().zip(chunk) {
            *lane = lane.wrapping_add(*word);
        }
    }
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

fn digest(limits: &mut Limits, run: &Run<'_>) -> Result<(), EngineError> {
    let bytes = vec![1_u8; HASHED];
    let speed = best(|| {
        run.go_on()?;
        let started = Instant::now();
        black_box(Sha256::digest(&bytes));
        Ok(HASHED as f64 / started.elapsed().as_secs_f64())
    })?;
    limits.set(Limit::Digest, speed);
    Ok(())
}

/// Writes the file as far as time allows, with bytes that no device can make less of; how far it came.
fn write(limits: &mut Limits, scratch: &Scratch, run: &Run<'_>) -> Result<u64, EngineError> {
    let mut state = SEED;
    let mut piece = vec![0; WRITTEN];
    for word in piece.chunks_exact_mut(8) {
        word.copy_from_slice(&next_random(&mut state).to_le_bytes());
    }
    let (started, mut at) = (Instant::now(), 0);
    while at < scratch.file().len() && (at < LEAST_FILE || started.elapsed() < WRITING) {
        run.go_on()?;
        piece[..8].copy_from_slice(&at.to_le_bytes());
        scratch.write_at(at, &piece)?;
        at += WRITTEN as u64;
        // The device is two pieces behind.
        scratch.wait(at.saturating_sub(3 * WRITTEN as u64)..at.saturating_sub(2 * WRITTEN as u64))?;
        run.done(WRITTEN);
    }
    scratch.wait(0..at)?;
    limits.set(Limit::Write, at as f64 / started.elapsed().as_secs_f64());
    Ok(at)
}

/// Numbers in no order, the same each time.
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Pages of the file in no order, none twice.
fn scattered(len: u64) -> Vec<Range<u64>> {
    let mut pages: Vec<u64> = (0..len / PAGE).collect();
    let mut state = SEED;
    for last in (1..pages.len()).rev() {
        pages.swap(last, (next_random(&mut state) % (last as u64 + 1)) as usize);
    }
    pages.truncate(READS);
    pages.into_iter().map(|page| page * PAGE..(page + 1) * PAGE).collect()
}

/// What is in the page cache, through a mapping and by system calls.
fn cached(
    limits: &mut Limits,
    file: &File,
    len: u64,
    threads: usize,
    run: &Run<'_>,
) -> Result<(), EngineError> {
    let stop = || run.go_on().is_err();
    file.prefetch(0..len, &stop)?;
    run.go_on()?;
    let ways = [
        (Limit::MmapOne, IoEngine::Mmap, 1),
        (Limit::MmapAll, IoEngine::Mmap, threads),
        (Limit::PreadOne, IoEngine::Pread, 1),
        (Limit::PreadAll, IoEngine::Pread, threads),
    ];
    for (limit, engine, threads) in ways {
        let pieces = Chunks::new(0..len, engine.piece_bytes() as u64);
        let speed = best(|| {
            let scan = scan(file, engine, &pieces, engine.piece_bytes(), threads, run)?;
            Ok(scan.map_or(0.0, |scan| scan.bytes_per_second()))
        })?;
        limits.set(limit, speed);
    }
    Ok(())
}

/// How far a scan came in which time.
struct Scan {
    bytes: u64,
    elapsed: Duration,
}

impl Scan {
    fn bytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Reads pieces for a while; none if the file cannot be read that way.
fn scan(
    file: &File,
    engine: IoEngine,
    pieces: &dyn Pieces,
    budget: usize,
    threads: usize,
    run: &Run<'_>,
) -> Result<Option<Scan>, EngineError> {
    let dispenser = Dispenser::new(pieces);
    match file.stream(engine, &dispenser, budget) {
        Ok(_) => {}
        Err(ndfolio_store::StoreError::Unsupported { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let (started, bytes) = (Instant::now(), AtomicU64::new(0));
    let work = || -> Result<(), EngineError> {
        let mut stream = file.stream(engine, &dispenser, budget)?;
        let mut add = |_, piece: Bytes<'_>| {
            bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
            let (mut room, mut at) = (Room::new(), 0);
            while at < piece.len() {
                let tile = piece.tile(at, &mut room);
                at += tile.len();
                black_box(touch(tile));
            }
        };
        while stream.next_in_place(&mut add)?.is_some() {
            run.go_on()?;
            if started.elapsed() > READING {
                dispenser.stop();
            }
        }
        Ok(())
    };
    let result = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (1..threads).map(|_| scope.spawn(|| work().inspect_err(|_| dispenser.stop()))).collect();
        let own = work().inspect_err(|_| dispenser.stop());
        let all =
            workers.into_iter().map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        all.chain([own]).collect::<Result<Vec<()>, _>>()
    });
    result?;
    let bytes = bytes.into_inner();
    run.done(bytes as usize);
    Ok(Some(Scan { bytes, elapsed: started.elapsed() }))
}

/// Looks at each byte, as arithmetic would.
fn touch(bytes: &[u8]) -> u64 {
    let mut lanes = [0_u64; 8];
    for chunk in bytes.chunks_exact(64) {
        for (lane, word) in lanes.iter_mut().zip(chunk.as_chunks::<8>().0) {
            *lane = lane.wrapping_add(u64::from_le_bytes(*word));
        }
    }
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Observer;

    #[test]
    fn random_pages_are_all_different() {
        for len in [LEAST_FILE, 24 << 20, 512 << 20] {
            let found = scattered(len);
            assert_eq!(found.len() as u64, (len / PAGE).min(READS as u64));
            assert!(found.iter().all(|range| range.end <= len && range.end - range.start == PAGE));
            let starts: HashSet<_> = found.iter().map(|range| range.start).collect();
            assert_eq!(starts.len(), found.len(), "{len}");
        }
    }

    #[test]
    fn a_small_file_is_enough_and_is_gone() {
        let folder = std::env::temp_dir().join(format!("ndfolio-measure-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let limits = Limits::measure(&folder, 32 << 20, &Run::default()).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        assert_eq!(limits.file_bytes, 32 << 20);
        for limit in Limit::ALL {
            let device = [Limit::DirectRead, Limit::RandomReads].contains(&limit);
            assert!(device || limits.get(limit).unwrap() > 1e6, "{limit:?} {limits:?}");
        }
        struct Impatient;
        impl Observer for Impatient {
            fn advance(&self, _: u64) {}

            fn cancelled(&self) -> bool {
                true
            }
        }
        let stopped = Limits::measure(&folder, 32 << 20, &Run::default().observe(&Impatient));
        assert!(matches!(stopped, Err(EngineError::Cancelled)));
        std::fs::remove_dir(&folder).unwrap();
    }
}
