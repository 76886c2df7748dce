//! Pieces that stay where they were read to.
#![allow(clippy::single_range_in_vec_init, reason = "a pass over one piece is a list of one range")]

mod common;

use std::ops::Range;

use common::{Folder, PAGE, cut, pattern};
use ndfolio_store::{File, Held, IoEngine, Mode, StoreError};

const ENGINES: [IoEngine; 3] = IoEngine::ALL;

fn hold(
    file: &File,
    engine: IoEngine,
    pieces: &[Range<u64>],
    held: &mut Held,
) -> Result<IoEngine, StoreError> {
    let pieces = pieces.to_vec();
    file.hold(engine, (&pieces, 1 << 30), held, &|| true).map(|(engine, ..)| engine)
}

fn expect_right(file: &File, engine: IoEngine, pieces: &[Range<u64>], held: &mut Held) {
    hold(file, engine, pieces, held).unwrap();
    // Not in the order in which they came.
    for (index, range) in pieces.iter().enumerate().rev() {
        let bytes = held.piece(index);
        assert!(*bytes == pattern(range.start, (range.end - range.start) as usize), "{engine} {range:?}");
        // The memory is its own, and what another piece is read to.
        bytes.fill(0xff);
    }
}

#[test]
fn all_pieces_are_there_and_their_memory_is_used_again() {
    let folder = Folder::new();
    let len = 3_000_001;
    let file = File::open(folder.file("a", len), Mode::Read).unwrap();
    // More pieces than a queue has entries, long ones, none, and such as lie over each other.
    let many: Vec<_> = (0..300).map(|i| i * 9_999..(i * 9_999 + 10_003).min(len)).collect();
    let lists = [many, vec![128..700_128, 2_000_000..len], vec![], vec![5..5, 1..2, 0..len, len - 1..len]];
    for engine in ENGINES {
        let mut held = Held::default();
        for pieces in lists.iter().chain(lists.iter().rev()) {
            expect_right(&file, engine, pieces, &mut held);
        }
        // From one way to another.
        for other in ENGINES {
            expect_right(&file, other, &lists[1], &mut held);
            expect_right(&file, engine, &lists[1], &mut held);
        }
        expect_right(&file, engine, &lists[1], &mut held);
        let before = held.bytes();
        expect_right(&file, engine, &lists[1], &mut held);
        assert_eq!(held.bytes(), before);
    }
}

#[test]
fn memory_is_refused_beyond_the_budget() {
    let folder = Folder::new();
    let file = File::open(folder.file("a", 1_000_000), Mode::Read).unwrap();
    let pieces = vec![0..100_000, 300_000..400_000];
    for engine in ENGINES {
        let mut held = Held::default();
        let refused = file.hold(engine, (&pieces, 150_000), &mut held, &|| true);
        assert!(matches!(refused, Err(StoreError::Budget { .. })), "{engine}");
        file.hold(engine, (&pieces, 200_000 + 4 * PAGE as usize), &mut held, &|| true).unwrap();
        assert!(held.bytes() <= 200_000 + 4 * PAGE as usize);
        // Nor does it keep what a read with a larger one left.
        file.hold(engine, (&vec![0..10_000], 40_000), &mut held, &|| true).unwrap();
        assert!(held.bytes() <= 40_000, "{engine} {}", held.bytes());
    }
}

#[test]
fn what_is_stopped_or_cut_is_an_error_and_the_next_read_is_right() {
    let folder = Folder::new();
    let path = folder.file("a", 1_000_000);
    let file = File::open(&path, Mode::Read).unwrap();
    let pieces: Vec<_> = (0..10).map(|i| i * 100_000..(i + 1) * 100_000).collect();
    for engine in ENGINES {
        let mut held = Held::default();
        expect_right(&file, engine, &pieces, &mut held);
        let asked = std::cell::Cell::new(0);
        let go_on = || asked.replace(asked.get() + 1) < 3;
        let stopped = file.hold(engine, (&pieces, 1 << 30), &mut held, &go_on);
        assert!(matches!(stopped, Err(StoreError::Io { .. })), "{engine}");
        expect_right(&file, engine, &pieces, &mut held);
        cut(&path, 950_000);
        let found = hold(&file, engine, &pieces, &mut held);
        assert!(matches!(found, Err(StoreError::Truncated { .. })), "{engine} {found:?}");
        assert!(matches!(
            hold(&file, engine, &[0..2_000_000], &mut held),
            Err(StoreError::OutOfRange { .. })
        ));
        expect_right(&file, engine, &pieces[..9], &mut held);
        std::fs::write(&path, pattern(0, 1_000_000)).unwrap();
        expect_right(&file, engine, &pieces, &mut held);
    }
}

#[test]
fn private_changes_are_read() {
    let folder = Folder::new();
    let file = File::open(folder.file("a", 100_000), Mode::CopyOnWrite).unwrap();
    file.write_at(50_000, b"private").unwrap();
    let mut held = Held::default();
    let engine = hold(&file, IoEngine::Direct, &[40_000..60_000], &mut held).unwrap();
    assert_eq!(engine, IoEngine::Pread);
    assert_eq!(&held.piece(0)[10_000..10_007], b"private");
}
