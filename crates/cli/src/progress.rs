//! Progress on a terminal, and Ctrl-C.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ndfolio::{Observer, Report, Run, Session};

use crate::args::RunArgs;

/// A process has one terminal, so this is the process's.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is a question that [`interrupted`] answers.
///
/// Without a handler it ends the process at once, which is no harm to files either: a new file has no name until
/// it is complete, and the next one of that name sweeps up what is left.
fn watch_interrupts() {
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
}

/// Whether somebody pressed Ctrl-C.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Watches long passes: a bar on standard error if that is a terminal, an end at Ctrl-C, and what they did.
pub(crate) struct Watch {
    bar: ProgressBar,
    session: Session,
    report: Mutex<Report>,
}

/// Passes over fewer bytes end before a bar could be read.
const WORTH_A_BAR: u64 = 64 << 20;

impl Watch {
    /// For so many bytes, as the arguments say.
    pub(crate) fn new(bytes: u64, args: &RunArgs) -> Self {
        Watch::silent(args.session()).with_bar(if args.quiet { 0 } else { bytes })
    }

    /// The same once it is known for how many bytes.
    pub(crate) fn for_bytes(self, bytes: u64, args: &RunArgs) -> Self {
        self.with_bar(if args.quiet { 0 } else { bytes })
    }

    /// Without a bar.
    pub(crate) fn silent(session: Session) -> Self {
        watch_interrupts();
        Watch { bar: ProgressBar::hidden(), session, report: Mutex::default() }
    }

    /// With a bar for so many bytes, if they are many.
    pub(crate) fn with_bar(mut self, bytes: u64) -> Self {
        if bytes < WORTH_A_BAR {
            return self;
        }
        self.bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(10));
        let template = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self
    }

    /// A run that is watched.
    pub(crate) fn run(&self) -> Run<'_> {
        self.session.run().observe(self)
    }

    /// What the passes did so far.
    pub(crate) fn report(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Watch {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn settled(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    fn cancelled(&self) -> bool {
        interrupted()
    }

    fn finished(&self, report: &Report) {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).then(report);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
