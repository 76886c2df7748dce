//! Blocks of a file of which two pieces have a part each.
//!
//! Only whole blocks go past the page cache. The part that comes first is held, and the piece that brings the rest
//! takes the block along with its own. What is left in the end goes through the page cache.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::file::unpoisoned;

/// How many bytes are held at the most: of pieces that come in some order, the rest comes soon.
const HELD: usize = 256 << 10;

/// The parts that are held of one file.
#[derive(Default)]
pub(crate) struct Edges {
    held: Mutex<VecDeque<Edge>>,
    writers: AtomicUsize,
}

/// A part of a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The writer that brought it, and that has to write it in the end.
    owner: usize,
    /// Where the block begins in the file.
    block: u64,
    /// Where the part lies in the block.
    part: Range<usize>,
    bytes: Vec<u8>,
}

impl Edge {
    /// Where the part lies in the file, and its bytes.
    pub(crate) fn place(&self) -> (u64, &[u8]) {
        (self.block + self.part.start as u64, &self.bytes)
    }
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// The rest was there, and the block is whole now.
    Whole,
    /// It is held. Another one, if any, is held no more and has to be written at once.
    Held(Option<Edge>),
}

impl Edges {
    /// The number of another writer.
    pub(crate) fn next_writer(&self) -> usize {
        self.writers.fetch_add(1, Ordering::Relaxed)
    }

    /// A writer brings the `part` of the `memory` of a block, at its beginning or its end.
    pub(crate) fn meet(&self, owner: usize, block: u64, memory: &mut [u8], part: Range<usize>) -> Met {
        let mut held = unpoisoned(&self.held);
        let mut displaced = None;
        if let Some(position) = held.iter().position(|edge| edge.block == block) {
            let edge = held.remove(position).expect("it was found there");
            let rest = if part.start == 0 { part.end..memory.len() } else { 0..part.start };
            if edge.part == rest {
                memory[rest].copy_from_slice(&edge.bytes);
                return Met::Whole;
            }
            // Whichever of the two comes later has to stay.
            displaced = Some(edge);
        } else if (held.len() + 1) * memory.len() > HELD {
            displaced = held.pop_front();
        }
        let bytes = memory[part.clone()].to_vec();
        held.push_back(Edge { owner, block, part, bytes });
        Met::Held(displaced)
    }

    /// A part that this writer brought, and that nobody took; held no more.
    pub(crate) fn left_by(&self, owner: usize) -> Option<Edge> {
        let mut held = unpoisoned(&self.held);
        let position = held.iter().position(|edge| edge.owner == owner)?;
        held.remove(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_part_makes_a_block_whole() {
        let edges = Edges::default();
        let (mut first, mut second) = ([1; 8], [2; 8]);
        assert_eq!(edges.meet(0, 64, &mut first, 0..3), Met::Held(None));
        assert_eq!(edges.meet(1, 72, &mut second, 3..8), Met::Held(None), "another block");
        assert_eq!(edges.meet(1, 64, &mut second, 3..8), Met::Whole);
        assert_eq!(second, [1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(edges.left_by(0), None);
        let left = edges.left_by(1).unwrap();
        assert_eq!(left.place(), (75, &[2; 5][..]));
    }

    #[test]
    fn what_does_not_fit_is_given_back() {
        let edges = Edges::default();
        let mut memory = vec![7; 4096];
        assert_eq!(edges.meet(0, 0, &mut memory, 0..3), Met::Held(None));
        for again in [0..3, 4..4096, 2..4096] {
            let Met::Held(Some(edge)) = edges.meet(0, 0, &mut memory, again.clone()) else {
                panic!("{again:?}")
            };
            assert_eq!(edge.block, 0);
        }
        let room = (HELD / 4096) as u64;
        for block in 1..room {
            assert_eq!(edges.meet(0, block * 4096, &mut memory, 0..1), Met::Held(None));
        }
        let Met::Held(Some(edge)) = edges.meet(0, room * 4096, &mut memory, 0..1) else { panic!() };
        assert_eq!(edge.place(), (2, &vec![7; 4094][..]), "the oldest one");
    }
}
