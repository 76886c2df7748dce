//! What passes make of reads that fail: an error with the file and the bytes, and nothing partial.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ndfolio_engine::{
    EngineError, Gather, Indexed, Io, Observer, Repeated, Request, Run, Source, describe, digest, gather,
    reduce, reduce_along, scatter,
};
use ndfolio_kernel::Casting;
use ndfolio_kernel::reduce::{NanPolicy, Op, Reducer};
use ndfolio_layout::{Order, Picking, View};
use ndfolio_store::{File, IoEngine, Mode, StoreError, open_failing};

const ITEMS: usize = 1 << 20;
const BYTES: u64 = 8 * ITEMS as u64;

/// A file of the numbers from 0 on, which goes in the end.
struct Numbers(PathBuf);

impl Numbers {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("ndfolio-engine-faults-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let bytes: Vec<u8> = (0..ITEMS).flat_map(|i| (i as f64).to_le_bytes()).collect();
        fs::write(&path, bytes).unwrap();
        Numbers(path)
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn source(file: File) -> Source {
    let view = View::contiguous(&"<f8".parse().unwrap(), &[1024, ITEMS / 1024], Order::C, 0).unwrap();
    Source { file: Arc::new(file), view }
}

fn sum(source: &Source, run: &Run<'_>) -> Result<f64, EngineError> {
    let reducer = Reducer::new(source.view.dtype(), Op::Sum.wanted(), NanPolicy::Propagate).unwrap();
    let (partials, _) = reduce(source, std::slice::from_ref(&reducer), run)?;
    let value = Op::Sum.result(&reducer, &partials[0]).unwrap();
    Ok(value.to_string().parse().unwrap())
}

fn rows(source: &Source, run: &Run<'_>) -> Result<usize, EngineError> {
    let reducer = Reducer::new(source.view.dtype(), Op::Sum.wanted(), NanPolicy::Propagate).unwrap();
    let mut count = 0;
    reduce_along(source, &[0], std::slice::from_ref(&reducer), run, &mut |first, found| {
        found.each(first, |_, partials| count += partials.len());
    })?;
    Ok(count)
}

/// Rows in no order, some several times.
fn row_numbers() -> Vec<i64> {
    (0..300).map(|i| i * 7919 % 200 * 5).collect()
}

/// Reads rows in no order, and looks at what was read.
fn picked(source: &Source, run: &Run<'_>) -> Result<(), EngineError> {
    let indices = row_numbers();
    let picking = Picking::take(&source.view, Some(0), &[300])?;
    let indexed = Indexed { shape: &[300], values: &&indices[..] };
    let what = Gather { source, picking: &picking, indices: &[indexed] };
    let mut out = vec![0; 300 * 8192];
    gather(&what, &mut out, (source.view.dtype(), Casting::No), run)?;
    for (row, index) in out.chunks_exact(8192).zip(&indices) {
        assert_eq!(row[..8], (*index as f64 * 1024.0).to_le_bytes());
        assert_eq!(row[8184..], (*index as f64 * 1024.0 + 1023.0).to_le_bytes());
    }
    Ok(())
}

/// The sum of all numbers.
fn expected() -> f64 {
    (ITEMS as f64 - 1.0) * ITEMS as f64 / 2.0
}

/// The error names the file and a range of bytes within it.
fn assert_told(error: &EngineError, path: &Path, code: i32) {
    let EngineError::Store(StoreError::Io {
        path: found, offset: Some(offset), len: Some(len), source, ..
    }) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(found, path);
    assert!(*len > 0 && offset + len <= BYTES, "{error}");
    assert_eq!(source.raw_os_error(), Some(code));
    let text = error.to_string();
    assert!(text.contains(&format!("bytes {offset}..{}", offset + len)), "{text}");
}

/// Every call of a kind fails in turn, until there are fewer.
fn fail_each(
    call: &'static str,
    engine: IoEngine,
    pass: impl Fn(&Source, &Run<'_>) -> Result<(), EngineError>,
) -> usize {
    let numbers = Numbers::new();
    for threads in [1, 3] {
        for nth in 0.. {
            let (file, failed) = open_failing(&numbers.0, Mode::Read, (call, nth), libc::EIO).unwrap();
            let run = Run::default().threads(threads).io(Io::Force(engine));
            let result = pass(&source(file), &run);
            if !failed() {
                result.unwrap();
                if threads == 3 {
                    return nth;
                }
                break;
            }
            match result {
                Err(error) => assert_told(&error, &numbers.0, libc::EIO),
                // The first look at a device is a read too; without it there are other ways.
                Ok(()) => assert!(engine == IoEngine::Direct && call == "pread"),
            }
        }
    }
    unreachable!("there is an end to every file")
}

fn whole(source: &Source, run: &Run<'_>) -> Result<(), EngineError> {
    assert_eq!(sum(source, run)?, expected());
    Ok(())
}

#[test]
fn every_system_call_can_fail() {
    let calls = fail_each("pread", IoEngine::Pread, whole);
    assert_eq!(calls as u64, BYTES / IoEngine::Pread.piece_bytes() as u64);
    let calls = fail_each("pread", IoEngine::Pread, |source, run| rows(source, run).map(drop));
    assert!(calls >= 8, "{calls}");
    let calls = fail_each("pread", IoEngine::Pread, |source, run| {
        describe(source, &[0, 1], &Request::default(), run, |_| {}).map(drop)
    });
    assert!(calls >= 8, "{calls}");
    let calls = fail_each("pread", IoEngine::Pread, |source, run| digest(source, run).map(drop));
    assert!(calls >= 2, "{calls}");
    let calls = fail_each("pread", IoEngine::Pread, picked);
    assert!(calls >= 200, "{calls}");
}

#[test]
fn every_queued_read_can_fail() {
    let numbers = Numbers::new();
    let file = File::open(&numbers.0, Mode::Read).unwrap();
    let nothing: &[std::ops::Range<u64>] = &[];
    let nothing = nothing.to_vec();
    if let Err(error) = file.stream(IoEngine::Direct, &ndfolio_store::Dispenser::new(&nothing), 1 << 20) {
        eprintln!("skipped: {error}");
        return;
    }
    assert_eq!(fail_each("completed", IoEngine::Direct, whole) as u64, BYTES >> 20);
    assert!(fail_each("submit", IoEngine::Direct, whole) >= 1);
    fail_each("pread", IoEngine::Direct, whole);
    assert!(fail_each("completed", IoEngine::Direct, picked) >= 4);
    assert!(fail_each("submit", IoEngine::Direct, picked) >= 1);
}

#[test]
fn every_write_to_places_can_fail() {
    // Each row is a write of its own; a few of them fail.
    for nth in (0..).step_by(37) {
        let numbers = Numbers::new();
        let (file, failed) = open_failing(&numbers.0, Mode::ReadWrite, ("pwrite", nth), libc::EIO).unwrap();
        let (source, indices, run) = (source(file), row_numbers(), Run::default());
        let picking = Picking::take(&source.view, Some(0), &[300]).unwrap();
        let indexed = Indexed { shape: &[300], values: &&indices[..] };
        let what = Gather { source: &source, picking: &picking, indices: &[indexed] };
        let item = Repeated { items: &(-1.0_f64).to_le_bytes(), itemsize: 8 };
        let result = scatter(&what, &*source.file, &item, &mut |_, write| write(), &run);
        let rows = fs::read(&numbers.0).unwrap();
        let rows = rows.chunks_exact(8).map(|item| f64::from_le_bytes(item.try_into().unwrap()));
        let written = rows.enumerate().filter(|&(at, item)| item != at as f64).inspect(|&(at, item)| {
            assert_eq!((item, at / 1024 % 5), (-1.0, 0), "an item that nobody wrote to");
        });
        let written = written.count();
        if !failed() {
            result.unwrap();
            assert_eq!(written, 200 * 1024);
            assert!(nth > 2);
            break;
        }
        assert_told(&result.unwrap_err(), &numbers.0, libc::EIO);
        assert!(written < 200 * 1024);
    }
}

/// Cuts a file once so many bytes were seen.
struct Cut<'a> {
    path: &'a Path,
    after: u64,
    seen: AtomicU64,
}

impl Observer for Cut<'_> {
    fn advance(&self, bytes: u64) {
        let seen = self.seen.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if seen >= self.after && seen - bytes < self.after {
            fs::OpenOptions::new().write(true).open(self.path).unwrap().set_len(self.after).unwrap();
        }
    }
}

#[test]
fn every_page_of_a_mapping_can_be_gone() {
    // No system call reads pages: they are taken away in the middle, which is the same signal as a bad device.
    for engine in IoEngine::ALL {
        for part in 0..8 {
            let numbers = Numbers::new();
            let after = part * BYTES / 8;
            let cut = Cut { path: &numbers.0, after: after.max(1), seen: AtomicU64::new(0) };
            let source = source(File::open(&numbers.0, Mode::Read).unwrap());
            let run = Run::default().threads(1).io(Io::Force(engine)).observe(&cut);
            // Reads under way have their bytes already, and pieces that were worked on.
            let at_the_end = after + engine.piece_bytes() as u64 > BYTES;
            match sum(&source, &run) {
                Err(EngineError::Store(StoreError::Truncated { path, .. })) => assert_eq!(path, numbers.0),
                Ok(sum) => assert!((engine == IoEngine::Direct || at_the_end) && sum == expected()),
                Err(error) => panic!("{engine} {part}: {error:?}"),
            }
        }
    }
}
