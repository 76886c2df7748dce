//! A copy of the repository, as somebody gets who clones it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::shell::{output, program, root};

/// A folder that goes when this does.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// A new folder among the system's temporary files.
    pub(crate) fn new(name: &str) -> Result<Temporary> {
        let path = std::env::temp_dir().join(format!("ndfolio-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Temporary(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing is lost if it stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Copies every file that git tracks or would track, with its time, so that cargo builds nothing again.
pub(crate) fn copy_repository(to: &Path) -> Result<()> {
    let mut command = program("git");
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = output(command)?;
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root().join(name), to.join(name));
        // A file that was removed and not yet from the index.
        if from.is_file() {
            copy(&from, &to).with_context(|| format!("cannot copy {name} to {}", to.display()))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to)?;
    fs::File::options().append(true).open(to)?.set_modified(fs::metadata(from)?.modified()?)
}
