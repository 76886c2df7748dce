//! What the numbers were measured on.

use std::{fs, path::Path};

use crate::shell::{output, program};

/// One line for the head of a table.
pub(crate) fn description(folder: &Path) -> String {
    let cpu = first_value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = first_value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or_else(String::new, |kilobytes| format!(", {} GB", (kilobytes + 500_000) / 1_000_000));
    let kernel = said("uname", &["-sr"]);
    let folder = folder.display().to_string();
    let file_system = said("findmnt", &["-no", "FSTYPE", "-T", &folder]);
    let commit = said("git", &["describe", "--always", "--dirty"]);
    let date = said("date", &["+%Y-%m-%d"]);
    format!("{date}, commit {commit}; {cpu}, {threads} threads{memory}; {kernel}; {file_system}")
}

fn said(name: &str, arguments: &[&str]) -> String {
    let mut command = program(name);
    command.args(arguments);
    output(command).map_or_else(|_| format!("({name} is missing)"), |text| text.trim().to_owned())
}

/// The value of the first `name : value` line.
fn first_value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
