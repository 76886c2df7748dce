//! Time and private memory of other programs.

use std::{
    fs,
    io::Read,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// What one run took.
pub(crate) struct Run {
    /// What it printed.
    pub(crate) output: String,
    /// From start to end.
    pub(crate) seconds: f64,
    /// The most memory that was its own, in bytes, by looks a millisecond apart.
    pub(crate) private: u64,
    /// The most memory that it had with the file's pages in it, in bytes.
    pub(crate) resident: u64,
}

/// Runs a program to its end, looking at its memory.
pub(crate) fn measured(mut command: Command) -> Result<Run> {
    command.stdout(Stdio::piped()).stdin(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let mut pipe = child.stdout.take().context("no pipe")?;
    let reader = thread::spawn(move || {
        let mut output = String::new();
        pipe.read_to_string(&mut output).map(|_| output)
    });
    let (mut private, mut resident) = (0, 0);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some(status) = fs::read_to_string(format!("/proc/{}/status", child.id())).ok().as_deref() {
            private = private.max(field(status, "RssAnon:"));
            resident = resident.max(field(status, "VmHWM:"));
        }
        thread::sleep(Duration::from_millis(1));
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("failed ({status}): {command:?}");
    }
    let output = reader.join().expect("the reader does not panic").context("what it prints is no UTF-8")?;
    Ok(Run { output, seconds, private, resident })
}

/// A line `Name:   123 kB` of a status file, in bytes.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Runs a program many times; each run's milliseconds from start to end, sorted.
pub(crate) fn starts(mut command: Command, runs: usize) -> Result<Vec<f64>> {
    command.stdout(Stdio::null()).stdin(Stdio::null());
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if !status.success() {
            bail!("failed ({status}): {command:?}");
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nRssAnon:\t     100 kB\n";
        assert_eq!(
            (field(status, "VmHWM:"), field(status, "RssAnon:"), field(status, "No:")),
            (2 << 20, 102_400, 0)
        );
    }

    #[test]
    fn a_run_is_measured() {
        let mut sleep = Command::new("sh");
        sleep.args(["-c", "sleep 0.05; echo done"]);
        let run = measured(sleep).unwrap();
        assert_eq!(run.output, "done\n");
        assert!(run.seconds >= 0.05);
        assert!(measured(Command::new("false")).is_err());
    }
}
