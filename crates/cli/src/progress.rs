//! Progress on a terminal, and Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ndfolio::{Observer, Run};

use crate::args::Quiet;

/// Whether somebody pressed Ctrl-C. A process has one terminal, so this is the process's.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Watches a long pass: a bar on standard error if that is a terminal, and an end at Ctrl-C.
pub(crate) struct Watch {
    bar: ProgressBar,
}

/// Passes over fewer bytes end before a bar could be read.
const WORTH_A_BAR: u64 = 64 << 20;

impl Watch {
    /// For a pass over so many bytes.
    pub(crate) fn new(bytes: u64, quiet: Quiet) -> Self {
        // Without a handler Ctrl-C ends the process at once, which is no harm to files either: a new file has
        // no name until it is complete, and the next one of that name sweeps up what is left.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
        let bar = if quiet == Quiet::No && bytes >= WORTH_A_BAR {
            ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        let template = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Watch { bar }
    }

    /// A run that is watched, in the command's memory.
    pub(crate) fn run(&self) -> Run<'_> {
        Run::default().observe(self)
    }
}

impl Observer for Watch {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn cancelled(&self) -> bool {
        INTERRUPTED.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
