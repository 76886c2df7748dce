//! Other programs: run where the repository lies, seen by who started them, named when they fail.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result, bail};

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // Cargo says it to what it runs. What was known when this was built is true only of the checkout that it was
        // built in, and two checkouts may share a target folder.
        let xtask =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        PathBuf::from(xtask).parent().expect("xtask lies in the repository").to_owned()
    })
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<&'static Path> {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    if let Some(target) = TARGET.get() {
        return Ok(target);
    }
    let about = output(cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
    let about: serde_json::Value = serde_json::from_str(&about).context("cargo metadata is no JSON")?;
    let target = about["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(TARGET.get_or_init(|| PathBuf::from(target)))
}

/// The release build of the command.
pub(crate) fn ndfolio() -> Result<PathBuf> {
    let path = target()?.join("release").join(format!("ndfolio{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        bail!("{} is not there; run: cargo build --release", path.display());
    }
    Ok(path)
}

/// A cargo command, by the cargo that started this.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// A program that starts in the repository's folder.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Runs a command before everybody's eyes.
pub(crate) fn run(mut command: Command) -> Result<()> {
    println!("$ {}", written(&command));
    let status = command.status().with_context(|| format!("cannot start: {}", written(&command)))?;
    if !status.success() {
        bail!("failed ({status}): {}", written(&command));
    }
    Ok(())
}

/// Runs a command for what it prints.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let done = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start: {}", written(&command)))?;
    if !done.status.success() {
        bail!("failed ({}): {}", done.status, written(&command));
    }
    String::from_utf8(done.stdout).with_context(|| format!("does not print UTF-8: {}", written(&command)))
}

/// Whether a command ends well; nobody sees what it prints.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command as a person would type it, its environment included.
fn written(command: &Command) -> String {
    let mut words = Vec::new();
    // The path is long, and says little.
    for (name, value) in command.get_envs().filter(|(name, _)| *name != "PATH") {
        let value = value.unwrap_or_default().to_string_lossy();
        words.push(format!("{}={}", name.to_string_lossy(), quoted(&value)));
    }
    let program = Path::new(command.get_program());
    // Cargo is started by its whole path, which says nothing to a person.
    let name = if program.file_stem().is_some_and(|name| name == "cargo") {
        "cargo".into()
    } else {
        program.to_string_lossy()
    };
    words.push(quoted(&name));
    words.extend(command.get_args().map(|argument| quoted(&argument.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
