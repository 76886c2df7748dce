//! How much memory the machine has, and how much of it the process's control group may use.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use crate::{FileId, Result, StoreError};

/// A pass that is not told otherwise uses no more: enough for every way of reading at its full speed, and its
/// private memory with everything beside the buffers stays under 64 MiB.
const USUAL: u64 = 48 << 20;

/// The least default: a pass below it would read in pieces too small for any device.
const LEAST: u64 = 1 << 20;

/// The default is at most this part of what the machine or the group has.
const SHARE: u64 = 8;

/// Memory that this process can count on. What the system does not tell is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineMemory {
    /// Physical memory in bytes.
    pub total: Option<u64>,
    /// Bytes of it that could be had now without pushing anybody out.
    pub available: Option<u64>,
    /// The control group's limit, if there is one below the physical memory.
    pub group: Option<GroupLimit>,
}

/// What a control group may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLimit {
    /// The folder of the group that has the lowest limit: the process's own or one above it.
    pub path: PathBuf,
    /// That limit, in bytes.
    pub limit: u64,
    /// Bytes that can still be had, of this group and all those above: file pages count as free.
    pub free: u64,
}

impl MachineMemory {
    /// Looks now.
    #[must_use]
    pub fn look() -> Self {
        Self::look_under(Path::new("/"))
    }

    /// What was found when the process first asked: limits rarely change, and passes may be short.
    #[must_use]
    pub fn known() -> &'static MachineMemory {
        static KNOWN: OnceLock<MachineMemory> = OnceLock::new();
        KNOWN.get_or_init(Self::look)
    }

    /// The memory that a pass uses if nobody says how much: a small fixed amount, and less where an eighth of
    /// the machine's or the group's memory, or half of what is left there, is less.
    #[must_use]
    pub fn default_budget(&self) -> u64 {
        let group = self.group.as_ref();
        let shares = [
            self.total.map(|total| total / SHARE),
            group.map(|group| group.limit / SHARE),
            self.free().map(|free| free / 2),
        ];
        shares.into_iter().flatten().fold(USUAL, u64::min).max(LEAST)
    }

    /// The most that a pass can use and not be killed: three quarters of what is left; none if that is unknown.
    #[must_use]
    pub fn most(&self) -> Option<u64> {
        self.free().map(|free| (free - free / 4).max(LEAST))
    }

    /// Bytes that can be had now without pushing out anything but file pages; none if that is unknown.
    #[must_use]
    pub fn free(&self) -> Option<u64> {
        [self.available, self.group.as_ref().map(|group| group.free)].into_iter().flatten().min()
    }

    /// [`look`](Self::look) with `/proc` and the control groups under another folder, for tests.
    fn look_under(root: &Path) -> Self {
        let about = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
        let field = |name: &str| about.lines().find_map(|line| kibibytes(line, name));
        let total = field("MemTotal:");
        let group = groups(root).filter(|group| total.is_none_or(|total| group.limit < total));
        MachineMemory { total, available: field("MemAvailable:"), group }
    }
}

/// How many processors this process may use now. What its control group allows is looked up once: that takes longer
/// than a short pass.
#[must_use]
pub fn processors() -> NonZero<usize> {
    static GROUP: OnceLock<NonZero<usize>> = OnceLock::new();
    let all = || thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let Some(own) = own_processors() else { return all() };
    // If it said no less than that, it said nothing.
    own.min(*GROUP.get_or_init(|| Some(all()).filter(|all| *all < own).unwrap_or(NonZero::<usize>::MAX)))
}

/// Those that this thread may run on.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn own_processors() -> Option<NonZero<usize>> {
    // SAFETY: the set is plain bits, of which the system writes as many as the set has.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let failed = libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
        let count = usize::try_from(libc::CPU_COUNT(&set)).ok()?;
        NonZero::new(count).filter(|_| failed == 0)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn own_processors() -> Option<NonZero<usize>> {
    None
}

/// What tells a machine and a device from others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineName {
    /// The number that the system gave the machine when it was set up, or its name.
    pub machine: String,
    /// The processor's name, where the system tells it.
    pub processor: String,
    /// The number of the device that a path is on.
    pub device: u64,
    /// The file system that the path is on.
    pub file_system: String,
}

