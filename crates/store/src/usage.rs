//! What this process has used so far: page faults, bytes from the device, memory.
//!
//! What the system does not tell is `None`, never a guess.

use std::fs;
use std::io::Read;
use std::sync::OnceLock;

use crate::machine::kibibytes;
use crate::syscalls;

/// Page faults of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Those that found their page in memory.
    pub minor: u64,
    /// Those that waited for the device.
    pub major: u64,
}

impl Faults {
    /// The faults since an earlier look.
    #[must_use]
    pub fn since(self, earlier: Faults) -> Faults {
        Faults {
            minor: self.minor.saturating_sub(earlier.minor),
            major: self.major.saturating_sub(earlier.major),
        }
    }

    /// Those of two threads.
    #[must_use]
    pub fn plus(self, other: Faults) -> Faults {
        Faults { minor: self.minor + other.minor, major: self.major + other.major }
    }
}

/// Faults of this thread so far.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[must_use]
pub fn thread_faults() -> Option<Faults> {
    let usage = used_by(libc::RUSAGE_THREAD)?;
    let count = |n: libc::c_long| u64::try_from(n).ok();
    Some(Faults { minor: count(usage.ru_minflt)?, major: count(usage.ru_majflt)? })
}

/// No other system counts for a thread alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[must_use]
pub fn thread_faults() -> Option<Faults> {
    None
}

/// Bytes that this process had the devices read so far, all its threads together: with read-ahead, without what
/// the page cache held.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[must_use]
pub fn device_bytes() -> Option<u64> {
    /// The unit of the system's count.
    const BLOCK: u64 = 512;
    // The same count stands in a file of /proc where the system keeps it, but reading that takes as long as a small
    // pass; else it is zero.
    static IS_KEPT: OnceLock<bool> = OnceLock::new();
    if !*IS_KEPT.get_or_init(|| fs::exists("/proc/self/io").unwrap_or(false)) {
        return None;
    }
    Some(u64::try_from(used_by(libc::RUSAGE_SELF)?.ru_inblock).ok()? * BLOCK)
}

/// Other systems count operations, whatever their lengths.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[must_use]
pub fn device_bytes() -> Option<u64> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn used_by(who: libc::c_int) -> Option<libc::rusage> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the structure is the system's own, and written as a whole where the call succeeds.
    unsafe { (libc::getrusage(who, usage.as_mut_ptr()) == 0).then(|| usage.assume_init()) }
}

/// Private memory of this process now, in bytes: what is left without the pages of files.
#[must_use]
pub fn private_memory() -> Option<u64> {
    // Seven numbers. One read, as this is asked for in short passes too.
    let mut text = [0; 160];
    let count = fs::File::open("/proc/self/statm").ok()?.read(&mut text).ok()?;
    let mut pages = text[..count]
        .split(|&byte| byte == b' ')
        .skip(1)
        .map(|number| std::str::from_utf8(number).ok()?.parse::<u64>().ok());
    let (resident, shared) = (pages.next()??, pages.next()??);
    Some(resident.saturating_sub(shared) * syscalls::page_size() as u64)
}

/// The most memory that this process had at once so far, in bytes, with the pages of files that it had mapped.
#[must_use]
pub fn resident_peak() -> Option<u64> {
    let about = fs::read_to_string("/proc/self/status").ok()?;
    about.lines().find_map(|line| kibibytes(line, "VmHWM:"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Seek;

    use super::*;

    #[test]
    fn memory_that_is_touched_is_seen() {
        const LEN: usize = 64 << 20;
        let (faults, before) = (thread_faults().unwrap(), private_memory().unwrap());
        let mut bytes = vec![0_u8; LEN];
        bytes.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        let after = private_memory().unwrap();
        assert!(after >= before + LEN as u64 / 2, "{before} {after}");
        assert!(resident_peak().unwrap() >= LEN as u64);
        let new = thread_faults().unwrap().since(faults);
        assert!(new.minor >= LEN as u64 / (2 << 20), "{new:?}");
        assert_eq!(bytes.iter().filter(|byte| **byte == 1).count(), LEN / 4096);
    }

    #[test]
    fn what_devices_brought_is_what_the_system_says() {
        let Ok(mut about) = fs::File::open("/proc/self/io") else { return };
        let mut said = || {
            let mut text = String::new();
            about.rewind().unwrap();
            about.read_to_string(&mut text).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("read_bytes:")).unwrap();
            line.trim().parse::<u64>().unwrap()
        };
        let (before, counted, after) = (said(), device_bytes().unwrap(), said());
        // Each thread's is counted in whole blocks.
        assert!(before <= counted + (64 << 10) && counted <= after, "{before} {counted} {after}");
    }

    #[test]
    fn faults_add_up() {
        let (a, b) = (Faults { minor: 5, major: 1 }, Faults { minor: 3, major: 4 });
        assert_eq!(a.plus(b), Faults { minor: 8, major: 5 });
        assert_eq!(a.since(b), Faults { minor: 2, major: 0 });
    }
}
