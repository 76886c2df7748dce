//! What `ndfolio … --profile` says on standard error, read by this program.

use anyhow::{Context, Result, bail};

/// What happened in a pass.
#[derive(Debug, PartialEq)]
pub(super) struct Profile {
    pub(super) seconds: f64,
    /// The most private memory, in bytes.
    pub(super) private: u64,
}

pub(super) fn parse(text: &str) -> Result<Profile> {
    let value = |name| happened(text, name).with_context(|| format!("--profile says no {name}:\n{text}"));
    Ok(Profile { seconds: seconds(value("time")?)?, private: bytes(value("private memory")?)? })
}

/// The last column of a line: what happened, and not what was predicted.
fn happened<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    let rest = lines.find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with("  ")))?;
    let columns: Vec<&str> = rest.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect();
    match columns[..] {
        [_, happened] => Some(happened),
        // A long prediction has a line of its own, and what happened stands below.
        [_] => lines.next().map(str::trim),
        _ => None,
    }
}

fn seconds(text: &str) -> Result<f64> {
    let (number, unit) = number(text)?;
    match unit {
        "s" => Ok(number),
        "ms" => Ok(number / 1e3),
        _ => bail!("{text:?} is no time"),
    }
}

fn bytes(text: &str) -> Result<u64> {
    let (number, unit) = number(text)?;
    let factor: u64 = match unit {
        "bytes" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => bail!("{text:?} is no size"),
    };
    Ok((number * factor as f64) as u64)
}

/// The first two words: a number and its unit.
fn number(text: &str) -> Result<(f64, &str)> {
    let mut words = text.split_whitespace();
    let (number, unit) = words.next().zip(words.next()).with_context(|| format!("{text:?} has no unit"))?;
    Ok((number.parse().with_context(|| format!("{text:?} begins with no number"))?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_of_its_own_line_is_passed_over() {
        let text = "                 predicted  happened\n\
                    private memory   -          19.5 MiB at most\n\
                    I/O, arithmetic  -          2.13 ms and 0.97 ms (all threads)\n\
                    time             unknown: this machine was not measured yet; run: ndfolio bench /x\n\
                    \x20                           2.21 ms\n\
                    speed            -          7.60 GB/s\n";
        assert_eq!(parse(text).unwrap(), Profile { seconds: 0.00221, private: 39 << 19 });
    }

    #[test]
    fn a_short_prediction_is_a_column() {
        let text = "private memory   -                               512 bytes at most\n\
                    time             0.104 s at the measured limits  1.173 s\n";
        assert_eq!(parse(text).unwrap(), Profile { seconds: 1.173, private: 512 });
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(
            parse("time             -          1 s\n").unwrap_err().to_string().contains("private memory")
        );
        assert!(parse("time  -  soon\nprivate memory  -  1 KiB at most\n").is_err());
    }
}