impl MachineName {
    /// This machine's, and the device's of a path.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::PermissionDenied`], [`StoreError::Io`].
    pub fn of(path: &Path) -> Result<Self> {
        let about = fs::metadata(path).map_err(|source| StoreError::from_io(path, "look it up", source))?;
        let first = |paths: &[&str]| {
            let mut found = paths.iter().filter_map(|path| fs::read_to_string(path).ok());
            found.find(|text| !text.trim().is_empty()).unwrap_or_default().trim().to_owned()
        };
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let named = processors.lines().filter_map(|line| line.strip_prefix("model name"));
        let processor = named.filter_map(|rest| rest.split_once(':')).map(|(_, name)| name.trim()).next();
        Ok(MachineName {
            machine: first(&["/etc/machine-id", "/proc/sys/kernel/hostname"]),
            processor: processor.unwrap_or_default().to_owned(),
            device: FileId::from(&about).dev,
            file_system: crate::cache::name_of(path),
        })
    }
}

/// The bytes of a line such as `MemTotal:  24655872 kB`.
pub(crate) fn kibibytes(line: &str, name: &str) -> Option<u64> {
    let number = line.strip_prefix(name)?.trim().strip_suffix("kB")?;
    number.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The files of a group, by version.
struct Names {
    file_system: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Pages of files in `memory.stat`, which the kernel gives back when memory is short.
    pages: [&'static str; 2],
}

const VERSION_1: Names = Names {
    file_system: "cgroup",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    pages: ["total_active_file", "total_inactive_file"],
};

const VERSION_2: Names = Names {
    file_system: "cgroup2",
    limit: "memory.max",
    used: "memory.current",
    pages: ["active_file", "inactive_file"],
};

/// The tightest limits of the process's own groups and of all above them.
fn groups(root: &Path) -> Option<GroupLimit> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let mut tightest: Option<GroupLimit> = None;
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let names = match controllers {
            "" => VERSION_2,
            list if list.split(',').any(|controller| controller == "memory") => VERSION_1,
            _ => continue,
        };
        for folder in folders(root, &mounts, &names, Path::new(path)) {
            let Some(found) = limit_of(&folder, &names) else { continue };
            tightest = Some(match tightest {
                None => found,
                Some(before) => {
                    let free = before.free.min(found.free);
                    GroupLimit { free, ..if found.limit < before.limit { found } else { before } }
                }
            });
        }
    }
    tightest
}

/// The folders of a group and of all above it, up to where they are mounted.
fn folders(root: &Path, mounts: &str, names: &Names, path: &Path) -> Vec<PathBuf> {
    let mounted = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let kind = after.next()?;
        let mut is_memory = || after.next_back().is_some_and(|all| all.split(',').any(|one| one == "memory"));
        if kind != names.file_system || (kind == VERSION_1.file_system && !is_memory()) {
            return None;
        }
        let mut before = before.split(' ').skip(3);
        Some((unescaped(before.next()?), unescaped(before.next()?)))
    });
    let Some((top, folder)) = mounted else { return Vec::new() };
    let folder = root.join(folder.trim_start_matches('/'));
    // In a container the group's path may lie outside of what is mounted; then the mount is the group.
    let inner = path.strip_prefix(&top).unwrap_or(Path::new(""));
    let inner = if inner.components().any(|part| part.as_os_str() == "..") { Path::new("") } else { inner };
    inner.ancestors().map(|inner| folder.join(inner)).collect()
}

/// Spaces in mount points are written as `\040`.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

fn limit_of(folder: &Path, names: &Names) -> Option<GroupLimit> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    // Version 2 says "max" where there is no limit, and the topmost group has no such file.
    let limit = number(names.limit)?;
    let about = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let pages: u64 = about
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| names.pages.contains(name))
        .filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok())
        .fold(0, u64::saturating_add);
    let used = number(names.used).unwrap_or(0).saturating_sub(pages);
    Some(GroupLimit { path: folder.to_path_buf(), limit, free: limit.saturating_sub(used) })
}

#[cfg(test)]
mod tests;
