use ndfolio::Value;
use serde_json::{Value as Json, json};

use super::*;

fn dtype(text: &str) -> DType {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// What stands in memory at the corners of an array in C order.
fn shown(dtype: &DType, shape: &[usize], bytes: &[u8], options: &Options) -> Vec<Value> {
    let mut at = vec![0];
    for (n, indices) in shape.iter().zip(corners(shape, options)) {
        at = at.iter().flat_map(|start| indices.iter().map(move |i| start * n + i)).collect();
    }
    at.into_iter().map(|i| Value::decode(dtype, &bytes[i * dtype.itemsize()..])).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Every array of the fixture, which `fixtures/make.py` writes, is printed as NumPy printed it.
#[test]
fn arrays_as_numpy_prints_them() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("fixtures/print.json")).unwrap();
    assert!(cases.len() > 300);
    for case in &cases {
        let dtype = dtype(case["dtype"].as_str().unwrap());
        let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
        let mut options = Options::default();
        if let Some(precision) = case["precision"].as_u64() {
            options.precision = precision as usize;
        }
        if case["all"] == true {
            options = options.without_summary();
        }
        let items = shown(&dtype, &shape, &from_hex(case["hex"].as_str().unwrap()), &options);
        let text = array_to_string(&dtype, &shape, &items, &options);
        assert_eq!(text, case["text"].as_str().unwrap(), "{dtype} {shape:?} {options:?}");
    }
}

#[test]
fn corners_of_a_summary() {
    let options = Options::default();
    assert_eq!(corners(&[2, 3], &options), [vec![0, 1], vec![0, 1, 2]]);
    assert_eq!(corners(&[1000], &options)[0].len(), 1000);
    assert_eq!(corners(&[1001], &options), [vec![0, 1, 2, 998, 999, 1000]]);
    assert_eq!(corners(&[6, 1 << 40], &options)[0], [0, 1, 2, 3, 4, 5]);
    assert_eq!(corners(&[1 << 40, 1 << 40], &options)[1].len(), 6);
    assert_eq!(corners(&[0, 7], &options), [vec![], (0..7).collect()]);
    assert!(corners(&[], &options).is_empty());
}

#[test]
fn a_writer_gives_back_its_output() {
    let mut writer = Writer::new(&dtype("<i4"), &[2, 2], &Options::default());
    let items = [1, -20, 300, 4].map(Value::from);
    items.iter().for_each(|item| writer.observe(item));
    let mut rows = writer.write_to(b"a = ".to_vec());
    items.iter().for_each(|item| rows.push(item).unwrap());
    assert_eq!(rows.finish().unwrap(), b"a = [[  1 -20]\n [300   4]]");
}

/// The value as it comes from a file.
fn value(dtype_text: &str, text: &str) -> Value {
    let dtype = dtype(dtype_text);
    let mut bytes = vec![0; dtype.itemsize()];
    Value::parse(text, &dtype).and_then(|value| value.encode(&dtype, &mut bytes)).unwrap();
    Value::decode(&dtype, &bytes)
}

#[test]
fn fields_of_csv() {
    for (kind, text, expected) in [
        ("?", "True", "True"),
        ("<i8", "-9223372036854775808", "-9223372036854775808"),
        ("<f8", "0.1", "0.1"),
        ("<f8", "1e16", "1e+16"),
        ("<f8", "9999999999999998", "9999999999999998.0"),
        ("<f8", "1e-5", "1e-05"),
        ("<f8", "0.0001", "0.0001"),
        ("<f8", "-0.0", "-0.0"),
        ("<f8", "-inf", "-inf"),
        ("<f4", "0.1", "0.1"),
        ("<f4", "123456789", "123456790.0"),
        ("<f2", "0.1", "0.1"),
        ("<f2", "65504", "65500.0"),
        ("<f16", "2.5", "2.5"),
        ("<c8", "1+2j", "1+2j"),
        ("<c16", "0-1.5j", "0-1.5j"),
        ("M8[ms]", "2020-01-02T03:04:05.006", "2020-01-02T03:04:05.006"),
        ("M8[D]", "NaT", "NaT"),
        ("m8[D]", "-3", "-3"),
        ("V2", "0x00ff", "0x00ff"),
        ("[('a', '<i4'), ('v', '<f4', (2,))]", "(1, [0.5, 2])", r#""{""a"":1,""v"":[0.5,2.0]}""#),
    ] {
        assert_eq!(csv_field(&value(kind, text)), expected, "{kind}");
    }
    for (text, expected) in [
        ("plain text", "plain text"),
        ("a,b", "\"a,b\""),
        ("say \"so\"", "\"say \"\"so\"\"\""),
        ("line\nfeed", "\"line\nfeed\""),
        ("", ""),
    ] {
        assert_eq!(csv_field(&Value::from(text)), expected);
        assert_eq!(csv_field(&Value::from(text.as_bytes())), expected);
    }
    assert_eq!(csv_field(&Value::from(b"\xff\0a".as_slice())), r"\xff\x00a");
}

#[test]
fn values_of_json() {
    for (kind, text, expected) in [
        ("?", "True", json!(true)),
        ("<u8", "18446744073709551615", json!(u64::MAX)),
        ("<i8", "-9223372036854775808", json!(i64::MIN)),
        ("<f4", "0.1", json!(0.1)),
        ("<f2", "0.1", json!(0.1)),
        ("<f8", "1e300", json!(1e300)),
        ("<f16", "2.5", json!(2.5)),
        ("<f8", "nan", json!("nan")),
        ("<f4", "-inf", json!("-inf")),
        ("<c16", "1+2j", json!("1+2j")),
        ("M8[D]", "2020-01-02", json!("2020-01-02")),
        ("M8[D]", "NaT", Json::Null),
        ("m8[s]", "-5", json!(-5)),
        ("m8[s]", "NaT", Json::Null),
        ("S4", "ab", json!("ab")),
        ("U4", "é日", json!("é日")),
        ("V2", "0x00ff", json!("0x00ff")),
        ("[('b', '<i4'), ('a', '<f4', (2, 1))]", "(1, [[0.5], [2]])", json!({"b": 1, "a": [[0.5], [2.0]]})),
    ] {
        assert_eq!(json_value(&value(kind, text)), expected, "{kind}");
    }
    assert_eq!(json_value(&Value::from(b"\xff".as_slice())), json!("ÿ"));
}
