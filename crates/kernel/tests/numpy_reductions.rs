//! Reductions of small arrays beside what NumPy makes of them (`numpy/reductions.py`).

use ndfolio_kernel::reduce::{Columns, NanPolicy, Op, Reducer, Scratch};
use ndfolio_layout::{DType, Value, literal::Literal};

struct Case<'a> {
    dtype: DType,
    items: Vec<u8>,
    op: Op,
    nan: NanPolicy,
    /// The dtype and the bytes of the result, or an exception and its message.
    result: [&'a str; 2],
    line: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn op(name: &str, ddof: f64) -> Op {
    match name.strip_prefix("nan").unwrap_or(name) {
        "sum" => Op::Sum,
        "prod" => Op::Prod,
        "mean" => Op::Mean,
        "var" => Op::Var { ddof },
        "std" => Op::Std { ddof },
        "min" => Op::Min,
        "max" => Op::Max,
        "ptp" => Op::Ptp,
        "argmin" => Op::ArgMin,
        "argmax" => Op::ArgMax,
        "any" => Op::Any,
        "all" => Op::All,
        "count_nonzero" => Op::CountNonzero,
        "norm" => Op::Norm,
        _ => panic!("{name}"),
    }
}

fn case(line: &[Literal]) -> Case<'_> {
    let text = |i: usize| line[i].as_str().unwrap();
    let op = op(text(2), text(3).parse().unwrap());
    let nan = if text(2).starts_with("nan") { NanPolicy::Skip } else { NanPolicy::Propagate };
    assert_eq!(op.name(nan), text(2));
    let result = [text(4), text(5)];
    Case {
        dtype: text(0).parse().unwrap(),
        items: bytes(text(1)),
        op,
        nan,
        result,
        line: format!("{line:?}"),
    }
}

/// By value: NaN equals NaN, zeros of both signs are one, the last digits may differ.
fn equal(a: &Value, b: &Value) -> bool {
    let near =
        |a: f64, b: f64, digits: f64| a == b || a.is_nan() && b.is_nan() || (a / b - 1.0).abs() < digits;
    match (a, b) {
        (Value::Float16(a), Value::Float16(b)) => near(a.to_f64(), b.to_f64(), 1e-3),
        (Value::Float32(a), Value::Float32(b)) => near(f64::from(*a), f64::from(*b), 3e-7),
        (Value::Float64(a), Value::Float64(b)) => near(*a, *b, 1e-15),
        (Value::Complex64(a), Value::Complex64(b)) => {
            near(a.re.into(), b.re.into(), 3e-7) && near(a.im.into(), b.im.into(), 3e-7)
        }
        (Value::Complex128(a), Value::Complex128(b)) => near(a.re, b.re, 1e-15) && near(a.im, b.im, 1e-15),
        _ => a == b,
    }
}

/// Where this is better than NumPy: a half's sum, norm or variance overflows there on the way;
/// for a mean integers of 64 bits are rounded before they are added, and times wrap. And products and means of complex numbers
/// with NaN or infinity differ in the part that nobody can know.
fn is_known(case: &Case<'_>, got: &Value, want: &Value) -> bool {
    let divided = matches!(case.op, Op::Prod | Op::Mean);
    match (got, want) {
        (Value::Float16(got), Value::Float16(want)) => got.is_finite() && !want.is_finite(),
        (Value::Float64(got), Value::Float64(want)) => case.op == Op::Mean && (got - want).abs() <= 1.0,
        (Value::Complex64(got), Value::Complex64(want)) => divided && !got.is_finite() && !want.is_finite(),
        (Value::Complex128(got), Value::Complex128(want)) => divided && !got.is_finite() && !want.is_finite(),
        (Value::Timedelta(..), Value::Timedelta(..)) => {
            case.op == Op::Mean && case.items.starts_with(&i64::MAX.to_le_bytes())
        }
        _ => false,
    }
}

fn check(case: &Case<'_>) {
    let Case { dtype, items, op, nan, result: [expected, detail], line } = case;
    let reducer = match Reducer::new(dtype, op.wanted(), *nan) {
        Ok(reducer) if *expected != "TypeError" => reducer,
        Ok(_) => return assert!(op.result_dtype(dtype).is_err(), "{line}"),
        Err(error) => return assert_eq!(*expected, "TypeError", "{line}: {error}"),
    };
    let mut scratch = Scratch::default();
    let mut columns = Columns::new(&reducer, 1);
    columns.group(items, 0, &mut scratch);
    for partial in [reducer.block(items, 0, &mut scratch), columns.get(0)] {
        let got = op.result(&reducer, &partial);
        if *expected == "ValueError" {
            assert_eq!(got.map_err(|error| error.to_string()), Err((*detail).to_owned()), "{line}");
            continue;
        }
        let expected: DType = expected.parse().unwrap();
        assert_eq!(op.result_dtype(dtype).unwrap().kind(), expected.kind(), "{line}");
        let (got, want) = (got.unwrap(), Value::decode(&expected, &bytes(detail)));
        assert!(equal(&got, &want) || is_known(case, &got, &want), "{got:?} is not {want:?} in {line}");
    }
}

#[test]
fn results_are_numpys() {
    let text = include_str!("numpy/reductions.json");
    let Ok(Literal::List(lines)) = Literal::parse(text, "fixture").map(|parsed| parsed.value) else {
        panic!("the fixture is not a list")
    };
    assert!(lines.len() > 3000);
    for line in &lines {
        let Literal::List(line) = line else { panic!("{line:?}") };
        check(&case(line));
    }
}
