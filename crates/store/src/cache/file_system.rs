//! On what kind of file system a file lies.

use crate::File;

/// The file system that holds a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Its usual name, such as `"ext4"`; the number that the system gives it where no name is known, and
    /// `"unknown"` where the system tells nothing.
    pub name: String,
    /// Whether the bytes come from another machine or another process (NFS, CIFS, FUSE, 9p, Lustre, …): large
    /// reads are the way to get them, and page faults the slowest.
    pub network: bool,
}

/// Numbers as in `statfs(2)`, names, and whether it is a network's (or a process's in user space).
#[cfg(any(target_os = "linux", target_os = "android"))]
const KNOWN: &[(u32, &str, bool)] = &[
    (0xef53, "ext4", false),
    (0x5846_5342, "xfs", false),
    (0x9123_683e, "btrfs", false),
    (0x2fc1_2fc1, "zfs", false),
    (0xf2f5_2010, "f2fs", false),
    (0xca45_1a4e, "bcachefs", false),
    (0x0102_1994, "tmpfs", false),
    (0x8584_58f6, "ramfs", false),
    (0x9584_58f6, "hugetlbfs", false),
    (0x794c_7630, "overlay", false),
    (0x7371_7368, "squashfs", false),
    (0xe0f5_e1e2, "erofs", false),
    (0x9660, "iso9660", false),
    (0x4d44, "vfat", false),
    (0x2011_bab0, "exfat", false),
    (0x7366_746e, "ntfs", false),
    (0x5346_544e, "ntfs", false),
    (0x6969, "nfs", true),
    (0xff53_4d42, "cifs", true),
    (0xfe53_4d42, "smb2", true),
    (0x517b, "smb", true),
    (0x6573_5546, "fuse", true),
    (0x0102_1997, "9p", true),
    (0x0bd0_0bd0, "lustre", true),
    (0x00c3_6400, "ceph", true),
    (0x5346_414f, "afs", true),
    (0x6b41_4653, "afs", true),
    (0x7375_7245, "coda", true),
    (0x4750_4653, "gpfs", true),
    (0x1983_0326, "beegfs", true),
    (0x0116_1970, "gfs2", true),
    (0x7461_636f, "ocfs2", true),
    (0x786f_4256, "vboxsf", true),
    (0xbacb_acbc, "vmhgfs", true),
];

impl File {
    /// The file system on which the file lies.
    #[must_use]
    pub fn file_system(&self) -> FileSystem {
        of(&self.handle().file)
    }
}

/// Whether what is written past the page cache goes to a device of this machine.
pub(crate) fn has_device(file: &std::fs::File) -> bool {
    !of(file).network && !is_in_memory(file)
}

fn of(file: &std::fs::File) -> FileSystem {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Ok(about) = rustix::fs::fstatfs(file) {
        // The type of the field depends on the processor; the numbers have 32 bits.
        return named(about.f_type as u32);
    }
    let _ = file;
    FileSystem { name: "unknown".to_owned(), network: false }
}

/// Whether the file system is memory: its files take as long to reserve as to fill.
pub(crate) fn is_in_memory(file: &std::fs::File) -> bool {
    ["tmpfs", "ramfs", "hugetlbfs"].contains(&&*of(file).name)
}

/// The name of the file system that a path is on.
pub(crate) fn name_of(path: &std::path::Path) -> String {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Ok(about) = rustix::fs::statfs(path) {
        return named(about.f_type as u32).name;
    }
    let _ = path;
    "unknown".to_owned()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn named(number: u32) -> FileSystem {
    match KNOWN.iter().find(|(known, ..)| *known == number) {
        Some((_, name, network)) => FileSystem { name: (*name).to_owned(), network: *network },
        None => FileSystem { name: format!("{number:#x}"), network: false },
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names() {
        assert_eq!(named(0xef53), FileSystem { name: "ext4".to_owned(), network: false });
        assert!(named(0x6969).network && named(0x6573_5546).network);
        assert_eq!(named(0x1234_5678), FileSystem { name: "0x12345678".to_owned(), network: false });
        for (index, (number, ..)) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..index].iter().all(|(other, ..)| other != number), "{number:#x} stands twice");
        }
    }
}
