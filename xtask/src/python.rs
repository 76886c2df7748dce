//! The Python environment of the tests, and the tests.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::shell::{self, ndfolio, output, program, root, run, succeeds, target};

const NEEDED: &str = "Python 3.11 or newer with its venv module";

/// The environment's Python; the environment is made, or made again where the requirements changed.
pub(crate) fn environment() -> Result<PathBuf> {
    let requirements = root().join("tests/requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = target()?.join("python-env");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.stamp"));
    // The stamp is written last: an environment without one was not finished.
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) && works(&python, "import numpy, pytest")
    {
        println!("{} is up to date", folder.display());
        return Ok(python);
    }
    new_environment(&folder)?;
    let mut pip = pip_install(&python);
    pip.arg("--requirement").arg(&requirements);
    run(pip)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// `pip install` into an environment; what is to be installed is added to it.
pub(crate) fn pip_install(python: &Path) -> Command {
    let mut pip = program(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}

/// An environment with nothing in it, in place of what is in the folder.
pub(crate) fn new_environment(folder: &Path) -> Result<()> {
    let base = base_python()?;
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let mut venv = program(&base);
    venv.args(["-m", "venv"]).arg(folder);
    run(venv)
}

/// The black-box tests, against the release build.
pub(crate) fn pytest() -> Result<()> {
    let binary = ndfolio()?;
    let mut command = program(environment()?);
    command.args(["-m", "pytest", "--quiet", "tests/python"]);
    command.env("NDFOLIO_BIN", binary).env("PYTHONDONTWRITEBYTECODE", "1");
    run(command)
}

/// Builds the Python package as a user does, into the environment of the tests.
pub(crate) fn package() -> Result<()> {
    let python = environment()?;
    let mut pip = pip_install(&python);
    // What builds it is in the environment, and so is NumPy.
    let mut path: Vec<PathBuf> = python.parent().into_iter().map(Path::to_owned).collect();
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    pip.env("PATH", env::join_paths(path)?);
    pip.args(["--no-build-isolation", "--no-deps", "--force-reinstall", "./python"]);
    run(pip)
}

/// The package's tests, against what is installed.
pub(crate) fn package_tests() -> Result<()> {
    let mut command = program(environment()?);
    command.args(["-m", "pytest", "--quiet", "python/tests"]).env("PYTHONDONTWRITEBYTECODE", "1");
    run(command)
}

/// A Python that can make environments.
fn base_python() -> Result<String> {
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
    let new_enough = "import sys; sys.exit(sys.version_info < (3, 11))";
    let Some(name) = names.into_iter().find(|name| works(Path::new(name), new_enough)) else {
        bail!("{NEEDED} is needed; on Debian and Ubuntu run: apt-get install python3 python3-venv");
    };
    if !works(Path::new(name), "import venv, ensurepip") {
        install_venv().with_context(|| {
            format!("{NEEDED} is needed; {name} has no venv; on Debian and Ubuntu run: apt-get install python3-venv")
        })?;
        if !works(Path::new(name), "import venv, ensurepip") {
            bail!(
                "{name} has no venv even after python3-venv was installed; install the package of its own version"
            );
        }
    }
    Ok(name.to_owned())
}

/// Installs Debian's package, where that is possible without asking anybody: as root.
fn install_venv() -> Result<()> {
    let mut id = program("id");
    id.arg("-u");
    let mut apt = program("apt-get");
    apt.arg("--version");
    if output(id).is_ok_and(|id| id.trim() == "0") && succeeds(apt) {
        let mut install = program("apt-get");
        install
            .args(["install", "-y", "--no-install-recommends", "python3-venv"])
            .env("DEBIAN_FRONTEND", "noninteractive");
        return run(install);
    }
    bail!("it can be installed by root on Debian only")
}

fn works(python: &Path, code: &str) -> bool {
    let mut command = shell::program(python);
    command.args(["-c", code]);
    succeeds(command)
}
