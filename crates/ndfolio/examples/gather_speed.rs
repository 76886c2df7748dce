//! How long it takes to gather random rows of a file: `gather_speed FILE ROW_BYTES COUNT [auto|mmap|pread|direct] [MiB]`.
//!
//! The file is taken as raw bytes; what the page cache holds of it is the caller's business.

use std::time::Instant;

use ndfolio::{Format, Indices, Io, IoEngine, OpenOptions, Session, Size};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (row, count): (usize, usize) = (args[1].parse()?, args[2].parse()?);
    let io = match args.get(3).map_or("auto", |way| way) {
        "mmap" => Io::Force(IoEngine::Mmap),
        "pread" => Io::Force(IoEngine::Pread),
        "direct" => Io::Force(IoEngine::Direct),
        _ => Io::Auto,
    };
    let memory: usize = args.get(4).map_or(Ok(64), |text| text.parse())?;
    let rows = std::fs::metadata(&args[0])?.len() as usize / row;
    let array = OpenOptions::new()
        .format(Format::RAW)
        .dtype("u1".parse()?)
        .shape(&[rows as i64, row as i64])
        .open(&args[0])?;
    let mut state = 7_u64;
    let indices: Vec<i64> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) as usize % rows) as i64
        })
        .collect();
    let session = Session::new().io(io).memory(Size::from(memory << 20));
    let start = Instant::now();
    let picked = array.take(Indices::from(&indices), Some(0))?.run(&session).compute()?;
    let seconds = start.elapsed().as_secs_f64();
    let report = picked.report();
    println!(
        "{seconds:.4} s  {}  {} threads  {} reads  {} bytes read  {} buffers  {:?} private  {} ({:?} waiting)",
        report.engine,
        report.threads,
        report.io.reads,
        report.io.bytes_read,
        report.io.buffer_bytes,
        report.private_peak,
        report.reason,
        report.io.wait
    );
    for probe in [0, count / 2, count - 1] {
        let at = indices[probe];
        let wanted = array.slice((at, ..))?.bytes()?;
        assert_eq!(picked.bytes()[probe * row..(probe + 1) * row], wanted, "row {at}");
    }
    Ok(())
}
