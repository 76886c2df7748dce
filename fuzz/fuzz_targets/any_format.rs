//! Any bytes under any name: found out or refused, with a message that can be shown, and arrays that lie in the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio_format::{KnownMagic, RawSpec, ReadOptions, read, read_raw, sniff};

/// Longer messages help nobody.
const LONGEST: usize = 4000;

fuzz_target!(|data: (u8, &[u8])| {
    let (choice, file) = data;
    let names = ["a.npy", "a.npz", "a.fits", "a.tif", "a.h5", "a.bin", "a", "a.nii.gz"];
    let name = names[usize::from(choice) % names.len()];
    sniff(&file).expect("memory can be read");
    match read(&file, name, &ReadOptions::default()) {
        Ok(contents) => {
            for member in &contents.members {
                match member.view() {
                    Ok(view) => assert!(view.extent().end <= file.len() as u64),
                    Err(error) => assert!(error.to_string().len() < LONGEST),
                }
            }
        }
        Err(error) => assert!(error.to_string().len() < LONGEST, "{error}"),
    }
    let spec = RawSpec::new("<f4".parse().expect("a dtype"));
    for known_magic in [KnownMagic::Refuse, KnownMagic::Ignore] {
        let mut options = ReadOptions::default();
        options.known_magic = known_magic;
        if let Ok(contents) = read_raw(&file, name, &spec, &options) {
            let view = contents.only().and_then(|member| member.view()).expect("a raw file is one array");
            assert!(view.extent().end <= file.len() as u64);
        }
    }
});
