use std::{num::NonZero, path::Path, sync::Arc};

use ndfolio_layout::View;
use ndfolio_store::{AccessPlan, Advice, Choice, Evidence, File, IoEngine, MachineMemory, Spare, processors};

use crate::{EngineError, Report};

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

    /// So many more bytes of what was written are on stable storage.
    fn settled(&self, _bytes: u64) {}

    /// So many more bytes than were known before will be dealt with: another pass begins.
    fn expect(&self, _bytes: u64) {}

    /// Whether the pass should stop. It is asked before every box of items, and before every long read.
    fn cancelled(&self) -> bool {
        false
    }

    /// What a pass did, once it has come to its end. A call can be several passes.
    fn finished(&self, _report: &Report) {}
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

/// How a pass is to be run.
///
/// The default: as much memory as is fast, and less where the machine or the control group has little
/// ([`MachineMemory::default_budget`]); as many threads as the process may use processors; nobody watching.
#[derive(Clone, Copy, Default)]
pub struct Run<'a> {
    memory: Option<usize>,
    threads: Option<NonZero<usize>>,
    io: Io,
    observer: Option<&'a dyn Observer>,
    /// Bytes of the memory that are used for something else than the boxes of the pass.
    taken: usize,
    /// Bytes that the boxes get at least.
    least: usize,
    /// For how many threads there is memory, or a processor.
    fit: Option<NonZero<usize>>,
    /// Where files without a name are made.
    scratch: Option<&'a Path>,
    /// What passes leave to each other.
    spare: Option<&'a Spare>,
    /// What is known of the files, for passes that are about to begin.
    evidence: Option<&'a Evidence>,
}

/// The least memory that a pass can be given: buffers below a page make no sense.
const LEAST: usize = 4096;

impl<'a> From<&Run<'a>> for Run<'a> {
    fn from(run: &Run<'a>) -> Self {
        *run
    }
}

impl<'a> Run<'a> {
    /// Buffers of all kinds together stay below `bytes` (4 KiB at least).
    ///
    /// More than the machine or the control group has left is not used: the process would be killed. The
    /// report says so then.
    #[must_use]
    pub fn memory(self, bytes: usize) -> Self {
        Run { memory: Some(bytes.max(LEAST)), ..self }
    }

