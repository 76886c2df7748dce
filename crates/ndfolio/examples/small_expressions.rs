//! What an expression of a few items in memory costs, beside the same by ndarray and by a loop:
//!
//! `cargo run --release -p ndfolio --example small_expressions`
//!
//! The median of many calls, in microseconds. The results are compared.

use std::{hint::black_box, time::Instant};

use ndarray::Array1;
use ndfolio::{Lazy, Session};

/// Calls whose times are sorted, after as many that warm up.
const CALLS: usize = 20_000;

fn main() -> ndfolio::Result<()> {
    let session = Session::new();
    println!("| items | with the items' copy | of items that are there | ndarray | a loop |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for items in [1, 10, 100, 1000, 10_000] {
        let a: Array1<f64> = (0..items).map(f64::from).collect();
        let x = Lazy::from(a.clone());
        let found = of(&x).compute(&session)?.to_array::<f64>()?;
        let expected = by_ndarray(&a);
        assert!(found.iter().eq(expected.iter()), "the values of {items} items are wrong");
        println!(
            "| {items} | {:.2} µs | {:.2} µs | {:.2} µs | {:.2} µs |",
            median(|| of(&Lazy::from(black_box(&a).view())).compute(&session)),
            median(|| of(black_box(&x)).compute(&session)),
            median(|| by_ndarray(black_box(&a))),
            median(|| by_loop(black_box(&a))),
        );
    }
    Ok(())
}

fn of(x: &Lazy) -> Lazy {
    (x - 1.5) * 2.0 + x.sqrt()
}

fn by_ndarray(a: &Array1<f64>) -> Array1<f64> {
    (a - 1.5) * 2.0 + a.sqrt()
}

fn by_loop(a: &Array1<f64>) -> Vec<f64> {
    a.iter().map(|x| (x - 1.5) * 2.0 + x.sqrt()).collect()
}

/// The median time of a call, in microseconds.
fn median<T>(mut call: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..2 * CALLS)
        .map(|_| {
            let start = Instant::now();
            black_box(call());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    let late = &mut times[CALLS..];
    late.sort_by(f64::total_cmp);
    late[CALLS / 2]
}
