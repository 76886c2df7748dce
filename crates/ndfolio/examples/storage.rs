//! What storage that can be trusted costs: checksums beside plain reads, appended rows beside plain writes.
//!
//! `cargo run --release -p ndfolio --example storage -- FOLDER [GIB]`
//!
//! Files of so many GiB (2) are made in the folder and removed. All variants take turns, medians of five; before each
//! pass that reads, the file is dropped from the page cache.

use std::{
    env, fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use ndfolio::{AppendOptions, CreateOptions, Session, Synced, ndarray::Array2};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 5;
/// Items of a row: 4 KiB of f4.
const COLUMNS: usize = 1024;
/// Rows of a large batch: 4 MiB.
const LARGE: usize = 1024;
/// Rows of a small batch, and how many there are.
const SMALL: (usize, usize) = (16, 400);

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [folder, rest @ ..] = &words[..] else { return Err("usage: storage FOLDER [GIB]".into()) };
    let gib: usize = rest.first().map_or(Ok(2), |word| word.parse())?;
    let files = Files { folder: PathBuf::from(folder), batches: (gib << 30) / (LARGE * COLUMNS * 4) };
    let result = files.reading().and_then(|()| files.writing()).and_then(|()| files.small_batches());
    files.clear();
    result
}

struct Files {
    folder: PathBuf,
    /// Large batches of the whole file.
    batches: usize,
}

impl Files {
    fn path(&self) -> PathBuf {
        self.folder.join("storage-example.npy")
    }

    fn plain(&self) -> PathBuf {
        self.folder.join("storage-example.bin")
    }

    fn clear(&self) {
        for path in [self.path(), self.path().with_extension("npy.ndsum"), self.plain()] {
            // What is not there need not go.
            let _ = fs::remove_file(path);
        }
    }

    fn cleared(&self) -> Result<()> {
        self.clear();
        Ok(())
    }

    /// Checksums of a cold file, beside a loop that reads it and a sum of its items.
    fn reading(&self) -> Result<()> {
        self.append(LARGE, self.batches, Synced::Commit)?;
        let (path, session) = (self.path(), Session::new());
        ndfolio::checksum(&path, &session)?;
        let array = ndfolio::open(&path)?;
        let mut loop_of_reads = || read_plainly(&path);
        let mut sum = || done(array.reduction().run(&session).sum());
        let mut checksum = || done(ndfolio::checksum(&path, &session));
        let mut verify = || match ndfolio::verify(&path, &session)?.is_damaged() {
            true => Err("damage that nobody made".into()),
            false => Ok(()),
        };
        table(
            "a cold file",
            [
                ("a loop of `read`, 1 MiB each", &mut loop_of_reads),
                ("`sum`", &mut sum),
                ("`checksum`", &mut checksum),
                ("`verify`", &mut verify),
            ],
            || done(array.evict()),
        )
    }

    /// Rows in large batches, beside the same bytes written one after the other.
    fn writing(&self) -> Result<()> {
        table(
            "a new file, large batches",
            [
                ("`write`, and `fdatasync` at the end", &mut || self.write(LARGE, self.batches, false)),
                ("append, none", &mut || self.append(LARGE, self.batches, Synced::None)),
                ("append, data", &mut || self.append(LARGE, self.batches, Synced::Data)),
                ("append, commit", &mut || self.append(LARGE, self.batches, Synced::Commit)),
            ],
            || self.cleared(),
        )
    }

    /// Small batches, each acknowledged.
    fn small_batches(&self) -> Result<()> {
        let (rows, batches) = SMALL;
        table(
            "a new file, 400 batches of 64 KiB, each acknowledged",
            [
                ("`write` and `fdatasync`", &mut || self.write(rows, batches, true)),
                ("append, none", &mut || self.append(rows, batches, Synced::None)),
                ("append, data", &mut || self.append(rows, batches, Synced::Data)),
                ("append, commit", &mut || self.append(rows, batches, Synced::Commit)),
            ],
            || self.cleared(),
        )
    }

    fn append(&self, rows: usize, batches: usize, synced: Synced) -> Result<()> {
        let batch = Array2::from_elem((rows, COLUMNS), 1.5_f32);
        CreateOptions::new("<f4".parse()?, &[0, COLUMNS]).growable().create(self.path())?.close()?;
        let mut appender = AppendOptions::new().durability(synced).open(self.path())?;
        for _ in 0..batches {
            appender.append(&batch)?;
            appender.commit()?;
        }
        appender.close()?;
        Ok(())
    }

    fn write(&self, rows: usize, batches: usize, synced: bool) -> Result<()> {
        let batch = vec![0x3f_u8; rows * COLUMNS * 4];
        let mut file = fs::File::create(self.plain())?;
        for _ in 0..batches {
            file.write_all(&batch)?;
            if synced {
                file.sync_data()?;
            }
        }
        Ok(file.sync_data()?)
    }
}

fn done<T>(result: ndfolio::Result<T>) -> Result<()> {
    result?;
    Ok(())
}

fn read_plainly(path: &Path) -> Result<()> {
    let (mut file, mut buffer) = (fs::File::open(path)?, vec![0; 1 << 20]);
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

type Variant<'a> = (&'a str, &'a mut dyn FnMut() -> Result<()>);

/// Runs the variants in turns, and prints their medians beside the first one's.
fn table<const N: usize>(
    title: &str,
    mut variants: [Variant<'_>; N],
    prepare: impl Fn() -> Result<()>,
) -> Result<()> {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for ((_, variant), times) in variants.iter_mut().zip(&mut times) {
            prepare()?;
            let start = Instant::now();
            variant()?;
            times.push(start.elapsed().as_secs_f64());
        }
    }
    println!("\n| {title} | median | fastest | to the first |\n| --- | ---: | ---: | ---: |");
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    for ((name, _), all) in variants.iter().zip(&times) {
        let ratio = all[ROUNDS / 2] / times[0][ROUNDS / 2];
        println!("| {name} | {:.3} s | {:.3} s | {ratio:.2} |", all[ROUNDS / 2], all[0]);
    }
    Ok(())
}
