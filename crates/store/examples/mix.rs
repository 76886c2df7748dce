//! A pass over three files that makes a fourth, `a * b + c` of 32-bit floats, with two workers: seconds up to the end
//! of `commit`, medians of several rounds in which all ways to write take turns.
//!
//! ```text
//! cargo run --release -p ndfolio-store --example mix -- FOLDER GIB hot|cold [ROUNDS [WRITE_BUDGET_KIB [READ_BUDGET_KIB]]]
//! ```
//!
//! `hot`: the files are in the page cache and are read where it maps them; `cold`: they are not, and come from the
//! device.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, thread};

use ndfolio_store::{
    Bytes, Chunks, Dispenser, Existing, File, IoEngine, Mode, NewFile, PieceStream, Pieces, Reserve,
    StoreError, Turns,
};

const HEADER: u64 = 128;
const PIECE: usize = 1 << 20;
const WORKERS: usize = 2;
const TILE: usize = 32 << 10;

#[derive(Clone, Copy)]
struct Settings {
    engine: IoEngine,
    /// Whether pieces go by a writer, or else by `write_at`.
    by_writer: bool,
    write_budget: usize,
    read_budget: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [folder, gib, state, rest @ ..] = &words[..] else {
        return Err("usage: mix FOLDER GIB hot|cold [ROUNDS [WRITE_BUDGET_KIB [READ_BUDGET_KIB]]]".into());
    };
    let number = |index: usize, usual: usize| rest.get(index).map_or(Ok(usual), |word| word.parse());
    let len = HEADER + (gib.parse::<f64>()? * f64::from(1 << 30)) as u64;
    let (rounds, write_budget, read_budget) =
        (number(0, 5)?, number(1, 16 << 10)? << 10, number(2, 24 << 10)? << 10);
    let folder = Path::new(folder);
    let inputs: Vec<PathBuf> =
        ["a", "b", "c"].iter().map(|name| folder.join(format!("{name}.bin"))).collect();
    for path in &inputs {
        make_input(path, len)?;
    }
    let files = inputs.iter().map(|path| File::open(path, Mode::Read)).collect::<Result<Vec<_>, _>>()?;
    let engine = if state == "hot" { IoEngine::Mmap } else { IoEngine::Direct };
    for file in files.iter().filter(|_| state == "hot") {
        file.prefetch(0..file.len(), &|| false)?;
    }
    let settings = [true, false].map(|by_writer| Settings { engine, by_writer, write_budget, read_budget });
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); settings.len()];
    for _ in 0..rounds {
        for (settings, times) in settings.iter().zip(&mut times) {
            for file in files.iter().filter(|_| state == "cold") {
                file.evict(0..file.len())?;
            }
            let path = folder.join("made.bin");
            let start = Instant::now();
            pass(&files, &path, len, *settings)?;
            times.push(start.elapsed());
            check(&files, &path, len)?;
            std::fs::remove_file(&path)?;
        }
    }
    for (settings, mut times) in settings.into_iter().zip(times) {
        times.sort_unstable();
        let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
        let median = seconds(times.get(times.len() / 2));
        println!(
            "{state} read {engine}, written by {}: {median:.3} s [{:.3}..{:.3}], {:.2} GB/s written, {:.2} in all",
            if settings.by_writer { "writer" } else { "calls " },
            seconds(times.first()),
            seconds(times.last()),
            len as f64 / median / 1e9,
            4.0 * len as f64 / median / 1e9,
        );
    }
    Ok(())
}

fn make_input(path: &Path, len: u64) -> Result<(), StoreError> {
    if std::fs::metadata(path).is_ok_and(|about| about.len() == len) {
        return Ok(());
    }
    let mut new = NewFile::create(path, Existing::Replace)?;
    new.reserve(len, Reserve::Space)?;
    let mut writer = new.writer(PIECE, 4 * PIECE)?;
    let pieces = Chunks::new(HEADER..len, PIECE as u64);
    for index in 0..pieces.count() {
        let range = pieces.range(index);
        let room = writer.room(range.start, (range.end - range.start) as usize)?;
        for (number, item) in room.chunks_exact_mut(4).enumerate() {
            item.copy_from_slice(&((index * 7 + number) as f32 % 1000.0).to_ne_bytes());
        }
        writer.write()?;
    }
    writer.finish()?;
    drop(writer);
    new.commit()
}

