//! The tables.

use super::{
    data::size_text,
    programs::{NUMPY, Program},
    state::{self, Place},
    turns::Series,
};

/// A case a row, a program a column.
pub(super) struct SideBySide {
    place: Place,
    runs: usize,
    programs: Vec<Program>,
    /// The limit of the group, where there is a column for ndfolio's time to NumPy's best.
    beside_numpy: Option<u64>,
    rows: String,
    /// Whether every file could be locked in memory.
    pub(super) is_locked: bool,
    has_wrong: bool,
}

impl SideBySide {
    pub(super) fn new(place: Place, runs: usize, programs: &[Program]) -> SideBySide {
        SideBySide {
            place,
            runs,
            programs: programs.to_vec(),
            beside_numpy: None,
            rows: String::new(),
            is_locked: true,
            has_wrong: false,
        }
    }

    /// With a last column, and with a limit for what is in a group.
    pub(super) fn beside_numpy(self, limit: u64) -> SideBySide {
        SideBySide { beside_numpy: Some(limit), ..self }
    }

    /// Adds the row of a case, and gives it back.
    pub(super) fn add(&mut self, name: &str, all: &[Option<Series>]) -> String {
        let of = |wanted| {
            let at = self.programs.iter().position(|program| *program == wanted)?;
            all[at].as_ref()
        };
        let (bound, ours) = (of(Program::Bound), of(Program::Ndfolio));
        let private = ours.and_then(|series| series.private).map_or_else(dash, mebibytes);
        let mut row = format!("| {name} |");
        if self.has_bound() {
            row.push_str(&format!(" {} | {} | {} |", time(bound), time(ours), ratio(ours, bound)));
        } else {
            row.push_str(&format!(" {} |", time(ours)));
        }
        row.push_str(&format!(" {private} |"));
        for (program, series) in self.programs.iter().zip(all) {
            if is_peer(&program) {
                row.push_str(&format!(" {} |", peer(series.as_ref(), bound)));
            }
        }
        if self.beside_numpy.is_some() {
            let peers = self.programs.iter().zip(all).filter(|(program, _)| NUMPY.contains(program));
            let times = peers.filter_map(|(_, series)| Some(series.as_ref()?.median()));
            let best = times.min_by(f64::total_cmp);
            let share =
                ours.zip(best).map_or_else(dash, |(ours, best)| format!("{:.2}", ours.median() / best));
            row.push_str(&format!(" {share} |"));
        }
        self.rows.push_str(&row);
        self.rows.push('\n');
        self.has_wrong |= all.iter().flatten().any(|series| series.is_wrong);
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
        let (name, state) = match (self.place, self.beside_numpy) {
            (Place::Group, Some(limit)) => (
                "group",
                format!("{state} Each program in a control group with {} of memory.", size_text(limit)),
            ),
            _ => (name, state.to_owned()),
        };
        let mut columns = match self.has_bound() {
            true => vec![name, "C", "ndfolio", "ratio", "private memory"],
            false => vec![name, "ndfolio", "private memory"],
        };
        columns.extend(self.programs.iter().filter(is_peer).map(|peer| peer.name()));
        if self.beside_numpy.is_some() {
            columns.push("to NumPy's best");
        }
        format!(
            "\n{state} Seconds: medians of {} runs in turns, in brackets the fastest{}.\n\n| {} |\n| ---{} |\n{}{}",
            self.runs,
            if self.has_bound() { "; ratios to C's" } else { "" },
            columns.join(" | "),
            " | ---:".repeat(columns.len() - 1),
            self.rows,
            wrong_text(self.has_wrong)
        )
    }

    /// Whether the program in C is there, and ratios to it.
    fn has_bound(&self) -> bool {
        self.programs.contains(&Program::Bound)
    }
}

/// A program a row: without a limit, and with one.
pub(super) struct Limited {
    bytes: u64,
    runs: usize,
    rows: String,
    has_wrong: bool,
}

