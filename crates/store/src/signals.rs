//! Signals that end a process where an error says more.

/// From now on a write beyond the file size limit of the process (`RLIMIT_FSIZE`) fails with `EFBIG` instead of ending
/// it by `SIGXFSZ`: for programs, which own their process. This library asks for the limit before it writes; standard
/// output, and a limit that is lowered meanwhile, are what is left.
pub fn ignore_size_limit_signal() {
    // SAFETY: no handler is installed that could do anything, and any number of threads may call it.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
