//! The tables.

use super::{
    cases::Case,
    data::size_text,
    programs::Program,
    state::{self, Place},
    turns::Series,
};

/// A case a row, a program a column.
pub(super) struct SideBySide {
    place: Place,
    runs: usize,
    programs: Vec<Program>,
    rows: String,
    /// Whether every file could be locked in memory.
    pub(super) is_locked: bool,
}

impl SideBySide {
    pub(super) fn new(place: Place, runs: usize, programs: &[Program]) -> SideBySide {
        SideBySide { place, runs, programs: programs.to_vec(), rows: String::new(), is_locked: true }
    }

    /// Adds the row of a case, and gives it back.
    pub(super) fn add(&mut self, case: &Case, all: &[Option<Series>]) -> String {
        let of = |wanted| {
            let at = self.programs.iter().position(|program| *program == wanted)?;
            all[at].as_ref()
        };
        let (bound, ours) = (of(Program::Bound), of(Program::Ndfolio));
        let private = ours.and_then(|series| series.private).map_or_else(dash, mebibytes);
        let mut row = format!(
            "| {} | {} | {} | {} | {private} |",
            case.name,
            time(bound),
            time(ours),
            ratio(ours, bound)
        );
        for (program, series) in self.programs.iter().zip(all) {
            if let Program::Python(_) = program {
                row.push_str(&format!(" {} |", peer(series.as_ref(), bound)));
            }
        }
        self.rows.push_str(&row);
        self.rows.push('\n');
        row
    }

    pub(super) fn markdown(&self) -> String {
        let (name, state) = match self.place {
            Place::Hot if self.is_locked => ("hot", "Hot: dropped, read again, and locked in memory."),
            Place::Hot => ("hot", "Hot: dropped and read again; not all could be locked in memory."),
            _ if state::can_drop_all() => ("cold", "Cold: all caches dropped before each run."),
            _ => {
                ("cold", "Cold: the file dropped from memory before each run; only root can drop the caches.")
            }
        };
        let peers = self.programs.iter().filter(|program| matches!(program, Program::Python(_)));
        let names: String = peers.clone().map(|peer| format!(" {} |", peer.name())).collect();
        let lines = " ---: |".repeat(peers.count());
        format!(
            "\n{state} Seconds: medians of {} runs in turns, in brackets the fastest; ratios to C's.\n\n\
             | {name} | C | ndfolio | ratio | private memory |{names}\n| --- | ---: | ---: | ---: | ---: |{lines}\n{}",
            self.runs, self.rows
        )
    }
}

/// A program a row: without a limit, and with one.
pub(super) struct Limited {
    bytes: u64,
    runs: usize,
    rows: String,
}

impl Limited {
    /// Of a file of so many bytes, an eighth of which is the limit.
    pub(super) fn new(bytes: u64, runs: usize) -> Limited {
        Limited { bytes, runs, rows: String::new() }
    }

    pub(super) fn add(&mut self, case: &Case, program: Program, free: &Series, limited: &Series) -> String {
        let private = limited.private.map_or_else(dash, mebibytes);
        let (name, program) = (case.name, program.name());
        let (free, limited) = (Some(free), Some(limited));
        let ratio = ratio(limited, free);
        let row =
            format!("| {name} | {program} | {} | {} | {ratio} | {private} |", time(free), time(limited));
        self.rows.push_str(&row);
        self.rows.push('\n');
        row
    }

    pub(super) fn markdown(&self) -> String {
        format!(
            "\nA file of {}, cold. Seconds: medians of {} runs in turns, in brackets the fastest.\n\n\
             | group | | no limit | in {} | ratio | private memory |\n| --- | --- | ---: | ---: | ---: | ---: |\n{}",
            size_text(self.bytes),
            self.runs,
            size_text(self.bytes / 8),
            self.rows
        )
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The median, and the fastest in brackets.
fn time(series: Option<&Series>) -> String {
    series.map_or_else(dash, |series| {
        let wrong = if series.is_wrong { ", wrong" } else { "" };
        format!("{:.3} ({:.3}){wrong}", series.median(), series.fastest())
    })
}

fn ratio(series: Option<&Series>, to: Option<&Series>) -> String {
    series.zip(to).map_or_else(dash, |(series, to)| {
        format!("{:.2} ({:.2})", series.median() / to.median(), series.fastest() / to.fastest())
    })
}

/// A peer's time, and its ratio to C's.
fn peer(series: Option<&Series>, bound: Option<&Series>) -> String {
    match series.zip(bound) {
        Some((series, bound)) => {
            format!("{}, ×{:.1}", time(Some(series)), series.median() / bound.median())
        }
        None => time(series),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{cases::CASES, programs::PYTHON},
        *,
    };

    fn series(seconds: &[f64]) -> Series {
        Series { seconds: seconds.to_vec(), private: Some(3 << 19), is_wrong: false }
    }

    #[test]
    fn rows_have_a_cell_for_each_program() {
        let programs = [Program::Bound, Program::Ndfolio, PYTHON[0], PYTHON[1]];
        let mut table = SideBySide::new(Place::Hot, 3, &programs);
        let numpy = Series { is_wrong: true, ..series(&[1.0]) };
        let all = [Some(series(&[0.1, 0.2, 0.3])), Some(series(&[0.3, 0.2, 0.4])), Some(numpy), None];
        assert_eq!(
            table.add(&CASES[0], &all),
            "| sum f4 | 0.200 (0.100) | 0.300 (0.200) | 1.50 (2.00) | 1.5 MiB | 1.000 (1.000), wrong, ×5.0 | - |"
        );
        let markdown = table.markdown();
        let widths: Vec<usize> = markdown
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(widths, [8, 8, 8]);
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        let mut table = SideBySide::new(Place::Hot, 1, &[Program::Ndfolio, PYTHON[0]]);
        let row = table.add(&CASES[0], &[Some(series(&[0.5])), Some(series(&[1.0]))]);
        assert_eq!(row, "| sum f4 | - | 0.500 (0.500) | - | 1.5 MiB | 1.000 (1.000) |");
    }

    #[test]
    fn a_limit_is_compared_with_none() {
        let mut table = Limited::new(8 << 30, 1);
        let row = table.add(&CASES[0], Program::Ndfolio, &series(&[4.0]), &series(&[5.0]));
        assert_eq!(row, "| sum f4 | ndfolio | 4.000 (4.000) | 5.000 (5.000) | 1.25 (1.25) | 1.5 MiB |");
        assert!(table.markdown().contains("in 1 GiB"));
    }
}