    /// At most so many threads (one at least). Small passes use one whatever is allowed.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Run { threads: Some(NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN)), ..self }
    }

    /// The same run for somebody who runs several passes side by side: one thread computes. How many wait for a device
    /// stays as it is.
    #[must_use]
    pub fn side_by_side(self) -> Self {
        Run { fit: Some(NonZero::<usize>::MIN), ..self }
    }

    /// Which way files are read.
    #[must_use]
    pub fn io(self, io: Io) -> Self {
        Run { io, ..self }
    }

    /// In which folder results that fit no memory and are needed again are kept, in files without a name; the
    /// current one if none is given.
    #[must_use]
    pub fn scratch(self, folder: &'a Path) -> Self {
        Run { scratch: Some(folder), ..self }
    }

    /// With queues and buffers that gathers before this one have left, for many small ones.
    #[must_use]
    pub fn spare(self, spare: &'a Spare) -> Self {
        Run { spare: Some(spare), ..self }
    }

    pub(crate) fn spare_or<'s>(&self, other: &'s Spare) -> &'s Spare
    where
        'a: 's,
    {
        self.spare.unwrap_or(other)
    }

    pub(crate) fn scratch_folder(&self) -> &'a Path {
        self.scratch.unwrap_or(Path::new("."))
    }

    pub(crate) fn most_threads(&self) -> usize {
        let all = self.threads.unwrap_or_else(processors);
        self.fit.map_or(all, |fit| fit.min(all)).get()
    }

    /// How many threads may wait for a device: `usual`, unless somebody said how many there are at most.
    pub(crate) fn waiting_threads(&self, usual: usize) -> usize {
        self.threads.map_or(usual, NonZero::get)
    }

    pub(crate) fn way(&self) -> Io {
        self.io
    }

    /// With what is found out about files until a pass has come to its end, so that all who choose for it look once.
    pub(crate) fn evidence(self, evidence: &'a Evidence) -> Self {
        Run { evidence: Some(evidence), ..self }
    }

    /// Which engine a pass over a file is read with.
    pub(crate) fn choose(&self, file: &File, plan: &AccessPlan) -> Choice {
        match (self.io, self.evidence) {
            (Io::Auto, Some(evidence)) => file.choose_by(plan, evidence),
            (Io::Auto, None) => file.choose(plan),
            (Io::Force(engine), _) => {
                Choice { engine, advice: Advice::Normal, reason: "it was asked for".to_owned() }
            }
        }
    }

    /// Tells `observer` how far it is, and stops when it says so.
    #[must_use]
    pub fn observe(self, observer: &'a dyn Observer) -> Self {
        Run { observer: Some(observer), ..self }
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// The same run, with half as much memory again if nobody said how much: for passes that read several files and
    /// write one.
    pub(crate) fn roomy(&self) -> Self {
        let usual = || usize::try_from(MachineMemory::known().default_budget()).unwrap_or(usize::MAX);
        Run { memory: Some(self.memory.unwrap_or_else(|| usual() / 2 * 3)), ..*self }
    }

    /// The same run with four times as much memory if nobody said how much: the fewer parts there are of what fits no
    /// memory, the longer each is.
    pub(crate) fn ample(&self) -> Self {
        let ample = || {
            let machine = MachineMemory::known();
            let ample = machine.default_budget().saturating_mul(4);
            usize::try_from(machine.most().map_or(ample, |most| most.min(ample))).unwrap_or(usize::MAX)
        };
        Run { memory: Some(self.memory.unwrap_or_else(ample)), ..*self }
    }

    /// The memory that a pass is given.
    pub(crate) fn budget(&self) -> usize {
        self.budget_of(MachineMemory::known())
    }

    fn budget_of(&self, machine: &MachineMemory) -> usize {
        let usual = machine.default_budget();
        let bytes = match self.memory {
            None => usual,
            // Nobody is killed for a small amount, and it need not be looked up.
            Some(bytes) if bytes as u64 <= usual => return bytes,
            Some(bytes) => machine.most().map_or(bytes as u64, |most| most.max(usual).min(bytes as u64)),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// What the user should know of the memory that the pass is given.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.note_of(MachineMemory::known()).into_iter().collect()
    }

    fn note_of(&self, machine: &MachineMemory) -> Option<String> {
        let asked = self.memory?;
        let given = self.budget_of(machine);
        if given >= asked {
            return None;
        }
        let why = match &machine.group {
            Some(group) => format!(
                "the control group {} may use {} bytes, and {} of them are left",
                group.path.display(),
                group.limit,
                group.free
            ),
            None => format!("the machine has {} bytes left", machine.available.unwrap_or(0)),
        };
        Some(format!(
            "{asked} bytes of memory were asked for; {why}, so {given} are used: the process would be killed for more"
        ))
    }

    /// The same run with `bytes` of its memory taken for something else than boxes.
    pub(crate) fn take(&self, bytes: usize) -> Self {
        Run { taken: self.taken.saturating_add(bytes), ..*self }
    }

    /// The same run for boxes of which each takes so many bytes in all. One must fit whatever the memory, and
    /// other threads are worth starting only where theirs fit too.
    pub(crate) fn for_boxes(&self, bytes: usize) -> Self {
        let run = Run { least: bytes, ..*self };
        Run { fit: run.memory_for_boxes().checked_div(bytes).and_then(NonZero::new), ..run }
    }

    /// The memory for the boxes of a pass.
    pub(crate) fn memory_for_boxes(&self) -> usize {
        self.budget().saturating_sub(self.taken).max(self.least)
    }

    /// Bytes of a box where a pass holds `buffers` boxes at once, and beside each `own` bytes at most, for
    /// items of `itemsize` bytes. With little memory what is beside them shrinks with the boxes.
    pub(crate) fn share(&self, buffers: usize, own: usize, itemsize: usize) -> Result<usize, EngineError> {
        let budget = self.budget();
        let each = budget / buffers;
        let share = each.saturating_sub(own).max(each / 2);
        if itemsize > share {
            return Err(EngineError::Budget {
                what: "a pass that holds one item at a time",
                needed: 2 * (itemsize * buffers) as u64,
                budget: budget as u64,
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

    /// Tells the observer that so many more bytes are on stable storage.
    pub(crate) fn settled(&self, bytes: u64) {
        if let Some(observer) = self.observer {
            observer.settled(bytes);
        }
    }

    /// The end of a pass, after which the page cache may hold other parts of the files. Tells the observer what it did.
    pub(crate) fn finished(&self, report: &Report) {
        if let Some(observer) = self.observer {
            observer.finished(report);
        }
        if let Some(evidence) = self.evidence {
            evidence.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use ndfolio_store::GroupLimit;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn machine(limit: u64, free: u64) -> MachineMemory {
        let mut machine = MachineMemory::default();
        machine.total = Some(8 << 30);
        machine.available = Some(4 << 30);
        machine.group = Some(GroupLimit { path: "/groups/a".into(), limit, free });
        machine
    }

    #[test]
    fn more_than_the_group_has_is_not_used() {
        let machine = machine(256 * MIB, 200 * MIB);
        let run = Run::default();
        assert_eq!(run.budget_of(&machine) as u64, 32 * MIB);
        assert_eq!(run.note_of(&machine), None);
        let small = run.memory(8 << 20);
        assert_eq!((small.budget_of(&machine), small.note_of(&machine)), (8 << 20, None));
        let forced = run.memory(1 << 30);
        assert_eq!(forced.budget_of(&machine) as u64, 150 * MIB);
        let note = forced.note_of(&machine).unwrap();
        assert!(note.contains("/groups/a") && note.contains("157286400"), "{note}");
        assert_eq!(run.memory(100 << 20).note_of(&machine), None);
    }

    #[test]
    fn where_nothing_is_known_the_word_of_the_user_counts() {
        let run = Run::default().memory(1 << 40);
        assert_eq!(run.budget_of(&MachineMemory::default()), 1 << 40);
        assert_eq!(run.note_of(&MachineMemory::default()), None);
        // A group that is full still gets what a pass cannot do without.
        assert_eq!(run.budget_of(&machine(16 * MIB, 0)) as u64, MIB);
    }
}
