//! Dtypes as JSON.

use ndfolio_format::json::{from_dtype, to_dtype};
use ndfolio_layout::DType;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn what_it_looks_like() {
    for (dtype, expected) in [
        ("<f4", json!("<f4")),
        ("[('a', '<i4'), ('b', '>f8', (2, 3))]", json!([["a", "<i4"], ["b", ">f8", [2, 3]]])),
        ("[(('Title', 'a'), '<i4')]", json!([[["Title", "a"], "<i4"]])),
        ("[('a', '|i1'), ('', '|V7'), ('b', '<f8')]", json!([["a", "|i1"], ["", "|V7"], ["b", "<f8"]])),
        ("(2,3)<f4", json!(["<f4", [2, 3]])),
        ("[('a', [('b', '<i2')], (2,))]", json!([["a", [["b", "<i2"]], [2]]])),
        ("[]", json!([])),
        (
            "{'names': ['a', 'b'], 'formats': ['<i4', '<i2'], 'offsets': [0, 2], 'titles': [None, 'T'], 'itemsize': 8}",
            json!({"names": ["a", "b"], "formats": ["<i4", "<i2"], "offsets": [0, 2], "titles": [null, "T"], "itemsize": 8}),
        ),
    ] {
        let dtype: DType = dtype.parse().unwrap();
        assert_eq!(from_dtype(&dtype), expected, "{dtype}");
        assert_eq!(to_dtype(&expected).unwrap(), dtype);
    }
}

#[test]
fn a_list_of_two_is_not_always_a_sub_array() {
    let two = json!([["a", "<i4"], ["b", "<i4"]]);
    assert_eq!(to_dtype(&two).unwrap().fields().len(), 2);
    let short_shape = json!([["a", "<i4"], ["b", "<i4", 3]]);
    assert_eq!(to_dtype(&short_shape).unwrap().itemsize(), 16);
    let array_of_two = json!([[["a", "<i4"], ["b", "<i4"]], [2, 3]]);
    assert_eq!(to_dtype(&array_of_two).unwrap().itemsize(), 48);
    assert_eq!(from_dtype(&to_dtype(&array_of_two).unwrap()), array_of_two);
}

#[test]
fn refusals() {
    for value in [
        json!(null),
        json!(3),
        json!(true),
        json!({}),
        json!([3]),
        json!([["a"]]),
        json!([["a", "<f4", "x"]]),
        json!([["a", "<f4", [2], 3]]),
        json!([["a", "<f4", [-1]]]),
        json!([["a", "<f4", [1.5]]]),
        json!([[3, "<f4"]]),
        json!([[["t", "a", "b"], "<f4"]]),
        json!(["<f4", [-2]]),
        json!({"names": ["a"]}),
        json!({"names": ["a"], "formats": ["<f4"], "more": 1}),
        json!({"names": "a", "formats": ["<f4"]}),
        json!({"names": ["a"], "formats": ["<f4"], "itemsize": 3}),
    ] {
        assert!(to_dtype(&value).is_err(), "{value}");
    }
    let mut deep = json!("<f4");
    for _ in 0..10_000 {
        deep = Value::Array(vec![Value::Array(vec![json!("a"), deep])]);
    }
    let error = to_dtype(&deep).unwrap_err();
    assert!(error.to_string().contains("nested deeper"), "{error}");
    // Dropping so deep a value would overflow the stack; that is the maker's affair.
    std::mem::forget(deep);
}

proptest! {
    #[test]
    fn there_and_back(dtype in super::npy_write::dtype()) {
        let value = from_dtype(&dtype);
        prop_assert_eq!(to_dtype(&value).unwrap(), dtype);
    }
}