impl Limited {
    /// Of a file of so many bytes, an eighth of which is the limit.
    pub(super) fn new(bytes: u64, runs: usize) -> Limited {
        Limited { bytes, runs, rows: String::new(), has_wrong: false }
    }

    pub(super) fn add(&mut self, name: &str, program: Program, free: &Series, limited: &Series) -> String {
        let private = limited.private.map_or_else(dash, mebibytes);
        self.has_wrong |= free.is_wrong || limited.is_wrong;
        let program = program.name();
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
             | group | | no limit | in {} | ratio | private memory |\n| --- | --- | ---: | ---: | ---: | ---: |\n{}{}",
            size_text(self.bytes),
            self.runs,
            size_text(self.bytes / 8),
            self.rows,
            wrong_text(self.has_wrong)
        )
    }
}

/// What is said below a table in which an answer is marked.
fn wrong_text(has_wrong: bool) -> &'static str {
    if has_wrong {
        "\nWrong: the answer is not that of the others, as where a sum is kept in the items' own type.\n"
    } else {
        ""
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn is_peer(program: &&Program) -> bool {
    matches!(program, Program::Python(_))
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
    use super::*;

    fn series(seconds: &[f64]) -> Series {
        Series { seconds: seconds.to_vec(), private: Some(3 << 19), is_wrong: false }
    }

    #[test]
    fn rows_have_a_cell_for_each_program() {
        let programs = [Program::Bound, Program::Ndfolio, NUMPY[0], NUMPY[1]];
        let mut table = SideBySide::new(Place::Hot, 3, &programs);
        let numpy = Series { is_wrong: true, ..series(&[1.0]) };
        let all = [Some(series(&[0.1, 0.2, 0.3])), Some(series(&[0.3, 0.2, 0.4])), Some(numpy), None];
        assert_eq!(
            table.add("sum f4", &all),
            "| sum f4 | 0.200 (0.100) | 0.300 (0.200) | 1.50 (2.00) | 1.5 MiB | 1.000 (1.000), wrong, ×5.0 | - |"
        );
        let markdown = table.markdown();
        let widths: Vec<usize> = markdown
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(widths, [8, 8, 8]);
        assert!(markdown.contains("\nWrong: "));
    }

    #[test]
    fn without_c_there_are_no_ratios() {
        let mut table = SideBySide::new(Place::Hot, 1, &[Program::Ndfolio, NUMPY[0]]);
        let row = table.add("sum f4", &[Some(series(&[0.5])), Some(series(&[1.0]))]);
        assert_eq!(row, "| sum f4 | 0.500 (0.500) | 1.5 MiB | 1.000 (1.000) |");
        assert!(
            table
                .markdown()
                .contains("\n| hot | ndfolio | private memory | numpy |\n| --- | ---: | ---: | ---: |\n")
        );
    }

    #[test]
    fn the_last_column_is_to_the_best_peer() {
        let programs = [Program::Bound, Program::Ndfolio, NUMPY[0], NUMPY[1]];
        let mut table = SideBySide::new(Place::Group, 1, &programs).beside_numpy(1 << 30);
        let all = [None, Some(series(&[0.5])), None, Some(series(&[2.0]))];
        assert_eq!(
            table.add("a + b", &all),
            "| a + b | - | 0.500 (0.500) | - | 1.5 MiB | - | 2.000 (2.000) | 0.25 |"
        );
        let markdown = table.markdown();
        assert!(
            markdown.contains("with 1 GiB of memory.") && markdown.contains("| group | C |"),
            "{markdown}"
        );
    }

    #[test]
    fn a_limit_is_compared_with_none() {
        let mut table = Limited::new(8 << 30, 1);
        let row = table.add("sum f4", Program::Ndfolio, &series(&[4.0]), &series(&[5.0]));
        assert_eq!(row, "| sum f4 | ndfolio | 4.000 (4.000) | 5.000 (5.000) | 1.25 (1.25) | 1.5 MiB |");
        assert!(table.markdown().contains("in 1 GiB") && !table.markdown().contains("Wrong"));
    }
}
