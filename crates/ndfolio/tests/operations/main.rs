//! Sequences of operations against a model, with failing system calls. The fuzz target `operations` has the same driver.

mod driver;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn sequences_keep_every_promise(
        layout in any::<u8>(),
        steps in prop::collection::vec(any::<[u8; driver::STEP]>(), 1..40),
    ) {
        let mut bytes = vec![layout];
        bytes.extend(steps.concat());
        driver::run(&bytes);
    }
}
