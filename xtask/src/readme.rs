//! README's commands, run as written, in a fresh copy of the repository.
//!
//! The lines of every `sh` block run in one shell, one block after the other, and must succeed. In a `console`
//! block `$ command` is followed by what it prints: it is run in the same shell and must print that. A line `…` or
//! `...` stands for any lines, `…` within a line for any text. A command may fail where the error is shown.

use std::{env, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{
    files::{Temporary, copy_repository},
    shell::{ndfolio, program, root, run, target},
};

/// A command of a `console` block and what README says that it prints.
#[derive(Debug, PartialEq)]
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

#[derive(Debug, PartialEq)]
enum Block {
    Shell { line: usize, text: String },
    Console(Vec<Shown>),
}

/// Runs them all.
pub(crate) fn readme() -> Result<()> {
    let binary = ndfolio()?;
    let text = fs::read_to_string(root().join("README.md")).context("cannot read README.md")?;
    let blocks = blocks(&text)?;
    if blocks.is_empty() {
        bail!("README.md has no sh and no console block: it shows nothing that can be tried");
    }
    let folder = Temporary::new("readme")?;
    let (copy, results) = (folder.path().join("ndfolio"), folder.path().join("results"));
    fs::create_dir_all(&results)?;
    copy_repository(&copy)?;
    let file = folder.path().join("readme.sh");
    fs::write(&file, script(&blocks, &results)).context("cannot write the script")?;
    let mut bash = program("bash");
    bash.arg(&file).current_dir(&copy).env("CARGO_TARGET_DIR", target()?);
    bash.env("CARGO_INSTALL_ROOT", folder.path().join("install"));
    let release = binary.parent().context("the command lies in no folder")?.to_owned();
    let mut path = vec![folder.path().join("install/bin"), release];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    bash.env("PATH", env::join_paths(path)?);
    run(bash)?;
    let mut count = 0;
    for shown in blocks.iter().flat_map(Block::shown) {
        check(shown, &results)?;
        count += 1;
    }
    println!("{} blocks ran; {count} outputs are as shown", blocks.len());
    Ok(())
}

impl Block {
    fn shown(&self) -> &[Shown] {
        match self {
            Block::Shell { .. } => &[],
            Block::Console(shown) => shown,
        }
    }
}

/// The `sh` and `console` blocks of a Markdown text.
fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(fence) = line.trim_start().strip_prefix("```") else { continue };
        let body: Vec<(usize, &str)> = lines
            .by_ref()
            .take_while(|(_, line)| line.trim() != "```")
            .map(|(n, line)| (n + 1, line))
            .collect();
        match fence.trim() {
            "sh" => blocks.push(Block::Shell { line: number + 2, text: shell_text(&body) }),
            "console" => blocks.push(Block::Console(console(&body)?)),
            _ => {}
        }
    }
    Ok(blocks)
}

/// The lines of an `sh` block without those that would start this again.
fn shell_text(body: &[(usize, &str)]) -> String {
    let again = |line: &str| line.trim_start().starts_with("cargo xtask test");
    // A line is emptied and not left out: the numbers stay right.
    body.iter().map(|(_, line)| if again(line) { "\n".to_owned() } else { format!("{line}\n") }).collect()
}

fn console(body: &[(usize, &str)]) -> Result<Vec<Shown>> {
    let mut shown: Vec<Shown> = Vec::new();
    for &(number, line) in body {
        if let Some(command) = line.strip_prefix("$ ") {
            shown.push(Shown { line: number, command: command.to_owned(), output: Vec::new() });
            continue;
        }
        let Some(last) = shown.last_mut() else {
            bail!("README.md:{number}: a console block begins with `$ command`");
        };
        if last.output.is_empty() && last.command.ends_with('\\') {
            let more = line.strip_prefix("> ").unwrap_or(line);
            last.command = format!("{}\n{more}", last.command);
        } else {
            last.output.push(line.to_owned());
        }
    }
    Ok(shown)
}

