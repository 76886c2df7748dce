//! How fast functions of single items run over a tile in the L1 cache: `cargo run --release --example elementwise_speed`

use std::{error::Error, hint::black_box, time::Instant};

use ndfolio_kernel::elementwise::{Conditions, Level, Operand, Ufunc};
use ndfolio_kernel::{Caster, Casting};
use ndfolio_layout::DType;
use ndfolio_store::Bytes;

const TILE: usize = 2048;
const CASES: [(&str, &str); 22] = [
    ("add", "f4"),
    ("multiply", "f4"),
    ("divide", "f4"),
    ("add", "f8"),
    ("add", "f2"),
    ("add", "i2"),
    ("multiply", "i8"),
    ("multiply", "c8"),
    ("less", "f4"),
    ("equal", "u1"),
    ("minimum", "f4"),
    ("maximum", "i4"),
    ("clip", "f4"),
    ("absolute", "f4"),
    ("sqrt", "f4"),
    ("floor", "f8"),
    ("isnan", "f4"),
    ("logical_and", "?"),
    ("floor_divide", "i4"),
    ("floor_divide", "f8"),
    ("add", "m8[s]"),
    ("nan_to_num", "f4"),
];
const CASTS: [(&str, &str); 10] = [
    ("f8", "f4"),
    ("f4", "f8"),
    ("f2", "f4"),
    ("f4", "f2"),
    ("i2", "f4"),
    ("u1", "f4"),
    ("i8", "f8"),
    ("f4", "u1"),
    ("f4", "i4"),
    ("i4", "i2"),
];

/// Numbers from 1 to 100 of a dtype.
fn items(dtype: &DType) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut numbers: Vec<u8> = (0..TILE as i64).flat_map(|i| (1 + i % 100).to_ne_bytes()).collect();
    let mut out = vec![0; TILE * dtype.itemsize()];
    Caster::new(&"i8".parse()?, dtype, Casting::Unsafe)?.apply(&mut numbers, &mut out);
    Ok(out)
}

/// Items for each nanosecond.
fn speed(mut run: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        for _ in 0..500 {
            run();
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    (TILE * 500) as f64 / best / 1e9
}

fn main() -> Result<(), Box<dyn Error>> {
    let levels = Level::available();
    println!("{:22}{}", "items/ns", levels.iter().map(|l| format!("{l:>10?}")).collect::<String>());
    for (name, dtype) in CASES {
        let ufunc = Ufunc::from_name(name).ok_or("no such function")?;
        let dtype: DType = dtype.parse()?;
        let found = ufunc.resolve(&vec![Operand::Array(dtype.clone()); ufunc.arity()])?;
        let inputs = found.inputs().iter().map(items).collect::<Result<Vec<_>, _>>()?;
        let slices: Vec<Bytes<'_>> = inputs.iter().map(Bytes::from).collect();
        let mut out = vec![0; TILE * found.output().itemsize()];
        let speeds = levels.iter().map(|level| {
            let (found, mut conditions) = (found.clone().with_level(*level), Conditions::default());
            let speed = speed(|| {
                let ran = found.run(black_box(&slices), black_box(&mut out), &mut conditions);
                assert!(ran.is_ok() && conditions.is_empty());
            });
            format!("{speed:10.2}")
        });
        println!("{:22}{}", format!("{name} {dtype}"), speeds.collect::<String>());
    }
    for (from, to) in CASTS {
        let (from, to): (DType, DType) = (from.parse()?, to.parse()?);
        let caster = Caster::new(&from, &to, Casting::Unsafe)?;
        let (items, mut out) = (items(&from)?, vec![0; TILE * to.itemsize()]);
        let mut conditions = Conditions::default();
        let speed = speed(|| caster.apply_counted(black_box(&items), black_box(&mut out), &mut conditions));
        println!("{:22}{speed:10.2} (best level)", format!("{from} to {to}"));
    }
    Ok(())
}
