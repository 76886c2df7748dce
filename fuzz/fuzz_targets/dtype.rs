//! A dtype as text, through all the ways in which dtypes are written and read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_format::json::{from_dtype, to_dtype};
use ndfolio_layout::DType;

/// Whether a field has no name. Lists of fields cannot say such a name: it stands for padding there, or for
/// the field's place.
fn has_unnamed(dtype: &DType) -> bool {
    match dtype {
        DType::Scalar(_) => false,
        DType::Struct(record) => {
            record.fields().iter().any(|f| f.name().is_empty() || has_unnamed(f.dtype()))
        }
        DType::SubArray(array) => has_unnamed(array.base()),
    }
}

fuzz_target!(|text: &str| {
    let Ok(dtype) = text.parse::<DType>() else { return };
    if has_unnamed(&dtype) {
        return;
    }
    assert_eq!(to_dtype(&from_dtype(&dtype)).expect("JSON that was written is read"), dtype);
    if let Ok(descr) = dtype.descr() {
        assert_eq!(DType::from_descr(&descr).expect("a descr that was written is read"), dtype);
        let text = dtype.to_string();
        assert_eq!(text.parse::<DType>().expect("text that was written is read"), dtype, "{text}");
        // Where fields overlap, packing takes more room.
        assert!(dtype.packed().itemsize() <= dtype.itemsize());
    }
});
