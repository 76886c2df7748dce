//! Large files that nobody wants any more, given back without waiting.
//!
//! The last close of a file without a name frees its pages and its space, which takes a fifth of a second for each
//! gigabyte, and cannot be stopped. A queue of reads can hold a file too, and the kernel takes queues apart beside
//! the process: what it held last is freed there.

use std::fs;

/// Smaller files are freed before a queue is made.
#[cfg(target_os = "linux")]
const LARGE: u64 = 64 << 20;

/// Holds a file until it is dropped, after which the file is freed beside the process. To be dropped after all other
/// owners of the file.
#[derive(Default)]
pub(crate) struct Later {
    #[cfg(target_os = "linux")]
    _queue: Option<io_uring::IoUring>,
}

impl Later {
    /// For a file that is large; where there is no queue, its last owner waits.
    #[cfg(target_os = "linux")]
    pub(crate) fn free(file: &fs::File) -> Self {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::MetadataExt;

        let is_large = || file.metadata().is_ok_and(|about| about.blocks() * 512 >= LARGE);
        let hold = || {
            let queue = io_uring::IoUring::builder().dontfork().build(1).ok()?;
            queue.submitter().register_files(&[file.as_raw_fd()]).ok()?;
            Some(queue)
        };
        Later { _queue: if is_large() { hold() } else { None } }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn free(_: &fs::File) -> Self {
        Later::default()
    }
}
