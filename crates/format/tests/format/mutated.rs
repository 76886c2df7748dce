//! Good files with bytes changed: an answer or an error, in bounded time and memory, for each.

use ndfolio_format::{RawSpec, ReadOptions, npy, read};
use ndfolio_layout::Order;
use proptest::prelude::*;

use super::common::Watched;

const BYTES: &[u8] = b"\0\x01\x7f\x80\xff()[]{}'\",:\\LOTF0189 \n<>|-";

fn check(bytes: &[u8], largest: usize) -> Result<(), TestCaseError> {
    let file = Watched::new(bytes, bytes.len() as u64);
    if let Ok(contents) = read(&file, "x", &ReadOptions::default()) {
        for view in contents.members.iter().filter_map(|member| member.view().ok()) {
            prop_assert!(view.extent().end <= bytes.len() as u64);
        }
    }
    prop_assert!(file.largest_read() <= largest);
    Ok(())
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![proptest::sample::select(BYTES), any::<u8>()];
    proptest::collection::vec((any::<prop::sample::Index>(), byte), 1..5)
}

fn changed(mut file: Vec<u8>, changes: &[(prop::sample::Index, u8)], limit: usize) -> Vec<u8> {
    let limit = limit.min(file.len());
    for (place, byte) in changes {
        let place = place.index(limit);
        file[place] = *byte;
    }
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn npy_headers(changes in changes(), which in 0_usize..3, cut in 0_usize..400) {
        let descr = ["<f4", "[('a', '<i4'), ('b', '>f8', (2, 3)), ('', '|V3')]", "[('日', '<U3')]"][which];
        let mut file = npy::header(&descr.parse().unwrap(), &[2, 3], Order::C).unwrap();
        let header = file.len();
        file.resize(header + 400 - cut, 0);
        check(&changed(file, &changes, header), 64 << 10)?;
    }

    #[test]
    fn archives(changes in changes(), which in 0_usize..4) {
        let file = [
            &include_bytes!("../fixtures/stored.npz")[..],
            include_bytes!("../fixtures/deflated.npz"),
            include_bytes!("../fixtures/objects.npz"),
            include_bytes!("../fixtures/none.npz"),
        ][which];
        check(&changed(file.to_vec(), &changes, file.len()), 66 << 10)?;
    }

    #[test]
    fn sidecars(changes in changes()) {
        let text = br#"{"dtype": [["a", "<f4"], [["T", "b"], ">i2", [3]]], "shape": [-1, 64], "offset": 16, "order": "F"}"#;
        if let Ok(spec) = RawSpec::from_json(&changed(text.to_vec(), &changes, text.len())) {
            prop_assert_eq!(RawSpec::from_json(spec.to_json().as_bytes()).unwrap(), spec);
        }
    }
}
