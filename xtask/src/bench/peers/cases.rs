//! What is measured.

use crate::bench::{
    data::{F2, F4, F4_F, F8, GROUP, I4, Kind, OTHER_F4, U1},
    state::Place,
    turns::Agreement,
};

/// The files, in the order in which they are told.
pub(super) const FILES: &[Kind] = &[F4, F4_F, F8, I4, U1, F2, OTHER_F4, GROUP];

/// One reduction of one file.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) file: Kind,
    /// What ndfolio takes of the file.
    pub(super) selection: &'static str,
    /// The arguments of `ndfolio reduce`.
    pub(super) arguments: &'static [&'static str],
    /// The operation of bound.c, which knows rows of the file and no axes.
    pub(super) bound: &'static str,
    /// The operation of peers.py.
    pub(super) python: &'static str,
    pub(super) agreement: Agreement,
    places: &'static [Place],
}

impl Case {
    pub(super) fn is_measured(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    const fn new(
        name: &'static str,
        file: Kind,
        arguments: &'static [&'static str],
        operation: &'static str,
    ) -> Case {
        let (bound, python) = (operation, operation);
        // What single precision tells of a sum. One that misses a megabyte of a file is further off.
        let agreement = Agreement::Close(1e-4);
        Case { name, file, selection: "", arguments, bound, python, agreement, places: &[Place::Hot] }
    }

    const fn exact(self) -> Case {
        Case { agreement: Agreement::Exact, ..self }
    }

    const fn exact_f4(self) -> Case {
        Case { agreement: Agreement::ExactF4, ..self }
    }

    /// With a result that is a half, as the items are.
    const fn in_halves(self) -> Case {
        Case { agreement: Agreement::Close(1e-3), ..self }
    }

    const fn bound(self, bound: &'static str) -> Case {
        Case { bound, ..self }
    }

    const fn of(self, selection: &'static str) -> Case {
        Case { selection, ..self }
    }

    const fn at(self, places: &'static [Place]) -> Case {
        Case { places, ..self }
    }
}

const BOTH: &[Place] = &[Place::Hot, Place::Cold];
const COLD: &[Place] = &[Place::Cold];
const AXIS_0: &[&str] = &["sum", "--axis", "0"];
const AXIS_1: &[&str] = &["sum", "--axis", "1"];

/// In the order of the table. What differs only in arithmetic is cold once, since the device decides there.
pub(super) const CASES: &[Case] = &[
    Case::new("sum f4", F4, &["sum"], "sum-f4").at(BOTH),
    Case::new("mean f4", F4, &["mean"], "mean-f4"),
    Case::new("var f4", F4, &["var"], "var-f4").at(BOTH),
    Case::new("std f4", F4, &["std"], "std-f4"),
    Case::new("min f4", F4, &["min"], "min-f4").exact_f4(),
    Case::new("max f4", F4, &["max"], "max-f4").exact_f4(),
    Case::new("argmin f4", F4, &["argmin"], "argmin-f4").exact(),
    Case::new("argmax f4", F4, &["argmax"], "argmax-f4").exact().at(BOTH),
    Case::new("sum f4, axis 0, C order", F4, AXIS_0, "axis0-f4").bound("columns-f4").at(BOTH),
    Case::new("sum f4, axis 1, C order", F4, AXIS_1, "axis1-f4").bound("rows-f4"),
    Case::new("sum f4 of every 7th column", F4, &["sum"], "every-f4").of("[:, ::7]").at(BOTH),
    Case::new("sum f4 of one column", F4, &["sum"], "column-f4").of("[:, 5]").at(COLD),
    Case::new("sum f4, axis 0, F order", F4_F, AXIS_0, "axis0-f4").bound("rows-f4"),
    Case::new("sum f4, axis 1, F order", F4_F, AXIS_1, "axis1-f4").bound("columns-f4").at(BOTH),
    Case::new("sum f8", F8, &["sum"], "sum-f8"),
    Case::new("sum i4", I4, &["sum"], "sum-i4").exact(),
    Case::new("sum u1", U1, &["sum"], "sum-u1").exact(),
    Case::new("sum f2", F2, &["sum"], "sum-f2").in_halves().at(BOTH),
    Case::new("sum >f4", OTHER_F4, &["sum"], "sum->f4"),
];

/// Of the file that is larger than the group's memory.
pub(super) const GROUP_CASES: &[Case] = &[
    Case::new("sum f4", GROUP, &["sum"], "sum-f4").at(&[Place::Group]),
    Case::new("sum f4, axis 0", GROUP, AXIS_0, "axis0-f4").bound("columns-f4").at(&[Place::Group]),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;
    use crate::shell::root;

    #[test]
    fn names_are_told_apart() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
    }

    #[test]
    fn the_program_in_c_knows_every_operation() {
        let program = fs::read_to_string(root().join("xtask/bound/bound.c")).unwrap();
        for case in CASES.iter().chain(GROUP_CASES) {
            assert!(program.contains(&format!("{{\"{}\",", case.bound)), "{}", case.bound);
        }
    }
}
