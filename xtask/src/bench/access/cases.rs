//! What is measured.

use crate::bench::{
    data::{Kind, ROWS, ROWS_QUARTER, TOKENS},
    programs::{NUMPY, OURS, Program},
    state::Place,
};

/// The files, in the order in which they are told.
pub(super) const FILES: &[Kind] = &[ROWS, ROWS_QUARTER, TOKENS];

/// How many rows a gather takes.
pub(super) const PICKS: u64 = 32_768;

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    /// Rows of random numbers, into one buffer.
    Gather,
    /// Batches of windows of tokens at random, and the same windows one token later, as wider integers.
    Windows,
    /// All rows once, in shuffled blocks; beside reading the file from its beginning to its end.
    Blocks,
    /// All rows once, in any order; beside reading so many rows at random.
    Full,
    /// A new file of all rows in another order.
    Shuffle,
}

/// One way to read a file.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) asked: Asked,
    pub(super) file: Kind,
    /// Bytes of a row, whatever the file's columns are.
    pub(super) row: u64,
    places: &'static [Place],
    /// Who can do it.
    programs: &'static [Program],
}

impl Case {
    pub(super) fn is_measured(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    pub(super) fn is_for(&self, program: Program, place: Place) -> bool {
        // The first pass of the program in C is past the page cache; NumPy's random rows of what memory does not hold
        // would be waited for.
        let is_too_slow = self.asked == Asked::Shuffle
            && (if place == Place::Hot { Program::Bound } else { Program::Python("numpy-chunks") })
                == program;
        self.programs.contains(&program) && !is_too_slow
    }

    /// The name of the case in access.py.
    pub(super) fn python(&self) -> &'static str {
        match self.asked {
            Asked::Gather => "gather",
            Asked::Windows => "windows",
            Asked::Blocks => "blocks",
            Asked::Full => "full",
            Asked::Shuffle => "shuffle",
        }
    }
}

const ALL: &[Program] = &[Program::Bound, Program::Ndfolio, OURS, NUMPY[0]];
const CHUNKS: &[Program] = &[Program::Bound, Program::Ndfolio, OURS, NUMPY[1]];
const BATCHES: &[Program] = &[Program::Ndfolio, OURS, NUMPY[0]];
const EPOCH: &[Program] = &[Program::Bound, Program::Ndfolio, OURS];
const ANYWHERE: &[Place] = &[Place::Hot, Place::Cold, Place::Group];

const fn case(name: &'static str, asked: Asked, file: Kind, places: &'static [Place]) -> Case {
    let (row, programs) = match asked {
        Asked::Gather => (1024, ALL),
        Asked::Windows => (2, BATCHES),
        Asked::Blocks | Asked::Full => (4096, EPOCH),
        Asked::Shuffle => (1024, CHUNKS),
    };
    Case { name, asked, file, row, places, programs }
}

/// In the order of the table.
pub(super) const CASES: &[Case] = &[
    case("32768 rows of 1 KiB", Asked::Gather, ROWS, ANYWHERE),
    case("200 batches of 64 windows of 1024 tokens", Asked::Windows, TOKENS, &[Place::Hot, Place::Cold]),
    case("epoch of rows of 4 KiB in shuffled blocks", Asked::Blocks, ROWS, &[Place::Cold]),
    case("epoch of rows of 4 KiB in any order", Asked::Full, ROWS_QUARTER, &[Place::Cold]),
    case("shuffle rows of 1 KiB to a new file", Asked::Shuffle, ROWS_QUARTER, &[Place::Hot]),
    case("shuffle rows of 1 KiB to a new file", Asked::Shuffle, ROWS, &[Place::Group]),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::shell::root;

    #[test]
    fn a_name_is_one_case_in_each_state() {
        for place in [Place::Hot, Place::Cold, Place::Group] {
            let mut names: Vec<_> =
                CASES.iter().filter(|case| case.is_measured(place)).map(|case| case.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{place:?}");
        }
    }

    #[test]
    fn access_py_knows_every_case() {
        let script = fs::read_to_string(root().join("xtask/bound/access.py")).unwrap();
        for case in CASES {
            assert!(script.contains(&format!("\"{}\": ", case.python())), "{}", case.name);
        }
    }
}
