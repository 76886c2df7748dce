//! Values and lists of values as text, for many dtypes: what was read fits the item, and is the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_layout::{DType, Value};

const DTYPES: [&str; 12] = [
    "|b1",
    "|i1",
    ">u8",
    "<f2",
    "<f8",
    "<c8",
    "|S5",
    "<U3",
    "<M8[D]",
    ">m8[ns]",
    "|V2",
    "[('a', '<i4'), ('b', '>f8', (2,))]",
];

fuzz_target!(|data: (u8, &str)| {
    let (choice, text) = data;
    let dtype: DType = DTYPES[usize::from(choice) % DTYPES.len()].parse().expect("a dtype");
    let Ok((shape, values)) = Value::parse_array(text, &dtype) else { return };
    assert_eq!(shape.iter().product::<usize>(), values.len());
    let mut item = vec![0; dtype.itemsize()];
    for value in &values {
        if value.encode(&dtype, &mut item).is_ok() {
            let again = Value::decode(&dtype, &item);
            let mut same = vec![0; dtype.itemsize()];
            again.encode(&dtype, &mut same).expect("what was stored can be stored");
            assert_eq!(item, same, "{text}");
        }
    }
});
