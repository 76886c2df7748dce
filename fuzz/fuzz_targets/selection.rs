//! A selection as text, of arrays of several shapes: what is selected lies in the array.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_layout::{Order, Selection, View};

fuzz_target!(|text: &str| {
    let Ok(selection) = text.parse::<Selection>() else { return };
    for (shape, order) in [
        (&[][..], Order::C),
        (&[0, 3], Order::C),
        (&[7], Order::F),
        (&[5, 4, 3], Order::F),
        (&[1 << 40, 2], Order::C),
        (&[3, usize::MAX >> 6], Order::C),
    ] {
        let dtype = "|u1".parse().expect("a dtype");
        let whole = View::contiguous(&dtype, shape, order, 100).expect("an array");
        let Ok(part) = whole.select(&selection) else { continue };
        assert!(part.size() <= whole.size());
        if !part.is_empty() {
            let (part, whole) = (part.extent(), whole.extent());
            assert!(whole.start <= part.start && part.end <= whole.end, "{text}");
        }
    }
});
