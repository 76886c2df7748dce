use std::sync::Arc;

use ndfolio_layout::View;
use ndfolio_store::{AccessPlan, Advice, Choice, File, IoEngine};

use crate::EngineError;

/// An array in a file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub file: Arc<File>,
    /// Where the items lie in it.
    pub view: View,
}

/// Somebody who watches a pass and may end it.
pub trait Observer: Sync {
    /// So many more bytes of the array have been dealt with.
    fn advance(&self, bytes: u64);

    /// So many more bytes than were known before will be dealt with: another pass begins.
    fn expect(&self, _bytes: u64) {}

    /// Whether the pass should stop. It is asked before every box of items.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Which way files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Io {
    /// As the evidence says: what is in memory already, the file system, the amount.
    #[default]
    Auto,
    /// This way, if the operating system allows it.
    Force(IoEngine),
}

impl Io {
    pub(crate) fn choose(self, file: &File, plan: &AccessPlan) -> Choice {
        match self {
            Io::Auto => file.choose(plan),
            Io::Force(engine) => {
                Choice { engine, advice: Advice::Normal, reason: "it was asked for".to_owned() }
            }
        }
    }
}

/// How a pass is to be run.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    memory: usize,
    threads: usize,
    io: Io,
    observer: Option<&'a dyn Observer>,
}

/// The least memory that a pass can be given: buffers below a page make no sense.
const LEAST: usize = 4096;

impl Default for Run<'_> {
    /// 32 MiB, as many threads as the process may use processors, nobody watching.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Run { memory: 32 << 20, threads, io: Io::Auto, observer: None }
    }
}

impl<'a> Run<'a> {
    /// Buffers of all kinds together stay below `bytes` (4 KiB at least).
    #[must_use]
    pub fn memory(self, bytes: usize) -> Self {
        Run { memory: bytes.max(LEAST), ..self }
    }

    /// At most so many threads (one at least). Small passes use one whatever is allowed.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Run { threads: threads.max(1), ..self }
    }

    /// Which way files are read.
    #[must_use]
    pub fn io(self, io: Io) -> Self {
        Run { io, ..self }
    }

    pub(crate) fn most_threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn way(&self) -> Io {
        self.io
    }

    /// Tells `observer` how far it is, and stops when it says so.
    #[must_use]
    pub fn observe(self, observer: &'a dyn Observer) -> Self {
        Run { observer: Some(observer), ..self }
    }

    pub(crate) fn budget(&self) -> usize {
        self.memory
    }

    /// The same run with `memory` for reading boxes of so many bytes. A box must fit whatever the memory, and
    /// other threads are worth starting only where theirs fit too.
    pub(crate) fn for_boxes(&self, box_bytes: usize, memory: usize) -> Self {
        // What comes from a device begins and ends at places of its own.
        let least = 2 * box_bytes;
        let threads = memory.checked_div(least).unwrap_or(1).min(self.threads);
        self.memory(memory.max(least)).threads(threads)
    }

    /// Bytes of a box where a pass holds `buffers` boxes at once, and beside each `own` bytes at most, for
    /// items of `itemsize` bytes. With little memory what is beside them shrinks with the boxes.
    pub(crate) fn share(&self, buffers: usize, own: usize, itemsize: usize) -> Result<usize, EngineError> {
        let each = self.memory / buffers;
        let share = each.saturating_sub(own).max(each / 2);
        if itemsize > share {
            return Err(EngineError::Budget {
                what: "a pass that holds one item at a time",
                needed: 2 * (itemsize * buffers) as u64,
                budget: self.memory as u64,
                way: "give it more memory",
            });
        }
        Ok(share)
    }

    /// Whether the pass may go on: asked before every box.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub fn go_on(&self) -> Result<(), EngineError> {
        if self.observer.is_some_and(|o| o.cancelled()) { Err(EngineError::Cancelled) } else { Ok(()) }
    }

    /// Tells the observer that so many more bytes will be dealt with.
    pub(crate) fn expect(&self, bytes: usize) {
        if let Some(observer) = self.observer {
            observer.expect(bytes as u64);
        }
    }

    /// Tells the observer that so many more bytes have been dealt with.
    pub fn done(&self, bytes: usize) {
        if let Some(observer) = self.observer {
            observer.advance(bytes as u64);
        }
    }
}
