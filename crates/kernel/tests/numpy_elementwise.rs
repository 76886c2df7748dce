//! Functions of single items beside what NumPy makes of them (`numpy/elementwise.py`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndfolio_kernel::elementwise::{
    Conditions, Level, Literal, Loop, Operand, Replacements, Ufunc, result_type,
};
use ndfolio_kernel::{Caster, Casting};
use ndfolio_layout::{DType, Kind};
use ndfolio_store::{Bytes, File, Mode};

const TYPES: &str = include_str!("numpy/elementwise_types.txt");
const VALUES: &str = include_str!("numpy/elementwise_values.txt");

fn operand(name: &str) -> Operand {
    match name {
        "int" => Operand::Literal(Literal::Int(1)),
        "float" => Operand::Literal(Literal::Float(1.5)),
        "complex" => Operand::Literal(Literal::Complex(num_complex::Complex::new(0.0, 1.0))),
        _ => Operand::Array(dtype(name)),
    }
}

fn dtype(name: &str) -> DType {
    name.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The name in the fixture: NumPy's letter of a number, or else the text of the dtype.
fn name(dtype: &DType) -> String {
    let letters = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d", "F", "D", "g", "G"];
    let letter = letters.iter().find(|letter| letter.parse::<DType>().unwrap() == *dtype);
    letter.map_or_else(|| dtype.to_string().replace(['<', '|'], ""), |letter| (*letter).to_owned())
}

fn loop_types(found: &Loop) -> String {
    let all = found.inputs().iter().chain([found.output()]);
    all.map(name).collect::<Vec<_>>().join(",")
}

/// The second operands of a line of so many results.
fn seconds(count: usize, turned: bool) -> Vec<&'static str> {
    let numbers = "? b B h H i I l L e f d F D int float complex";
    let others = "M8 M8[Y] M8[D] M8[7s] M8[as] m8 m8[M] m8[D] m8[7s] m8[as] S3 S5 U2";
    let some = "? b L l e d D int float";
    let lists: &[&str] = match (count, turned) {
        (17, _) => &[numbers],
        (_, true) => &[others],
        (22, _) => &[others, some],
        (30, _) => &[numbers, others],
        _ => &[numbers, others, "g G V3"],
    };
    lists.iter().flat_map(|list| list.split(' ')).collect()
}

/// Where NumPy looks at numbers to say whether they are true, here they are cast to bool before; it compares
/// integers of the program as objects, and joins text.
fn is_other_loop(function: &str, got: &str, want: &str) -> bool {
    let joined = function == "add" && got == "-" && want.starts_with(['S', 'U']);
    want.starts_with("O,O") || joined || function.starts_with("logical") && got == "?,?,?"
}