/// One script of all blocks; each shown command's output and exit code go to files named by its line.
fn script(blocks: &[Block], results: &Path) -> String {
    let mut script = String::from(
        "set -euo pipefail\ntrap 'echo \"README.md, the block at line $readme_line: failed: $BASH_COMMAND\" >&2' ERR\n",
    );
    for block in blocks {
        match block {
            Block::Shell { line, text } => {
                let _ = write!(script, "readme_line={line}\n{text}\n");
            }
            Block::Console(shown) => {
                for Shown { line, command, .. } in shown {
                    let file = results.join(line.to_string());
                    let file = file.display();
                    // As at a prompt: a failure is shown and does not end the session.
                    let _ = write!(
                        script,
                        "readme_line={line} readme_code=0\n{{ {command}\n}} >'{file}' 2>&1 </dev/null || readme_code=$?\n\
                         echo $readme_code >'{file}.code'\n",
                    );
                }
            }
        }
    }
    script
}

fn check(shown: &Shown, results: &Path) -> Result<()> {
    let Shown { line, command, output } = shown;
    let found =
        fs::read(results.join(line.to_string())).with_context(|| format!("README.md:{line} did not run"))?;
    let found = String::from_utf8_lossy(&found);
    let found: Vec<&str> = found.lines().collect();
    let wanted: Vec<&str> = output.iter().map(String::as_str).collect();
    if !matches(&wanted, &found) {
        let (wanted, found) = (wanted.join("\n"), found.join("\n"));
        bail!("README.md:{line}: {command}\n--- shown\n{wanted}\n--- printed\n{found}");
    }
    let code = fs::read_to_string(results.join(format!("{line}.code")))?;
    let error_shown = output.iter().any(|line| line.starts_with("ndfolio: "));
    // `diff` tells by its code that two arrays differ.
    if code.trim() != "0" && !error_shown && !command.contains("ndfolio diff") {
        bail!("README.md:{line}: {command}\nends with {}, and no error is shown", code.trim());
    }
    Ok(())
}

/// Whether the lines are as wanted, where some may stand for any.
fn matches(wanted: &[&str], found: &[&str]) -> bool {
    match (wanted.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if matches!(first.trim(), "…" | "...") => {
            (0..=found.len()).any(|skip| matches(rest, &found[skip..]))
        }
        // Empty lines at the end are nobody's.
        (None, Some((line, rest))) => line.trim().is_empty() && matches(wanted, rest),
        (Some((line, rest)), None) => line.trim().is_empty() && matches(rest, found),
        (Some((line, rest)), Some((printed, more))) => {
            line_matches(line.trim_end(), printed.trim_end()) && matches(rest, more)
        }
    }
}

fn line_matches(wanted: &str, found: &str) -> bool {
    match wanted.split_once('…') {
        None => wanted == found,
        Some((before, after)) => found.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| line_matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Title
```sh
cargo build --release
cargo xtask test
```
```rust
let x = 1;
```
```console
$ echo a; \\
> echo b
a
…
$ ndfolio info no.npy
ndfolio: no.npy: …
```
";

    #[test]
    fn blocks_are_found_with_their_lines() {
        let blocks = blocks(TEXT).unwrap();
        assert_eq!(blocks[0], Block::Shell { line: 3, text: "cargo build --release\n\n".into() });
        let shown = blocks[1].shown();
        assert_eq!(shown[0].command, "echo a; \\\necho b");
        assert_eq!((shown[0].line, shown[0].output.clone()), (10, vec!["a".to_owned(), "…".to_owned()]));
        assert_eq!((shown[1].line, shown.len()), (14, 2));
    }

    #[test]
    fn output_must_be_as_shown() {
        assert!(matches(&["a", "…", "z"], &["a", "b", "c", "z"]));
        assert!(matches(&["a", "..."], &["a"]));
        assert!(matches(&["took … s, … bytes"], &["took 1.5 s, 7 bytes"]));
        assert!(matches(&["[0 1 ... 9]", ""], &["[0 1 ... 9]"]));
        assert!(!matches(&["a", "…", "z"], &["a", "b"]));
        assert!(!matches(&["a"], &["a", "b"]));
        assert!(!matches(&["took … s"], &["took 1 ms"]));
        assert!(!matches(&["a", "b"], &["a"]));
    }

    #[test]
    fn output_before_a_command_is_refused() {
        assert!(blocks("```console\nhello\n```\n").is_err());
    }
}
