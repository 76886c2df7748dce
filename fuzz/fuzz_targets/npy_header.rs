//! A `.npy` file, as it is; and the same bytes as the text of a header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_format::{FormatError, ReadOptions, npy, read};
use ndfolio_layout::{Order, View};

fn open(file: &[u8]) -> Result<View, FormatError> {
    let contents = read(&file, "fuzzed.npy", &ReadOptions::default())?;
    contents.only()?.view().cloned()
}

fn check(file: &[u8]) {
    let Ok(view) = open(file) else { return };
    assert!(view.extent().end <= file.len() as u64);
    let order = if view.is_contiguous(Order::C) { Order::C } else { Order::F };
    let mut again = npy::header(view.dtype(), view.shape(), order).expect("what was read can be written");
    assert_eq!(again.len() % 64, 0);
    let offset = again.len();
    again.resize(offset + view.nbytes(), 0);
    match open(&again) {
        Ok(same) => {
            assert_eq!((same.dtype(), same.shape()), (view.dtype(), view.shape()));
            assert!(same.is_contiguous(order));
        }
        // Escapes and padding can make the header longer than the one that was read.
        Err(FormatError::HeaderTooLarge { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Some((version, text)) = data.split_first()
        && text.len() < 1 << 16
    {
        let mut file = npy::MAGIC.to_vec();
        match version % 3 {
            0 => {
                file.extend([1, 0]);
                file.extend((text.len() as u16).to_le_bytes());
            }
            major => {
                file.extend([major + 1, 0]);
                file.extend((text.len() as u32).to_le_bytes());
            }
        }
        file.extend(text);
        file.resize(file.len() + 4096, 0);
        check(&file);
    }
});