#[test]
fn loops_are_numpys() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in TYPES.lines() {
        let (head, results) = line.split_once(" :").unwrap();
        let turned = results.starts_with(':');
        let results: Vec<&str> = results.trim_start_matches(':').split_whitespace().collect();
        let (function, first) = head.split_once(' ').unwrap_or((head, ""));
        for (second, want) in seconds(results.len(), turned).into_iter().zip(&results) {
            let operands: Vec<Operand> =
                [first, second].iter().filter(|x| !x.is_empty()).map(|x| operand(x)).collect();
            let got = match Ufunc::from_name(function) {
                None => result_type(&operands).map(|dtype| name(&dtype)),
                Some(ufunc) => ufunc.resolve(&operands).map(|found| loop_types(&found)),
            };
            let got = got.unwrap_or_else(|_| "-".to_owned());
            checked += 1;
            if got != *want && !is_other_loop(function, &got, want) {
                wrong.push(format!("{function}({first} {second}): {got}, NumPy has {want}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), wrong.join("\n"));
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn digest(data: &[u8]) -> String {
    let step = |state: u64, byte: &u8| (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("#{:016x}", data.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All that is not a number is the same.
fn canonical(dtype: &DType, data: &mut [u8]) {
    match dtype.kind().unwrap() {
        Kind::Float16 => {
            for x in data.as_chunks_mut().0 {
                if u16::from_ne_bytes(*x) & 0x7fff > 0x7c00 {
                    *x = 0x7e00_u16.to_ne_bytes();
                }
            }
        }
        Kind::Float32 | Kind::Complex64 => {
            for x in data.as_chunks_mut().0 {
                if f32::from_ne_bytes(*x).is_nan() {
                    *x = 0x7fc0_0000_u32.to_ne_bytes();
                }
            }
        }
        Kind::Float64 | Kind::Complex128 => {
            for x in data.as_chunks_mut().0 {
                if f64::from_ne_bytes(*x).is_nan() {
                    *x = 0x7ff8_0000_0000_0000_u64.to_ne_bytes();
                }
            }
        }
        _ => {}
    }
}

fn ufunc(function: &str) -> Ufunc {
    match function {
        "round_1" => Ufunc::Round { decimals: 1 },
        "round_-1" => Ufunc::Round { decimals: -1 },
        "nan_to_num" => Ufunc::NanToNum(Replacements::default()),
        _ => Ufunc::from_name(function).unwrap(),
    }
}

/// Each item with each; a third one is the second, rolled.
fn operands(ufunc: Ufunc, dtype: &DType, items: &[u8]) -> Vec<Vec<u8>> {
    let all: Vec<&[u8]> = items.chunks(dtype.itemsize()).collect();
    if ufunc.arity() == 1 {
        return vec![items.to_vec()];
    }
    let step = |by: usize| all.iter().step_by(by).copied().collect::<Vec<&[u8]>>();
    let kind = dtype.kind().unwrap();
    let negative = |item: &&[u8]| kind.is_signed() && item[item.len() - 1] & 0x80 != 0;
    use Ufunc::{Arctan2, FloatPower, Hypot, Logaddexp, Logaddexp2, Power};
    let (first, second) = match ufunc {
        Arctan2 | FloatPower | Hypot | Logaddexp | Logaddexp2 => (step(3), step(3)),
        _ if kind.is_complex() => (step(4), step(7)),
        Power => (step(1), all.iter().copied().filter(|item| !negative(item)).collect()),
        _ => (step(1), step(1)),
    };
    let repeated: Vec<u8> = first.iter().flat_map(|a| second.iter().flat_map(|_| a.to_vec())).collect();
    let mut tiled: Vec<&[u8]> = first.iter().flat_map(|_| second.clone()).collect();
    let mut all = vec![repeated, tiled.concat()];
    tiled.rotate_right(1);
    all.push(tiled.concat());
    all.truncate(ufunc.arity());
    all
}

/// Casts operands as a loop wants them.
fn cast(from: &DType, items: &[u8], to: &DType) -> Vec<u8> {
    let mut out = vec![0; items.len() / from.itemsize() * to.itemsize()];
    Caster::new(from, to, Casting::Unsafe).unwrap().apply(&mut items.to_vec(), &mut out);
    out
}

fn run(found: &Loop, from: &DType, operands: &[Vec<u8>]) -> (Vec<u8>, Conditions) {
    let inputs: Vec<Vec<u8>> =
        operands.iter().zip(found.inputs()).map(|(items, to)| cast(from, items, to)).collect();
    let private: Vec<Bytes<'_>> = inputs.iter().map(Bytes::from).collect();
    let count = operands[0].len() / from.itemsize();
    let (mut out, mut conditions) = (vec![0; count * found.output().itemsize()], Conditions::default());
    found.run(&private, &mut out, &mut conditions).unwrap();
    let (mut again, mut counted) = (vec![0; out.len()], Conditions::default());
    in_a_mapping(&inputs, |mapped| found.run(mapped, &mut again, &mut counted).unwrap());
    assert!(again == out && counted == conditions, "{found:?} of a mapping");
    (out, conditions)
}

/// Hands over the same bytes where they lie in a file, at no even address.
fn in_a_mapping(inputs: &[Vec<u8>], run: impl FnOnce(&[Bytes<'_>])) {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("ndfolio-kernel-{}-{}", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, [&[7; 3], &inputs.concat()[..]].concat()).unwrap();
    let file = File::open(&path, Mode::Read).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mapping = file.map(0..file.len()).unwrap();
    let (mut mapped, mut rest) = (Vec::new(), mapping.bytes().slice(3..file.len() as usize));
    for input in inputs {
        let (first, after) = rest.split_at(input.len());
        mapped.push(first);
        rest = after;
    }
    run(&mapped);
}

/// By value, as elementary functions may differ in the last digits.
fn near(dtype: &DType, got: &[u8], want: &[u8]) -> bool {
    let close =
        |a: f64, b: f64, digits: f64| a == b || a.is_nan() && b.is_nan() || (a / b - 1.0).abs() < digits;
    let f64s = |bytes: &[u8]| cast(dtype, bytes, &dtype_f64());
    let digits = match dtype.kind() {
        Some(Kind::Float16) => 2e-3,
        Some(Kind::Float32) => 1e-6,
        _ => 1e-14,
    };
    let pair = |(a, b): (&[u8; 8], &[u8; 8])| close(f64::from_ne_bytes(*a), f64::from_ne_bytes(*b), digits);
    f64s(got).as_chunks().0.iter().zip(f64s(want).as_chunks().0).all(pair)
}

/// Whose last digits are another module's matter.
fn is_elementary(ufunc: Ufunc, dtype: &DType) -> bool {
    let complex = dtype.kind().unwrap().is_complex();
    match ufunc {
        Ufunc::Arcsinh | Ufunc::Arccosh => true,
        Ufunc::Power => !dtype.kind().unwrap().is_integer(),
        Ufunc::Absolute | Ufunc::Angle | Ufunc::Sqrt | Ufunc::Sign => complex,
        // NumPy's cast back to integers is not defined where they are too large.
        Ufunc::Round { decimals: -1 } => {
            matches!(dtype.itemsize(), 4 | 8) && dtype.kind().unwrap().is_integer()
        }
        _ => false,
    }
}

/// Here conditions of complex numbers are seen by their results alone; NumPy's are those of its steps on the
/// way. It warns of some infinite operands of powers and neighbours, too, and of NaN's spacing among halves.
fn counts_otherwise(ufunc: Ufunc, dtype: &DType) -> bool {
    let kind = dtype.kind().unwrap();
    match ufunc {
        _ if kind.is_complex() => true,
        // Their own module does not overflow on the way to a finite result.
        Ufunc::Arcsinh | Ufunc::Arccosh => true,
        Ufunc::Power | Ufunc::Nextafter => true,
        Ufunc::Spacing => kind == Kind::Float16,
        Ufunc::Round { decimals: -1 } => kind.is_integer(),
        _ => false,
    }
}

fn dtype_f64() -> DType {
    DType::native(Kind::Float64)
}

#[test]
fn values_are_numpys() {
    let mut items = HashMap::new();
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in VALUES.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [function, from, rest @ ..] = &words[..] else { panic!("{line}") };
        if *function == "items" {
            items.insert(*from, bytes(rest[0]));
            continue;
        }
        let (ufunc, from_dtype) = (ufunc(function), dtype(from));
        let arity = ufunc.arity();
        let found = ufunc.resolve(&vec![Operand::Array(from_dtype.clone()); arity]).unwrap();
        let (mut out, conditions) = run(&found, &from_dtype, &operands(ufunc, &from_dtype, &items[from]));
        canonical(found.output(), &mut out);
        let same = match rest[4].starts_with('#') {
            true => digest(&out) == rest[4] || is_elementary(ufunc, &from_dtype),
            false if rest[4].len() > 64 => {
                near(found.output(), &out, &bytes(rest[4])) || is_elementary(ufunc, &from_dtype)
            }
            false => hex(&out) == rest[4],
        };
        let counts = format!("{} {} {}", conditions.divide, conditions.overflow, conditions.invalid);
        checked += 1;
        let counted = counts == rest[1..4].join(" ") || counts_otherwise(ufunc, &from_dtype);
        if !same || !counted || name(found.output()) != rest[0] {
            wrong.push(format!("{function} {from} {} {counts} {}", name(found.output()), hex(&out)));
        }
    }
    let short: Vec<String> = wrong.iter().map(|line| line.chars().take(80).collect()).collect();
    assert!(wrong.is_empty(), "{} of {checked}:\n{}", wrong.len(), short.join("\n"));
}

#[test]
fn levels_and_pieces_change_no_bit() {
    let mut items = HashMap::new();
    for line in VALUES.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [function, from, rest @ ..] = &words[..] else { panic!("{line}") };
        if *function == "items" {
            items.insert(*from, bytes(rest[0]));
            continue;
        }
        let (ufunc, from) = (ufunc(function), (dtype(from), &items[from]));
        let found = ufunc.resolve(&vec![Operand::Array(from.0.clone()); ufunc.arity()]).unwrap();
        let operands = operands(ufunc, &from.0, from.1);
        let want = canonical_run(&found, &from.0, &operands);
        for level in Level::available() {
            let found = found.clone().with_level(level);
            assert_eq!(canonical_run(&found, &from.0, &operands), want, "{function} {} {level:?}", from.0);
            let (mut joined, mut conditions) = (Vec::new(), Conditions::default());
            for at in [0..7, 7..8, 8..usize::MAX] {
                let part = |all: &Vec<u8>| {
                    let size = from.0.itemsize();
                    let end = at.end.min(all.len() / size);
                    all[at.start.min(end) * size..end * size].to_vec()
                };
                let (out, more) =
                    canonical_run(&found, &from.0, &operands.iter().map(part).collect::<Vec<_>>());
                joined.extend(out);
                conditions.add(&more);
            }
            assert_eq!((joined, conditions), want, "{function} {} {level:?} in pieces", from.0);
        }
    }
}

fn canonical_run(found: &Loop, from: &DType, operands: &[Vec<u8>]) -> (Vec<u8>, Conditions) {
    let (mut out, conditions) = run(found, from, operands);
    canonical(found.output(), &mut out);
    (out, conditions)
}
