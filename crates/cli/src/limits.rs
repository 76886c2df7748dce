//! Where the measured limits are kept: the user's folder for what can be made again.

use std::{
    env,
    path::{Path, PathBuf},
};

use ndfolio::Limits;

/// The file of the limits of this machine and of the device that a path is on; none if the user has no such folder,
/// or there is no such path.
pub(crate) fn file(path: &Path) -> Option<PathBuf> {
    Some(folder()?.join(Limits::file_name(path).ok()?))
}

/// What was measured for the device that a path is on.
pub(crate) fn known(path: &Path) -> Option<Limits> {
    Limits::load(&file(path)?)
}

fn folder() -> Option<PathBuf> {
    // A path that is not absolute is to be passed over, says the standard.
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    cache.map(|folder| folder.join("ndfolio"))
}
