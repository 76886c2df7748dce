//! Where the files are: in memory and held there, or not; and a group of processes whose memory is limited.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::shell::{program, succeeds};

/// The state of a file, and of what looks at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Hot,
    Cold,
    /// Cold, with less memory than the file has bytes.
    Group,
}

impl Place {
    pub(super) fn new(name: &str) -> Result<Place> {
        match name {
            "hot" => Ok(Place::Hot),
            "cold" => Ok(Place::Cold),
            "group" => Ok(Place::Group),
            other => bail!("--state is hot, cold or group, not {other:?}"),
        }
    }
}

const DROP: &str = "/proc/sys/vm/drop_caches";

/// Whether everything can be dropped from memory, which only root may.
pub(super) fn can_drop_all() -> bool {
    fs::OpenOptions::new().write(true).open(DROP).is_ok()
}

/// Drops a file from memory, and everything else where that is allowed: what the file system knows of it too.
pub(super) fn cool(binary: &Path, file: &Path) -> Result<()> {
    if can_drop_all() {
        fs::write(DROP, "3").with_context(|| format!("cannot write {DROP}"))?;
        return Ok(());
    }
    let mut evict = program(binary);
    evict.args(["cache", "evict"]).arg(file);
    if !succeeds(evict) {
        bail!("ndfolio cache evict {} fails", file.display());
    }
    Ok(())
}

/// The result of the last run goes, and nothing waits to be written.
pub(super) fn clear(result: &Path) -> Result<()> {
    match fs::remove_file(result) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", result.display()));
        }
        _ => {}
    }
    let done = program("sync").status().context("cannot start sync")?;
    if done.success() { Ok(()) } else { bail!("sync fails: {done}") }
}

/// A file that is held in memory until this goes.
pub(super) struct Lock(Option<Child>);

impl Lock {
    pub(super) fn holds(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Both fail only where it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads a file from its beginning to its end, so that the page cache holds it in large pieces, and locks it there.
pub(super) fn heat(binary: &Path, file: &Path) -> Result<Lock> {
    cool(binary, file)?;
    let mut reader = fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut buffer = vec![0; 128 << 10];
    while reader.read(&mut buffer)? > 0 {}
    let mut command = program(binary);
    command.args(["cache", "lock", "--quiet"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let told = BufReader::new(child.stderr.take().context("no pipe")?);
    let mut last = String::new();
    for line in told.lines() {
        last = line?;
        if last.starts_with("locked") {
            return Ok(Lock(Some(child)));
        }
    }
    child.wait()?;
    println!("{} is not locked in memory: {last}", file.display());
    Ok(Lock(None))
}

/// A control group with a limit of memory; goes when this does.
pub(super) struct Group(PathBuf);

impl Group {
    pub(super) fn new(limit: u64) -> Result<Group> {
        let make = || -> io::Result<Group> {
            let (first, second) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
            let name = format!("ndfolio-bench-{}", std::process::id());
            let (parent, file) = if first.join("memory.limit_in_bytes").exists() {
                (first, "memory.limit_in_bytes")
            } else {
                // Groups of version 2 hand a controller down by name.
                fs::write(second.join("cgroup.subtree_control"), "+memory")?;
                (second, "memory.max")
            };
            let group = Group(parent.join(name));
            fs::create_dir(&group.0)?;
            fs::write(group.0.join(file), limit.to_string())?;
            Ok(group)
        };
        make().context("cannot make a control group with a limit of memory, for which root is needed")
    }

    /// The command, started as a member of the group.
    pub(super) fn inside(&self, command: &Command) -> Command {
        let mut shell = program("sh");
        shell.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(self.0.join("cgroup.procs"));
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is empty, and a group that stays harms nobody.
        let _ = fs::remove_dir(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{files::Temporary, shell::output};

    #[test]
    fn a_command_joins_the_group_before_it_starts() {
        let folder = Temporary::new("group").unwrap();
        let group = Group(folder.path().to_owned());
        let mut echo = program("sh");
        echo.args(["-c", "echo \"$WORD\" \"$1\"", "sh", "two words"]).env("WORD", "a word");
        assert_eq!(output(group.inside(&echo)).unwrap(), "a word two words\n");
        let member = fs::read_to_string(folder.path().join("cgroup.procs")).unwrap();
        assert!(member.trim().parse::<u32>().is_ok(), "{member}");
    }

    #[test]
    fn states_have_names() {
        assert_eq!(Place::new("cold").unwrap(), Place::Cold);
        assert!(Place::new("warm").is_err());
    }
}