/// A few places of the result are right.
fn check(files: &[File], path: &Path, len: u64) -> Result<(), Box<dyn Error>> {
    let made = File::open(path, Mode::Read)?;
    let item = |file: &File, at: u64| {
        let mut bytes = [0; 4];
        file.read_at(at, &mut bytes).map(|()| f32::from_ne_bytes(bytes))
    };
    for step in 0..1000 {
        let at = HEADER + (len - HEADER - 4) * step / 999 / 4 * 4;
        let expected = item(&files[0], at)? * item(&files[1], at)? + item(&files[2], at)?;
        if item(&made, at)?.to_bits() != expected.to_bits() {
            return Err(format!("wrong at byte {at}").into());
        }
    }
    Ok(())
}

fn pass(files: &[File], path: &Path, len: u64, settings: Settings) -> Result<(), StoreError> {
    let mut new = NewFile::create(path, Existing::Replace)?;
    new.reserve(len, Reserve::Space)?;
    let pieces = Chunks::new(HEADER..len, PIECE as u64);
    let dispenser = Dispenser::new(&pieces);
    thread::scope(|scope| {
        let work = || work(files, &new, &dispenser, settings);
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    new.commit()
}

fn work(files: &[File], new: &NewFile, pass: &Dispenser<'_>, settings: Settings) -> Result<(), StoreError> {
    let turns = Turns::new(pass);
    let dispensers: Vec<_> = files.iter().map(|_| Dispenser::of_turns(pass.pieces(), &turns)).collect();
    let budget = settings.read_budget / WORKERS / files.len();
    let mut streams = Vec::new();
    for (file, dispenser) in files.iter().zip(&dispensers) {
        streams.push(file.stream(settings.engine, dispenser, budget)?);
    }
    let mut writer = new.writer(PIECE, settings.write_budget / WORKERS)?;
    let (mut own, mut tiles) = (vec![0; PIECE], vec![0; 2 * TILE]);
    let [a, b, c] = &mut streams[..] else { unreachable!("there are three files") };
    loop {
        let mut done = None;
        a.next_in_place(&mut |index, a| {
            done = Some(with(b, &mut |b| {
                with(c, &mut |c| {
                    let range = pass.pieces().range(index);
                    let len = (range.end - range.start) as usize;
                    if settings.by_writer {
                        compute([&a, b, c], writer.room(range.start, len)?, &mut tiles);
                        return writer.write();
                    }
                    compute([&a, b, c], &mut own[..len], &mut tiles);
                    new.write_at(range.start, &own[..len])
                })
            }));
        })?;
        match done {
            Some(result) => result?,
            None => break,
        }
    }
    writer.finish()
}

/// The next piece of a stream.
fn with(
    stream: &mut Box<dyn PieceStream + '_>,
    each: &mut dyn FnMut(&Bytes<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut result = Ok(());
    stream.next_in_place(&mut |_, bytes| result = each(&bytes))?;
    result
}

/// `a * b + c`, by tiles that stay in the processor's cache.
fn compute([a, b, c]: [&Bytes<'_>; 3], out: &mut [u8], tiles: &mut [u8]) {
    let (x, y) = tiles.split_at_mut(TILE);
    for (number, out) in out.chunks_mut(TILE).enumerate() {
        let (at, len) = (number * TILE, out.len());
        a.slice(at..at + len).copy_to(&mut x[..len]);
        b.slice(at..at + len).copy_to(&mut y[..len]);
        c.slice(at..at + len).copy_to(out);
        let factors = x.as_chunks::<4>().0.iter().zip(y.as_chunks::<4>().0);
        for (out, (x, y)) in out.as_chunks_mut::<4>().0.iter_mut().zip(factors) {
            *out = (f32::from_ne_bytes(*x) * f32::from_ne_bytes(*y) + f32::from_ne_bytes(*out)).to_ne_bytes();
        }
    }
}
