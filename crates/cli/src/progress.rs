//! Progress on a terminal, and Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ndfolio::{Observer, Run};

use crate::args::{RunArgs, Size};

/// A process has one terminal, so this is the process's.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is a question that [`interrupted`] answers.
///
/// Without a handler it ends the process at once, which is no harm to files either: a new file has no name until
/// it is complete, and the next one of that name sweeps up what is left.
pub(crate) fn watch_interrupts() {
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
}

/// Whether somebody pressed Ctrl-C.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Watches a long pass: a bar on standard error if that is a terminal, and an end at Ctrl-C.
pub(crate) struct Watch<'a> {
    bar: ProgressBar,
    args: &'a RunArgs,
}

/// Passes over fewer bytes end before a bar could be read.
const WORTH_A_BAR: u64 = 64 << 20;

impl<'a> Watch<'a> {
    /// For a pass over so many bytes.
    pub(crate) fn new(bytes: u64, args: &'a RunArgs) -> Self {
        watch_interrupts();
        let bar = if !args.quiet && bytes >= WORTH_A_BAR {
            ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        let template = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Watch { bar, args }
    }

    /// A run that is watched, as the arguments say.
    pub(crate) fn run(&self) -> Run<'_> {
        let mut run = Run::default().io(self.args.io.into()).observe(self);
        if let Some(Size(bytes)) = self.args.memory {
            run = run.memory(bytes);
        }
        if let Some(threads) = self.args.threads {
            run = run.threads(threads);
        }
        run
    }
}

impl Observer for Watch<'_> {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    fn cancelled(&self) -> bool {
        interrupted()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
