//! What is measured.

use crate::bench::{
    data::{F4, HALF, Kind, SECOND, THIRD, TWICE_F8, TWICE_OTHER_F4, WIDE_F},
    state::Place,
};

/// The files, in the order in which they are told.
pub(super) const FILES: &[Kind] = &[F4, SECOND, THIRD, HALF, TWICE_F8, TWICE_OTHER_F4, WIDE_F];

/// What the files are called in an expression.
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];

/// What ndfolio is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    /// An expression whose result is a new file.
    Eval(&'static str),
    /// An expression whose result is a number.
    Number(&'static str),
    /// The arguments of `ndfolio convert`.
    Convert(&'static [&'static str]),
}

/// One result of some files.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) files: &'static [Kind],
    pub(super) asked: Asked,
    /// The operation of the program in C, where it has it.
    pub(super) bound: Option<&'static str>,
    /// The case of expressions.py.
    pub(super) python: &'static str,
    /// Whether ndfolio's items are NumPy's to the last bit. Sums in double precision make other means than NumPy's in
    /// single precision do.
    pub(super) is_exact: bool,
    places: &'static [Place],
}

impl Case {
    pub(super) fn is_measured(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    const fn eval(name: &'static str, python: &'static str, files: &'static [Kind]) -> Case {
        let (asked, bound) = (Asked::Eval(name), Some(python));
        Case { name, files, asked, bound, python, is_exact: false, places: &[Place::Hot, Place::Group] }
    }

    const fn number(name: &'static str, python: &'static str) -> Case {
        let asked = Asked::Number(name);
        Case { name, files: &[HALF], asked, bound: None, python, is_exact: false, places: &[Place::Hot] }
    }

    const fn convert(
        name: &'static str,
        python: &'static str,
        files: &'static [Kind],
        arguments: &'static [&'static str],
    ) -> Case {
        let asked = Asked::Convert(arguments);
        Case { name, files, asked, bound: None, python, is_exact: true, places: &[Place::Hot, Place::Cold] }
    }

    const fn exact(self) -> Case {
        Case { is_exact: true, ..self }
    }

    const fn bound(self, bound: Option<&'static str>) -> Case {
        Case { bound, ..self }
    }

    const fn at(self, places: &'static [Place]) -> Case {
        Case { places, ..self }
    }
}

const HOT: &[Place] = &[Place::Hot];

/// In the order of the table.
pub(super) const CASES: &[Case] = &[
    Case::eval("a * b + c", "multiply-add", &[F4, SECOND, THIRD]).exact(),
    Case::eval("(a - mean(a)) / std(a)", "normalize", &[F4]),
    Case::eval("(a - mean(a, axis=0)) / std(a, axis=0)", "normalize-axis0", &[F4]).bound(None).at(HOT),
    Case::convert("convert f8 to f4", "cast", &[TWICE_F8], &["--to-dtype", "<f4"]).bound(Some("f8-f4")),
    Case::convert("convert >f4 to <f4", "cast", &[TWICE_OTHER_F4], &["--to-dtype", "<f4"])
        .bound(Some("swap-f4")),
    Case::convert("convert f4 from F to C order", "order", &[WIDE_F], &["--to-order", "C"])
        .bound(Some("order-f4")),
    Case::number("sum(exp(a))", "sum-exp").bound(Some("sum-exp-f4")),
    Case::number("sum(log(a))", "sum-log").bound(Some("sum-log-f4")),
    Case::number("sum(sin(a))", "sum-sin").bound(Some("sum-sin-f4")),
    Case::number("sum(tanh(a))", "sum-tanh").bound(Some("sum-tanh-f4")),
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
        for case in CASES {
            let Some(bound) = case.bound else { continue };
            let file = if matches!(case.asked, Asked::Number(_)) { "bound.c" } else { "new.h" };
            let program = fs::read_to_string(root().join("xtask/bound").join(file)).unwrap();
            assert!(program.contains(&format!("{{\"{bound}\",")), "{bound}");
        }
    }

    #[test]
    fn expressions_name_their_files() {
        for case in CASES {
            let (Asked::Eval(text) | Asked::Number(text)) = case.asked else { continue };
            for (at, name) in NAMES.iter().enumerate() {
                let words = text.split(|c: char| !c.is_ascii_alphanumeric());
                assert_eq!(
                    words.into_iter().any(|word| word == *name),
                    at < case.files.len(),
                    "{text}, {name}"
                );
            }
        }
    }
}
