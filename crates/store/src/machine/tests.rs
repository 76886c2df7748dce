use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const MIB: u64 = 1 << 20;

/// A folder that plays `/`, and goes in the end.
struct Root(PathBuf);

impl Root {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("ndfolio-machine-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = Root(std::env::temp_dir().join(name));
        for (path, text) in files {
            let path = root.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn look(&self) -> MachineMemory {
        MachineMemory::look_under(&self.0)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MEMINFO: (&str, &str) =
    ("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n");

#[test]
fn without_groups_the_machine_counts() {
    let found = Root::new(&[MEMINFO]).look();
    assert_eq!((found.total, found.available, &found.group), (Some(8 << 30), Some(4 << 30), &None));
    assert_eq!(found.default_budget(), USUAL);
    assert_eq!(found.most(), Some(3 << 30));
    let small = MachineMemory { total: Some(128 * MIB), available: Some(100 * MIB), group: None };
    assert_eq!(small.default_budget(), 16 * MIB);
    let full = MachineMemory { total: Some(8 << 30), available: Some(10 * MIB), group: None };
    assert_eq!(full.default_budget(), 5 * MIB);
    assert_eq!(MachineMemory::default().default_budget(), USUAL);
    assert_eq!(MachineMemory::default().most(), None);
}

#[test]
fn version_1_goes_along_the_own_path() {
    let found = Root::new(&[
        MEMINFO,
        ("proc/self/cgroup", "5:devices:/x\n4:cpu,memory:/a/b\n0::/\n"),
        (
            "proc/self/mountinfo",
            "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
             32 31 0:29 / /groups/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
             35 31 0:32 / /groups/my\\040memory rw shared:9 master:2 - cgroup cgroup rw,memory\n",
        ),
        ("groups/my memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("groups/my memory/a/memory.limit_in_bytes", "268435456\n"),
        ("groups/my memory/a/memory.usage_in_bytes", "262144000\n"),
        ("groups/my memory/a/memory.stat", "total_active_file 52428800\ntotal_inactive_file 104857600\n"),
        ("groups/my memory/a/b/memory.limit_in_bytes", "536870912\n"),
        ("groups/my memory/a/b/memory.usage_in_bytes", "524288000\n"),
        // Another group's limit is not ours.
        ("groups/my memory/c/memory.limit_in_bytes", "1048576\n"),
    ])
    .look();
    let group = found.group.clone().unwrap();
    assert!(group.path.ends_with("my memory/a"), "{group:?}");
    // 250 MiB in use, of which 150 are pages of files; in the inner group only 12 MiB are left.
    assert_eq!((group.limit, group.free), (256 * MIB, 12 * MIB));
    assert_eq!(found.default_budget(), 6 * MIB);
    assert_eq!(found.most(), Some(9 * MIB));
}

#[test]
fn version_2_takes_the_lowest_limit_above() {
    let root = Root::new(&[
        MEMINFO,
        ("proc/self/cgroup", "0::/pod/inner\n"),
        ("proc/self/mountinfo", "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
        ("sys/fs/cgroup/pod/memory.max", "209715200\n"),
        ("sys/fs/cgroup/pod/memory.current", "0\n"),
        ("sys/fs/cgroup/pod/inner/memory.max", "max\n"),
    ]);
    let found = root.look();
    assert_eq!(found.group.as_ref().map(|group| group.limit), Some(200 * MIB));
    assert_eq!(found.default_budget(), 25 * MIB);
}

#[test]
fn in_a_container_the_mount_is_the_group() {
    for (top, own) in [("/docker/1234", "/docker/1234"), ("/docker/1234", "/"), ("/", "/../..")] {
        let mount = format!("41 31 0:38 {top} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        let root = Root::new(&[
            MEMINFO,
            ("proc/self/cgroup", &format!("0::{own}\n")),
            ("proc/self/mountinfo", &mount),
            ("sys/fs/cgroup/memory.max", "104857600\n"),
        ]);
        assert_eq!(root.look().group.map(|group| group.limit), Some(100 * MIB), "{top} {own}");
    }
}

#[test]
fn garbage_is_unknown() {
    let root = Root::new(&[
        ("proc/meminfo", "MemTotal: lots\nMemAvailable: 99999999999999999999 kB\n"),
        ("proc/self/cgroup", "x\n:\n4:memory\n0::/a\n"),
        ("proc/self/mountinfo", "- cgroup2\n \n41 31 - cgroup2\n"),
    ]);
    assert_eq!(root.look(), MachineMemory::default());
    // A limit above the machine's memory is none.
    let root = Root::new(&[
        MEMINFO,
        ("proc/self/cgroup", "0::/\n"),
        ("proc/self/mountinfo", "41 31 0:38 / /g rw - cgroup2 cgroup2 rw\n"),
        ("g/memory.max", "92233720368547\n"),
    ]);
    assert_eq!(root.look().group, None);
}

#[test]
#[cfg(target_os = "linux")]
fn this_machine_has_memory() {
    let found = MachineMemory::known();
    assert!(found.total.unwrap() > 64 * MIB && found.default_budget() >= LEAST);
    assert!(Path::new("/proc/self/cgroup").exists() || found.group.is_none());
}

#[test]
fn processors_are_those_of_the_standard_library() {
    let all = std::thread::available_parallelism().unwrap();
    assert_eq!((processors(), processors()), (all, all));
}
