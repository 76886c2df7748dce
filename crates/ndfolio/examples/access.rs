//! One access of `cargo xtask bench access`: `access CASE FILE ROW_BYTES INDICES RESULT`.
//!
//! Prints `[seconds, answer, private bytes]`; what the answers are stands in `xtask/bound/access.h` and `access.py`.

use std::time::Instant;

use ndfolio::{
    Array, Indices, Run, Session,
    feed::{Feed, Loader, Shuffle, Starts, Target},
    usage,
};

type Failure = Box<dyn std::error::Error>;

const BATCHES: u64 = 200;
const WINDOWS: usize = 64;
const TOKENS: usize = 1024;
const BATCH_ROWS: usize = 256;
const MODULUS: u64 = 1 << 52;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [case, file, row, indices, result] = &args[..] else {
        return Err("usage: access gather|windows|blocks|full|shuffle FILE ROW_BYTES INDICES RESULT".into());
    };
    let array = ndfolio::open(file)?;
    let row = row.parse()?;
    let (seconds, answer, private) = match case.as_str() {
        "gather" => gather(&array, row, indices)?,
        "windows" => windows(&array)?,
        "blocks" => epoch(&array, row, Shuffle::blocks(), |row| word(&row[..4]))?,
        "full" => epoch(&array, row, Shuffle::Full, probe)?,
        "shuffle" => {
            let start = Instant::now();
            array.shuffle(3)?.save_as(result)?;
            println!("[{}, [], {}]", start.elapsed().as_secs_f64(), private());
            return Ok(());
        }
        other => return Err(format!("there is no case {other}").into()),
    };
    println!("[{seconds}, {answer}, {private}]");
    Ok(())
}

/// The array seen as rows of so many bytes.
fn rows(array: &Array, row: usize) -> Result<Array, Failure> {
    Ok(array.reshape(&[-1, (row / array.dtype().itemsize()) as i64])?)
}

fn private() -> u64 {
    usage::private_memory().unwrap_or(0)
}

fn word(bytes: &[u8]) -> u64 {
    u64::from(u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
}

/// The first and the last four bytes of a row, as integers.
fn probe(row: &[u8]) -> u64 {
    word(&row[..4]) + word(&row[row.len() - 4..])
}

fn gather(array: &Array, row: usize, indices: &str) -> Result<(f64, f64, u64), Failure> {
    let indices: Vec<i64> = ndfolio::load(indices)?.into_iter().collect();
    let array = rows(array, row)?;
    let session = Session::new().memory("64MiB".parse()?);
    let start = Instant::now();
    let picked = array.take(Indices::from(&indices), Some(0))?.run(Run::from(&session)).compute()?;
    let seconds = start.elapsed().as_secs_f64();
    let rows = picked.bytes().chunks_exact(row).map(probe);
    let sum = rows.enumerate().fold(0_u64, |sum, (i, probe)| sum.wrapping_add((i as u64 % 1000 + 1) * probe));
    Ok((seconds, (sum % MODULUS) as f64, picked.report().private_peak.unwrap_or(0)))
}

fn windows(array: &Array) -> Result<(f64, f64, u64), Failure> {
    let tokens = array.reshape(&[-1])?;
    let starts = Starts::Random { windows: BATCHES * WINDOWS as u64 };
    let feed = Feed::windows(tokens, TOKENS, starts, Target::Next).batch_size(WINDOWS).seed(3);
    let mut loader = feed.dtype(0, "<i8".parse()?).loader()?;
    let start = Instant::now();
    let (mut seen, mut most) = (0, 0);
    while let Some(batch) = loader.next_batch()? {
        let token = |array: usize, at: usize| &batch.arrays()[array].bytes()[8 * at..8 * at + 8];
        let last = WINDOWS * TOKENS - 1;
        seen += u32::from(token(0, 1) == token(1, 0)) + u32::from(token(0, last) == token(1, last - 1));
        if batch.step() % 16 == 0 {
            most = private().max(most);
        }
    }
    Ok((start.elapsed().as_secs_f64(), f64::from(seen), most))
}

/// All rows once; the sum of what each of them gives.
fn epoch(
    array: &Array,
    row: usize,
    shuffle: Shuffle,
    of_row: impl Fn(&[u8]) -> u64,
) -> Result<(f64, f64, u64), Failure> {
    let feed = Feed::rows([rows(array, row)?]).batch_size(BATCH_ROWS).shuffle(shuffle).seed(3);
    let mut loader: Loader = feed.loader()?;
    let start = Instant::now();
    let (mut total, mut most) = (0_u64, 0);
    while let Some(batch) = loader.next_batch()? {
        total += batch.arrays()[0].bytes().chunks_exact(row).map(&of_row).sum::<u64>();
        if batch.step() % 256 == 0 {
            most = private().max(most);
        }
    }
    Ok((start.elapsed().as_secs_f64(), (total % MODULUS) as f64, most))
}
