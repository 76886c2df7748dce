//! An archive: what is mapped lies where an independent reader finds a stored member, and nowhere twice.

#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use ndfolio_format::{Format, ReadOptions, read};

/// Where the other reader finds the bytes of all members.
fn others(file: &[u8]) -> Option<Vec<Range<u64>>> {
    let archive = rawzip::ZipArchive::from_slice(file).ok()?;
    let mut entries = archive.entries();
    let mut ranges = Vec::new();
    while let Some(entry) = entries.next_entry().ok()? {
        let (start, end) = archive.get_entry(entry.wayfinder()).ok()?.compressed_data_range();
        ranges.push(start..end);
    }
    Some(ranges)
}

fuzz_target!(|data: &[u8]| {
    let Ok(contents) = read(&data, "fuzzed.npz", &ReadOptions::default()) else { return };
    if contents.format != Format::NPZ {
        return;
    }
    let views = contents.members.iter().filter_map(|member| member.view().ok());
    let mut extents: Vec<_> = views.map(|view| view.extent()).filter(|extent| !extent.is_empty()).collect();
    extents.sort_by_key(|extent| extent.start);
    assert!(extents.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let Some(ranges) = others(data) else { return };
    for extent in extents {
        assert!(extent.end <= data.len() as u64);
        let found = ranges.iter().any(|range| range.start < extent.start && extent.end <= range.end);
        assert!(found, "{extent:?} lies in none of {ranges:?}");
    }
});
