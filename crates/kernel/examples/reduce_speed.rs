//! How fast items are reduced on one thread, from memory that the L2 cache holds.
//!
//! `cargo run --release -p ndfolio-kernel --example reduce_speed [part of a name]`

use std::{hint::black_box, time::Instant};

use ndfolio_kernel::reduce::{Columns, Level, NanPolicy, Reducer, Scratch, Tree, Wanted, piece};

const BYTES: usize = 256 << 10;

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    println!("{:28}{}", "GB/s", Level::available().iter().map(|l| format!("{l:>10?}")).collect::<String>());
    let (sum, m2, extremes, places) = (Wanted::SUM, Wanted::M2, Wanted::EXTREMES, Wanted::POSITIONS);
    for dtype in ["<f4", ">f4", "<f8", "<f2", ">f2", "<c8", "i1", "u1", "<i2", "<i4", ">i4", "<i8", "?"] {
        let names = [
            ("sum", sum),
            ("m2", m2),
            ("extremes", extremes),
            ("places", places),
            ("nonzero", Wanted::NONZERO),
            ("prod", Wanted::PROD),
            ("squares", Wanted::SQUARES),
            ("all", m2 | places),
        ];
        for (name, wanted) in names {
            run(&part, dtype, name, wanted, NanPolicy::Propagate, rows);
        }
        run(&part, dtype, "nansum", sum, NanPolicy::Skip, rows);
        run(&part, dtype, "nansum, a NaN in 50", sum, NanPolicy::Skip, rows_with_nan);
        for (name, wanted) in [("sum", sum), ("m2", m2), ("extremes", extremes), ("places", places)] {
            run(&part, dtype, &format!("columns {name}"), wanted, NanPolicy::Propagate, columns);
        }
    }
}

/// Prints one line, if its name has `part`: a column for each instruction set.
fn run(
    part: &str,
    dtype: &str,
    name: &str,
    wanted: Wanted,
    nan: NanPolicy,
    pass: fn(&Reducer, &mut [u8]) -> f64,
) {
    let title = format!("{dtype} {name}");
    if !title.contains(part) {
        return;
    }
    let mut items = items(dtype);
    let reducer = Reducer::new(&dtype.parse().expect("a dtype"), wanted, nan).expect("a reduction");
    let speeds = Level::available().into_iter().map(|level| {
        let reducer = reducer.clone().with_level(level);
        format!("{:10.1}", pass(&reducer, &mut items))
    });
    println!("{title:28}{}", speeds.collect::<String>());
}

/// Items without NaN: numbers from 1 to 2 in floating point.
fn items(dtype: &str) -> Vec<u8> {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    let one = |bytes: &[u8]| {
        if dtype.starts_with('>') { bytes.iter().rev().copied().collect() } else { bytes.to_vec() }
    };
    let mut items = Vec::with_capacity(BYTES);
    while items.len() < BYTES {
        let x = 1.0 + random() as f64 / (1_u64 << 31) as f64;
        match &dtype[1..] {
            "f2" => items.extend(one(&half::f16::from_f64(x).to_ne_bytes())),
            "f4" | "c8" => items.extend(one(&(x as f32).to_ne_bytes())),
            "f8" => items.extend(one(&x.to_ne_bytes())),
            _ => items.extend((random() as u32).to_ne_bytes()),
        }
    }
    items
}

fn rows(reducer: &Reducer, items: &mut [u8]) -> f64 {
    let mut scratch = Scratch::default();
    best(|| {
        let mut tree = Tree::new();
        for (level, partial) in piece(reducer, black_box(&*items), 0, &mut scratch) {
            tree.push(reducer, level, partial);
        }
        black_box(tree.finish(reducer));
    })
}

fn rows_with_nan(reducer: &Reducer, items: &mut [u8]) -> f64 {
    items.chunks_mut(50 * 16).for_each(|some| some[..16].fill(0xff));
    rows(reducer, items)
}

fn columns(reducer: &Reducer, items: &mut [u8]) -> f64 {
    let mut scratch = Scratch::default();
    let mut columns = Columns::new(reducer, 1024);
    best(|| columns.group(black_box(&*items), 0, &mut scratch))
}

/// GB/s of the best of many passes.
fn best(mut pass: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..4 {
            pass();
        }
        least = least.min(start.elapsed().as_secs_f64() / 4.0);
    }
    BYTES as f64 / least / 1e9
}
