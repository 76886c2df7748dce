use proptest::prelude::*;

use super::*;

fn dtype(text: &str) -> DType {
    text.parse().unwrap()
}

fn round_trip(text: &str, dtype: &DType) -> String {
    let value = Value::parse(text, dtype).unwrap_or_else(|e| panic!("{text} as {dtype}: {e}"));
    let mut bytes = vec![0; dtype.itemsize()];
    value.encode(dtype, &mut bytes).unwrap();
    Value::decode(dtype, &bytes).to_string()
}

#[test]
fn text_to_bytes_to_text() {
    for (kind, text) in [
        ("b1", "True"),
        ("<i2", "-300"),
        (">i8", "-9223372036854775808"),
        (">u8", "18446744073709551615"),
        ("<f4", "0.1"),
        (">f4", "1e-10"),
        ("<f8", "nan"),
        ("<f8", "-inf"),
        ("<f8", "1e300"),
        ("<c16", "1.0-2.5j"),
        (">c8", "0.0+1.0j"),
        ("M8[D]", "2020-02-29"),
        (">M8[ns]", "1969-12-31T23:59:59.999999999"),
        ("M8[Y]", "-044"),
        ("M8[M]", "1969-12"),
        ("M8[25us]", "2000-01-01T00:00:00.000025"),
        ("M8[W]", "1970-01-08"),
        ("M8[h]", "2020-01-01T05"),
        ("M8[s]", "NaT"),
        ("m8[s]", "-5"),
        ("m8[s]", "NaT"),
        ("<f16", "-1.5"),
        ("<f16", "5e-324"),
        (">f16", "inf"),
        ("V2", "0x00ff"),
        ("<f2", "0.5"),
    ] {
        assert_eq!(round_trip(text, &dtype(kind)), text, "{kind}");
    }
    assert_eq!(round_trip("abc", &dtype("S5")), "b'abc'");
    assert_eq!(round_trip("é日", &dtype(">U3")), "'é日'");
    assert_eq!(round_trip("1e3", &dtype("i4")), "1000");
    assert_eq!(
        round_trip("(1, 'a,b', [2, 3])", &dtype("[('x', '<i4'), ('s', 'S4'), ('v', '>f4', (2,))]")),
        "(1, b'a,b', [2.0, 3.0])"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    for (kind, text) in [
        ("i1", "128"),
        ("u1", "-1"),
        ("u8", "18446744073709551616"),
        ("i4", "1.5"),
        ("i4", "nan"),
        ("f4", "x"),
        ("b1", "2"),
        ("S2", "abc"),
        ("U1", "ab"),
        ("V2", "0x0"),
        ("M8[D]", "2021-02-29"),
        ("M8[D]", "2020-01-01T05"),
        ("M8[ns]", "2500-01-01"),
        ("M8[Y]", "2020-02"),
        ("M8", "2020"),
        ("m8[s]", "1.5"),
        ("[('a', 'i4')]", "1"),
        ("[('a', 'i4')]", "(1, 2)"),
        ("(2,)i4", "[1, 2, 3]"),
    ] {
        let error = Value::parse(text, &dtype(kind)).expect_err(text).to_string();
        assert!(error.contains("cannot store"), "{error}");
    }
}

#[test]
fn lists() {
    let (shape, items) = Value::parse_array("[[1, 2], [3, 4], [5, 6]]", &dtype("i4")).unwrap();
    assert_eq!((shape, items.len()), (vec![3, 2], 6));
    assert_eq!(Value::parse_array("7", &dtype("i4")).unwrap().0, []);
    assert_eq!(Value::parse_array("['a, b', c]", &dtype("S5")).unwrap().1[0], Value::Bytes(b"a, b".to_vec()));
    assert!(Value::parse_array("[[1, 2], [3]]", &dtype("i4")).is_err());
    assert!(Value::parse_array(&"[".repeat(100_000), &dtype("i4")).is_err());
}

proptest! {
    #[test]
    fn every_double_survives_as_a_long_double(bits: u64) {
        let x = f64::from_bits(bits);
        let mut bytes = [0; 16];
        Value::Float64(x).encode(&dtype("<f16"), &mut bytes).unwrap();
        let back = Value::decode(&dtype("<f16"), &bytes).as_f64().unwrap();
        prop_assert!(back == x || (back.is_nan() && x.is_nan()));
    }

    #[test]
    fn a_half_is_the_nearest(exponent in -30_i32..20, fraction in 0_u64..1 << 52, sign: bool) {
        let x = f64::from_bits(((exponent + 1023) as u64) << 52 | fraction) * if sign { -1.0 } else { 1.0 };
        let half = f16_from_f64(x);
        let distance = |h: f16| (h.to_f64() - x).abs();
        for neighbour in [half.to_bits().wrapping_sub(1), half.to_bits() + 1] {
            let neighbour = f16::from_bits(neighbour);
            if half.is_finite() && neighbour.is_finite() {
                let (own, other) = (distance(half), distance(neighbour));
                prop_assert!(own < other || (own == other && half.to_bits().is_multiple_of(2)), "{} {}", x, half);
            }
        }
    }

    #[test]
    fn every_time_reads_back(count: i64, base in 0_usize..12, step in 1_u32..50) {
        let code = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs"][base];
        let unit = dtype(&format!("M8[{step}{code}]"));
        let Some(Kind::Datetime(time)) = unit.kind() else { unreachable!() };
        let count = if base < 7 { count >> 20 } else { count };
        let text = calendar::format(count, time);
        if count != NAT {
            prop_assert_eq!(calendar::parse(&text, time), Some(count), "{}", text);
        }
    }

    #[test]
    fn parsing_never_panics(text in ".{0,40}", kind in prop::sample::select(vec!["i4", "f4", "c8", "S3", "U3", "V3", "M8[ns]", "M8[Y]", "m8[s]", "b1", "g", "[('a','i4'),('b','S2')]", "(2,)f4"])) {
        let _ = Value::parse(&text, &dtype(kind));
        let _ = text.parse::<DType>();
        let _ = text.parse::<crate::Selection>();
    }
}
